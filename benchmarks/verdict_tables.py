"""Puts the tables of the verdict's benchmarks into docs/verdict.md, between their marks.

    .venv/bin/python -m benchmarks.verdict_tables --liars liars.json --retrains retrains.json --power power.json \\
        --methods methods.json --times time.json time-cifar.json

A mark is a comment with the table's name, and ``end``. What is not named stays.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import liars_bench, true_retrains, verdict_methods, verdict_power, verdict_time
from benchmarks.measuring import machine_words

PAGE = Path(__file__).resolve().parent.parent / "docs" / "verdict.md"
TABLES: dict[str, Callable[[Sequence[liars_bench.Row]], str]] = {
    "liars": liars_bench.summary,
    "retrains": true_retrains.summary,
    "power": verdict_power.summary,
    "methods": verdict_methods.summary,
    "times": verdict_time.summary,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    for name in TABLES:
        parser.add_argument(f"--{name}", type=Path, nargs="+", help="what the benchmark has written")
    options = vars(parser.parse_args(arguments))
    page = PAGE.read_text(encoding="utf-8")
    for name, summary in TABLES.items():
        if options[name]:
            files = [json.loads(path.read_text()) for path in options[name]]
            rows = [row for file in files for row in file["rows"]]
            words = f"{summary(rows).strip()}\n\nMeasured on {machine_words(files[0]['machine'])}."
            page = put(page, name, words)
    PAGE.write_text(page, encoding="utf-8")
    return 0


def put(page: str, name: str, words: str) -> str:
    """A page with a table between its marks.

    Raises:
        ValueError: the page has no such marks.
    """
    marks = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
    found, count = marks.subn(lambda match: f"{match[1]}{words}\n{match[2]}", page)
    if count != 1:
        raise ValueError(f"{count} marks {name} in the page")
    return found


if __name__ == "__main__":
    sys.exit(main())
