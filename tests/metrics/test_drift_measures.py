"""Measures of drift on clouds whose motion is known, and against loops and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ortho_group
from sklearn.neighbors import NearestNeighbors

from cu_core.metrics.cka import linear_cka
from cu_core.metrics.drift.per_round import (
    FixedSamples,
    Start,
    centroid_distances,
    cka_by_group,
    drift_report,
    group_report,
)

GROUPS = ("forget", "retain", "unseen")


def cloud(seed: int = 0, n: int = 150, d: int = 8) -> tuple[np.ndarray, FixedSamples]:
    """Three classes around centres far apart; of class 2 all training samples are forgotten."""
    rng = np.random.default_rng(seed)
    label = np.arange(n) % 3
    group = np.where(label == 2, "forget", "retain")
    group[-30:] = "unseen"
    rows = rng.normal(size=(n, d)) + 12 * np.eye(d)[label]
    return rows.astype(np.float32), FixedSamples(label, {name: group == name for name in GROUPS})


def test_what_did_not_move_has_not_moved_by_any_measure() -> None:
    rows, samples = cloud()
    start = Start(rows, samples)
    motion = start.motion(rows.copy())
    assert (motion["cosine"] == 1).all() and (motion["euclidean"] == 0).all()
    assert (motion["relative"] == 0).all() and (motion["cosine_relative"] == 0).all()
    assert not motion["neighbours_changed"].any()
    assert start.cka(rows) == {name: pytest.approx(1) for name in GROUPS}


def test_relative_motion_is_that_of_a_loop_over_scikit_learns_neighbours() -> None:
    rows, samples = cloud()
    moved = rows + np.random.default_rng(1).normal(size=rows.shape).astype(np.float32)
    motion = Start(rows, samples).motion(moved)
    kept = samples.retained
    spread = np.sqrt(np.mean(np.sum((rows[kept] - rows[kept].mean(0)) ** 2, axis=1)))
    search = NearestNeighbors(n_neighbors=16).fit(rows[kept])
    for row in range(0, len(rows), 7):
        near = kept[search.kneighbors(rows[[row]], return_distance=False)[0]]
        near = near[near != row][:15]
        own = (moved - rows)[row] - (moved - rows)[near].mean(0)
        assert motion["relative"][row] == pytest.approx(np.linalg.norm(own) / spread, rel=1e-4)

        def cosine(k: int) -> float:
            return float(moved[k] @ rows[k] / np.linalg.norm(moved[k]) / np.linalg.norm(rows[k]))

        expected = cosine(row) - np.mean([cosine(k) for k in near])
        assert motion["cosine_relative"][row] == pytest.approx(expected, abs=1e-5)


def test_a_shift_of_everything_is_no_relative_motion() -> None:
    rows, samples = cloud()
    start = Start(rows, samples)
    motion = start.motion(rows + 3)
    assert motion["euclidean"] == pytest.approx(3 * np.sqrt(8), rel=1e-4)
    assert motion["relative"] == pytest.approx(0, abs=1e-5)
    assert not motion["neighbours_changed"].any()
    # One sample that stays behind moved against all others.
    behind = rows + 3
    behind[4] = rows[4]
    assert start.motion(behind)["relative"].argmax() == 4


def test_relative_motion_has_no_unit() -> None:
    rows, samples = cloud()
    moved = rows + np.random.default_rng(2).normal(size=rows.shape).astype(np.float32)
    once, scaled = (Start(f * rows, samples).motion(f * moved) for f in (1, 100))
    assert scaled["relative"] == pytest.approx(once["relative"], rel=1e-3)
    assert scaled["euclidean"] == pytest.approx(100 * once["euclidean"], rel=1e-4)


def test_samples_that_went_to_another_class_have_other_neighbours() -> None:
    rows, samples = cloud()
    forget = samples.groups["forget"]
    start = Start(rows, samples)
    # Without retain samples of their own, forget samples begin between the two other classes.
    beside = rows.copy()
    beside[forget] = rows[:1] + np.random.default_rng(3).normal(size=(forget.sum(), 8))
    assert set(start.surroundings[samples.groups["retain"]]) == {0, 1}
    changed = start.motion(beside)["neighbours_changed"]
    assert (changed[forget] == (start.surroundings[forget] != 0)).all() and changed[forget].any()
    assert not changed[~forget].any()


def test_centroid_distances_by_loop() -> None:
    rows, samples = cloud()
    found = centroid_distances(rows, samples)
    retain, forget = samples.groups["retain"], samples.groups["forget"]
    for row in range(len(rows)):
        own = samples.labels == samples.labels[row]
        members = own & (forget if samples.labels[row] == 2 else retain)
        members[row] = False
        assert found["own_centroid"][row] == pytest.approx(np.linalg.norm(rows[row] - rows[members].mean(0)), rel=1e-4)
        others = [
            np.linalg.norm(rows[row] - rows[retain & (samples.labels == label)].mean(0))
            for label in (0, 1)
            if label != samples.labels[row]
        ]
        assert found["other_centroid"][row] == pytest.approx(min(others), rel=1e-4)


def test_classes_that_nobody_stands_for_have_no_centroid() -> None:
    rows, _ = cloud(n=6)
    labels = np.array([0, 0, 1, 1, 2, 2])
    retain = np.array([1, 0, 0, 0, 0, 0], bool)
    samples = FixedSamples(labels, {"forget": np.zeros(6, bool), "retain": retain, "unseen": ~retain})
    found = centroid_distances(rows, samples)
    # The only retain sample is its class's centroid; itself left out there is none.
    assert np.isnan(found["own_centroid"]).tolist() == [True, False, True, True, True, True]
    assert np.isnan(found["other_centroid"]).tolist() == [True, True, False, False, False, False]


def test_report_counts_finite_values_of_each_group() -> None:
    rows, samples = cloud()
    values = np.arange(150, dtype=np.float32)
    values[3] = np.nan
    changed = samples.labels == 1
    report = group_report(samples, {"euclidean": values, "neighbours_changed": changed}, {"forget": 0.25})
    for name in GROUPS:
        own = values[samples.groups[name]]
        assert report[name]["euclidean"] == pytest.approx(np.nanmean(own), rel=1e-5)
        expected = np.nanpercentile(own, [5, 25, 50, 75, 95])
        assert report[name]["quantiles"] == {"euclidean": pytest.approx(expected, rel=1e-5)}
        assert report[name]["neighbours_changed"] == pytest.approx(changed[samples.groups[name]].mean(), rel=1e-5)
    assert [report[name]["cka"] for name in GROUPS] == [0.25, None, None]


def test_a_report_of_a_model() -> None:
    rows, samples = cloud()
    start = Start(rows, samples)
    turned = (rows @ ortho_group.rvs(8, random_state=0)).astype(np.float32)
    report = drift_report(start, turned, start.motion(turned), np.linspace(-1, 1, 150))
    for name in GROUPS:
        # A rotation moves everything and changes no arrangement.
        assert report[name]["cka"] == pytest.approx(1, abs=1e-5) and report[name]["neighbours_changed"] == 0
        assert report[name]["euclidean"] > 1
        assert report[name]["own_centroid"] == pytest.approx(
            centroid_distances(rows, samples)["own_centroid"][samples.groups[name]].mean(), rel=1e-4
        )
        assert report[name]["boundary"] == pytest.approx(np.linspace(-1, 1, 150)[samples.groups[name]].mean(), rel=1e-5)


def test_groups_and_neighbours_may_be_lacking() -> None:
    rows, samples = cloud()
    nobody = np.zeros(150, bool)
    alone = FixedSamples(samples.labels, {"forget": ~nobody, "retain": nobody, "unseen": nobody})
    start = Start(rows, alone)
    motion = start.motion(rows + 1)
    assert np.isnan(motion["relative"]).all() and not motion["neighbours_changed"].any()
    report = drift_report(start, rows + 1, motion, np.full(150, np.nan))
    assert report["retain"] == report["unseen"] == {}
    assert report["forget"]["relative"] is None and report["forget"]["quantiles"]["relative"] is None
    assert report["forget"]["boundary"] is None and report["forget"]["euclidean"] > 0


def test_cka_of_very_many_samples_looks_at_some() -> None:
    rng = np.random.default_rng(4)
    first, second = rng.normal(size=(2500, 4)).astype(np.float16), rng.normal(size=(2500, 4)).astype(np.float16)
    second += first
    everyone = FixedSamples(np.zeros(2500, int), {"retain": np.ones(2500, bool), "forget": np.zeros(2500, bool)})
    found = cka_by_group(everyone, first, second)
    assert found["forget"] is None
    assert found["retain"] == pytest.approx(linear_cka(first.astype(float), second.astype(float)), abs=0.03)
