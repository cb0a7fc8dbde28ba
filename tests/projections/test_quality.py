"""The fidelity record: constructed cases with known answers, and scikit-learn and SciPy where they have the measure."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ortho_group, spearmanr
from sklearn.manifold import trustworthiness
from sklearn.neighbors import NearestNeighbors

from cu_core.base.errors import BadInput
from cu_core.projections.closeness import preservation
from cu_core.projections.fidelity import NEIGHBOURS, measure, neighbours_kept

K = NEIGHBOURS
N = 160
FORGET = np.arange(N) < 16


def walk(n: int = N, d: int = 6, rounds: int = 5, seed: int = 0, step: float = 0.4) -> list[np.ndarray]:
    """The first tenth walks at uneven speeds, the rest does not move."""
    rng = np.random.default_rng(seed)
    places = [rng.normal(size=(n, d)).astype(np.float32)]
    for _ in range(rounds - 1):
        later = places[-1].copy()
        later[: n // 10] += step * rng.uniform(0.2, 1, (n // 10, 1)) * rng.normal(size=(n // 10, d))
        places.append(later.astype(np.float32))
    return places


def flat_of(rounds: list[np.ndarray]) -> list[np.ndarray]:
    return [rows[:, :2].copy() for rows in rounds]


def chance(n: int) -> float:
    """Expected trustworthiness of a picture that knows nothing: ranks are uniform on 1..n-1.

    E[(r-k)+] = (n-1-k)(n-k) / (2(n-1)), and the normaliser is k(2n-3k-1)/2 per sample.
    """
    return 1 - (n - 1 - K) * (n - K) / ((n - 1) * (2 * n - 3 * K - 1))


def numbers_of(record: dict) -> dict[str, float]:
    flat = {name: value for name, value in record.items() if name != "rounds"}
    for k, each in enumerate(record["rounds"]):
        flat |= {f"{name} {k}": value for name, value in each.items()}
    return flat


def same(a: dict, b: dict, tolerance: float) -> None:
    assert numbers_of(a) == pytest.approx(numbers_of(b), abs=tolerance)


@pytest.mark.parametrize("n", [32, 90, 400])
def test_neighbourhood_numbers_are_scikit_learns(n: int) -> None:
    full = walk(n)
    flat = [rows + 0.3 * np.random.default_rng(9).normal(size=rows.shape) for rows in flat_of(full)]
    record = measure(full, flat)
    trust = [trustworthiness(x.astype(float), y, n_neighbors=K) for x, y in zip(full, flat, strict=True)]
    continuity = [trustworthiness(y, x.astype(float), n_neighbors=K) for x, y in zip(full, flat, strict=True)]
    assert [r["trustworthiness"] for r in record["rounds"]] == pytest.approx(trust, abs=1e-12)
    assert [r["continuity"] for r in record["rounds"]] == pytest.approx(continuity, abs=1e-12)
    assert record["trustworthiness"] == pytest.approx(np.mean(trust), abs=1e-12)
    assert record["worst_continuity"] == pytest.approx(min(continuity), abs=1e-12)
    assert abs(np.mean(trust) - np.mean(continuity)) > 0.001


def test_rank_correlations_are_scipys() -> None:
    full = walk()
    rng = np.random.default_rng(3)
    flat = [rows + 0.2 * rng.normal(size=rows.shape) for rows in flat_of(full)]
    record = measure(full, flat, forget=FORGET)
    true = np.array([np.linalg.norm(x - full[0], axis=1) for x in full[1:]])
    plotted = np.array([np.linalg.norm(y - flat[0], axis=1) for y in flat[1:]])
    assert record["displacement_rank_correlation"] == pytest.approx(
        spearmanr(true.ravel(), plotted.ravel())[0], abs=1e-6
    )
    assert record["forget_displacement_rank_correlation"] == pytest.approx(
        spearmanr(true[:, FORGET].ravel(), plotted[:, FORGET].ravel())[0], abs=1e-6
    )
    assert record["rounds"][2]["displacement_rank_correlation"] == pytest.approx(
        spearmanr(true[1], plotted[1])[0], abs=1e-6
    )
    assert record["rounds"][0]["displacement_rank_correlation"] is None
    upper = np.triu_indices(N, 1)
    distances = [np.linalg.norm(z[:, None].astype(float) - z[None], axis=2)[upper] for z in (full[4], flat[4])]
    assert record["rounds"][4]["distance_rank_correlation"] == pytest.approx(spearmanr(*distances)[0], abs=1e-6)


def test_a_faithful_picture_is_perfect_however_it_is_turned() -> None:
    full = [rows[:, :2] for rows in walk()]
    turn = ortho_group.rvs(2, random_state=1)
    for flat in (full, [rows * [-1, 1] for rows in full], [7 * rows @ turn + 3 for rows in full]):
        record = measure(full, flat, forget=FORGET, predictions=[np.zeros(N, int)] * 5)
        for name in ("trustworthiness", "continuity", "worst_trustworthiness", "worst_continuity",
                     "pooled_trustworthiness", "boundary_agreement"):  # fmt: skip
            assert record[name] == 1, name
        for name in ("distance_rank_correlation", "displacement_rank_correlation",
                     "forget_displacement_rank_correlation"):  # fmt: skip
            assert record[name] == pytest.approx(1, abs=1e-6), name
        for name in ("unmoved_motion", "still_jitter", "snap_excess"):
            assert record[name] == pytest.approx(0, abs=1e-6), name


def test_a_shuffled_picture_is_at_chance() -> None:
    full = walk(600)
    rng = np.random.default_rng(4)
    record = measure(full, [rows[rng.permutation(600)] for rows in flat_of(full)])
    # Five independent shuffles of 9,000 neighbours each: the mean stays well within 0.01.
    assert record["trustworthiness"] == pytest.approx(chance(600), abs=0.01)
    assert record["continuity"] == pytest.approx(chance(600), abs=0.01)
    assert abs(record["distance_rank_correlation"]) < 0.05
    assert abs(record["displacement_rank_correlation"]) < 0.1
    assert record["unmoved_motion"] > 1


def test_the_worst_possible_picture_has_trustworthiness_zero() -> None:
    # Plotted neighbours that are the farthest in truth, ranks n-1 down to n-k: the case that the cost is divided by.
    n = 2 * K + 1
    judge = np.random.default_rng(0).random((n, n))
    np.fill_diagonal(judge, np.inf)
    farthest = np.argsort(np.where(np.isinf(judge), -1, judge), axis=1)[:, -K:]
    assert preservation(judge, farthest) == pytest.approx(np.zeros(n), abs=1e-12)
    assert preservation(judge, np.argsort(judge, axis=1)[:, :K]).tolist() == [1] * n


def test_a_teleport_has_the_snap_excess_of_its_path() -> None:
    moments = 10
    full = [np.random.default_rng(0).normal(size=(N, 4)).astype(np.float32)] * moments
    full = [rows.copy() for rows in full]
    flat = flat_of(full)
    for number in range(moments):
        full[number][0, 0] += number  # uniform walk: largest share 1/9
        flat[number][0, 0] = full[0][0, 0] + (9 if number >= 6 else 0)  # one jump: largest share 1
    one = np.arange(N) == 0
    assert measure(full, flat, forget=one)["snap_excess"] == pytest.approx(1 - 1 / 9)
    assert measure(full, flat)["snap_excess"] == pytest.approx(1 - 1 / 9), "found without a mask, as it moves most"
    faithful = [rows[:, :2] for rows in full]
    assert measure(full, faithful, forget=one)["snap_excess"] == pytest.approx(0, abs=1e-6)
    assert measure(full[:2], flat[:2], forget=one)["snap_excess"] is None, "one step is always the whole path"


def test_perfect_neighbourhoods_in_every_round_do_not_make_a_film() -> None:
    full = [rows[:, :2] - rows[:, :2].mean(0) for rows in walk(d=2)]
    for rows in full[1:]:
        rows[FORGET == 0] = full[0][FORGET == 0]
    flat = [rows * (-1) ** number for number, rows in enumerate(full)]
    record = measure(full, flat)
    assert record["trustworthiness"] == record["continuity"] == 1
    # Every unmoved sample jumps through the centre in each step.
    away = np.linalg.norm(full[0][~FORGET], axis=1)
    radius = np.sqrt(np.mean([(rows**2).sum(1).mean() for rows in full]))
    assert record["unmoved_motion"] == pytest.approx(2 * away.mean() / radius, rel=1e-3)
    assert record["displacement_rank_correlation"] < 0.3
    assert record["pooled_trustworthiness"] < 0.9
    assert record["still_jitter"] > 0.5


def test_numbers_over_time_need_movement_and_time() -> None:
    full = walk(rounds=1)
    record = measure(full, flat_of(full))
    assert record["trustworthiness"] is not None
    for name in ("displacement_rank_correlation", "unmoved_motion", "still_jitter", "snap_excess",
                 "forget_displacement_rank_correlation", "boundary_agreement", "self_neighbours"):  # fmt: skip
        assert record[name] is None, name
    everybody = [full[0], full[0] + np.float32(1)]
    assert measure(everybody, flat_of(everybody))["unmoved_motion"] is None
    tiny = [rows[:30] for rows in walk()]
    record = measure(tiny, flat_of(tiny))
    assert record["trustworthiness"] is None and record["worst_continuity"] is None
    assert record["pooled_trustworthiness"] is None
    assert record["displacement_rank_correlation"] is not None
    assert measure(tiny, flat_of(tiny), self_neighbours=0.3)["self_neighbours"] == 0.3


@pytest.mark.parametrize("n", [N, 1400])
def test_rotation_and_order_do_not_matter(n: int) -> None:
    full = walk(n)
    rng = np.random.default_rng(6)
    flat = [rows + 0.1 * rng.normal(size=(n, 1)) for rows in flat_of(full)]
    forget = np.arange(n) < n // 10
    predictions = [(rows[:, 0] > 0).astype(int) for rows in full]
    record = measure(full, flat, forget=forget, predictions=predictions)
    turn = ortho_group.rvs(6, random_state=2)
    turned = [(rows @ turn).astype(np.float32) for rows in full]
    same(measure(turned, flat, forget=forget, predictions=predictions), record, 1e-4)
    order = rng.permutation(n)
    same(
        measure(
            [rows[order] for rows in full],
            [rows[order] for rows in flat],
            forget=forget[order],
            predictions=[p[order] for p in predictions],
        ),
        record,
        1e-9,
    )


def test_pooled_neighbours_are_other_samples_of_any_round() -> None:
    full = walk(50, rounds=3)  # 150 rows, all of them compared
    flat = [rows + 0.5 * np.random.default_rng(2).normal(size=rows.shape) for rows in flat_of(full)]
    record = measure(full, flat)
    x, y = np.concatenate(full).astype(float), np.concatenate(flat)
    sample = np.tile(np.arange(50), 3)
    costs = []
    for row in range(150):
        others = np.flatnonzero(sample != sample[row])
        by_truth = others[np.argsort(np.linalg.norm(x[others] - x[row], axis=1), kind="stable")]
        by_plot = others[np.argsort(np.linalg.norm(y[others] - y[row], axis=1), kind="stable")]
        away = {other: np.linalg.norm(x[other] - x[row]) for other in others}
        # Unmoved samples lie in one place three times: what is strictly closer counts.
        ranks = [1 + sum(away[o] < away[other] for o in by_truth) for other in by_plot[:K]]
        costs.append(sum(max(0, rank - K) for rank in ranks))
    want = 1 - np.mean(costs) / (K * (2 * 147 - 3 * K + 1) / 2)
    # Which of several equal rows comes last is chance; nothing else is.
    assert record["pooled_trustworthiness"] == pytest.approx(want, abs=0.01)


def test_plotted_neighbours_vote_on_the_prediction() -> None:
    rng = np.random.default_rng(0)
    flat = [np.r_[rng.normal(-50, 1, (40, 2)), rng.normal(50, 1, (40, 2))]]
    full = [np.c_[flat[0], rng.normal(size=(80, 3))].astype(np.float32)]
    classes = np.repeat([0, 1], 40)
    assert measure(full, flat, predictions=[classes])["boundary_agreement"] == 1
    wrong = classes.copy()
    wrong[:4] = 1  # lone dissenters among 36 others are outvoted, and outvote nobody
    assert measure(full, flat, predictions=[wrong])["boundary_agreement"] == pytest.approx(76 / 80)


def test_a_collapsed_picture_is_not_trustworthy() -> None:
    full = walk(300)
    record = measure(full, [np.zeros((300, 2))] * 5)
    # All samples have the same few neighbours, so that chance has a wider spread.
    assert record["trustworthiness"] == pytest.approx(chance(300), abs=0.1)
    assert record["unmoved_motion"] == 0
    assert record["displacement_rank_correlation"] is None and record["distance_rank_correlation"] is None


def test_duplicates_cost_nothing() -> None:
    rows = np.repeat(np.random.default_rng(1).normal(size=(12, 5)), 10, axis=0).astype(np.float32)
    record = measure([rows], [3 * rows @ np.eye(5)])
    assert record["trustworthiness"] == record["continuity"] == 1


def test_inputs_that_do_not_fit_are_refused() -> None:
    full, flat = walk(), flat_of(walk())
    for arguments, options in (
        (([], []), {}),
        ((full, flat[1:]), {}),
        ((full, [rows[1:] for rows in flat]), {}),
        ((full, flat), {"forget": FORGET[1:]}),
        ((full, flat), {"predictions": [np.zeros(N)]}),
    ):
        with pytest.raises(BadInput):
            measure(*arguments, **options)


@pytest.mark.parametrize("n", [5, 160, 1203])
def test_neighbours_kept_per_sample(n: int) -> None:
    full = walk(n, rounds=1)[0]
    flat = full[:, :2] + 0.2 * np.random.default_rng(1).normal(size=(n, 2)).astype(np.float32)
    k = min(K, n - 1)
    found = [NearestNeighbors(n_neighbors=k).fit(z).kneighbors(return_distance=False) for z in (full, flat)]
    want = [len(set(a) & set(b)) / k for a, b in zip(*found, strict=True)]
    got = neighbours_kept(full, flat)
    assert got.dtype == np.float32 and got == pytest.approx(want, abs=1e-6)
    assert (neighbours_kept(full, 3 * full) == 1).all()
    order = np.random.default_rng(2).permutation(n)
    assert (neighbours_kept(full[order], flat[order]) == got[order]).all()


def test_a_single_sample_keeps_all_its_neighbours() -> None:
    assert neighbours_kept(np.zeros((1, 3)), np.zeros((1, 2))).tolist() == [1]
