"""The table of a comparison: rows of runs, of the base model and of retrained references."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cu_core.analysis.compare.columns import ComparedColumn
from cu_core.analysis.compare.comparable import SAME, set_of, warnings
from cu_core.analysis.compare.compared import Compared, ComparedMetric
from cu_core.analysis.compare.lines import ConfigurationRuns, Summary, lines_of, summarise, summary, telling
from cu_core.analysis.compare.measures import WALL, over_unlearning, time_kind
from cu_core.catalogue.metric_record import METRICS

BEFORE = "Before unlearning"
RETRAINED = "Retrained"


MOST_NAMED = 4
"""Lines that a footnote calls by name; of more it gives the number."""


@dataclass(frozen=True)
class TableRow:
    """One row.

    Attributes:
        kind: ``"runs"``, ``"before"`` or ``"reference"``.
        label: what it is called.
        runs: behind it; of ``before`` and ``reference`` those that share it.
        seeds: of the runs, or of the retrained models.
        cells: column id to numbers.
        flags: ``collapsed``, ``over-unlearned`` or ``unfinished``, where any of the runs is.
    """

    kind: str
    label: str
    runs: tuple[Compared, ...]
    seeds: tuple[int, ...]
    cells: Mapping[str, Summary]
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """A comparison.

    Attributes:
        columns: shown ones, in order.
        rows: lines of runs first, then what they started from and what they aim at.
        attack: the membership attack whose AUC is shown.
        warnings: what keeps the runs from being compared fairly, in words.
    """

    columns: tuple[ComparedColumn, ...]
    rows: tuple[TableRow, ...]
    attack: str
    warnings: tuple[str, ...]

    def missing(self) -> list[str]:
        """Why numbers are missing, in words: column, reason, and which lines if not all."""
        return _reasons(self, lambda cell: cell.why)

    def without_band(self) -> list[str]:
        """Why distances to the reference are missing, as `missing`."""
        return _reasons(self, lambda cell: cell.why_no_band)


def make_table(runs: Sequence[Compared], columns: Sequence[ComparedColumn], *, attack: str, over_seeds: bool) -> Table:
    """Puts runs side by side.

    Args:
        runs: the compared runs.
        columns: what is shown.
        attack: the membership attack whose AUC is shown.
        over_seeds: one line per configuration with mean and sd over seeds; otherwise one per run.
    """
    rows = [
        TableRow(
            "runs", line.label, line.runs, line.seeds, {c.id: summary(line, c, attack) for c in columns}, _flags(line)
        )
        for line in lines_of(runs, over_seeds=over_seeds)
    ]
    sets: dict[str, list[Compared]] = {}
    for run in runs:
        sets.setdefault(set_of(run), []).append(run)
    for members in sets.values():
        suffix = "".join(f" · {words}" for words in telling(members[0], [group[0] for group in sets.values()], SAME))
        rows.append(_before(members, columns, attack, suffix))
        if any(run.references for run in members):
            rows.append(_retrained(members, columns, attack, suffix))
    return Table(tuple(columns), tuple(rows), attack, tuple(warnings(runs)))


def flag_words(run: Compared) -> list[str]:
    """What is wrong with a run's ending, in words; empty if nothing is."""
    said = []
    if run.partial:
        said.append(f"it is {run.state}; the numbers are those of round {run.rounds} on the recorded samples")
    if run.stopped_by == "collapse":
        said.append("the guard stopped it: retain accuracy was in free fall")
    if run.stopped_by == "not_a_number":
        said.append("its weights were no longer numbers; the last healthy round is kept")
    over, words = over_unlearning(run)
    if over:
        said.append(f"over-unlearning: {words}")
    return said


def _flags(line: ConfigurationRuns) -> tuple[str, ...]:
    found = []
    if any(run.collapsed for run in line.runs):
        found.append("collapsed")
    if any(over_unlearning(run)[0] for run in line.runs):
        found.append("over-unlearned")
    if any(run.partial for run in line.runs):
        found.append("unfinished")
    return tuple(found)


def _before(runs: Sequence[Compared], columns: Sequence[ComparedColumn], attack: str, suffix: str) -> TableRow:
    # Unfinished runs only know the numbers on the recorded samples.
    finished = [run for run in runs if not run.partial] or runs
    models = _distinct(finished, lambda run: (run.train_seed, _forget_set(run)))
    cells = {}
    for column in columns:
        if column.id in METRICS:
            measures = [ComparedMetric(run.before.get(column.id), _unless(run.before.get(column.id))) for run in models]
        elif column.id == "auc_refitted":
            measures = [_auc_before(run, attack) for run in models]
        else:
            measures = [ComparedMetric(None, "not defined before unlearning")]
        cells[column.id] = summarise(measures)
    return TableRow("before", BEFORE + suffix, tuple(runs), tuple(run.train_seed for run in models), cells)


def _auc_before(run: Compared, attack: str) -> ComparedMetric:
    numbers = (((run.result.get("attacks") or {}).get(attack) or {}).get("before") or {}).get("refitted") or {}
    auc = numbers.get("auc")
    return ComparedMetric(auc[0], low=auc[1], high=auc[2]) if auc else ComparedMetric(None, "the attack was not made")


def _retrained(runs: Sequence[Compared], columns: Sequence[ComparedColumn], attack: str, suffix: str) -> TableRow:
    pairs = [(run, k) for run in runs for k in range(len(run.references))]
    models = _distinct(pairs, lambda pair: (pair[0].references[pair[1]].seed, _forget_set(pair[0])))
    cells = {}
    for column in columns:
        if column.id in METRICS:
            values = [run.references[k].metrics.get(column.id) for run, k in models]
        elif column.id.startswith("auc_"):
            values = [_reference_auc(run, k, attack, column.id.removeprefix("auc_")) for run, k in models]
        elif column.id in ("time_share", "images_share"):
            values = [1.0]
        elif column.id == "seconds":
            wall = any(time_kind(run) == WALL for run in runs)
            values = [getattr(run.references[k], "seconds" if wall else "cpu_seconds") for run, k in models]
        else:
            values = [None]
        cells[column.id] = summarise([ComparedMetric(v, _unless(v, _why_not(column, models))) for v in values])
    seeds = tuple(run.references[k].seed for run, k in models)
    return TableRow("reference", RETRAINED + suffix, tuple(runs), seeds, cells)


def _why_not(column: ComparedColumn, models: Sequence[tuple[Compared, int]]) -> str:
    if column.id == "seconds" and any(run.references[k].file for run, k in models):
        return "not known of models that were retrained elsewhere"
    return "not defined for retrained models"


def _reference_auc(run: Compared, k: int, attack: str, way: str) -> float | None:
    kept = ((run.result.get("reference_attacks") or {}).get(attack) or {}).get(way) or {}
    values = kept.get("auc") or []
    return values[k] if k < len(values) else None


def _unless(value: float | None, why: str = "not measured") -> str:
    return "" if value is not None else why


def _forget_set(run: Compared) -> int:
    """Tells drawn forget sets apart; whole classes are the same whatever the seed."""
    return run.forget_seed if run.task == "sample" else 0


def _distinct(items: Iterable[Any], key: Callable[[Any], tuple[int, int]]) -> list[Any]:
    """Each model once, with the numbers of the first run that tells them.

    Methods without a stopping rule keep no samples aside for it, so that runs may measure one model on slightly
    different samples.
    """
    found: dict[tuple[int, int], Any] = {}
    for item in items:
        found.setdefault(key(item), item)
    return list(found.values())


def _reasons(table: Table, of: Any) -> list[str]:
    rows = [row for row in table.rows if row.kind == "runs"]
    lines: dict[tuple[str, str], list[str]] = {}
    for column in table.columns:
        for row in rows:
            for why in of(row.cells[column.id]):
                lines.setdefault((column.title, why), []).append(row.label)
    # One reason often holds for many columns of the same lines.
    merged: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (title, why), labels in lines.items():
        merged.setdefault((why, tuple(labels)), []).append(title)
    return [
        f"{', '.join(titles)}: {why}{'' if len(labels) == len(rows) else f' ({_lines(labels, len(rows))})'}"
        for (why, labels), titles in merged.items()
    ]


def _lines(labels: Sequence[str], total: int) -> str:
    """Some of the lines of a table, by name while there are few."""
    return ", ".join(labels) if len(labels) <= MOST_NAMED else f"{len(labels)} of {total} lines"
