"""The verb ``export-site``: runs as static pages that open from disk."""

from __future__ import annotations

import argparse

from cu_core.analysis.site.site_folder import check_site_folder, write_site
from cu_core.base.errors import BadInput
from cu_core.base.home import Home
from cu_core.base.named_path import named_path
from cu_core.catalogue.lessons.lesson_reader import lesson_of, read_lesson
from cu_core.catalogue.lessons.lesson_record import Lesson
from cu_core.cli.compare_command import asked_ids
from cu_core.cli.completion import FILES, FOLDERS, offer_found, run_ids
from cu_core.cli.output import print_json
from cu_core.cli.overwrite import add_force, target


def add_site_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds which runs are written, and where to."""
    add = parser.add_argument
    offer_found(add("run_ids", metavar="RUN", nargs="*", help="ids of runs, as status lists them"), run_ids())
    add("--group", help="all runs of this group")
    lesson = "a lesson as a page: its name, or its YAML file; the runs that it looks at are added"
    offer_found(add("--lesson", metavar="LESSON", help=lesson), FILES)
    add("--title", default="", help="of the first page, where there are several; by default the group or the lesson")
    add("--no-images", action="store_true", help="leave the images out")
    words = "the folder; a name that ends in .zip makes one file of it"
    offer_found(add("folder", metavar="FOLDER", help=words), FOLDERS)
    add_force(parser, "replace an earlier site without asking; other files in the folder stay")


def export_site(options: argparse.Namespace, home: Home) -> int:
    """Writes the site of some runs."""
    ids = asked_ids(options, home)
    lesson = None if options.lesson is None else _lesson(home, options.lesson)
    if not ids and lesson is None:
        raise BadInput("run", "no such runs; name runs, or a group of runs with --group")
    check_site_folder(named_path(options.folder, "folder"))
    folder = target(options.folder, options.force, "folder")
    title = options.title or options.group or ""
    found = write_site(home, ids, folder, title=title, images=not options.no_images, lesson=lesson)
    if options.json:
        print_json({"folder": options.folder, "bytes": found.size, "runs": list(found.runs), "files": found.files})
        return 0
    count = len(found.runs)
    print(f"{options.folder}: {found.size / 1e6:.1f} MB, {count} run{'' if count == 1 else 's'}")
    print("open index.html in it with a browser, or put the folder on any web server")
    return 0


def _lesson(home: Home, text: str) -> Lesson:
    """A lesson by the name that the Learn page knows it by, or from a file."""
    return (
        read_lesson(named_path(text, "--lesson")) if text.lower().endswith((".yaml", ".yml")) else lesson_of(home, text)
    )
