"""Submit, cancel, resume, delete, restore; and run ids that mean harm."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import threading
import zipfile

import pytest

from cu_core.base.errors import BadInput, OutOfDisk
from cu_core.base.home import Home
from cu_core.catalogue.spec import RunSpec
from cu_core.catalogue.spec_parts import DataSpec, ForgetSpec, ModelSpec
from cu_core.engine.perform import run_attempt
from cu_core.jobs import submission
from cu_core.runstore import disk, layout
from cu_core.runstore.attempt import Attempt
from cu_core.runstore.export import export_run
from cu_core.runstore.handover import new_attempt
from cu_core.runstore.reader import list_runs, open_run
from cu_core.runstore.verify import verify
from tests.jobs import programs
from tests.jobs.stubs import execute, spec
from tests.madeup import write_dataset


def state(home, run_id):
    return open_run(home, run_id).state


def finish(home, run_id, words=None):
    """Does the next attempt at a run in this process."""
    attempt = Attempt.claim(home, run_id, new_attempt(home, run_id, {"launcher": "local"}))
    return run_attempt(attempt, execute if words is None else words)


def fails(attempt):
    raise ValueError("no")


def test_submit_makes_a_queued_run(home):
    run_id = submission.submit(spec(), home, demo=True)
    assert layout.is_run_id(run_id)
    row = open_run(home, run_id).row()
    assert (row.state, row.demo, row.attempt, row.dataset, row.task) == ("queued", True, 0, "digits", "class")
    assert open_run(home, run_id).spec == spec()
    assert open_run(home, run_id).info["spec_hash"] == spec().content_hash()
    assert submission.work_waiting(home)


def test_id_tells_day_and_choices(home):
    run_id = submission.submit(RunSpec(forget=ForgetSpec("random:50")), home)
    assert run_id[:8].isdecimal() and run_id[9:-9] == "digits-contrastive-random-50"


@pytest.mark.parametrize("name", ["../../etc/passwd", "日本語", "a" * 300, "UPPER case", "---", "a/b\\c"])
def test_any_name_makes_a_safe_id(home, name):
    run_id = submission.submit(spec(name), home)
    assert layout.is_run_id(run_id) and len(run_id) <= 64
    assert open_run(home, run_id).spec.name == name


def test_a_name_that_no_page_can_show_is_refused(home):
    with pytest.raises(BadInput, match="name: holds the character"):
        submission.submit(RunSpec(name="\x00"), home)
    assert list_runs(home) == []


@pytest.mark.parametrize(
    ("select", "words"),
    [
        ("class:11", "the dataset has no class '11'"),
        ("random:99999", "99999 of 600 training samples leaves nothing to retain"),
        ("memorised:99999", "99999 of 600 training samples leaves nothing to retain"),
        ("duplicates:600", "there is no training sample 600"),
        ("class:0,1,2,3,4,5,6,7,8", "only class 'nine' would be left"),
    ],
)
def test_a_forget_set_that_a_prepared_dataset_does_not_have_is_refused(home, select, words):
    wanted = RunSpec(forget=ForgetSpec(select))
    assert submission.submit(wanted, home), "nobody can know before the dataset is prepared"
    write_dataset(home, DataSpec())
    with pytest.raises(BadInput, match=words) as caught:
        submission.submit(wanted, home)
    assert caught.value.field == "forget.select" and len(list_runs(home)) == 1
    assert not home.scores.exists(), "nothing is worked out for that"
    submission.submit(RunSpec(forget=ForgetSpec("memorised:5")), home)


def test_one_token_one_run(home):
    first = submission.submit(spec(), home, token="t")
    assert submission.submit(spec("something else"), home, token="t") == first
    assert submission.submit(spec(), home, token="u") != first
    assert submission.submit(spec(), home) != submission.submit(spec(), home)
    assert len(list_runs(home)) == 4


def test_a_deleted_run_keeps_its_token(home):
    run_id = submission.submit(spec(), home, token="t")
    submission.delete(home, run_id)
    assert submission.submit(spec(), home, token="t") == run_id
    assert list_runs(home) == []


def test_two_tokens_with_the_same_digits(home, monkeypatch):
    monkeypatch.setattr(submission, "_hash", lambda text: "00000000" if text.endswith("\n0") else text[0] * 8)
    first, second = submission.submit(spec(), home, token="a"), submission.submit(spec(), home, token="b")
    assert first != second
    assert [submission.submit(spec(), home, token=token) for token in "ab"] == [first, second]


@pytest.mark.chaos
def test_one_token_one_run_from_several_processes_at_once(home):
    command = [sys.executable, programs.__file__, "submit", "t", "5"]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    answers = [process.communicate()[0].split() for process in processes]
    assert len(answers[0]) == 5 and all(answer == answers[0] for answer in answers)
    assert sorted(row.run_id for row in list_runs(home)) == sorted(answers[0])


def test_one_token_one_run_from_several_threads(home):
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(submission.submit(spec(), home, token="t"))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 8 and len(set(answers)) == 1 == len(list_runs(home))


def test_a_submit_that_waits_in_vain_says_so(home, monkeypatch):
    real = layout.submit_lock
    monkeypatch.setattr(layout, "submit_lock", lambda home: real(home, 0.05))
    with real(home), pytest.raises(BadInput, match="another process has been adding to .* try again"):
        submission.submit(spec(), home)
    assert list_runs(home) == []
    submission.submit(spec(), home)


def test_bad_specifications_make_no_run(home):
    with pytest.raises(BadInput) as caught:
        submission.submit(RunSpec(data=DataSpec("nonsense")), home)
    assert caught.value.field == "dataset"
    with pytest.raises(BadInput, match=r"no-such-file\.csv"):
        submission.submit(RunSpec(forget=ForgetSpec("indices:no-such-file.csv")), home)
    assert list(home.runs.iterdir()) == []


def test_paths_become_absolute(home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "chosen.csv").write_text("1\n2\n")
    (tmp_path / "own.pt").write_bytes(b"")
    (tmp_path / "images").mkdir()
    asked = RunSpec(
        data=DataSpec("folder:images"),
        model=ModelSpec(backbone="resnet8", weights="own.pt"),
        forget=ForgetSpec("indices:chosen.csv"),
    )
    found = open_run(home, submission.submit(asked, home)).spec
    assert found.data.dataset == f"folder:{tmp_path / 'images'}"
    assert found.forget.select == f"indices:{tmp_path / 'chosen.csv'}"
    assert found.model.weights == str(tmp_path / "own.pt")


def test_below_the_floor_nothing_is_submitted(home, monkeypatch):
    run_id = submission.submit(spec(), home)
    submission.cancel(home, run_id)
    monkeypatch.setenv(disk.FLOOR_VARIABLE, "1e12")
    for action in (lambda: submission.submit(spec(), home), lambda: submission.resume(home, run_id)):
        with pytest.raises(OutOfDisk, match=r"only [\d,]+ MB are free .* [\d,]+ MB must stay free"):
            action()
    assert state(home, run_id) == "cancelled" and len(list_runs(home)) == 1


def test_cancel_queued_and_finished(home):
    run_id = submission.submit(spec(), home)
    assert submission.cancel(home, run_id) == "cancelled"
    with pytest.raises(BadInput):
        new_attempt(home, run_id, {"launcher": "local"})
    done = submission.submit(spec(), home)
    finish(home, done)
    assert submission.cancel(home, done) == "succeeded"
    assert not (home.runs / done / "cancel").exists()


def test_resume_goes_on_from_the_checkpoint(home):
    run_id = submission.submit(spec("rounds=4 die=error at=2 until=1"), home)
    assert finish(home, run_id) == "failed"
    assert open_run(home, run_id).rounds() == [0, 1]
    submission.resume(home, run_id)
    assert state(home, run_id) == "queued"
    assert finish(home, run_id) == "succeeded"
    manifests = [open_run(home, run_id).manifest(k)["attempt"] for k in range(5)]
    assert manifests == [1, 1, 2, 2, 2]


def test_resume_after_cancel_and_twice(home):
    run_id = submission.submit(spec(), home)
    submission.cancel(home, run_id)
    submission.resume(home, run_id)
    submission.resume(home, run_id)
    assert state(home, run_id) == "queued" and finish(home, run_id) == "succeeded"


def test_resume_starts_a_new_series_of_attempts(home):
    run_id = submission.submit(spec(), home)
    finish(home, run_id, fails)
    submission.resume(home, run_id)
    new_attempt(home, run_id, {"launcher": "local"})
    found = open_run(home, run_id).run_state
    assert (found.attempt, found.first) == (2, 2)


def test_what_cannot_be_resumed_or_deleted(home):
    done, running = submission.submit(spec(), home), submission.submit(spec(), home)
    finish(home, done)
    Attempt.claim(home, running, new_attempt(home, running, {"launcher": "local"}))
    for run_id, word in ((done, "succeeded"), (running, "running")):
        with pytest.raises(BadInput, match=word):
            submission.resume(home, run_id)
        with pytest.raises(BadInput, match=word):
            submission.resume_here(home, run_id)
    with pytest.raises(BadInput, match="running"):
        submission.delete(home, running)
    assert verify(home, done) == []


def test_foreground_runs_belong_to_their_terminal(home):
    run_id = submission.submit(spec("rounds=3 die=error at=2 until=1"), home, foreground=True)
    row = open_run(home, run_id).row()
    assert (row.state, row.foreground) == ("starting", True)
    assert not submission.work_waiting(home)
    with pytest.raises(BadInput):
        new_attempt(home, run_id, {"launcher": "local"})
    assert run_attempt(Attempt.claim(home, run_id, 1), execute) == "failed"
    number = submission.resume_here(home, run_id)
    assert number == 2 and not submission.work_waiting(home)
    assert run_attempt(Attempt.claim(home, run_id, number), execute) == "succeeded"


def test_a_queued_run_can_be_taken_over_from_the_queue(home):
    run_id = submission.submit(spec(), home)
    assert run_attempt(Attempt.claim(home, run_id, submission.resume_here(home, run_id)), execute) == "succeeded"


def test_delete_restore_and_empty(home):
    kept, gone = submission.submit(spec("kept"), home), submission.submit(spec("gone"), home)
    finish(home, kept)
    before = open_run(home, kept).row()
    submission.delete(home, gone)
    submission.delete(home, kept)
    assert list_runs(home) == [] and not submission.work_waiting(home)
    assert [(b.run_id, b.title) for b in submission.binned(home)] == [(kept, "kept"), (gone, "gone")]
    with pytest.raises(BadInput, match="in the bin"):
        open_run(home, kept)
    submission.restore(home, kept)
    assert open_run(home, kept).row() == before and verify(home, kept) == []
    assert submission.empty_bin(home) == 1
    assert submission.binned(home) == [] and not (home.bin / gone).exists()
    with pytest.raises(BadInput, match="not in the bin"):
        submission.restore(home, gone)


def test_empty_bin_can_be_choosy(home):
    ids = [submission.submit(spec(), home) for _ in range(3)]
    for run_id in ids:
        submission.delete(home, run_id)
    assert submission.empty_bin(home, ids[:1]) == 1
    assert {b.run_id for b in submission.binned(home)} == set(ids[1:])
    with pytest.raises(BadInput):
        submission.empty_bin(home, ["../runs"])


EVIL = ["..", ".", "", "/", "../bin", "a/b", "a\\b", "A", "a b", "a\n", "-a", "a" * 65, "a\x00", None, 3, "%2e%2e", "~"]


@pytest.mark.parametrize("run_id", EVIL, ids=[repr(run_id)[:12] for run_id in EVIL])
def test_malicious_ids_are_refused(home, run_id):
    (home.root / "precious").mkdir()
    actions = (
        submission.cancel,
        submission.resume,
        submission.resume_here,
        submission.delete,
        submission.restore,
        open_run,
        verify,
    )
    for action in actions:
        with pytest.raises(BadInput):
            action(home, run_id)
    with pytest.raises(BadInput):
        Attempt(home, run_id, 1)
    assert sorted(path.name for path in home.root.iterdir()) == sorted(
        ["bin", "datasets", "models", "precious", "runs", "uploads"]
    )


def test_foreign_things_among_the_runs_are_ignored(home):
    run_id = submission.submit(spec(), home)
    (home.runs / "Not A Run").mkdir()
    (home.runs / "a-file").write_text("")
    (home.runs / ".submit-half").mkdir()
    assert [row.run_id for row in list_runs(home)] == [run_id]


def test_submit_that_breaks_off_leaves_nothing(home, monkeypatch):
    def full(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(submission, "write_json", full)
    with pytest.raises(OSError):
        submission.submit(spec(), home)
    assert list(home.runs.iterdir()) == []


def test_runs_keep_their_specification(home):
    asked = dataclasses.replace(spec("x"), seed=7, group="g")
    run_id = submission.submit(asked, home)
    assert json.loads((home.runs / run_id / "spec.json").read_text()) == asked.to_json()
    assert open_run(home, run_id).row().group == "g"


def test_a_home_that_does_not_exist_yet(tmp_path):
    fresh = Home(tmp_path / "a" / "b")
    assert list_runs(fresh) == [] and submission.binned(fresh) == [] and not submission.work_waiting(fresh)
    submission.submit(spec(), fresh)
    assert len(list_runs(fresh)) == 1


def test_an_export_leaves_out_what_only_the_run_itself_needs_wherever_the_home_lies(tmp_path):
    home = Home(tmp_path / layout.STAGING / "home").create()
    run_id = submission.submit(spec(), home)
    finish(home, run_id)
    export_run(home, run_id, tmp_path / "run.zip")
    names = zipfile.ZipFile(tmp_path / "run.zip").namelist()
    assert f"{run_id}/result.json" in names and f"{run_id}/checkpoint.pt" not in names
