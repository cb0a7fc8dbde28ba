"""Processes killed and frozen, disks filled: each job runs once, and what was written stays whole."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import psutil
import pytest

from cu_core.base.home import Home
from cu_core.jobs import submission
from cu_core.jobs.dispatcher import dispatcher_alive, serve
from cu_core.jobs.launchers.local import LocalLauncher
from cu_core.jobs.slots import Slot
from cu_core.jobs.supervisor import MOST_ATTEMPTS, Timing
from cu_core.runstore.attempt import Attempt
from cu_core.runstore.handover import new_attempt
from cu_core.runstore.reader import list_runs, open_run
from cu_core.runstore.verify import verify
from tests.jobs import programs
from tests.jobs.programs import PATIENCE, QUICK, SHORT_LEASE, end_workers, program, wait_for, worked
from tests.jobs.stubs import COMMAND, GO, spec

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs the signals of Unix"),
]

PATIENT = QUICK.replace("idle=0.5", "idle=600")


def state(home, run_id):
    return open_run(home, run_id).state


def pid_of(home, run_id, attempt=1):
    path = home.runs / run_id / f"attempt-{attempt}" / "pid.json"
    return wait_for(lambda: path.exists() and json.loads(path.read_text())["pid"])


def drain(home, **environment):
    with program("dispatch", "--drain", **environment) as dispatcher:
        assert dispatcher.wait(PATIENCE) == 0


def test_several_submitters_and_two_dispatchers_run_each_job_once(home):
    submit = [sys.executable, programs.__file__, "submit"]
    # Two pairs hand in the same tokens, as a page that is clicked twice does.
    submitters = [subprocess.Popen([*submit, token, "3"], stdout=subprocess.DEVNULL) for token in "aabb"]
    with program("dispatch", "--drain", CU_SLOTS="cpu:2"), program("dispatch", "--drain", CU_SLOTS="cpu:2"):
        assert [process.wait(PATIENCE) for process in submitters] == [0] * 4
        wait_for(lambda: [row.state for row in list_runs(home)] == ["succeeded"] * 6)
    jobs = [(run_id, k) for run_id, _, k, _ in worked(home)]
    assert len(jobs) == len(set(jobs)) == 6 * 3
    assert all(verify(home, row.run_id) == [] for row in list_runs(home))


def test_a_killed_dispatcher_costs_nothing(home):
    running, queued = submission.submit(spec("rounds=6 die=hold"), home), submission.submit(spec(), home)
    with program("dispatch", CU_SLOTS="cpu:1") as first:
        wait_for(lambda: worked(home))
        first.kill()
        first.wait()
        assert state(home, running) == "running" and not dispatcher_alive(home)
        with program("dispatch", "--drain", CU_SLOTS="cpu:1") as second:
            wait_for(lambda: dispatcher_alive(home))
            # The worker of the first still fills the only slot.
            assert state(home, queued) == "queued"
            (home.root / GO).touch()
            assert second.wait(PATIENCE) == 0
    jobs = [(run_id, attempt, k) for run_id, attempt, k, _ in worked(home)]
    assert jobs == [(running, 1, k) for k in range(7)] + [(queued, 1, k) for k in range(3)]


def test_a_worker_killed_under_a_new_dispatcher_is_noticed(home):
    run_id = submission.submit(spec("rounds=3 die=hold at=2 until=1"), home)
    with program("dispatch") as first:
        wait_for(lambda: open_run(home, run_id).rounds() == [0, 1])
        first.kill()
        first.wait()
        pid = pid_of(home, run_id)
        with program("dispatch", "--drain") as second:
            wait_for(lambda: dispatcher_alive(home))
            os.kill(pid, signal.SIGKILL)
            assert second.wait(PATIENCE) == 0
    view = open_run(home, run_id)
    assert view.state == "succeeded" and view.run_state.attempt == 2 and verify(home, run_id) == []


def test_workers_killed_at_random_moments_leave_whole_files(home):
    # No attempt gets to its end before it is killed, however late that is.
    run_id = submission.submit(spec(f"rounds=40 width=2000 die=hold at=12 later=yes until={MOST_ATTEMPTS - 1}"), home)
    moments = random.Random(5)
    with program("dispatch", STUB_TIMING=PATIENT):
        for attempt in range(1, MOST_ATTEMPTS):
            pid = pid_of(home, run_id, attempt)
            seen = len(worked(home))
            wait_for(lambda seen=seen: len(worked(home)) > seen)
            time.sleep(moments.uniform(0, 0.05))
            os.kill(pid, signal.SIGKILL)
            # The next attempt may be at work already.
            assert [str(problem) for problem in verify(home, run_id)] == []
        wait_for(lambda: state(home, run_id) == "succeeded")
    assert verify(home, run_id) == []
    assert open_run(home, run_id).rounds() == list(range(41))
    # Nothing of the dead attempts lies about.
    assert not list((home.runs / run_id).glob("attempt-*/staging"))


def test_a_frozen_worker_is_replaced_and_cannot_write_when_it_wakes(home):
    run_id = submission.submit(spec("rounds=3 die=freeze at=2 until=1"), home)
    with program("dispatch", STUB_TIMING=SHORT_LEASE.replace("kill=1.5", "kill=600")):
        wait_for(lambda: state(home, run_id) == "succeeded")
        frozen = psutil.Process(pid_of(home, run_id))
        assert frozen.status() == psutil.STATUS_STOPPED
        before = _content(home, run_id)
        frozen.resume()
        wait_for(lambda: not frozen.is_running() or frozen.status() == psutil.STATUS_ZOMBIE)
    assert _content(home, run_id) == before
    assert not (home.runs / run_id / "attempt-1" / "outcome.json").exists()
    assert [open_run(home, run_id).manifest(k)["attempt"] for k in range(4)] == [1, 1, 2, 2]
    assert verify(home, run_id) == []


def test_a_frozen_worker_that_never_wakes_is_ended(home):
    run_id = submission.submit(spec("rounds=2 die=freeze until=1"), home)
    with program("dispatch", STUB_TIMING=SHORT_LEASE):
        pid = pid_of(home, run_id)
        wait_for(lambda: state(home, run_id) == "succeeded")
        wait_for(lambda: not psutil.pid_exists(pid))


def test_a_worker_frozen_with_the_lock_in_its_hands_does_not_block_the_run(home):
    run_id = submission.submit(spec("rounds=2 die=freeze-with-lock until=1"), home)
    drain(home, STUB_TIMING=SHORT_LEASE)
    view = open_run(home, run_id)
    assert view.state == "succeeded" and view.run_state.attempt == 2 and verify(home, run_id) == []


def test_a_zombie_attempt_is_rejected_without_any_dispatcher(home):
    run_id = submission.submit(spec("rounds=3 die=freeze at=1 until=1"), home)
    number = new_attempt(home, run_id, {"launcher": "local"})
    zombie = subprocess.Popen([*COMMAND, "worker", run_id, "--attempt", str(number)])
    try:
        wait_for(lambda: psutil.Process(zombie.pid).status() == psutil.STATUS_STOPPED)
        (home.runs / run_id / "requeue.json").write_text(json.dumps({"attempt": 2, "first": 1}))
        newer = Attempt.claim(home, run_id, new_attempt(home, run_id, {"launcher": "local"}))
        before = _content(home, run_id)
        os.kill(zombie.pid, signal.SIGCONT)
        assert zombie.wait(PATIENCE) == 1
        assert _content(home, run_id) == before
        newer.check()
    finally:
        zombie.kill()
        zombie.wait()


def test_a_dispatcher_that_was_frozen_itself_does_not_blame_the_workers(home):
    run_id = submission.submit(spec("rounds=2 die=hold"), home)
    with program("dispatch", STUB_TIMING=SHORT_LEASE.replace("lease=4", "lease=3")) as dispatcher:
        worker = psutil.Process(pid_of(home, run_id))
        wait_for(lambda: open_run(home, run_id).rounds())
        # The machine sleeps: both stand still for longer than the lease.
        worker.suspend()
        time.sleep(0.2)
        dispatcher.send_signal(signal.SIGSTOP)
        time.sleep(3.5)
        dispatcher.send_signal(signal.SIGCONT)
        time.sleep(0.2)
        worker.resume()
        (home.root / GO).touch()
        wait_for(lambda: state(home, run_id) == "succeeded")
    assert open_run(home, run_id).run_state.attempt == 1


def test_a_worker_over_its_file_size_limit_fails_with_the_disk_as_the_reason(home):
    pytest.importorskip("resource", reason="file size limits are a matter of Unix")
    run_id = submission.submit(spec("rounds=3 width=40000 until=0"), home)
    limit = "import os, resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)); "
    launcher = LocalLauncher((sys.executable, "-c", limit + "os.execv(sys.executable, sys.argv[1:])", *_python()))
    serve(home, drain=True, launcher=launcher, slots=[Slot("cpu-0", None, 1)], timing=Timing(tick=0.05))
    _failed_for_the_disk(home, run_id, rounds=[])


def _python():
    return (sys.executable, *COMMAND[1:])


@pytest.fixture
def tiny_disk(tmp_path):
    """A disk of three megabytes."""
    if os.name != "posix" or os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root can mount a tiny disk")
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("this machine does not let us mount a tiny disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_fails_the_run_and_earlier_rounds_stay_readable(tiny_disk, monkeypatch):
    monkeypatch.setenv("CU_DISK_FLOOR_MB", "0")
    home = Home(tiny_disk / "home").create()
    monkeypatch.setenv("CU_HOME", str(home.root))
    try:
        run_id = submission.submit(spec("rounds=9 width=20000"), home)
        drain(home)
        rounds = open_run(home, run_id).rounds()
        assert 1 <= len(rounds) < 9
        _failed_for_the_disk(home, run_id, rounds)
        # With space again, it goes on where it was.
        subprocess.run(["mount", "-o", "remount,size=30m", str(tiny_disk)], check=True)
        submission.resume(home, run_id)
        drain(home)
        assert state(home, run_id) == "succeeded" and verify(home, run_id) == []
        assert open_run(home, run_id).rounds() == list(range(10))
    finally:
        end_workers(home)


def test_a_disk_without_a_single_byte_left(tiny_disk, monkeypatch):
    monkeypatch.setenv("CU_DISK_FLOOR_MB", "0")
    home = Home(tiny_disk / "home").create()
    monkeypatch.setenv("CU_HOME", str(home.root))
    try:
        run_id = submission.submit(spec("rounds=200 pause=0.05"), home)
        with program("dispatch", STUB_TIMING=PATIENT):
            wait_for(lambda: open_run(home, run_id).rounds())
            _fill(tiny_disk / "filler")
            wait_for(lambda: state(home, run_id) == "failed")
        _failed_for_the_disk(home, run_id, open_run(home, run_id).rounds())
    finally:
        end_workers(home)


def _fill(path):
    with path.open("wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue


def _failed_for_the_disk(home, run_id, rounds):
    view = open_run(home, run_id)
    assert view.state == "failed" and view.error["kind"] == "out-of-disk", view.error
    assert "disk" in view.error["message"] and "Free some space" in view.error["hint"]
    assert view.run_state.attempt == 1 and view.rounds() == rounds
    assert verify(home, run_id) == []
    for number in rounds:
        assert view.array(number, "embedding").shape[0] == 12


def _content(home, run_id):
    """Every file of a run but heartbeats and logs."""
    files = (path for path in (home.runs / run_id).rglob("*") if path.is_file())
    return {path: path.read_bytes() for path in files if path.name not in ("heartbeat", "worker.log")}
