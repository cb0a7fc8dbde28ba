"""The axis of a per-sample quantity: it follows the data, and draws apart what crowds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cu_core.figures.value_axis import ValueAxis, common_edges


def highest(values: np.ndarray, edges: np.ndarray) -> float:
    return float(np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0].max() / len(values))


def test_small_probabilities_end_where_they_end_and_not_at_one() -> None:
    values = np.random.default_rng(0).uniform(0.01, 0.03, 500)
    axis = ValueAxis(common_edges(0.0, 1.0, [values]), (0.0, 1.0))
    assert axis.scale == "linear" and axis.edges[-1] < 0.04
    assert axis.title("Probability") == "Probability"
    assert highest(values, axis.edges) < 0.2


def test_what_crowds_at_an_end_is_drawn_apart_and_said_so() -> None:
    values = 1 - 10 ** -np.random.default_rng(0).uniform(1, 6, 500)
    axis = ValueAxis(common_edges(0.0, 1.0, [values, np.array([0.02])]), (0.0, 1.0))
    assert axis.scale == "logit" and highest(values, axis.edges) < 0.2
    assert "logit" in axis.title("Probability")
    layout = axis.layout()
    ticks = [float(word) for word in layout["ticktext"]]
    assert {0.5, 0.99, 0.9999} <= set(ticks)
    np.testing.assert_allclose(axis.place(np.array(ticks)), layout["tickvals"], atol=0.05)
    gaps = np.diff(np.sort(layout["tickvals"])) / np.diff(layout["range"])
    assert gaps.min() > 0.15, "labels of neighbouring ticks do not cover each other"


def test_one_crowded_moment_is_enough() -> None:
    spread, crowded = np.linspace(0, 1, 500), 1 - 10 ** -np.random.default_rng(0).uniform(3, 6, 100)
    assert ValueAxis(common_edges(0.0, 1.0, [spread, crowded]), (0.0, 1.0)).scale == "logit"
    assert ValueAxis(common_edges(0.0, 1.0, [spread, spread]), (0.0, 1.0)).scale == "linear"


def test_cosines_and_margins_have_their_own_ends() -> None:
    values = 1 - 10 ** -np.random.default_rng(0).uniform(2, 5, 500)
    for low in (-1.0, None):
        axis = ValueAxis(common_edges(low, 1.0, [np.append(values, -0.4)]), (low, 1.0))
        assert axis.scale == "logit" and axis.edges[0] == pytest.approx(-0.4)
        assert np.diff(axis.place(np.array([-0.4, 0.0, 0.99]))).min() > 0


def test_a_logarithmic_title_keeps_the_unit() -> None:
    axis = ValueAxis(common_edges(0.0, None, [np.array([1e-4, 3.0])], log=True), (0.0, None))
    assert axis.scale == "log" and axis.title("Loss (nats)") == "Loss (nats, logarithmic)"
    assert axis.layout()["type"] == "log"


@given(
    arrays.arrays(np.float64, st.integers(1, 60), elements=st.floats(0, 1)),
    st.sampled_from([(0.0, 1.0), (-1.0, 1.0), (None, 1.0), (0.0, None)]),
    st.booleans(),
)
def test_any_values_have_ascending_bins_that_are_drawn_in_order(values, ends, log) -> None:
    log = log and ends == (0.0, None)
    axis = ValueAxis(common_edges(*ends, [values], log=log), ends)
    placed = axis.place(axis.edges)
    assert (np.diff(placed) > 0).all() and np.isfinite(placed).all()
    assert axis.layout()["range"][0] < axis.layout()["range"][1]


def test_a_crowd_in_one_bin_that_differs_is_spread_over_several() -> None:
    """Whatever the number of classes: no bin holds more than 95 of 100 values that differ."""
    rng = np.random.default_rng(1)
    for classes in (2, 10, 100, 1000):
        for sure in (0.5, 5.0, 50.0):
            logits = rng.normal(size=(400, classes))
            logits[:, 0] += sure
            shares = np.exp(logits - logits.max(1, keepdims=True))
            top = (shares.max(1) / shares.sum(1)).astype(np.float32)
            if np.unique(top).size > 20 and (1 - top > 1e-7).mean() > 0.2:
                edges = common_edges(0.0, 1.0, [top])
                assert highest(top, edges) <= 0.95, (classes, sure)
