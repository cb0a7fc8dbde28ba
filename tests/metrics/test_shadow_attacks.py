"""U-LiRA, RULI's games and KLoM against scipy and scikit-learn, with planted differences and without."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import KernelDensity

from cu_core.metrics.exchange_test import INSIDE, NONE, OUTSIDE, exchange_test, exchanged
from cu_core.metrics.klom import klom
from cu_core.metrics.logit_margin import logit_margins
from cu_core.metrics.resolvable import told_apart
from cu_core.metrics.ruli import game_scores, log_density, usual_bandwidth
from cu_core.metrics.ulira import LEAST_SHARE, OWN_SPREAD_FROM, normals, ulira_scores

N, TARGETS = 60, 40


@pytest.fixture
def margins() -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.normal(rng.normal(3, 2, TARGETS), rng.uniform(0.5, 2, TARGETS), (N, TARGETS))


@pytest.fixture
def roles() -> np.ndarray:
    rng = np.random.default_rng(1)
    return rng.permuted(np.tile(np.arange(N)[:, None] % 3, (1, TARGETS)), axis=0)


def test_the_margin_is_the_logit_of_the_probability() -> None:
    rng = np.random.default_rng(2)
    logits, labels = rng.normal(0, 5, (50, 7)).astype(np.float32), rng.integers(0, 7, 50)
    p = torch.from_numpy(logits).double().softmax(1)[torch.arange(50), torch.from_numpy(labels)]
    assert logit_margins(logits, labels) == pytest.approx(torch.logit(p).numpy(), rel=1e-9)


def test_a_sure_network_keeps_its_margin() -> None:
    # The probability is 1 in single precision, and its logit infinite.
    assert logit_margins(np.array([[200.0, 10.0, 0.0]], np.float32), np.array([0])) == pytest.approx([190.0], abs=1e-4)


def test_ulira_is_the_ratio_of_two_normals(margins: np.ndarray, roles: np.ndarray) -> None:
    phi = np.random.default_rng(3).normal(3, 3, TARGETS)
    score = ulira_scores(phi, margins, roles == 0, roles == 1)
    for sample in range(TARGETS):
        inside, outside = (margins[roles[:, sample] == role, sample] for role in (0, 1))
        expected = stats.norm.logpdf(phi[sample], inside.mean(), inside.std(ddof=1)) - stats.norm.logpdf(
            phi[sample], outside.mean(), outside.std(ddof=1)
        )
        assert score[sample] == pytest.approx(expected)


def test_few_models_share_one_deviation(margins: np.ndarray) -> None:
    few = np.zeros((N, TARGETS), bool)
    few[: OWN_SPREAD_FROM - 1] = True
    # The error of a one-way analysis of variance.
    residuals = margins[few[:, 0]] - margins[few[:, 0]].mean(0)
    pooled = np.sqrt((residuals**2).sum() / (few.sum() - TARGETS))
    assert normals(margins, few)[1] == pytest.approx(np.full(TARGETS, pooled))
    few[OWN_SPREAD_FROM - 1] = True
    assert normals(margins, few)[1] == pytest.approx(margins[:OWN_SPREAD_FROM].std(0, ddof=1))


def test_margins_that_lie_together_by_chance_do_not_decide(margins: np.ndarray) -> None:
    margins[:, 0] = 1.0
    every = np.ones((N, TARGETS), bool)
    deviations = normals(margins, every)[1]
    pooled = np.sqrt(margins.var(0, ddof=1).mean())
    assert deviations[0] == pytest.approx(LEAST_SHARE * pooled)


def test_a_model_that_diverged_counts_for_nobody(margins: np.ndarray, roles: np.ndarray) -> None:
    lost = margins.copy()
    lost[4] = np.nan
    without = np.delete(margins, 4, 0), np.delete(roles, 4, 0)
    phi = margins[0]
    score = ulira_scores(phi, lost, roles == 0, roles == 1)
    assert score == pytest.approx(ulira_scores(phi, without[0], without[1] == 0, without[1] == 1))
    assert log_density(phi, lost, roles == 0, 1.0) == pytest.approx(log_density(phi, without[0], without[1] == 0, 1.0))


@pytest.mark.parametrize("bandwidth", [1.0, 0.3])
def test_the_density_is_that_of_scikit_learn(margins: np.ndarray, roles: np.ndarray, bandwidth: float) -> None:
    phi = np.random.default_rng(4).normal(3, 6, TARGETS)
    found = log_density(phi, margins, roles == 2, bandwidth)
    for sample in range(TARGETS):
        kernels = KernelDensity(bandwidth=bandwidth).fit(margins[roles[:, sample] == 2, sample][:, None])
        assert found[sample] == pytest.approx(kernels.score_samples(phi[sample : sample + 1, None])[0])


def test_the_usual_bandwidth_is_that_of_normal_data(margins: np.ndarray) -> None:
    every = np.ones((N, TARGETS), bool)
    # scipy's rule of Silverman has the factor (4/3)^(1/5) = 1.059 for one dimension.
    expected = [stats.gaussian_kde(column, "silverman").factor * column.std(ddof=1) for column in margins.T]
    assert usual_bandwidth(margins, every) == pytest.approx(np.array(expected), rel=2e-3)


def test_a_game_orders_as_the_share_of_the_densities_does(margins: np.ndarray, roles: np.ndarray) -> None:
    phi = np.random.default_rng(5).normal(3, 2, TARGETS)
    score = game_scores(phi, (margins, roles == 0), (margins, roles == 1), 1.0)
    first, second = (np.exp(log_density(phi, margins, roles == role, 1.0)) for role in (0, 1))
    assert 1 / (1 + np.exp(-score)) == pytest.approx(first / (first + second))


def test_planted_traces_are_found_and_none_where_there_are_none() -> None:
    rng = np.random.default_rng(6)
    roles = rng.permuted(np.tile(np.arange(N)[:, None] % 3, (1, 400)), axis=0)
    hard = rng.normal(2, 3, 400)
    member = np.arange(400) < 200
    areas = []
    for trace in (0.0, 1.5):
        shadows = hard + rng.normal(0, 1, (N, 400)) + trace * (roles == 0)
        phi = hard + rng.normal(0, 1, 400) + trace * member
        areas.append(
            [
                roc_auc_score(member, ulira_scores(phi, shadows, roles == 0, roles == 1)),
                roc_auc_score(member, game_scores(phi, (shadows, roles == 0), (shadows, roles == 1))),
            ]
        )
    # Two normals 1.5 deviations apart: Φ(1.5 / √2) = .856; a known sample is worth less than that.
    assert areas[0] == pytest.approx([0.5, 0.5], abs=0.08)
    assert areas[1] == pytest.approx([0.83, 0.83], abs=0.06)


def test_no_rate_finer_than_the_others_resolve() -> None:
    score = np.array([5.0, 4.0, 3.0, 2.0, 1.0, 0.0])
    member = np.array([True, False, True, True, False, False])
    told = told_apart(score, member, 50, 0)
    assert told["fpr"] == pytest.approx(1 / 3)
    assert told["tpr"] == 1.0, "above 1, where one of three others is accused"
    assert told["auc"][0] == pytest.approx(roc_auc_score(member, score))
    assert told_apart(score, ~member, 50, 0)["tpr"] == pytest.approx(1 / 3)


def published_klom(unlearned: np.ndarray, retrained: np.ndarray) -> float:
    """Bin by bin, as the paper's code counts: a margin at the upper end lies in no bin."""
    low = min(unlearned.min(), retrained.min())
    width = (max(unlearned.max(), retrained.max()) - low) / 20
    counts = np.zeros((2, 20))
    for side, values in enumerate((unlearned, retrained)):
        for value in values:
            place = int(np.floor((value - low) / width + 1e-9))
            if place < 20:
                counts[side, place] += 1
    p, q = counts / counts.sum(1, keepdims=True)
    return float(sum(a * np.log(a / max(b, 1e-5)) for a, b in zip(p, q, strict=True) if a > 0))


@pytest.mark.parametrize("seed", range(5))
def test_klom_is_what_the_public_code_counts(seed: int) -> None:
    rng = np.random.default_rng(seed)
    unlearned, retrained = rng.normal(0, 1, 100), rng.normal(0.5, 1.5, 100)
    assert klom(unlearned, retrained, as_published=True) == pytest.approx(published_klom(unlearned, retrained))


def test_the_mended_klom_keeps_the_largest_margin() -> None:
    rng = np.random.default_rng(9)
    unlearned, retrained = rng.normal(0, 1, 80), rng.normal(1, 1, 90)
    edges = np.linspace(min(unlearned.min(), retrained.min()), max(unlearned.max(), retrained.max()), 21)
    p, q = (np.histogram(values, edges)[0] / len(values) for values in (unlearned, retrained))
    assert klom(unlearned, retrained) == pytest.approx(stats.entropy(p, np.maximum(q, 1e-5)), rel=1e-3)
    assert klom(unlearned, unlearned) == 0


def test_margins_beyond_a_hundred_are_cut() -> None:
    assert klom(np.full(60, 500.0), np.full(60, 100.0)) == 0
    assert klom(np.full(60, 500.0), np.full(60, -500.0)) == pytest.approx(np.log(1e5))


def blocked(trace: float, seed: int, models: int = 18, targets: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Margins, kinds and blocks of three: roles drawn per target, all models shifted as a whole."""
    rng = np.random.default_rng(seed)
    each = np.tile(np.array([[NONE], [OUTSIDE], [INSIDE]], np.int8), (models // 3, 1, targets))
    kinds = rng.permuted(each, axis=1).reshape(models, targets)
    margins = rng.normal(3, 2, targets) + rng.standard_t(5, (models, targets)) + rng.normal(0, 0.5, (models, 1))
    return margins + trace * (kinds == INSIDE), kinds, np.arange(models) // 3


def test_each_model_is_attacked_by_those_of_other_blocks() -> None:
    margins, kinds, blocks = blocked(0.7, 0)
    found = exchange_test(margins, kinds, blocks, 19, 0)
    areas = []
    for row in range(len(margins)):
        others = (blocks != blocks[row])[:, None]
        score = ulira_scores(margins[row], margins, (kinds == INSIDE) & others, (kinds == OUTSIDE) & others)
        asked = kinds[row] != NONE
        areas.append(roc_auc_score(kinds[row][asked] == INSIDE, score[asked]))
    assert found is not None
    assert found.area == pytest.approx(np.mean(areas))


def test_roles_that_mean_nothing_are_called_a_trace_in_one_audit_of_twenty() -> None:
    found = [exchange_test(*blocked(0.0, seed, 12, 40), 19, seed) for seed in range(200)]
    called = sum(one is not None and one.p <= 0.05 for one in found)
    # Binomial with 200 and .05: 3 to 19 in 999 of 1,000.
    assert 3 <= called <= 19


def test_a_small_trace_is_called_so_by_enough_models() -> None:
    found = exchange_test(*blocked(0.5, 1, 60, 60), 99, 0)
    assert found is not None
    assert found.p == pytest.approx(0.01)
    assert found.low < 0.5 < found.high < found.area


def test_only_models_that_count_exchange_their_roles() -> None:
    kinds = blocked(0.0, 5)[1].reshape(-1, 3, 60)
    found = exchanged(kinds, np.random.default_rng(0))
    assert ((found == NONE) == (kinds == NONE)).all()
    assert (np.sort(found, axis=1) == np.sort(kinds, axis=1)).all()
    moved = (found != kinds).any(axis=1).mean()
    assert moved == pytest.approx(0.5, abs=0.1)


def test_too_few_blocks_give_no_test() -> None:
    assert exchange_test(*blocked(1.0, 2, 6), 19, 0) is None


def test_a_model_that_counts_for_nothing_changes_nothing() -> None:
    margins, kinds, blocks = blocked(0.5, 3, 30)
    kinds[4], margins[4] = NONE, np.nan
    keep = np.arange(30) != 4
    with_it, without = (
        exchange_test(margins, kinds, blocks, 19, 0),
        exchange_test(margins[keep], kinds[keep], blocks[keep], 19, 0),
    )
    assert with_it is not None and without is not None
    assert with_it.area == pytest.approx(without.area)
