"""What an audience answered in a lesson: counts without names.

A file per session of a lesson, ``answers/LESSON-N.jsonl``, one line per answer: step, answer, and a mark by which the
same browser session is not counted twice in that step. Marks of two steps cannot be brought together, and none leads
to a person.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import Counter
from pathlib import Path

from filelock import FileLock

from cu_core.base.errors import BadInput
from cu_core.base.home import Home
from cu_core.runstore.disk import check_floor

MOST_ANSWERS = 20_000
"""Lines of one session: a class of a thousand in twenty steps."""

MOST_BYTES = 120
"""Of a line; longer ones are none of ours."""

MOST_CHOICES = 20
"""Answers that a question can have; numbers are counted in as many bins."""

_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_WAIT_SECONDS = 20.0


def answers_folder(home: Home) -> Path:
    """Where the answers of all lessons lie."""
    return home.root / "answers"


def count_answer(home: Home, lesson: str, step: str, answer: int, voter: str) -> bool:
    """Counts an answer.

    Args:
        home: where it is kept.
        lesson: id.
        step: id.
        answer: place of the option, or of the bin.
        voter: the browser session's own random text, which is not kept.

    Returns:
        Whether it counts: not a second one of the same voter, and not one of too many.

    Raises:
        BadInput: an id that is none, or no such answer.
    """
    for field, name in (("lesson", lesson), ("step", step)):
        if not _NAME.fullmatch(name) or len(name) > MOST_BYTES // 3:
            raise BadInput(field, f"{name[:60]!r} is no id", ("small letters, digits and hyphens",))
    if not 0 <= answer < MOST_CHOICES:
        raise BadInput("answer", f"{answer} is none", (f"0 to {MOST_CHOICES - 1}",))
    mark = hashlib.sha256(f"{voter}\n{lesson}\n{step}".encode()).hexdigest()[:16]
    check_floor(home.root, MOST_BYTES)
    answers_folder(home).mkdir(parents=True, exist_ok=True)
    with _lock(home):
        path = _current(home, lesson)
        lines = _lines(path)
        if len(lines) >= MOST_ANSWERS or any(line[0] == step and line[2] == mark for line in lines):
            return False
        # One small write at the end of the file: a reader sees the line, or not, or an end that it leaves out.
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(handle, (json.dumps([step, answer, mark], separators=(",", ":")) + "\n").encode())
        finally:
            os.close(handle)
    return True


def counted_answers(home: Home, lesson: str, step: str) -> dict[int, int]:
    """How often each answer was given in the lesson's present session."""
    return dict(Counter(line[1] for line in _lines(_current(home, lesson)) if line[0] == step))


def begin_anew(home: Home, lesson: str) -> None:
    """Begins a new session of a lesson, from which on all are counted anew; the old file stays."""
    if not _NAME.fullmatch(lesson):
        raise BadInput("lesson", f"{lesson[:60]!r} is no id")
    answers_folder(home).mkdir(parents=True, exist_ok=True)
    with _lock(home):
        current = _current(home, lesson)
        if _lines(current):
            number = int(current.stem.rpartition("-")[2]) + 1
            (answers_folder(home) / f"{lesson}-{number}.jsonl").touch()


def _lock(home: Home) -> FileLock:
    return FileLock(answers_folder(home) / ".lock", timeout=_WAIT_SECONDS)


def _current(home: Home, lesson: str) -> Path:
    """The file of the present session."""
    own = re.compile(rf"{re.escape(lesson)}-(\d{{1,6}})\.jsonl")
    known = [int(match[1]) for path in answers_folder(home).glob("*.jsonl") if (match := own.fullmatch(path.name))]
    return answers_folder(home) / f"{lesson}-{max(known, default=1)}.jsonl"


def _lines(path: Path) -> list[tuple[str, int, str]]:
    """Step, answer and mark of each whole line."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_ANSWERS * MOST_BYTES)
    except FileNotFoundError:
        return []
    found = []
    for line in content.split(b"\n"):
        try:
            step, answer, mark = json.loads(line)
        except (ValueError, TypeError):
            continue
        if isinstance(step, str) and type(answer) is int and isinstance(mark, str):
            found.append((step, answer, mark))
    return found
