"""Signals of all recorded samples over the rounds, packed for the browser, where the selected ones are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cu_core.figures.scene import pack_message
from cu_core.figures.theme import COLOURS, GROUPS, TITLES

OUTERMOST = 0.5
"""Percent of the values at either end of an axis that do not stretch it."""

ROOM = 0.06
"""Share of an axis that stays free at its ends."""

LEAST_SPAN = 0.04
"""Least length of an axis as a share of its largest value: ticks have three digits, and what rests shall look so."""

SMALLEST = 1e-6
"""Value at the foot of a logarithmic axis, which has no zero."""


@dataclass(frozen=True)
class TrackedSignal:
    """One number of every sample over the rounds.

    Attributes:
        id: short name.
        title: above its panel.
        axis: what it is, with unit.
        rounds: (R,) numbers of the rounds that recorded it, ascending.
        values: (R, n); NaN where unknown.
        reference: (n,) the same in a retrained model; None where there is none or it has no such number.
        guide: value of a guide line, e.g. the decision boundary; None for none.
        log: logarithmic axis.
    """

    id: str
    title: str
    axis: str
    rounds: tuple[int, ...]
    values: np.ndarray
    reference: np.ndarray | None = None
    guide: float | None = None
    log: bool = False


def pack_signals(signals: Sequence[TrackedSignal], groups: np.ndarray, sample: np.ndarray, test: np.ndarray) -> bytes:
    """Signals as one message: two bytes a number, in the same order of moments for all of them.

    Args:
        signals: of n samples; a round that one of them lacks is unknown there.
        groups: (n,) group names.
        sample: (n,) indices into the training or the test images.
        test: (n,) bool, which of the two.
    """
    rounds = sorted({number for signal in signals for number in signal.rounds})
    with_reference = any(signal.reference is not None for signal in signals)
    values = np.full((len(signals), len(rounds) + with_reference, len(groups)), np.nan)
    for k, signal in enumerate(signals):
        values[k, [rounds.index(number) for number in signal.rounds]] = signal.values
        if signal.reference is not None:
            values[k, -1] = signal.reference
    largest = float(np.finfo(np.float16).max)
    header = {
        "samples": len(groups),
        "moments": [{"number": number} for number in [*rounds, *[None] * with_reference]],
        "signals": [
            {
                "id": signal.id,
                "title": signal.title,
                "axis": signal.axis,
                "guide": signal.guide,
                "log": signal.log,
                **_ends(values[k], signal),
            }
            for k, signal in enumerate(signals)
        ],
        "groups": [{"id": group, "title": TITLES[group], "colour": COLOURS[group]} for group in GROUPS],
    }
    parts = {
        "values": np.clip(values, -largest, largest).astype("<f2"),
        "sample": sample.astype("<i4"),
        "test": test.astype(np.uint8),
        "group": np.array([GROUPS.index(group) for group in groups], np.uint8),
    }
    return pack_message(header, parts)


def _ends(values: np.ndarray, signal: TrackedSignal) -> dict[str, float]:
    """Ends of an axis that stays the same whatever is selected; of a logarithmic one as powers of ten."""
    known = values[np.isfinite(values)]
    if signal.log:
        known = np.log10(np.maximum(known, SMALLEST))
    elif signal.guide is not None:
        known = np.append(known, signal.guide)
    if not len(known):
        return {"low": 0.0, "high": 1.0}
    low, high = (float(end) for end in np.percentile(known, [OUTERMOST, 100 - OUTERMOST]))
    least = 0.0 if signal.log else LEAST_SPAN * max(abs(low), abs(high))
    room = max(ROOM * (high - low), (least - (high - low)) / 2) or 0.5
    return {"low": low - room, "high": high + room}
