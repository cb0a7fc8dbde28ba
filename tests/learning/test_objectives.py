"""MoCo, SimCLR and BYOL against the papers' formulas in NumPy, and what they remember between steps."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest
import torch

from cu_core.base.parameters import describe
from cu_core.catalogue.objective_record import OBJECTIVES, OWN_SETTINGS
from cu_core.catalogue.spec_parts import ModelSpec, TrainSpec
from cu_core.data.ssl_views import ssl_views
from cu_core.learning.build import build_model
from cu_core.learning.encoder import Encoder
from cu_core.learning.objectives.training_objective import make_objective

ENCODERS = [name for name, record in OBJECTIVES.items() if record.self_supervised]
N = 6


def encoder(name: str, seed: int = 0, head: str = "projected") -> Encoder:
    return build_model(ModelSpec(embedding_dim=8, head=head), 1, 8, 3, seed, name).train()


def images(n: int = N, seed: int = 1) -> torch.Tensor:
    return torch.randn(n, 1, 8, 8, generator=torch.Generator().manual_seed(seed))


def generator(seed: int = 2) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def loss_of(objective: Any, model: Encoder, x: torch.Tensor | None = None) -> torch.Tensor:
    x = images() if x is None else x
    return objective(model, x, torch.zeros(len(x), dtype=torch.int64), generator())


def embedded(model: Encoder, x: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Raw embeddings of the two views that a loss draws, each passed alone."""
    first, second = ssl_views(x, 2, generator())
    with torch.no_grad():
        return tuple(copy.deepcopy(model)(view).double().numpy() for view in (first, second))


def unit(x: np.ndarray) -> np.ndarray:
    return x / np.sqrt((x**2).sum(1, keepdims=True))


def info_nce(query: np.ndarray, key: np.ndarray, others: np.ndarray, temperature: float) -> np.ndarray:
    query, key, others = unit(query), unit(key), unit(others)
    losses = []
    for q, k in zip(query, key, strict=True):
        near = math.exp(q @ k / temperature)
        losses.append(-math.log(near / (near + sum(math.exp(q @ other / temperature) for other in others))))
    return np.array(losses)


def nt_xent(z: np.ndarray, temperature: float) -> float:
    """Of 2B rows whose partner is B rows away."""
    z, half = unit(z), len(z) // 2
    losses = []
    for i in range(len(z)):
        shares = {k: math.exp(z[i] @ z[k] / temperature) for k in range(len(z)) if k != i}
        losses.append(-math.log(shares[(i + half) % len(z)] / sum(shares.values())))
    return float(np.mean(losses))


@pytest.mark.parametrize(("given", "used"), [(0.0, 0.1), (0.7, 0.7)])
def test_moco_equals_the_formula(given: float, used: float) -> None:
    model = encoder("moco")
    objective = make_objective(TrainSpec(objective="moco", temperature=given, queue=16), model, 100)
    queue = objective.state_dict()["bank"].double().numpy()
    assert queue.shape == (16, 8)
    np.testing.assert_allclose((queue**2).sum(1), 1, rtol=1e-6)
    query, key = embedded(model, images())
    assert loss_of(objective, model).item() == pytest.approx(info_nce(query, key, queue, used).mean(), rel=1e-5)


@pytest.mark.parametrize(("given", "used"), [(0.0, 0.5), (0.2, 0.2)])
def test_simclr_equals_the_formula(given: float, used: float) -> None:
    model = encoder("simclr")
    objective = make_objective(TrainSpec(objective="simclr", temperature=given), model, 100)
    with torch.no_grad():
        z = copy.deepcopy(model)(torch.cat(ssl_views(images(), 2, generator()))).double().numpy()
    assert loss_of(objective, model).item() == pytest.approx(nt_xent(z, used), rel=1e-5)


def test_byol_equals_the_formula() -> None:
    model = encoder("byol")
    objective = make_objective(TrainSpec(objective="byol"), model, 100)
    first, second = ssl_views(images(), 2, generator())
    with torch.no_grad():
        online, target = copy.deepcopy(model), copy.deepcopy(model)
        predicted = unit(online.predictor(online(torch.cat([first, second]))).double().numpy())
        projected = unit(target(torch.cat([second, first])).double().numpy())
    wanted = np.mean(2 - 2 * (predicted * projected).sum(1))
    assert loss_of(objective, model).item() == pytest.approx(wanted, rel=1e-5)


def test_the_loss_of_single_samples_equals_the_formulas() -> None:
    rng = np.random.default_rng(0)
    first, second, others = (rng.normal(size=(n, 8)).astype(np.float32) for n in (5, 5, 20))
    parts = [torch.from_numpy(part) for part in (first, second, others)]

    def ours(name: str) -> np.ndarray:
        model = encoder(name).eval()
        return make_objective(TrainSpec(objective=name), model, 50).per_sample(model, *parts).detach().numpy()

    np.testing.assert_allclose(ours("moco"), info_nce(first, second, others, 0.1), rtol=1e-5)
    both = info_nce(first, second, others, 0.5) + info_nce(second, first, others, 0.5)
    np.testing.assert_allclose(ours("simclr"), both / 2, rtol=1e-5)
    with torch.no_grad():
        forth, back = (unit(encoder("byol").eval().predictor(part).numpy()) for part in parts[:2])
    cosines = (forth * unit(second)).sum(1) + (back * unit(first)).sum(1)
    np.testing.assert_allclose(ours("byol"), 2 - cosines, rtol=1e-4, atol=1e-5)


def test_many_samples_against_many_others_are_cut_into_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b, others = (torch.randn(n, 4, generator=generator(n)) for n in (9, 9, 7))
    objective, model = make_objective(TrainSpec(objective="moco"), encoder("moco"), 50), encoder("moco")
    whole = objective.per_sample(model, a, b, others)
    monkeypatch.setattr("cu_core.learning.objectives.contrast.MOST_SIMILARITIES", 15)
    torch.testing.assert_close(objective.per_sample(model, a, b, others), whole)


@pytest.mark.parametrize("name", ENCODERS)
def test_gradients_reach_the_network_and_nothing_else(name: str) -> None:
    model = encoder(name)
    objective = make_objective(TrainSpec(objective=name), model, 100)
    loss_of(objective, model).backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())
    slow = getattr(objective, "slow", None)
    assert slow is None or all(p.grad is None and not p.requires_grad for p in slow.network.parameters())


def test_byol_stops_the_gradient_at_the_target() -> None:
    """Its gradient is that of the loss whose targets are numbers."""
    model = encoder("byol")
    loss_of(make_objective(TrainSpec(objective="byol"), model, 100), model).backward()
    again = encoder("byol")
    first, second = ssl_views(images(), 2, generator())
    target = torch.nn.functional.normalize(encoder("byol")(torch.cat([second, first])), dim=1).detach()
    predicted = torch.nn.functional.normalize(again.predictor(again(torch.cat([first, second]))), dim=1)
    (2 - 2 * (predicted * target).sum(1)).mean().backward()
    for ours, theirs in zip(model.parameters(), again.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, atol=1e-5, rtol=1e-3)


def disturb(model: Encoder) -> list[torch.Tensor]:
    before = [p.detach().clone() for p in (*model.trunk.parameters(), *model.projector.parameters())]
    with torch.no_grad():
        for p in model.parameters():
            p.add_(1.0)
    return before


@pytest.mark.parametrize(
    ("name", "share", "stay"),
    [
        ("moco", 0.0, 0.9),
        ("moco", 1.0, 0.9),
        ("byol", 0.0, 0.9),
        ("byol", 0.5, 0.95),
        ("byol", 0.25, 1 - 0.1 * (math.cos(math.pi / 4) + 1) / 2),
        ("byol", 1.0, 1.0),
    ],
)
def test_the_slow_copy_follows(name: str, share: float, stay: float) -> None:
    model = encoder(name)
    objective = make_objective(TrainSpec(objective=name, key_momentum=0.9), model, 100)
    before = disturb(model)
    objective.after_step(model, share)
    for slow, old in zip(objective.slow.network.parameters(), before, strict=True):
        torch.testing.assert_close(slow, old + (1 - stay), atol=1e-5, rtol=1e-5)


def test_the_slow_copy_uses_the_layers_in_the_mode_of_the_network() -> None:
    model = encoder("moco")
    objective = make_objective(TrainSpec(objective="moco"), model, 100)
    frozen = model.trunk.layers[1].eval()
    loss_of(objective, model)
    slow = objective.slow.network.trunk.layers
    assert not slow[1].training and slow[5].training
    torch.testing.assert_close(slow[1].running_mean, frozen.running_mean)
    assert not torch.equal(slow[5].running_mean, torch.zeros_like(slow[5].running_mean))


def test_the_queue_takes_the_keys_and_is_no_longer_than_the_images() -> None:
    model = encoder("moco")
    objective = make_objective(TrainSpec(objective="moco", queue=4096), model, 20)
    start = objective.state_dict()["bank"]
    assert len(start) == 20
    _, key = embedded(model, images())
    loss_of(objective, model)
    state = objective.state_dict()
    np.testing.assert_allclose(state["bank"][:N].numpy(), unit(key), rtol=1e-4, atol=1e-5)
    assert torch.equal(state["bank"][N:], start[N:]) and state["place"] == N
    with torch.no_grad():
        loss_of(objective, model)
    assert objective.state_dict()["place"] == N, "evaluation must not write into the queue"


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("sizes", [[1, 1, 1], [2, 7, 16], [40, 3]])
def test_any_batch_size_gives_a_finite_loss(name: str, sizes: list[int]) -> None:
    model = encoder(name)
    objective = make_objective(TrainSpec(objective=name, queue=16), model, 16)
    for size in sizes:
        loss = loss_of(objective, model, images(size))
        loss.backward()
        assert loss.dtype == torch.float32 and math.isfinite(loss.item())
        objective.after_step(model, 0.5)


@pytest.mark.parametrize("name", ENCODERS)
def test_the_state_carries_all_memory(name: str) -> None:
    model = encoder(name)
    used = make_objective(TrainSpec(objective=name, queue=16), model, 100)
    disturb(model)
    loss_of(used, model)
    used.after_step(model)
    other = make_objective(TrainSpec(objective=name, queue=16), encoder(name, seed=9), 100)
    other.load_state_dict(copy.deepcopy(used.state_dict()))
    x = images(seed=5)
    mine, theirs = (loss_of(o, copy.deepcopy(model), x).item() for o in (used, other))
    assert mine == theirs


@pytest.mark.parametrize("name", ENCODERS)
def test_a_new_objective_is_the_same_in_every_process(name: str) -> None:
    def state(seed: int) -> dict[str, Any]:
        torch.manual_seed(seed)
        return make_objective(TrainSpec(objective=name, queue=16), encoder(name), 100).state_dict()

    first, second = state(1), state(2)
    assert str(first) == str(second)
    torch.manual_seed(3)
    wanted = torch.rand(1)
    torch.manual_seed(3)
    make_objective(TrainSpec(objective=name), encoder(name), 100)
    assert torch.rand(1) == wanted, "making an objective must not draw from the caller's random state"


@pytest.mark.parametrize("name", ENCODERS)
def test_losses_are_float32_under_mixed_precision(name: str) -> None:
    model = encoder(name)
    objective = make_objective(TrainSpec(objective=name), model, 100)
    full = loss_of(objective, model).item()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = loss_of(make_objective(TrainSpec(objective=name), encoder(name), 100), encoder(name))
    assert half.dtype == torch.float32
    assert half.item() == pytest.approx(full, abs=0.1) and half.item() != full


def test_a_plain_head_is_trained_on_the_features() -> None:
    model = encoder("moco", head="plain")
    objective = make_objective(TrainSpec(objective="moco", queue=16), model, 100)
    assert objective.state_dict()["bank"].shape == (16, model.width)
    assert math.isfinite(loss_of(objective, model).item())


def test_settings_and_costs_of_the_records() -> None:
    read = {name: {field for field in OWN_SETTINGS if record.reads(field)} for name, record in OBJECTIVES.items()}
    assert read == {
        "supervised": {"augment", "label_smoothing"},
        "moco": {"smallest_crop", "temperature", "queue", "key_momentum"},
        "simclr": {"smallest_crop", "temperature"},
        "byol": {"smallest_crop", "key_momentum"},
        "clip": {"augment"},
    }
    fields = {d.name for d in describe(TrainSpec)}
    assert set(OWN_SETTINGS) < fields and all(OBJECTIVES["moco"].reads(name) for name in fields - set(OWN_SETTINGS))


@pytest.mark.parametrize("name", ["moco", "simclr", "byol"])
def test_views_follow_the_smallest_crop(name: str) -> None:
    spec = TrainSpec(objective=name, smallest_crop=0.9)
    objective = make_objective(spec, encoder(name), 10)
    for drawn, expected in zip(
        objective.views(images(), 2, generator()), ssl_views(images(), 2, generator(), 0.9), strict=True
    ):
        assert torch.equal(drawn, expected)
    assert not torch.equal(drawn, ssl_views(images(), 2, generator())[1])


@pytest.mark.parametrize("name", ENCODERS)
def test_the_smallest_crop_reaches_the_loss(name: str) -> None:
    """Views of whole images differ by light alone."""

    def loss(share: float) -> float:
        model = encoder(name)
        spec = TrainSpec(objective=name, smallest_crop=share, queue=16)
        return loss_of(make_objective(spec, model, 100), model).item()

    assert loss(1.0) < loss(0.2)
