"""The dispatcher with real worker processes, whose engine is a stand-in."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from types import SimpleNamespace

import psutil
import pytest

from cu_core.engine.perform import run_attempt
from cu_core.jobs import dispatcher as dispatcher_module
from cu_core.jobs import submission
from cu_core.jobs.dispatcher import Dispatcher, dispatcher_alive, ensure_dispatcher, serve
from cu_core.jobs.launchers.local import LocalLauncher
from cu_core.jobs.slots import Slot
from cu_core.jobs.supervisor import MOST_ATTEMPTS, Timing
from cu_core.runstore import index, layout
from cu_core.runstore.attempt import Attempt
from cu_core.runstore.index import read_index, reindex
from cu_core.runstore.reader import list_runs, open_run
from cu_core.runstore.verify import verify
from tests.jobs.programs import PATIENCE, QUICK, end_workers, program, wait_for, worked, workers
from tests.jobs.stubs import COMMAND, GO, execute, spec

pytestmark = pytest.mark.thorough

ONE_SLOT = [Slot("cpu-0", None, 1)]
PATIENT = QUICK.replace("idle=0.5", "idle=600")


def state(home, run_id):
    return open_run(home, run_id).state


def drain(home, **environment):
    """Works off the queue in a program of its own."""
    with program("dispatch", "--drain", **environment) as dispatcher:
        assert dispatcher.wait(PATIENCE) == 0


def drain_here(home, command=COMMAND):
    """Works off the queue in this process."""
    assert serve(home, drain=True, launcher=LocalLauncher(command), slots=ONE_SLOT, timing=Timing(tick=0.05)) == 0


def pid_of(home, run_id, attempt=1):
    path = home.runs / run_id / f"attempt-{attempt}" / "pid.json"
    return wait_for(lambda: path.exists() and json.loads(path.read_text())["pid"])


def test_works_off_the_queue_in_order(home):
    ids = [submission.submit(spec(f"rounds=2 number={n}"), home) for n in range(3)]
    drain(home)
    assert [(run_id, attempt, k) for run_id, attempt, k, _ in worked(home)] == [
        (i, 1, k) for i in ids for k in range(3)
    ]
    for run_id in ids:
        assert state(home, run_id) == "succeeded" and verify(home, run_id) == []
        launch = json.loads((home.runs / run_id / "attempt-1/launch.json").read_text())
        assert (launch["launcher"], launch["slot"], launch["attempt"]) == ("local", "cpu-0", 1)
    index_now = read_index(home)
    assert sorted(index_now) == sorted(ids) and all(entry.stamp for entry in index_now.values())
    assert not dispatcher_alive(home) and not (home.root / "dispatcher.json").exists()
    reindex(home)
    assert read_index(home) == index_now


def test_workers_are_detached_polite_and_know_their_threads(home, monkeypatch):
    monkeypatch.setenv("CU_SLOTS", "cpu:2")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    ids = [submission.submit(spec("die=hold"), home) for _ in range(2)]
    with program("dispatch") as dispatcher:
        workers = [psutil.Process(pid_of(home, run_id)) for run_id in ids]
        for worker in workers:
            assert worker.nice() == 10
            assert os.getsid(worker.pid) == worker.pid != os.getsid(dispatcher.pid)
            environment = worker.environ()
            assert environment["CU_HOME"] == str(home.root)
            threads = max(1, len(os.sched_getaffinity(0)) // 2) if hasattr(os, "sched_getaffinity") else 1
            assert environment["OMP_NUM_THREADS"] == environment["MKL_NUM_THREADS"] == str(threads)
        # Both at once, since there are two slots.
        wait_for(lambda: [state(home, run_id) for run_id in ids] == ["running", "running"])


def test_ended_workers_do_not_stay_as_zombies(home):
    run_id = submission.submit(spec("rounds=0"), home)
    with program("dispatch", STUB_TIMING=PATIENT):
        pid = pid_of(home, run_id)
        wait_for(lambda: not psutil.pid_exists(pid))


def test_one_slot_means_one_at_a_time(home):
    first, second = (submission.submit(spec("rounds=2 die=hold"), home) for _ in range(2))
    with program("dispatch", CU_SLOTS="cpu:1"):
        wait_for(lambda: open_run(home, first).rounds())
        # The dispatcher looks at the queue again and again meanwhile.
        time.sleep(0.5)
        assert (state(home, first), state(home, second)) == ("running", "queued")
        (home.root / GO).touch()
        wait_for(lambda: state(home, second) == "succeeded")
    assert [(run_id, k) for run_id, _, k, _ in worked(home)] == [(i, k) for i in (first, second) for k in range(3)]


@pytest.mark.parametrize("how", ["error", "bad-input", "memory", "disk"])
def test_failures_with_an_outcome_are_not_tried_again(home, how):
    run_id = submission.submit(spec(f"die={how}"), home)
    drain(home)
    view = open_run(home, run_id)
    kinds = {"error": "failed", "bad-input": "bad-input", "memory": "out-of-memory", "disk": "out-of-disk"}
    assert view.run_state.attempt == 1 and view.error["kind"] == kinds[how]
    assert view.rounds() == [0] and verify(home, run_id) == []


def test_a_worker_that_dies_is_tried_again_from_its_checkpoint(home):
    run_id = submission.submit(spec("rounds=3 die=exit at=2 until=1"), home)
    drain(home)
    assert [(attempt, k) for _, attempt, k, _ in worked(home)] == [(1, 0), (1, 1), (1, 2), (2, 2), (2, 3)]
    view = open_run(home, run_id)
    assert view.state == "succeeded" and view.rounds() == [0, 1, 2, 3] and verify(home, run_id) == []


@pytest.mark.parametrize("how, reason", [("exit", "exit code 7"), ("kill", "SIGKILL"), ("end-quietly", "exit code 0")])
def test_a_worker_that_always_dies_fails_with_the_reason(home, monkeypatch, how, reason):
    # Where memory is short, that is taken for the reason of a kill.
    monkeypatch.setattr("cu_core.jobs.memory.available_share", lambda: 0.9)
    monkeypatch.setattr("cu_core.jobs.memory.kills_by_system", lambda: 0)
    run_id = submission.submit(spec(f"die={how}"), home)
    drain_here(home)
    view = open_run(home, run_id)
    assert view.state == "failed" and view.run_state.attempt == MOST_ATTEMPTS
    assert reason in view.error["message"] and f"{MOST_ATTEMPTS} attempts" in view.error["message"]
    if how == "exit":
        assert view.error["message"].endswith("something went very wrong")
        # The user may try again, with as many attempts as before.
        submission.resume(home, run_id)
        drain_here(home)
        assert open_run(home, run_id).run_state.attempt == 2 * MOST_ATTEMPTS


def test_a_worker_that_cannot_start_fails_with_what_it_said(home):
    run_id = submission.submit(spec(), home)
    drain_here(home, (sys.executable, "-c", "import no_such_module_at_all"))
    error = open_run(home, run_id).error
    assert error["kind"] == "lost" and "No module named 'no_such_module_at_all'" in error["message"]


def test_why_a_run_waits_again_is_told(home):
    run_id = submission.submit(spec("rounds=1 die=exit"), home)
    dispatcher = Dispatcher(home, LocalLauncher(COMMAND), ONE_SLOT, Timing())

    def why():
        # A run that is queued again starts with the next tick, and nobody else ticks.
        dispatcher._tick()
        return next((row.error for row in list_runs(home) if row.state == "queued"), None)

    try:
        error = wait_for(why)
    finally:
        end_workers(home)
    assert "exit code 7" in error and open_run(home, run_id).run_state.attempt == 1


def test_killed_by_the_system_for_memory_is_said(home, monkeypatch):
    monkeypatch.setattr("cu_core.jobs.memory.available_share", lambda: 0.01)
    run_id = submission.submit(spec("die=kill"), home)
    drain_here(home)
    error = open_run(home, run_id).error
    assert error["kind"] == "out-of-memory" and "probably out of memory" in error["message"]


def test_cancel_queued_and_running(home):
    running, queued = submission.submit(spec("rounds=2 die=hold"), home), submission.submit(spec(), home)
    with program("dispatch", CU_SLOTS="cpu:1"):
        wait_for(lambda: open_run(home, running).rounds())
        assert submission.cancel(home, queued) == "cancelled"
        assert submission.cancel(home, running) == "running"
        wait_for(lambda: state(home, running) == "cancelled")
    assert {run_id for run_id, *_ in worked(home)} == {running}
    # What it had done stays, and it can go on.
    assert len(open_run(home, running).rounds()) >= 1 and verify(home, running) == []
    assert (home.runs / running / "attempt-1/outcome.json").exists()


@pytest.mark.parametrize("how", ["freeze", "sleep"])
def test_cancel_of_a_worker_that_does_not_listen(home, how):
    run_id = submission.submit(spec(f"die={how}"), home)
    with program("dispatch", STUB_TIMING=QUICK):
        wait_for(lambda: any(k == 1 for _, _, k, _ in worked(home)))
        pid = pid_of(home, run_id)
        submission.cancel(home, run_id)
        wait_for(lambda: state(home, run_id) == "cancelled")
        wait_for(lambda: not psutil.pid_exists(pid))
    assert open_run(home, run_id).run_state.attempt == 1


def test_foreground_runs_are_left_alone(home):
    run_id = submission.submit(spec("rounds=3 die=kill at=2 until=1"), home, foreground=True)
    with program("foreground", run_id, "1") as terminal:
        terminal.wait()
    assert state(home, run_id) == "lost"
    drain(home)
    assert state(home, run_id) == "lost" and open_run(home, run_id).run_state.attempt == 1
    assert run_attempt(Attempt.claim(home, run_id, submission.resume_here(home, run_id)), execute) == "succeeded"
    assert open_run(home, run_id).rounds() == [0, 1, 2, 3]


def test_a_lost_foreground_run_can_go_on_in_the_queue(home):
    run_id = submission.submit(spec("rounds=2 die=kill until=1"), home, foreground=True)
    with program("foreground", run_id, "1") as terminal:
        terminal.wait()
    submission.resume(home, run_id)
    drain(home)
    assert state(home, run_id) == "succeeded"


def test_deleted_runs_do_not_start_and_restored_ones_do(home):
    run_id = submission.submit(spec(), home)
    submission.delete(home, run_id)
    drain(home)
    assert worked(home) == []
    submission.restore(home, run_id)
    drain(home)
    assert state(home, run_id) == "succeeded"


def test_a_strange_run_directory_does_not_hold_up_the_others(home):
    (home.runs / "aaaa").mkdir()
    (home.runs / "bbbb").mkdir()
    (home.runs / "bbbb" / "spec.json").write_text("{torn")
    (home.runs / "bbbb" / "attempt-1").write_text("a file")
    run_id = submission.submit(spec(), home)
    with program("dispatch"):
        wait_for(lambda: state(home, run_id) == "succeeded")
        wait_for(lambda: state(home, "aaaa") == "failed")
    assert open_run(home, "aaaa").error["kind"] == "bad-input"


def test_ends_when_idle_and_wakes_nobody(home):
    run_id = submission.submit(spec("rounds=0"), home)
    with program("dispatch") as dispatcher:
        assert dispatcher.wait(PATIENCE) == 0
    assert state(home, run_id) == "succeeded"
    assert not dispatcher_alive(home) and not (home.root / "dispatcher.json").exists()


def test_ends_when_the_home_vanishes(home):
    submission.submit(spec("die=hold"), home)
    with program("dispatch", STUB_TIMING=PATIENT) as dispatcher:
        wait_for(lambda: worked(home))
        assert workers(home)
        home.root.rename(home.root.with_name("elsewhere"))
        assert dispatcher.wait(PATIENCE) == 0
        wait_for(lambda: not workers(home))
    assert not home.root.exists()


def test_sigterm_ends_the_dispatcher_and_spares_the_worker(home):
    run_id = submission.submit(spec("rounds=3 die=hold"), home)
    with program("dispatch") as dispatcher:
        wait_for(lambda: open_run(home, run_id).rounds())
        dispatcher.terminate()
        assert dispatcher.wait(PATIENCE) == 0
        assert not dispatcher_alive(home) and state(home, run_id) == "running"
        (home.root / GO).touch()
        wait_for(lambda: state(home, run_id) == "succeeded")


def test_a_second_dispatcher_leaves_at_once(home):
    submission.submit(spec("die=hold"), home)
    with program("dispatch") as first:
        wait_for(lambda: worked(home))
        with program("dispatch") as second:
            assert second.wait(PATIENCE) == 0
        assert first.poll() is None and dispatcher_alive(home)


def test_drain_waits_for_the_work_of_another(home):
    run_id = submission.submit(spec("rounds=4 pause=0.3"), home)
    with program("dispatch", STUB_TIMING=PATIENT):
        wait_for(lambda: worked(home))
        drain(home)
        assert state(home, run_id) == "succeeded"


@pytest.mark.parametrize("harm", ["delete", "garbage", "request"])
def test_a_living_dispatcher_mends_the_index(home, harm):
    done = submission.submit(spec("rounds=1"), home)
    with program("dispatch", STUB_TIMING=PATIENT):
        wait_for(lambda: done in read_index(home) and read_index(home)[done].row.state == "succeeded")
        if harm == "delete":
            index.remove_index(home)
        elif harm == "garbage":
            home.index.write_bytes(os.urandom(20_000))
            # Found when it is written next.
            done = submission.submit(spec("rounds=1"), home)
        else:
            assert reindex(home, seconds=PATIENCE) == 1
        wait_for(lambda: done in read_index(home) and read_index(home)[done].row.state == "succeeded")


def test_ensure_starts_the_real_program_once(home, python_env, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", python_env["PYTHONPATH"])
    assert ensure_dispatcher(home)
    try:
        wait_for(lambda: dispatcher_alive(home))
        assert not ensure_dispatcher(home)
        pid = json.loads((home.root / "dispatcher.json").read_text())["pid"]
        assert os.getsid(pid) == pid
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not dispatcher_alive(home))
    finally:
        who = home.root / "dispatcher.json"
        if who.exists():
            os.kill(json.loads(who.read_text())["pid"], signal.SIGKILL)


def test_alive_is_not_fooled_by_an_old_file(home):
    (home.root / "dispatcher.json").write_text(json.dumps({"pid": os.getpid(), "started": 1, "boot": "x", "host": "y"}))
    assert not dispatcher_alive(home)
    (home.root / "dispatcher.json").write_text("{torn")
    assert not dispatcher_alive(home)


def test_a_submission_is_never_stranded_between_two_dispatchers(home):
    # Submitted over and over right when the dispatcher may be about to leave.
    done = []
    quick = QUICK.replace("idle=0.5", "idle=0.01")
    for _ in range(2):
        run_id = submission.submit(spec("rounds=0"), home)
        with program("dispatch", STUB_TIMING=quick), program("dispatch", STUB_TIMING=quick):
            wait_for(lambda run_id=run_id: state(home, run_id) == "succeeded")
        done.append(run_id)
    assert [run_id for run_id, *_ in worked(home)] == done


def test_a_slow_lock_does_not_stop_the_others(home):
    held, free = submission.submit(spec(), home), submission.submit(spec(), home)
    with layout.run_lock(home, held), program("dispatch"):
        wait_for(lambda: state(home, free) == "succeeded")
        assert state(home, held) == "queued"
    drain(home)
    assert state(home, held) == "succeeded"


def test_index_follows_deletion_and_restoring(home):
    run_id = submission.submit(spec("rounds=0"), home)
    with program("dispatch", STUB_TIMING=PATIENT):
        wait_for(lambda: run_id in read_index(home) and state(home, run_id) == "succeeded")
        submission.delete(home, run_id)
        wait_for(lambda: run_id not in read_index(home))
        submission.restore(home, run_id)
        wait_for(lambda: run_id in read_index(home))
        (home.runs / run_id).rename(home.root / "moved-away")
        wait_for(lambda: run_id not in read_index(home))


def test_ended_runs_are_looked_at_for_a_small_part_of_the_time(home, monkeypatch):
    ids = [submission.submit(spec("rounds=1 die=error"), home) for _ in range(3)]
    drain_here(home)
    wait_for(lambda: reindex(home) and all(entry.stamp for entry in read_index(home).values()))
    clock, looks = [100.0], []
    fresh = index.Entry.is_fresh

    def slowly(entry, run_dir):
        looks.append(os.path.basename(run_dir))
        clock[0] += 0.05
        return fresh(entry, run_dir)

    monkeypatch.setattr(index.Entry, "is_fresh", slowly)
    monkeypatch.setattr(dispatcher_module, "time", SimpleNamespace(monotonic=lambda: clock[0], time=time.time))
    mine = Dispatcher(home, LocalLauncher(COMMAND), ONE_SLOT, Timing())
    mine._keep_index()
    assert mine._scan() == {} and sorted(looks) == sorted(ids)
    looks.clear()
    mine._scan()
    assert not looks, "looking took 0.15 s, so the disk rests for 3 s"
    queued = submission.submit(spec("rounds=1"), home)
    submission.resume(home, ids[0])
    mine._scan()
    assert not set(ids) & set(looks) and mine._entries[queued].row.state == "queued", "new runs are seen at once"
    clock[0] += 3.0
    mine._scan()
    assert set(looks) >= set(ids) and mine._entries[ids[0]].row.state == "queued"
    mine._index.close()
