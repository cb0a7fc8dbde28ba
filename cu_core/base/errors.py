"""Errors that a user can act on: each names the field and what is allowed there."""

from __future__ import annotations

import difflib
import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from cu_core.base.display_text import cut, visible

# EFBIG: over the file size limit of the process or of the filesystem.
DISK_FULL = frozenset({errno.ENOSPC, errno.EFBIG} | ({errno.EDQUOT} if hasattr(errno, "EDQUOT") else set()))


class UnlearnscopeError(Exception):
    """Base of every error that is reported in words, without a traceback."""


class BadInput(UnlearnscopeError):
    """A value from outside (form, command line, file) that cannot be used.

    Attributes:
        field: dotted name of the field, e.g. ``train.epochs``; shown beside the form field.
        reason: what is wrong, in words, without the field's name; with the name that was probably meant.
        allowed: the values that would be accepted, where they can be listed.

    Args:
        field: becomes the attribute, like the next two.
        reason: what is wrong.
        allowed: values or names.
        given: the name that is not among the allowed ones, where names are what can be chosen from.
    """

    def __init__(self, field: str, reason: str, allowed: Iterable[str] = (), *, given: str | None = None) -> None:
        # Both may quote what came from outside, of any length and with halves of characters that nothing can print.
        self.field = _printable(field, 200)
        self.reason = _printable(reason, 2000)
        self.allowed = tuple(_printable(value, 200) for value in allowed)
        if given is not None:
            self.reason += did_you_mean(given, self.allowed)
        text = f"{self.field}: {self.reason}"
        if self.allowed:
            text += f" (allowed: {', '.join(self.allowed)})"
        super().__init__(text)


def did_you_mean(given: str, names: Iterable[str]) -> str:
    """The known name most like a given one, as words behind a complaint; empty where none is like it."""
    plain = {_bare(name): name for name in names}
    # Nothing longer is a name, and comparing takes time with the square of the length.
    found = difflib.get_close_matches(_bare(given[:100]), plain, n=1)
    return f"; did you mean {plain[found[0]]}?" if found else ""


def _bare(name: str) -> str:
    """A name without what says little about whether another is like it."""
    return name.lstrip("-").casefold()


def _printable(text: str, most: int) -> str:
    return cut(visible(text.encode(errors="backslashreplace").decode()), most)


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
