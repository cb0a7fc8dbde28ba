"""Search among the recorded samples of a run: by number, by class, or by a part of a class's name.

The dashboard serves everybody from one process, so that no search may take long, whatever is typed and whatever names
a run's classes have. Parts of a name are looked for one behind the other, which no text can make slow; Python's
regular expressions have no such bound.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cu_core.base.display_text import counted
from cu_core.base.errors import BadInput
from cu_core.catalogue.named_classes import are_numbers, same_form

FIELD = "selection.search"
SEARCHES = ("17", "17, 20-25", "test:17", "class:cat", "a class's name", "a part of it", "a*e")

_LONGEST = 10_000
_LONGEST_PATTERN = 200
_LOOKED_AT = 1000
"""Letters at the beginning of a class's name among which parts are looked for."""
_LISTED = 20
_ID = re.compile(r"(?:(train|test)\s*:\s*)?(\d{1,18})(?:\s*-\s*(\d{1,18}))?")


@dataclass(frozen=True)
class SearchResult:
    """What a search has found.

    Attributes:
        rows: of the probe.
        missing: parts of the search that no recorded sample fits, as they were typed.
    """

    rows: np.ndarray
    missing: tuple[str, ...] = ()


def search(
    text: str, samples: np.ndarray, is_test: np.ndarray, labels: np.ndarray, classes: Sequence[str] = ()
) -> SearchResult:
    """Samples by number or by class.

    A list of numbers and ranges (``17, 20-25``) means the places of samples in the training and the test images;
    ``train:`` or ``test:`` before one of them means those alone. Anything else, or what follows ``class:``, is the
    name of a class, its number, or a part of a class's name, in that order; case is ignored. In a part, ``*``
    stands for any letters between what is around it.

    Args:
        text: what the user typed.
        samples: (n,) indices into the training or the test images.
        is_test: (n,) of which of the two.
        labels: (n,) labels as trained.
        classes: names by label; without them only numbers name a class.

    Raises:
        BadInput: nothing typed, too much typed, or nothing found.
    """
    text = text.strip()
    if not text:
        raise BadInput(FIELD, "nothing to look for", SEARCHES)
    if len(text) > _LONGEST:
        raise BadInput(FIELD, f"has {len(text):,} letters", [f"at most {_LONGEST:,}"])
    words = [word for word in re.split(r"[,;]|(?<=\d)\s+(?=[\dt])", text) if word.strip()]
    ids = [_ID.fullmatch(word.strip()) for word in words]
    if words and all(ids):
        return _by_id([match for match in ids if match], samples, is_test)
    prefix, colon, rest = text.partition(":")
    name = rest.strip() if colon and prefix.strip().casefold() == "class" else text
    return SearchResult(np.flatnonzero(np.isin(labels, _classes(name, labels, classes))))


def _by_id(matches: Sequence[re.Match[str]], samples: np.ndarray, is_test: np.ndarray) -> SearchResult:
    chosen = np.zeros(len(samples), bool)
    missing = []
    for match in matches:
        split, first, last = match.groups()
        low, high = int(first), int(last or first)
        if low > high:
            raise BadInput(FIELD, f"{match[0]!r} runs backwards", (f"{high}-{low}",))
        inside = (samples >= low) & (samples <= high)
        if split:
            inside &= is_test == (split == "test")
        if not inside.any():
            missing.append(match[0])
        chosen |= inside
    if not chosen.any():
        listed = ", ".join(missing[:_LISTED]) + (
            f" and {len(missing) - _LISTED} more" if len(missing) > _LISTED else ""
        )
        raise BadInput(FIELD, f"no recorded sample is numbered {listed}", _ends(samples, is_test))
    return SearchResult(np.flatnonzero(chosen), tuple(missing))


def _ends(samples: np.ndarray, is_test: np.ndarray) -> list[str]:
    """The recorded samples in words, for an error."""
    words = []
    for name, rows in (("train", samples[~is_test]), ("test", samples[is_test])):
        if len(rows):
            words.append(f"{name}: {counted(len(rows), 'sample')} between {rows.min()} and {rows.max()}")
    return words


def _classes(name: str, labels: np.ndarray, classes: Sequence[str]) -> list[int]:
    wanted = same_form(name).casefold()
    if exact := [label for label, known in enumerate(classes) if same_form(known).casefold() == wanted]:
        return exact
    present = [int(label) for label in np.unique(labels)]
    allowed = [classes[label] if label < len(classes) else str(label) for label in present[:_LISTED]]
    if name.isdecimal() and len(name) < 10 and int(name) in present and not are_numbers(classes):
        return [int(name)]
    if len(name) > _LONGEST_PATTERN:
        raise BadInput(FIELD, f"is longer than {_LONGEST_PATTERN} letters", SEARCHES)
    parts = [part for part in wanted.split("*") if part]
    if not parts:
        raise BadInput(FIELD, f"{name!r} names no letter to look for", SEARCHES)
    found = [label for label in present if label < len(classes) and _holds(classes[label], parts)]
    if not found:
        raise BadInput(FIELD, f"no class of a recorded sample fits {name!r}", allowed)
    return found


def _holds(name: str, parts: Sequence[str]) -> bool:
    """Whether a name holds some parts one behind the other: each at its first place behind the one before it."""
    text, place = same_form(name[:_LOOKED_AT]).casefold(), 0
    for part in parts:
        place = text.find(part, place)
        if place < 0:
            return False
        place += len(part)
    return True
