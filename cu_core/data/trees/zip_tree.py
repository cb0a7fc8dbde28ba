"""A zip as a tree of files. Members are decoded in memory, nothing is unpacked to disk."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from pathlib import Path
from typing import IO, cast

from typing_extensions import override

from cu_core.base.errors import DatasetError
from cu_core.data.trees import limits
from cu_core.data.trees.limits import FIELD, check_size, check_total, inner_path, link_target
from cu_core.data.trees.listed_tree import ListedTree

_UTF8 = 0x800
# A link's target; more is none.
_MOST_TARGET = 4096
_DAMAGED = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError)


class ZipTree(ListedTree[zipfile.ZipInfo]):
    """A zip file; see `Tree`.

    Args:
        path: an existing file that begins or ends as a zip does.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.kind = "zip"
        try:
            self._zip = zipfile.ZipFile(_Bounded(path))
        except zipfile.BadZipFile:
            raise DatasetError(FIELD, f"{path} is neither a folder nor a zip file, or not a whole one") from None
        except (OSError, ValueError, NotImplementedError, struct.error) as error:
            raise DatasetError(FIELD, f"{path} cannot be opened ({error})") from None
        members = self._zip.infolist()
        _check(members, path)
        links = {}
        plain = []
        for member in members:
            name = inner_path(_text(member), "zip")
            if stat.S_ISLNK(member.external_attr >> 16):
                if name in links:
                    raise limits.twice(name, "zip")
                links[name] = link_target(name, self._target(member, name), "zip", beside=True)
            else:
                plain.append((name, None if member.filename.endswith(("/", "\\")) else member))
        self.fill(plain, links)

    @override
    def open(self, name: str) -> IO[bytes]:
        about = self.about(name)
        # Others, which zip programs only use when told to, unpack a few bytes to any number of them in one step.
        if about.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise DatasetError(FIELD, f"{name} cannot be read: packed in an unusual way", ("stored", "deflate"))
        try:
            return cast(IO[bytes], _Steady(self._zip.open(about), name))
        except RuntimeError:
            raise DatasetError(FIELD, f"{name} cannot be read: encrypted, or packed in an unknown way") from None
        except _DAMAGED as error:
            raise _damaged(name, error) from None

    @override
    def size(self, name: str) -> int:
        return self.about(name).file_size

    def _target(self, member: zipfile.ZipInfo, name: str) -> str:
        if member.file_size > _MOST_TARGET:
            raise DatasetError(FIELD, f"the zip holds the link {name!r} to nothing that could be a path")
        try:
            return self._zip.read(member).decode()
        except (RuntimeError, NotImplementedError, *_DAMAGED) as error:
            raise _damaged(name, error) from None


class _Steady(io.RawIOBase):
    """A member that is unpacked step by step, and whose faults are said in words.

    The sizes in a zip may be lies, and its reader would unpack all of a member at once.
    """

    def __init__(self, member: IO[bytes], name: str) -> None:
        self._member = member
        self._name = name

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        try:
            part = self._member.read(min(len(buffer), limits.STEP))
        except RuntimeError:
            raise DatasetError(FIELD, f"{self._name} cannot be read: encrypted, or packed in an unknown way") from None
        except _DAMAGED as error:
            raise _damaged(self._name, error) from None
        buffer[: len(part)] = part
        return len(part)

    @override
    def readall(self) -> bytes:
        return b"".join(iter(lambda: self.read(limits.STEP) or b"", b""))

    @override
    def close(self) -> None:
        self._member.close()
        super().close()


class _Bounded(io.FileIO):
    """A file whose list of members, which a zip reader takes in one piece, may not fill the memory."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > limits.MAX_LIST_BYTES:
            raise ValueError(f"its list of members has more than {limits.MAX_LIST_BYTES // 2**20} MB")
        return super().read(-1 if size is None else size) or b""


def _damaged(name: str, error: Exception) -> DatasetError:
    return DatasetError(FIELD, f"{name} is damaged inside the zip ({error})")


def _text(member: zipfile.ZipInfo) -> str:
    """The member's path. macOS writes names in UTF-8 without saying so; they would be read as those of DOS."""
    if member.flag_bits & _UTF8 or member.filename.isascii():
        return member.filename
    try:
        return member.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return member.filename


def _check(members: list[zipfile.ZipInfo], path: Path) -> None:
    for member in members:
        check_size(member.filename, member.file_size)
    check_total(path.name, len(members), sum(member.file_size for member in members))
    # One packed stream that many members point to unpacks to any size although the file is small.
    end, last = 0, ""
    for member in sorted(members, key=lambda member: member.header_offset):
        if member.header_offset < end and member.compress_size:
            raise DatasetError(
                FIELD, f"{path.name}: {member.filename!r} and {last!r} share their bytes; it looks like a zip bomb"
            )
        end, last = max(end, member.header_offset + member.compress_size), member.filename
