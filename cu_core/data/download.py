"""Fetching one published file, with progress and a checksum."""

from __future__ import annotations

import errno
import hashlib
import http.client
import urllib.request
from pathlib import Path

from cu_core.base.errors import DatasetError
from cu_core.data.source import Progress

_BLOCK = 2**20
_TIMEOUT_SECONDS = 30


def fetch(url: str, path: Path, md5: str, progress: Progress) -> None:
    """Downloads a file unless it is there already.

    Args:
        url: where it is published.
        path: where to put it; its folder is created.
        md5: the published checksum; guards against damage, not against malice.
        progress: called with (bytes done, bytes in all or 0 if unknown, message).

    Raises:
        DatasetError: no connection, not found, or damaged on the way.
    """
    if path.is_file() and _md5(path) == md5:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    advice = f"; put {path.name} into {path.parent} by hand, or use a copy of the images of your own with folder:PATH"
    try:
        _stream(url, partial, progress)
        if _md5(partial) != md5:
            raise DatasetError("dataset", f"{url} arrived damaged (wrong checksum){advice}")
        partial.replace(path)
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise DatasetError("dataset", f"{url} cannot be downloaded ({error}){advice}") from error
    finally:
        partial.unlink(missing_ok=True)


def _stream(url: str, path: Path, progress: Progress) -> None:
    # The addresses stand in this program.
    request = urllib.request.Request(url, headers={"User-Agent": "unlearnscope"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as response, path.open("wb") as file:  # noqa: S310
        total, done = int(response.headers.get("Content-Length") or 0), 0
        while block := response.read(_BLOCK):
            file.write(block)
            done += len(block)
            progress(done, total, f"downloading {path.name.removesuffix('.partial')}")


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
