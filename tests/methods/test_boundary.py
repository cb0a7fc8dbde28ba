"""Boundary Shrink and Expanding: the attack, the labels, the steps, and what must not change."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cu_core.base.errors import Incompatible
from cu_core.catalogue import compatibility
from cu_core.catalogue.spec import spec_from_json
from cu_core.data.batches import ImageSource
from cu_core.methods import boundary_expanding, boundary_shrink
from cu_core.methods.boundary_expanding import BoundaryExpandingParams
from cu_core.methods.boundary_shrink import BoundaryShrinkParams, attacked, nearest_other_class
from tests.methods.small import context_of

MEAN, STD = (0.4, 0.6), (0.2, 0.5)


def colours() -> ImageSource:
    images = np.random.default_rng(0).integers(0, 256, (5, 2, 3, 3)).astype(np.uint8)
    images[0, 0] = 250  # a step upwards leaves the range of pixels
    return ImageSource(images, np.array([0, 1, 2, 0, 1]), MEAN, STD, torch.device("cpu"))


def slopes(weight: np.ndarray, bias: np.ndarray, z: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Gradient of each sample's cross-entropy behind one linear layer, in closed form: Wᵀ(p - 1_y)."""
    logits = z @ weight.T + bias
    p = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    return (p - np.eye(len(bias))[y]) @ weight


@pytest.mark.parametrize("whole_levels", [False, True])
@pytest.mark.parametrize(("step", "steps"), [(0.12, 1), (0.04, 4)], ids=["fgsm", "pgd"])
def test_attack_walks_in_pixel_space(step: float, steps: int, whole_levels: bool) -> None:
    torch.manual_seed(0)
    source = colours()
    model = nn.Sequential(nn.Flatten(), nn.Linear(18, 3)).requires_grad_(False)
    x, y = source.take(torch.arange(5))
    found = attacked(model, x, y, source, 0.12, step, steps, whole_levels=whole_levels).numpy()

    weight, bias = (p.numpy().astype(np.float64) for p in model.parameters())
    mean, std = (np.array(v)[:, None, None] for v in (MEAN, STD))
    clean = source._streamed / 255.0
    pixels = clean
    for _ in range(steps):
        slope = slopes(weight, bias, ((pixels - mean) / std).reshape(5, -1), y.numpy()).reshape(clean.shape)
        pixels = np.clip(np.clip(pixels + step * np.sign(slope), clean - 0.12, clean + 0.12), 0, 1)
        # 0.12 and 0.04 are 30.6 and 10.2 levels: nothing lies halfway between two.
        pixels = np.round(pixels * 255) / 255 if whole_levels else pixels
    np.testing.assert_allclose(found, (pixels - mean) / std, atol=1e-5)
    assert pixels.max() == 1.0, "this case should meet the end of the range"


def test_nearest_other_class_is_never_the_true_one() -> None:
    logits = torch.tensor([[9.0, 1.0, 2.0], [0.0, 5.0, 4.0], [3.0, 1.0, 2.0]])
    assert nearest_other_class(logits, torch.tensor([0, 1, 2])).tolist() == [2, 2, 0]


@pytest.mark.parametrize("neighbour", ["paper", "released"])
def test_shrink_steps_on_clean_images_towards_the_neighbours_of_the_base_model(neighbour: str) -> None:
    """Two rounds that go on from a model which is not the base model any more."""
    context, mirror = (context_of(forget=8, retain=16, task="class", rounds=2) for _ in range(2))
    model, base = copy.deepcopy(context.model), context.fresh(12)
    context.saved = {"base": base.state_dict()}
    # 51 levels: no pixel lies halfway between two.
    params = BoundaryShrinkParams(lr=0.5, momentum=0.0, batch_size=8, bound=0.2, neighbour=neighbour)
    told = list(boundary_shrink.unlearn(context, params))
    source = mirror.forget.source
    for numbers in told:
        ((x, y, _),) = mirror.forget.epoch(8)
        points = x.clone().requires_grad_()
        F.cross_entropy(base(points), y).backward()
        low, high = (0 - source.mean) / source.std, (1 - source.mean) / source.std
        moved = torch.minimum(torch.maximum(x + 0.2 / source.std * points.grad.sign(), low), high)
        ranked = base(moved).argsort(dim=1, descending=True)
        stays = ranked[:, 0] == y
        assert 0 < stays.sum() < len(y), "this case should meet both"
        target = ranked[:, 0] if neighbour == "released" else torch.where(stays, ranked[:, 1], ranked[:, 0])
        loss = F.cross_entropy(model(x), target)
        gradients = torch.autograd.grad(loss, list(model.parameters()))
        with torch.no_grad():
            for p, g in zip(model.parameters(), gradients, strict=True):
                p -= 0.5 * g
        assert numbers["loss"] == pytest.approx(float(loss.detach()), rel=1e-4)
        assert numbers["crossed"] == pytest.approx(float((ranked[:, 0] != y).float().mean()))
    for ours, theirs in zip(context.model.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    assert context.retain.images_drawn == 0


def test_shrink_leaves_the_base_model_alone() -> None:
    context = context_of(task="class", rounds=2, batch_norm=True)
    before = copy.deepcopy(context.model.state_dict())
    list(boundary_shrink.unlearn(context, BoundaryShrinkParams(lr=0.1)))
    kept = context.kept["base"].state_dict()
    assert all(torch.equal(kept[name], value) for name, value in before.items())


def test_expanding_steps_towards_a_class_of_its_own() -> None:
    """Beside plain gradient descent on a network whose last layer is written out as a matrix product."""
    context, mirror = (context_of(forget=8, retain=16, task="class", rounds=2) for _ in range(2))
    model = copy.deepcopy(context.model)
    row = nn.init.xavier_uniform_(torch.empty(4, 5), generator=mirror.generator)[3:]
    weight = torch.cat([model.head.weight.detach(), row]).requires_grad_()
    bias = torch.cat([model.head.bias.detach(), torch.zeros(1)]).requires_grad_()
    learned = [p for name, p in model.named_parameters() if not name.startswith("head.")] + [weight, bias]
    told = list(boundary_expanding.unlearn(context, BoundaryExpandingParams(lr=0.5, momentum=0.0, batch_size=8)))
    for numbers in told:
        ((x, _, _),) = mirror.forget.epoch(8)
        logits = torch.relu(model.outputs(x).embedding) @ weight.T + bias
        loss = -torch.log_softmax(logits, 1)[:, 3].mean()
        gradients = torch.autograd.grad(loss, learned)
        with torch.no_grad():
            for p, g in zip(learned, gradients, strict=True):
                p -= 0.5 * g
        assert numbers["loss"] == pytest.approx(float(loss.detach()), rel=1e-4)
        assert numbers["shadow"] == pytest.approx(float((logits.argmax(1) == 3).float().mean()))
    torch.testing.assert_close(context.model.head.weight, weight[:3], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(context.model.head.bias, bias[:3], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(context.model.trunk.state_dict(), model.trunk.state_dict(), rtol=1e-4, atol=1e-5)
    assert told[1]["loss"] < told[0]["loss"]


def test_expanding_gives_the_original_architecture_back_in_every_round() -> None:
    context = context_of(task="class", rounds=3, batch_norm=True)
    shapes = {name: value.shape for name, value in context.model.state_dict().items()}
    rows = [context.model.head.weight.detach().clone()]
    for _ in boundary_expanding.unlearn(context, BoundaryExpandingParams(lr=0.1)):
        assert {name: value.shape for name, value in context.model.state_dict().items()} == shapes
        assert context.model.head.out_features == context.model.num_classes == 3
        rows.append(context.model.head.weight.detach().clone())
    assert all(not torch.equal(a, b) for a, b in zip(rows, rows[1:], strict=False)), "the rows must be up to date"
    assert context.retain.images_drawn == 0


@pytest.mark.parametrize("method", ["boundary_shrink", "boundary_expanding"])
def test_samples_are_refused(method: str) -> None:
    spec = {"data": {"dataset": "digits"}, "forget": {"select": "random:40"}, "method": {"id": method}}
    with pytest.raises(Incompatible, match="defined for class forgetting"):
        compatibility.check(spec_from_json(spec))
