"""Manifests are read once, and again as soon as anything about them has changed."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import psutil
import pytest

from cu_core.base.errors import BadInput
from cu_core.base.files import read_json, write_json
from cu_core.base.home import Home
from cu_core.runstore import layout, snapshot
from cu_core.runstore.reader import open_run
from cu_core.runstore.snapshot import load_array, read_manifest
from tests.madeup import MadeUp, write_run

OLD = 1_700_000_000


@pytest.fixture
def folder(home: Home) -> Path:
    """A round that was recorded a while ago."""
    run_dir = write_run(home, "a-run", MadeUp(rounds=2, references=(), audited=0))
    return run_dir / "rounds" / "1"


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The JSON files that were read, with the time of their last change long ago."""
    paths: list[Path] = []

    def noted(path: Path) -> object:
        paths.append(path)
        return read_json(path)

    monkeypatch.setattr(snapshot, "read_json", noted)
    # The time at which a file's entry changed cannot be set; it counts from when it settles.
    monkeypatch.setattr(snapshot._manifest, "settled_ns", 0)
    return paths


def test_a_manifest_is_read_once(folder: Path, readings: list[Path]) -> None:
    first = read_manifest(folder)
    assert [read_manifest(folder) for _ in range(3)] == [first] * 3
    assert len(readings) == 1
    assert read_manifest(folder, again=True) == first and len(readings) == 2


def test_a_page_reads_each_manifest_once(home: Home, folder: Path, readings: list[Path]) -> None:
    for _ in range(3):
        view = open_run(home, "a-run")
        for number in view.rounds():
            view.array(number, "loss"), view.array(number, "margin")
    assert sorted(readings) == sorted(folder.parent.glob(f"*/{layout.MANIFEST}"))


def test_what_a_caller_changes_stays_with_the_caller(folder: Path) -> None:
    read_manifest(folder)["round"] = "changed"
    assert read_manifest(folder)["round"] == 1


def test_a_replaced_manifest_is_read_again(folder: Path, readings: list[Path]) -> None:
    manifest = read_manifest(folder)
    write_json(folder / layout.MANIFEST, manifest | {"served": {"forget": 7}})
    assert read_manifest(folder)["served"] == {"forget": 7}


def test_a_manifest_that_was_hit_is_noticed_even_with_its_old_time(folder: Path, readings: list[Path]) -> None:
    path = folder / layout.MANIFEST
    os.utime(path, (OLD, OLD))
    read_manifest(folder)
    content = path.read_bytes()
    path.write_bytes(content.replace(b'"arrays"', b'"arrayz"'))
    os.utime(path, (OLD, OLD))
    with pytest.raises(BadInput, match="manifest"):
        read_manifest(folder)


def test_a_young_manifest_is_not_remembered(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths: list[Path] = []
    monkeypatch.setattr(snapshot._manifest, "settled_ns", 10**18)
    monkeypatch.setattr(snapshot, "read_json", lambda path: paths.append(path) or read_json(path))
    read_manifest(folder), read_manifest(folder)
    assert len(paths) == 2


def open_files() -> int:
    """Files that this process has open below the folder of some run."""
    return len([file for file in psutil.Process().open_files() if file.path.endswith(".npy")])


def test_arrays_of_all_rounds_keep_no_file_open(home: Home, folder: Path) -> None:
    view = open_run(home, "a-run")
    before = open_files()
    held = [view.array(number, name) for number in view.rounds() for name in view.manifest(number)["arrays"]]
    assert len(held) > 30 and open_files() == before
    assert not any(array.flags.writeable for array in held)


def test_a_large_array_is_mapped(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = load_array(folder, "embedding")
    monkeypatch.setattr(snapshot, "_WHOLE_BYTES", 0)
    mapped = load_array(folder, "embedding")
    assert isinstance(mapped, np.memmap) and not isinstance(whole, np.memmap)
    assert (mapped == whole).all() and not mapped.flags.writeable
