"""The verb ``report``: a comparison as one HTML file, or the erasure record of one run."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from cu_core.analysis.compare.columns import DEFAULT_ATTACK
from cu_core.analysis.compare.reading import read_runs
from cu_core.analysis.report.comparison_report import report_of
from cu_core.analysis.report.document import html_of
from cu_core.base.errors import BadInput
from cu_core.base.home import Home
from cu_core.base.named_path import named_path
from cu_core.catalogue.attack_record import ATTACKS
from cu_core.cli.compare_command import asked_ids
from cu_core.cli.completion import FILES, offer_found, run_ids
from cu_core.cli.erasure_command import add_record_arguments, write_record
from cu_core.cli.output import print_json
from cu_core.runstore import layout


def add_report_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options that say which runs are reported, and where to."""
    add = parser.add_argument
    offer_found(add("run_ids", metavar="RUN", nargs="*", help="ids of runs, as status lists them"), run_ids())
    add("--group", help="all runs of this group")
    out = "the file to write; replaced if it exists; default %(default)s"
    offer_found(add("--out", metavar="FILE", default="report.html", help=out), FILES)
    add("--title", help="of the report; by default the group")
    add("--each", action="store_true", help="one line per run instead of mean and sd over seeds")
    add("--attack", default=DEFAULT_ATTACK, choices=tuple(ATTACKS), help="whose AUC is shown; default %(default)s")
    add_record_arguments(parser)


def report(options: argparse.Namespace, home: Home) -> int:
    """Writes the report of some runs, or the record of one."""
    if options.erasure is not None:
        return write_record(options, home)
    ids = asked_ids(options, home)
    if not ids:
        raise BadInput("run", "no such runs; name runs, or a group of runs with --group")
    for run_id in options.run_ids:
        layout.run_dir(home, run_id)
    runs, problems = read_runs(home, ids)
    for problem in problems:
        print(problem, file=sys.stderr)
    if not runs:
        return 1
    title = options.title or options.group or f"Comparison of {len(runs)} run{'s' if len(runs) > 1 else ''}"
    text = html_of(report_of(runs, home, title=title, attack=options.attack, over_seeds=not options.each))
    size = _write(named_path(options.out, "--out"), text.encode())
    if options.json:
        print_json({"file": options.out, "bytes": size, "runs": [run.run_id for run in runs]})
    else:
        print(f"{options.out}: {size / 1e6:.1f} MB, {len(runs)} runs")
    return 0


def _write(file: Path, content: bytes) -> int:
    """Writes a file whole or not at all; returns its size."""
    try:
        handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        with os.fdopen(handle, "wb") as raw:
            raw.write(content)
        Path(temporary).chmod(0o644)
        os.replace(temporary, file)
    except OSError as error:
        raise BadInput("--out", f"{file} cannot be written: {error.strerror}") from error
    return len(content)
