"""The lessons' recorded runs in a home that had its first start without them, or was never empty.

The note of the first start names the zips whose runs the home was given once. What it names never comes again by
itself, so that a run that was deleted stays deleted; what it does not name, as in a home of an earlier version, is
installed when a lesson opens.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from filelock import FileLock

from cu_core.base.files import read_json, write_json
from cu_core.base.home import Home
from cu_core.catalogue.dataset_record import dataset
from cu_core.data.prepared import open_prepared
from cu_core.jobs.background import start_prepare
from cu_core.jobs.demo import GIVEN, LESSONS, LOCK, MARKER, demo_specs, install, places, shipped_zips
from cu_core.jobs.submission import restore
from cu_core.runstore import layout
from cu_core.runstore.reader import list_runs


def deliver(home: Home, folder: Path) -> list[str]:
    """Installs the shipped runs that this home was never given; two servers may ask at once.

    Nothing happens before the first start, which decides for itself.

    Args:
        home: where runs live.
        folder: with the shipped demo zips; those that lessons look at lie beside it in `LESSONS`.

    Returns:
        Ids of the runs that were added.

    Raises:
        BadInput: a zip that is damaged, unsafe or holds no run.
    """
    shipped = shipped_zips(folder)
    if not _missing(_note(home), shipped):
        return []
    with FileLock(home.root / LOCK):
        note = _note(home)
        missing = _missing(note, shipped)
        if not missing or note is None:
            return []
        # Earlier versions did not write what they gave; they gave demos to homes for which they queued a run.
        swept = GIVEN not in note and note.get("run_id") and not any(row.demo for row in list_runs(home))
        wanted = {path.name for path in missing if not swept or path.parent.name == LESSONS}
        but = {path.name for path in shipped} - wanted
        added = [run_id for place in places(folder) for run_id in install(home, place, but)]
        # Last: what breaks off half-way is made up for.
        write_json(home.root / MARKER, note | {GIVEN: sorted({path.name for path in shipped})})
    prepare_images(home)
    return added


def lacking(home: Home, folder: Path) -> bool:
    """Whether a shipped run is not among the runs, because it was deleted."""
    return any(not (home.runs / run_id).exists() for run_id in map(_run_id, shipped_zips(folder)) if run_id)


def bring_back(home: Home, folder: Path) -> None:
    """Puts every shipped run among the runs again, as somebody asked for: from the bin, or from its zip.

    Raises:
        BadInput: a zip that is damaged, unsafe or holds no run.
    """
    with FileLock(home.root / LOCK):
        for run_id in map(_run_id, shipped_zips(folder)):
            if run_id and (home.bin / run_id).exists():
                restore(home, run_id)
        for place in places(folder):
            install(home, place)
    prepare_images(home)


def prepare_images(home: Home) -> None:
    """Makes the images of demos, which come without them, as far as nothing has to be fetched from a network for it."""
    for spec in demo_specs(home):
        if not dataset(spec.data.dataset).download and open_prepared(spec.data, home) is None:
            start_prepare(spec.data, home)


def _note(home: Home) -> dict[str, Any] | None:
    """The note of the first start; None where there is none yet."""
    try:
        note = read_json(home.root / MARKER)
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return note if isinstance(note, dict) else None


def _missing(note: dict[str, Any] | None, shipped: Iterable[Path]) -> list[Path]:
    if note is None:
        return []
    # The note may have been edited by hand.
    given = note.get(GIVEN)
    return [path for path in shipped if not isinstance(given, list) or path.name not in given]


def _run_id(path: Path) -> str:
    """Id of the run in a zip; empty where it holds none."""
    try:
        with zipfile.ZipFile(path) as archive:
            run_id = json.loads(archive.read("run.json"))["run_id"]
    except (OSError, zipfile.BadZipFile, KeyError, TypeError, ValueError):
        return ""
    return run_id if layout.is_run_id(run_id) else ""
