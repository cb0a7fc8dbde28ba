"""Texts of users in places that read Markdown: shown as they were written."""

from __future__ import annotations

import re

from cu_core.base.display_text import cut, one_line

# Marks of Markdown, HTML and formulas; a backslash before them is not shown.
_MARKS = re.compile(
    r"[\\`*\[\]<>$~&|]|(?<![^\W_])_|_(?![^\W_])"
    # Colours and badges begin with a colon, with or without brackets behind them.
    r"|(?<!\w):(?=[A-Za-z])|:(?=(?:red|orange|yellow|green|blue|violet|purple|gr[ae]y|rainbow|primary|small)\b)"
)
# At the start of a text they make a heading, a quote or a list.
_START = re.compile(r"^([#+-]|\d+(?=[.)]))")
# Icons, emoji and links are looked for in what Markdown has made of a text, where a backslash is gone. A character
# without width keeps them apart.
_JOINER = "\u2060"
_LONGEST = 4000
"""Letters that are shown; the longest errors have about as many, names are cut before."""
_FOUND_LATER = re.compile(
    r":(?=[\w+/-]+:)|(?<=https)(?=://)|(?<=http)(?=://)|(?<=www)(?=\.)|(?<=\w)(?=@)", re.IGNORECASE
)


def plain(text: object) -> str:
    """A text of free form, such as a run's name or an error that quotes it, for an element that reads Markdown.

    It becomes one line in which nothing is a picture, a link, an icon, a formula or markup.
    """
    line = cut(one_line(str(text).encode(errors="backslashreplace").decode()), _LONGEST)
    line = _FOUND_LATER.sub(lambda found: found[0] + _JOINER, line)
    line = _MARKS.sub(lambda found: "\\" + found[0], line)
    return _START.sub(lambda found: f"\\{found[0]}" if not found[0].isdigit() else f"{found[0]}{_JOINER}", line)
