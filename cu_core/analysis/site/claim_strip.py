"""One test of a verdict as a strip: retrained models with their band, this model, and the control.

The axis is that of the Verdict page: distance to the retrained models' mean in half widths of their band.
"""

from __future__ import annotations

from html import escape

from cu_core.analysis.site.svg_pane import LETTERS, letters, px
from cu_core.base.display_text import visible
from cu_core.figures.verdict_rows import AXIS, DECADES, END, VerdictRow, beyond, number_text, place_of, verdict_alt

WIDTH, HEIGHT = 344, 112
SIDE = 24
LINE = 44
"""Height of the line of marks, in px from above."""
HALF = 11
AXIS_SHORT = "Half widths of the 95 % band from the mean"


def claim_strip(row: VerdictRow) -> str:
    """The strip of one test as SVG."""
    parts = [
        f'<rect class="band" x="{_x(row, row.low)}" y="{LINE - HALF}" '
        f'width="{px(_place(row, row.high) - _place(row, row.low))}" height="{2 * HALF}"/>',
        f'<path class="grid" d="M{SIDE} {LINE}H{WIDTH - SIDE}"/>',
    ]
    for value in row.references:
        parts.append(
            f'<rect class="mark reference" x="{px(_place(row, value) - 3)}" y="{LINE - 3}" width="6" height="6"/>'
        )
    if row.control is not None:
        parts.append(_mark(row, row.control, row.control_title, above=False))
    if row.value is not None:
        parts.append(_mark(row, row.value, "This model", above=True))
    # Every other power of ten: all of them have no room.
    for tick in (-DECADES - 1, -DECADES + 1, -1, 0, 1, DECADES - 1, DECADES + 1):
        label = "0" if tick == 0 else f"{'−' if tick < 0 else ''}{10 ** (abs(tick) - 1):,}"
        x = SIDE + (tick + END) / (2 * END) * (WIDTH - 2 * SIDE)
        parts.append(letters(px(x), HEIGHT - 22, label))
    parts.append(letters(px(WIDTH / 2), HEIGHT - 5, AXIS_SHORT, kind="axis"))
    alt = escape(visible(f"{verdict_alt([row])} {AXIS}."), quote=True)
    return (
        f'<svg width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{alt}">'
        f"{''.join(parts)}</svg>"
    )


def _place(row: VerdictRow, value: float) -> float:
    return SIDE + (place_of(row.distance(value)) + END) / (2 * END) * (WIDTH - 2 * SIDE)


def _x(row: VerdictRow, value: float) -> str:
    return px(_place(row, value))


def _mark(row: VerdictRow, value: float, name: str, *, above: bool) -> str:
    """A triangle with its name and number; one that lies beyond the axis points out of it."""
    x, kind = _place(row, value), "this" if above else "control"
    off = beyond(row.distance(value))
    tip, foot = (LINE - 3, LINE - 13) if above else (LINE + 3, LINE + 13)
    shape = f"M{px(x)} {tip}L{px(x - 6)} {foot}H{px(x + 6)}Z"
    if off:
        out = 9 if value > row.mean else -9
        middle = (tip + foot) / 2
        shape = f"M{px(x + out)} {px(middle)}L{px(x)} {px(middle - 6)}V{px(middle + 6)}Z"
    anchor = "start" if x < WIDTH / 3 else "end" if x > 2 * WIDTH / 3 else "middle"
    at = {"start": x - 6, "end": x + 6, "middle": x}[anchor]
    text = letters(px(at), foot - 4 if above else foot + LETTERS, f"{name} {number_text(value)}", anchor=anchor)
    return f'<path class="{kind}" d="{shape}"/>{text}'
