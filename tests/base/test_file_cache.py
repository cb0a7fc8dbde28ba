"""Results kept until their file changes: which changes are seen, and how often a file is read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cu_core.base.file_cache import CachedByFile, cached_by_file


class Reader:
    """Reads texts, and remembers how often."""

    def __init__(self) -> None:
        self.reads = 0

    def __call__(self, path: Path) -> str:
        self.reads += 1
        return path.read_text()


@pytest.fixture
def reader() -> Reader:
    return Reader()


@pytest.fixture
def cached(reader: Reader) -> CachedByFile[str]:
    return cached_by_file(maxsize=8)(reader)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "file").write_text("one")
    return tmp_path / "file"


def test_a_burst_of_calls_reads_once(path: Path, reader: Reader, cached: CachedByFile[str]) -> None:
    assert {cached(path) for _ in range(100)} | {cached(str(path))} == {"one"}
    assert reader.reads == 1
    assert cached(path, again=True) == "one" and reader.reads == 2


def test_a_changed_file_is_read_again(path: Path, reader: Reader, cached: CachedByFile[str]) -> None:
    cached(path)
    path.write_text("longer")
    assert cached(path) == "longer" and reader.reads == 2


def test_a_replaced_file_of_the_same_size_and_time_is_read_again(
    path: Path, reader: Reader, cached: CachedByFile[str]
) -> None:
    cached(path)
    before = os.stat(path)
    other = path.with_name("other")
    other.write_text("two")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    os.replace(other, path)
    after = os.stat(path)
    assert (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
    assert cached(path) == "two" and reader.reads == 2


def test_a_file_that_is_gone_is_an_error_or_what_was_asked_for(
    path: Path, reader: Reader, cached: CachedByFile[str]
) -> None:
    cached(path)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        cached(path)
    assert cached_by_file(maxsize=8, absent=None)(reader)(path) is None
    assert reader.reads == 1


def test_a_file_that_may_still_change_within_one_step_of_the_clock_is_read_each_time(
    path: Path, reader: Reader
) -> None:
    cached = cached_by_file(maxsize=8, settled_ns=10**12)(reader)
    assert cached(path) == cached(path) == "one" and reader.reads == 2


def test_errors_are_not_kept(path: Path) -> None:
    calls = []

    def read(path: Path) -> str:
        calls.append(path)
        if len(calls) == 1:
            raise ValueError
        return path.read_text()

    cached = cached_by_file(maxsize=8)(read)
    with pytest.raises(ValueError):
        cached(path)
    assert cached(path) == "one"
