"""The fence, and files that are whole or not there."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import threading
import time
import zipfile

import numpy as np
import pytest

from cu_core.base.errors import BadInput, Cancelled, OutOfDisk, OutOfMemory, Replaced
from cu_core.engine.perform import failure, run_attempt
from cu_core.jobs import submission
from cu_core.runstore import disk, layout
from cu_core.runstore.attempt import SPARE, Attempt
from cu_core.runstore.handover import new_attempt
from cu_core.runstore.reader import open_run
from cu_core.runstore.state import read_state
from tests.jobs.programs import wait_for
from tests.jobs.stubs import arrays, execute, spec, write_probe


@pytest.fixture
def attempt(home):
    run_id = submission.submit(spec(), home)
    return Attempt.claim(home, run_id, new_attempt(home, run_id, {"launcher": "local"}))


def replace(attempt):
    """Makes the next attempt as the dispatcher does."""
    (attempt.run_dir / "requeue.json").write_text(json.dumps({"attempt": attempt.number + 1, "first": 1}))
    return new_attempt(attempt.home, attempt.run_id, {"launcher": "local"})


def test_claimed_once(attempt):
    assert read_state(attempt.run_dir).state == "running"
    with pytest.raises(Replaced):
        Attempt.claim(attempt.home, attempt.run_id, attempt.number)


def test_claimed_once_by_many_threads(home):
    run_id = submission.submit(spec(), home)
    number = new_attempt(home, run_id, {"launcher": "local"})
    won = []

    def claim():
        with contextlib.suppress(Replaced):
            won.append(Attempt.claim(home, run_id, number))

    threads = [threading.Thread(target=claim) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1


def test_no_attempt_beside_a_running_one(attempt):
    with pytest.raises(BadInput, match="running"):
        new_attempt(attempt.home, attempt.run_id, {"launcher": "local"})


def test_unknown_attempt(attempt):
    with pytest.raises(BadInput, match="no attempt 7"):
        Attempt.claim(attempt.home, attempt.run_id, 7)


WRITES = {
    "check": lambda a: a.check(),
    "promote": lambda a: a.promote("rounds/1", arrays(1), {"round": 1, "metrics": {}}),
    "write": lambda a: a.write("weights.pt", lambda file: file.write(b"x")),
    "write_json": lambda a: a.write_json("result.json", {}),
    "drop": lambda a: a.drop("rounds/1"),
    "finish": lambda a: a.finish("succeeded"),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
@pytest.mark.parametrize("how", ["next attempt", "asked for", "given up", "deleted"])
def test_fence_rejects_who_was_replaced(attempt, write, how):
    if how == "next attempt":
        replace(attempt)
    elif how == "asked for":
        (attempt.run_dir / "requeue.json").write_text('{"attempt": 2}')
    elif how == "given up":
        (attempt.folder / "outcome.json").write_text('{"state": "failed", "error": null, "t": 1}')
    else:
        attempt.run_dir.rename(attempt.home.bin / attempt.run_id)
    before = sorted(attempt.home.root.rglob("*"))
    with pytest.raises(Replaced):
        write(attempt)
    assert sorted(attempt.home.root.rglob("*")) == before


def test_fence_holds_between_staging_and_putting_in_place(attempt):
    # The file is being written while the attempt is replaced.
    with pytest.raises(Replaced):
        attempt.write("weights.pt", lambda file: (file.write(b"old"), replace(attempt)))
    assert not (attempt.run_dir / "weights.pt").exists()


def test_fence_holds_for_who_waits_for_the_lock(attempt):
    caught = []

    def write():
        try:
            attempt.promote("rounds/1", arrays(1), {"round": 1, "metrics": {}})
        except Replaced as error:
            caught.append(error)

    thread = threading.Thread(target=write)
    with layout.run_lock(attempt.home, attempt.run_id):
        thread.start()
        # Staged means that it has passed all checks before the lock.
        while len(list(attempt.folder.glob("staging/*"))) < 2:
            assert thread.is_alive()
        time.sleep(0.1)
        (attempt.run_dir / "requeue.json").write_text('{"attempt": 2}')
    thread.join()
    assert caught and not (attempt.run_dir / "rounds").exists()


def test_the_new_attempt_writes_and_its_own_requeue_is_not_held_against_it(attempt):
    newer = Attempt.claim(attempt.home, attempt.run_id, replace(attempt))
    newer.check()
    newer.promote("rounds/1", arrays(1), {"round": 1, "metrics": {}})
    assert open_run(attempt.home, attempt.run_id).manifest(1)["attempt"] == 2


def test_check_sees_the_cancel_flag(attempt):
    attempt.check()
    submission.cancel(attempt.home, attempt.run_id)
    with pytest.raises(Cancelled):
        attempt.check()


def test_promoted_arrays_read_back(attempt):
    attempt.promote("rounds/1", arrays(1), {"round": 1, "metrics": {"forget_acc": float("nan")}})
    view = open_run(attempt.home, attempt.run_id)
    for name, array in arrays(1).items():
        np.testing.assert_array_equal(view.array(1, name), array)
        np.testing.assert_array_equal(attempt.array("rounds/1", name), array)
        assert view.array(1, name).dtype == array.dtype
    manifest = view.manifest(1)
    assert manifest["metrics"] == {"forget_acc": None}
    assert (manifest["schema"], manifest["attempt"]) == (1, 1)
    entry = manifest["arrays"]["embedding"]
    stored = attempt.run_dir / "rounds/1" / entry["file"]
    assert (entry["dtype"], entry["shape"]) == ("float16", [12, 4])
    assert entry["sha256"] == hashlib.sha256(stored.read_bytes()).hexdigest()


def test_a_round_done_again_replaces_the_old_one_without_a_gap(attempt):
    attempt.promote("rounds/1", arrays(1), {"round": 1, "metrics": {}})
    old = open_run(attempt.home, attempt.run_id).array(1, "loss")
    for value in (5, 6, 7):
        attempt.promote("rounds/1", arrays(value), {"round": 1, "metrics": {}})
        np.testing.assert_array_equal(open_run(attempt.home, attempt.run_id).array(1, "loss"), arrays(value)["loss"])
    # Whoever holds the old array keeps it, and no file of it stays behind.
    np.testing.assert_array_equal(old, arrays(1)["loss"])
    assert len(list((attempt.run_dir / "rounds/1").glob("*.npy"))) == 2


def test_a_dropped_round_is_gone(attempt):
    for number in (1, 2):
        attempt.promote(f"rounds/{number}", arrays(1), {"round": number, "metrics": {}})
    attempt.drop("rounds/2")
    attempt.drop("rounds/7")
    assert open_run(attempt.home, attempt.run_id).rounds() == [1]
    assert [folder.name for folder in (attempt.run_dir / "rounds").iterdir()] == ["1"]
    with pytest.raises(ValueError, match="not a folder"):
        attempt.drop("../other")


def test_a_reader_never_sees_half_of_a_round(attempt):
    problems, over = [], threading.Event()

    def look():
        view = open_run(attempt.home, attempt.run_id)
        while not over.is_set():
            try:
                problems.extend(view.damage())
                for number in view.rounds():
                    loss, embedding = view.array(number, "loss"), view.array(number, "embedding")
                    if len(set(loss)) != 1 or loss.shape != (12,) or embedding.shape != (12, 4):
                        problems.append(number)
            except BadInput as error:
                problems.append(error)

    attempt.write("probe.parquet", write_probe)
    thread = threading.Thread(target=look)
    thread.start()
    for value in range(40):
        attempt.promote("rounds/0", arrays(value), {"round": 0, "metrics": {}})
    over.set()
    thread.join()
    assert problems == []


def test_a_write_that_breaks_off_leaves_the_old_file(attempt):
    attempt.write("checkpoint.pt", lambda file: file.write(b"whole"))

    def break_off(file):
        file.write(b"half")
        raise RuntimeError("cut")

    with pytest.raises(RuntimeError, match="cut"):
        attempt.write("checkpoint.pt", break_off)
    assert attempt.checkpoint_path.read_bytes() == b"whole"
    assert list((attempt.folder / "staging").iterdir()) == []


@pytest.mark.parametrize("name", ["../x", "/tmp/x", "a/b", "", "..", ".hidden", "a\nb"])
def test_names_cannot_leave_the_run(attempt, name):
    with pytest.raises(ValueError):
        attempt.write(name, lambda file: None)
    with pytest.raises(ValueError):
        attempt.promote(f"rounds/{name}/..", {}, {})
    with pytest.raises(ValueError):
        attempt.promote("rounds/1", {name: np.zeros(1)}, {})


def test_a_library_that_hides_the_full_disk_is_seen_through(attempt):
    def write(file):
        try:
            # More than any buffer holds, so that it reaches the file.
            file.write(b"x" * 10_000_000)
        except OSError:
            raise RuntimeError("writer failed") from None

    limit = _file_limit(1_000_000)
    try:
        with pytest.raises(OutOfDisk, match="disk is full"):
            attempt.write("weights.pt", write)
        with pytest.raises(OutOfDisk):
            attempt.promote("rounds/1", {"embedding": np.zeros(1_000_000)}, {"round": 1, "metrics": {}})
    finally:
        _file_limit(limit)
    assert not (attempt.run_dir / "weights.pt").exists()
    assert open_run(attempt.home, attempt.run_id).rounds() == []


def _file_limit(size):
    """Sets the largest size of a file of this process, and returns the one before."""
    resource = pytest.importorskip("resource", reason="file size limits are a matter of Unix")
    before, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    return before


def test_below_the_floor_nothing_is_promoted(attempt, monkeypatch):
    monkeypatch.setenv(disk.FLOOR_VARIABLE, "1e12")
    with pytest.raises(OutOfDisk, match="must stay free"):
        attempt.promote("rounds/1", arrays(1), {"round": 1, "metrics": {}})
    with pytest.raises(OutOfDisk):
        attempt.write("weights.pt", lambda file: None)


def test_an_outcome_without_room_for_it(attempt, monkeypatch):
    def full(folder, name, write):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cu_core.runstore.attempt.stage", full)
    attempt.finish("failed", {"kind": "out-of-disk", "message": "x", "hint": ""})
    found = read_state(attempt.run_dir)
    assert found.state == "failed" and found.error["kind"] == "out-of-disk" and found.finished


def test_events_of_any_content_are_one_line_each(attempt):
    attempt.event("train", 1, 2, metrics={"loss": np.float32("inf")}, message="two\nlines")
    attempt.event("train", 2, 2, seconds_left=0.5)
    with (attempt.folder / "events.jsonl").open("ab") as file:
        file.write(b'{"phase": "train", "do')
    events = open_run(attempt.home, attempt.run_id).events()
    assert [event["done"] for event in events] == [1, 2]
    assert events[0]["metrics"] == {"loss": None} and events[0]["message"] == "two\nlines"
    assert open_run(attempt.home, attempt.run_id).events(since=1) == events[1:]
    row = open_run(attempt.home, attempt.run_id).row()
    assert (row.phase, row.fraction, row.seconds_left) == ("train", 1.0, 0.5)


def test_heartbeat_beats(attempt):
    path = attempt.folder / "heartbeat"
    os.utime(path, (1, 1))
    with attempt.beating(0.01):
        wait_for(lambda: path.stat().st_mtime > 1)


def raising(error):
    def work(attempt):
        raise error

    return work


FAILURES = {
    "bad-input": BadInput("train.lr", "is silly", ("0 to 1",)),
    "out-of-memory": OutOfMemory("lower train.batch_size"),
    "out-of-disk": OutOfDisk("only 3 MB are free"),
    "failed": ValueError("the sky is falling"),
}


@pytest.mark.parametrize("kind", FAILURES)
def test_failures_are_told_in_words(attempt, kind):
    assert run_attempt(attempt, raising(FAILURES[kind])) == "failed"
    view = open_run(attempt.home, attempt.run_id)
    assert view.state == "failed" and view.error["kind"] == kind
    assert str(FAILURES[kind]) in view.error["message"]
    assert "Traceback" not in view.error["message"]
    assert "Traceback" in view.log()
    assert view.row().error == view.error["message"]
    assert not (attempt.folder / SPARE).exists()


@pytest.mark.parametrize("number", [28, 27, 122])
def test_a_full_disk_is_recognised_behind_other_errors(number):
    try:
        try:
            raise OSError(number, "full")
        except OSError as cause:
            raise RuntimeError("could not save") from cause
    except RuntimeError as error:
        assert failure(error)["kind"] == "out-of-disk"


def test_memory_errors_of_libraries_are_recognised():
    class OutOfMemoryError(RuntimeError):
        """As torch has it."""

    assert failure(OutOfMemoryError("CUDA"))["kind"] == "out-of-memory"
    assert failure(MemoryError())["kind"] == "out-of-memory"


def test_success_has_a_result(attempt):
    assert run_attempt(attempt, execute) == "succeeded"
    view = open_run(attempt.home, attempt.run_id)
    assert view.result()["rounds"] == 2 and view.rounds() == [0, 1, 2]
    assert view.damage() == []
    assert zipfile.is_zipfile(attempt.checkpoint_path)


def test_a_result_that_json_cannot_hold_is_made_plain(attempt):
    result = {"metrics": {"after": {"forget_acc": np.float64("nan")}}, "rounds": np.int64(3), "list": (1, 2)}
    assert run_attempt(attempt, lambda _: result) == "succeeded"
    assert open_run(attempt.home, attempt.run_id).result() == {
        "metrics": {"after": {"forget_acc": None}},
        "rounds": 3,
        "list": [1, 2],
    }


def test_replaced_writes_nothing(attempt):
    def work(attempt):
        replace(attempt)
        attempt.check()

    assert run_attempt(attempt, work) == "replaced"
    assert not (attempt.folder / "outcome.json").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_cancel(attempt, number):
    before = signal.getsignal(number)

    def work(attempt):
        os.kill(os.getpid(), number)
        wait_for(lambda: attempt.check())

    assert run_attempt(attempt, work) == "cancelled"
    assert open_run(attempt.home, attempt.run_id).state == "cancelled"
    assert signal.getsignal(number) is before


def test_a_second_interrupt_ends_work_that_never_checks(attempt):
    def work(attempt):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        return {}

    assert run_attempt(attempt, work) == "cancelled"


def test_an_interrupt_breaks_off_work_that_never_checks(attempt, monkeypatch):
    monkeypatch.setattr("cu_core.engine.perform.PATIENCE_SECONDS", 0.05)

    def work(attempt):
        os.kill(os.getpid(), signal.SIGINT)
        wait_for(lambda: False)

    began = time.monotonic()
    assert run_attempt(attempt, work) == "cancelled"
    assert time.monotonic() - began < 3
    assert not [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]


def test_an_interrupt_at_the_very_end_breaks_nothing_off(attempt, monkeypatch):
    monkeypatch.setattr("cu_core.engine.perform.PATIENCE_SECONDS", 0.05)
    finish = attempt.finish

    def work(attempt):
        os.kill(os.getpid(), signal.SIGINT)
        return {}

    monkeypatch.setattr(attempt, "finish", lambda *given: (time.sleep(0.2), finish(*given)))
    assert run_attempt(attempt, work) == "succeeded"


def test_a_damaged_specification_is_an_outcome(attempt):
    (attempt.run_dir / "spec.json").write_text("{")
    assert run_attempt(attempt, execute) == "failed"
    assert open_run(attempt.home, attempt.run_id).error["kind"] == "bad-input"
