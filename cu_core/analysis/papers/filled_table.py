"""A published table filled with the mean and standard deviation of finished runs beside the paper's numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from cu_core.analysis.papers.paper_runs import belongs, preset_id, row_specs, rows_at, seeds_at, spec_of, specs_of
from cu_core.analysis.papers.paper_table import PaperColumn, PaperRow, PaperTable
from cu_core.analysis.papers.quantities import QUANTITIES, value_in
from cu_core.analysis.papers.scales import Scale, title_of
from cu_core.base.errors import BadInput
from cu_core.base.file_cache import cached_by_file
from cu_core.base.home import Home
from cu_core.catalogue.spec import RunSpec
from cu_core.runstore import layout
from cu_core.runstore.reader import RunView, list_runs, open_run


@dataclass(frozen=True)
class Finished:
    """A run that succeeded.

    Attributes:
        run_id: of the run.
        spec: what was asked for.
        result: as in ``result.json``.
        submitted: unix time.
    """

    run_id: str
    spec: RunSpec
    result: Mapping[str, Any]
    submitted: float = 0.0


@dataclass(frozen=True)
class Waiting:
    """A run that is queued or at work.

    Attributes:
        run_id: of the run.
        spec: what was asked for.
        state: ``"queued"``, ``"starting"`` or ``"running"``.
    """

    run_id: str
    spec: RunSpec
    state: str


@dataclass(frozen=True)
class Cell:
    """One quantity of a row.

    Attributes:
        paper: the published value; None where there is none.
        mean: over the runs made here; None where no run has the number.
        sd: sample standard deviation over seeds; None with fewer than two.
        seeds: runs behind the mean.
    """

    paper: float | None
    mean: float | None
    sd: float | None
    seeds: int


@dataclass(frozen=True)
class FilledRow:
    """One row.

    Attributes:
        row: as published.
        spec: the run that fills it; None where none can.
        cells: by column id.
        runs: ids of the runs behind it, one per seed.
        seeds: of these runs.
        waiting: runs of this row that are on their way.
        counts: samples behind the numbers: forget, retain, unseen; None without runs.
        hardware: on which they ran, each once.
        notes: what the runs say about themselves, each once.
    """

    row: PaperRow
    spec: RunSpec | None
    cells: Mapping[str, Cell]
    runs: tuple[str, ...]
    seeds: tuple[int, ...]
    waiting: tuple[Waiting, ...]
    counts: Mapping[str, int] | None
    hardware: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def taken(self) -> set[int]:
        """Seeds that are finished or on their way."""
        return {*self.seeds, *(run.spec.seed for run in self.waiting)}


@dataclass(frozen=True)
class Filled:
    """A table at one scale.

    Attributes:
        table: as published.
        scale: of our numbers.
        preset: whose runs fill it.
        rows: in order.
    """

    table: PaperTable
    scale: Scale
    preset: str
    rows: tuple[FilledRow, ...]

    @property
    def title(self) -> str:
        """Number, content and scale of the table."""
        return f"Table {self.table.id}: {self.table.title} ({title_of(self.scale, specs_of(self.table, self.scale))})"

    @property
    def missing(self) -> list[RunSpec]:
        """The runs that rows lack: as many seeds as the table has, less those that are finished or on their way."""
        wanted = []
        for row in self.rows:
            if row.spec is not None:
                seeds = seeds_at(self.table, self.scale)
                free = [seed for seed in seeds if seed not in row.taken]
                wanted += [replace(row.spec, seed=seed) for seed in free[: max(0, len(seeds) - len(row.taken))]]
        return _each_once_by_hash(wanted)

    def without(self, seeds: Sequence[int]) -> list[RunSpec]:
        """The runs with some seeds that rows have neither finished nor on their way, each once."""
        return _each_once_by_hash(
            [
                replace(row.spec, seed=seed)
                for row in self.rows
                if row.spec is not None
                for seed in seeds
                if seed not in row.taken
            ]
        )


def finished_runs(home: Home, table: PaperTable, scales: Iterable[Scale]) -> list[Finished]:
    """The runs of a home that succeeded, can be read, and belong to a row of a table at one of some scales."""
    wanted = [spec for scale in scales for spec in row_specs(table, scale)]
    found = []
    for row in list_runs(home):
        if row.state != "succeeded" or row.copy_of:
            continue
        spec = _spec(home.runs / row.run_id / layout.SPEC)
        # Results hold every round; only those that the table shows are read.
        if spec is None or not any(belongs(spec, one) for one in wanted):
            continue
        result = open_run(home, row.run_id).result()
        if result is not None:
            found.append(Finished(row.run_id, spec, result, row.submitted))
    return found


# A page asks for those of all runs whenever it is drawn.
@cached_by_file(maxsize=5_000, absent=None)
def _spec(path: Path) -> RunSpec | None:
    """The specification of a run; None where it cannot be read."""
    try:
        return RunView(path.parent).spec
    except BadInput:
        return None


def waiting_runs(home: Home) -> list[Waiting]:
    """All runs of a home that are queued or at work and can be read."""
    found = []
    for row in list_runs(home):
        if row.state in ("queued", "starting", "running") and not row.copy_of:
            try:
                found.append(Waiting(row.run_id, open_run(home, row.run_id).spec, row.state))
            except BadInput:
                continue
    return found


def fill(table: PaperTable, scale: Scale, runs: Iterable[Finished], waiting: Iterable[Waiting] = ()) -> Filled:
    """Puts the numbers of runs into a table; runs belong to rows by what they ran, and scales never mix.

    Of several runs with the same seeds the latest counts, so that a repetition does not pass for another seed.
    """
    finished, coming = list(runs), list(waiting)
    rows = tuple(_filled(table, row, scale, finished, coming) for row in rows_at(table, scale))
    return Filled(table, scale, preset_id(table, scale), rows)


def _filled(
    table: PaperTable, row: PaperRow, scale: Scale, runs: Sequence[Finished], waiting: Sequence[Waiting]
) -> FilledRow:
    spec = spec_of(table, row, scale)
    latest: dict[tuple[int, ...], Finished] = {}
    if spec is not None:
        for run in sorted(runs, key=lambda r: r.submitted):
            if belongs(run.spec, spec):
                seeds = (run.spec.seed, run.spec.train_seed, run.spec.forget_seed, run.spec.data.split_seed)
                latest[seeds] = run
    used = list(latest.values())
    encoder = spec is not None and spec.self_supervised
    return FilledRow(
        row,
        spec,
        {column.id: _cell(column, row, used, encoder) for column in table.columns},
        tuple(run.run_id for run in used),
        tuple(run.spec.seed for run in used),
        tuple(run for run in waiting if spec is not None and belongs(run.spec, spec)),
        used[-1].result.get("counts") if used else None,
        _each_once(_machine(run.result.get("hardware") or {}) for run in used),
        _each_once(note for run in used for note in run.result.get("notes") or []),
    )


def _cell(column: PaperColumn, row: PaperRow, runs: Sequence[Finished], encoder: bool) -> Cell:
    quantity = QUANTITIES[column.quantity]
    found = [value_in(run.result, quantity, column.moment, encoder) for run in runs]
    values = [value for value in found if value is not None]
    return Cell(
        row.values.get(column.id),
        float(np.mean(values)) if values else None,
        float(np.std(values, ddof=1)) if len(values) > 1 else None,
        len(values),
    )


def _machine(hardware: Mapping[str, Any]) -> str:
    named = [str(hardware[key]) for key in ("name", "device", "precision") if hardware.get(key)]
    return ", ".join(dict.fromkeys(named)) or "unknown"


def _each_once(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))


def _each_once_by_hash(specs: Iterable[RunSpec]) -> list[RunSpec]:
    return list({spec.content_hash(): spec for spec in specs}.values())
