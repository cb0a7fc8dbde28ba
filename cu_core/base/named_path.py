"""Paths that users type, as the file or folder that they name.

Whoever checks a path and whoever opens it must mean the same file. Both ask here, so blanks, ``~``, ``..`` and links
are understood once.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from cu_core.base.errors import BadInput


def named_path(text: str, field: str, allowed: Iterable[str] = (), base: Path = Path()) -> Path:
    """The file or folder that a text names, whether it exists or not.

    Asking again with the answer gives the same path.

    Args:
        text: as it was typed; blanks around it do not count, ``~`` is a home folder.
        field: named in the error.
        allowed: forms of the field, for the error.
        base: folder that relative paths start from; the present one by default.

    Returns:
        Absolute, without ``..`` and without links.

    Raises:
        BadInput: blank, or nothing that a file could be called.
    """
    trimmed = text.strip()
    if not trimmed:
        raise BadInput(field, "is blank where a file or folder should be named", allowed)
    try:
        os.fsencode(trimmed)
        path = (base / Path(trimmed).expanduser()).resolve()
    except (OSError, RuntimeError, ValueError):  # RuntimeError: the home of nobody, or links in a circle
        path = None
    if path is None or "\0" in trimmed:
        raise BadInput(field, f"{text!r} does not exist and cannot be read", allowed)
    if str(path) != str(path).strip():
        # Read once more, as it is when a run is queued, it would name another file.
        raise BadInput(field, f"{text!r} leads to a name that begins or ends with a blank", allowed)
    return path


def absolute_choice(choice: str, field: str) -> str:
    """A choice like ``folder:PATH`` whose path depends on nothing any more; others as they are.

    Raises:
        BadInput: see `named_path`.
    """
    kind, _, path = choice.partition(":")
    return f"{kind}:{named_path(path, field)}" if path else choice
