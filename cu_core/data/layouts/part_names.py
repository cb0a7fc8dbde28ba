"""Names of the training part and of unseen parts, as folders, tables, arrays and files of others have them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from cu_core.base.errors import DatasetError
from cu_core.data.trees.limits import FIELD

TRAIN = ("train", "training", "trn")
# The first that is there is the unseen part.
UNSEEN = ("test", "testing", "tst", "val", "valid", "validation", "dev", "eval", "evaluation")
_WORDS = re.compile(r"[^a-z]+")


@dataclass(frozen=True)
class Parts:
    """Which of some names are parts of a set.

    Attributes:
        train: the training part; empty if there is none.
        unseen: unseen parts, the one to use first.
    """

    train: str = ""
    unseen: tuple[str, ...] = ()


def is_part(name: str) -> bool:
    """Whether a name is that of a part, in any case."""
    return name.lower() in (*TRAIN, *UNSEEN)


def parts_among(names: Iterable[str]) -> Parts:
    """Finds the parts among the names of folders, or of values of a column.

    Raises:
        DatasetError: two names of one part, such as ``Train`` and ``train``.
    """
    found: dict[str, list[str]] = defaultdict(list)
    for name in names:
        found[name.strip().lower()].append(name)
    for lower in (*TRAIN, *UNSEEN):
        if len(found[lower]) > 1:
            raise DatasetError(
                FIELD, f"{' and '.join(sorted(found[lower]))} are two names of one part; put their images into one"
            )
    train = [found[name][0] for name in TRAIN if found[name]]
    if len(train) > 1:
        raise DatasetError(FIELD, f"{' and '.join(train)} both name the training part; put their images into one")
    return Parts(train[0] if train else "", tuple(found[name][0] for name in UNSEEN if found[name]))


def part_in(text: str) -> str:
    """The name of a part that is a word of a longer name, as ``train`` of ``x_train`` or ``train-00000-of-00001``."""
    words = [word for word in _WORDS.split(text.lower()) if word]
    for name in (*TRAIN, *UNSEEN):
        if name in words:
            return name
    return ""


def unused_words(used: str, others: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    """Words on unseen parts beside the one that is used.

    Args:
        used: the one that is.
        others: name and number of images of the others.
    """
    return [(f"images of {name}, because {used} is the unseen part", count) for name, count in others if count]
