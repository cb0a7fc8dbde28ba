"""Events of samples whose story is written down by hand."""

from __future__ import annotations

import numpy as np
import pytest

from cu_core.metrics.drift.events import NEVER, crossings, dragged_along, flips, never_left, overshoot

# Rows are samples, columns the rounds 0, 2, 5 and 6.
STORY = np.array(
    [
        [1, 1, 1, 1],
        [1, -1, -1, -1],
        [1, -1, 1, -1],
        [1, -1, 1, 1],
        [-1, -1, -1, -1],
        [-1, 1, -1, -1],
        [np.nan, np.nan, np.nan, np.nan],
        [1, 1, 0, -2],
    ],
    np.float32,
)
ROUNDS = [0, 2, 5, 6]


def test_crossings_by_hand() -> None:
    found = crossings(list(STORY.T), ROUNDS)
    assert found.first.tolist() == [NEVER, 2, 2, 2, 0, 0, NEVER, 5]
    assert found.stays.tolist() == [NEVER, 2, 6, NEVER, 0, 5, NEVER, 5]


def test_crossings_against_a_loop() -> None:
    rng = np.random.default_rng(0)
    boundary = rng.normal(size=(7, 200))
    rounds = [0, 1, 3, 4, 8, 9, 20]
    found = crossings(list(boundary), rounds)
    for row in range(200):
        across = [bool(v <= 0) for v in boundary[:, row]]
        first = next((k for k, a in zip(rounds, across, strict=True) if a), NEVER)
        stays = next((k for place, k in enumerate(rounds) if all(across[place:])), NEVER)
        assert (found.first[row], found.stays[row]) == (first, stays)


def test_flips_by_hand() -> None:
    found = flips([np.array([1, 2, 3]), np.array([1, 3, 3]), np.array([0, 2, 3])])
    assert found.tolist() == [[False] * 3, [False, True, False], [True, True, False]]
    assert not flips([np.array([4])]).any()


def test_those_that_never_left_and_those_dragged_along() -> None:
    everyone = np.ones(len(STORY), bool)
    assert never_left(list(STORY.T), everyone).tolist() == [0]
    assert never_left(list(STORY.T), ~everyone).tolist() == []
    assert dragged_along(STORY[:, 0], STORY[:, 3], everyone).tolist() == [1, 2, 7]
    assert dragged_along(STORY[:, 0], STORY[:, 3], np.arange(8) > 4).tolist() == [7]


def scene(unlearned_forget: float, seed: int = 0) -> dict[str, np.ndarray]:
    """200 forget, 200 retain, 200 unseen samples of two classes; retain samples are 1 away on average."""
    rng = np.random.default_rng(seed)
    group = np.repeat([0, 1, 2], 200)
    boundary = rng.normal(size=600) * 0.2 + np.array([unlearned_forget, 1.0, 0.5])[group]
    return {"boundary": boundary, "labels": np.arange(600) % 2} | {
        name: group == place for place, name in enumerate(("forget", "retain", "unseen"))
    }


def test_a_model_like_its_references_is_not_called_too_far() -> None:
    reference = scene(-1.0, seed=1)["boundary"]
    found = overshoot(**scene(-1.0), references=[reference])
    assert found.against == "references" and found.checked == 200
    # One in twenty by construction.
    assert 0 < len(found.rows) < 0.12 * 200
    assert np.isfinite(found.limit[:200]).all() and np.isnan(found.limit[200:]).all()
    assert found.limit[:200] == pytest.approx(-1 - 1.645 * 0.2, abs=0.1)


def test_a_model_far_past_its_references_is_found_in_any_unit() -> None:
    reference = scene(-1.0, seed=1)["boundary"]
    near = scene(-3.0)
    found = overshoot(**near, references=[reference])
    assert set(found.rows) == set(range(200))
    assert "200 of 200" in found.words()
    excess = (near["boundary"] - found.limit)[found.rows]
    assert (np.diff(excess) >= 0).all(), "furthest first"
    # The same models with embeddings of other scales.
    other = near | {"boundary": 50 * near["boundary"]}
    again = overshoot(**other, references=[reference * 50])
    assert (again.rows == found.rows).all() and again.limit[:200] == pytest.approx(50 * found.limit[:200], rel=1e-4)
    assert set(overshoot(**other, references=[reference / 7]).rows) == set(range(200))


def test_retain_samples_that_come_nearer_do_not_make_the_others_go_too_far() -> None:
    reference = scene(-1.0, seed=1)["boundary"]
    worn = scene(-0.6)
    # The retain samples have lost nine tenths of their distance; the forget samples are where they were.
    worn["boundary"][200:400] /= 10
    assert len(overshoot(**worn, references=[reference]).rows) < 0.05 * 200


def test_without_references_unseen_samples_of_the_class_set_the_limit() -> None:
    parts = scene(-2.0)
    # Unseen samples of class 1 lie as far past as its forget samples, those of class 0 do not.
    rows = parts["unseen"] & (parts["labels"] == 1)
    parts["boundary"][rows] -= 2.5
    found = overshoot(**parts)
    assert found.against == "unseen" and "no reference" in found.words()
    assert (parts["labels"][found.rows] == 0).mean() > 0.85
    own = parts["boundary"][parts["unseen"] & (parts["labels"] == 0)]
    assert found.limit[0] == pytest.approx(np.quantile(own, 0.05), rel=1e-4)


def test_small_classes_share_the_limit_of_all() -> None:
    parts = scene(-2.0)
    parts["labels"] = np.where(np.arange(600) % 100 == 0, 7, 0)
    found = overshoot(**parts)
    everyone = np.quantile(parts["boundary"][parts["unseen"]], 0.05)
    assert found.limit[0] == pytest.approx(everyone, rel=1e-4)


def test_nobody_on_the_own_side_went_too_far() -> None:
    parts = scene(0.1)
    parts["boundary"][parts["unseen"]] += 5
    found = overshoot(**parts)
    assert len(found.rows) and (parts["boundary"][found.rows] < 0).all()
    assert (found.limit[:200] > 0).all()


def test_a_model_that_lost_its_retain_samples_has_no_measure() -> None:
    parts = scene(-2.0)
    parts["boundary"][parts["retain"]] -= 5
    found = overshoot(**parts)
    assert found.against == "nothing" and not len(found.rows) and "nothing to compare" in found.words()
    reference = scene(-1.0, seed=1)["boundary"]
    assert overshoot(**scene(-2.0), references=[np.full(600, np.nan)]).against == "nothing"
    assert overshoot(**scene(-2.0), references=[np.full(600, np.nan), reference]).against == "references"
