"""A selection of samples as a short text for an address: ranges of rows, or the name of a file that holds them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

import numpy as np

from cu_core.base.errors import BadInput
from cu_core.base.files import read_plain, write_atomically
from cu_core.base.home import Home

LONGEST = 1500
"""Letters of an address that a selection may take; a longer one is kept in a file and named by its content."""

MOST_KEPT = 500
"""Files of long selections in a home; of more the oldest go."""

FIELD = "picked"
_KEPT = re.compile(r"_([0-9a-f]{24})")
_PART = re.compile(r"([0-9a-z]{1,6})(?:-([0-9a-z]{1,6}))?")
_BASE = 36


def ranges_text(rows: Sequence[int] | np.ndarray) -> str:
    """Rows as ranges of numbers to the base 36, e.g. ``3-b.1f``; empty for none.

    Args:
        rows: sorted and distinct.
    """
    rows = np.asarray(rows, np.int64)
    if not len(rows):
        return ""
    breaks = np.flatnonzero(np.diff(rows) > 1)
    firsts, lasts = rows[np.r_[0, breaks + 1]], rows[np.r_[breaks, len(rows) - 1]]
    return ".".join(
        _digits(first) if first == last else f"{_digits(first)}-{_digits(last)}"
        for first, last in zip(firsts.tolist(), lasts.tolist(), strict=True)
    )


def ranges_rows(text: str, count: int) -> np.ndarray:
    """The rows that such a text names, sorted and distinct; those beyond the recorded samples are left out.

    Args:
        text: of `ranges_text`.
        count: recorded samples.

    Raises:
        BadInput: it is something else.
    """
    marked = np.zeros(count, bool)
    for part in text.split("."):
        found = _PART.fullmatch(part)
        if not found:
            raise BadInput(FIELD, f"{part[:20]!r} is no range of samples", ("3-b.1f",))
        first = int(found[1], _BASE)
        marked[first : int(found[2] or found[1], _BASE) + 1] = True
    return np.flatnonzero(marked)


def selection_text(home: Home, rows: Sequence[int] | np.ndarray) -> str:
    """A text of at most `LONGEST` letters that names a selection; keeps a file for one that needs more.

    Raises:
        OSError: the file cannot be written.
    """
    text = ranges_text(rows)
    if len(text) <= LONGEST:
        return text
    name = hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
    path = home.selections / name
    if not path.exists():
        home.selections.mkdir(parents=True, exist_ok=True)
        write_atomically(path, lambda file: file.write(text.encode()))
        kept = sorted(home.selections.iterdir(), key=lambda file: file.stat().st_mtime, reverse=True)
        for old in kept[MOST_KEPT:]:
            old.unlink(missing_ok=True)
    return f"_{name}"


def selection_rows(home: Home, text: str, count: int) -> np.ndarray:
    """The rows that `selection_text` named.

    Args:
        home: where long selections are kept.
        text: as it stands in the address.
        count: recorded samples of the run.

    Raises:
        BadInput: it names none, or one that is not kept here.
    """
    found = _KEPT.fullmatch(text)
    if not found:
        return ranges_rows(text, count)
    try:
        kept = read_plain(home.selections / found[1]).decode("ascii", "replace")
    except (OSError, ValueError) as error:
        raise BadInput(FIELD, "the selection that it names is not kept on this machine") from error
    return ranges_rows(kept, count)


def _digits(number: int) -> str:
    return np.base_repr(number, _BASE).lower()
