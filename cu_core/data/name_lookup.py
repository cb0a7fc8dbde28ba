"""Training samples by name: what a written name means among the names of a dataset."""

from __future__ import annotations

import difflib
import fnmatch
import re
from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np

from cu_core.catalogue.class_names import same_form
from cu_core.catalogue.name_list import write_list

GLOB = re.compile(r"[*?[]")
_COMPARED = 3000
_NEAREST = 3


class NameLookup:
    """The names of a dataset's samples, each with the place of its sample.

    A name may be written whole, by its last parts as far as they tell it from others, or as a path that ends in it;
    letters compare after NFC, and a backslash is a slash.

    Args:
        names: from ``"train"`` or ``"test"`` to the names of these samples in order; asked when they are needed.
    """

    def __init__(self, names: Callable[[str], Sequence[str]]) -> None:
        self._names = names

    @cached_property
    def train(self) -> list[str]:
        """Names of the training samples; none where they have none."""
        return [same_form(name) for name in self._names("train")]

    def find(self, text: str) -> int | str:
        """The place of the training sample so named, or in words why there is none."""
        name = _clean(text)
        if (place := self._places.get(name)) is not None:
            return place
        parts = name.split("/")
        for start in range(1, len(parts)):
            if (place := self._places.get("/".join(parts[start:]))) is not None:
                return place
        found = self._tails.get(name, [])
        if len(found) == 1:
            return found[0]
        if found:
            some = ", ".join(self.train[place] for place in found[:_NEAREST])
            return f"{_short(text)} names {len(found)} training samples ({some}{', …' * (len(found) > _NEAREST)})"
        unseen = name in {same_form(other) for other in self._names("test")}
        return f"{_short(text)} {'is an unseen sample, and only' if unseen else 'names no training sample'}" + (
            " training samples can be forgotten" if unseen else self._nearest(name)
        )

    def matching(self, pattern: str) -> np.ndarray:
        """(k,) int64 sorted places of the training samples whose name, or the end of it, a pattern fits.

        ``*`` stands for any letters, ``?`` for one, ``[ab]`` for one of some.
        """
        cleaned = _clean(pattern)
        for glob in (cleaned, f"*/{cleaned}"):
            fits = re.compile(fnmatch.translate(glob)).match
            if found := [place for place, name in enumerate(self.train) if fits(name)]:
                return np.array(found, dtype=np.int64)
        return np.zeros(0, dtype=np.int64)

    def is_name(self, text: str) -> bool:
        """Whether a text is the whole name of a training or an unseen sample."""
        name = _clean(text)
        return name in self._places or name in {same_form(other) for other in self._names("test")}

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in reversed(list(enumerate(self.train)))}

    @cached_property
    def _tails(self) -> dict[str, list[int]]:
        """Places by every end of a name that begins behind a slash."""
        found: dict[str, list[int]] = {}
        for place, name in enumerate(self.train):
            parts = name.split("/")
            for start in range(1, len(parts)):
                found.setdefault("/".join(parts[start:]), []).append(place)
        return found

    def _nearest(self, name: str) -> str:
        """The names most like one, as words behind a complaint; of very many names only some are looked at."""
        depth = name.count("/") + 1
        last = name.rpartition("/")[2]
        like = [known for known in self.train if known.endswith(last)]
        step = max(1, -(-len(self.train) // _COMPARED))
        ends = {"/".join(known.split("/")[-depth:]): known for known in [*self.train[::step], *like[:_COMPARED]]}
        near = [ends[end] for end in difflib.get_close_matches(name[:200], ends, n=_NEAREST, cutoff=0.4)]
        near = near or self.train[:_NEAREST]
        return f"; the nearest are {', '.join(write_list([known]) for known in near)}" if near else ""


def _clean(text: str) -> str:
    return same_form(text.strip()).replace("\\", "/").removeprefix("./")


def _short(text: str, most: int = 100) -> str:
    return repr(text if len(text) <= most else f"{text[:most]}…")
