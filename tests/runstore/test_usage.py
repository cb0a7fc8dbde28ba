"""Disk use, counted beside other work."""

from __future__ import annotations

from pathlib import Path

import pytest

from cu_core.base.home import Home
from cu_core.jobs import submission
from cu_core.runstore import disk, usage
from cu_core.runstore.index import read_index, reindex
from cu_core.runstore.usage import DiskUse, count
from tests.madeup import MadeUp, finish, write_run


@pytest.fixture
def walked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the folders that were walked."""
    names: list[str] = []

    def noted(folder: Path) -> int:
        names.append(folder.name)
        return disk.folder_size(folder)

    monkeypatch.setattr(usage, "folder_size", noted)
    return names


def settled(home: Home) -> None:
    """Makes an index whose rows vouch for all finished runs; too young ones it does not trust."""
    while not all(entry.stamp for entry in read_index(home).values()) or not read_index(home):
        reindex(home)


def full_walk(home: Home) -> dict[str, int]:
    folders = (home.runs, home.bin, home.datasets, home.models, home.uploads)
    return {folder.name: disk.folder_size(folder) for folder in folders}


@pytest.fixture
def three_runs(home: Home) -> Home:
    for name in ("one", "two", "three"):
        write_run(home, name, MadeUp(rounds=1, references=(), audited=0))
    settled(home)
    return home


def test_the_numbers_are_those_of_a_full_walk(three_runs: Home) -> None:
    (three_runs.models / "model.pt").write_bytes(b"x" * 1500)
    submission.delete(three_runs, "two")
    sizes, _ = count(three_runs, {})
    assert sizes == full_walk(three_runs)
    assert sizes["bin"] > 0 and sizes["models"] == 1500


def test_finished_runs_are_walked_once(three_runs: Home, walked: list[str]) -> None:
    first, known = count(three_runs, {})
    assert set(walked) >= {"one", "two", "three"}
    walked.clear()
    assert count(three_runs, known)[0] == first
    assert not {"one", "two", "three"} & set(walked)


def test_a_run_that_changes_is_walked_again(three_runs: Home, walked: list[str]) -> None:
    before, known = count(three_runs, {})
    run_dir = three_runs.runs / "two"
    (run_dir / "weights.pt").write_bytes(b"x" * 1000)
    walked.clear()
    after, known = count(three_runs, known)
    assert after["runs"] == before["runs"] + 1000
    assert {"one", "two", "three"} & set(walked) == {"two"}


def test_runs_at_work_and_runs_without_index_are_always_walked(home: Home, walked: list[str]) -> None:
    run_dir = write_run(home, "at-work", MadeUp(rounds=1, references=(), audited=0, state="running"))
    reindex(home)
    _, known = count(home, {})
    walked.clear()
    count(home, known)
    assert "at-work" in walked
    finish(run_dir, "succeeded")
    settled(home)
    _, known = count(home, {})
    home.index.unlink()
    walked.clear()
    count(home, known)
    assert "at-work" in walked


def test_a_deleted_run_counts_in_the_bin(three_runs: Home, walked: list[str]) -> None:
    before, known = count(three_runs, {})
    submission.delete(three_runs, "one")
    middle, known = count(three_runs, known)
    assert middle == full_walk(three_runs) and middle["bin"] > 0 and middle["runs"] < before["runs"]
    walked.clear()
    assert count(three_runs, known)[0] == middle
    assert "one" not in walked
    submission.empty_bin(three_runs)
    assert count(three_runs, known)[0]["bin"] == 0


def test_who_asks_gets_the_last_numbers_at_once(three_runs: Home) -> None:
    use = DiskUse(three_runs)
    sizes = use.look(seconds=60.0)
    assert sizes == full_walk(three_runs)
    (three_runs.models / "model.pt").write_bytes(b"x")
    assert use.look() == sizes, "counted again after a while only"
