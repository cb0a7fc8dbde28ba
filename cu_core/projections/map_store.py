"""Projections on disk: coordinates of all rounds, and a manifest of what they were computed from."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cu_core.base.errors import BadInput
from cu_core.base.files import read_json, write_atomically, write_json
from cu_core.base.home import Home
from cu_core.projections.map_request import MapRequest, read_request
from cu_core.runstore import layout
from cu_core.runstore.shapes import FLAG, NUMBER, TEXT, misfit

MANIFEST = "manifest.json"
_MANIFEST = {
    "moments": [{"kind": TEXT, "run": TEXT, "number": NUMBER, "sha256": TEXT, "residual": NUMBER, "fitted": FLAG}],
    "placeable": FLAG,
    "whole": FLAG,
    "axes": [TEXT],
    "fitted_file": TEXT,
    "file": TEXT,
    "seconds": NUMBER,
}
ARRAYS = ("coordinates", "stray", "kept", "moved")


@dataclass(frozen=True)
class Picture:
    """A stored picture of n samples at t moments.

    Attributes:
        manifest: ``moments`` (dicts with ``kind`` round, other or reference, ``run``, ``number``, ``sha256`` of the
            embeddings, ``residual`` where it was turned onto round 0, ``fitted`` where the picture rests on it),
            ``fidelity`` of the run's rounds in order (see `measure`), ``beside_fidelity`` of the
            second run's or None, ``reference_fidelity``, ``fitted_file``, ``removed`` (share of common
            motion taken out, per round), ``axes``, ``explained``, ``warning``, ``settings``, ``placeable`` (rounds
            that come later can be placed), ``whole`` (nothing is left to be worked out), ``seconds``.
        coordinates: (t, n, k) float32.
        stray: (t, n) bool.
        kept: (t, n) float16 share of the true neighbours among the plotted ones; NaN where it was not measured.
        moved: (t, n) float32 distance from the first round of the same run, in the full space as it was projected.
    """

    manifest: Mapping[str, Any]
    coordinates: np.ndarray
    stray: np.ndarray
    kept: np.ndarray
    moved: np.ndarray

    @property
    def stamp(self) -> str:
        """Changes with the picture."""
        return str(self.manifest["file"])


def write_picture(folder: Path, manifest: Mapping[str, Any], arrays: Mapping[str, np.ndarray], name: str) -> None:
    """Puts a picture in place; readers see the old one or the new one.

    Args:
        folder: of the request.
        manifest: see `Picture`.
        arrays: those of `ARRAYS`.
        name: of the file; another one than that of the picture before.
    """
    folder.mkdir(parents=True, exist_ok=True)
    contents: dict[str, Any] = dict(arrays)
    write_atomically(folder / name, lambda file: np.savez(file, **contents))
    write_json(folder / MANIFEST, {**manifest, "file": name})
    for old in folder.glob("*.npz"):
        if old.name not in (name, manifest.get("fitted_file")):
            old.unlink(missing_ok=True)


def read_picture(home: Home, request: MapRequest) -> Picture | None:
    """The picture as it is now; None where there is none, or a damaged one."""
    folder = request.folder(home)
    for _ in range(2):
        manifest = read_picture_manifest(folder)
        if manifest is None:
            return None
        try:
            with np.load(folder / manifest["file"], allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in ARRAYS}
        except FileNotFoundError:
            continue  # replaced since the manifest was read
        except Exception:  # damaged bytes make the reader of packed arrays fail in many ways
            return None
        return Picture(manifest, **arrays) if _fits(manifest, arrays) else None
    return None


def _fits(manifest: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bool:
    """Whether the arrays are numbers of as many moments as the manifest tells, all of the same samples."""
    shape = arrays["coordinates"].shape
    return (
        len(shape) == 3
        and shape[0] == len(manifest["moments"])
        and shape[2] in (2, 3)
        and all(arrays[name].shape == shape[:2] for name in ARRAYS if name != "coordinates")
        and all(array.dtype.kind in "bf" for array in arrays.values())
    )


def read_picture_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest alone; None where there is none, or a damaged one."""
    try:
        manifest = read_json(folder / MANIFEST)
    except (OSError, ValueError):
        return None
    complete = (
        isinstance(manifest, dict)
        and {"moments", "placeable", "whole", "fidelity", "axes", "file"} <= set(manifest)
        and isinstance(manifest["moments"], list)
        and misfit(manifest, _MANIFEST) is None
    )
    if not complete:
        return None
    # Both are names of files of this folder.
    named = [name for name in (manifest["file"], manifest.get("fitted_file")) if name]
    return manifest if all(Path(name).name == name for name in named) and manifest["file"] else None


def drop_orphans(home: Home) -> None:
    """Removes pictures of runs that are neither listed nor in the bin: they hold embeddings of their samples."""
    known = {*layout.run_ids(home.runs), *layout.run_ids(home.bin)}
    for manifest in home.maps.glob(f"*/{MANIFEST}"):
        content = read_picture_manifest(manifest.parent) or {}
        try:
            request = read_request(content["request"])
        except (KeyError, TypeError, BadInput):
            continue
        if {request.run, request.beside} - {""} - known:
            shutil.rmtree(manifest.parent, ignore_errors=True)
