"""A tar, packed or not, as a tree of files.

A packed tar can only be read from its start, and samples are wanted in another order. So it is unpacked once, as one
file without a name that vanishes with the process.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, cast

from typing_extensions import override

from cu_core.base.errors import DatasetError, OutOfDisk
from cu_core.data.trees import limits
from cu_core.data.trees.limits import FIELD, check_size, check_total, inner_path, link_target
from cu_core.data.trees.listed_tree import ListedTree

PACKED: dict[bytes, Callable[..., Any]] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\0": lzma.open}
"""How packed files begin, and what unpacks them."""
# Share of the disk's free space that an unpacked tar may take.
_DISK_SHARE = 0.8
_DAMAGED = (tarfile.TarError, OSError, EOFError, zlib.error, lzma.LZMAError, ValueError)


class TarTree(ListedTree[tuple[int, int]]):
    """A tar file; see `Tree`. Its members are known by place and size.

    Args:
        path: an existing file.
        scratch: where a packed one may be unpacked to; the system's folder for temporary files by default.
    """

    def __init__(self, path: Path, scratch: Path | None = None) -> None:
        super().__init__(path)
        self.kind = "tar"
        self._file = _plain(path, scratch)
        plain: list[tuple[str, tuple[int, int] | None]] = []
        links: dict[str, str] = {}
        total = 0
        try:
            with tarfile.open(fileobj=self._file, mode="r:") as archive:
                for member in archive:
                    name = inner_path(member.name, "tar")
                    if member.issym() or member.islnk():
                        target = link_target(name, member.linkname, "tar", beside=member.issym())
                        # A file that was packed twice is, the second time, a link to itself.
                        if target == name and member.islnk():
                            continue
                        if name in links:
                            raise limits.twice(name, "tar")
                        links[name] = target
                    elif member.isdir():
                        plain.append((name, None))
                    elif member.isreg() and not member.issparse():
                        check_size(name, member.size)
                        total += member.size
                        plain.append((name, (member.offset_data, member.size)))
                    check_total(path.name, len(plain) + len(links), total)
                    cast(Any, archive).members.clear()  # it would keep a thousand bytes of each
        except _DAMAGED as error:
            raise DatasetError(FIELD, f"{path} is no whole tar file ({error})") from None
        self.fill(plain, links)

    @override
    def open(self, name: str) -> IO[bytes]:
        return cast(IO[bytes], _Slice(self._file, *self.about(name), name))

    @override
    def size(self, name: str) -> int:
        return self.about(name)[1]


class _Slice(io.RawIOBase):
    """A member of an unpacked tar."""

    def __init__(self, file: IO[bytes], start: int, size: int, name: str) -> None:
        self._file = file
        self._at = start
        self._end = start + size
        self._name = name

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        wanted = min(len(buffer), self._end - self._at)
        self._file.seek(self._at)
        part = self._file.read(wanted)
        if len(part) < wanted:
            raise DatasetError(FIELD, f"{self._name} is damaged inside the tar (it is cut off)")
        buffer[:wanted] = part
        self._at += wanted
        return wanted

    @override
    def readall(self) -> bytes:
        return self.read(self._end - self._at) or b""


def _plain(path: Path, scratch: Path | None) -> IO[bytes]:
    """The tar without packing, open for reading."""
    with path.open("rb") as file:
        head = file.read(8)
    opener = next((opener for magic, opener in PACKED.items() if head.startswith(magic)), None)
    if opener is None:
        return path.open("rb")
    if scratch is not None:
        scratch.mkdir(parents=True, exist_ok=True)
    plain = cast(IO[bytes], tempfile.TemporaryFile(dir=scratch))  # noqa: SIM115 - lives as long as the tree
    most = shutil.disk_usage(scratch or tempfile.gettempdir()).free * _DISK_SHARE
    done = 0
    try:
        with opener(path) as packed:
            while part := packed.read(limits.STEP * 16):
                done += len(part)
                check_total(path.name, 0, done)
                if done > most:
                    raise OutOfDisk(f"{path.name} would unpack to more than {most / 2**20:,.0f} MB, which are free")
                plain.write(part)
    except _DAMAGED as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise DatasetError(FIELD, f"{path} is damaged, or no tar file ({error})") from None
    plain.seek(0)
    return plain
