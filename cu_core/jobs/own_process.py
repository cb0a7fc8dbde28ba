"""A command of this program as a process of its own: started by a page, outlives it, known by a file in its folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cu_core.base.detached import start_detached
from cu_core.base.files import tail, write_json
from cu_core.base.home import Home
from cu_core.base.process import is_alive
from cu_core.runstore.rows import optional_json

PROCESS = "process.json"
OUTPUT = "output.jsonl"
COMPLAINT = "errors.txt"
TAIL_BYTES = 4096


def start_command(words: Sequence[str], home: Home, folder: Path) -> None:
    """Starts a command whose output and complaints go to files of a folder.

    Args:
        words: of the command line, without the program's name.
        home: that it works on.
        folder: where its files are; exists.
    """
    with (folder / OUTPUT).open("wb") as output, (folder / COMPLAINT).open("wb") as complaint:
        who = start_detached(words, home.root, output, complaint)
    write_json(folder / PROCESS, who)


def was_started(folder: Path) -> bool:
    """Whether a command was started in a folder."""
    return (folder / PROCESS).exists()


def still_works(folder: Path) -> bool:
    """Whether the command that was started in a folder is at work."""
    who = optional_json(folder / PROCESS)
    return bool(who) and is_alive(who)


def complaint_of(folder: Path) -> str:
    """Why the command ended without a result: what it complained of, without the word that begins it."""
    lines = [line for line in tail(folder / COMPLAINT, TAIL_BYTES).splitlines() if line.strip()]
    for line in reversed(lines):
        for start in ("bad input: ", "failed: "):
            if line.startswith(start):
                return line.removeprefix(start)
    return lines[-1] if lines else "the process ended without a word; try again"
