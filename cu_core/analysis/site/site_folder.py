"""A site in its folder: its pages appear whole, and nothing of anybody else is touched.

A note in the folder names the files of the site, so that the next export replaces these and no others.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cu_core.analysis.exports.export_folder import ZIP, write_folder
from cu_core.analysis.site.lesson_pages import LESSON, SiteLesson, lesson_page, runs_of_lesson
from cu_core.analysis.site.run_page import run_page
from cu_core.analysis.site.site_pages import ABOUT, INDEX, about_page, file_of, index_page, links_to
from cu_core.base.errors import BadInput
from cu_core.base.files import parse_json, read_plain, write_atomically
from cu_core.base.home import Home
from cu_core.base.version import __version__
from cu_core.catalogue.lessons.lesson_record import Lesson
from cu_core.runstore import layout
from cu_core.runstore.reader import open_run

NOTE = "unlearnscope-site.json"
PROGRAM = "Unlearnscope site"


@dataclass(frozen=True)
class WrittenSite:
    """What was written.

    Attributes:
        files: names of all files with their bytes.
        runs: ids of the runs, in order.
        size: bytes of the folder's own files, or of the zip.
    """

    files: Mapping[str, int]
    runs: tuple[str, ...]
    size: int


def write_site(
    home: Home,
    run_ids: Sequence[str],
    target: Path,
    *,
    title: str = "",
    images: bool = True,
    lesson: Lesson | None = None,
) -> WrittenSite:
    """Writes the site of some runs into a folder, or into a zip of one.

    Args:
        home: where the runs live.
        run_ids: repeated ones count once; at least one, or a lesson for which there are runs.
        target: the folder, or a name that ends in ``.zip``. A site that is there already is replaced.
        title: of the way in, where there are several runs or a lesson.
        images: whether thumbnails of the samples are in it.
        lesson: that becomes a page; the runs that it looks at and that are not named are taken from the home.

    Raises:
        BadInput: no such run, one without rounds, or a folder that holds something else.
    """
    check_site_folder(target)
    taught = {} if lesson is None else runs_of_lesson(home, lesson, run_ids)
    ids = list(dict.fromkeys([*run_ids, *taught.values()]))
    if not ids:
        raise BadInput("run", "no run was named, and none here stands for a run of the lesson")
    for run_id in ids:
        layout.run_dir(home, run_id)
    named = [(INDEX, "All runs")] if len(ids) > 1 or lesson is not None else []
    named += [(LESSON, lesson.title)] if lesson is not None else []
    links = links_to([*named, (ABOUT, "What the words mean")])
    pages = [run_page(home, open_run(home, run_id), images=images, links=links) for run_id in ids]
    files = {ABOUT: about_page()}
    if len(pages) == 1 and lesson is None:
        files[INDEX] = pages[0].html
    else:
        files |= {file_of(page): page.html for page in pages}
    if lesson is not None:
        views = {name: open_run(home, run_id) for name, run_id in taught.items()}
        told = SiteLesson(lesson, views, {page.run_id: file_of(page) for page in pages}, home, images)
        files[LESSON] = lesson_page(told, links)
    if INDEX not in files:
        several = f"{len(ids)} run{'' if len(ids) == 1 else 's'}"
        # Last, since it leads to the others.
        files[INDEX] = index_page(pages, title or (lesson.title if lesson else several), lesson, LESSON)
    return _written(target, {name: text.encode() for name, text in files.items()}, ids)


def _written(target: Path, files: Mapping[str, bytes], ids: Sequence[str]) -> WrittenSite:
    note = {"program": PROGRAM, "version": __version__, "runs": list(ids), "files": sorted(files)}
    if target.suffix.lower() == ZIP or not target.exists():
        size = write_folder(target, lambda folder: _fill(folder, files, note))
    else:
        size = _replace(target, files, note)
    return WrittenSite({name: len(content) for name, content in files.items()}, tuple(ids), size)


def check_site_folder(target: Path) -> None:
    """Checks that a folder may take a site.

    Raises:
        BadInput: it is a file, or holds files and no site.
    """
    if target.suffix.lower() == ZIP or not target.exists():
        return
    if not target.is_dir():
        raise BadInput("folder", f"{target} is a file", ("a folder", f"a name that ends in {ZIP}"))
    if any(target.iterdir()) and _note_in(target) is None:
        allowed = ("a new folder", "an empty one", "one with an earlier site")
        raise BadInput("folder", f"{target} holds files that are no site of this program", allowed)


def _fill(folder: Path, files: Mapping[str, bytes], note: Mapping[str, Any]) -> None:
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (folder / NOTE).write_text(_note_text(note), encoding="utf-8")


def _replace(folder: Path, files: Mapping[str, bytes], note: Mapping[str, Any]) -> int:
    """Replaces an earlier site page by page; whoever reads it meanwhile sees whole pages."""
    before = set(_note_in(folder) or ())
    foreign = sorted(name for name in files if name not in before and (folder / name).exists())
    if foreign:
        raise BadInput("folder", f"{folder} holds {', '.join(foreign)}, which is no page of the earlier site")
    # Until the end the note names the files of both, so that an export that was cut short can be done again.
    _write(folder / NOTE, _note_text({**note, "files": sorted(before | set(files))}).encode())
    for name, content in files.items():
        _write(folder / name, content)
    for name in before - set(files):
        (folder / name).unlink(missing_ok=True)
    _write(folder / NOTE, _note_text(note).encode())
    return sum((folder / name).stat().st_size for name in [*files, NOTE])


def _write(path: Path, content: bytes) -> None:
    try:
        write_atomically(path, lambda file: file.write(content))
        path.chmod(0o644)
    except OSError as error:
        raise BadInput("folder", f"{path} cannot be written: {error.strerror or error}") from error


def _note_in(folder: Path) -> list[str] | None:
    """Names of the files of a site in a folder; None where there is none."""
    try:
        note = parse_json(read_plain(folder / NOTE))
    except (OSError, ValueError):
        return None
    if not isinstance(note, dict) or note.get("program") != PROGRAM or not isinstance(note.get("files"), list):
        return None
    # A note that somebody wrote may not lead out of the folder.
    return [
        name for name in note["files"] if isinstance(name, str) and Path(name).name == name and name.endswith(".html")
    ]


def _note_text(note: Mapping[str, Any]) -> str:
    return json.dumps(note, indent=1) + "\n"
