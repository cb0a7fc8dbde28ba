"""In which order own weights answer: that of the dataset, names sorted as text or numbers, or any other."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cu_core.base.errors import BadInput, Incompatible

FIELD = "model.class_order"
DATASET, TEXT, NUMBER = "dataset", "text", "number"
FORMS = (DATASET, TEXT, NUMBER, "the numbers of all classes from 0 on, in the order of the answers: 2,0,1")


def check_order(text: str, classes: int = 0) -> None:
    """Checks the text of a specification.

    Args:
        text: as in `cu_core.catalogue.spec_parts.ModelSpec.class_order`.
        classes: how many there are; 0 where nobody knows yet.

    Raises:
        BadInput: it is no form of this setting.
        Incompatible: it orders another number of classes.
    """
    _listed(text, classes)


def answered(text: str, names: Sequence[str]) -> list[int]:
    """Which class each answer of the weights means.

    Args:
        text: as in `ModelSpec.class_order`.
        names: of the classes, by label.

    Returns:
        Label by position of the answer.

    Raises:
        BadInput: see `check_order`, as does what follows.
        Incompatible: it orders another number of classes.
    """
    listed = _listed(text, len(names))
    if listed is not None:
        return listed
    order = range(len(names))
    return {
        DATASET: lambda: list(order),
        TEXT: lambda: sorted(order, key=lambda label: names[label]),
        NUMBER: lambda: sorted(order, key=lambda label: _by_number(names[label])),
    }[text.strip()]()


def _listed(text: str, classes: int) -> list[int] | None:
    """The numbers that a text lists; None where it names an order."""
    if text.strip() in (DATASET, TEXT, NUMBER):
        return None
    if not re.fullmatch(r"\s*\d{1,6}\s*(,\s*\d{1,6}\s*)*", text):
        raise BadInput(FIELD, f"{text[:60]!r} is no order of classes", FORMS, given=text.strip())
    numbers = [int(number) for number in text.split(",")]
    if classes and len(numbers) != classes:
        raise Incompatible(FIELD, f"orders {len(numbers)} classes, and the images have {classes}", FORMS)
    if sorted(numbers) != list(range(len(numbers))):
        raise BadInput(FIELD, f"does not name each class from 0 to {len(numbers) - 1} once", FORMS)
    return numbers


def _by_number(name: str) -> list[tuple[int, int, str]]:
    """A key by which ``class 10`` follows ``class 9``."""
    parts = re.split(r"(\d+)", name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part]
