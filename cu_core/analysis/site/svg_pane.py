"""Small charts as SVG text: fixed axes with ticks, titles with units, and what is drawn between them.

A chart of a static site needs no library. It has a fixed size in px, so that its letters are never smaller than they
were made, and takes its colours for letters and lines from the page, so that it reads on light and dark ground.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from cu_core.base.display_text import visible

WIDTH, HEIGHT = 344, 232
"""Of a chart in px: one fits a phone, three a laptop."""
LEFT, RIGHT, TOP, BOTTOM = 62, 14, 10, 44
LETTERS = 12
"""Size of the letters in px; the style of the site says the same."""


@dataclass(frozen=True)
class ChartAxis:
    """One axis of a chart, the same in every round.

    Attributes:
        title: what it counts, with its unit.
        low: value at its lower end.
        high: value at its upper end, above `low`.
        ticks: values with their labels.
        log: whether equal factors are equally far apart; then `low` is above 0.
    """

    title: str
    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    log: bool = False

    def share(self, value: float) -> float:
        """Where a value lies, 0 at the lower end and 1 at the upper; what lies beyond is put at the end."""
        low, high, at = self.low, self.high, min(max(value, self.low), self.high)
        if self.log:
            low, high, at = math.log(low), math.log(high), math.log(at)
        return (at - low) / (high - low)


@dataclass(frozen=True)
class ChartPane:
    """The ground of a chart.

    Attributes:
        across: the axis from left to right.
        upward: the axis from bottom to top.
        left: px beside it, for the ticks and the title of `upward`.
        bottom: px below it, for those of `across`.
    """

    across: ChartAxis
    upward: ChartAxis
    left: int = LEFT
    bottom: int = BOTTOM

    def x(self, value: float) -> float:
        """Place of a value in px from the left."""
        return self.left + self.across.share(value) * (WIDTH - self.left - RIGHT)

    def y(self, value: float) -> float:
        """Place of a value in px from above."""
        return TOP + (1 - self.upward.share(value)) * (HEIGHT - TOP - self.bottom)

    def svg(self, drawn: Iterable[str], alt: str) -> str:
        """The whole chart.

        Args:
            drawn: SVG elements in the order in which they are drawn.
            alt: what the chart shows, in words.
        """
        return (
            f'<svg width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
            f'aria-label="{escape(visible(alt), quote=True)}">{"".join(self._grid())}{"".join(drawn)}</svg>'
        )

    def _grid(self) -> Iterable[str]:
        low, left = HEIGHT - self.bottom, self.left
        for value, label in self.across.ticks:
            x = px(self.x(value))
            yield f'<path class="grid" d="M{x} {TOP}V{low}"/>{letters(x, low + 16, label)}'
        for value, label in self.upward.ticks:
            y = self.y(value)
            yield f'<path class="grid" d="M{left} {px(y)}H{WIDTH - RIGHT}"/>'
            yield letters(px(left - 6), y + LETTERS / 3, label, anchor="end")
        middle = (left + WIDTH - RIGHT) / 2
        yield letters(px(middle), HEIGHT - 7, self.across.title, kind="axis")
        turned = f' transform="rotate(-90 {LETTERS} {px((TOP + low) / 2)})"'
        yield letters(px(LETTERS), (TOP + low) / 2, self.upward.title, kind="axis", more=turned)


def px(value: float) -> str:
    """A place with as many digits as can be seen."""
    return f"{value:.1f}".removesuffix(".0")


def letters(x: str, y: float, text: str, *, anchor: str = "middle", kind: str = "", more: str = "") -> str:
    """A text at a place."""
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{x}" y="{px(y)}" text-anchor="{anchor}"{more}>{escape(visible(text))}</text>'


def polyline(points: Sequence[tuple[float, float]]) -> str:
    """The way from point to point, for the ``d`` of a path."""
    return "".join(f"{'L' if k else 'M'}{px(x)} {px(y)}" for k, (x, y) in enumerate(points))


def even_ticks(low: float, high: float, most: int = 6) -> tuple[tuple[float, str], ...]:
    """At most so many round numbers between two ends, evenly apart, with their labels."""
    span = high - low
    power = 10.0 ** math.floor(math.log10(span / most))
    step = next(power * factor for factor in (1, 2, 5, 10, 20) if span / (power * factor) <= most - 1)
    first = math.ceil(low / step - 1e-9)
    values = [k * step for k in range(first, math.floor(high / step + 1e-9) + 1)]
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    return tuple((value, f"{value + 0.0:,.{digits}f}".replace("-", "−")) for value in values)


def percent_ticks(low: float, high: float, most: int = 6) -> tuple[tuple[float, str], ...]:
    """The same for shares, in percent."""
    return tuple((value / 100, f"{label} %") for value, label in even_ticks(100 * low, 100 * high, most))


def decade_ticks(low: float, high: float, most: int = 6) -> tuple[tuple[float, str], ...]:
    """Powers of ten between two ends above 0, as many as have room, and round numbers between where there are few."""
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    for factors in ((1, 2, 5), (1, 3)) if last - first < 2 else ():
        values = [factor * 10.0**k for k in range(first - 1, last + 1) for factor in factors]
        between = tuple((value, f"{value:g}") for value in values if low <= value * (1 + 1e-9) and value <= high)
        if 2 <= len(between) <= most:
            return between
    if last <= first:
        return even_ticks(low, high, most)
    every = max(1, math.ceil((last - first + 1) / most))
    return tuple((10.0**k, f"{10.0**k:g}") for k in range(first, last + 1, every))
