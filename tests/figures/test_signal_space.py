"""Packing of the scatter: values survive, axes do not move, the right samples are chosen."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cu_core.figures.signal_cloud import (
    CODES,
    MOST_PLACES,
    choose_drawn,
    pack,
    pack_groups,
    pack_space,
    signal_space,
    space_alt,
    top3_space,
)
from cu_core.figures.value_axis import SMALLEST_LOSS

RNG = np.random.default_rng(0)
SPACE = signal_space(False, "Cross-entropy (nats)")


def cloud(n: int = 50, worst: float = 8.0) -> np.ndarray:
    return np.column_stack([RNG.uniform(0.1, 1, n), RNG.uniform(0.42, 1, n), RNG.uniform(0, worst, n)])


def unpacked(packed: dict, moment: int) -> np.ndarray:
    """(n, 3) values as the browser understands them."""
    codes = np.frombuffer(base64.b64decode(packed["values"][moment]), "<u2").reshape(-1, 3).astype(float)
    codes[codes > CODES] = np.nan
    columns = []
    for axis, column in zip(packed["axes"], codes.T, strict=True):
        stored = axis["low"] + column / CODES * (axis["high"] - axis["low"])
        columns.append(10**stored if axis["log"] else stored)
    return np.column_stack(columns)


def test_values_of_every_moment_survive_packing() -> None:
    clouds = [cloud(), cloud(worst=0.01), cloud()]
    packed = pack_space(SPACE, clouds)
    for k, one in enumerate(clouds):
        found = unpacked(packed, k)
        np.testing.assert_allclose(found[:, :2], one[:, :2], atol=1e-5)
        # Losses are coded by their logarithms: the relative error is the same for small ones.
        np.testing.assert_allclose(found[:, 2], one[:, 2], rtol=2e-4)


def test_axes_suit_all_moments_and_known_ends_are_kept() -> None:
    packed = pack_space(SPACE, [cloud(), cloud(worst=20.0)])
    probability, cosine, loss = packed["axes"]
    assert (probability["low"], probability["high"]) == (0.0, 1.0)
    assert (cosine["low"], cosine["high"]) == (pytest.approx(0.4), 1.0)
    assert loss["log"] and loss["loss"] and 10 ** loss["high"] > 8.0
    alone = pack_space(SPACE, [cloud()])
    assert alone["axes"][2]["high"] < loss["high"]


def test_an_axis_begins_near_the_data_where_all_lie_at_its_far_end() -> None:
    values = np.column_stack([RNG.uniform(1.1e-3, 1.36e-3, 50), RNG.uniform(0.4, 1, 50), RNG.uniform(6, 7, 50)])
    packed = pack_space(SPACE, [values])
    assert 1e-3 < packed["axes"][0]["low"] < values[:, 0].min() < values[:, 0].max() < packed["axes"][0]["high"]
    np.testing.assert_allclose(unpacked(packed, 0), values, rtol=1e-3)


def test_a_loss_of_zero_is_drawn_at_the_smallest_one() -> None:
    values = np.array([[0.5, 0.5, 0.0], [0.5, 0.5, 3.0]])
    np.testing.assert_allclose(unpacked(pack_space(SPACE, [values]), 0)[:, 2], [SMALLEST_LOSS, 3.0], rtol=1e-3)


def test_losses_below_zero_are_not_drawn_on_a_logarithmic_axis() -> None:
    values = np.array([[0.5, 0.5, -0.8], [0.5, 0.5, 1.0]])
    packed = pack_space(SPACE, [values])
    assert not packed["axes"][2]["log"]
    np.testing.assert_allclose(unpacked(packed, 0)[:, 2], [-0.8, 1.0], atol=1e-4)


def test_what_was_not_recorded_stays_missing() -> None:
    values = cloud(4)
    values[1, 1] = np.nan
    found = unpacked(pack_space(SPACE, [values, np.full((4, 3), np.nan)]), 0)
    assert np.isnan(found[1, 1]) and np.isfinite(np.delete(found.ravel(), 4)).all()
    assert np.isnan(unpacked(pack_space(SPACE, [values, np.full((4, 3), np.nan)]), 1)).all()


def test_a_payload_holds_six_bytes_per_sample_and_moment() -> None:
    packed = pack_space(SPACE, [cloud(300), cloud(300)])
    assert [len(base64.b64decode(text)) for text in packed["values"]] == [1800, 1800]


def test_encoders_probabilities_are_named_and_end_where_the_data_do() -> None:
    names = [axis.title for axis in top3_space(True).axes]
    assert names == [f"Top-{k} probability over the encoder's outputs" for k in (1, 2, 3)]
    small = np.column_stack([RNG.uniform(0.01, 0.08, 20)] * 3)
    assert pack_space(top3_space(True), [small])["axes"][0]["high"] == pytest.approx(small.max())
    assert [axis.high for axis in top3_space(False).axes] == pytest.approx([1, 1 / 2, 1 / 3])


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60), st.integers(1, 40))
def test_chosen_rows_go_group_by_group_and_are_evenly_spread(forget: int, retain: int, unseen: int, most: int) -> None:
    groups = RNG.permutation(np.repeat(["forget", "retain", "unseen"], [forget, retain, unseen]))
    rows = choose_drawn(groups, 3, most)
    assert len(np.unique(rows)) == len(rows)
    sizes = [min(most, n) for n in (forget, retain, unseen)]
    assert groups[rows].tolist() == ["forget"] * sizes[0] + ["retain"] * sizes[1] + ["unseen"] * sizes[2]
    assert [g["count"] for g in pack_groups(groups[rows])] == sizes


def test_many_rounds_leave_fewer_samples() -> None:
    groups = np.repeat(["forget", "retain", "unseen"], 5000)
    assert len(choose_drawn(groups, 5)) == 15_000
    assert len(choose_drawn(groups, 300)) * 300 <= MOST_PLACES


def test_numbers_are_packed_little_endian() -> None:
    assert base64.b64decode(pack(np.array([1, 256], ">u2"))) == b"\x01\x00\x00\x01"


def test_alt_text_counts_the_groups() -> None:
    text = space_alt(np.array(["forget"] * 3 + ["unseen"] * 2), ["Before (round 0)", "After (round 5)"], ["Loss"])
    assert "signals: loss. " in text
    assert "3 forget and 2 unseen" in text and "After (round 5)" in text
