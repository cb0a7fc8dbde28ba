"""Lines of the tables: means and spreads over the seeds of one method on one forget set."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.results.result_rows import Row


@dataclass(frozen=True)
class Line:
    """One method on one forget set.

    Attributes:
        method: id.
        title: name shown to people.
        retain_data: which retain samples it reads: ``"none"``, ``"part"`` or ``"all"``.
        task: forget set.
        rows: those of its runs that have ended, by seed.
        missing: seeds that were asked for and have no numbers, with the reason.
    """

    method: str
    title: str
    retain_data: str
    task: str
    rows: tuple[Row, ...]
    missing: Mapping[int, str]

    @property
    def done(self) -> list[Row]:
        """Runs with numbers."""
        return [row for row in self.rows if row["state"] == "succeeded"]

    def values(self, column: str) -> list[float]:
        """A column of the runs that have it."""
        return [float(row[column]) for row in self.done if row.get(column) is not None]

    def mean(self, column: str) -> float | None:
        """Mean over seeds; None where no run has the number."""
        found = self.values(column)
        return statistics.fmean(found) if found else None

    def spread(self, column: str) -> float | None:
        """Sample standard deviation over seeds; None with fewer than two."""
        found = self.values(column)
        return statistics.stdev(found) if len(found) > 1 else None

    def gap(self, column: str) -> float | None:
        """Mean difference from the mean of the references of the same run; None where there is none."""
        pairs = [(row[column], row[f"{column}_ref"]) for row in self.done]
        found = [float(a - b) for a, b in pairs if a is not None and b is not None]
        return statistics.fmean(found) if found else None

    def mean_gap(self, columns: Sequence[str]) -> float | None:
        """Mean over columns and runs of the size of the difference from the references; None where none is known."""
        found = [
            abs(row[column] - row[f"{column}_ref"])
            for row in self.done
            for column in columns
            if row.get(column) is not None and row.get(f"{column}_ref") is not None
        ]
        return statistics.fmean(found) if found else None

    def inside(self, columns: Sequence[str]) -> bool | None:
        """Whether every run lies within the band of its references in all columns; None where one cannot be told."""
        known = []
        for row in self.done:
            for column in columns:
                value, middle, half = row.get(column), row.get(f"{column}_ref"), row.get(f"{column}_half")
                if value is None or middle is None:
                    return None
                # Where all references agree to the last digit there is no width; then only the same value is inside.
                known.append(abs(value - middle) <= (half or 0.0) + 1e-9)
        return all(known) if known else None


def lines_of(methods: Mapping[str, Any], model: str, task: str) -> list[Line]:
    """The lines of one task on one network, nearest to the references first; those without numbers last.

    Args:
        methods: the part ``methods`` of the kept numbers.
        model: network.
        task: forget set.
    """
    records = methods["records"]
    rows = [row for row in methods["rows"] if row["model"] == model and row["task"] == task]
    waiting = [row for row in methods["waiting"] if row["model"] == model and row["task"] == task]
    found = []
    for name in dict.fromkeys(row["method"] for row in [*rows, *waiting]):
        own = tuple(sorted((row for row in rows if row["method"] == name), key=lambda row: int(row["seed"])))
        missing = {row["seed"]: _why(row) for row in own if row["state"] != "succeeded"}
        missing |= {row["seed"]: "not run yet" for row in waiting if row["method"] == name}
        record = records[name]
        found.append(Line(name, record["title"], record["retain_data"], task, own, missing))
    return sorted(found, key=_order)


def _order(line: Line) -> tuple[bool, float, str]:
    distance = line.mean("distance")
    return distance is None, distance or 0.0, line.title


def _why(row: Row) -> str:
    if row["state"] == "capped":
        return f"cut off in round {row['rounds'] + 1}" if row.get("rounds") is not None else "cut off"
    return f"failed: {row.get('reason') or 'no reason recorded'}"
