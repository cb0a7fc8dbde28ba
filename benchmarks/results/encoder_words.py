"""The section on encoders: whether the gap between attacks persists, then Wang & Chen's tables beside ours."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.measuring import table
from benchmarks.results.method_tables import NOT_YET, NOTHING, made_words
from benchmarks.results.result_rows import Row
from cu_core.metrics.band import t95

Kept = Mapping[str, Any]
COMPLETE = "III"
"""The table whose rows are the method as published, one per encoder."""


def encoder_words(kept: Kept) -> str:
    """The section's text, the statement about the gap first."""
    encoders = kept["encoders"]
    if not encoders["rows"]:
        return NOT_YET
    parts = [gap_sentence(encoders["rows"])]
    parts += [f"Made on {made_words(made)}." for made in encoders["made"]]
    parts += [_table(encoders, name, len(kept["study"]["seeds"])) for name in encoders["tables"]]
    return "\n\n".join(part for part in parts if part)


def gap_sentence(rows: Sequence[Row]) -> str:
    """Whether an attacker who fits the attack anew still finds what the transferred one does not.

    The gap is the accuracy of the re-fitted attack minus that of the transferred one, run by run. It is there where its
    t interval over seeds lies above 0, and gone where that lies below `SMALL`, however surely it is not nothing.

    Args:
        rows: of the encoders' tables.
    """
    of_encoder: dict[str, list[float]] = {}
    for row in rows:
        if row["table"] == COMPLETE and None not in (row["attack_refitted"], row["attack_transferred"]):
            of_encoder.setdefault(row["encoder"], []).append(row["attack_refitted"] - row["attack_transferred"])
    if not of_encoder:
        return "Whether a re-fitted attack still finds what a transferred one does not is not measured yet."
    told, there, absent = [], [], []
    for name, gaps in of_encoder.items():
        middle, half = statistics.fmean(gaps), interval(gaps)
        width = "one seed" if half is None else f"95 % interval {middle - half:.1f} to {middle + half:.1f}"
        told.append(f"{TITLES.get(name, name)} {middle:+.1f} points ({width})")
        if half is not None and middle + half < SMALL:
            absent.append(name)
        elif half is not None and middle - half > 0:
            there.append(name)
    numbers = f"accuracy of the re-fitted minus that of the transferred attack: {'; '.join(told)}"
    if len(there) == len(of_encoder):
        return (
            "The gap persists: after gradient-penalty unlearning, an attack that is fitted anew still finds forgotten "
            f"samples where the transferred one has fallen behind ({numbers})."
        )
    if len(absent) == len(of_encoder):
        return f"The gap is gone: an attack that is fitted anew finds no more than the transferred one ({numbers})."
    if there:
        named = ", ".join(TITLES.get(name, name) for name in there)
        return f"The gap persists for {named}, and is not established for the others ({numbers})."
    return f"Whether the gap persists cannot be said from these seeds ({numbers})."


SMALL = 2.0
"""Points of attack accuracy below which there is no gap worth the name."""
TITLES = {"moco": "MoCo", "simclr": "SimCLR", "byol": "BYOL"}


def interval(values: Sequence[float]) -> float | None:
    """Half width of the 95 % t interval of a mean; None with fewer than two values."""
    if len(values) < 2:
        return None
    return t95(len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values))


def _table(encoders: Kept, name: str, seeds: int) -> str:
    about = encoders["tables"][name]
    rows = [row for row in encoders["rows"] if row["table"] == name]
    published = any(values.get(c[0]) is not None for _, _, values in about["published"] for c in about["columns"])
    head = [about["heading"], "seeds", *(title for _, title, _ in about["columns"])]
    cells = []
    for row_id, title, values in about["published"]:
        own = [row for row in rows if row["row"] == row_id]
        line = [title, len(own)]
        for column, _, digits in about["columns"]:
            paper = values.get(column)
            line.append(f"{NOTHING if paper is None else f'{paper:g}'} · {_ours(own, column, digits)}")
        cells.append(line)
    words = f"**Table {name}.** {about['title']}; {about['scale']}."
    if published:
        words += " In each cell: the paper · ours."
    missing = len(about["published"]) * seeds - len(rows)
    if missing > 0:
        words += f" Missing: {missing} run{'s' * (missing > 1)}."
    return f"{words}\n\n{table(head, cells)}"


def _ours(rows: Sequence[Row], column: str, digits: int) -> str:
    values = [row[column] for row in rows if row.get(column) is not None]
    if not values:
        return NOTHING
    spread = f" ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{statistics.fmean(values):.{digits}f}{spread}"
