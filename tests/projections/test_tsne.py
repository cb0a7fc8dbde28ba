"""The joint t-SNE: what stays is drawn in one place, neighbours hold, and its own numbers tell when they do not."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.manifold import trustworthiness

from cu_core.projections.tsne import choose_rounds, joint_tsne


@pytest.fixture(scope="module")
def outputs() -> list[np.ndarray]:
    """Four classes of 15 samples at three moments; the first class walks over to the second one."""
    rng = np.random.default_rng(0)
    centres = 12 * np.eye(4, 6)
    label = np.repeat(np.arange(4), 15)
    start = (centres[label] + rng.normal(size=(60, 6))).astype(np.float32)
    walk = np.where(label[:, None] == 0, centres[1] - centres[0], 0)
    return [(start + share * walk).astype(np.float32) for share in (0, 0.5, 1)]


@pytest.fixture(scope="module")
def joint(outputs: list[np.ndarray]):
    return joint_tsne(outputs, last=2, seed=0)


def test_equal_outputs_get_the_very_same_place(outputs, joint) -> None:
    assert joint.coordinates.shape == (3, 60, 2) and joint.coordinates.dtype == np.float32
    np.testing.assert_array_equal(joint.coordinates[0, 15:], joint.coordinates[2, 15:])
    assert joint.still_step == 0
    assert np.linalg.norm(joint.coordinates[2, :15] - joint.coordinates[0, :15], axis=1).min() > 1


def test_those_who_moved_are_drawn_where_they_went(outputs, joint) -> None:
    place = joint.coordinates[2]
    goal, home = joint.coordinates[0, 15:30].mean(0), joint.coordinates[0, :15].mean(0)
    nearer = np.linalg.norm(place[:15] - goal, axis=1) < np.linalg.norm(place[:15] - home, axis=1)
    assert nearer.all()
    for full, flat in zip(outputs, joint.coordinates, strict=True):
        assert trustworthiness(full, flat, n_neighbors=10) > 0.85


def test_the_fit_is_the_same_for_the_same_seed(outputs, joint) -> None:
    again = joint_tsne(outputs, last=2, seed=0)
    np.testing.assert_array_equal(again.coordinates, joint.coordinates)


def test_still_step_is_the_median_of_the_least_moving_quarter(outputs) -> None:
    rng = np.random.default_rng(1)
    shaken = [outputs[0], outputs[0] + rng.normal(size=outputs[0].shape).astype(np.float32)]
    found = joint_tsne(shaken, last=1)
    moved = np.linalg.norm(shaken[1] - shaken[0], axis=1)
    still = moved <= np.quantile(moved, 0.25)
    steps = np.linalg.norm(found.coordinates[1] - found.coordinates[0], axis=1)[still]
    everything = found.coordinates.reshape(-1, 2)
    radius = np.sqrt(((everything - everything.mean(0)) ** 2).sum(1).mean())
    assert found.still_step == pytest.approx(np.median(steps) / radius, rel=1e-4) and found.still_step > 0


def test_own_moments_among_the_neighbours_are_counted() -> None:
    # 40 samples far apart, each a little shaken over five moments: the nearest points are a sample's own.
    rng = np.random.default_rng(2)
    base = 50 * rng.normal(size=(40, 8))
    moments = [(base + 0.01 * rng.normal(size=base.shape)).astype(np.float32) for _ in range(5)]
    assert joint_tsne(moments, last=4).self_neighbours == pytest.approx(4 / 30, abs=1e-6)
    unlike = [rng.normal(size=(40, 8)).astype(np.float32) for _ in range(5)]
    assert joint_tsne(unlike, last=4).self_neighbours < 0.04


@pytest.mark.parametrize(("last", "rounds"), [(0, [0]), (1, [0, 1]), (2, [0, 1, 2]), (8, [0, 4, 8]), (9, [0, 4, 9])])
def test_first_last_and_half_way_are_chosen(last: int, rounds: list[int]) -> None:
    assert choose_rounds(last) == rounds


def test_a_collapsed_model_is_refused_instead_of_crashing_the_process() -> None:
    with pytest.raises(ValueError, match="distinct points"):
        joint_tsne([np.zeros((30, 3), np.float32)], last=0)


def test_a_model_that_collapses_in_the_end_can_be_drawn() -> None:
    start = np.random.default_rng(3).normal(size=(40, 5)).astype(np.float32)
    found = joint_tsne([start, np.zeros_like(start)], last=1)
    assert np.isfinite(found.coordinates).all()
    assert (found.coordinates[1] == found.coordinates[1, 0]).all()
