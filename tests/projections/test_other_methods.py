"""The other projections: the same contract for all, and what each promises on top."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable

import numpy as np
import pytest

from cu_core.base.errors import BadInput
from cu_core.catalogue.projection_record import PROJECTIONS, Projection
from cu_core.projections import aligned_umap, tsne_first_round, tsne_per_round, umap_per_round
from cu_core.projections.distinct import FEWEST
from cu_core.projections.fidelity import measure

Film = list[np.ndarray]
N = 60
PER_ROUND = [tsne_per_round.place_rounds, umap_per_round.place_rounds]
QUICK = [*PER_ROUND, tsne_first_round.place_rounds]
ALL = [*QUICK, aligned_umap.place_rounds]


def name(place: Callable[..., Film]) -> str:
    return place.__module__.split(".")[-1]


@pytest.fixture(scope="module")
def film() -> Film:
    """Two classes; the first ten samples walk to the other, nothing else moves; one embedding comes twice."""
    rng = np.random.default_rng(0)
    start = rng.normal(size=(N, 8)).astype(np.float32)
    start[N // 2 :, 0] += 12
    start[20] = start[21]
    step = np.zeros_like(start)
    step[:10, 0] = 6
    return [start, start + step, start + 2 * step]


@pytest.mark.parametrize("place", QUICK, ids=name)
def test_places_keep_the_classes_apart_and_come_again(place: Callable[..., Film], film: Film) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="n_jobs|precomputed|Graph is not|.*transform")
        found = place(film, 2, 0)
    assert [(flat.shape, flat.dtype) for flat in found] == [((N, 2), np.float32)] * 3
    assert all(np.isfinite(flat).all() for flat in found)
    assert measure(film, found)["rounds"][0]["trustworthiness"] > 0.85
    again = place(film, 2, 0)
    assert all((a == b).all() for a, b in zip(found, again, strict=True)), "seeded"


@pytest.mark.parametrize("place", QUICK, ids=name)
def test_three_axes(place: Callable[..., Film], film: Film) -> None:
    assert [flat.shape for flat in place(film[:2], 3, 0)] == [(N, 3)] * 2


@pytest.mark.parametrize("place", ALL, ids=name)
def test_too_few_or_collapsed_embeddings_are_refused_with_the_smallest_number(
    place: Callable[..., Film], film: Film
) -> None:
    with pytest.raises(BadInput, match=str(FEWEST)):
        place([rows[: FEWEST - 1] for rows in film], 2, 0)
    if place is not tsne_first_round.place_rounds:
        with pytest.raises(BadInput, match="round 1 has 1 distinct"):
            place([film[0], np.zeros_like(film[0])], 2, 0)
    else:
        assert np.isfinite(place([film[0], np.zeros_like(film[0])], 2, 0)[1]).all()


@pytest.mark.parametrize("place", PER_ROUND, ids=["t-SNE", "UMAP"])
def test_fits_by_round_know_nothing_of_each_other(place: Callable[..., Film], film: Film) -> None:
    found = place([film[0], film[2], film[0]], 2, 0)
    assert (found[0] == found[2]).all()
    assert (found[0][20] == found[0][21]).all()
    assert measure([film[0], film[2]], found[:2])["unmoved_motion"] > 0.02


def test_on_the_tsne_of_round_0_what_stays_stays(film: Film) -> None:
    found = tsne_first_round.place_rounds([*film, film[0]], 2, 0)
    assert all((flat[10:] == found[0][10:]).all() for flat in found)
    assert (found[3] == found[0]).all() and (found[2][:10] != found[0][:10]).any(1).all()
    # A row's place does not depend on the others that are placed: here five go, and five stay.
    half = film[2].copy()
    half[:5] = film[0][:5]
    assert tsne_first_round.place_rounds([film[0], half], 2, 0)[1][5:] == pytest.approx(found[2][5:], abs=1e-4)


def test_without_opentsne_one_is_told_what_to_install(film: Film, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openTSNE", None)
    with pytest.raises(BadInput, match="pip install openTSNE"):
        tsne_first_round.place_rounds(film, 2, 0)


@pytest.mark.thorough
def test_aligned_umap_holds_samples_where_they_were(film: Film) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="n_jobs|Graph is not")
        aligned = aligned_umap.place_rounds(film, 2, 0)
    assert [(flat.shape, flat.dtype) for flat in aligned] == [((N, 2), np.float32)] * 3
    alone = umap_per_round.place_rounds(film, 2, 0)
    assert measure(film, aligned)["unmoved_motion"] < measure(film, alone)["unmoved_motion"]
    one = aligned_umap.place_rounds(film[:1], 2, 0)
    assert (one[0] == alone[0]).all(), "nothing to align"


@pytest.mark.parametrize("projection", [p for p in PROJECTIONS.values() if not p.placeable], ids=lambda p: p.id)
def test_every_method_says_what_is_wrong_with_it_in_numbers(projection: Projection) -> None:
    assert any(character.isdigit() for character in projection.warning)
