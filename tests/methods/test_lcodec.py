"""L-CODEC: curvature, solve, noisy passes and the step on the selected slices, beside plain statements of them."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from cu_core.catalogue.spec_parts import ModelSpec
from cu_core.learning.build import build_model
from cu_core.methods.curvature import Secant, gradient, secant, solve
from cu_core.methods.foci import select
from cu_core.methods.lcodec import LcodecParams, noisy_passes, promised_noise, slices, unlearn
from tests.methods.small import context_of


def test_solve_is_that_of_the_dense_matrix() -> None:
    rng = np.random.default_rng(0)
    u, v, r = rng.normal(size=(3, 7))
    dense = 0.3 * np.eye(7) + 2.0 * np.outer(u, u) - 0.01 * np.outer(v, v)
    found = solve(0.3, [(2.0, torch.tensor(u)), (-0.01, torch.tensor(v))], torch.tensor(r))
    np.testing.assert_allclose(found.numpy(), np.linalg.solve(dense, r), rtol=1e-9)


def test_solve_leaves_out_what_would_turn_the_step_round() -> None:
    u, v, r = torch.eye(3, dtype=torch.float64)[:2].tolist() + [[1.0, 1.0, 1.0]]
    u, v, r = (torch.tensor(x, dtype=torch.float64) for x in (u, v, r))
    found = solve(0.5, [(1.5, u), (-0.6, v)], r)  # 0.5 - 0.6 < 0 along v
    assert found.tolist() == pytest.approx([1 / 2.0, 1 / 0.5, 1 / 0.5])


def test_secant_is_curvature_times_the_step() -> None:
    """For a small step Δg = H Δθ, with H by finite differences of the loss itself, in float64."""
    context = context_of(forget=6, retain=12)
    bend = torch.nn.Softplus()
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, 5), bend, torch.nn.Linear(5, 3)).double()
    context.model = model
    x, y, _ = context.forget.take(context.forget.indices)
    x = x.double()
    batches = [(x[:4], y[:4]), (x[4:], y[4:])]
    before = gradient(context, batches)
    whole = torch.autograd.grad(F.cross_entropy(model(x), y), list(model.parameters()))
    for found, wanted in zip(before.values(), whole, strict=True):
        torch.testing.assert_close(found, wanted)
    state = copy.deepcopy(model.state_dict())
    found = secant(context, batches, before, 1e-4)
    assert all(torch.equal(model.state_dict()[name], value) for name, value in state.items()), "must be left as it was"

    def loss(first: float, second: float, name: str) -> float:
        """Loss after a share of the step and a nudge of one weight."""
        moved = {n: p + first * found.move[n] for n, p in model.named_parameters()}
        moved[name] = moved[name].clone()
        moved[name].view(-1)[1] += second
        with torch.no_grad():
            return float(F.cross_entropy(torch.func.functional_call(model, moved, (x,)), y))

    h = 1e-4
    for name in ("1.weight", "1.bias", "3.weight"):
        assert torch.equal(found.move[name], -1e-4 * before[name])
        slope = {a: (loss(a, h, name) - loss(a, -h, name)) / (2 * h) for a in (0.0, 1.0)}
        assert float(found.change[name].view(-1)[1]) == pytest.approx(slope[1.0] - slope[0.0], rel=0.02, abs=1e-10)


def test_noisy_passes_hear_every_unit() -> None:
    context, mirror = context_of(), context_of()
    context.model = build_model(ModelSpec(backbone="tiny-cnn"), 1, 8, 3, seed=0, objective="supervised").eval()
    model = copy.deepcopy(context.model)
    x, y = torch.randn(5, 1, 8, 8), torch.tensor([0, 1, 2, 0, 1])
    units, losses, activations = noisy_passes(context, (x, y), 3, 0.5)
    layers = [name for name, m in model.named_modules() if isinstance(m, torch.nn.Conv2d | torch.nn.Linear)]
    assert units == [(n, c) for n in layers for c in range(len(model.get_submodule(n).weight))]
    for row in range(3):
        noisy = x + 0.5 * torch.randn(x.shape, generator=mirror.generator)
        with torch.no_grad():
            first = F.conv2d(noisy, model.trunk.layers[0].weight, padding=1)
            logits = model(noisy)
        wanted = first.numpy().mean((0, 2, 3))
        assert activations[row, :32].numpy() == pytest.approx(wanted, abs=1e-5)
        assert activations[row, -3:].numpy() == pytest.approx(logits.numpy().mean(0), abs=1e-5)
        assert float(losses[row]) == pytest.approx(float(F.cross_entropy(logits, y)), rel=1e-5)
    assert not any(m._forward_hooks for m in context.model.modules())


def test_noise_of_the_promise() -> None:
    assert promised_noise(1, 50_000, 0.01, 0.1, 0.01) == pytest.approx(6.2e-3, rel=0.01)
    assert promised_noise(1, 50_000, 0.001, 0.1, 0.01) == pytest.approx(6.2, rel=0.01)
    assert promised_noise(8, 50_000, 0.01, 0.1, 0.01) == pytest.approx(64 * 6.215e-3, rel=0.01)


@pytest.mark.parametrize("variant", ["paper", "released"])
def test_step_is_newtons_on_the_selected_slices(variant: str) -> None:
    """One batch: selection, gradients and the dense matrix are stated here once more."""
    params = LcodecParams(
        batch_size=16,
        noise_samples=12,
        curvature_samples=30,
        max_noise=0.003,
        curvature_lr=0.5,
        damping=0.1,
        scaling=variant,
        own_curvature=variant,
    )
    context, mirror = (context_of(forget=10, retain=20, batch_norm=True) for _ in range(2))
    model = mirror.model.eval()
    before = copy.deepcopy(model.state_dict())
    (told,) = unlearn(context, params)

    def slopes(x: torch.Tensor, y: torch.Tensor) -> dict[str, torch.Tensor]:
        loss = F.cross_entropy(model(x), y)
        names = [name for name, _ in model.named_parameters()]
        return dict(zip(names, torch.autograd.grad(loss, list(model.parameters())), strict=True))

    def bend(x: torch.Tensor, y: torch.Tensor) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
        first = slopes(x, y)
        with torch.no_grad():
            for name, p in model.named_parameters():
                p -= 0.5 * first[name]
        second = slopes(x, y)
        model.load_state_dict(before)
        return {n: second[n] - first[n] for n in first}, {n: -0.5 * first[n] for n in first}

    everything = [split.sample(k)[:2] for split, k in ((mirror.forget, 10), (mirror.retain, 20))]
    x, y = (torch.cat(parts) for parts in zip(*everything, strict=True))
    change, move = bend(x, y)
    ((x, y, _),) = mirror.forget.epoch(16)
    units, losses, activations = noisy_passes(mirror, (x, y), 12, 0.1)
    chosen = [units[j] for j in select(losses, activations, scaled=variant == "paper")]
    own_change, own_move = bend(x, y)
    masks = {name: torch.zeros_like(p, dtype=torch.bool) for name, p in model.named_parameters()}
    rows = []
    for module, channel in chosen:
        for kind in ("weight", "bias"):
            name = f"{module}.{kind}"
            masks[name][channel] = True
            rows.append((name, channel))

    def flat(named: dict[str, torch.Tensor]) -> np.ndarray:
        return np.concatenate([named[name][row].detach().double().numpy().ravel() for name, row in rows])

    full = np.outer(flat(change), flat(change)) / np.abs(flat(move)).sum()
    single = np.outer(flat(own_change), flat(own_change)) / np.abs(flat(own_move)).sum()
    if variant == "released":
        # The code takes the gradient before the step for the one behind it as well: their difference is 0.
        single = np.zeros_like(single)
    hessian = (30 * full - 10 * single) / 20 + 0.1 * np.eye(len(full))
    assert np.linalg.eigvalsh(hessian).min() > 0, "else a term is left out"
    step = 10 / 20 * np.linalg.solve(hessian, flat(slopes(x, y)))
    moved = step + 0.003 * torch.randn(len(step), generator=mirror.generator).numpy()

    after = dict(context.model.named_parameters())
    found = flat(after) - flat(dict(model.named_parameters()))
    np.testing.assert_allclose(found, moved, rtol=1e-2, atol=2e-4)
    assert told["units"] == len(chosen) and told["noise"] == 0.003
    assert told["step"] == pytest.approx(np.linalg.norm(step), rel=1e-2)
    for name, mask in masks.items():
        assert torch.equal(after[name][~mask], before[name][~mask]), "other weights stay"
    for name, value in context.model.named_buffers():
        assert torch.equal(value, before[name]), "batch norm keeps its statistics"


def test_slices_skip_absent_biases() -> None:
    model = build_model(ModelSpec(backbone="tiny-cnn"), 1, 8, 3, seed=0, objective="supervised")
    found = slices(model, [("trunk.layers.0", 4), ("head", 2)])
    assert found == [("trunk.layers.0.weight", 4), ("head.weight", 2), ("head.bias", 2)]


def test_secant_is_stored() -> None:
    one, other = Secant(), Secant()
    one.change, one.move = {"w": torch.ones(2)}, {"w": torch.zeros(2)}
    other.load_state_dict(one.state_dict())
    assert torch.equal(other.change["w"], torch.ones(2)) and torch.equal(other.move["w"], torch.zeros(2))
