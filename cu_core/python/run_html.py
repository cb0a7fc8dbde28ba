"""A run, and a list of runs, as a short table for notebooks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from cu_core.base.display_text import CELL, cut, measured, one_line
from cu_core.catalogue.metric_record import METRICS
from cu_core.catalogue.spec import short
from cu_core.runstore.reader import RunView
from cu_core.runstore.rows import RunRow

KEY_METRICS = ("forget_acc", "retain_acc", "test_acc", "test_acc_forgotten", "test_acc_retained", "mia_auc")
MOST_ROWS = 100


def html_of_run(view: RunView) -> str:
    """Title, choices and state of a run; of a finished one the key metrics before, after and of the reference."""
    row = view.row()
    choices = [short(row.dataset), row.backbone, f"forgets {short(row.forget)}", row.method, f"seed {row.seed}"]
    head = f"<b>{_text(row.title)}</b><br><code>{_text(row.run_id)}</code> · {_text(row.state)}"
    said = [head, _text(" · ".join(choices))]
    if row.error:
        said.append(_text(row.error))
    measured = (view.result() or {}).get("metrics") or {}
    known = [name for name in KEY_METRICS if any((values or {}).get(name) is not None for values in measured.values())]
    if not known:
        return f"<div>{'<br>'.join(said)}<br>{row.rounds} rounds recorded</div>"
    models = [name for name in ("before", "after", "reference") if measured.get(name)]
    lines = [[METRICS[name].title, *(_value(name, measured[model].get(name)) for model in models)] for name in known]
    return f"<div>{'<br>'.join(said)}{_table(['', *models], lines)}</div>"


def html_of_list(rows: Sequence[RunRow]) -> str:
    """The first runs of a list."""
    lines = [
        [row.run_id, row.title, row.state, row.rounds, *(_value(n, row.metrics.get(n)) for n in KEY_METRICS[:3])]
        for row in rows[:MOST_ROWS]
    ]
    heads = ["run", "title", "state", "rounds", *(METRICS[name].title for name in KEY_METRICS[:3])]
    more = f"<br>{len(rows) - MOST_ROWS:,} more" if len(rows) > MOST_ROWS else ""
    return f"<div>{len(rows):,} run{'' if len(rows) == 1 else 's'}{_table(heads, lines)}{more}</div>"


def _table(heads: Iterable[object], lines: Iterable[Iterable[object]]) -> str:
    head = "".join(f"<th>{_text(cell)}</th>" for cell in heads)
    body = "".join(f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in line)}</tr>" for line in lines)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _text(value: object) -> str:
    return escape(cut(one_line(str(value)), CELL))


def _value(metric: str, value: float | None) -> str:
    if value is None:
        return "n/a"
    return measured(value, percent=METRICS[metric].percent)
