"""The verb ``compare``: runs side by side, one line per configuration."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cu_core.analysis.compare.columns import DEFAULT_ATTACK, columns_named, default_columns
from cu_core.analysis.compare.formats import as_json, cell_text, footnotes, frame, markdown
from cu_core.analysis.compare.reading import group_ids, read_runs
from cu_core.analysis.compare.table import make_table
from cu_core.base.csv_cells import csv_text
from cu_core.base.errors import BadInput
from cu_core.base.home import Home
from cu_core.catalogue.attack_record import ATTACKS
from cu_core.cli.completion import FILES, offer_found, run_ids
from cu_core.cli.output import print_json, print_table
from cu_core.runstore import layout


def add_compare_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options that say which runs are compared, by what, and how that is written."""
    add = parser.add_argument
    offer_found(add("run_ids", metavar="RUN", nargs="*", help="ids of runs, as status lists them"), run_ids())
    add("--group", help="all runs of this group")
    add("--each", action="store_true", help="one line per run instead of mean and sd over seeds")
    add("--attack", default=DEFAULT_ATTACK, choices=tuple(ATTACKS), help="whose AUC is shown; default %(default)s")
    add("--columns", help="ids of columns, separated by commas; by default those that suit the runs")
    offer_found(add("--csv", metavar="FILE", help="write all numbers into a CSV file"), FILES)
    add("--markdown", action="store_true", help="print the table in Markdown")


def asked_ids(options: argparse.Namespace, home: Home) -> list[str]:
    """The runs that are named, then those of the group that is.

    Raises:
        BadInput: no run belongs to the group.
    """
    of_group = group_ids(home, options.group) if options.group else []
    if options.group and not of_group:
        raise BadInput("--group", f"no run belongs to the group {options.group!r}")
    return [*options.run_ids, *of_group]


def compare(options: argparse.Namespace, home: Home) -> int:
    """Shows runs side by side."""
    ids = asked_ids(options, home)
    if not ids:
        raise BadInput("run", "name the runs, or a group of runs with --group")
    for run_id in options.run_ids:
        layout.run_dir(home, run_id)
    runs, problems = read_runs(home, ids)
    for problem in problems:
        print(problem, file=sys.stderr)
    if not runs:
        return 1
    wanted = [name.strip() for name in options.columns.split(",")] if options.columns else default_columns(runs)
    table = make_table(runs, columns_named(wanted), attack=options.attack, over_seeds=not options.each)
    if options.csv:
        try:
            Path(options.csv).write_text(csv_text(frame(table)), "utf-8")
        except OSError as error:
            raise BadInput("--csv", f"{options.csv} cannot be written: {error.strerror}") from error
    if options.json:
        print_json(as_json(table))
    elif options.markdown:
        print(markdown(table), end="")
    elif not options.csv:
        header = ["", "seeds", *(column.heading for column in table.columns)]
        rows = [
            [row.label, len(row.seeds), *(cell_text(c, row.cells[c.id]) for c in table.columns)] for row in table.rows
        ]
        print_table(header, rows)
        for note in footnotes(table):
            print(note)
    return 0
