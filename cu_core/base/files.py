"""Writing files so that a reader never sees half of one."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import math
import os
import re
import stat
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

import numpy as np

# The largest file of a run, a manifest with the quantiles of a thousand classes, stays far below.
MAX_JSON_BYTES = 64 * 2**20
MAX_DEPTH = 50


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
    """Reads JSON that may come from anywhere, in bounded memory.

    Raises:
        FileNotFoundError: no such file.
        json.JSONDecodeError: the file is damaged, larger than `MAX_JSON_BYTES` or no plain file.
    """
    return parse_json(read_plain(path))


def read_plain(path: Path) -> bytes:
    """The bytes of a JSON file.

    Raises:
        OSError: it cannot be read.
        json.JSONDecodeError: larger than `MAX_JSON_BYTES`, or a pipe or device, for which one would wait for ever.
    """
    found = os.stat(path)
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(found.st_mode):
        raise json.JSONDecodeError("no plain file", "", 0)
    if found.st_size > MAX_JSON_BYTES:
        raise json.JSONDecodeError(f"more than {MAX_JSON_BYTES // 2**20} MB", "", 0)
    return path.read_bytes()


def parse_json(content: bytes) -> Any:
    """Untrusted bytes as JSON whose texts can be shown and whose numbers are finite.

    Python reads more than JSON is: NaN, numbers beyond all floats, halves of characters. Each of them breaks a page
    later, far from its cause.

    Raises:
        json.JSONDecodeError: any of these, or no JSON at all.
    """
    try:
        text = content.decode()
        found = json.loads(text, parse_constant=_refuse)
        if text.count("[") + text.count("{") > MAX_DEPTH or _DOUBTFUL.search(text):
            _check(found, MAX_DEPTH)
        return found
    except json.JSONDecodeError:
        raise
    except (ValueError, OverflowError, RecursionError) as error:
        raise json.JSONDecodeError(str(error) or "nested too deeply", "", 0) from None


# Half a character, or a number that may be beyond all floats; most files hold neither and need no closer look.
_DOUBTFUL = re.compile(r"\\u[dD][89a-fA-F]|[0-9][eE]\+?[0-9]{2}|[0-9]{300}")


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number")


def _check(value: Any, depth: int) -> None:
    if depth < 0:
        raise ValueError(f"nested more than {MAX_DEPTH} deep")  # what is read could not be written
    if isinstance(value, str):
        value.encode()
    elif isinstance(value, int | float):
        if not math.isfinite(value):  # an overflow of its own for whole numbers
            raise ValueError("a number is too large")
    elif isinstance(value, dict):
        for key, item in value.items():
            key.encode()
            _check(item, depth - 1)
    elif isinstance(value, list):
        for item in value:
            _check(item, depth - 1)


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
