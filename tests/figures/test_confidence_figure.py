"""Distributions: shares sum to one, bins and axes stay fixed, groups and n are named."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cu_core.figures.confidence_panes import (
    SIGNALS,
    ConfidencePane,
    common_bins,
    distributions,
    distributions_alt,
    highest_share,
    shares,
    signals_for,
    spread_of,
)
from cu_core.figures.theme import AXIS_TITLE, COLOURS
from cu_core.figures.value_axis import BINS, SMALLEST_LOSS

GROUPS = np.repeat(["forget", "retain", "unseen"], [40, 60, 50])


def moment(seed: int, kind: str = "round") -> ConfidencePane:
    return ConfidencePane(
        f"{kind} {seed}", GROUPS, np.random.default_rng(seed).exponential(size=150).astype(np.float32), kind
    )


@given(
    arrays.arrays(np.float64, st.integers(1, 200), elements=st.floats(-1, 1)),
    st.sampled_from(["probability", "margin", "loss", "views"]),
    st.booleans(),
)
def test_shares_sum_to_one_in_any_bins(values: np.ndarray, signal: str, log: bool) -> None:
    edges = common_bins(SIGNALS[signal], [values], log=log and signal == "loss")
    assert len(edges) == BINS + 1 and (np.diff(edges) > 0).all()
    assert shares(values, edges).sum() == pytest.approx(1.0)


def test_shares_are_those_of_a_plain_count() -> None:
    values = np.array([0.05, 0.05, 0.15, 0.999, 1.0])
    expected = np.zeros(10)
    expected[[0, 1, 9]] = 0.4, 0.2, 0.4
    np.testing.assert_allclose(shares(values, np.linspace(0, 1, 11)), expected)
    assert not shares(np.empty(0), np.linspace(0, 1, 11)).any()


def test_bins_span_all_rounds_and_ignore_what_is_not_finite() -> None:
    edges = common_bins(SIGNALS["loss"], [np.array([0.5, 2.0]), np.array([7.0, np.nan, np.inf])])
    assert (edges[0], edges[-1]) == (0.0, 7.0)
    assert common_bins(SIGNALS["margin"], [np.array([0.2])])[[0, -1]].tolist() == [-1.0, 1.0]
    assert common_bins(SIGNALS["views"], [np.array([0.73])])[0] == pytest.approx(0.7)


def test_log_bins_count_zero_losses_into_the_first() -> None:
    values = np.array([0.0, 0.0, 1e-9, 3.0])
    edges = common_bins(SIGNALS["loss"], [values], log=True)
    assert edges[0] == pytest.approx(SMALLEST_LOSS) and edges[-1] == pytest.approx(3.0)
    assert shares(values, edges)[0] == pytest.approx(0.75)


@pytest.mark.parametrize("values", [np.empty(0), np.full(3, np.nan), np.zeros(4)])
@pytest.mark.parametrize("log", [False, True])
def test_bins_of_hardly_any_data(values: np.ndarray, log: bool) -> None:
    assert (np.diff(common_bins(SIGNALS["loss"], [values], log=log)) > 0).all()


def test_overlaid_has_one_pane_per_moment_and_small_multiples_one_per_group_as_well() -> None:
    moments = [moment(0, "before"), moment(1), moment(2, "reference")]
    edges = common_bins(SIGNALS["loss"], [m.values for m in moments])
    overlaid = distributions(SIGNALS["loss"], moments, edges, top=1.0)
    small = distributions(SIGNALS["loss"], moments, edges, top=1.0, overlaid=False)
    assert len(overlaid.data) == len(small.data) == 9
    assert len({t.xaxis for t in overlaid.data}) == 3
    assert len({(t.xaxis, t.yaxis) for t in small.data}) == 9
    for figure in (overlaid, small):
        shown = [t.name for t in figure.data if t.showlegend]
        assert shown == ["Forget (n = 40)", "Retain (n = 60)", "Unseen (n = 50)"]


def test_axes_do_not_depend_on_the_round_shown() -> None:
    every = [moment(k, "before" if k == 0 else "round") for k in range(4)]
    edges = common_bins(SIGNALS["loss"], [m.values for m in every])
    top = highest_share(every, edges)
    figures = [distributions(SIGNALS["loss"], [every[0], m], edges, top=top) for m in every[1:]]
    for pick in ("select_xaxes", "select_yaxes"):
        assert len({tuple(axis.range) for figure in figures for axis in getattr(figure, pick)()}) == 1
    assert max(shares(m.of(g), edges).max() for m in every for g in COLOURS if len(m.of(g))) == top


def test_log_axis_range_is_in_powers_of_ten() -> None:
    edges = common_bins(SIGNALS["loss"], [moment(1).values], log=True)
    axis = next(distributions(SIGNALS["loss"], [moment(1)], edges, top=1.0).select_xaxes())
    assert axis.type == "log" and list(axis.range) == pytest.approx(list(np.log10(edges[[0, -1]])))


def test_before_is_an_outline_and_after_is_filled() -> None:
    edges = common_bins(SIGNALS["loss"], [moment(1).values])
    figure = distributions(SIGNALS["loss"], [moment(0, "before"), moment(1)], edges, top=1.0)
    fills = {t.xaxis: t.fill for t in figure.data}
    assert fills == {"x": None, "x2": "tozeroy"}


def test_a_line_holds_the_groups_shares() -> None:
    one = moment(3)
    edges = common_bins(SIGNALS["loss"], [one.values])
    figure = distributions(SIGNALS["loss"], [one], edges, top=1.0)
    line = next(t for t in figure.data if t.legendgroup == "retain")
    np.testing.assert_allclose(line.y[:-1], shares(one.values[GROUPS == "retain"], edges))
    np.testing.assert_allclose(line.x, edges)


def test_axes_are_labelled_with_units() -> None:
    edges = common_bins(SIGNALS["loss"], [moment(1).values])
    figure = distributions(SIGNALS["loss"], [moment(1)], edges, top=1.0)
    assert ["nats" in note.text for note in figure.select_annotations({"name": AXIS_TITLE})] == [True]
    assert "Share" in next(figure.select_yaxes()).title.text


def test_reference_pane_is_marked_with_its_colour() -> None:
    edges = common_bins(SIGNALS["loss"], [moment(1).values])
    figure = distributions(SIGNALS["loss"], [moment(1), moment(2, "reference")], edges, top=1.0)
    marked = [COLOURS["reference"] in a.text for a in figure.layout.annotations if a.text.endswith("</b>")]
    assert marked == [False, True]


def test_groups_without_values_are_left_out() -> None:
    values = np.where(GROUPS == "unseen", np.nan, 0.5).astype(np.float32)
    only = ConfidencePane("x", GROUPS, values)
    figure = distributions(SIGNALS["probability"], [only], common_bins(SIGNALS["probability"], []), top=1.0)
    assert {t.legendgroup for t in figure.data} == {"forget", "retain"}


def test_alt_text_gives_medians() -> None:
    one = moment(5)
    text = distributions_alt(SIGNALS["loss"], [one])
    assert f"{np.median(one.of('forget')):.3g} on 40 forget samples" in text
    assert distributions_alt(SIGNALS["loss"], []).endswith("Not recorded.")


def test_the_band_spans_what_retrained_models_give_and_needs_two() -> None:
    references = [moment(seed, "reference") for seed in (7, 8, 9)]
    edges = common_bins(SIGNALS["loss"], [m.values for m in references])
    spread = spread_of(references, edges)
    low, high = spread["forget"]
    heights = np.stack([np.histogram(r.values[:40], edges)[0] / 40 for r in references])
    np.testing.assert_allclose(low, heights.min(0))
    np.testing.assert_allclose(high, heights.max(0))
    assert spread_of(references[:1], edges) == {}

    def bands(overlaid: bool) -> list[tuple[str, float]]:
        panes = [moment(0, "before"), moment(1), references[0]]
        figure = distributions(SIGNALS["loss"], panes, edges, top=1.0, overlaid=overlaid, spread=spread)
        return [(t.xaxis, t.y[0]) for t in figure.data if t.fill == "tonexty"]

    assert {axis for axis, _ in bands(True)} == {"x3"}, "in the reference's pane alone where groups share panes"
    assert len(bands(True)) == 3
    assert len(bands(False)) == 6, "behind the round too, a pane per group"
    assert bands(True)[0][1] == pytest.approx(high[0])


def test_a_loss_is_called_what_its_training_made_of_it() -> None:
    assert signals_for(["supervised"])["loss"].axis == "Cross-entropy of the label (nats)"
    byol, moco = (signals_for([name])["loss"] for name in ("byol", "moco"))
    assert byol.axis == "BYOL loss of two views" and moco.axis == "MoCo loss of two views (nats)"
    assert "label" not in byol.summary
    both = signals_for(["supervised", "byol"])["loss"]
    assert "own training" in both.axis and "nats" not in both.axis
    assert signals_for(["byol"])["probability"] is signals_for([])["probability"]
