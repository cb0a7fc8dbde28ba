"""The verb ``verdict``: makes the verdict on a finished run anew, shows it and puts it into its result."""

from __future__ import annotations

import argparse
import importlib
import sys
from typing import Any

from cu_core.base.errors import BadInput
from cu_core.base.home import NOT_WRITABLE, Home
from cu_core.catalogue.question_record import CANNOT_TELL, LEAST_REFERENCES, QUESTIONS, STATES
from cu_core.cli.output import print_json
from cu_core.engine.control_knowledge import remember_controls
from cu_core.jobs.progress_bar import drawn_progress
from cu_core.runstore.amend import amend_result
from cu_core.runstore.reader import open_run

MOST_REFERENCES = 100


def add_verdict_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds how many references it may take."""
    few = f"train more until there are K, for this verdict alone; it needs {LEAST_REFERENCES}; default %(default)s"
    parser.add_argument("--references", metavar="K", default="0", help=few)


def verdict(options: argparse.Namespace, home: Home) -> int:
    """Makes, prints and stores a run's verdict; the exit code tells nothing of it."""
    wanted = _wanted(options.references)
    with drawn_progress() as show:

        def report(done: int, total: int, message: str) -> None:
            show({"phase": "verdict", "done": done, "total": total, "message": message})

        anew = importlib.import_module("cu_core.engine.verdict.verdict_anew")
        found = anew.verdict_anew(home, options.run_id, report, references=wanted)
    notes = [*found.notes, *_stored(home, options.run_id, found)]
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
    if options.json:
        print_json(found.verdict)
    else:
        print_verdict(found.verdict)
    return 0


def print_verdict(found: dict[str, Any]) -> None:
    """A verdict in words: the whole in two sentences, then a line per question."""
    print(f"{STATES[found['state']]}: {found['sentence']}\n")
    for claim in found["claims"]:
        title = QUESTIONS[claim["id"]].title if claim["id"] in QUESTIONS else claim["id"]
        state = f"{STATES[claim['state']]}: " if claim["applies"] else ""
        # What cannot be told, and what does not apply, says so itself.
        own = claim["sentence"].startswith((STATES[CANNOT_TELL], "Does not apply"))
        print(f"{title + ':':12}{'' if own else state}{claim['sentence']}")
    print(f"\n{found['statistician']}")


def _wanted(text: str) -> int:
    wanted = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else -1
    if not 0 <= wanted <= MOST_REFERENCES:
        raise BadInput("--references", f"{text!r} is no such number", (f"0 to {MOST_REFERENCES}",))
    return wanted


def _stored(home: Home, run_id: str, found: Any) -> list[str]:
    """Puts the verdict into the result; what is to be said of that."""
    try:
        amend_result(home, run_id, {"verdict": found.verdict, "nearness": found.nearness})
        remember_controls(open_run(home, run_id).spec, home, found.verdict)
    except OSError as error:
        if error.errno not in NOT_WRITABLE:
            raise
        return [f"the verdict is not stored: {home.root} can only be read."]
    return []
