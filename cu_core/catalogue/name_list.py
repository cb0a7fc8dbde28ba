"""Lists of names as text: separated by commas, in double quotes where a name would be misread without them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cu_core.base.errors import BadInput

_QUOTED = re.compile(r'\s*"([^"]*(?:""[^"]*)*)"\s*')
_PLAIN = re.compile(r"[^,]*")


def quoted(name: str) -> str:
    """A name in double quotes; those inside it are doubled."""
    return '"' + name.replace('"', '""') + '"'


def unquoted(text: str) -> str | None:
    """What stands in the quotes that a whole text is in; None where it is not."""
    found = _QUOTED.fullmatch(text)
    return found[1].replace('""', '"') if found else None


def write_list(names: Sequence[str]) -> str:
    """Names as a text that `read_list` reads back; an empty one, which it refuses, becomes an empty pair of quotes."""
    return ",".join(quoted(name) if _misread(name) else name for name in names)


def _misread(name: str) -> bool:
    return "," in name or name[:1] in ("", '"') or name != name.strip()


def read_list(text: str, field: str) -> tuple[str, ...]:
    """The names in a text, as they stand between commas or quotes; blanks around them do not count.

    A quote within a name that does not begin with one is a letter like others. A comma may follow the last name.

    Args:
        text: such as ``cat,"red,blue"``.
        field: named in the error.

    Raises:
        BadInput: an empty name, a quote without an end, or letters behind one.
    """
    names: list[str] = []
    place = 0
    while place < len(text) or not names:
        if found := _QUOTED.match(text, place):
            name, place = found[1].replace('""', '"'), found.end()
        elif found := _PLAIN.match(text, place):
            name, place = found[0].strip(), found.end()
            if name.startswith('"'):
                raise BadInput(field, f"{text!r} has a quote that is never closed", ('"red,blue",green',))
        if not name:
            raise BadInput(field, f"{text!r} has an empty name", ("5,7", '"red,blue",green'))
        if place < len(text) and text[place] != ",":
            raise BadInput(field, f"{text!r} goes on behind a closing quote", ('"red,blue",green',))
        names.append(name)
        place += 1
    return tuple(names)


def split_at(text: str, separator: str) -> list[str]:
    """The parts of a text between separators, of which those inside quotes do not count.

    A quote counts where a name can begin: at the start of a part, or behind a comma or a colon.
    """
    parts, start, place = [], 0, 0
    begins = True
    while place < len(text):
        letter = text[place]
        if letter == '"' and begins and (found := _QUOTED.match(text, place)):
            place = found.end()
            begins = False
            continue
        if letter == separator:
            parts.append(text[start:place])
            start = place + 1
        begins = letter in (separator, ",", ":") or (begins and letter.isspace())
        place += 1
    return [*parts, text[start:]]
