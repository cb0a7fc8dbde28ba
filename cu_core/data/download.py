"""Fetching one published file, with progress and a checksum."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import http.client
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from cu_core.base.errors import DatasetError
from cu_core.base.files import sha256_of
from cu_core.data.source import Progress

_BLOCK = 2**20
_TIMEOUT_SECONDS = 30
_SHA256_LETTERS = 64


def fetch(url: str, path: Path, checksum: str, progress: Progress, *, mirrors: Sequence[str] = ()) -> None:
    """Downloads a file unless it is there already.

    Args:
        url: where it is published.
        path: where to put it; its folder is created.
        checksum: the published one, MD5 or SHA-256 by its length; MD5 guards against damage, not against malice.
        progress: called with (bytes done, bytes in all or 0 if unknown, message).
        mirrors: where else it is published, asked one after the other when it cannot be had from `url`.

    Raises:
        DatasetError: no connection, not found, or damaged on the way.
    """
    if path.is_file() and _sum(path, checksum) == checksum:
        return
    *others, last = (url, *mirrors)
    for address in others:
        with contextlib.suppress(DatasetError):
            _fetch(address, path, checksum, progress)
            return
    _fetch(last, path, checksum, progress)


def _fetch(url: str, path: Path, checksum: str, progress: Progress) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    advice = f"; put {path.name} into {path.parent} by hand, or use a copy of the images of your own with folder:PATH"
    try:
        _stream(url, partial, progress)
        if _sum(partial, checksum) != checksum:
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


def _sum(path: Path, like: str) -> str:
    """The file's checksum, of the kind of another one."""
    if len(like) == _SHA256_LETTERS:
        return sha256_of(path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
