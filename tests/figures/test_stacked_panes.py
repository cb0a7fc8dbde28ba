"""Charts on a phone: what stands side by side elsewhere stands one below the other, and marks stay in their panes."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import pytest

from cu_core.figures.attack_scores import Scored, score_bins, score_panes
from cu_core.figures.class_matrix import Predictions
from cu_core.figures.class_ranking import LONGEST_NARROW, answer_ranking
from cu_core.figures.class_similarity import left_out_words, shown_classes
from cu_core.figures.confidence_panes import SIGNALS, ConfidencePane, axis_of, by_group, common_bins, distributions
from cu_core.figures.selection_marks import mark_scores, mark_selected
from cu_core.figures.stacked_panes import TITLE_PX
from cu_core.figures.table_panes import MOST_NARROW
from cu_core.figures.theme import AXIS_TITLE, TITLE_SIZE
from tests.madeup_figures import KINDS, panes_figures

CLASSES = (2, 10, 20, 100)


def domains(figure: go.Figure, letter: str) -> list[tuple[float, float]]:
    axes = figure.select_xaxes() if letter == "x" else figure.select_yaxes()
    return sorted({tuple(axis.domain) for axis in axes if axis.domain})


@pytest.mark.parametrize("classes", CLASSES)
def test_panes_have_the_whole_width_and_titles_between_them(classes: int) -> None:
    for name, figure in panes_figures(classes, 200, narrow=True):
        assert len(domains(figure, "x")) <= 1, name
        inside = figure.layout.height - figure.layout.margin.t - figure.layout.margin.b
        panes = domains(figure, "y")
        for (_, top), (bottom, _) in zip(panes, panes[1:], strict=False):
            assert (bottom - top) * inside >= 2 * TITLE_SIZE, name
        for axis in figure.select_yaxes():
            names = axis.ticktext or ()
            share = axis.domain[1] - axis.domain[0] if axis.domain else 1
            assert len(names) * 15 * (1 + any("<br>" in n for n in names)) <= inside * share * 1.05, name
        for note in figure.layout.annotations:
            if note.name != AXIS_TITLE and len(panes) > 1:
                assert "<br>" not in note.text, (name, note.text)


def pane_of(figure: go.Figure, trace: go.Scatter) -> str:
    """The title above a trace's pane."""
    top = figure.layout[f"yaxis{(trace.yaxis or 'y')[1:]}"].domain[1]
    words = [note.text for note in figure.layout.annotations if note.name != AXIS_TITLE and note.y == top]
    assert len(words) == 1
    return words[0].lower()


@pytest.mark.parametrize("overlaid", [True, False])
def test_marks_of_selected_samples_stand_in_their_panes(overlaid: bool) -> None:
    groups = np.array(["forget", "retain", "unseen"] * 4)
    values = np.linspace(0, 1, 12)
    panes = [ConfidencePane(title, groups, values, kind) for title, kind in KINDS]
    edges = common_bins(SIGNALS["probability"], by_group(panes))
    figure = distributions(SIGNALS["probability"], panes, edges, top=1.0, overlaid=overlaid, narrow=True)
    axis = axis_of(SIGNALS["probability"], edges)
    mark_selected(figure, panes, np.arange(12) < 6, axis, top=1.0, overlaid=overlaid)
    marks = [trace for trace in figure.data if trace.meta and "selected" in trace.meta]
    assert len(marks) == 9
    for mark in marks:
        title, hovered = pane_of(figure, mark), mark.hovertemplate.lower()
        assert any(kind[0].lower() in title and kind[0].lower() in hovered for kind in KINDS)
        assert overlaid or mark.meta["selected"] in title


def test_marks_of_scores_stand_in_the_pane_of_their_model() -> None:
    member = np.arange(10) < 5
    panes = [Scored(model, "refitted", np.arange(10.0), member, None) for model in ("before", "after", "reference")]
    edges = score_bins([pane.score for pane in panes])
    for narrow in (False, True):
        figure = mark_scores(score_panes(panes, edges, 3.0, "Score", narrow=narrow), panes, np.arange(10), edges)
        places = [(trace.xaxis, trace.yaxis) for trace in figure.data]
        assert places == [places[k] for k in (0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5)]
        assert len(set(places)) == 3


def test_a_phone_shows_fewer_columns_and_says_so() -> None:
    cosine = np.full((20, 20), 0.5)
    assert len(shown_classes([cosine])[1]) == 20 and len(shown_classes([cosine], narrow=True)[1]) == MOST_NARROW
    assert len(shown_classes([cosine], narrow=True)[0]) == 20
    assert left_out_words([cosine]) == ""
    assert f"{MOST_NARROW} of 20 retained classes" in left_out_words([cosine], narrow=True)


def test_long_names_of_a_ranking_take_two_short_lines() -> None:
    counts = np.zeros((30, 30), int)
    counts[0, 1], counts[2, 2] = 5, 4
    names = [f"a very long name of a class {k}" for k in range(30)]
    figure = answer_ranking([Predictions("After", counts)], names, narrow=True)
    first, second = figure.layout.yaxis.ticktext
    assert [len(line) <= LONGEST_NARROW + 2 for line in first.split("<br>")] == [True, True]
    assert "(right)" in second and "<br>" not in second
    # The whole names stand under the pointer.
    assert figure.data[0].customdata[0][0] == f"{names[0]} → {names[1]}"
    inside = figure.layout.height - figure.layout.margin.t - figure.layout.margin.b
    assert inside / 2 >= TITLE_PX
