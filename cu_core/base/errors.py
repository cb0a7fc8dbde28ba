"""Errors that a user can act on: each names the field and what is allowed there."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

# EFBIG: over the file size limit of the process or of the filesystem.
DISK_FULL = frozenset({errno.ENOSPC, errno.EFBIG} | ({errno.EDQUOT} if hasattr(errno, "EDQUOT") else set()))


class UnlearnscopeError(Exception):
    """Base of every error that is reported in words, without a traceback."""


class BadInput(UnlearnscopeError):
    """A value from outside (form, command line, file) that cannot be used.

    Attributes:
        field: dotted name of the field, e.g. ``train.epochs``; shown beside the form field.
        reason: what is wrong, in words, without the field's name.
        allowed: the values that would be accepted, where they can be listed.
    """

    def __init__(self, field: str, reason: str, allowed: Iterable[str] = ()) -> None:
        # Both may quote what came from outside, of any length and with halves of characters that nothing can print.
        self.field = _printable(field, 200)
        self.reason = _printable(reason, 2000)
        self.allowed = tuple(_printable(value, 200) for value in allowed)
        text = f"{self.field}: {self.reason}"
        if self.allowed:
            text += f" (allowed: {', '.join(self.allowed)})"
        super().__init__(text)


def _printable(text: str, most: int) -> str:
    whole = text.encode(errors="backslashreplace").decode()
    # What is wrong may stand at either end.
    return whole if len(whole) <= most else f"{whole[: most // 2]}…{whole[-(most // 2) :]}"


class DatasetError(BadInput):
    """A dataset that cannot be read: missing, empty, damaged, unsafe or inconsistent."""


class CheckpointError(BadInput):
    """A weights file that is unreadable, unsafe or does not fit the chosen model."""


class Incompatible(BadInput):
    """A combination of choices that cannot run; the reason says why."""


class OutOfMemory(UnlearnscopeError):
    """The device ran out of memory; the message names what to lower."""


class OutOfDisk(UnlearnscopeError):
    """Too little free space for what is about to be written."""


class NotAllowed(UnlearnscopeError):
    """Something that this user may not do; the message says who may."""


class OverQuota(UnlearnscopeError):
    """More than this user may take; the message names the limit."""


class Cancelled(UnlearnscopeError):
    """The user asked the run to stop."""


class Replaced(UnlearnscopeError):
    """A newer attempt at the same run exists; this one may not write any more."""


class ProcessLost(UnlearnscopeError):
    """Another process of the same run is gone; the run is to be tried again."""


class Diverged(UnlearnscopeError):
    """Training left the finite numbers; the message names what to lower."""


def in_words(error: OSError) -> UnlearnscopeError:
    """What the machine refused, for people: what is wrong and, of the file, its name alone."""
    if error.errno in DISK_FULL:
        return OutOfDisk("the disk is full; delete runs and empty the bin, or free some space in another way")
    if isinstance(error, TimeoutError):
        return UnlearnscopeError("another process is at it; try again")
    reason = error.strerror or type(error).__name__
    name = os.path.basename(error.filename) if isinstance(error.filename, str) else ""
    return UnlearnscopeError(f"the machine refuses it: {f'{name}: ' if name else ''}{reason}")


@contextmanager
def os_errors_in_words() -> Iterator[None]:
    """Around what pages and commands do, also as a decorator: an `OSError` becomes what `in_words` makes of it."""
    try:
        yield
    except OSError as error:
        raise in_words(error) from error
