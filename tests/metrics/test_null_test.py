"""The test of one number against retrained models, beside scipy, formulas written out, and simulated retraining."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from cu_core.metrics.questions.null_test import Null, holm, null_of, p_value, weighed
from cu_core.metrics.questions.verdict_evidence import GroupSeen, ModelSeen, Statistic


def plain(value: float) -> ModelSeen:
    """A model of which one number is known."""
    group = GroupSeen(np.zeros(1, int), np.ones((1, 1)), np.zeros(1, int), np.array([value]), np.zeros((1, 1)))
    return ModelSeen(group, group, group)


def score(model: ModelSeen, references: object) -> float:
    return float(model.forget.score[0])


BOTH = Statistic("score", "Score", "", score, 1, low="low", high="high")


def test_p_is_that_of_a_two_sample_t_test_with_one_model_on_one_side() -> None:
    values = [0.1, 0.4, 0.35, 0.2, 0.6]
    found = weighed(BOTH, plain(1.1), [plain(2.0)], [plain(v) for v in values])
    assert found.p == pytest.approx(stats.ttest_ind([1.1], values, equal_var=True).pvalue)
    assert found.positive_p == pytest.approx(stats.ttest_ind([2.0], values, equal_var=True).pvalue)
    one_sided = weighed(replace(BOTH, low=""), plain(1.1), [plain(2.0)], [plain(v) for v in values])
    assert one_sided.p == pytest.approx(stats.ttest_ind([1.1], values, equal_var=True, alternative="greater").pvalue)


def test_every_reference_is_measured_beside_the_others() -> None:
    def beside(model: ModelSeen, references: list[ModelSeen]) -> float:
        return score(model, ()) - float(np.mean([score(r, ()) for r in references]))

    values = [1.0, 2.0, 6.0]
    null = null_of(beside, [plain(v) for v in values])
    assert null is not None
    assert null.values == pytest.approx([1 - 4, 2 - 3.5, 6 - 1.5])
    found = weighed(replace(BOTH, of=beside), plain(3.0), [], [plain(v) for v in values])
    assert found.value == pytest.approx(3 - np.mean(values))


def test_five_percent_of_true_retrains_are_called_different() -> None:
    rng = np.random.default_rng(3)
    for references in (5, 8, 16):
        called = 0
        for _ in range(2000):
            values = rng.normal(0, 1, references + 1)
            found = weighed(BOTH, plain(values[0]), [], [plain(v) for v in values[1:]])
            called += found.p is not None and found.p < 0.05
        assert 0.035 < called / 2000 < 0.065


@pytest.mark.parametrize("level", [0.0, 1.0, -3e9])
def test_references_that_agree_to_rounding_accuse_nobody(level: float) -> None:
    references = [plain(level * (1 + k * 1e-13)) for k in range(5)]
    found = weighed(BOTH, plain(level + 0.01), [plain(level + 2)], references)
    assert found.null is None and found.p is None and found.positive_p is None


def test_a_floor_a_least_difference_and_a_control_make_it_harder() -> None:
    sure = weighed(BOTH, plain(0.01), [], [plain(v * 1e-4) for v in (0, 1, 2, 1, 0)]).p
    assert sure is not None and sure < 1e-4
    references = [plain(v) for v in (0.0, 0.0, 0.0, 0.0, 0.0)]
    floored = weighed(replace(BOTH, floor=0.01), plain(0.01), [], references).p
    assert floored == pytest.approx(2 * stats.t.sf(1 / np.sqrt(1.2), 4))
    null = Null((0.0,) * 5, 0.0, 0.01)
    assert p_value(replace(BOTH, least=0.02), 0.01, null) == 1.0
    against = replace(BOTH, control=lambda model, references: None)
    assert p_value(against, 1.0, null, -1.0, null) == 1.0
    assert p_value(against, 1.0, null, 0.0001, null) == pytest.approx(2 * stats.t.sf(0.01, 4))
    assert p_value(against, 1.0, null, 1.0, null) == p_value(BOTH, 1.0, null)


def test_holm_rejects_as_the_procedure_does_step_by_step() -> None:
    rng = np.random.default_rng(1)
    for _ in range(200):
        raw = rng.uniform(0, 0.1, 6)
        rejected, order = set(), np.argsort(raw)
        for step, place in enumerate(order):
            if raw[place] > 0.05 / (6 - step):
                break
            rejected.add(int(place))
        assert {i for i, p in enumerate(holm(list(raw))) if p <= 0.05} == rejected


def test_detectable_is_the_difference_at_which_p_reaches_the_level() -> None:
    values = [0.1, 0.4, 0.35, 0.2, 0.6]
    references = [plain(v) for v in values]
    for statistic in (BOTH, replace(BOTH, low=""), replace(BOTH, least=0.1)):
        least = weighed(statistic, plain(0.0), [], references).detectable(0.01)
        assert least is not None
        at = weighed(statistic, plain(np.mean(values) + least), [], references)
        assert at.p == pytest.approx(0.01)
