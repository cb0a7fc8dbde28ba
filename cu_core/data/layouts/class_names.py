"""Numbers and names of classes: one order for all layouts."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cu_core.base.errors import DatasetError
from cu_core.data.layouts.listing import Listing, quoted
from cu_core.data.trees.limits import FIELD

_WHOLE = re.compile(r"[0-9]+")


@dataclass(frozen=True)
class ClassOrder:
    """The classes of a set.

    Attributes:
        names: by label, as the set has them.
        words: how they got their numbers, a sentence.
        notes: further sentences.
    """

    names: tuple[str, ...]
    words: str
    notes: tuple[str, ...] = ()


def normal(name: str) -> str:
    """A name as it is compared and stored: accents in one form."""
    return unicodedata.normalize("NFC", name)


def class_order(listing: Listing) -> ClassOrder:
    """Numbers the classes of a listing.

    Raises:
        DatasetError: fewer than two, or an unseen class that is not trained on.
    """
    found = set(listing.train.classes)
    if len(found) < 2:
        only = f"a single class, {min(found)!r}" if found else "no images"
        raise DatasetError(FIELD, f"the training part has {only}; at least two classes are needed")
    unseen = set(listing.unseen.classes) if listing.unseen else found
    if unknown := unseen - found:
        raise DatasetError(FIELD, f"classes without a training image: {quoted(unknown)}")
    notes = []
    if lacking := found - unseen:
        what = "class lacks" if len(lacking) == 1 else "classes lack"
        notes.append(f"{len(lacking):,} {what} unseen images: {quoted(lacking)}.")
    notes += _alike(found)
    if listing.order:
        if missing := found - set(listing.order):
            raise DatasetError(FIELD, f"classes that the set's own list does not have: {quoted(missing)}")
        if gone := [name for name in listing.order if name not in found]:
            notes.append(f"The set's own list has classes without a training image, left out: {quoted(gone)}.")
        ordered = tuple(name for name in listing.order if name in found)
        return ClassOrder(ordered, "Classes are numbered as the set's own list has them.", tuple(notes))
    ordered, words = _sorted(found)
    return ClassOrder(ordered, words, tuple(notes))


def _sorted(names: Iterable[str]) -> tuple[tuple[str, ...], str]:
    """Numbers in order of size, so that folders 0 … 10 get labels 0 … 10; anything else as text."""
    as_text = tuple(sorted(names))
    if not all(_WHOLE.fullmatch(name) for name in as_text):
        return as_text, "Classes are numbered in the order of their names as text."
    by_size = tuple(sorted(as_text, key=lambda name: (len(digits := name.lstrip("0")), digits, name)))
    words = f"The names of the classes are numbers, so they are numbered by size ({_beginning(by_size)})"
    if by_size == as_text:
        return by_size, f"{words}."
    return by_size, f"{words}; programs that sort folders as text, such as torchvision, have {_beginning(as_text)}."


def _beginning(names: Sequence[str], most: int = 4) -> str:
    shown = [name[:20] for name in names[:most]]
    return ", ".join(shown) + (", …" if len(names) > most else "")


def _alike(names: Iterable[str]) -> list[str]:
    """Words on names that differ in their case or in blanks alone; they may be one class by mistake."""
    alike: dict[str, list[str]] = defaultdict(list)
    for name in names:
        alike[" ".join(name.split()).casefold()].append(name)
    return [
        f"{' and '.join(map(repr, sorted(group)))} differ only in case or blanks, and count as classes of their own."
        for group in sorted(alike.values())
        if len(group) > 1
    ]
