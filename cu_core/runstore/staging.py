"""Making a file or a folder aside, to be put in place by a rename once it is whole."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from cu_core.base.errors import DISK_FULL, OutOfDisk


def stage(folder: Path, name: str, write: Callable[[IO[bytes]], object]) -> Path:
    """Writes a new file into a folder, flushed to the disk; nothing stays behind if that fails.

    Args:
        folder: must exist; it may have been removed on purpose.
        name: how the file's name begins.
        write: receives the open binary file.

    Returns:
        The path of the file.

    Raises:
        FileNotFoundError: the folder is gone.
        OutOfDisk: the disk is full.
    """
    with naming_full_disk():
        handle, path = tempfile.mkstemp(dir=folder, prefix=f"{name}.")
    raw = _WatchedFile(handle, "wb")
    try:
        with naming_full_disk(raw), io.BufferedWriter(raw) as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        with contextlib.suppress(OSError):
            raw.close()
        Path(path).unlink(missing_ok=True)
        raise
    return Path(path)


@contextlib.contextmanager
def appearing(target: Path, prefix: str) -> Iterator[Path]:
    """Lets a folder appear with all that the block puts into it, or not at all.

    Args:
        target: where it appears, beside which it is made.
        prefix: how its name begins until then; with a dot, so that nobody takes it for finished.
    """
    prepared = Path(tempfile.mkdtemp(dir=target.parent, prefix=prefix))
    try:
        prepared.chmod(0o755)
        yield prepared
        os.rename(prepared, target)
    except BaseException:
        shutil.rmtree(prepared, ignore_errors=True)
        raise


class _WatchedFile(io.FileIO):
    """Remembers that the disk was full: libraries hide a failed write behind errors of their own."""

    full: OSError | None = None

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError as error:
            if error.errno in DISK_FULL:
                self.full = error
            raise


@contextlib.contextmanager
def naming_full_disk(file: _WatchedFile | None = None) -> Iterator[None]:
    """Turns a full disk into `OutOfDisk`."""
    try:
        yield
    except Exception as error:
        cause = file.full if file is not None and file.full is not None else error
        if isinstance(cause, OSError) and cause.errno in DISK_FULL:
            raise OutOfDisk(f"the disk is full: {cause.strerror}") from error
        raise
