"""Three-dimensional scatter of three signals per sample, packed as bytes for the browser.

The signals are those of figure 6 of Wang and Chen ("Machine Unlearning in Contrastive Learning"): how sure
the model is, how alike two views of the image are to it, and the loss of the original training. A second space holds
the three highest probabilities. The drawing itself happens in the browser (`pages/_space`), because redrawing fifteen
thousand points in three panes takes Plotly seconds per round.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cu_core.figures.theme import COLOURS, GROUPS, SYMBOLS, TITLES, join
from cu_core.figures.value_axis import SMALLEST_LOSS

MOST_PER_GROUP = 5000
"""Samples of one group that are drawn; three groups of these stay smooth in the browser."""

MOST_PLACES = 900_000
"""Samples times states that are sent at most; where there are many rounds, fewer samples are drawn."""

CODES = 65_534
"""Values are sent as 16-bit numbers from 0 to this; the next one stands for "not recorded"."""


UPPER = 0.7
"""An axis begins near the data where they all lie beyond this share of it."""


@dataclass(frozen=True)
class SignalAxis:
    """One of the three signals.

    Attributes:
        title: axis label with unit.
        short: the same where there is little room.
        low: smallest possible value; None if it depends on the data.
        high: largest possible value; None if it depends on the data.
        loss: whether it may be drawn on a logarithmic axis.
    """

    title: str
    short: str
    low: float | None
    high: float | None
    loss: bool = False


@dataclass(frozen=True)
class SignalSpace:
    """Three signals that are shown together.

    Attributes:
        title: name shown to people.
        axes: x, y and z.
    """

    title: str
    axes: tuple[SignalAxis, SignalAxis, SignalAxis]


def signal_space(encoder: bool, loss_title: str, loss_short: str = "Loss") -> SignalSpace:
    """Top-1 probability, cosine of two views and loss.

    Args:
        encoder: whether the probability is over an encoder's outputs instead of classes.
        loss_title: name and unit of the recorded loss.
        loss_short: the same where there is little room.
    """
    cosine = SignalAxis("Cosine of two views", "Cosine of two views", None, 1.0)
    of = " over the encoder's outputs" if encoder else ""
    return SignalSpace(
        f"Probability{of}, similarity and loss",
        (_probability(1, encoder), cosine, SignalAxis(loss_title, loss_short, None, None, loss=True)),
    )


def top3_space(encoder: bool) -> SignalSpace:
    """The three highest probabilities of each sample, over classes or over an encoder's outputs."""
    of = "the encoder's outputs" if encoder else "classes"
    first, second, third = (_probability(place, encoder) for place in (1, 2, 3))
    return SignalSpace(f"The three highest probabilities over {of}", (first, second, third))


def choose_drawn(groups: np.ndarray, states: int, most: int = MOST_PER_GROUP) -> np.ndarray:
    """Rows to draw, group by group in the order of `GROUPS`: evenly spread, the same number of each at most.

    Args:
        groups: (n,) group names.
        states: rounds and references that will be sent.
        most: samples of a group where there are few states.

    Returns:
        (m,) int64 rows, the same for the same input.
    """
    limit = max(1, min(most, MOST_PLACES // (max(states, 1) * len(GROUPS))))
    kept = []
    for group in GROUPS:
        rows = np.flatnonzero(groups == group)
        size = min(limit, len(rows))
        kept.append(rows[np.floor((np.arange(size) + 0.5) * len(rows) / max(size, 1)).astype(np.int64)])
    return np.concatenate(kept)


def pack_groups(groups: np.ndarray) -> list[dict[str, Any]]:
    """Name, look and count of each group, in the order in which `choose_drawn` lists their samples."""
    return [
        {
            "id": group,
            "title": TITLES[group],
            "colour": COLOURS[group],
            "symbol": SYMBOLS[group],
            "count": int((groups == group).sum()),
        }
        for group in GROUPS
    ]


def pack_space(space: SignalSpace, clouds: Sequence[np.ndarray]) -> dict[str, Any]:
    """A space with the values of all states, on axes that suit every one of them.

    Values are coded in 16 bits between the ends of their axis (losses between the logarithms, unless some are
    negative), which moves a point by less than a hundredth of a pixel.

    Args:
        space: the three signals.
        clouds: (n, 3) values at each state.

    Returns:
        ``title``; ``axes`` with ``title``, ``short``, ``low`` and ``high`` of the codes, ``log`` (codes are of base-10
        logarithms) and ``loss``; ``values``, per state base64 of (n, 3) little-endian uint16.
    """
    columns = [np.stack([cloud[:, place] for cloud in clouds]).astype(np.float64) for place in range(3)]
    axes, codes = [], []
    for axis, values in zip(space.axes, columns, strict=True):
        known = values[np.isfinite(values)]
        # Zero is a common loss; its logarithm is not a number.
        log = axis.loss and bool((known >= 0).all())
        if log:
            values, known = (np.log10(np.maximum(v, SMALLEST_LOSS)) for v in (values, known))
        low, high = _ends(axis, known, log)
        axes.append({"title": axis.title, "short": axis.short, "low": low, "high": high, "log": log, "loss": axis.loss})
        codes.append(_code(values, low, high))
    stacked = np.stack(codes, axis=-1)
    return {"title": space.title, "axes": axes, "values": [pack(state) for state in stacked]}


def pack(array: np.ndarray) -> str:
    """Base64 of an array's little-endian bytes."""
    return base64.b64encode(array.astype(array.dtype.newbyteorder("<")).tobytes()).decode("ascii")


def space_alt(groups: np.ndarray, states: Sequence[str], spaces: Sequence[str]) -> str:
    """What is drawn, in words.

    Args:
        groups: (n,) group names.
        states: titles of the panes.
        spaces: titles of the spaces, each of three signals.
    """
    counts = join([f"{(groups == group).sum()} {group}" for group in GROUPS if (groups == group).any()])
    return (
        f"Samples as points ({counts}) in spaces of three signals: {'; '.join(spaces).lower()}. Side by side on the "
        f"same axes: {join(states)}."
    )


def _probability(place: int, encoder: bool) -> SignalAxis:
    name = f"Top-{place} probability"
    if encoder:
        # Over many outputs even the highest may be small, so the data decide the end of the axis.
        return SignalAxis(f"{name} over the encoder's outputs", name, 0.0, None)
    # The second highest of several probabilities is at most a half, the third at most a third.
    return SignalAxis(name, name, 0.0, 1.0 / place)


def _ends(axis: SignalAxis, known: np.ndarray, log: bool) -> tuple[float, float]:
    low = axis.low if axis.low is not None else float(known.min()) if len(known) else 0.0
    most = float(known.max()) if len(known) else 1.0
    # Of a thousand classes the highest probability may be two hundredths everywhere.
    far = axis.high is not None and (not len(known) or most > 0.5 * axis.high or most <= low)
    high = axis.high if far and axis.high is not None else most if axis.high is None else 1.05 * most
    if axis.low is None and not axis.loss:
        low = float(np.floor(low * 10) / 10)
    elif axis.low is not None and len(known) and (least := float(known.min())) > axis.low + UPPER * (high - axis.low):
        low = max(axis.low, least - 0.05 * (high - least))
    if axis.loss and not log:
        low = min(low, 0.0)
    return low, high if high > low else low + 1.0


def _code(values: np.ndarray, low: float, high: float) -> np.ndarray:
    share = (np.clip(values, low, high) - low) / (high - low)
    return np.where(np.isfinite(values), np.rint(share * CODES), CODES + 1).astype(np.uint16)
