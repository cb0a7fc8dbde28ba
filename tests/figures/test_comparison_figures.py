"""Figures of a comparison: what is drawn where, around the reference, with every seed visible."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from cu_core.figures.class_gaps import END, ClassGaps, class_accuracy, class_gaps, class_gaps_alt
from cu_core.figures.confidence_panes import SIGNALS
from cu_core.figures.layer_bars import LayerLine, Noise, layer_alt, layer_similarity
from cu_core.figures.overlay import OverlayLine, envelope, overlay, overlay_alt, overlay_words
from cu_core.figures.pareto import (
    LARGEST,
    SMALLEST,
    ParetoBox,
    ParetoLine,
    ParetoPoint,
    diameter,
    pareto,
    pareto_alt,
    pareto_words,
)
from cu_core.figures.recovery_bars import FOUND, SAID, Recovery, RecoveryBar, recovery_alt, recovery_bars
from cu_core.figures.run_style import RUN_SYMBOLS, run_style
from cu_core.figures.theme import COLOURS, RUN_COLOURS, SYMBOLS, distance_colour
from cu_core.figures.trajectories import (
    Trajectory,
    TrajectoryLine,
    mean_trajectory,
    trajectories,
    trajectories_alt,
    trajectories_words,
)
from cu_core.metrics.band import Band


def named(figure: Any, text: str) -> list:
    return [trace for trace in figure.data if trace.name == text]


def test_styles_repeat_only_after_every_pair_of_colour_and_shape() -> None:
    count = len(RUN_COLOURS) * len(RUN_SYMBOLS)
    styles = [run_style(k) for k in range(count)]
    assert len({(s.colour, s.symbol) for s in styles}) == count
    assert len({(s.colour, s.dash) for s in styles}) == count
    assert not {s.colour for s in styles} & set(COLOURS.values())
    assert set(RUN_SYMBOLS) & set(SYMBOLS.values()) == {"circle"}


def points(*gaps: tuple[float, float]) -> tuple[ParetoPoint, ...]:
    return tuple(ParetoPoint(f"seed {k}", x, y, 0.25) for k, (x, y) in enumerate(gaps))


def drawn(*lines: ParetoLine, means: bool = True, boxes: tuple = (ParetoBox(1.0, 2.0),), **named: bool) -> Any:
    return pareto(lines, boxes, utility="Unseen accuracy", forgetting="Forget accuracy", means=means, **named)


def test_the_mean_is_strong_and_its_seeds_stay_visible() -> None:
    faint, mean = named(drawn(ParetoLine("A", points((-1, 2), (-3, 6)))), "A")
    assert list(faint.x) == [-1, -3] and list(faint.y) == [2, 6]
    assert (mean.x[0], mean.y[0]) == (-2, 4) and mean.marker.symbol == faint.marker.symbol
    assert mean.showlegend is None and faint.showlegend is False
    # Bars through the mean reach as far as its seeds, which are large and dark enough to be seen beside it.
    assert (mean.error_x.array[0], mean.error_x.arrayminus[0]) == (1, 1)
    assert (mean.error_y.array[0], mean.error_y.arrayminus[0]) == (2, 2)
    assert min(faint.marker.size) >= 7 and float(faint.marker.color.split(", ")[-1].rstrip(")")) >= 0.5
    (single,) = named(drawn(ParetoLine("A", points((-1, 2), (-3, 6))), means=False), "A")
    assert list(single.marker.size) == [diameter(0.25)] * 2


def test_the_area_of_a_marker_grows_with_the_time() -> None:
    areas = [diameter(share) ** 2 for share in (0.0, 0.25, 0.5)]
    assert areas[2] - areas[1] == pytest.approx(areas[1] - areas[0])
    assert diameter(0) == diameter(None) == SMALLEST and diameter(3.0) == LARGEST


def test_the_band_is_a_box_around_the_centre() -> None:
    figure = drawn(ParetoLine("A", points((0.5, 1))))
    (box,) = named(figure, "Band of retrained models")
    assert (min(box.x), max(box.x), min(box.y), max(box.y)) == (-1, 1, -2, 2)
    (centre,) = named(figure, "Retrained")
    assert (centre.x[0], centre.y[0], centre.marker.symbol) == (0, 0, SYMBOLS["reference"])


def test_axes_hold_all_runs_and_a_zoom_holds_the_band() -> None:
    line = ParetoLine("A", points((-30, 90)))
    wide = drawn(line)
    assert wide.layout.xaxis.range[0] < -30 and wide.layout.yaxis.range[1] > 90
    assert tuple(drawn(line, zoomed=True).layout.yaxis.range) == (-8, 8)
    # A band of two references does not squeeze the runs together.
    assert drawn(ParetoLine("A", points((0.5, 1))), boxes=(ParetoBox(500.0, 2.0),)).layout.xaxis.range[1] < 5


def test_lines_without_a_reference_keep_the_styles_of_the_others() -> None:
    figure = drawn(ParetoLine("A", ()), ParetoLine("B", points((1, 1))))
    assert not named(figure, "A")
    assert named(figure, "B")[0].marker.symbol == run_style(1).symbol
    assert "B: +1.0 points" in pareto_alt([ParetoLine("A", ()), ParetoLine("B", points((1, 1)))])


def run(name: str, *values: float | None) -> Trajectory:
    return Trajectory(name, tuple(range(len(values))), {"forget_acc": values})


def test_a_run_that_has_ended_keeps_its_last_value_in_the_mean() -> None:
    line = TrajectoryLine("A", (run("s0", 1.0, 0.2), run("s1", 1.0, 0.8, 0.6)))
    rounds, means = mean_trajectory(line, "forget_acc")
    assert rounds == [0, 1, 2] and means == pytest.approx([1.0, 0.5, 0.4])
    assert mean_trajectory(line, "test_acc") == ([], [])


def test_rounds_that_were_not_measured_are_skipped() -> None:
    figure = trajectories([TrajectoryLine("A", (run("s0", 1.0, None, 0.5),))], ["forget_acc"], {}, means=True)
    line = named(figure, "A")[0]
    assert math.isnan(line.y[1]) and line.connectgaps


def test_panes_have_the_references_band_once_in_the_legend() -> None:
    lines = [TrajectoryLine("A", (run("s0", 1.0, 0.2), run("s1", 0.9, 0.3)))]
    bands = {"forget_acc": [Band(0.1, 0.05, 3)], "test_acc": [Band(0.9, 0.05, 3), Band(0.91, 0.05, 3)]}
    figure = trajectories(lines, ["forget_acc", "test_acc"], bands, means=True)
    levels = named(figure, "Retrained, 95 % band")
    assert len(levels) == 3 and [t.showlegend for t in levels].count(True) == 1
    assert levels[0].line.color == COLOURS["reference"]
    filled = [t for t in figure.data if t.fill == "toself"]
    assert sorted(set(filled[0].y)) == pytest.approx([0.05, 0.15])
    shown = [t for t in figure.data if t.name == "A" and t.showlegend]
    assert len(shown) == 1 and list(shown[0].y) == pytest.approx([0.95, 0.25])


@pytest.mark.parametrize("metrics", [["forget_acc"], ["forget_loss", "forget_acc"], ["forget_acc", "forget_loss"]])
def test_every_pane_shows_all_rounds_whatever_its_metric(metrics: list[str]) -> None:
    figure = trajectories([TrajectoryLine("A", (run("s0", *np.linspace(1, 0, 11)),))], metrics, {}, means=True)
    for column, metric in enumerate(metrics, start=1):
        (across,), (upward,) = list(figure.select_xaxes(col=column)), list(figure.select_yaxes(col=column))
        assert across.range[0] <= 0 and across.range[1] >= 10 and across.tickformat == "d"
        assert (upward.tickformat, upward.range) == ((".0%", (-0.03, 1.03)) if metric == "forget_acc" else (None, None))


@pytest.mark.parametrize("narrow", [False, True])
def test_panes_stand_below_each_other_on_a_phone(narrow: bool) -> None:
    over_rounds = trajectories(
        [TrajectoryLine("A", (run("s0", 1.0, 0.2),))], ["forget_acc", "test_acc"], {}, means=True, narrow=narrow
    )
    pairs = {"after_base": ((0.5, 0.6),), "after_reference": ((0.7, 0.8),)}
    layers = layer_similarity([LayerLine("A", ("one", "two"), pairs)], Noise(), means=False, narrow=narrow)
    for figure in (over_rounds, layers):
        across, upward = (
            {tuple(axis.domain) for axis in axes()} for axes in (figure.select_xaxes, figure.select_yaxes)
        )
        assert (len(across), len(upward)) == ((1, 2) if narrow else (2, 1))


def test_cosines_below_zero_stay_in_the_picture() -> None:
    metric = "own_centroid_cosine"

    def ends(*values: float, bands: tuple[Band, ...] = ()) -> tuple[float, float]:
        line = TrajectoryLine("A", (Trajectory("s0", tuple(range(len(values))), {metric: values}),))
        return trajectories([line], [metric], {metric: list(bands)}, means=True).layout.yaxis.range

    assert ends(0.9, 0.1) == (-0.03, 1.03)
    assert ends(0.9, -0.6) == (-1.05, 1.05)
    assert ends(0.9, 0.2, bands=(Band(-0.3, 0.05, 3),)) == (-1.05, 1.05)


def test_bands_and_means_are_spoken_of_where_there_are_any() -> None:
    alone = [TrajectoryLine("A", (run("s0", 1.0, 0.2),))]
    bands = {"forget_acc": [Band(0.1, 0.05, 3)]}
    assert trajectories_words(alone, ["forget_acc"], {}, means=True).startswith("No band is drawn")
    assert trajectories_words(alone, ["forget_acc"], bands, means=True).startswith("Band: 95 %")
    assert "where it is drawn" in trajectories_words(alone, ["forget_acc", "test_acc"], bands, means=True)
    two = [TrajectoryLine("A", (run("s0", 1.0), run("s1", 0.9)))]
    said = [trajectories_words(lines, ["forget_acc"], {}, means=m) for lines, m in ((alone, True), (two, False))]
    assert not any("mean over seeds" in words for words in said)
    assert "mean over seeds" in trajectories_words(two, ["forget_acc"], {}, means=True)
    line = [ParetoLine("A", points((1.0, 2.0), (3.0, 4.0)))]
    assert "the box" not in pareto_words(line, [], means=False) and "No band" in pareto_words(line, [], means=False)
    boxed = pareto_words(line, [ParetoBox(1.0, 2.0)], means=True)
    assert "the box" in boxed and "Bars through a mean" in boxed and "No band" not in boxed


@pytest.mark.parametrize(
    ("references", "said"),
    [(0, "No retrained model"), (1, "share of the one retrained model"), (2, "from the smallest to the largest")],
)
def test_the_filled_shape_is_what_the_words_say(references: int, said: str) -> None:
    lines = [OverlayLine("A", ("s0",), (np.ones(7),)), OverlayLine("B", ("s0",), (np.ones(1234),))]
    words = overlay_words(lines, [np.ones(3)] * references, "forget")
    assert said in words and "(n = 7 to 1,234)" in words
    assert "(n = 7)" in overlay_words(lines[:1], [], "forget")


def test_a_seed_that_recorded_nothing_takes_no_others_name() -> None:
    line = OverlayLine("A", ("s0", "s1"), (np.array([]), np.array([0.1, 0.2])))
    (drawn_line,) = overlay(SIGNALS["probability"], [line], [], np.linspace(0, 1, 3), means=False).data
    assert drawn_line.hovertemplate.startswith("s1<br>")


def test_a_line_that_only_a_later_pane_has_is_in_the_legend() -> None:
    late = TrajectoryLine("B", (Trajectory("s0", (0, 1), {"test_acc": (0.9, 0.8)}),))
    figure = trajectories([late], ["forget_acc", "test_acc"], {}, means=True)
    assert [t.showlegend for t in named(figure, "B")] == [True]
    assert trajectories_alt([late], ["test_acc"]) == "B: unseen accuracy from 90.0% to 80.0%."


def test_accuracy_by_class() -> None:
    label, predicted = np.array([0, 0, 1, 3]), np.array([0, 1, 1, 0])
    accuracy, counts = class_accuracy(label, predicted, 4)
    assert counts.tolist() == [2, 1, 0, 1]
    assert accuracy[:2].tolist() == [0.5, 1.0] and np.isnan(accuracy[2]) and accuracy[3] == 0


def test_gaps_are_coloured_around_the_reference_on_a_fixed_scale() -> None:
    lines = [ClassGaps("A", np.array([0.01, np.nan, 0.9]), np.array([10, 0, 12])),
             ClassGaps("B", np.array([-0.05, np.nan, 0.0]), np.array([10, 0, 12]))]  # fmt: skip
    figure = class_gaps(lines, ["cat", "dog", "<b>"], forgotten=[2])
    heat = figure.data[0]
    assert (heat.zmin, heat.zmax) == (-END, END)
    assert np.asarray(heat.z)[:, 0] == pytest.approx([1, -5])
    assert list(heat.x) == ["cat, n = 10", "<b>‹b› (forgotten)</b>, n = 12"]
    assert class_gaps_alt(lines, ["cat", "dog", "x"]).startswith(
        "Largest differences from retraining: A +90 points on x"
    )


def test_counts_that_differ_stand_in_the_hover_alone() -> None:
    lines = [ClassGaps(name, np.zeros(2), np.array(n)) for name, n in (("A", [3, 4]), ("B", [3, 5]))]
    assert list(class_gaps(lines, ["a", "b"]).data[0].x) == ["a", "b"]


def test_the_envelope_is_the_range_over_retrained_models_per_bin() -> None:
    edges = np.array([0.0, 0.5, 1.0])
    low, high = envelope([np.array([0.1, 0.2]), np.array([0.1, 0.9])], edges)
    assert low.tolist() == [0.5, 0.0] and high.tolist() == [1.0, 0.5]


def test_each_line_is_drawn_over_the_envelope() -> None:
    edges = np.linspace(0, 1, 3)
    line = OverlayLine("A", ("s0", "s1"), (np.array([0.1, 0.9]), np.array([0.1, 0.2])))
    figure = overlay(SIGNALS["probability"], [line], [np.array([0.4])] * 2, edges, means=True)
    assert figure.data[1].fill == "tonexty" and figure.data[1].legendgroup == "reference"
    mean = [t for t in named(figure, "A") if t.showlegend]
    assert len(named(figure, "A")) == 3 and len(mean) == 1
    assert list(mean[0].y) == [0.75, 0.25, 0.25]
    alone = overlay(SIGNALS["probability"], [line], [], edges, means=False)
    assert len(alone.data) == 2 and [t.showlegend for t in alone.data] == [True, False]
    assert "0.15 (A)" in overlay_alt(SIGNALS["probability"], [line], [])


def test_layers_have_a_pane_per_pair_and_the_noise_of_retraining() -> None:
    names = ("conv", "head")
    line = LayerLine("A", names, {"after_base": ((1.0, 0.4), (1.0, 0.6)), "after_reference": ((0.9, 0.3),)})
    figure = layer_similarity([line], Noise((0.95, 0.8), (0.9, 0.5)), means=True)
    mean = [t for t in named(figure, "A") if t.showlegend]
    assert len(mean) == 1 and list(mean[0].y) == [1.0, 0.5]
    (noise,) = named(figure, "Reference and reference")
    assert noise.xaxis == "x2" and noise.line.color == COLOURS["reference"] and list(noise.y) == [0.95, 0.8]
    assert layer_alt([line]) == "Lowest similarity to the base model: 0.40 in head (A)."


def test_without_a_reference_there_is_one_pane_and_no_guide() -> None:
    figure = layer_similarity([LayerLine("A", ("conv",), {"after_base": ((1.0,),)})], Noise(), means=True)
    assert len(figure.data) == 1 and figure.data[0].xaxis == "x"


def test_bars_stand_beside_the_band_of_retrained_models() -> None:
    lines = [Recovery("A", RecoveryBar(0.0, (0.0,), 0.02, 0.05), RecoveryBar(0.9, (0.8, 1.0), 0.5, None))]
    figure = recovery_bars(lines)
    assert [named(figure, name)[0].y[0] for name in (SAID, FOUND)] == [0.0, 0.9]
    said, found = named(figure, "Retrained, 95 % band")
    assert (said.y[0], said.error_y.array[0], found.y[0], found.error_y.array[0]) == (0.02, 0.05, 0.5, None)
    (single,) = named(figure, "Single runs")
    assert single.showlegend is not False
    assert list(single.y) == [0.8, 1.0] and single.offsetgroup == FOUND
    assert figure.layout.scattermode == "group"
    assert recovery_alt(lines) == "Accuracy on the forgotten classes. A: the model 0%, the probe 90%."


def test_one_retrained_model_gives_bars_no_band() -> None:
    bar = RecoveryBar(0.2, (0.2,), 0.1, None)
    (mark, other) = named(recovery_bars([Recovery("A", bar, bar)]), "Retrained")
    assert mark.name == other.name == "Retrained" and mark.error_y.array == (None,)


def test_cells_within_the_band_are_neutral_and_beyond_it_marked_by_side() -> None:
    assert {distance_colour(d) for d in (None, math.nan, 0.0, 1.0, -1.0)} == {""}
    above, below = distance_colour(1.5), distance_colour(-1.5)
    assert above and below and above != below
    strengths = [float(distance_colour(d).split(",")[-1].rstrip(")")) for d in (1.5, 2.5, 5.0, 9.0, 900.0)]
    assert strengths == sorted(strengths) and strengths[3] == strengths[4]
