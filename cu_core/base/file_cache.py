"""Results that were computed from a file, kept in memory until the file changes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import lru_cache, update_wrapper
from pathlib import Path
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")
_RAISE: Any = object()


class CachedByFile(Generic[Result]):
    """A function of one file that runs again only when the file has changed; made by `cached_by_file`.

    The key is path, inode, size and both times: a file that was replaced is another one, also where the new one has
    the same size and the same time of change.
    """

    def __init__(self, read: Callable[[Path], Result], maxsize: int, absent: Result, settled_ns: int) -> None:
        self.settled_ns = settled_ns
        self._read, self._absent = read, absent
        self._cached = lru_cache(maxsize)(lambda path, *_: read(Path(path)))
        update_wrapper(self, read)

    def __call__(self, path: str | os.PathLike[str], *, again: bool = False) -> Result:
        """The function's result for the file as it is now.

        Args:
            path: of the file.
            again: read it also where its result is known.

        Raises:
            OSError: the file cannot be found, and `cached_by_file` was given nothing to return then.
        """
        try:
            found = os.stat(path)
        except OSError:
            if self._absent is _RAISE:
                raise
            return self._absent
        modified, changed = found.st_mtime_ns, found.st_ctime_ns
        if again or (self.settled_ns and time.time_ns() - max(modified, changed) <= self.settled_ns):
            return self._read(Path(path))
        return self._cached(os.fspath(path), found.st_ino, found.st_size, modified, changed)


def cached_by_file(
    maxsize: int, *, absent: Any = _RAISE, settled_ns: int = 0
) -> Callable[[Callable[[Path], Result]], CachedByFile[Result]]:
    """Decorates a function of one file, so that it runs once per content of the file. Errors are not kept.

    Args:
        maxsize: results kept; the one that was used least recently goes first.
        absent: what is returned where there is no such file; without it the error is raised.
        settled_ns: a file that changed less long ago is read each time: two changes of the same file within one step
            of the clock leave the same times.
    """
    return lambda read: CachedByFile(read, maxsize, absent, settled_ns)
