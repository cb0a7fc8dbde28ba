"""Disk usage of a home, counted in the background and cached per run."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cu_core.base.home import Home
from cu_core.runstore import layout
from cu_core.runstore.disk import folder_size
from cu_core.runstore.index import read_index, stamp_of
from cu_core.runstore.state import FINAL

RECOUNT_SECONDS = 30.0
# After each folder the counter rests three times as long as that took, so that pages hardly notice it.
_REST = 3.0
_AT_ONCE_SECONDS = 0.005


@dataclass(frozen=True)
class Counted:
    """Size of a run's folder, with the stamp that vouches for it.

    Attributes:
        stamp: of the folders in which a run's changes leave a trace.
        size: in bytes.
    """

    stamp: str
    size: int


class DiskUse:
    """Bytes by folder of a home; a thread counts them when somebody asks and the last count is old.

    Folders of finished runs are walked once: they are counted again when their stamp has moved.

    Args:
        home: whose folders.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self._known: dict[str, Counted] = {}
        self._sizes: dict[str, int] | None = None
        self._counted = 0.0
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def look(self, seconds: float = 0.0) -> dict[str, int] | None:
        """The latest numbers; None while the first count goes on.

        Args:
            seconds: how long to wait for the first ones.
        """
        with self._lock:
            thread = self._thread
            idle = thread is None or not thread.is_alive()
            if idle and (self._sizes is None or time.monotonic() - self._counted > RECOUNT_SECONDS):
                thread = self._thread = threading.Thread(target=self._count, name="disk-use", daemon=True)
                thread.start()
        if self._sizes is None and thread is not None:
            thread.join(seconds)
        return self._sizes

    def _count(self) -> None:
        home = self._home
        self._sizes, self._known = count(home, self._known, rest=_REST)
        self._counted = time.monotonic()


def count(home: Home, known: Mapping[str, Counted], *, rest: float = 0.0) -> tuple[dict[str, int], dict[str, Counted]]:
    """Bytes in use by runs, bin, datasets, models and uploads.

    Args:
        home: whose folders.
        known: finished and deleted runs that were counted before, by path.
        rest: how long to rest after a folder, as a multiple of the time that it took.

    Returns:
        Bytes by folder, and the runs that need no walk next time.
    """
    index = read_index(home)
    sizes: dict[str, int] = {}
    now_known: dict[str, Counted] = {}
    for folder in (home.runs, home.bin):
        total = 0
        for run_id in layout.run_ids(folder):
            path = f"{os.fspath(folder)}/{run_id}"
            stamp = ""
            if folder == home.bin:
                stamp = stamp_of(path, 0)
            elif (entry := index.get(run_id)) is not None and entry.row.state in FINAL and entry.is_fresh(path):
                stamp = entry.stamp
            before = known.get(path)
            if before is None or not stamp or before.stamp != stamp:
                before = Counted(stamp, _gently(Path(path), rest))
            if stamp:
                now_known[path] = before
            total += before.size
        sizes[folder.name] = total
    for folder in (home.datasets, home.models, home.uploads):
        sizes[folder.name] = _gently(folder, rest)
    return sizes, now_known


def _gently(folder: Path, rest: float) -> int:
    began = time.perf_counter()
    size = folder_size(folder)
    took = time.perf_counter() - began
    if rest and took > _AT_ONCE_SECONDS:
        time.sleep(rest * took)
    return size
