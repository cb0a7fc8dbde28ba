"""Every chart of samples with 2 to 1,000 classes and 200 to 20,000 samples: nothing overprints, nothing is one bar."""

from __future__ import annotations

from functools import cache

import numpy as np
import plotly.graph_objects as go
import pytest

from cu_core.figures.class_gaps import ClassGaps, drawn_classes, left_out_gaps
from cu_core.figures.class_matrix import Predictions
from cu_core.figures.class_ranking import MOST_CLASSES, MOST_LISTED, answer_ranking, ranking_words, strongest_answers
from cu_core.figures.class_similarity import left_out_words, shown_classes
from tests.madeup_figures import Outputs, sample_figures

CLASSES, SAMPLES = (2, 10, 100, 1000), (200, 2_000, 20_000)
WIDTH = 820
"""Px of a chart beside the sidebar of a small laptop."""
LETTER, LINE = 6.5, 12
LARGEST = 3_000_000


@cache
def made(classes: int, samples: int) -> dict[str, go.Figure]:
    return dict(sample_figures(classes, samples))


def panes_of(figure: go.Figure) -> int:
    return len({axis.domain for axis in figure.select_xaxes()})


@pytest.mark.parametrize("samples", SAMPLES)
@pytest.mark.parametrize("classes", CLASSES)
def test_labels_have_room(classes: int, samples: int) -> None:
    for name, figure in made(classes, samples).items():
        width = (WIDTH - 90) / panes_of(figure)
        for axis in figure.select_xaxes():
            labels = axis.ticktext if axis.ticktext is not None else axis.categoryarray
            labels = list(axis.labelalias.values()) if axis.labelalias else labels
            if labels is None and axis.type == "category":
                labels = figure.data[0].x
            if labels is None or not len(labels):
                continue
            longest = max(len(str(label)) for label in labels) * LETTER
            # Turned labels need a line's height each, slanted ones more of it; level ones their own width.
            each = LINE / np.sin(np.radians(-axis.tickangle)) if axis.tickangle else longest
            assert len(labels) * each <= width * 1.05, (name, len(labels), each, width)
        height = figure.layout.height - figure.layout.margin.t - figure.layout.margin.b
        for axis in figure.select_yaxes():
            if axis.ticktext is not None and len(axis.ticktext):
                share = axis.domain[1] - axis.domain[0] if axis.domain else 1
                assert len(axis.ticktext) * 14 <= height * share * 1.05, name
        assert figure.layout.height < 1000, name


@pytest.mark.parametrize("samples", SAMPLES)
@pytest.mark.parametrize("classes", CLASSES)
def test_no_bin_holds_nearly_all(classes: int, samples: int) -> None:
    for name, figure in made(classes, samples).items():
        if name.startswith(("distributions", "overlay", "cosines")):
            for trace in figure.data:
                if trace.line.shape == "hv" and trace.fill != "tonexty":
                    heights = np.asarray(trace.y[:-1], float)
                    assert heights.max() <= 0.95, (name, trace.name, heights.max())


@pytest.mark.parametrize("samples", SAMPLES)
@pytest.mark.parametrize("classes", CLASSES)
def test_a_figure_is_small_enough_to_send(classes: int, samples: int) -> None:
    for name, figure in made(classes, samples).items():
        assert len(figure.to_json()) < LARGEST, name


def test_axes_do_not_follow_the_round_that_is_shown() -> None:
    one, other = (made(1000, 2_000)[f"distributions probability {overlaid}"] for overlaid in (True, False))
    assert one.layout.xaxis.range == other.layout.xaxis.range


def test_one_row_is_as_high_as_each_of_many() -> None:
    one, ten = (made(10, 200)[f"predictions {which}"] for which in ("forget", "unseen"))
    per_row = [
        (figure.layout.height - figure.layout.margin.t - figure.layout.margin.b)
        * (figure.layout.yaxis.domain[1] - figure.layout.yaxis.domain[0])
        / len(figure.data[0].y)
        for figure in (one, ten)
    ]
    assert len(one.data[0].y) == 1 and per_row[0] == pytest.approx(per_row[1])


def test_tables_of_few_rows_stand_one_below_the_other() -> None:
    one, ten = (made(10, 200)[f"predictions {which}"] for which in ("forget", "unseen"))
    assert panes_of(one) == 1 and panes_of(ten) == 3
    # Between panes there is room for the lower one's title.
    height = one.layout.height - one.layout.margin.t - one.layout.margin.b
    assert (one.layout.yaxis.domain[0] - one.layout.yaxis2.domain[1]) * height >= one.layout.annotations[0].font.size
    assert one.layout.yaxis2.title.text and not one.layout.yaxis.title.text


def test_the_strongest_answers_of_many_classes_are_ranked_over_all_panes() -> None:
    counts = np.zeros((100, 100), int)
    counts[0, 0], counts[0, 7], counts[0, 9] = 50, 30, 20
    after = np.zeros((100, 100), int)
    after[0, 42] = 100
    panes = [Predictions("Before (round 0)", counts, "before"), Predictions("After (round 3)", after)]
    assert strongest_answers(panes) == [(0, 42), (0, 0), (0, 7), (0, 9)]
    assert strongest_answers(panes, hide_diagonal=True) == [(0, 42), (0, 7), (0, 9)]
    figure = answer_ranking(panes, [f"c{k}" for k in range(100)])
    assert list(figure.layout.yaxis.ticktext) == ["c42", "<b>c0 (right)</b>", "c7", "c9"]
    assert list(figure.data[0].x) == [0, 0.5, 0.3, 0.2] and list(figure.data[1].x) == [1, 0, 0, 0]
    assert "they hold all samples." in ranking_words(panes)
    assert "they hold 50% of the samples or more." in ranking_words(panes, hide_diagonal=True)
    # States of a run share a pane, which a phone has room for; runs do not.
    assert panes_of(figure) == 1 and [trace.name for trace in figure.data] == [pane.title for pane in panes]
    later = Predictions("", after, "")
    ends = {
        answer_ranking(shown, (), states=[later, Predictions("", counts, "")], hide_diagonal=hide).layout.xaxis.range
        for shown in ([Predictions("A", counts)], [Predictions("A", after)])
        for hide in (True,)
    }
    assert len(ends) == 1, "the axis has room for every round"
    assert panes_of(answer_ranking([Predictions("A", counts), Predictions("B", after)], ())) == 2
    two = counts.copy()
    two[1, 3] = 60
    named = answer_ranking([Predictions("After", two)], [f"c{k}" for k in range(100)])
    assert named.layout.yaxis.ticktext[0] == "c1 → c3", "with several classes both are named"


def test_a_ranking_is_never_longer_than_a_screen() -> None:
    made_up = Outputs(1000, 20_000)
    counts = np.zeros((1000, 1000), int)
    np.add.at(counts, (made_up.label, made_up.predicted["round"]), 1)
    assert len(strongest_answers([Predictions("x", counts)])) == MOST_LISTED


def test_of_many_classes_the_most_alike_and_the_largest_gaps_are_drawn_and_counted() -> None:
    cosine = np.full((100, 100), np.nan)
    cosine[3] = np.linspace(-1, 1, 100)
    rows, columns = shown_classes([cosine])
    assert list(rows) == [3] and list(columns) == list(range(100 - MOST_CLASSES, 100))
    assert left_out_words([cosine]).endswith(f"of many: {MOST_CLASSES} of 100 retained classes as columns.")
    assert f"{MOST_CLASSES} of 100 classes as rows and " in left_out_words([np.zeros((100, 100))])
    assert left_out_words([cosine[:5, :5]]) == ""

    line = ClassGaps("A", np.linspace(0, 0.9, 100), np.full(100, 5))
    drawn = drawn_classes([line], forgotten=[2])
    assert len(drawn) == MOST_CLASSES and 2 in drawn and 99 in drawn and 50 not in drawn
    assert f"{MOST_CLASSES} of 100" in left_out_gaps([line])
    assert left_out_gaps([ClassGaps("A", np.zeros(5), np.full(5, 5))]) == ""
