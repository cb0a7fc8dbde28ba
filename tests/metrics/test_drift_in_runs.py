"""What a real run records of boundaries and drift, told once more from its arrays."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.linalg import orthogonal_procrustes

from cu_core.base.home import Home
from cu_core.learning.weights import read_state_dict
from cu_core.metrics.drift.drift_measure import MEASURES
from cu_core.metrics.drift.seed_noise import noise_band
from cu_core.runstore.reader import RunView
from tests.real_runs import submit_changed, work_to_the_end

GROUPS = ("forget", "retain", "unseen")


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> RunView:
    home = Home(tmp_path_factory.mktemp("drift-runs") / "home").create()
    content = {
        "train": {"epochs": 4, "batch_size": 32, "lr": 0.1},
        "forget": {"select": "class:5"},
        "method": {"id": "contrastive"},
        "probe": {"size": 300, "tsne": False},
        "stop": {"max_rounds": 2, "rule": "none"},
        "audit": {"attacks": "none"},
        "reference": 2,
        "device": "cpu",
    }
    return work_to_the_end(home, submit_changed(home, content, {}))[0]


def full(view: RunView, number: int | None, name: str, seed: int = 0) -> np.ndarray:
    array = view.array(number, name) if number is not None else view.reference_array(seed, name)
    return np.asarray(array).astype(np.float64)


@pytest.mark.parametrize("moment", [0, 2, None])
def test_boundary_is_the_distance_that_the_recorded_head_gives(view: RunView, moment: int | None) -> None:
    manifest = view.manifest(moment) if moment is not None else view.reference_manifest(0)
    assert manifest["boundary"]["kind"] == "head" and manifest["boundary"]["reads"] == "relu"
    head, labels = full(view, moment, "head"), view.probe()["label"].to_numpy()
    points = np.maximum(full(view, moment, "embedding"), 0)
    logits = points @ head[:, :-1].T + head[:, -1]
    for row, (answers, label) in enumerate(zip(logits, labels, strict=True)):
        other = max((c for c in range(10) if c != label), key=lambda c: answers[c])
        expected = (answers[label] - answers[other]) / np.linalg.norm(head[label, :-1] - head[other, :-1])
        # Embeddings are stored in half precision.
        assert full(view, moment, "boundary")[row] == pytest.approx(expected, abs=5e-3)
    predicted = full(view, moment, "top3_class")[:, 0]
    assert ((full(view, moment, "boundary") > 0) == (predicted == labels)).all()


def test_the_last_rounds_head_is_that_of_the_final_weights(view: RunView) -> None:
    weights = read_state_dict(view.run_dir / "weights.pt")
    head = torch.cat([weights["head.weight"], weights["head.bias"][:, None]], 1).float().numpy()
    np.testing.assert_allclose(full(view, 2, "head"), head, rtol=1e-6)
    assert not np.allclose(full(view, 0, "head"), head), "each round has a head of its own"


def test_drift_of_a_round_is_that_of_its_arrays(view: RunView) -> None:
    group = view.probe()["group"].to_numpy()
    start, now, moved = (full(view, *which) for which in ((0, "embedding"), (2, "embedding"), (2, "moved_relative")))
    manifest = view.manifest(2)
    kept = start[group == "retain"]
    spread = np.sqrt(np.square(kept - kept.mean(0)).sum(1).mean())
    assert manifest["drift_scale"] == {"neighbours": 15, "spread": pytest.approx(spread, rel=1e-6)}
    for name in GROUPS:
        report = manifest["drift"][name]
        assert set(report) == {*MEASURES, "quantiles"}
        assert report["euclidean"] == pytest.approx(np.linalg.norm(now - start, axis=1)[group == name].mean(), rel=1e-4)
        assert report["relative"] == pytest.approx(moved[group == name].mean(), rel=1e-3)
        boundary = full(view, 2, "boundary")[group == name]
        assert report["quantiles"]["boundary"] == pytest.approx(
            np.quantile(boundary, [0.05, 0.25, 0.5, 0.75, 0.95]), rel=1e-5
        )
    assert view.manifest(0)["drift"]["forget"]["relative"] == 0
    assert view.manifest(0)["drift"]["forget"]["cka"] == pytest.approx(1)
    assert 0 < manifest["drift"]["forget"]["cka"] < 1


def test_references_are_compared_with_rounds_and_with_each_other(view: RunView) -> None:
    first, second = (view.reference_manifest(seed) for seed in (0, 1))
    assert first["noise"] == [] and [pair["with"] for pair in second["noise"]] == [0]
    for manifest in (first, second):
        assert manifest["cka"]["rounds"] == [0, 1, 2] and "drift_scale" not in manifest
        assert all(0 < value < 1 for name in GROUPS for value in manifest["cka"][name])
        assert set(manifest["drift"]["forget"]) == {*MEASURES, "quantiles"}
    group = view.probe()["group"].to_numpy()
    retain = group == "retain"
    target, source = (full(view, None, "embedding", seed) for seed in (0, 1))
    mean, goal = source[retain].mean(0), target[retain].mean(0)
    rotation, _ = orthogonal_procrustes(source[retain] - mean, target[retain] - goal)
    distance = np.linalg.norm((source - mean) @ rotation + goal - target, axis=1)
    pair = second["noise"][0]
    for name in GROUPS:
        assert pair["groups"][name]["euclidean"] == pytest.approx(distance[group == name].mean(), rel=1e-3)
        assert set(pair["groups"][name]) - {"quantiles"} == {m.id for m in MEASURES.values() if m.motion}
    assert 0 < pair["residual"] < 1
    assert noise_band([first, second]).pairs == 1


def test_the_run_is_sound(view: RunView) -> None:
    assert view.damage() == []
