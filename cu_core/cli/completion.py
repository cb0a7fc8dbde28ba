"""Completions for bash, zsh and fish, as shtab turns them into a script."""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Iterable

import shtab

from cu_core.base.home import Home, usual_root

SHELLS = ("bash", "zsh", "fish")
FILES = shtab.FILE
FOLDERS = shtab.DIRECTORY


def offer(action: argparse.Action, names: Iterable[str]) -> None:
    """Makes shells offer these names as the value of an option."""
    names = list(names)
    found = shtab.cmd(shlex.join(["printf", r"%s\n", *names]))
    # A bare colon would end the list where zsh reads it.
    offer_found(action, found | {"zsh": f"({' '.join(names)})".replace(":", r"\:")})


def offer_found(action: argparse.Action, found: shtab.CompleteType) -> None:
    """Makes shells offer what they find when they are asked: `FILES`, `FOLDERS` or `run_ids`."""
    action.complete = found  # type: ignore[attr-defined]


def run_ids() -> shtab.CompleteType:
    """The runs that there are. Listing a folder is quick, which starting Python is not."""
    usual = os.path.expanduser(usual_root())
    # Escaped where a shell would otherwise look when it reads the script, and not when it is asked.
    fish = f"(set -q CU_HOME; and echo \\$CU_HOME; or echo {shlex.quote(usual)})"
    return shtab.cmd(f'ls "${{CU_HOME-{usual}}}/runs" 2>/dev/null') | {
        "zsh": rf"(\$(ls \"\${{CU_HOME-{usual}}}/runs\" 2>/dev/null))",
        "fish": f"(ls {fish}/runs 2>/dev/null)",
    }


def completion(options: argparse.Namespace, home: Home) -> int:
    """Prints the script for a shell."""
    print(shtab.complete(options.parser, options.shell), end="")
    return 0
