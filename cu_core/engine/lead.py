"""One attempt on several processes: rank 0 records, the others follow; each ends when another does."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cu_core.base.errors import Cancelled, OutOfMemory, ProcessLost, Replaced, UnlearnscopeError
from cu_core.base.files import read_json
from cu_core.engine import loop
from cu_core.learning.parallel.group import Group, Order, lost_another
from cu_core.learning.parallel.team import Leader
from cu_core.learning.parallel.torchrun import end_with_parent
from cu_core.runstore import layout
from cu_core.runstore.attempt import Attempt


class ReportedFailure(UnlearnscopeError):
    """What made another process of the run fail, in its own words."""


def lead(attempt: Attempt) -> Mapping[str, Any]:
    """Does an attempt as rank 0; see `cu_core.engine.loop.execute`.

    Raises:
        ProcessLost: another process is gone, for no reason that it told; the run is to be tried again.
        UnlearnscopeError: anything that a user can act on.
    """
    end_with_parent()
    try:
        group = Group(attempt.spec)
        try:
            result = loop.execute(attempt, Leader(group))
        except (Cancelled, Replaced):
            # They may be gone already: whoever ends a run by force ends all of it.
            with contextlib.suppress(RuntimeError):
                group.tell(Order.STOP)
            group.leave()
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
            raise reported from error
        raise ProcessLost("another process of this run is gone") from error


def _reported(folder: Path) -> UnlearnscopeError | None:
    """The failure that another process left behind."""
    for path in sorted(folder.glob("*.json")):
        try:
            told = read_json(path)
        except (OSError, json.JSONDecodeError):
            continue
        kind = OutOfMemory if told.get("kind") == "out-of-memory" else ReportedFailure
        return kind(f"process {path.stem}: {told.get('message')} {told.get('hint', '')}".rstrip())
    return None
