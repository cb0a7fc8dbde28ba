"""A small campaign of faults: what is promised of them holds; ``CU_CHAOS_FAULTS`` makes it larger."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time

import pytest

from benchmarks.chaos import damage, processes
from benchmarks.chaos.__main__ import SCENES, episodes, faults, play, table
from benchmarks.chaos.faults import (
    HARMS,
    LOST,
    NOT_INJECTED,
    OUTCOMES,
    SURVIVED,
    CannotInject,
    Injected,
    can_mount,
    read_only,
    targets,
)
from cu_core.base.home import Home
from cu_core.runstore.reader import open_run
from tests.jobs import stubs

FAULTS = int(os.environ.get("CU_CHAOS_FAULTS", "20"))
# Of ten faults: files, of a queue's processes, and full disks or directories that nobody may write.
IN_FILES, IN_QUEUE = 0.55, 0.35
# Full disks have tests of their own, in test_jobs_under_attack.py.
ALL_SCENES = 50

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs the signals of Unix"),
]


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    return damage.make_template(tmp_path_factory.mktemp("template"))


def lost(found):
    return [one for one in found if one.outcome == LOST]


def test_harmed_files_are_named_and_the_run_ends_as_it_would_have(template, tmp_path):
    rng = random.Random("files")
    found = [damage.harm_once(template, tmp_path / str(n), rng) for n in range(round(FAULTS * IN_FILES))]
    assert lost(found) == []


def test_a_queue_whose_processes_are_killed_and_stopped_loses_nothing(tmp_path):
    wanted = round(FAULTS * IN_QUEUE)
    found = processes.attack_queue(tmp_path, random.Random("queue"), wanted)
    assert lost(found) == [] and len(found) == wanted


class Patient(random.Random):
    """Leaves the submitter the time to hand everything in."""

    def uniform(self, a, b):
        return 120.0


def test_a_submitter_that_is_quicker_than_its_killer_has_handed_in_the_same_work(tmp_path):
    home = Home(tmp_path / "home").create()
    queue = processes.Queue(home, Patient(), os.environ | {"CU_HOME": str(home.root)})
    assert processes.kill_submitter(queue) == "3 of 3 were in"
    assert {open_run(home, run_id).spec for run_id in queue.run_ids} == {stubs.spec(f"rounds={processes.ROUNDS}")}


@pytest.mark.parametrize("scene", [processes.fill_the_disk, processes.forbid_writing])
def test_full_disks_and_read_only_runs(scene, tmp_path):
    if scene is processes.fill_the_disk and FAULTS < ALL_SCENES:
        pytest.skip(f"a campaign of fewer than {ALL_SCENES} faults (CU_CHAOS_FAULTS) fills no disks")
    found = scene(tmp_path, random.Random("disk"), max(1, round(FAULTS * (1 - IN_FILES - IN_QUEUE) / 2)))
    if not found:
        pytest.skip("only root can mount a tiny disk and make a folder read-only for itself")
    assert lost(found) == []


@pytest.mark.skipif(not can_mount(), reason="only root can mount")
def test_a_folder_becomes_read_only_while_files_in_it_are_written(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    stop = threading.Event()

    def write():
        while not stop.is_set():
            with contextlib.suppress(OSError), (folder / "file").open("w") as file:
                file.write("x")
                time.sleep(0.002)

    writers = [threading.Thread(target=write) for _ in range(4)]
    for writer in writers:
        writer.start()
    try:
        for _ in range(10):
            try:
                with read_only(folder), pytest.raises(OSError, match="Read-only"):
                    (folder / "another").touch()
            except CannotInject as error:
                pytest.fail(f"refused: {error}")
            (folder / "another").touch()
            (folder / "another").unlink()
    finally:
        stop.set()
        for writer in writers:
            writer.join()


def test_what_could_not_be_injected_is_tried_again_and_counts_as_no_fault(tmp_path, monkeypatch):
    refusals = iter([True, False])
    passing = contextlib.nullcontext()

    def refuse_once(folder):
        if next(refusals, False):
            raise CannotInject("mount: busy")
        return passing

    monkeypatch.setattr(processes, "read_only", refuse_once)
    monkeypatch.setattr(processes, "can_mount", lambda: True)
    found = processes.forbid_writing(tmp_path, random.Random(7717), 1)
    assert [one.outcome for one in found] == [SURVIVED, NOT_INJECTED]
    assert found[1].detail == "mount: busy"
    assert faults(found) == found[:1]
    assert "| all | 1 | 1 | 0 | 0 | 0 |" in table(found)


def test_a_scene_that_the_machine_does_not_allow_is_no_loss(template, tmp_path, monkeypatch):
    def refuse(*words):
        raise CannotInject("mount: permission denied")

    monkeypatch.setattr(processes, "mount", refuse)
    monkeypatch.setattr(processes, "can_mount", lambda: True)
    found = play("disk", template, tmp_path / "disk", "1")
    assert [(one.outcome, one.detail) for one in found] == [(NOT_INJECTED, "mount: permission denied")]


def test_every_file_of_a_run_is_among_the_targets_or_is_no_record(template):
    run_dir = Home(template.folder / "finished").runs / template.run_id
    harmed = {path for paths in targets(run_dir).values() for path in paths}
    rest = {path.name for path in run_dir.rglob("*") if path.is_file() and path not in harmed}
    assert rest <= {"heartbeat", "worker.log", "cancel"}


def test_the_judge_notices_a_loss(template, tmp_path, monkeypatch):
    monkeypatch.setattr(damage, "verify", lambda home, run_id: [])
    monkeypatch.setattr(damage, "mend", lambda home, run_id: [])
    monkeypatch.setattr(damage, "targets", lambda run_dir: {"result": [run_dir / "result.json"]})
    monkeypatch.setattr(damage, "STAGES", ("finished",) * 3)
    monkeypatch.setattr(damage, "HARMS", {"flip": HARMS["flip"]})
    assert damage.harm_once(template, tmp_path / "x", random.Random(1)).outcome == LOST


def test_the_choices_are_those_of_the_seed():
    def first(seed):
        return [next_one for next_one, _ in zip(episodes(seed, ()), range(30), strict=False)]

    assert first(3) == first(3) != first(4)
    assert {name for _, name in first(0)} == set(SCENES)
    assert [key for key, _ in first(0)][:2] == ["0/0", "0/1"]


def test_the_table_counts_kinds_and_outcomes():
    text = table([Injected("kill worker", "survived"), Injected("kill worker", LOST), Injected("flip spec", "mended")])
    assert text.splitlines() == [
        "| fault | injected | survived | mended | named | LOST |",
        "|---|---|---|---|---|---|",
        "| harm spec | 1 | 0 | 1 | 0 | 0 |",
        "| kill worker | 2 | 1 | 0 | 0 | 1 |",
        "| all | 3 | 1 | 1 | 0 | 1 |",
    ]
    assert OUTCOMES[-1] == LOST
