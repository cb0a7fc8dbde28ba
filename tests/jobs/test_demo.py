"""Demo runs: packed small, installed safely; and what a very first start does."""

from __future__ import annotations

import stat
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest

from cu_core.base.errors import BadInput
from cu_core.base.home import Home
from cu_core.catalogue.presets import DEFAULT_PRESET
from cu_core.jobs import demo, submission
from cu_core.runstore.reader import list_runs, open_run
from tests.madeup import MadeUp, write_run


@pytest.fixture
def packed(home: Home, tmp_path: Path) -> Path:
    """A folder with one packed demo, whose run is no longer in the home."""
    run_dir = write_run(home, "a-demo", MadeUp(rounds=4))
    (run_dir / "weights.pt").write_bytes(b"w" * 1000)
    (run_dir / "checkpoint.pt").write_bytes(b"c" * 1000)
    folder = tmp_path / "demos"
    demo.pack(run_dir, folder / "a-demo.zip")
    return folder


def another(tmp_path: Path) -> Home:
    return Home(tmp_path / "other").create()


def test_a_packed_run_is_the_same_run_elsewhere(home: Home, packed: Path, tmp_path: Path) -> None:
    before = open_run(home, "a-demo")
    other = another(tmp_path)
    assert demo.install(other, packed) == ["a-demo"]
    after = open_run(other, "a-demo")
    assert after.state == "succeeded"
    assert after.row().demo and not before.row().demo
    assert after.spec == before.spec and after.result() == before.result()
    assert after.rounds() == before.rounds() and after.references() == before.references()
    for number in before.rounds():
        for name in before.manifest(number)["arrays"]:
            np.testing.assert_array_equal(after.array(number, name), before.array(number, name))
    assert after.probe().equals(before.probe())
    names = {path.name for path in after.run_dir.rglob("*") if path.is_file()}
    assert not names & {"weights.pt", "checkpoint.pt", "worker.log", "pid.json", "launch.json"}


def test_packing_does_not_touch_the_run_and_repeats_itself(home: Home, packed: Path) -> None:
    run_dir = home.runs / "a-demo"
    assert (run_dir / "weights.pt").exists() and not open_run(home, "a-demo").row().demo
    first = (packed / "a-demo.zip").read_bytes()
    demo.pack(run_dir, packed / "a-demo.zip")
    assert (packed / "a-demo.zip").read_bytes() == first


def test_too_large_a_run_is_thinned_between_its_ends(home: Home, packed: Path, tmp_path: Path) -> None:
    run_dir, target = home.runs / "a-demo", tmp_path / "thin" / "a-demo.zip"
    full = (packed / "a-demo.zip").stat().st_size
    size = demo.pack(run_dir, target, limit=full - 1)
    assert size == target.stat().st_size < full
    other = another(tmp_path)
    demo.install(other, target.parent)
    view = open_run(other, "a-demo")
    assert view.rounds() == [0, 1, 2, 3, 4], "thinned rounds stay sound"
    present = ["embedding" in view.manifest(k)["arrays"] for k in view.rounds()]
    assert present == [True, False, False, False, True]
    assert all("coordinates" in view.manifest(k)["arrays"] for k in view.rounds())


def test_a_run_that_cannot_be_made_small_enough_is_refused(home: Home, packed: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="smaller probe"):
        demo.pack(home.runs / "a-demo", tmp_path / "tiny.zip", limit=1000)
    assert not (tmp_path / "tiny.zip").exists()


def test_only_finished_runs_become_demos(home: Home, tmp_path: Path) -> None:
    run_dir = write_run(home, "failed", MadeUp(state="failed"))
    with pytest.raises(BadInput, match="no result"):
        demo.pack(run_dir, tmp_path / "failed.zip")


def test_installing_again_changes_nothing_and_leaves_deleted_demos_deleted(packed: Path, tmp_path: Path) -> None:
    other = another(tmp_path)
    demo.install(other, packed)
    stamp = (other.runs / "a-demo").stat().st_mtime_ns
    assert demo.install(other, packed) == []
    assert (other.runs / "a-demo").stat().st_mtime_ns == stamp
    submission.delete(other, "a-demo")
    assert demo.install(other, packed) == []
    assert list_runs(other) == []


def test_a_missing_folder_holds_no_demos(home: Home, tmp_path: Path) -> None:
    assert demo.install(home, tmp_path / "nothing") == []


def entry(name: str, mode: int = 0o644) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


@pytest.mark.parametrize(
    "bad",
    [
        entry("../outside.json"),
        entry("/etc/outside.json"),
        entry("rounds/../../outside.json"),
        entry("rounds\\..\\outside.json"),
        entry("C:outside.json"),
        entry("link.json", stat.S_IFLNK | 0o777),
        entry("weights.pt"),
        entry("run.sh"),
    ],
    ids=lambda info: info.filename,
)
def test_an_unsafe_zip_installs_nothing(home: Home, tmp_path: Path, bad: zipfile.ZipInfo) -> None:
    folder = tmp_path / "demos"
    folder.mkdir()
    with zipfile.ZipFile(folder / "bad.zip", "w") as archive:
        archive.writestr("run.json", '{"run_id": "bad"}')
        archive.writestr(bad, b"{}")
    before = sorted(tmp_path.rglob("*outside*"))
    with pytest.raises(BadInput, match="no demo may contain"):
        demo.install(home, folder)
    assert sorted(tmp_path.rglob("*outside*")) == before
    assert list_runs(home) == []


def test_a_zip_that_unpacks_to_too_much_is_refused(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "demos"
    folder.mkdir()
    with zipfile.ZipFile(folder / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("run.json", '{"run_id": "bomb"}')
        archive.writestr("probe.parquet", b"\0" * (demo.UNPACKED_BYTES + 1))
    assert (folder / "bomb.zip").stat().st_size < 1_000_000
    with pytest.raises(BadInput, match="more files or bytes"):
        demo.install(home, folder)


@pytest.mark.parametrize("content", ["{}", '{"run_id": "../x"}', '{"run_id": 3}', "[]", "no json"])
def test_a_zip_without_a_run_is_refused(home: Home, tmp_path: Path, content: str) -> None:
    folder = tmp_path / "demos"
    folder.mkdir()
    with zipfile.ZipFile(folder / "none.zip", "w") as archive:
        archive.writestr("run.json", content)
    with pytest.raises(BadInput, match="holds no run"):
        demo.install(home, folder)


def test_a_damaged_zip_is_refused(home: Home, packed: Path) -> None:
    path = packed / "a-demo.zip"
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(BadInput, match="damaged"):
        demo.install(home, packed)


def test_the_first_start_shows_demos_and_queues_the_default_preset_once(packed: Path, tmp_path: Path) -> None:
    other = another(tmp_path)
    queued = demo.welcome(other, packed)
    states = {row.run_id: row.state for row in list_runs(other)}
    assert states == {"a-demo": "succeeded", queued: "queued"}
    assert open_run(other, queued).spec == DEFAULT_PRESET.spec
    assert demo.first_run(other) == queued
    submission.delete(other, queued)
    submission.delete(other, "a-demo")
    assert demo.welcome(other, packed) is None
    assert list_runs(other) == [], "what the user removed does not come back"


def test_a_home_with_runs_gets_nothing(home: Home, packed: Path) -> None:
    assert demo.welcome(home, packed) is None
    assert [row.run_id for row in list_runs(home)] == ["a-demo"]
    assert demo.first_run(home) is None


def test_two_servers_at_once_queue_one_run(packed: Path, tmp_path: Path) -> None:
    other = another(tmp_path)
    answers: list[str | None] = []
    threads = [threading.Thread(target=lambda: answers.append(demo.welcome(other, packed))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([answer for answer in answers if answer]) == 1
    assert len(list_runs(other)) == 2


def test_a_first_start_that_broke_off_is_made_up_for(packed: Path, tmp_path: Path, monkeypatch) -> None:
    other = another(tmp_path)
    with monkeypatch.context() as broken:
        broken.setattr(demo, "write_json", lambda *_: (_ for _ in ()).throw(OSError("no space")))
        with pytest.raises(OSError, match="no space"):
            demo.welcome(other, tmp_path / "nothing")
    assert len(list_runs(other)) == 1
    demo.welcome(other, tmp_path / "nothing")
    assert len(list_runs(other)) == 1
