"""The benchmarks of work at tiny size: both sides do the same work, and every measuring function gives numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import attack_features, attack_memory, growth, penalty_step, train_step, unlearn_step
from benchmarks.train_step import Plan
from benchmarks.usual_loop import Way, best_way, endless, loader
from cu_core.base.home import Home
from cu_core.data import prepared
from cu_core.data.batches import ImageSource
from cu_core.data.images import ImageData

CPU = torch.device("cpu")
SIZE = growth.Size(samples=60, classes=3, rounds=2)


@pytest.fixture
def plan(home: Home) -> Plan:
    """Twenty images of each of three classes."""
    growth.made_up(home, SIZE)
    key = prepared.dataset_key(growth.data_of(SIZE))
    return Plan(str(home.root), key, "tiny-cnn", 16, 2, 1, "cpu", "auto", workers=(0,))


def taken(data: ImageData, rows: np.ndarray, kind: str) -> tuple[torch.Tensor, torch.Tensor]:
    batches = loader(data, rows, Way(kind, 0), len(rows), CPU, augment=False)
    return batches.dataset[0][0], next(endless(batches))[1]


def test_both_sides_show_the_network_the_same_images(plan: Plan) -> None:
    data, rows = plan.data(), np.array([4, 8])
    ours, _ = ImageSource.train(data, CPU).take(torch.from_numpy(rows))
    for kind in ("pillow", "tensor"):
        image, labels = taken(data, rows, kind)
        torch.testing.assert_close(image, ours[0], atol=1e-5, rtol=1e-5)
        assert sorted(labels.tolist()) == sorted(data.train_labels[rows].tolist())


def test_augmentation_of_the_other_side_moves_and_mirrors(plan: Plan) -> None:
    data, rows = plan.data(), np.array([4])
    for kind in ("pillow", "tensor"):
        torch.manual_seed(0)
        pictures = loader(data, rows, Way(kind, 0), 1, CPU, augment=True).dataset
        seen = {tuple(pictures[0][0].flatten().tolist()) for _ in range(6)}
        assert len(seen) > 2, kind


def test_the_fastest_way_of_loading_is_taken() -> None:
    ways = [Way("pillow", 0), Way("tensor", 1)]
    chosen, tried = best_way(ways, lambda way: 2.0 - way.workers)
    assert chosen == ways[1] and tried == {"pillow transforms, 0 workers": 2.0, "tensor transforms, 1 workers": 1.0}


def test_training_sides_give_as_many_pieces(plan: Plan) -> None:
    mine, (loading, *other) = list(train_step.ours(plan)), list(train_step.theirs(plan))
    assert loading["chosen"] in loading["tried"]
    assert mine[2].pop("augment") > 0 and mine[2].pop("precision") in ("fp32", "bf16")
    for pieces in (mine, other):
        assert [list(piece) for piece in pieces] == [["seconds"], ["seconds"], ["accuracy"]]
        assert pieces[0]["seconds"] > 0 and 0 <= pieces[2]["accuracy"] <= 1


def test_unlearning_sides_give_as_many_pieces(plan: Plan, tmp_path: Path) -> None:
    base = tmp_path / "base.pt"
    unlearn_step.train_base(plan, plan.data(), base)
    task = unlearn_step.Task(plan, str(base), 16, 2)
    forget, retain = task.samples(plan.data())
    assert len(forget) == 16 and np.array_equal(np.union1d(forget, retain), np.arange(60))
    mine, (_, *other) = list(unlearn_step.ours(task)), list(unlearn_step.theirs(task))
    for pieces in (mine, other):
        assert [list(piece) for piece in pieces] == [["seconds"], ["seconds"], ["forget", "unseen"]]


def test_penalty_steps_are_measured_in_turns() -> None:
    seconds = penalty_step.measure("tiny-cnn", 8, 4, 1, 2, "cpu")
    assert list(seconds) == list(penalty_step.WAYS) and all(len(taken) == 2 for taken in seconds.values())
    assert penalty_step.WAYS[penalty_step.PLAIN][2] == {"beta": 0.0}


def test_features_of_both_sides_have_one_shape() -> None:
    encoder = attack_features.Encoder("tiny-cnn", 6, 8, 3, "cpu")
    ours, theirs, bound = attack_features.measure(encoder, 2, 2)
    assert len(bound) == 2
    assert len(ours) == len(theirs) == 2 and min(ours + theirs) > 0
    assert encoder.batched().shape == (6, 3) and encoder.one_by_one(2).shape == (2, 3)


@pytest.mark.parametrize("work", attack_memory.WORK)
def test_memory_is_measured_beyond_the_input(work: str) -> None:
    (told,) = attack_memory.run(work, 60, 8)
    assert told["input"] > 0 and told["needed"] >= 0 and told["seconds"] > 0


def test_peak_memory_is_seen() -> None:
    def work() -> None:
        # More than is asked for: of memory that a process let go, a system may give parts back at any time.
        block = np.ones(2**25)
        # Until the watcher has looked at it at least once.
        for _ in range(20):
            block += 1

    assert attack_memory.peak_bytes(work) > 100 * 2**20


def test_growth_of_a_process_of_its_own_tells_its_memory() -> None:
    found = growth.measure_anew(SIZE, "tiny-cnn", "cpu")
    assert tuple(found) == (*growth.PARTS, growth.MEMORY)
    assert found[growth.MEMORY] > 100 * 2**20, "torch alone takes as much"
    slopes = growth.exponents([1, 2, 4], [found | {growth.MEMORY: 3.0 * 2**k} for k in range(3)])
    assert slopes[growth.MEMORY]["last"] == pytest.approx(1.0)


def test_growth_reads_its_seconds_from_the_run(home: Home) -> None:
    seconds = growth.measure(home, SIZE, "tiny-cnn", "cpu")
    assert tuple(seconds) == growth.PARTS
    assert all(value > 0 for part, value in seconds.items() if part != "attacks")


def test_points_of_growth_share_no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    roots = []
    monkeypatch.setattr(growth, "measure", lambda home, *_: roots.append(home.root) or {})
    for classes in (30, 100):
        next(growth.pieces(growth.Size(classes=classes), "tiny-cnn", "cpu"))
    # Each size after a small one.
    assert len(set(roots)) == 4 and not any(root.exists() for root in roots)
