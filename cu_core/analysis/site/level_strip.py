"""One number of a lesson as a strip: before, after, and every retrained model with their band."""

from __future__ import annotations

from collections.abc import Sequence

from cu_core.analysis.erasure.measured_results import RecordedNumber
from cu_core.analysis.site.html_frame import shown
from cu_core.analysis.site.site_numbers import value_text
from cu_core.analysis.site.svg_pane import ChartAxis, ChartPane, even_ticks, percent_ticks, px
from cu_core.catalogue.metric_record import METRICS

BEFORE, AFTER, RETRAINED = 3.0, 2.0, 1.0
"""Heights of the rows."""
HALF = 0.32
LEFT = 76
"""Room for their names, in px."""
"""Half the height of the band."""


def level_strip(number: RecordedNumber, retrained: Sequence[float], *, whole: bool = True) -> str:
    """The strip as a figure; empty where nothing of it was measured.

    Args:
        number: with its band.
        retrained: one per retrained model.
        whole: whether shares are drawn from 0 to 100 %, with the model before; else as far apart as they are.
    """
    before = number.before if whole else None
    known = [value for value in (before, number.value, *retrained, *(number.band or ())) if value is not None]
    if not known:
        return ""
    rows = (
        [(AFTER, "After")] + [(BEFORE, "Before")] * (before is not None) + [(RETRAINED, "Retrained")] * bool(retrained)
    )
    ground = ChartPane(_axis(number, known, whole), ChartAxis("", 0.4, 3.6, tuple(rows)), left=LEFT)
    group = METRICS[number.id].group if number.id in METRICS else "forget"
    drawn = []
    if number.band is not None:
        x0, x1 = (ground.x(end) for end in number.band)
        top, low = ground.y(RETRAINED + HALF), ground.y(RETRAINED - HALF)
        drawn.append(
            f'<rect class="band" x="{px(x0)}" y="{px(top)}" width="{px(max(x1 - x0, 1))}" height="{px(low - top)}"/>'
        )
    y = ground.y(RETRAINED)
    drawn += [
        f'<rect class="mark reference" x="{px(ground.x(value) - 4)}" y="{px(y - 4)}" width="8" height="8"/>'
        for value in retrained
    ]
    for value, height, kind in ((before, BEFORE, "hollow"), (number.value, AFTER, "mark")):
        if value is not None:
            drawn.append(
                f'<circle class="{kind} {group}" cx="{px(ground.x(value))}" cy="{px(ground.y(height))}" r="5"/>'
            )
    texts = (value_text(number, value) for value in (number.before, number.value, number.reference))
    alt = "{}: before {}, after {}, retrained {}.".format(number.title, *texts)
    return f"<figure><figcaption>{shown(number.title)}</figcaption>{ground.svg(drawn, alt)}</figure>"


def _axis(number: RecordedNumber, known: Sequence[float], whole: bool) -> ChartAxis:
    if number.unit == "%" and whole:
        return ChartAxis("Share of samples, in %", -0.03, 1.03, percent_ticks(0, 1))
    low, high = min(known), max(known)
    room = 0.08 * ((high - low) or 1.0)
    ends = (low - room, high + room)
    if number.unit == "%":
        return ChartAxis("Share of samples, in %", *ends, percent_ticks(*ends, most=5))
    return ChartAxis(f"{number.title} ({number.unit or 'no unit'})", *ends, even_ticks(*ends, most=5))
