"""Taking an exported run into a home: a zip file of any origin, unpacked safely, checked, and put in place whole."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import struct
import time
import uuid
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from cu_core.base.errors import BadInput
from cu_core.base.files import read_json, sha256_of, write_json
from cu_core.base.home import Home
from cu_core.catalogue.spec import RunSpec, spec_from_json
from cu_core.runstore import layout
from cu_core.runstore.checksums import forget, known_sums, write_sealed
from cu_core.runstore.disk import check_floor
from cu_core.runstore.rows import optional_json
from cu_core.runstore.state import FINAL, read_state
from cu_core.runstore.verify import verify_dir

FIELD = "file"
MOST_FILES = 200_000
MOST_BYTES = 200 * 10**9
# Of what is stored in a run nothing shrinks to less than a hundredth but short files of zeros.
MOST_GROWTH = 200
ALWAYS_BYTES = 100 * 10**6
MOST_NAMED = 3

_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,119}")
# Ways out of a folder, also those of other systems.
_OUT = re.compile(r"\\|:|^/|(^|/)\.\.?(/|$)|[\x00-\x1f]")
_DEEPEST = 8
_SUFFIXES = {".json", ".jsonl", ".npy", ".parquet", ".pt", ".safetensors", ".log", ".txt", ""}
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    RuntimeError,
    NotImplementedError,
    ValueError,
    OverflowError,
    KeyError,
)


@dataclass(frozen=True)
class Imported:
    """A run that was taken in.

    Attributes:
        run_id: its id here.
        source_id: its id where it comes from.
        state: its state here.
        notes: what is not in it, and what was changed, in words.
    """

    run_id: str
    source_id: str
    state: str
    notes: tuple[str, ...]


def import_run(
    home: Home,
    file: Path,
    *,
    owner: str = "",
    admit: Callable[[RunSpec], None] = lambda spec: None,
) -> Imported:
    """Takes an exported run into a home.

    It keeps its id, or gets a new one where a run here has it, also one in the bin. A run that was queued or at work
    when it was exported is cancelled here.

    Args:
        home: that takes it in.
        file: as `cu_core.runstore.export.export_run` writes it.
        owner: who takes it in through a shared dashboard; empty for the owner of the home.
        admit: given what the run was asked to do, before it is put in place; may raise to refuse it.

    Raises:
        BadInput: no zip of a run, an unsafe or damaged one, or files that are not as they were written.
        OutOfDisk: too little free space.
    """
    home.create()
    with _opened(file) as archive:
        members, left = _members(archive, file)
        check_floor(home.runs, sum(member.file_size for member in members.values()))
        aside = home.runs / f".import-{uuid.uuid4().hex[:12]}"
        try:
            unpacked = aside / "run"
            _unpack(archive, members, unpacked, file)
            return _take_in(home, unpacked, file, left, owner, admit)
        finally:
            shutil.rmtree(aside, ignore_errors=True)


@contextlib.contextmanager
def _opened(file: Path) -> Iterator[zipfile.ZipFile]:
    if not file.is_file():
        raise BadInput(FIELD, f"no file {str(file)!r} can be read", ("a zip file that export has written",))
    try:
        with zipfile.ZipFile(file) as archive:
            yield archive
    except _UNREADABLE as error:
        raise BadInput(FIELD, f"{file.name} is damaged, or no zip file: {error}") from error


def _members(archive: zipfile.ZipFile, file: Path) -> tuple[dict[str, zipfile.ZipInfo], list[str]]:
    """The files of the run by their path in its folder, and the names of those that no run has and that are left out.

    Raises:
        BadInput: names that lead elsewhere, links, or more files or bytes than a run has.
    """
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    if len(entries) > MOST_FILES:
        raise BadInput(FIELD, f"{file.name} holds {len(entries):,} files", [f"at most {MOST_FILES:,}"])
    total, packed = sum(entry.file_size for entry in entries), max(file.stat().st_size, 1)
    if total > MOST_BYTES or (total > ALWAYS_BYTES and total > MOST_GROWTH * packed):
        raise BadInput(
            FIELD, f"{file.name} would grow from {packed / 1e6:,.1f} MB to {total / 1e6:,.0f} MB; no run does"
        )
    for entry in entries:
        if reason := _unsafe(entry):
            raise BadInput(FIELD, f"{file.name} holds {entry.filename!r}, {reason}")
    top = _top(entries, file)
    members, left = {}, []
    for entry in entries:
        path = PurePosixPath(entry.filename)
        inside = path.relative_to(top) if path.is_relative_to(top) else None
        if inside is None or not _belongs(inside):
            left.append(entry.filename)
            continue
        name = str(inside)
        if name.lower() in members:
            raise BadInput(FIELD, f"{file.name} holds {name!r} twice")
        members[name.lower()] = entry
    return {str(PurePosixPath(entry.filename).relative_to(top)): entry for entry in members.values()}, left


def _unsafe(entry: zipfile.ZipInfo) -> str:
    """Why an entry is not taken, in words; empty where it may be."""
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        return "which is a link or a device"
    if entry.flag_bits & 1:
        return "which is encrypted"
    return "which may lead out of its folder" if _OUT.search(entry.orig_filename) else ""


def _belongs(inside: PurePosixPath) -> bool:
    """Whether a path in the folder of a run is one that runs have."""
    fits = len(inside.parts) <= _DEEPEST and all(_PART.fullmatch(part) for part in inside.parts)
    return fits and inside.suffix.lower() in _SUFFIXES and inside.name != layout.CHECKPOINT


def _top(entries: list[zipfile.ZipInfo], file: Path) -> PurePosixPath:
    """The folder in the archive that is the run."""
    found = [PurePosixPath(entry.filename).parent for entry in entries if entry.filename.split("/")[-1] == layout.INFO]
    tops = [folder for folder in found if len(folder.parts) <= 1]
    if len(tops) != 1:
        what = "no run" if not tops else f"{len(tops)} runs"
        raise BadInput(FIELD, f"{file.name} holds {what}", ("a zip file that export has written",))
    return tops[0]


def _unpack(archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], folder: Path, file: Path) -> None:
    for name, entry in members.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        # No more than the entry has told, which was added up before; a checksum that fails raises.
        with archive.open(entry) as source, target.open("xb") as out:
            shutil.copyfileobj(source, out, 1 << 20)
        if target.stat().st_size != entry.file_size:
            raise BadInput(FIELD, f"{file.name} is damaged: {name} is cut off")


def _take_in(
    home: Home,
    unpacked: Path,
    file: Path,
    left: list[str],
    owner: str,
    admit: Callable[[RunSpec], None],
) -> Imported:
    info = optional_json(unpacked / layout.INFO)
    source_id = info.get("run_id")
    if not isinstance(source_id, str) or not layout.is_run_id(source_id):
        raise BadInput(FIELD, f"{file.name} holds no run: its {layout.INFO} is damaged")
    # Checked under the id that its files name.
    folder = unpacked.with_name(source_id)
    os.rename(unpacked, folder)
    notes = _without_checkpoint(folder)
    if problems := verify_dir(folder, again=True):
        more = f" and {len(problems) - MOST_NAMED} more" if len(problems) > MOST_NAMED else ""
        named = "; ".join(str(problem) for problem in problems[:MOST_NAMED])
        raise BadInput(FIELD, f"the run in {file.name} is not as it was written: {named}{more}")
    admit(spec_from_json(read_json(folder / layout.SPEC)))
    if left_out := [name for name in left if not name.endswith(layout.CHECKPOINT)]:
        notes.append(f"{len(left_out)} files that belong to no run were left out: {', '.join(left_out[:MOST_NAMED])}")
    notes += _end(folder)
    with layout.submit_lock(home):
        taken = {*layout.run_ids(home.runs), *layout.run_ids(home.bin)}
        run_id = source_id if source_id not in taken else _free_id(source_id, taken)
        if run_id != source_id:
            notes.append(f"{source_id} is here already, so it is called {run_id}")
        _call(folder, run_id, info, owner)
        os.rename(folder, home.runs / run_id)
    return Imported(run_id, source_id, read_state(home.runs / run_id).state, tuple(notes))


def _without_checkpoint(folder: Path) -> list[str]:
    """Takes the checkpoint off the list of files; what that means where the run has not ended."""
    if layout.CHECKPOINT in (known_sums(folder) or {}):
        forget(folder, {layout.CHECKPOINT})
    if read_state(folder).state == "succeeded":
        return []
    return ["its checkpoint is not in it: if it is resumed, unlearning begins again"]


def _end(folder: Path) -> list[str]:
    """Cancels a run that was queued or at work: no process of this machine has anything to do with it."""
    found = read_state(folder)
    if found.state in FINAL:
        return []
    for number in layout.attempts(folder):
        outcome = layout.attempt_dir(folder, number) / layout.OUTCOME
        if not outcome.exists():
            write_sealed(outcome, {"state": "cancelled", "error": None, "t": time.time()})
    (folder / layout.CANCEL).touch()
    return [f"it was {found.state} when it was exported; here it is cancelled"]


def _free_id(source_id: str, taken: set[str]) -> str:
    stem = source_id[:55].rstrip("-")
    while True:
        found = f"{stem}-{uuid.uuid4().hex[:8]}"
        if found not in taken:
            return found


def _call(folder: Path, run_id: str, info: dict[str, Any], owner: str) -> None:
    """Writes the run's id here, and that it was taken in, into its files."""
    # A token belongs to the home in which something was submitted with it.
    told = {"run_id": run_id, "owner": owner, "token": None, "imported": {"t": time.time(), "run_id": info["run_id"]}}
    write_sealed(folder / layout.INFO, info | told)
    if run_id == info["run_id"] or not (folder / layout.RESULT).exists():
        return
    result = folder / layout.RESULT
    write_json(result, read_json(result) | {"run_id": run_id})
    sums = known_sums(folder) or {}
    if layout.RESULT in sums:
        files = sums | {layout.RESULT: [sha256_of(result)]}
        write_sealed(folder / layout.CHECKSUMS, {"files": files})
