"""Demo runs that ship with the project, and their import at the first start.

A demo is a zip of one run directory without weights, checkpoints, logs and process files. `pack`
makes one, and thins it where it would be too large: embeddings, then logits, of rounds between the
first and the last are left out, and the manifests no longer name them.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import struct
import tempfile
import time
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path, PurePosixPath
from typing import Any

from filelock import FileLock

from cu_core.base.errors import BadInput
from cu_core.base.files import read_json, write_json
from cu_core.base.home import Home
from cu_core.catalogue.presets import DEFAULT_PRESET
from cu_core.catalogue.spec import RunSpec
from cu_core.jobs.submission import submit
from cu_core.runstore import layout
from cu_core.runstore.checksums import sealed, write_sealed
from cu_core.runstore.reader import list_runs, open_run

MARKER = "first-start.json"
LOCK = "first-start.lock"
GIVEN = "given"
"""In the marker: names of the zips whose runs the home was given once."""
LESSONS = "lessons"
"""Beside the folder of the demos: lessons, with the runs that they look at."""

PACKED_BYTES = 6_000_000
"""What all demos together may take of the repository."""
UNPACKED_BYTES = 64_000_000
MOST_FILES = 5_000
# A last layer is read together with embeddings.
THINNED = ("embedding", "head", "logits")
_KEPT_FILES = {"spec.json", "run.json", "dataset.json", "probe.parquet", "result.json"}
_KEPT_IN_ATTEMPT = {"events.jsonl", "outcome.json"}
_KEPT_SUFFIXES = {".json", ".jsonl", ".npy", ".parquet"}


def welcome(home: Home, folder: Path) -> str | None:
    """Makes a very first start show something: installs the demos and queues the default preset.

    Happens once per home, and only where no run exists yet; several servers may call it at once.

    Args:
        home: where runs live.
        folder: with the shipped demo zips; those that lessons look at lie beside it in `LESSONS`.

    Returns:
        Id of the run that was queued, or None.
    """
    with FileLock(home.root / LOCK):
        marker = home.root / MARKER
        if marker.exists():
            return None
        queued, given = None, []
        if not any(home.runs.iterdir()):
            given = shipped_zips(folder)
            for place in places(folder):
                install(home, place)
            queued = submit(DEFAULT_PRESET.spec, home, token="first-start")  # noqa: S106 - names a submission, opens nothing
        # Last, so that a start that broke off half-way is made up for; each step can be repeated.
        write_json(marker, {"run_id": queued, "time": time.time(), GIVEN: sorted(path.name for path in given)})
        return queued


def places(folder: Path) -> tuple[Path, Path]:
    """Where shipped zips lie: the demos in a folder, those that lessons look at in the folder beside it."""
    return folder, folder.parent / LESSONS


def shipped_zips(folder: Path) -> list[Path]:
    """The zips of the demos in a folder, and of the lessons."""
    return [path for place in places(folder) for path in sorted(place.glob("*.zip"))]


def demo_specs(home: Home) -> list[RunSpec]:
    """What the demos among the runs ran, for whoever shows their images."""
    return [open_run(home, row.run_id).spec for row in list_runs(home) if row.demo]


def first_run(home: Home) -> str | None:
    """Id of the run that the first start queued by itself, if it did."""
    try:
        return read_json(home.root / MARKER)["run_id"]
    except (FileNotFoundError, json.JSONDecodeError, KeyError, TypeError):
        return None


def install(home: Home, folder: Path, but: Collection[str] = ()) -> list[str]:
    """Unpacks every demo zip of a folder into the runs, skipping runs that are there or in the bin.

    Args:
        home: where runs live.
        folder: with ``*.zip`` files as `pack` makes them; may be missing.
        but: names of zips that are left alone.

    Returns:
        Ids of the runs that were added.

    Raises:
        BadInput: a zip that is damaged, unsafe or holds no run.
    """
    added = []
    for path in sorted(folder.glob("*.zip")):
        if path.name in but:
            continue
        with tempfile.TemporaryDirectory(dir=home.root, prefix=".demo-") as temporary:
            unpacked = Path(temporary) / "run"
            _unpack(path, unpacked)
            info = _described(unpacked, path.name)
            run_id = info["run_id"]
            if (home.runs / run_id).exists() or (home.bin / run_id).exists():
                continue
            write_sealed(unpacked / "run.json", info | {"demo": True})
            os.rename(unpacked, home.runs / run_id)
            added.append(run_id)
    return added


def pack(run_dir: Path, target: Path, limit: int = PACKED_BYTES) -> int:
    """Writes a finished run as a demo zip.

    Args:
        run_dir: of a run that succeeded; it is not changed.
        target: the zip to create or replace.
        limit: most bytes of the zip; arrays between the first and the last round are left out, kind
            by kind in the order of `THINNED`, until it fits.

    Returns:
        Size of the zip in bytes.

    Raises:
        BadInput: the run has not succeeded, or does not fit even when thinned.
    """
    info = _described(run_dir, run_dir.name)
    if not (run_dir / "result.json").exists():
        raise BadInput("run", f"{info['run_id']} has no result; only finished runs can become demos")
    for dropped in range(len(THINNED) + 1):
        size = _write_zip(run_dir, target, info, THINNED[:dropped])
        if size <= limit:
            return size
    target.unlink()
    raise BadInput("run", f"packed size {size} is more than {limit} bytes; record a smaller probe")


def _write_zip(run_dir: Path, target: Path, info: dict[str, Any], thinned: tuple[str, ...]) -> int:
    target.parent.mkdir(parents=True, exist_ok=True)
    rounds = sorted(int(p.name) for p in (run_dir / "rounds").iterdir() if (p / "manifest.json").exists())
    attempts = sorted(run_dir.glob("attempt-*"), key=lambda p: int(p.name.partition("-")[2]))
    manifests = {run_dir / "rounds" / str(k) / "manifest.json": rounds[0] < k < rounds[-1] for k in rounds}
    manifests |= {path: False for path in run_dir.glob("reference/*/manifest.json")}
    manifests |= {path: False for path in run_dir.glob("audit/manifest.json")}
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:

        def add(name: str, content: bytes) -> None:
            # A fixed date keeps the zip the same for the same run.
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)

        add("run.json", json.dumps(sealed(info | {"demo": True}), indent=1).encode())
        for name in sorted(_KEPT_FILES - {"run.json"}):
            if (run_dir / name).exists():
                add(name, (run_dir / name).read_bytes())
        for name in sorted(_KEPT_IN_ATTEMPT):
            if attempts and (attempts[-1] / name).exists():
                add(f"{attempts[-1].name}/{name}", (attempts[-1] / name).read_bytes())
        for path, between in manifests.items():
            manifest = {name: value for name, value in read_json(path).items() if name != "weights"}
            folder = path.parent.relative_to(run_dir).as_posix()
            if between:
                manifest["arrays"] = {k: v for k, v in manifest["arrays"].items() if k not in thinned}
            add(f"{folder}/manifest.json", json.dumps(sealed(manifest), indent=1).encode())
            for entry in manifest["arrays"].values():
                add(f"{folder}/{entry['file']}", (path.parent / entry["file"]).read_bytes())
    return target.stat().st_size


def _unpack(path: Path, target: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [e for e in archive.infolist() if not e.filename.endswith("/")]
            if len(entries) > MOST_FILES or sum(e.file_size for e in entries) > UNPACKED_BYTES:
                raise BadInput("demo", f"{path.name} holds more files or bytes than a demo may")
            for entry in entries:
                destination = target / _safe_name(entry, path.name)
                destination.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(entry) as source, destination.open("xb") as file:
                    shutil.copyfileobj(source, file)
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError, ValueError) as error:
        raise BadInput("demo", f"{path.name} is damaged: {error}") from error


def _safe_name(entry: zipfile.ZipInfo, archive: str) -> str:
    name = PurePosixPath(entry.filename)
    unsafe = name.is_absolute() or ".." in name.parts or "\\" in entry.filename or ":" in entry.filename
    if unsafe or stat.S_ISLNK(entry.external_attr >> 16) or name.suffix not in _KEPT_SUFFIXES:
        raise BadInput("demo", f"{archive} holds {entry.filename!r}, which no demo may contain")
    return str(name)


def _described(run_dir: Path, source: str) -> dict[str, Any]:
    try:
        info = read_json(run_dir / "run.json")
        if layout.is_run_id(info["run_id"]):
            return info
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise BadInput("demo", f"{source} holds no run")
