"""What a user's images turned out to be, and how they were read: a record that is stored with the prepared dataset."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

MOST_CLASSES = 12
"""Classes that are counted one by one in words; more are summed up."""
MOST_UNREADABLE = 1000
"""Unreadable images whose names are kept."""


@dataclass(frozen=True)
class Findings:
    """What was found and how it was read. All texts are whole sentences, or as said below.

    Attributes:
        layout: how the files lie and where labels come from.
        split: where the unseen samples come from.
        order: how classes got their numbers.
        train: training images by label, before a limit on their number; without those that cannot be read.
        test: unseen images by label, without those that cannot be read.
        skipped: what was passed over and how many of it, such as ``("files of disks and network storage", 60)``.
        modes: how pixels are stored and in how many images, such as ``("RGB, 8 bits", 60)``.
        sizes: width and height of the smallest and of the largest image, upright; empty where nobody looked.
        side: width and height that all images are brought to; 0 where nobody has noted it.
        scaled: how values beyond 8 bits became pixels.
        unreadable: name and fault of images that were skipped, at most `MOST_UNREADABLE`.
        unreadable_count: how many were skipped because they could not be read.
        notes: anything else that should be known before a run is launched.
    """

    layout: str = ""
    split: str = ""
    order: str = ""
    train: tuple[int, ...] = ()
    test: tuple[int, ...] = ()
    skipped: tuple[tuple[str, int], ...] = ()
    modes: tuple[tuple[str, int], ...] = ()
    sizes: tuple[tuple[int, int], ...] = ()
    side: int = 0
    scaled: tuple[str, ...] = ()
    unreadable: tuple[tuple[str, str], ...] = ()
    unreadable_count: int = 0
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, content: object) -> Findings | None:
        """The record that was written, or None where there is none or it is damaged."""
        if not isinstance(content, dict):
            return None
        try:
            return cls(
                **{name: str(content.get(name, "")) for name in ("layout", "split", "order")},
                train=tuple(int(n) for n in content.get("train", ())),
                test=tuple(int(n) for n in content.get("test", ())),
                skipped=tuple((str(words), int(n)) for words, n in content.get("skipped", ())),
                modes=tuple((str(words), int(n)) for words, n in content.get("modes", ())),
                sizes=tuple((int(width), int(height)) for width, height in content.get("sizes", ())),
                side=int(content.get("side", 0)),
                scaled=tuple(str(words) for words in content.get("scaled", ())),
                unreadable=tuple((str(name), str(fault)) for name, fault in content.get("unreadable", ())),
                unreadable_count=int(content.get("unreadable_count", 0)),
                notes=tuple(str(words) for words in content.get("notes", ())),
            )
        except (TypeError, ValueError):
            return None

    def lines(self, classes: Sequence[str]) -> list[str]:
        """The record in sentences, the most important first.

        Args:
            classes: class names by label.
        """
        said = [self.layout, self.split, self._counted(classes), self.order]
        if self.modes:
            said.append(f"Stored as {_listed(self.modes)}.")
        if self.sizes:
            said.append(_sized(self.sizes, self.side))
        said += self.scaled
        if self.skipped:
            said.append(f"Passed over: {'; '.join(f'{words}: {count:,}' for words, count in self.skipped)}.")
        if self.unreadable_count:
            said.append(self._faulty())
        return [line for line in [*said, *self.notes] if line]

    def _counted(self, classes: Sequence[str]) -> str:
        if not self.train:
            return ""
        images = f"{sum(self.train):,} training and {sum(self.test):,} unseen images"
        total = f"Found: {images} in {len(self.train):,} classes"
        test = self.test or (0,) * len(self.train)
        if len(self.train) > MOST_CLASSES:
            return f"{total}: {_span(self.train)} training and {_span(test)} unseen ones in each."
        pairs = zip(classes, self.train, test, strict=False)
        return f"{total}: {'; '.join(f'{name} {seen:,} + {unseen:,}' for name, seen, unseen in pairs)}."

    def _faulty(self) -> str:
        named = "; ".join(f"{name} ({fault})" for name, fault in self.unreadable[:5])
        more = self.unreadable_count - len(self.unreadable[:5])
        also = f"; and {more:,} more" if more > 0 else ""
        what = "image that cannot be read was" if self.unreadable_count == 1 else "images that cannot be read were"
        return f"{self.unreadable_count:,} {what} left out: {named}{also}."


def _listed(counted: Sequence[tuple[str, int]]) -> str:
    return ", ".join(f"{count:,} {words}" for words, count in counted)


def _span(counts: Sequence[int]) -> str:
    low, high = min(counts), max(counts)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _sized(sizes: Sequence[tuple[int, int]], side: int) -> str:
    (width, height), (wide, high) = sizes[0], sizes[-1]
    differs = side and {tuple(sizes[0]), tuple(sizes[-1])} != {(side, side)}
    resized = f", resized to {side}×{side}" if differs else ""
    if sizes[0] == sizes[-1]:
        return f"All are {width}×{height} px{resized}."
    return f"From {width}×{height} to {wide}×{high} px{resized}."
