"""What every layout gives: images by part, with the names of their classes, and words on how they were found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from cu_core.catalogue.spec_parts import DataSpec
from cu_core.data.findings import Findings
from cu_core.data.source import Progress


@dataclass(frozen=True)
class Part:
    """The images of the training set, or of the unseen one.

    Attributes:
        names: what each image is called; unique within the set.
        classes: name of each image's class, in the same order.
    """

    names: Sequence[str]
    classes: Sequence[str]


class Pixels(Protocol):
    """Reads images that are no picture files."""

    def read(self, names: Sequence[str]) -> Iterator[np.ndarray]:
        """Yields some images in the order of their names, (1 or 3, size, size) uint8."""
        ...

    def findings(self, before: Findings) -> Findings:
        """What was known, with what was met in the images that were read."""
        ...


@dataclass(frozen=True)
class Listing:
    """A set of images before its classes are numbered.

    Attributes:
        train: images to train on.
        unseen: images to test on; None where a share of the others is set apart.
        layout: how the files lie and where labels come from, a sentence.
        split: where the unseen images come from, a sentence; empty where they are set apart.
        content: bytes of a picture file by the image's name; None where there are pixels.
        pixels: makes a reader of arrays for a set of size ``size``; None where there are picture files.
        order: class names in the order that the set itself gives them; empty where they are sorted.
        skipped: what was passed over, in words, and how many of it.
        notes: further sentences.
    """

    train: Part
    unseen: Part | None
    layout: str
    split: str = ""
    content: Callable[[str], bytes] | None = None
    pixels: Callable[[int], Pixels] | None = None
    order: tuple[str, ...] = ()
    skipped: tuple[tuple[str, int], ...] = ()
    notes: tuple[str, ...] = ()


class Layout(Protocol):
    """One way in which images lie in a tree that has it."""

    def watched(self) -> Iterable[str]:
        """Files and folders that decide what is read; folders end with a slash."""
        ...

    def listing(self, spec: DataSpec, progress: Progress) -> Listing:
        """Lists the images and decodes none.

        Raises:
            DatasetError: they do not make a set of labelled images.
        """
        ...


def quoted(names: Iterable[str], most: int = 5) -> str:
    """Some names for a message, at most so many."""
    listed = sorted(names)
    return ", ".join(listed[:most]) + (", …" if len(listed) > most else "")
