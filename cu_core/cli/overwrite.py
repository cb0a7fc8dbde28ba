"""Files that are there already: asked for before they are replaced, refused where nobody can be asked."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cu_core.base.errors import BadInput, UnlearnscopeError
from cu_core.base.named_path import named_path


def add_force(parser: argparse.ArgumentParser, what: str = "replace what is there already, without asking") -> None:
    """Adds ``--force``."""
    parser.add_argument("--force", action="store_true", help=what)


def target(text: str, force: bool, field: str = "file") -> Path:
    """The file or folder that a text names, once it may be written.

    Args:
        text: as it was typed.
        force: whether it may be replaced without asking.
        field: named in errors.

    Raises:
        BadInput: it exists, is not to be replaced, and there is no terminal to ask on; or its folder does not exist.
        UnlearnscopeError: the answer was no.
    """
    path = named_path(text, field)
    if not path.parent.is_dir():
        raise BadInput(field, f"the folder {path.parent} does not exist")
    empty = path.is_dir() and not any(path.iterdir())
    if not path.exists() or empty or force:
        return path
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise BadInput(field, f"{path} exists already; --force replaces it")
    print(f"{path} exists already. Replace it? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise UnlearnscopeError(f"{path} was left as it is")
    return path
