"""Reading of the small files of runs for a comparison: specification, result and manifests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cu_core.analysis.compare.compared import Compared, Reference
from cu_core.base.errors import UnlearnscopeError
from cu_core.base.home import Home
from cu_core.catalogue.method_record import method
from cu_core.catalogue.objective_record import objective
from cu_core.catalogue.spec import short
from cu_core.runstore import layout
from cu_core.runstore.reader import RunView, list_runs, open_run
from cu_core.runstore.rows import GONE, optional_json, original_of, shown
from cu_core.runstore.verify import how_to_mend

Stamp = tuple[str, str, float | None, int]
"""Run id, state, end and latest round: a cache key under which a run reads the same."""


def stamp_of(run_id: str, state: str, finished: float | None, rounds: int) -> Stamp:
    """The stamp of a run, from what a list of runs says of it."""
    return run_id, state, finished, rounds


def group_ids(home: Home, group: str) -> list[str]:
    """Ids of the runs of a group, first submitted first."""
    rows = [row for row in list_runs(home) if row.group == group and not row.copy_of]
    return [row.run_id for row in sorted(rows, key=lambda row: (row.submitted, row.run_id))]


def read_runs(home: Home, run_ids: Iterable[str]) -> tuple[list[Compared], list[str]]:
    """Reads runs, each once, in the order of their ids.

    Returns:
        The runs that have numbers, and in words why others have none, or have others than those of their result.
    """
    found, problems = [], []
    for run_id in dict.fromkeys(run_ids):
        try:
            view = open_run(home, run_id)
            if original := original_of(view.run_dir):
                problems.append(f"{run_id} is a copy of {original} and does not count besides it.")
                continue
            run = read_run(view)
        except UnlearnscopeError as error:
            problems.append(f"{run_id} cannot be compared: {error}")
            continue
        named = f"{run.title} ({run_id})"
        if run.after:
            found.append(run)
        if run.state == "succeeded" and not run.result:
            instead = "it has no numbers"
            if run.after:
                instead = "the numbers are those of its latest round, on the recorded samples alone"
            problems.append(f"{named}: {layout.RESULT} {GONE}; {instead}. {how_to_mend(run_id)}")
        elif not run.after:
            problems.append(f"{named} has no numbers: it is {run.state} and has no round that can be read.")
    return found, problems


def read_run(view: RunView) -> Compared:
    """Reads one run, finished or not; no arrays are touched.

    Raises:
        BadInput: its specification is damaged, or names what this program does not know.
    """
    spec = view.spec
    result = view.result() or {}
    rounds = layout.numbered(view.run_dir / "rounds")
    metrics = result.get("metrics") or {}
    before, after = metrics.get("before"), metrics.get("after")
    if not result and rounds:
        before, after = (_round_metrics(view, number) for number in (rounds[0], rounds[-1]))
    state = view.run_state
    return Compared(
        run_id=view.run_id,
        title=shown(view.info.get("title")) or shown(spec.title),
        group=shown(view.info.get("group")),
        state=state.state,
        finished=state.finished,
        spec=spec.to_json(),
        method=spec.method.id,
        method_title=spec.method.title,
        seed=spec.seed,
        train_seed=spec.train_seed,
        forget_seed=spec.forget_seed,
        task=spec.task,
        kind=objective(spec.train.objective).kind,
        dataset=short(spec.data.dataset),
        backbone=spec.model.backbone,
        forget=short(spec.forget.select),
        rounds=int(result.get("rounds") or max(rounds, default=0)),
        before=before or {},
        after=after or {},
        reference=metrics.get("reference") or {},
        references=tuple(_references(result.get("references") or ())),
        asked_references=spec.references,
        result=result,
        elsewhere=method(spec.method.id).from_files,
    )


def _references(entries: Iterable[Mapping[str, Any]]) -> Iterable[Reference]:
    for entry in entries:
        yield Reference(
            int(entry["seed"]),
            entry.get("seconds"),
            entry.get("metrics") or {},
            shown(entry.get("file")),
            entry.get("cpu_seconds"),
        )


def _round_metrics(view: RunView, number: int) -> Mapping[str, float | None]:
    manifest = optional_json(view.run_dir / "rounds" / str(number) / layout.MANIFEST)
    return manifest.get("metrics") or {}
