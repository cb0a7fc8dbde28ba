"""Curves over rounds: values, threshold, reference level and band, labels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from cu_core.figures.curves import SIGNAL_PANES, RunCurves, curves, curves_alt, panes, signal_panes
from cu_core.figures.theme import COLOURS
from cu_core.metrics.band import band


def manifest(number: int, task: str = "class", **metrics: float | None) -> dict[str, Any]:
    value = 1 - number / 4
    threshold = 0.1 if task == "class" else 0.8 + number / 100
    shown = {"forget_acc": value, "retain_acc": 0.99, "test_acc": 0.9, "mia_auc": 0.5}
    if task == "class":
        shown |= {"test_acc_forgotten": value, "test_acc_retained": 0.97}
    return {
        "round": number,
        "metrics": shown | metrics,
        "counts": {"forget": 130, "retain": 900, "unseen": 500},
        "rule": {"name": task, "value": value, "threshold": threshold, "met": value <= threshold},
    }


def run(task: str = "class", rounds: int = 5, references: int = 3, label: str = "run") -> RunCurves:
    refs = [manifest(0, task, forget_acc=0.02 * seed) for seed in range(references)]
    return RunCurves.from_manifests(label, [manifest(k, task) for k in reversed(range(rounds))], refs)


def trace(figure: Any, text: str) -> Any:
    found = [t for t in figure.data if text in (t.name or "")]
    assert found, f"no trace named like {text!r} in {[t.name for t in figure.data]}"
    return found[0]


def test_manifests_are_read_in_order_of_rounds() -> None:
    assert list(run().metrics["round"]) == [0, 1, 2, 3, 4]
    assert list(run().rule["value"]) == [1, 0.75, 0.5, 0.25, 0]


def test_class_forgetting_splits_unseen_by_class_and_sample_forgetting_does_not() -> None:
    assert panes([run("class")]) == ("forget_acc", "retain_acc", "test_acc_forgotten", "test_acc_retained")
    assert panes([run("sample")]) == ("forget_acc", "retain_acc", "test_acc")
    assert panes([run("class"), run("sample")]) == ("forget_acc", "retain_acc", "test_acc")
    assert panes([]) == ()


def test_a_pane_shows_the_metric_in_its_groups_colour_with_a_hollow_start() -> None:
    line = trace(curves([run()]), "Forget accuracy")
    assert list(line.y) == [1, 0.75, 0.5, 0.25, 0]
    assert line.line.color == COLOURS["forget"]
    assert line.marker.symbol[0].endswith("-open") and not line.marker.symbol[1].endswith("-open")


def test_n_is_stated() -> None:
    titles = [a.text for a in curves([run()]).layout.annotations]
    assert titles[:2] == ["<b>Forget accuracy<br>(n = 130)</b>", "<b>Retain accuracy<br>(n = 900)</b>"]
    assert "Reference (3 models, mean and 95 % band)" in [t.name for t in curves([run()]).data]


def test_reference_level_and_band_are_mean_and_prediction_interval() -> None:
    values = np.array([0.0, 0.02, 0.04])
    figure = curves([run()], ["forget_acc"])
    level = trace(figure, "Reference")
    assert list(level.y) == pytest.approx([values.mean()] * 2)
    band = next(t for t in figure.data if t.fill == "toself")
    half = stats.t.ppf(0.975, 2) * values.std(ddof=1) * math.sqrt(4 / 3)
    assert values.mean() - half < 0, "where no share can be"
    assert sorted(set(band.y)) == pytest.approx([0.0, values.mean() + half])


def test_samples_of_one_side_of_the_classes_are_not_counted_as_all_unseen_ones() -> None:
    def level(metric: str) -> Any:
        refs = [manifest(0, "class", forget_acc=0.0) for _ in range(3)]
        for one in refs:
            one["metrics"] |= {"test_acc_forgotten": 0.0}
        return RunCurves.from_manifests("run", [manifest(0, "class")], refs).reference_level(metric)

    assert level("forget_acc")[1].half == pytest.approx(band([0.0, 0.0, 0.0], 130).half)
    assert level("test_acc_forgotten") == (0.0, None, 3), "its samples are fewer, and how many is not known"


def test_references_below_zero_stay_in_the_picture() -> None:
    metric = "own_centroid_cosine"

    def ends(value: float) -> Any:
        made = [manifest(k, "class") for k in range(2)]
        refs = [manifest(0, "class") for _ in range(2)]
        for one in made:
            one["metrics"] |= {metric: 0.4}
        for one in refs:
            one["metrics"] |= {metric: value}
        return curves([RunCurves.from_manifests("run", made, refs)], [metric]).layout.yaxis.range

    assert ends(0.3) == (-0.03, 1.03) and ends(-0.3) == (-1.05, 1.05)


def test_one_seed_has_a_level_but_claims_no_band() -> None:
    figure = curves([run(references=1)], ["forget_acc"])
    assert trace(figure, "Reference (1 model)")
    assert not [t for t in figure.data if t.fill == "toself"]
    level = run(references=1).reference_level("forget_acc")
    assert level is not None and level[1] is None


def test_without_reference_nothing_is_drawn_for_it() -> None:
    assert not [t for t in curves([run(references=0)]).data if "Reference" in (t.name or "")]


def test_constant_threshold_spans_its_own_pane_only() -> None:
    figure = curves([run("class")])
    thresholds = [t for t in figure.data if t.name == "Stopping threshold"]
    assert len(thresholds) == 1
    assert list(thresholds[0].y) == [0.1, 0.1]
    pane = next(t for t in figure.data if t.name == "Unseen accuracy, forgotten classes")
    assert thresholds[0].xaxis == pane.xaxis


def test_moving_threshold_is_drawn_round_by_round() -> None:
    threshold = trace(curves([run("sample")]), "Stopping threshold")
    assert list(threshold.y) == pytest.approx([0.8, 0.81, 0.82, 0.83, 0.84])


def test_axes_are_fixed_and_shared() -> None:
    for rounds in (2, 9):
        figure = curves([run(rounds=rounds)])
        ranges = {tuple(axis.range) for axis in figure.select_yaxes()}
        assert ranges == {(-0.03, 1.03)}
        assert {tuple(axis.range) for axis in figure.select_xaxes()} == {(-0.3, rounds - 1 + 0.3)}


def test_several_runs_have_one_legend_entry_each() -> None:
    figure = curves([run(label="a"), run(label="b", references=0)])
    shown = [t.name for t in figure.data if t.showlegend]
    assert shown.count("a") == shown.count("b") == 1
    styles = {t.name: (t.line.color, t.line.dash) for t in figure.data if t.name in ("a", "b")}
    assert styles["a"] != styles["b"]


def test_missing_values_leave_gaps_and_empty_runs_no_error() -> None:
    gappy = RunCurves.from_manifests("x", [manifest(0), manifest(1, forget_acc=None), manifest(2)])
    assert np.isnan(trace(curves([gappy]), "Forget").y[1])
    nothing = RunCurves.from_manifests("x", [])
    assert not curves([nothing]).data
    assert curves_alt([nothing]) == "No round has been recorded yet."


def test_a_run_without_rule_has_no_threshold() -> None:
    silent = [manifest(k) | {"rule": None} for k in range(3)]
    figure = curves([RunCurves.from_manifests("x", silent)])
    assert not [t for t in figure.data if t.name == "Stopping threshold"]


def test_alt_text_says_first_and_last_value() -> None:
    text = curves_alt([run()])
    assert "forget accuracy from 100.0% to 0.0%" in text and "rounds 0 to 4" in text


def test_metrics_that_are_no_shares_keep_their_scale() -> None:
    figure = curves([run()], ["mia_auc"])
    assert next(figure.select_yaxes()).tickformat == ".1f"
    assert "%{y:.3f}" in trace(figure, "Membership").hovertemplate


def signals(number: int) -> dict[str, Any]:
    views = {"forget_two_view": 0.9 - number / 10, "unseen_two_view": 0.6} if number != 1 else {}
    return manifest(number, forget_loss=2.0 + number, unseen_loss=3.5, forget_top1=0.2, unseen_top1=0.1, **views)


def test_forget_and_unseen_share_a_pane_of_signals() -> None:
    run = RunCurves.from_manifests("x", [signals(k) for k in range(4)], [signals(0)])
    panes = signal_panes([run])
    assert panes == SIGNAL_PANES
    figure = curves([run], panes)
    assert [a.text for a in figure.layout.annotations][:3] == [
        f"<b>{title}</b>" for title in ("Two-view cosine", "Loss", "Top-1 probability")
    ]
    assert figure.layout.yaxis2.title.text == "Mean (nats)"
    assert [t.name for t in figure.data if t.showlegend][:3] == [
        "Reference (1 model)",
        "Forget samples",
        "Unseen samples",
    ]
    forget, unseen = (t for t in figure.data if t.name in ("Forget samples", "Unseen samples") and t.xaxis == "x2")
    assert list(forget.y) == [2, 3, 4, 5] and list(unseen.y) == [3.5] * 4
    assert (forget.line.color, unseen.line.color) == (COLOURS["forget"], COLOURS["unseen"])
    assert figure.layout.yaxis2.range is None, "a loss has no upper end"
    views = next(t for t in figure.data if t.name == "Forget samples")
    assert np.isnan(views.y[1]) and views.connectgaps, "what is thinned is joined"
    assert "two-view cosine, forget from 0.900 to 0.600" in curves_alt([run], panes)
    assert signal_panes([RunCurves.from_manifests("x", [manifest(0)])]) == (("mia_auc",),)


def test_an_encoders_accuracies_are_called_by_their_name() -> None:
    shown = [manifest(k, forget_acc=None, test_acc_forgotten=None) for k in range(2)]
    encoder = RunCurves.from_manifests("x", shown, objective="self-supervised")
    assert panes([encoder]) == ("retain_acc", "test_acc_retained")
    titles = [a.text for a in curves([encoder]).layout.annotations]
    assert titles[:2] == ["<b>Retain accuracy<br>(kNN, n = 900)</b>", "<b>Unseen,<br>other classes<br>(kNN)</b>"]
    assert "(kNN)" in curves_alt([encoder]) and "(kNN)" not in curves_alt([run()])
