"""A disk with neither a byte nor a place for a file left: space can be freed, and everything else is said in words."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cu_core.analysis.sweeps.sweep import Sweep
from cu_core.analysis.sweeps.sweep_store import remember
from cu_core.base.errors import DISK_FULL, OutOfDisk, UnlearnscopeError, in_words
from cu_core.base.home import Home
from cu_core.catalogue.presets import DEFAULT_PRESET
from cu_core.cli import main
from cu_core.jobs import submission
from cu_core.jobs.dispatcher import ensure_dispatcher
from cu_core.runstore import index, layout
from cu_core.runstore.reader import list_runs
from cu_core.runstore.usage import count
from cu_core.sharing import uploads
from cu_core.sharing.desk import Desk
from cu_core.sharing.rights import HOME_OWNER
from tests.pages.page_helpers import open_page, texts

SPEC = DEFAULT_PRESET.spec
FILES = 400


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """A home on a disk of two megabytes and a few hundred files."""
    if os.name != "posix" or os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root can mount a tiny disk")
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size=2m,nr_inodes={FILES}", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("this machine does not let us mount a tiny disk")
    monkeypatch.setenv("CU_DISK_FLOOR_MB", "0")
    monkeypatch.setenv("CU_HOME", str(folder / "home"))
    yield Home(folder / "home").create()
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(home: Home) -> None:
    disk = home.root.parent
    with (disk / "filler").open("wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"x" * size)
    with contextlib.suppress(OSError):
        for number in range(FILES):
            (disk / f"empty-{number}").touch()
    with pytest.raises(OSError) as caught:
        (home.root / "another").touch()
    assert caught.value.errno in DISK_FULL


def locked_before(home: Home, run_id: str) -> None:
    """Leaves the lock file of a run, as whoever has worked on it does."""
    with layout.run_lock(home, run_id):
        pass


@pytest.mark.parametrize("lock_file", [True, False])
def test_runs_are_deleted_and_the_bin_is_emptied(home: Home, lock_file: bool) -> None:
    runs = [submission.submit(SPEC, home) for _ in range(3)]
    index.reindex(home)
    desk = Desk(home, HOME_OWNER)
    desk.delete(runs[0])
    for run_id in runs if lock_file else ():
        locked_before(home, run_id)
    fill(home)
    assert {row.run_id for row in list_runs(home)} == set(runs[1:])
    assert count(home, {})[0]["runs"] > 0
    desk.delete(runs[1])
    assert {b.run_id for b in submission.binned(home)} == set(runs[:2])
    assert all(abs(b.deleted - submission.binned(home)[0].deleted) < 60 for b in submission.binned(home))
    desk.restore(runs[1])
    desk.delete(runs[1])
    assert desk.erase(desk.erasable()) == 2
    assert submission.binned(home) == [] and [row.run_id for row in list_runs(home)] == [runs[2]]
    for path in home.root.parent.glob("empty-*"):
        path.unlink()
    (home.root.parent / "filler").unlink()
    desk.delete(runs[2])
    assert (home.bin / runs[2] / submission.DELETED).exists()


def test_what_cannot_be_done_is_said_in_words_and_leaves_everything_as_it_was(home: Home) -> None:
    run_id, stopped = submission.submit(SPEC, home), submission.submit(SPEC, home)
    submission.cancel(home, stopped)
    for name in ("sweeps", "background"):
        (home.root / name).mkdir()
    desk = Desk(home, HOME_OWNER)
    fill(home)
    actions: list[Callable[[], object]] = [
        lambda: desk.launch(SPEC),
        lambda: desk.cancel(run_id),
        lambda: desk.resume(stopped),
        lambda: desk.measure(SPEC),
        lambda: desk.prepare(SPEC.data),
        lambda: desk.keep(io.BytesIO(b"1\n"), "a.csv", uploads.INDICES),
        lambda: remember(Sweep(dataclasses.replace(SPEC, group="x"), ("finetune",)), home),
        lambda: ensure_dispatcher(home),
    ]
    for number, action in enumerate(actions):
        with pytest.raises(UnlearnscopeError, match="disk") as caught:
            action()
        assert isinstance(caught.value, OutOfDisk), number
    assert {row.run_id: row.state for row in list_runs(home)} == {run_id: "queued", stopped: "cancelled"}
    assert not list(home.runs.glob(".*")) and not list(home.uploads.glob(".*")), "nothing is left behind"


def test_the_command_line_says_it_in_words(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    run_id = submission.submit(SPEC, home)
    fill(home)
    assert main(["cancel", run_id]) == 1
    assert "failed: the disk is full" in capsys.readouterr().err
    assert main(["delete", run_id]) == 0


@pytest.mark.parametrize("page", ["runs.py", "launch.py", "run.py", "sweep.py", "papers.py", "compare.py"])
def test_pages_are_drawn(home: Home, page: str) -> None:
    submission.submit(SPEC, home)
    fill(home)
    assert not open_page(page).exception


def test_buttons_say_it_in_words(home: Home) -> None:
    run_id, done = submission.submit(SPEC, home), submission.submit(SPEC, home)
    submission.cancel(home, done)
    fill(home)
    app = open_page("launch.py")
    app.button(key="measure").click().run()
    assert not app.exception and "the disk is full" in texts(app)
    app = open_page("run.py", run=run_id)
    app.button(key="cancel").click().run()
    assert not app.exception and any("the disk is full" in toast.value for toast in app.toast)
    app = open_page("run.py", run=done)
    app.button(key="resume").click().run()
    assert not app.exception and any("the disk is full" in toast.value for toast in app.toast)
    app.button(key="delete").click().run()
    assert not app.exception and [b.run_id for b in submission.binned(home)] == [done]
    app = open_page("runs.py")
    app.session_state["bin_box"] = True
    app.run()
    app.button(key="empty_bin").click().run()
    assert not app.exception and submission.binned(home) == []


def test_other_refusals_name_the_file_and_not_its_folder() -> None:
    said = str(in_words(PermissionError(13, "Permission denied", "/srv/secret/run.json")))
    assert said == "the machine refuses it: run.json: Permission denied"
    assert str(in_words(OSError(5, "Input/output error"))) == "the machine refuses it: Input/output error"
    assert "full" in str(in_words(OSError(28, "No space left on device", "/srv/secret/x")))
    assert "/srv" not in str(in_words(TimeoutError("The lock /srv/secret/x.lock could not be acquired")))
