"""The launcher for Slurm, with submitit's local executor in place of Slurm."""

from __future__ import annotations

import contextlib
import importlib
import json
import threading

import pytest

from cu_core.base.errors import BadInput
from cu_core.jobs import submission
from cu_core.jobs.cluster import ClusterSettings, cluster_slots
from cu_core.jobs.dispatcher import Dispatcher, dispatcher_words
from cu_core.jobs.launchers.launcher import make_launcher
from cu_core.jobs.supervisor import Timing
from cu_core.runstore import layout
from cu_core.runstore.reader import open_run
from cu_core.runstore.verify import verify
from tests.jobs.programs import end_workers, wait_for, worked
from tests.jobs.stubs import COMMAND, spec

submitit = pytest.importorskip("submitit", reason="submitit is not installed (requirements-cluster.txt)")

TIMING = Timing(tick=0.05, lease=120, term=0.3, kill=60, idle=0.5, settle=0.2)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(importlib.import_module("cu_core.jobs.launchers.slurm"), "POLL_SECONDS", 0.1)


@contextlib.contextmanager
def dispatching(home, **changes):
    settings = ClusterSettings("slurm", "local", **changes)
    made = Dispatcher(home, make_launcher(home, settings, COMMAND), cluster_slots(settings), TIMING)
    thread = threading.Thread(target=made.run, args=(False,))
    thread.start()
    try:
        yield
    finally:
        made.end()
        thread.join()
        end_workers(home)


def done(home, run_id):
    return wait_for(lambda: open_run(home, run_id).state in ("succeeded", "failed", "cancelled")) and open_run(
        home, run_id
    )


def test_runs_are_done_and_lost_ones_done_again(home):
    run_id = submission.submit(spec("rounds=2 die=exit at=1 until=1"), home)
    with dispatching(home):
        view = done(home, run_id)
    assert view.state == "succeeded" and view.run_state.attempt == 2 and verify(home, run_id) == []
    assert [(number, k) for _, number, k, _ in worked(home)] == [(1, 0), (1, 1), (2, 1), (2, 2)]
    launch = json.loads((home.runs / run_id / "attempt-1" / layout.LAUNCH).read_text())
    assert (launch["launcher"], launch["queue"]) == ("slurm", "Slurm local")
    assert json.loads((home.runs / run_id / "attempt-2" / layout.JOB).read_text())["job"].isdecimal()
    assert "on " in view.log()


def test_cancel_reaches_a_worker(home):
    run_id = submission.submit(spec("rounds=500 pause=0.05"), home)
    with dispatching(home):
        wait_for(lambda: open_run(home, run_id).rounds())
        submission.cancel(home, run_id)
        assert done(home, run_id).state == "cancelled"
    assert verify(home, run_id) == []


def test_a_node_without_the_project_fails_with_what_it_said(home, tmp_path, monkeypatch):
    monkeypatch.setattr("cu_core.jobs.supervisor.MOST_ATTEMPTS", 1)
    run_id = submission.submit(spec("rounds=1"), home)
    with dispatching(home, project=str(tmp_path / "nowhere")):
        message = done(home, run_id).error["message"]
    assert "nowhere" in message and "Slurm:" in message


def test_what_sbatch_is_asked_for(home, monkeypatch):
    slurm = importlib.import_module("cu_core.jobs.launchers.slurm")
    given = {"partition": "gpu", "time": "90", "gres": "gpu:a100:2", "reservation": "class"}
    settings = ClusterSettings("slurm", "local", cpus=3, sbatch=given)
    asked = slurm.SlurmLauncher(home, settings)._parameters("r", 6, 2)
    assert asked["timeout_min"] == 90 and asked["cpus_per_task"] == 6 and "gpus_per_node" not in asked
    assert asked["slurm_partition"] == "gpu" and asked["slurm_gres"] == "gpu:a100:2"
    assert asked["slurm_additional_parameters"] == {"no-requeue": True, "reservation": "class"}
    # As sbatch itself would read it; submitit writes the file without asking Slurm.
    sbatch = importlib.import_module("submitit.slurm.slurm")
    monkeypatch.setattr(sbatch.SlurmExecutor, "affinity", classmethod(lambda cls: 1))
    executor = submitit.AutoExecutor(folder=home.root / "slurm", cluster="slurm")
    executor.update_parameters(**asked)
    text = executor._executor._make_submission_file_text("true", "x")
    for line in ("--partition=gpu", "--time=90", "--gres=gpu:a100:2", "--cpus-per-task=6", "--no-requeue"):
        assert f"#SBATCH {line}\n" in text


def test_a_slurm_that_takes_no_jobs_keeps_runs_waiting_at_no_cost(home, monkeypatch):
    run_id = submission.submit(spec("rounds=1"), home)

    def refuse(self, function):
        raise submitit.core.utils.FailedSubmissionError("sbatch: error: Batch job submission failed: down")

    with monkeypatch.context() as broken:
        broken.setattr(submitit.AutoExecutor, "submit", refuse)
        with dispatching(home):
            words = wait_for(lambda: dispatcher_words(home))
            assert words.endswith("Batch job submission failed: down")
            assert open_run(home, run_id).state == "queued"
    attempts = layout.attempts(home.runs / run_id)
    assert attempts == [1], "the pause keeps it from trying at every look"
    with dispatching(home):
        view = done(home, run_id)
    assert view.state == "succeeded" and (view.run_state.attempt, view.run_state.first) == (2, 2)


def test_where_slurm_is_missing_it_is_refused_in_words(home, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BadInput, match="Slurm cannot be used here"):
        make_launcher(home, ClusterSettings("slurm"))
