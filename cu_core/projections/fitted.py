"""Storage of fitted projections, for transforming later rounds."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from cu_core.base.files import write_atomically
from cu_core.projections.linear_axes import Basis
from cu_core.projections.nearest_samples import Rows
from cu_core.projections.reference_map import ReferenceMap


def write_fitted(path: Path, fitted: ReferenceMap | Basis) -> None:
    """Stores what places rounds, whole or not at all."""
    arrays: dict[str, Any]
    if isinstance(fitted, Basis):
        arrays = {"mean": fitted.mean, "axes": fitted.axes, "explained": fitted.explained}
    else:
        arrays = {
            "embedding": fitted.rows.embedding,
            "owner": fitted.rows.owner,
            "places": fitted.coordinates,
            "reach": np.array(fitted.reach),
        }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, lambda file: np.savez(file, **arrays))


def read_fitted(path: Path) -> ReferenceMap | Basis | None:
    """What was stored; None where there is none, or a damaged one."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            if "axes" in stored:
                return Basis(stored["mean"], stored["axes"], stored["explained"])
            rows = Rows(stored["embedding"], stored["owner"])
            return ReferenceMap(rows, stored["places"], float(stored["reach"]))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None
