"""The numbers of gradient-penalty unlearning on encoders: rows of Wang & Chen's tables, run by run."""

from __future__ import annotations

from typing import Any

from benchmarks.results.result_plan import Study, encoder_specs
from benchmarks.results.result_queue import run_of
from benchmarks.results.result_rows import Row, made_with
from cu_core.analysis.papers.paper_runs import belongs, rows_at, spec_of
from cu_core.analysis.papers.quantities import ENCODER_ATTACK, QUANTITIES, value_in
from cu_core.analysis.papers.scales import SCALES, title_of
from cu_core.analysis.papers.tables_wang_chen import TABLES
from cu_core.base.home import Home

ATTACKED = {
    "before": ("before", "refitted"),
    "transferred": ("after", "transferred"),
    "refitted": ("after", "refitted"),
}
"""Column of the attack's accuracy to the model that is attacked and how the attack was fitted."""


def encoder_rows(home: Home, study: Study) -> dict[str, Any]:
    """What the finished runs of the encoders' tables tell.

    Args:
        home: where they live.
        study: what was run.

    Returns:
        ``tables``: id to title, heading, columns and rows as published; ``rows``: one per run with its numbers by
        column; ``made``: on what they were made.
    """
    scale = SCALES[study.scale]
    tables: dict[str, Any] = {}
    rows: list[Row] = []
    made: list[dict[str, Any]] = []
    for name, specs in encoder_specs(study).items():
        table = TABLES[name]
        wanted = [(row, spec) for row in rows_at(table, scale) if (spec := spec_of(table, row, scale)) is not None]
        tables[name] = {
            "title": table.title,
            "heading": table.heading,
            "scale": title_of(scale, [spec for _, spec in wanted]),
            "columns": [[c.id, c.title, QUANTITIES[c.quantity].digits] for c in table.columns],
            "published": [[row.id, row.title, dict(row.values)] for row, _ in wanted],
        }
        for spec in specs:
            view = run_of(home, spec)
            result = view.result() if view is not None else None
            if view is None or result is None:
                continue
            told = made_with(view, result)
            if told not in made:
                made.append(told)
            row = next(row for row, want in wanted if belongs(spec, want))
            values = {
                column.id: value_in(result, QUANTITIES[column.quantity], column.moment, encoder=True)
                for column in table.columns
            }
            rows.append(
                {"table": name, "row": row.id, "encoder": spec.train.objective, "seed": spec.seed}
                | {name: _short(value) for name, value in values.items()}
                | {f"attack_{way}": _short(_accuracy(result, *at)) for way, at in ATTACKED.items()}
                | {"cpu_train": _short((result.get("cpu_seconds") or {}).get("train")), "made": made.index(told)}
            )
    return {"tables": tables, "rows": rows, "made": made}


def _accuracy(result: Any, model: str, way: str) -> float | None:
    """Accuracy in percent of the attack that the tables rest on."""
    numbers = (((result.get("attacks") or {}).get(ENCODER_ATTACK) or {}).get(model) or {}).get(way) or {}
    found = numbers.get("accuracy")
    return 100 * found[0] if found and found[0] is not None else None


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.5g}")
