"""Uploaded files: what is kept, under which name, and what is refused."""

from __future__ import annotations

import dataclasses
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from cu_core.base.errors import BadInput, OutOfDisk
from cu_core.base.home import Home
from cu_core.data.index_file import read_indices
from cu_core.sharing.uploads import IMAGES, INDICES, WEIGHTS, file_of_indices, keep


def test_a_file_is_kept_whole_and_once(home: Home) -> None:
    content = b"index\n1\n2\n"
    first = keep(io.BytesIO(content), "My picks (final).CSV", INDICES, home)
    second = keep(io.BytesIO(content), "My picks (final).CSV", INDICES, home)
    other = keep(io.BytesIO(content + b"3\n"), "My picks (final).CSV", INDICES, home)
    assert first == second != other
    assert first.parent == home.uploads and first.read_bytes() == content
    assert first.name.endswith("-my-picks-final.csv")
    assert sorted(path.name for path in home.uploads.iterdir()) == sorted({first.name, other.name})


@pytest.mark.parametrize(
    "name",
    ["../../etc/cron.csv", "..\\..\\x.csv", "/abs/x.csv", "a/b/c.csv", ".csv.csv", "ü\0.csv", "x" * 300 + ".csv"],
)
def test_no_name_escapes_the_folder(home: Home, name: str) -> None:
    stored = keep(io.BytesIO(b"1\n"), name, INDICES, home)
    assert stored.resolve().parent == home.uploads.resolve()
    assert set(stored.name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.") and len(stored.name) < 80


@pytest.mark.parametrize(
    ("kind", "name", "content", "words"),
    [
        (INDICES, "picks.pkl", b"1", ".csv"),
        (WEIGHTS, "model.pkl", b"1", ".safetensors"),
        (IMAGES, "images.tar", b"1", ".zip"),
        (IMAGES, "images.zip", b"not a zip", "not a zip"),
        (INDICES, "picks.csv", b"", "empty"),
        (INDICES, "noending", b"1", ".csv"),
    ],
)
def test_a_wrong_file_is_refused_at_its_field(home: Home, kind, name: str, content: bytes, words: str) -> None:
    with pytest.raises(BadInput, match=words) as caught:
        keep(io.BytesIO(content), name, kind, home)
    assert caught.value.field == kind.field
    assert list(home.uploads.iterdir()) == []


def test_the_size_is_checked_on_the_server(home: Home) -> None:
    small = dataclasses.replace(INDICES, limit=10)
    keep(io.BytesIO(b"0123456789"), "a.csv", small, home)
    with pytest.raises(BadInput, match="at most 10 bytes"):
        keep(io.BytesIO(b"0123456789x"), "a.csv", small, home)


def test_a_full_disk_is_said(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CU_DISK_FLOOR_MB", "1e12")
    with pytest.raises(OutOfDisk):
        keep(io.BytesIO(b"1"), "a.csv", INDICES, home)


def test_a_zip_is_kept(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("train/a/1.png", b"x")
    with path.open("rb") as file:
        assert zipfile.is_zipfile(keep(file, "x.zip", IMAGES, home))


def test_indices_are_kept_as_a_file_that_reads_back(home: Home) -> None:
    stored = keep(*file_of_indices(np.array([3, 17, 400]), "selection of run-1"), INDICES, home)
    assert stored.parent == home.uploads and stored.name.endswith("-selection-of-run-1.csv")
    assert read_indices(str(stored), Path(), 500, "forget.select").tolist() == [3, 17, 400]
    assert keep(*file_of_indices(np.array([3, 17, 400]), "selection of run-1"), INDICES, home) == stored
