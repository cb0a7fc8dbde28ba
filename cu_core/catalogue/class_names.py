"""Names of classes in forget sets: what they mean among the classes of a dataset, and how to write them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache

from cu_core.base.errors import BadInput
from cu_core.catalogue.name_list import quoted, read_list, write_list

FIELD = "forget.select"
NUMBER = re.compile(r"[0-9]{1,18}")
_LISTED = 20


def same_form(name: str) -> str:
    """A name with its letters composed (NFC), so that names compare by what is seen."""
    return unicodedata.normalize("NFC", name)


def are_numbers(classes: Sequence[str]) -> bool:
    """Whether classes are called by numbers, so that a number is a name and not a place in the list."""
    return any(NUMBER.fullmatch(name) for name in classes)


def class_label(name: str, classes: Sequence[str]) -> int | None:
    """The label that a name means: that of the class so named, else its number; None for neither.

    Where the classes themselves are called by numbers, a number is nothing but a name. Where the names are not known
    (no classes), every number is one.
    """
    label = _named(name, classes)
    if label is not None or not NUMBER.fullmatch(name) or are_numbers(classes):
        return label
    return int(name) if not classes or int(name) < len(classes) else None


def class_labels(text: str, classes: Sequence[str]) -> tuple[int, ...]:
    """The labels that a text means: a class of that very name, or a list of names and numbers.

    Args:
        text: what stands behind ``class:``; of a list see `cu_core.catalogue.name_list.read_list`.
        classes: names by label; without them only numbers name a class.

    Returns:
        Labels in the order of the text.

    Raises:
        BadInput: no such class, one that is named twice, or a list that cannot be read.
    """
    if (whole := _named(text, classes)) is not None:
        return (whole,)
    found: dict[int, str] = {}
    for name in read_list(text, FIELD):
        label = class_label(name, classes)
        if label is None:
            words = f"the dataset has no class {name!r}{_not_a_place(name, classes)}"
            raise BadInput(FIELD, words, _as_typed(classes), given=write_list([name]))
        if label in found:
            meant = repr(classes[label] if classes else name)
            twice = f"is named twice, as {found[label]!r} and as {name!r}" if found[label] != name else "is named twice"
            raise BadInput(FIELD, f"class {meant} {twice}")
        found[label] = name
    return tuple(found)


def class_text(names: Sequence[str], classes: Sequence[str] = ()) -> str:
    """Names of classes as the text that `class_labels` reads back.

    Args:
        names: at least one, of classes or of what may be one.
        classes: all names of the dataset, as far as they are known.
    """
    text, blanks = write_list(names), 0
    # A list that reads like the name of yet another class would mean that one.
    while text != names[0] and _named(text, classes) is not None:
        text = f"{quoted(names[0])}{' ' * blanks},{write_list(names[1:])}"
        blanks += 1
    return text


def _named(name: str, classes: Sequence[str]) -> int | None:
    as_it_is, composed = _places(tuple(classes))
    return as_it_is.get(name, composed.get(same_form(name)))


@lru_cache(maxsize=8)
def _places(classes: tuple[str, ...]) -> tuple[Mapping[str, int], Mapping[str, int]]:
    """The labels by name, and by the name's composed form; of two alike the first."""
    numbered = [(name, label) for label, name in reversed(list(enumerate(classes)))]
    return dict(numbered), {same_form(name): label for name, label in numbered}


def _not_a_place(name: str, classes: Sequence[str]) -> str:
    is_place = NUMBER.fullmatch(name) and int(name) < len(classes)
    return " (its classes are called by numbers, so that a number is a name)" if is_place else ""


def _as_typed(classes: Sequence[str]) -> list[str]:
    """What can be named, as it is to be typed."""
    listed = [*(write_list([name]) for name in classes[:_LISTED]), *["…"][: len(classes) > _LISTED]]
    return listed if are_numbers(classes) or not classes else [f"0 to {len(classes) - 1}", *listed]
