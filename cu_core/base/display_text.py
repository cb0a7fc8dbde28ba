"""Texts of users made fit to be shown: one line, no control characters, a bounded length."""

from __future__ import annotations

CHART = 120
"""Letters of a name in a chart; the whole name is in tables and in the settings."""
CELL = 200
"""Letters of a cell of a report; the whole text appears under the pointer."""
SMALL = 0.01
"""Numbers nearer to zero are written with three digits."""


def one_line(text: str) -> str:
    """A text as one line of letters that can be seen.

    Control characters, halves of characters, and what has no width go: marks of direction (U+202E turns the rest of a
    line around), joiners, tags. White space of any kind becomes one space.
    """
    line = " ".join(text.split())
    return line if line.isprintable() else "".join(filter(str.isprintable, line))


def visible(text: str) -> str:
    """The same for a text of several lines, such as a log: line ends and tabs stay."""
    return (
        text if text.isprintable() else "".join(letter for letter in text if letter.isprintable() or letter in "\n\t")
    )


def counted(count: int, noun: str, several: str = "") -> str:
    """A count before its noun: ``1 sample``, ``0 samples``, ``1,200 selected samples``.

    Args:
        count: how many.
        noun: of one, with what stands before it.
        several: of none or many, where that is not the noun with an s.
    """
    return f"{count:,} {noun if count == 1 else several or noun + 's'}"


def decimal(value: float, *, sign: bool = False) -> str:
    """A finite number with three decimals, or with three digits where those would be zeros.

    Of a thousand classes the highest probability may be a thousandth.

    Args:
        value: any finite number.
        sign: whether a plus is written, too.
    """
    form = ".3f" if value == 0 or abs(value) >= SMALL else ".3g"
    return f"{value + 0.0:{'+' if sign else ''}{form}}"


def measured(value: float, *, percent: bool) -> str:
    """A finite number as people read it: a share in percent with one decimal, anything else as `decimal` writes it.

    Args:
        value: any finite number; a share is 0 to 1.
        percent: whether it is a share.
    """
    return f"{100 * value:.1f} %" if percent else decimal(value)


def cut(text: str, most: int) -> str:
    """A text with its middle left out where it is longer than `most`: what tells names apart stands at either end."""
    if len(text) <= most:
        return text
    kept = most - 1
    return f"{text[: kept - kept // 2]}…{text[len(text) - kept // 2 :]}"
