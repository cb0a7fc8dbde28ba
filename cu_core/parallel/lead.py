"""One attempt on several processes: rank 0 records, the others follow; each ends when another does."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cu_core import engine
from cu_core.errors import Cancelled, ProcessLost, Replaced, UnlearnscopeError
from cu_core.home import Home
from cu_core.parallel.environment import rank
from cu_core.parallel.follower import Follower
from cu_core.parallel.group import Group, Order, Stopped, lost_another
from cu_core.parallel.team import Leader
from cu_core.runs import layout
from cu_core.runs.attempt import Attempt
from cu_core.runs.files import read_json, write_json
from cu_core.runs.perform import failure

_LOOK_SECONDS = 0.5


class ReportedFailure(UnlearnscopeError):
    """What made another process of the run fail, in its own words."""


def lead(attempt: Attempt) -> Mapping[str, Any]:
    """Does an attempt as rank 0; see `cu_core.engine.execute`.

    Raises:
        ProcessLost: another process is gone, for no reason that it told; the run is to be tried again.
        UnlearnscopeError: anything that a user can act on.
    """
    end_with_parent()
    try:
        group = Group(attempt.spec)
        try:
            result = engine.execute(attempt, Leader(group))
        except (Cancelled, Replaced):
            # They may be gone already: whoever ends a run by force ends all of it.
            with contextlib.suppress(RuntimeError):
                group.tell(Order.STOP)
            raise
        group.tell(Order.END)
        group.leave()
        return result
    except (RuntimeError, ProcessLost) as error:
        if not (isinstance(error, ProcessLost) or lost_another(error)):
            raise
        # A cancelled run looks like this, too, where the others were ended first.
        with contextlib.suppress(ProcessLost):
            attempt.check()
        if (reported := _reported(attempt.folder / layout.PROCESSES)) is not None:
            raise ReportedFailure(reported) from error
        raise ProcessLost("another process of this run is gone") from error


def follow(home: Home, run_id: str, number: int) -> int:
    """Does an attempt as another rank than 0.

    Returns:
        Exit code: 0 where rank 0 said how it ended.
    """
    end_with_parent()
    attempt = Attempt(home, run_id, number)
    try:
        group = Group(attempt.spec)
        Follower(attempt.spec, home, group).run()
        group.leave()
    except Stopped:
        return 0
    except Exception as error:
        if not lost_another(error):
            write_json(attempt.folder / layout.PROCESSES / f"{rank()}.json", failure(error))
        raise
    return 0


def end_with_parent() -> None:
    """Ends this process as soon as the one that started it is gone: torchrun gives each a session of its own."""
    parent = os.getppid()

    def look() -> None:
        over = threading.Event()
        while not over.wait(_LOOK_SECONDS):
            if os.getppid() != parent:
                print("torchrun is gone, and so is this process", file=sys.stderr, flush=True)
                os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=look, name="parent", daemon=True).start()


def _reported(folder: Path) -> str | None:
    for path in sorted(folder.glob("*.json")):
        try:
            told = read_json(path)
        except (OSError, json.JSONDecodeError):
            continue
        return f"process {path.stem}: {told.get('message')} {told.get('hint', '')}".rstrip()
    return None
