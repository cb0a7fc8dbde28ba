"""Matching of specifications with the runs of a home, by content hash."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cu_core.base.errors import BadInput
from cu_core.base.file_cache import cached_by_file
from cu_core.base.home import Home
from cu_core.catalogue.spec import RunSpec
from cu_core.catalogue.spec_files import absolute_paths
from cu_core.runstore import layout
from cu_core.runstore.reader import RunRow, RunView, list_runs

DONE = ("succeeded", "running", "starting", "queued")
"""States of runs that need not be made again, the furthest first."""


def matching(specs: Sequence[RunSpec], home: Home, rows: Iterable[RunRow] | None = None) -> dict[str, RunRow]:
    """The run behind each specification, whatever its name and group.

    Of several runs of the same specification the one that is furthest counts, then the latest.

    Args:
        specs: what is asked for.
        home: where runs live.
        rows: its runs, where they have been listed already.

    Returns:
        `key_of` of a specification to its run; those without one are missing.
    """
    wanted = {key_of(spec): _face(spec) for spec in specs}
    faces = set(wanted.values())
    found: dict[str, RunRow] = {}
    for row in list_runs(home) if rows is None else rows:
        if row.copy_of or (row.method, row.forget, row.backbone, row.seed) not in faces:
            continue
        key = _key_of_run(row, home, wanted)
        if key in wanted and (key not in found or _place(row) < _place(found[key])):
            found[key] = row
    return found


def missing(specs: Sequence[RunSpec], found: Mapping[str, RunRow]) -> list[RunSpec]:
    """The specifications that neither have succeeded nor are on their way.

    Args:
        specs: what is asked for.
        found: as `matching` returns it.
    """
    return [spec for spec in specs if (row := found.get(key_of(spec))) is None or row.state not in DONE]


def key_of(spec: RunSpec) -> str:
    """Content hash of a specification as it is stored, with paths that do not depend on the present folder."""
    return absolute_paths(spec).content_hash()


def _face(spec: RunSpec) -> tuple[Any, ...]:
    """What the row of a run shows of its specification."""
    stored = absolute_paths(spec)
    return stored.method.id, stored.forget.select, stored.model.backbone, stored.seed


def _key_of_run(row: RunRow, home: Home, wanted: Mapping[str, Any]) -> str:
    stored, present = _keys(os.path.join(home.runs, row.run_id, layout.SPEC))
    return stored if stored in wanted else present


# A page asks for all runs of a home every few seconds; what a run was asked to do does not change.
@cached_by_file(maxsize=20_000, absent=("", ""))
def _keys(spec: Path) -> tuple[str, str]:
    """The hash that was stored with a run, and that of its specification as it is read today."""
    view = RunView(spec.parent)
    stored = str(view.info.get("spec_hash") or "")
    try:
        # Settings that did not exist when the run was made have their defaults in it.
        return stored, view.spec.content_hash()
    except BadInput:
        return stored, stored


def _place(row: RunRow) -> tuple[int, float]:
    return DONE.index(row.state) if row.state in DONE else len(DONE), -row.submitted
