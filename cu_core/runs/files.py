"""Writing files so that a reader never sees half of one."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

import numpy as np


def write_atomically(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Writes through a temporary file in the same folder, fsync and rename.

    Args:
        path: the file to create or replace; its folder is created.
        write: receives the open binary file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def write_json(path: Path, content: Any) -> None:
    """Writes JSON atomically."""
    text = json.dumps(content, indent=1, allow_nan=False)
    write_atomically(path, lambda file: file.write(text.encode()))


def read_json(path: Path) -> Any:
    """Reads JSON.

    Raises:
        FileNotFoundError: no such file.
        json.JSONDecodeError: the file is damaged.
    """
    return json.loads(path.read_text())


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


def write_npy(file: IO[bytes], array: np.ndarray) -> None:
    """Writes one array in NumPy's format, without pickled objects."""
    # Given a real file, NumPy writes past Python, and a full disk becomes an error without a reason.
    np.save(SimpleNamespace(write=file.write), array, allow_pickle=False)  # type: ignore[arg-type]


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def tail(path: Path, size: int) -> str:
    """The last bytes of a text file, from a line's start; empty if there is no such file."""
    try:
        with path.open("rb") as file:
            end = file.seek(0, 2)
            file.seek(max(0, end - size))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    return text.partition("\n")[2] if end > size else text


def plain(value: Any) -> Any:
    """A JSON-ready copy: numpy numbers become Python's, numbers that are not finite become None."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value
