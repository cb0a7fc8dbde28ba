"""What the command line prints: tables, one JSON object, a result in words."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from cu_core.analysis.deep_words import deep_sentences
from cu_core.analysis.verdict_reading import verdict_line, verdict_of
from cu_core.base.display_text import CELL, cut, measured, one_line, visible
from cu_core.catalogue.metric_record import METRICS
from cu_core.metrics.membership import few_words


class Visible:
    """A stream that leaves out what steers a terminal: names, errors and logs may come from anybody."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Writes the letters that can be seen, line ends and tabs."""
        return self._stream.write("\r".join(map(visible, text.split("\r"))))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def print_json(content: Any) -> None:
    """One line of JSON on stdout."""
    print(json.dumps(content, allow_nan=False), flush=True)


def print_table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Columns padded to their widest cell."""
    cells = [["" if c is None else cut(one_line(str(c)), CELL) for c in row] for row in (header, *rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    for row in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def print_result(result: dict[str, Any]) -> None:
    """A finished run in words: its verdict, why it stopped, and the metrics before, after and of the reference."""
    print(f"run {result['run_id']}: {result['state']}")
    if (verdict := verdict_of(result)) is not None:
        print(f"verdict: {verdict_line(verdict)}")
    print(f"rounds: {result['rounds']}, stopped by {result['stopped_by']}")
    columns = {name: values for name, values in result["metrics"].items() if values is not None}
    rows = []
    for metric in next(iter(columns.values())):
        record = METRICS[metric]
        rows.append([record.title, *[_value(values.get(metric), record.percent) for values in columns.values()]])
    print_table(["", *columns], rows)
    print(f"seconds: {_times(result['seconds'])}")
    if worked := result.get("cpu_seconds"):
        print(f"seconds of processor or device: {_times(worked)}")
    print(f"weights sha256: {result['weights_sha256']}")
    few = few_words(result.get("counts") or {})
    for note in [*result.get("notes", []), *([few] if few else [])]:
        print(f"note: {note}")
    if deep := result.get("deep_audit"):
        for text in [*deep_sentences(deep), *(deep.get("notes") or [])]:
            print(f"deep audit: {text}")


def _times(seconds: Mapping[str, float | None]) -> str:
    return ", ".join(f"{phase} {'not known' if value is None else f'{value:.1f}'}" for phase, value in seconds.items())


def _value(value: float | None, percent: bool) -> str:
    if value is None:
        return "n/a"
    return measured(value, percent=percent)
