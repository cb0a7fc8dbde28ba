"""Fisher forgetting: the information, the variances and the noise, beside plain statements of them."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from cu_core.catalogue.spec_parts import ModelSpec
from cu_core.learning.build import build_model
from cu_core.methods import fisher as module
from cu_core.methods.fisher import FisherParams, diagonal_fisher, unlearn, variances
from tests.methods.small import context_of


def test_information_of_the_last_layer_has_a_closed_form() -> None:
    """For softmax regression it is the mean of p_c (1 - p_c) h_k²: a variance of the label, not a squared mean."""
    context = context_of(batch_norm=True)
    model = context.model.eval()
    x, _, _ = context.retain.take(context.retain.indices)
    found = diagonal_fisher(model, x.split(7))
    with torch.no_grad():
        outputs = model.outputs(x)
    p = outputs.logits.softmax(1).numpy()
    h = np.maximum(outputs.embedding.numpy(), 0)
    spread = p * (1 - p)
    assert found["head.weight"].numpy() == pytest.approx(np.einsum("nc,nk->ck", spread, h**2) / len(x), rel=1e-4)
    assert found["head.bias"].numpy() == pytest.approx(spread.mean(0), rel=1e-4)


def test_information_is_that_of_single_samples_and_classes() -> None:
    """On a convolutional network with batch norm, beside one backward pass per sample and class."""
    model = build_model(ModelSpec(backbone="tiny-cnn"), 1, 8, 3, seed=0, objective="supervised").eval()
    for layer in model.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.running_mean.uniform_(-0.5, 0.5)
    x = torch.randn(3, 1, 8, 8)
    statistics = copy.deepcopy(dict(model.named_buffers()))
    found = diagonal_fisher(model, [x[:2], x[2:]])
    wanted = {name: torch.zeros_like(p) for name, p in model.named_parameters()}
    for image in x:
        for label in range(3):
            model.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(image[None]), torch.tensor([label]))
            loss.backward()
            for name, p in model.named_parameters():
                wanted[name] += float(torch.exp(-loss.detach())) * p.grad**2 / 3
    for name, value in wanted.items():
        torch.testing.assert_close(found[name], value, rtol=1e-3, atol=1e-9)
    assert all(torch.equal(value, statistics[name]) for name, value in model.named_buffers())


def in_order(name: str, fisher: np.ndarray, alpha: float, forgotten: tuple[int, ...] = ()) -> np.ndarray:
    """The released code's rules one after the other: cap, α, mean, forgotten rows, and only then the factor of ten."""
    last = name.startswith("head")
    variance = alpha * np.minimum(1 / (fisher + 1e-8), 100 if last else 1000)
    if variance.ndim == 2:
        variance = np.repeat(variance.mean(1)[:, None], variance.shape[1], 1)
    for label in forgotten if last else ():
        variance[label] = 0.0001
    return variance * 10 if last or variance.ndim == 1 else variance


def test_variances_follow_the_rules_of_the_released_code() -> None:
    model = context_of(batch_norm=True).model
    rng = np.random.default_rng(0)
    fisher = {name: 10 ** rng.uniform(-5, 1, p.shape) for name, p in model.named_parameters()}
    found = variances(model, {name: torch.tensor(value) for name, value in fisher.items()}, alpha=2e-6)
    capped = 0
    for name, value in fisher.items():
        capped += int((1 / value > (100 if name.startswith("head") else 1000)).sum())
        np.testing.assert_allclose(found[name].numpy(), in_order(name, value, 2e-6), rtol=1e-6)
    assert capped > 10


@pytest.mark.parametrize("task", ["class", "sample"])
def test_noise_has_these_variances_and_forgotten_rows_start_anew(task: str) -> None:
    context, mirror = (context_of(forget=10, retain=20, task=task, batch_norm=True) for _ in range(2))
    before = copy.deepcopy(context.model)
    (told,) = unlearn(context, FisherParams(alpha=1e-4, samples=0))
    (images,) = [x for x, _, _ in mirror.retain.epoch(64)]
    fisher = diagonal_fisher(before.eval(), [images])
    forgotten = (0,) if task == "class" else ()
    squares, count = 0.0, 0
    for name, p in before.named_parameters():
        mean = p.detach().clone()
        variance = torch.from_numpy(in_order(name, fisher[name].numpy(), 1e-4, forgotten))
        if forgotten and name in ("head.weight", "head.bias"):
            mean[0] = 0
            assert variance[0].tolist() == pytest.approx([1e-3] * 5 if variance.ndim == 2 else 1e-3)
        noise = torch.randn(p.shape, generator=mirror.generator)
        torch.testing.assert_close(context.model.get_parameter(name), mean + variance.sqrt() * noise)
        squares, count = squares + float(variance.sum()), count + variance.numel()
    assert told["noise"] == pytest.approx((squares / count) ** 0.5, rel=1e-4)
    for name, value in context.model.named_buffers():
        assert torch.equal(value, before.get_buffer(name)), "batch norm keeps its statistics"
    assert context.forget.images_drawn == 0


def test_takes_as_many_samples_as_asked_and_as_memory_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    context = context_of(forget=10, retain=30)
    size = sum(p.numel() for p in context.model.parameters()) * 4 * 3
    monkeypatch.setattr(module, "GRADIENT_BYTES", 4.5 * size)
    batches: list[int] = []
    whole = module.diagonal_fisher
    monkeypatch.setattr(
        module, "diagonal_fisher", lambda model, given: whole(model, (batches.append(len(x)) or x for x in given))
    )
    (told,) = unlearn(context, FisherParams(samples=10))
    assert (batches, told["samples"]) == ([4, 4, 2], 10)


def test_is_done_after_its_only_round() -> None:
    context = context_of(rounds=3)
    context.first_round = 2
    assert list(unlearn(context, FisherParams())) == []
