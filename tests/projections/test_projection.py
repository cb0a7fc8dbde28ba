"""project(): what it promises of every picture, on data whose motion is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ortho_group

from cu_core.base.errors import BadInput
from cu_core.catalogue.projection_record import PROJECTIONS
from cu_core.projections import reference_map
from cu_core.projections.project import project

EXACT = ("reference-map", "principal")


def walk(n: int = 160, rounds: int = 4, seed: int = 0) -> tuple[list[np.ndarray], np.ndarray]:
    """Three clusters in 12 dimensions; a tenth of the samples walks from its own towards the next one."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(3, 12)) * 6
    label = rng.integers(0, 3, n)
    start = centres[label] + rng.normal(size=(n, 12))
    forget = np.arange(n) % 10 == 0
    way = centres[(label + 1) % 3] - centres[label]
    moved = [start + forget[:, None] * way * k / (rounds - 1) for k in range(rounds)]
    return moved, forget


@pytest.fixture(scope="module")
def moving():
    return walk()


@pytest.fixture(scope="module")
def mapped(moving):
    rounds, forget = moving
    return project(rounds, forget=forget)


def same(first, second) -> bool:
    return all((a == b).all() for a, b in zip(first.coordinates, second.coordinates, strict=True))


def test_the_record_has_what_it_must(moving, mapped):
    rounds, forget = moving
    assert [c.shape for c in mapped.coordinates] == [(160, 2)] * 4
    assert {c.dtype for c in mapped.coordinates} == {np.dtype(np.float32)}
    for name in ("trustworthiness", "continuity", "displacement_rank_correlation"):
        assert 0.8 < mapped.fidelity[name] <= 1, name
    assert mapped.fidelity["unmoved_motion"] == 0
    assert len(mapped.axes) == 2


@pytest.mark.parametrize("method", EXACT)
def test_what_did_not_move_stays_to_the_last_bit_and_the_rest_moves(moving, method):
    rounds, forget = moving
    picture = project(rounds, forget=forget, method=method)
    for later in picture.coordinates[1:]:
        assert (later[~forget] == picture.coordinates[0][~forget]).all()
        assert (later[forget] != picture.coordinates[0][forget]).any(1).mean() > 0.9


@pytest.mark.parametrize("method", EXACT)
def test_permuting_samples_permutes_coordinates(moving, mapped, method):
    rounds, forget = moving
    first = mapped if method == "reference-map" else project(rounds, forget=forget, method=method)
    order = np.random.default_rng(1).permutation(len(forget))
    second = project([r[order] for r in rounds], forget=forget[order], method=method)
    for a, b in zip(first.coordinates, second.coordinates, strict=True):
        assert b == pytest.approx(a[order], abs=1e-4)
    assert second.fidelity["trustworthiness"] == pytest.approx(first.fidelity["trustworthiness"], abs=1e-6)


def test_identical_rounds_have_identical_coordinates(moving):
    start = moving[0][0]
    picture = project([start, start.copy(), start.copy()])
    assert (picture.coordinates[1] == picture.coordinates[0]).all()
    assert (picture.coordinates[2] == picture.coordinates[0]).all()
    assert picture.fidelity["unmoved_motion"] == 0
    assert picture.fidelity["displacement_rank_correlation"] is None  # nothing moved, so nothing can agree


def test_a_sample_that_comes_back_has_its_first_place_again(moving):
    away, forget = moving[0][-1], moving[1]
    picture = project([moving[0][0], away, moving[0][0]], forget=forget)
    assert (picture.coordinates[1][forget] != picture.coordinates[0][forget]).any(1).mean() > 0.9
    assert (picture.coordinates[2] == picture.coordinates[0]).all()


@pytest.mark.parametrize("method", EXACT)
def test_a_rotated_embedding_leaves_the_record_unchanged(moving, mapped, method):
    rounds, forget = moving
    first = mapped if method == "reference-map" else project(rounds, forget=forget, method=method)
    turn = ortho_group.rvs(12, random_state=3)
    second = project([r @ turn for r in rounds], forget=forget, method=method)
    for name, value in first.fidelity.items():
        if isinstance(value, float):
            assert second.fidelity[name] == pytest.approx(value, abs=1e-6), name


def test_the_same_seed_makes_the_same_map_and_another_one_does_not(moving, mapped):
    rounds, forget = moving
    assert same(project(rounds, forget=forget), mapped)
    assert not same(project(rounds, forget=forget, seed=1), mapped)


def test_rounds_that_arrive_later_are_placed_without_moving_old_ones(moving):
    rounds, forget = moving
    early = project(rounds[:2], forget=forget)
    everyone = np.arange(len(forget))
    again, _ = early.fitted.place(rounds[1].astype(np.float32).astype(np.float64), everyone)
    exact, stray = early.fitted.place(rounds[1], everyone)
    assert (exact == early.coordinates[1]).all()
    assert again == pytest.approx(exact, abs=0.05)
    # By itself or in company, a row goes to the same place.
    alone, _ = early.fitted.place(rounds[3][7:8], everyone[7:8])
    placed, _ = early.fitted.place(rounds[3], everyone)
    assert (alone == placed[7:8]).all()
    assert not stray.any()


def test_a_sample_where_no_reference_is_gets_flagged(moving):
    rounds, forget = moving
    later = rounds[-1].copy()
    later[3] += 200
    picture = project([*rounds, later], forget=forget)
    assert np.flatnonzero(picture.stray[-1]).tolist() == [3]
    assert not any(flags.any() for flags in picture.stray[:-1])


def test_ground_for_another_model_is_neither_drawn_nor_measured(moving):
    rounds, forget = moving
    elsewhere = rounds[0] + np.r_[np.full(6, 300.0), np.zeros(6)]
    without, within = project(rounds, forget=forget), project(rounds, forget=forget, ground=[elsewhere])
    assert len(within.coordinates) == len(within.fidelity["rounds"]) == 4
    everyone = np.arange(len(forget))
    assert without.fitted.place(elsewhere, everyone)[1].all()
    assert not within.fitted.place(elsewhere, everyone)[1].any()


def test_own_other_rounds_are_no_neighbours(moving):
    rounds, forget = moving
    rows = reference_map.reference_rows(rounds, forget, 0)
    nearest, distance = reference_map.nearest_others(rows.embedding, rows.owner, rows, 14)
    owners = rows.owner[nearest]
    assert (owners != rows.owner[:, None]).all()
    assert all(len(set(line)) == 14 for line in owners)
    # Against all distances, sample by sample.
    gaps = np.linalg.norm(rows.embedding[:, None] - rows.embedding[None], axis=2)
    for row in (0, 17, len(gaps) - 1):
        per_sample = {o: gaps[row, rows.owner == o].min() for o in set(rows.owner) - {rows.owner[row]}}
        assert distance[row] == pytest.approx(sorted(per_sample.values())[:14])


def test_three_axes_and_float16_and_few_samples(moving):
    rounds, forget = moving
    assert project(rounds, forget=forget, n_components=3).coordinates[2].shape == (160, 3)
    assert project([r.astype(np.float16) for r in rounds]).coordinates[0].dtype == np.float32
    for count in (4, 5, 17):
        picture = project([r[:count] for r in rounds])
        assert np.isfinite(np.concatenate(picture.coordinates)).all()
        assert picture.fidelity["trustworthiness"] is None


def test_a_collapsed_round_has_finite_places(moving):
    rounds, forget = moving
    picture = project([*rounds, np.ones_like(rounds[0])], forget=forget)
    assert all(np.isfinite(c).all() for c in picture.coordinates)


def test_removing_common_motion_takes_a_rotation_out_and_says_how_much(moving):
    rounds, forget = moving
    turn = ortho_group.rvs(12, random_state=5)
    turned = [rounds[0], *(r @ turn + 2 for r in rounds[1:])]
    raw = project(turned, forget=forget, method="principal")
    cleared = project(turned, forget=forget, method="principal", remove_motion=True)
    assert raw.removed == []
    assert cleared.removed[0] is None
    assert cleared.removed[1:] == pytest.approx([1, 1, 1], abs=1e-6)
    still = project(rounds, forget=forget, method="principal")
    for a, b in zip(cleared.coordinates, still.coordinates, strict=True):
        assert a == pytest.approx(b, abs=1e-4)


def test_discriminant_axes_separate_the_classes_of_round_0():
    rounds, forget = walk()
    label = np.random.default_rng(0).integers(0, 3, len(forget))
    rounds[0][:, 4] += 50 * label
    picture = project(rounds, forget=forget, method="discriminant", labels=label)
    first = picture.coordinates[0][:, 0]
    means = np.array([first[label == c].mean() for c in range(3)])
    assert np.diff(np.sort(means)).min() > 5 * max(first[label == c].std() for c in range(3))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rounds": []}, "one \\(n, d\\) array"),
        ({"method": "umap"}, "reference-map"),
        ({"n_components": 4}, "2, 3"),
        ({"forget": np.zeros(3, bool)}, "mask"),
        ({"forget": np.zeros(160)}, "bool"),
        ({"rounds": [np.zeros((160, 2)), np.zeros((159, 2))]}, "same samples"),
        ({"rounds": [np.full((160, 2), np.nan)]}, "finite"),
        ({"rounds": [np.zeros((3, 2))]}, "4 or more"),
        ({"method": "discriminant"}, "class of each sample"),
    ],
)
def test_bad_input_names_what_is_allowed(moving, change, words):
    given = {"rounds": moving[0], "forget": None} | change
    with pytest.raises(BadInput, match=words):
        project(given.pop("rounds"), **given)


def test_every_method_has_a_title():
    assert set(PROJECTIONS) >= {"reference-map", "principal", "discriminant", "aligned-umap", "tsne-per-round"}
