"""Airbench networks and ResNet-9: whitening by another formula, whose images it comes from, and who keeps it."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from cu_core.catalogue.spec_parts import ModelSpec, TrainSpec
from cu_core.data.batches import ImageSource, Split
from cu_core.learning.backbones.airbench import WHITENING_EPSILON, Airbench, PatchWhitening, ShiftNorm, whitening
from cu_core.learning.build import build_model
from cu_core.learning.device import choose_precision
from cu_core.learning.network import Network
from cu_core.learning.network_blocks import blocks
from cu_core.learning.shards import ShardPlan
from cu_core.learning.training import Training, train
from cu_core.learning.weights import load_weights, portable

CPU = torch.device("cpu")
FULL = choose_precision("fp32", CPU)
SPEC = TrainSpec(epochs=1, batch_size=16, lr=0.05)


def colour(n: int = 60, size: int = 12, seed: int = 0) -> Split:
    """Smooth colour images: neighbours and channels are alike, as in photographs."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (n, 3, size // 4, size // 4))
    smooth = coarse.repeat(4, 2).repeat(4, 3) * 0.7 + coarse.mean(1, keepdims=True).repeat(4, 2).repeat(4, 3) * 0.3
    images = np.clip(smooth + rng.normal(0, 12, smooth.shape), 0, 255).astype(np.uint8)
    source = ImageSource(images, np.arange(n) % 3, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25), CPU)
    return Split(source, np.arange(n), torch.Generator())


def network(objective: str = "supervised", head: str = "plain", seed: int = 0) -> Network:
    spec = ModelSpec("airbench-s", head=head, embedding_dim=8)
    return FULL.place(build_model(spec, 3, 12, 3, seed, objective), CPU)


def layer(model: nn.Module) -> PatchWhitening:
    assert isinstance(model.trunk, Airbench)
    return model.trunk.whiten


def patches(images: torch.Tensor) -> np.ndarray:
    """All 2×2 patches, one a row: channel, then row, then column."""
    x = images.numpy().astype(np.float64)
    h, w = x.shape[2] - 1, x.shape[3] - 1
    parts = [x[:, c, i : i + h, j : j + w].ravel() for c in range(x.shape[1]) for i in (0, 1) for j in (0, 1)]
    return np.stack(parts, 1)


@pytest.mark.parametrize("channels", [1, 3])
def test_whitened_patches_are_uncorrelated_and_of_unit_variance(channels: int) -> None:
    split = colour()
    images = split.source.take(split.indices)[0][:, :channels]
    rows = whitening(images.split(25)).double().numpy()
    found = patches(images)
    covariance = np.cov(found, rowvar=False, bias=True)
    # W C W' is diagonal with entries λ / (λ + ε), by the eigenvalues of another library.
    values = np.linalg.eigvalsh(covariance)
    white = np.cov(found @ rows.T, rowvar=False, bias=True)
    np.testing.assert_allclose(white, np.diag(values / (values + WHITENING_EPSILON)), atol=2e-3)
    np.testing.assert_allclose(white, np.eye(len(white)), atol=0.05)


def test_the_layer_applies_the_rows_and_their_negatives() -> None:
    split = colour()
    images = split.source.take(split.indices)[0]
    whiten = PatchWhitening(3)
    whiten.learn([images])
    with torch.no_grad():
        out = whiten(images[:2])
    assert out.shape == (2, 24, 11, 11)
    wanted = patches(images[:2]) @ whitening([images]).double().numpy().T
    np.testing.assert_allclose(out[:, :12].permute(0, 2, 3, 1).reshape(-1, 12).numpy(), wanted, atol=1e-4)
    torch.testing.assert_close(out[:, 12:], -out[:, :12])


def test_images_that_never_vary_do_not_blow_up() -> None:
    assert whitening([torch.ones(4, 1, 8, 8)]).abs().max() <= WHITENING_EPSILON**-0.5 + 1e-3


def test_only_the_bias_of_the_whitening_is_a_parameter() -> None:
    model = network()
    names = [name for name, _ in model.named_parameters()]
    assert "trunk.whiten.bias" in names and "trunk.whiten.weight" not in names
    assert not any(isinstance(m, ShiftNorm) and "weight" in dict(m.named_parameters()) for m in model.modules())
    before = layer(model).weight.clone()
    train_(model, colour(), dataclasses.replace(SPEC, epochs=2))
    after = layer(model).weight.clone()
    assert not torch.equal(before, after), "the training begins with whitening"
    train_(model, colour(), dataclasses.replace(SPEC, epochs=2, weight_decay=0.5))
    assert torch.equal(layer(model).weight, after), "neither steps nor weight decay move it"


def train_(model: Network, split: Split, spec: TrainSpec = SPEC, seed: int = 0) -> Network:
    train(model, split, spec, seed=seed, device=CPU, precision=FULL, checkpoint=None, on_epoch=lambda report: None)
    return model


@pytest.mark.parametrize("objective", ["supervised", "moco", "simclr", "byol"])
def test_the_whitening_is_that_of_the_images_trained_on(objective: str) -> None:
    split = colour(60)
    part = split.part(split.indices[:30])
    model = train_(network(objective, "projected"), part, dataclasses.replace(SPEC, objective=objective, queue=20))
    images = split.source.take(split.indices)[0]
    found = layer(model).weight[:12].reshape(12, 12)
    # The order in which images are summed rounds differently.
    torch.testing.assert_close(found, whitening([images[:30]]), atol=1e-3, rtol=1e-3)
    assert not torch.allclose(found, whitening([images]), atol=1e-2)


def test_slow_copies_begin_with_the_whitening() -> None:
    split = colour()
    model = network("moco", "projected")
    training = Training(model, split, dataclasses.replace(SPEC, objective="moco", queue=20), 0, FULL)
    slow = training.objective.state_dict()
    assert any(
        isinstance(v, torch.Tensor) and v.shape == (24, 3, 2, 2) and torch.equal(v, layer(model).weight)
        for part in slow.values() if isinstance(part, dict) for v in part.values()
    )  # fmt: skip


def test_who_has_learned_keeps_the_whitening() -> None:
    model = train_(network(), colour())
    kept = layer(model).weight.clone()
    train_(copy.deepcopy(model), colour(seed=1))
    for again in (model, network(seed=3)):
        load_weights(again, portable(model))
        train_(again, colour(seed=1))
        assert torch.equal(layer(again).weight, kept)
    assert not torch.equal(layer(train_(network(), colour(seed=1))).weight, kept)


def test_a_shard_learns_the_whitening_of_its_first_stage() -> None:
    spec = dataclasses.replace(SPEC, epochs=4, shards=2, slices=2)
    split = colour()
    plan = ShardPlan.of(spec, len(split), 0)
    member = network()
    plan.train_stage(member, split.source, split.indices.numpy(), 1, 0, precision=FULL)
    first = layer(member).weight.clone()
    images = split.source.take(torch.from_numpy(plan.samples(split.indices.numpy(), 1, 0)))[0]
    torch.testing.assert_close(first[:12].reshape(12, 12), whitening([images]), atol=1e-3, rtol=1e-3)
    plan.train_stage(member, split.source, split.indices.numpy(), 1, 1, precision=FULL)
    assert torch.equal(layer(member).weight, first)


def test_preparing_draws_nothing_from_others() -> None:
    split = colour()
    torch.manual_seed(5)
    before = torch.get_rng_state()
    Training(network(), split, SPEC, 0, FULL)
    assert torch.equal(torch.get_rng_state(), before)


def test_convolutions_begin_as_the_identity() -> None:
    trunk = network().trunk
    first, second = [m for m in trunk.layers if isinstance(m, nn.Conv2d)][:2]
    x = torch.randn(2, 24, 6, 6)
    torch.testing.assert_close(first(x)[:, :24], x)
    y = torch.randn(2, 32, 6, 6)
    torch.testing.assert_close(second(y), y)


def test_the_last_layer_reads_the_features_divided_by_nine() -> None:
    model = network().eval()
    images = torch.randn(3, 3, 12, 12)
    with torch.no_grad():
        out = model.outputs(images)
        features = model.trunk.layers(model.trunk.whiten(images)).amax((2, 3)) / 9
        torch.testing.assert_close(out.embedding, features)
        torch.testing.assert_close(out.logits, features @ model.head.weight.T + model.head.bias)


def test_the_groups_at_32_pixels() -> None:
    trunk = build_model(ModelSpec("airbench-l", head="plain"), 3, 32, 10, 0).trunk
    sides: list[int] = []
    for module in trunk.layers:
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(lambda m, i, o: sides.append(o.shape[-1]))
    trunk(torch.randn(2, 3, 32, 32))
    assert sides == [31, 15, 15, 7, 7, 3]
    assert [m.out_channels for m in trunk.layers if isinstance(m, nn.Conv2d)] == [64, 64, 256, 256, 256, 256]


def test_blocks_of_the_networks() -> None:
    assert [block[0] for block in blocks(network())] == [
        "trunk.whiten", "trunk.layers.1", "trunk.layers.5", "trunk.layers.8", "trunk.layers.12", "trunk.layers.15",
        "trunk.layers.19", "head",
    ]  # fmt: skip
    nine = build_model(ModelSpec("resnet9", head="plain"), 3, 32, 10, 0)
    names = [block[0] for block in blocks(nine)]
    assert len(names) == 7, "four convolutions, two residual pairs, the head"


def test_gradients_of_gradients_reach_every_parameter() -> None:
    model = network(head="projected").train()
    images = torch.randn(4, 3, 12, 12, requires_grad=True)
    (slope,) = torch.autograd.grad(model(images).logsumexp(1).sum(), images, create_graph=True)
    slope.square().sum().backward()
    missing = [name for name, p in model.named_parameters() if p.grad is None]
    assert missing == []
