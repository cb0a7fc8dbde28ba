"""Rows that a benchmark of the verdict adds to a file as it goes, so that it goes on where it was stopped."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

from benchmarks.measuring import machine_words


def add_row_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds where trained models are kept, the file of the rows, and whether it is only read."""
    parser.add_argument("--home", type=Path, default=Path(os.environ.get("CU_HOME", ".unlearnscope")))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--print", action="store_true", help="makes nothing, prints what the file tells")


def kept_rows(out: Path) -> dict[str, Any]:
    """What a file holds: the ``machine`` that made it and ``rows``; nothing of either where there is no file yet."""
    found: dict[str, Any] = {"machine": None, "rows": []}
    return json.loads(out.read_text()) if out.exists() else found


def keep_rows(found: dict[str, Any], out: Path) -> None:
    """Writes the file anew."""
    out.write_text(json.dumps(found) + "\n")


def print_machine(found: dict[str, Any]) -> None:
    """Says which machine made the rows, where any did."""
    if found["machine"]:
        print(machine_words(found["machine"]))
