"""Many picture files, read in their order by several threads in bounded memory; what was met in them is counted."""

from __future__ import annotations

import dataclasses
import os
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from cu_core.base.errors import DatasetError
from cu_core.data.findings import Findings
from cu_core.data.pixel_range import PixelRange, Spread, range_of
from cu_core.data.source import Progress, Unreadable
from cu_core.data.transform import Picture, read_picture

_THREADS = max(1, min(8, os.cpu_count() or 1))
"""Pillow's decoders let other threads run."""
_AHEAD_FILES = 8 * _THREADS
_AHEAD_BYTES = 64 * 2**20
_TELL_EVERY = 1024


class PictureReader:
    """Reads the picture files of one dataset.

    Args:
        content: the bytes of a file, by its name; called by one thread at a time, in the order of the names.
        names: all files of the dataset: values of more than 8 bits are scaled by the range of all of them, however
            few are read in the end.
        size: height and width of the results in pixels.
        background: one of `cu_core.data.transform.BACKGROUNDS`.
        progress: told while ranges are looked for; may raise to cancel.
    """

    def __init__(
        self, content: Callable[[str], bytes], names: Sequence[str], size: int, background: str, progress: Progress
    ) -> None:
        self._content = content
        self._names = names
        self._size = size
        self._background = background
        self._progress = progress
        self._ranges: dict[str, PixelRange] = {}
        self._stored: Counter[str] = Counter()
        self._wide: Counter[str] = Counter()
        self._sides: list[tuple[int, int]] = []
        self._transparent = 0
        self._more = 0

    def read(self, names: Sequence[str]) -> Iterator[np.ndarray | Unreadable]:
        """Yields the pictures of some files in their order, (1 or 3, size, size) uint8, or why one has none."""
        for name, found in self._pictures(names):
            if isinstance(found, Picture) and found.pixels is None:
                # The first of its kind; those that are being read meanwhile come here as well.
                if found.wide not in self._ranges:
                    self._ranges = self._find_ranges()
                content = self._read(name)
                found = self._picture(content) if isinstance(content, bytes) else content
            if isinstance(found, Picture):
                self._count(found)
                if found.pixels is None:
                    raise ValueError(f"{name} is none of the dataset's files")
                yield found.pixels
            else:
                yield found

    def findings(self, before: Findings) -> Findings:
        """What is known so far, with what was met in the pictures that were read."""
        notes = []
        if self._transparent:
            notes.append(
                f"{_pictures_with(self._transparent, 'transparent parts')}; they are laid on {self._background}."
            )
        if self._more:
            notes.append(
                f"{_files_with(self._more)} more than one picture, as animations have; the first one is taken."
            )
        return dataclasses.replace(
            before,
            modes=tuple(sorted(self._stored.items(), key=lambda item: (-item[1], item[0]))),
            sizes=tuple(self._sides),
            scaled=tuple(
                f"{count:,} pictures of {kind} are scaled from {self._ranges[kind].words}, the same for all of them."
                for kind, count in sorted(self._wide.items())
            ),
            notes=(*before.notes, *notes),
        )

    def _count(self, found: Picture) -> None:
        self._stored[found.stored] += 1
        if found.wide:
            self._wide[found.wide] += 1
        self._transparent += found.transparent
        self._more += found.more
        sides = [*self._sides, (found.width, found.height)]
        self._sides = [min(sides, key=_area), max(sides, key=_area)]

    def _find_ranges(self) -> dict[str, PixelRange]:
        """Of every kind of values of more than 8 bits, over all files of the dataset."""
        spreads: dict[str, tuple[str, Spread]] = {}
        for done, (_, found) in enumerate(self._pictures(self._names, measure=True)):
            if done % _TELL_EVERY == 0:
                self._progress(done, len(self._names), "looking for the range of values")
            if isinstance(found, Picture) and found.wide and found.spread is not None:
                _, before = spreads.get(found.wide, (found.family, found.spread))
                spreads[found.wide] = found.family, before.joined(found.spread)
        return {kind: range_of(family, spread) for kind, (family, spread) in spreads.items()}

    def _pictures(self, names: Sequence[str], measure: bool = False) -> Iterator[tuple[str, Picture | Unreadable]]:
        """Files in their order; as many are read ahead as threads can decode and memory can hold."""
        pending: deque[tuple[str, int, Future[Picture | Unreadable]]] = deque()
        waiting = 0
        with ThreadPoolExecutor(_THREADS, "pictures") as pool:
            try:
                for name in names:
                    while pending and (len(pending) >= _AHEAD_FILES or waiting > _AHEAD_BYTES):
                        first, size, future = pending.popleft()
                        waiting -= size
                        yield first, future.result()
                    content = self._read(name)
                    if isinstance(content, bytes):
                        future = pool.submit(self._picture, content, measure)
                    else:
                        future = Future()
                        future.set_result(content)
                    size = len(content) if isinstance(content, bytes) else 0
                    pending.append((name, size, future))
                    waiting += size
                while pending:
                    first, _, future = pending.popleft()
                    yield first, future.result()
            finally:
                for _, _, future in pending:
                    future.cancel()

    def _read(self, name: str) -> bytes | Unreadable:
        try:
            return self._content(name)
        except DatasetError as error:
            return Unreadable(error.reason.removeprefix(f"{name} "))

    def _picture(self, content: bytes, measure: bool = False) -> Picture | Unreadable:
        try:
            return read_picture(content, self._size, self._background, self._ranges, measure=measure)
        except Unreadable as error:
            # Without its cause, which holds on to the file and what was decoded of it.
            return Unreadable(str(error))


def _area(sides: tuple[int, int]) -> tuple[int, int]:
    return sides[0] * sides[1], sides[0]


def _pictures_with(count: int, what: str) -> str:
    return f"1 picture has {what}" if count == 1 else f"{count:,} pictures have {what}"


def _files_with(count: int) -> str:
    return "1 file holds" if count == 1 else f"{count:,} files hold"
