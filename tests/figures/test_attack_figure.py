"""Attack figures: decisions counted by hand, the ROC curve of another library, axes and bins that panes share."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, precision_score, recall_score, roc_auc_score, roc_curve

from cu_core.figures.attack_overview import SERIES, gap_words, overview, overview_alt
from cu_core.figures.attack_scores import (
    MODEL_COLOURS,
    Scored,
    judge,
    roc_alt,
    roc_figure,
    roc_words,
    score_bins,
    score_panes,
    scores_alt,
    verdict_rows,
)
from cu_core.figures.theme import COLOURS

MEMBER = np.arange(120) < 60


def scored(model: str, way: str, apart: float, seed: int = 0, threshold: float | None = 0.2) -> Scored:
    score = np.random.default_rng(seed).normal(size=120) + apart * MEMBER
    return Scored(model, way, score.astype(np.float32), MEMBER, threshold)


PANES = [
    scored("before", "refitted", 2.0, 1),
    scored("after", "transferred", 0.2, 2),
    scored("reference", "transferred", 0, 3),
]


@given(st.floats(-3, 4), st.integers(0, 20))
def test_decisions_are_those_of_scikit_learn(threshold: float, seed: int) -> None:
    pane = scored("before", "refitted", 1.0, seed)
    found = judge(pane.score, pane.member, threshold)
    judged = pane.score >= threshold
    assert found.accuracy == pytest.approx(accuracy_score(MEMBER, judged))
    assert found.recall == pytest.approx(recall_score(MEMBER, judged))
    assert found.false_positives == pytest.approx(judged[~MEMBER].mean())
    if judged.any():
        assert found.precision == pytest.approx(precision_score(MEMBER, judged))
    else:
        assert found.precision is None


def test_what_scores_exactly_the_threshold_is_judged_a_member() -> None:
    found = judge(np.array([1.0, 1.0]), np.array([True, False]), 1.0)
    assert (found.recall, found.false_positives) == (1.0, 1.0)


def test_bins_hold_all_thresholds_and_nearly_all_scores() -> None:
    scores = [pane.score for pane in PANES]
    edges = score_bins(scores, [7.5, None])
    everything = np.concatenate(scores)
    assert (np.diff(edges) > 0).all() and edges[-1] > 7.5
    assert ((everything >= edges[0]) & (everything <= edges[-1])).mean() >= 0.99
    far = score_bins([np.append(np.zeros(999), 1e9)])
    assert far[-1] < 1e9, "one far score must not squeeze all others into one bin"
    assert np.isfinite(score_bins([np.array([np.inf, 1.0])])).all()
    assert (np.diff(score_bins([np.ones(5)])) > 0).all()


def test_panes_share_axes_and_bins_and_show_both_thresholds() -> None:
    edges = score_bins([p.score for p in PANES])
    figure = score_panes(PANES, edges, 0.7, "score")
    assert len({tuple(axis.range) for axis in figure.select_xaxes()}) == 1
    assert len({tuple(axis.range) for axis in figure.select_yaxes()}) == 1
    for trace in figure.data:
        np.testing.assert_allclose(trace.x, edges)
        assert np.sum(trace.y[:-1]) == pytest.approx(1)
        side = MEMBER if trace.meta["side"] == "members" else ~MEMBER
        pane = next(p for p in PANES if p.model == trace.meta["model"])
        counts, _ = np.histogram(np.clip(pane.score[side], edges[0], edges[-1]), edges)
        np.testing.assert_allclose(trace.y[:-1], counts / 60)
        assert "n = 60" in trace.name
    lines = {(shape.x0, shape.line.dash) for shape in figure.layout.shapes}
    assert lines == {(0.7, None), (0.2, "dot")}
    before, after = figure.data[0], figure.data[2]
    assert before.fill is None and after.fill == "tozeroy" and after.line.color.startswith("rgba(213, 94, 0")
    assert COLOURS["reference"] in figure.layout.annotations[2].text
    assert "20%" not in scores_alt(PANES, 99.0) and "0% of the members" in scores_alt(PANES, 99.0)


def test_roc_is_that_of_scikit_learn_and_keeps_zero_on_the_log_axis() -> None:
    figure = roc_figure(PANES, log=True)
    chance, *curves = figure.data
    np.testing.assert_allclose(chance.x, chance.y)
    left = 0.5 / 60
    for trace, pane in zip(curves, PANES, strict=True):
        fpr, tpr, _ = roc_curve(MEMBER, pane.score, drop_intermediate=False)
        np.testing.assert_allclose(trace.x, np.maximum(fpr, left))
        np.testing.assert_allclose(trace.customdata[:, 0], fpr)
        np.testing.assert_allclose(trace.y, tpr)
        assert trace.meta["auc"] == pytest.approx(roc_auc_score(MEMBER, pane.score))
        assert f"AUC {trace.meta['auc']:.2f}" in trace.name
        assert trace.line.color == MODEL_COLOURS[pane.model]
    assert figure.layout.xaxis.type == "log" and figure.layout.xaxis.range[0] == pytest.approx(np.log10(left))
    mark = next(a for a in figure.layout.annotations if "1 % FPR" in a.text)
    assert mark.x == pytest.approx(-2) and figure.layout.shapes[0].x0 == pytest.approx(0.01)
    linear = roc_figure(PANES, log=False)
    assert linear.layout.xaxis.range == (0, 1) and linear.data[1].x[0] == 0
    assert "Before" in roc_alt(PANES)


def test_ways_of_one_model_share_its_colour_and_differ_in_dashes() -> None:
    pair = [scored("after", way, 1, 5) for way in ("refitted", "transferred", "shadow")]
    lines = [trace.line for trace in roc_figure(pair).data[1:]]
    assert len({line.color for line in lines}) == 1 and len({line.dash for line in lines}) == 3


def test_few_samples_are_said_to_make_a_coarse_rate() -> None:
    assert "step of 2.50%" in roc_words(40, 40) and "not a single non-member" in roc_words(40, 40)
    assert "10 accused non-members make 1 % FPR" in roc_words(1000, 1000)
    assert "1 accused non-member make" in roc_words(100, 100)


def test_verdicts_part_the_samples_and_go_from_the_threshold_outwards() -> None:
    pane = PANES[0]
    groups = verdict_rows(pane.score, pane.member, 0.5)
    assert np.array_equal(np.sort(np.concatenate(list(groups.values()))), np.arange(120))
    for (is_member, judged), rows in groups.items():
        assert (MEMBER[rows] == is_member).all() and ((pane.score[rows] >= 0.5) == judged).all()
        assert (np.diff(np.abs(pane.score[rows].astype(float) - 0.5)) >= 0).all()


def numbers(accuracy: tuple, auc: tuple = (0.5, 0.4, 0.6)) -> dict:
    return {"accuracy": list(accuracy), "auc": list(auc), "threshold": 0.1}


ATTACKS = {
    "loss": {
        "before": {"refitted": numbers((0.8, 0.75, 0.85))},
        "after": {"transferred": numbers((0.5, 0.45, 0.55)), "refitted": numbers((0.65, 0.6, 0.7))},
    },
    "svc": {
        "before": {"refitted": numbers((0.7, 0.6, 0.8))},
        "after": {"transferred": {"accuracy": [None, None, None], "reason": "too few"}},
    },
}


def test_overview_has_a_dot_with_its_interval_per_attack_model_and_way() -> None:
    figure = overview(ATTACKS, "accuracy")
    traces = {(t.meta["model"], t.meta["way"]): t for t in figure.data}
    assert set(traces) == {("before", "refitted"), ("after", "transferred"), ("after", "refitted")}
    before = traces["before", "refitted"]
    assert before.x == (0.8, 0.7)
    np.testing.assert_allclose(before.error_x.array, [0.05, 0.1])
    np.testing.assert_allclose(before.error_x.arrayminus, [0.05, 0.1])
    # What could not be made has no dot, not a dot at zero.
    assert traces["after", "transferred"].x == (0.5,)
    assert [round(y) for y in before.y] == [0, 1]
    assert figure.layout.yaxis.ticktext == ("Loss threshold", "Support vector machine")
    assert figure.layout.shapes[0].x0 == 0.5
    assert "after, transferred 0.50" in overview_alt(ATTACKS, "accuracy")
    assert len({(MODEL_COLOURS[m], s) for (m, _), s in SERIES.items()}) == len(SERIES), "no two series look the same"


def test_the_gap_is_claimed_only_where_the_intervals_allow_it() -> None:
    words = gap_words(ATTACKS, "loss")
    assert "50.0% transferred, 65.0% re-fitted" in words and "15.0 points more often" in words
    close = {"loss": {"after": {"transferred": numbers((0.5, 0.4, 0.6)), "refitted": numbers((0.55, 0.5, 0.6))}}}
    assert "too wide" in gap_words(close, "loss")
    turned = {"loss": {"after": {"transferred": numbers((0.7, 0.65, 0.75)), "refitted": numbers((0.5, 0.4, 0.6))}}}
    assert "old attack does better" in gap_words(turned, "loss")
    assert "not made in both ways" in gap_words(ATTACKS, "svc")
