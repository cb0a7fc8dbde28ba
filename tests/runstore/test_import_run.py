"""Exported runs come in whole, checked and under an id of their own; unsafe and damaged files do not."""

from __future__ import annotations

import json
import shutil
import stat
import zipfile
from pathlib import Path

import numpy as np
import pytest

from cu_core.analysis.compare.reading import group_ids, read_runs
from cu_core.base.errors import BadInput, NotAllowed
from cu_core.base.home import Home
from cu_core.catalogue.spec import RunSpec
from cu_core.jobs import submission
from cu_core.runstore import import_run as module
from cu_core.runstore import layout
from cu_core.runstore.checksums import sealed
from cu_core.runstore.export import export_run
from cu_core.runstore.import_run import import_run
from cu_core.runstore.reader import list_runs, open_run
from cu_core.runstore.verify import verify
from cu_core.sharing.desk import Desk
from cu_core.sharing.rights import OPERATOR, VIEWER, User
from tests.madeup import MadeUp, write_run


@pytest.fixture
def zipped(tmp_path: Path) -> Path:
    there = Home(tmp_path / "there").create()
    write_run(there, "madeup-1", MadeUp(rounds=2, audited=0, images=False, spec={"group": "mine"}))
    export_run(there, "madeup-1", tmp_path / "run.zip")
    return tmp_path / "run.zip"


def entries(file: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(file: Path, content: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return file


def test_a_run_comes_in_as_it_was(home: Home, zipped: Path) -> None:
    found = import_run(home, zipped)
    assert (found.run_id, found.state, found.notes) == ("madeup-1", "succeeded", ())
    view = open_run(home, "madeup-1")
    assert verify(home, "madeup-1") == [] and view.rounds() == [0, 1, 2]
    assert view.row().imported and view.row().origin == "imported"
    there = zipped.parent / "there" / "runs" / "madeup-1" / "rounds" / "1" / "logits.npy"
    np.testing.assert_array_equal(view.array(1, "logits"), np.load(there))


def test_a_taken_id_is_replaced_also_in_the_bin(home: Home, zipped: Path) -> None:
    import_run(home, zipped)
    second = import_run(home, zipped)
    assert second.run_id.startswith("madeup-1-") and "here already" in second.notes[0]
    assert verify(home, second.run_id) == []
    assert (open_run(home, second.run_id).result() or {})["run_id"] == second.run_id
    for run_id in ("madeup-1", second.run_id):
        submission.delete(home, run_id)
    third = import_run(home, zipped)
    assert third.run_id not in ("madeup-1", second.run_id)
    assert sorted(path.name for path in home.runs.iterdir()) == [third.run_id], "nothing is left beside it"


def test_a_run_that_had_not_ended_is_cancelled_here(home: Home, tmp_path: Path) -> None:
    there = Home(tmp_path / "there").create()
    write_run(there, "madeup-1", MadeUp(rounds=1, audited=0, images=False, state="running"))
    (there.runs / "madeup-1" / layout.CHECKPOINT).write_bytes(b"x")
    queued = submission.submit(RunSpec(), there)
    for run_id in ("madeup-1", queued):
        export_run(there, run_id, tmp_path / "run.zip")
        found = import_run(home, tmp_path / "run.zip")
        assert found.state == "cancelled" and "checkpoint is not in it" in found.notes[0]
        assert verify(home, run_id) == []
    assert not submission.work_waiting(home)


def test_a_zip_of_the_files_alone_and_junk_of_other_systems(home: Home, zipped: Path) -> None:
    content = {name.partition("/")[2]: data for name, data in entries(zipped).items()}
    junk = {"__MACOSX/._run.json": b"x", ".DS_Store": b"x", "notes.docx": b"x"}
    found = import_run(home, packed(zipped, content | junk))
    assert found.run_id == "madeup-1" and "3 files that belong to no run" in found.notes[0]
    names = {path.name for path in (home.runs / "madeup-1").rglob("*")}
    assert not names & {"._run.json", ".DS_Store", "notes.docx"}


@pytest.mark.parametrize(
    "name",
    ["../evil.json", "madeup-1/../../evil.json", "/evil.json", "C:/evil.json", "madeup-1\\..\\evil.json", "a/./b.json"],
)
def test_nothing_leaves_its_folder(home: Home, zipped: Path, name: str) -> None:
    with pytest.raises(BadInput, match="lead out of its folder"):
        import_run(home, packed(zipped, entries(zipped) | {name: b"{}"}))
    assert list(home.runs.iterdir()) == [] and not list(home.root.parent.rglob("evil.json"))


def test_links_are_refused(home: Home, zipped: Path) -> None:
    link = zipfile.ZipInfo("madeup-1/rounds/1/loss.npy")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    content = {n: d for n, d in entries(zipped).items() if n != link.filename}
    packed(zipped, content)
    with zipfile.ZipFile(zipped, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(BadInput, match="a link or a device"):
        import_run(home, zipped)


def test_a_file_that_would_grow_is_refused(home: Home, zipped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ALWAYS_BYTES", 10**6)
    packed(zipped, entries(zipped) | {"madeup-1/zeros.npy": bytes(200 * 10**6)})
    with pytest.raises(BadInput, match="would grow"):
        import_run(home, zipped)


def test_damage_is_named(home: Home, zipped: Path) -> None:
    content = entries(zipped)
    array = bytearray(content["madeup-1/rounds/1/loss.npy"])
    array[-1] ^= 0xFF
    with pytest.raises(BadInput, match=r"rounds/1: loss.npy|rounds/1: loss"):
        import_run(home, packed(zipped, content | {"madeup-1/rounds/1/loss.npy": bytes(array)}))
    raw = bytearray(zipped.read_bytes())
    for cut in (raw[: len(raw) // 2], b"", b"no zip"):
        zipped.write_bytes(cut)
        with pytest.raises(BadInput, match="no zip file"):
            import_run(home, zipped)
    for lacking in ({"readme.txt": b"x"}, {"a/run.json": b"{}", "b/run.json": b"{}"}, {"a/run.json": b"[]"}):
        with pytest.raises(BadInput, match="holds"):
            import_run(home, packed(zipped, lacking))
    assert list(home.runs.iterdir()) == []


def test_an_operator_cannot_bring_paths_in(home: Home, tmp_path: Path) -> None:
    (home.root / "sharing.toml").write_text(
        'way = "proxy"\nhosts = ["a.example.org"]\n[people]\n"o@example.org" = "operator"\n'
        '[proxy]\naddresses = ["127.0.0.1"]\nheader = "X-Forwarded-Email"\n'
    )
    there = Home(tmp_path / "there").create()
    write_run(there, "madeup-1", MadeUp(rounds=1, audited=0, images=False))
    folder = there.runs / "madeup-1"
    spec = json.loads((folder / layout.SPEC).read_text())
    desk = Desk(home, User("o@example.org", OPERATOR))
    export_run(there, "madeup-1", tmp_path / "fine.zip")
    with (tmp_path / "fine.zip").open("rb") as file:
        found = desk.import_run(file, "fine.zip")
    assert open_run(home, found.run_id).row().owner == "o@example.org"
    spec["data"]["dataset"] = "folder:/etc"
    (folder / layout.SPEC).write_text(json.dumps(spec))
    info = json.loads((folder / layout.INFO).read_text())
    info.pop("spec_hash")
    (folder / layout.INFO).write_text(json.dumps(sealed(info)))
    export_run(there, "madeup-1", tmp_path / "evil.zip")
    with (tmp_path / "evil.zip").open("rb") as file:
        with pytest.raises(BadInput, match="only uploaded files"):
            desk.import_run(file, "evil.zip")
        with pytest.raises(NotAllowed):
            Desk(home, User("v@example.org", VIEWER)).import_run(file, "evil.zip")
    assert [row.run_id for row in list_runs(home)] == [found.run_id]


def test_a_copied_folder_is_known_as_one(home: Home, zipped: Path) -> None:
    import_run(home, zipped)
    shutil.copytree(home.runs / "madeup-1", home.runs / "madeup-1-copy")
    rows = {row.run_id: row for row in list_runs(home)}
    assert rows["madeup-1-copy"].marked_title.startswith("copy of madeup-1 · ") and not rows["madeup-1"].copy_of
    assert group_ids(home, "mine") == ["madeup-1"]
    runs, problems = read_runs(home, ["madeup-1", "madeup-1-copy"])
    assert [run.run_id for run in runs] == ["madeup-1"] and "is a copy of madeup-1" in problems[0]
    waiting = submission.submit(RunSpec(), home)
    shutil.copytree(home.runs / waiting, home.runs / "again")
    submission.cancel(home, waiting)
    assert not submission.work_waiting(home), "a copy of a queued run does not start"
    submission.cancel(home, "again")
    with pytest.raises(BadInput, match=f"copy of {waiting}"):
        submission.resume(home, "again")
