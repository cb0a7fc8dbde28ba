"""Reading one recorded round or reference: its manifest and its arrays, never damaged ones."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np

from cu_core.base.errors import BadInput
from cu_core.base.file_cache import cached_by_file
from cu_core.base.files import read_json, sha256_of
from cu_core.runstore import layout
from cu_core.runstore.checksums import seal_damage
from cu_core.runstore.shapes import AUDIT, BY_CLASS, ROUND, array_misfit, misfit

_OF_ROUNDS = ("rounds", "reference")
_NEEDED = ("metrics",)
_FILE = re.compile(r"[a-z0-9_-]+\.npy")
_WEIGHTS = re.compile(r"weights(-[0-9]{1,6}b?)?\.safetensors")
# Two changes within the step of the clock leave the same times; a file so young is read each time.
_SETTLED_NS = 100_000_000
# A mapped array keeps a file open for as long as anything holds it, and pages hold thousands of small ones; many
# systems let a process open no more than 1,024 files, some 256.
_WHOLE_BYTES = 2**20


def read_manifest(folder: Path, *, again: bool = False) -> dict[str, Any]:
    """The manifest of a round or a reference.

    Args:
        folder: of the round or the reference.
        again: read the file also where this process has read it before.

    Returns:
        Its content. What lies in it is shared with later calls: read it, and change nothing below the first level.

    Raises:
        BadInput: there is none, or it is damaged.
    """
    try:
        return dict(_manifest(os.path.join(folder, layout.MANIFEST), again=again))
    except FileNotFoundError:
        raise BadInput(_name(folder), "was not recorded") from None
    except (OSError, json.JSONDecodeError) as error:
        raise BadInput(_name(folder), f"its manifest cannot be read: {error}") from error


@cached_by_file(maxsize=1024, settled_ns=_SETTLED_NS)
def _manifest(path: Path) -> dict[str, Any]:
    """A sound manifest; a page asks for each dozens of times."""
    folder, manifest = path.parent, read_json(path)
    name = _name(folder)
    if not isinstance(manifest, dict) or not isinstance(manifest.get("arrays"), dict):
        raise BadInput(name, "its manifest is damaged")
    if (reason := seal_damage(manifest)) is not None:
        raise BadInput(name, f"its manifest {reason}")
    if reason := _manifest_misfit(folder, manifest):
        raise BadInput(name, f"its manifest {reason}")
    return manifest


def load_array(folder: Path, name: str) -> np.ndarray:
    """A recorded array, read-only; a large one is memory-mapped.

    Raises:
        BadInput: it was not recorded, or it is damaged.
    """
    manifest = read_manifest(folder)
    while True:
        if name not in manifest["arrays"]:
            raise BadInput(f"{_name(folder)}.{name}", "was not recorded", manifest["arrays"])
        entry = manifest["arrays"][name]
        reason = array_damage(folder, entry) or _misfit(folder, name, entry)
        if reason is None:
            try:
                return _read_array(folder / entry["file"])
            except (OSError, ValueError) as error:
                reason = f"cannot be read: {error}"
        # Damaged, or done again since the manifest was read; then the new one names other files.
        before, manifest = manifest, read_manifest(folder)
        if manifest == before:
            raise BadInput(f"{_name(folder)}.{name}", f"is damaged: {reason}")


def _read_array(path: Path) -> np.ndarray:
    if os.path.getsize(path) > _WHOLE_BYTES:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    array: np.ndarray = np.load(path, allow_pickle=False)
    array.flags.writeable = False
    return array


def damage(folder: Path, *, again: bool = False, rows: int | None = None) -> list[str]:
    """What is wrong with a round or a reference, in words; empty if nothing is.

    Args:
        folder: of the round or the reference.
        again: read every byte again, also of files that this process has read before.
        rows: how many samples its arrays must have; not checked where None.
    """
    before = None
    while True:
        try:
            manifest = read_manifest(folder, again=again)
        except BadInput as error:
            return [error.reason]
        found = [
            f"{name}: {reason}"
            for name, entry in manifest["arrays"].items()
            if (reason := array_damage(folder, entry, again=again) or _misfit(folder, name, entry)) is not None
        ] or _other_rows(manifest, rows)
        # Looked at again as long as the round is being done again meanwhile.
        if not found or manifest == before:
            return found
        before = manifest


def array_damage(folder: Path, entry: Any, *, again: bool = False) -> str | None:
    """Why the file of a manifest's entry cannot be trusted; None if it can. See `damage` for `again`."""
    if not isinstance(entry, dict) or not _FILE.fullmatch(str(entry.get("file"))):
        return "the manifest names no file"
    path = folder / entry["file"]
    try:
        dtype, shape, sha256 = _facts(path, again=again)
    except FileNotFoundError:
        return f"{path.name} is missing"
    except Exception as error:  # a header is a Python literal; reading one that is none fails in many ways
        return f"{path.name} cannot be read: {error}"
    if dtype != entry.get("dtype") or list(shape) != entry.get("shape"):
        return f"{path.name} holds {dtype} {list(shape)}, not {entry.get('dtype')} {entry.get('shape')}"
    if sha256 != entry.get("sha256"):
        return f"{path.name} has changed since it was written (sha256)"
    return None


def weights_damage(folder: Path, manifest: dict[str, Any], *, again: bool = False) -> str | None:
    """Why the weights that a round's manifest names cannot be trusted; None if they can. See `damage` for `again`."""
    entry = manifest.get("weights")
    if not isinstance(entry, dict) or not _WEIGHTS.fullmatch(str(entry.get("file"))):
        return "the manifest names no file"
    try:
        sha256 = _sum(folder / entry["file"], again=again)
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be read: {error}"
    return None if sha256 == entry.get("sha256") else "has changed since it was written (sha256)"


def _manifest_misfit(folder: Path, manifest: dict[str, Any]) -> str | None:
    """What is wrong with a manifest that could be read, as the end of a sentence; None if nothing is."""
    of_round = folder.parent.name in _OF_ROUNDS
    if of_round and (lacking := [name for name in _NEEDED if not isinstance(manifest.get(name), dict)]):
        return f"lacks {', '.join(lacking)}"
    if folder.parent.name == "rounds" and str(manifest.get("round")) != folder.name:
        return f"belongs to round {manifest.get('round')}"
    if of_round and "boundary" in manifest["arrays"] and not isinstance(manifest.get("boundary"), dict):
        return "lacks boundary"
    reason = misfit(manifest, ROUND if of_round else AUDIT if folder.name == layout.AUDIT else {})
    return reason and f"is damaged: {reason}"


def _misfit(folder: Path, name: str, entry: dict[str, Any]) -> str | None:
    return array_misfit(name, entry["dtype"], tuple(entry["shape"]), of_round=folder.parent.name in _OF_ROUNDS)


def _other_rows(manifest: dict[str, Any], rows: int | None) -> list[str]:
    if rows is None:
        return []
    return [
        f"{name}: has {entry['shape'][:1]} rows, the probe has {rows} samples"
        for name, entry in manifest["arrays"].items()
        if name not in BY_CLASS and entry["shape"][:1] != [rows]
    ]


@cached_by_file(maxsize=50_000)
def _facts(path: Path) -> tuple[str, tuple[int, ...], str]:
    """Data type, shape and SHA-256 of an array file."""
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    return str(array.dtype), array.shape, sha256_of(path)


_sum = cached_by_file(maxsize=10_000)(sha256_of)


def _name(folder: Path) -> str:
    return f"{folder.parent.name}.{folder.name}"
