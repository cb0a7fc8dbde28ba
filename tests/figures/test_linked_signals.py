"""Signals packed for the browser: every number where it belongs, and axes that do not depend on what is selected."""

from __future__ import annotations

import numpy as np

from cu_core.figures.linked_signals import TrackedSignal, pack_signals
from cu_core.figures.scene import read_header

GROUPS = np.array(["forget"] * 3 + ["unseen"] * 2)
VALUES = np.array([[1.0, 2, 3, 10, 20], [4.0, np.nan, 6, 10, 1e9]])


def packed(*signals: TrackedSignal) -> tuple[dict, dict[str, np.ndarray]]:
    message = pack_signals(signals, GROUPS, np.arange(5) + 100, np.arange(5) > 2)
    header = read_header(message)
    start = 4 + int.from_bytes(message[:4], "little")
    kinds = {"values": "<f2", "sample": "<i4", "test": "u1", "group": "u1"}
    return header, {
        name: np.frombuffer(message[start + at : start + at + size], kinds[name])
        for name, (at, size) in header["parts"].items()
    }


def test_numbers_lie_by_signal_moment_and_sample() -> None:
    reference = np.array([7.0, 8, 9, 1, 3])
    first = TrackedSignal("loss", "Loss", "nats", (0, 4), VALUES, reference)
    second = TrackedSignal("x", "X", "x", (2,), np.full((1, 5), 0.5))
    header, parts = packed(first, second)
    assert [moment["number"] for moment in header["moments"]] == [0, 2, 4, None]
    values = parts["values"].reshape(2, 4, 5)
    np.testing.assert_allclose(values[0, 0], VALUES[0])
    assert np.isnan(values[0, 1]).all() and np.isnan(values[0, 2, 1])
    assert values[0, 2, 4] == np.finfo(np.float16).max, "too large a number stays the largest"
    np.testing.assert_allclose(values[0, 3], reference)
    np.testing.assert_allclose(values[1, 1], 0.5)
    assert np.isnan(values[1, [0, 2, 3]]).all()
    assert parts["group"].tolist() == [0, 0, 0, 2, 2] and parts["test"].tolist() == [0, 0, 0, 1, 1]
    assert parts["sample"].tolist() == [100, 101, 102, 103, 104]


def test_axes_hold_the_guide_and_a_logarithmic_one_has_no_zero() -> None:
    far = TrackedSignal("b", "B", "b", (0,), np.full((1, 5), 5.0), guide=0.0)
    zero = TrackedSignal("l", "L", "l", (0,), np.array([[0.0, 0, 0, 1, 10]]), log=True)
    none = TrackedSignal("n", "N", "n", (0,), np.full((1, 5), np.nan))
    first, second, third = packed(far, zero, none)[0]["signals"]
    assert first["low"] < 0.5 and first["high"] >= 5
    assert -8 < second["low"] <= -5.5 and 0.9 < second["high"] < 2
    assert third["low"] < third["high"]


def test_what_rests_looks_so_and_ticks_of_three_digits_differ() -> None:
    rests = TrackedSignal("c", "C", "c", (0, 1), 1 - np.array([[0.0] * 5, [0, 1e-7, 1e-6, 1e-5, 1e-5]]))
    far = TrackedSignal("d", "D", "d", (0,), np.array([[9.8, 9.9, 9.9, 9.9, 9.9]]))
    moves = TrackedSignal("m", "M", "m", (0,), np.array([[0.1, 0.2, 0.3, 0.4, 0.5]]))
    nothing = TrackedSignal("z", "Z", "z", (0,), np.zeros((1, 5)))
    for signal in packed(rests, far, moves, nothing)[0]["signals"]:
        low, high = signal["low"], signal["high"]
        assert len({f"{tick:.3g}" for tick in np.linspace(low, high, 5)}) == 5, signal["id"]
    assert packed(moves)[0]["signals"][0]["low"] > 0.05
