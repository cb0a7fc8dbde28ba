"""Arrays of a made-up round as files, with the entries that its manifest has for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from cu_core.base.files import sha256_of, write_atomically, write_npy


def write_array(path: Path, array: np.ndarray) -> dict[str, Any]:
    """Writes one ``.npy`` atomically and returns its manifest entry (file, dtype, shape, sha256)."""
    contiguous = np.ascontiguousarray(array)
    write_atomically(path, lambda file: write_npy(file, contiguous))
    return {
        "file": path.name,
        "dtype": str(contiguous.dtype),
        "shape": list(contiguous.shape),
        "sha256": sha256_of(path),
    }
