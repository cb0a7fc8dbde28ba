"""The launcher for Ray against a small server that speaks Ray's Jobs interface; workers are real processes."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading

import pytest

from cu_core.base.errors import BadInput
from cu_core.base.process import identity
from cu_core.jobs import submission
from cu_core.jobs.cluster import ClusterSettings, cluster_slots, home_mark, read_settings, wants_of
from cu_core.jobs.dispatcher import Dispatcher, dispatcher_words, ensure_dispatcher
from cu_core.jobs.launchers import ray_jobs
from cu_core.jobs.launchers.launcher import Pause, Unreachable, make_launcher
from cu_core.jobs.launchers.ray_jobs import RayLauncher
from cu_core.jobs.slots import Slot
from cu_core.jobs.supervisor import MOST_ATTEMPTS, Supervisor, Timing
from cu_core.runstore import layout
from cu_core.runstore.attempt import Attempt
from cu_core.runstore.handover import new_attempt
from cu_core.runstore.reader import open_run
from cu_core.runstore.verify import verify
from tests.cluster.ray_stand_in import StandIn
from tests.jobs.programs import end_workers, wait_for, worked
from tests.jobs.stubs import COMMAND, GO, spec

# Patient where a worker is silent because the machine is busy, and quick where a cluster has spoken.
TIMING = Timing(tick=0.05, lease=120, term=0.3, kill=60, idle=0.5, settle=0.2)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(ray_jobs, "POLL_SECONDS", 0.1)
    monkeypatch.setattr(ray_jobs, "AWAY_SECONDS", 0.2)


@pytest.fixture
def cluster():
    with StandIn(["node-1", "node-2"]) as made:
        yield made


@contextlib.contextmanager
def dispatching(home, cluster, timing=TIMING, slots=8):
    """A dispatcher at work in a thread; it and all workers are gone afterwards."""
    settings = ClusterSettings("ray", cluster.url, slots=slots)
    launcher = RayLauncher(home, settings, COMMAND)
    made = Dispatcher(home, launcher, cluster_slots(settings), timing)
    thread = threading.Thread(target=made.run, args=(False,))
    thread.start()
    try:
        yield made
    finally:
        made.end()
        thread.join()
        end_workers(home)


def state(home, run_id):
    return open_run(home, run_id).state


def done(home, run_id):
    return wait_for(lambda: state(home, run_id) in ("succeeded", "failed", "cancelled") and open_run(home, run_id))


def launch_of(home, run_id, number=1):
    return json.loads((home.runs / run_id / f"attempt-{number}/launch.json").read_text())


def test_runs_go_to_the_nodes_and_come_back(home, cluster):
    ids = [submission.submit(spec("rounds=1"), home) for _ in range(3)]
    with dispatching(home, cluster):
        for run_id in ids:
            assert done(home, run_id).state == "succeeded" and verify(home, run_id) == []
    assert sorted((run_id, number, k) for run_id, number, k, _ in worked(home)) == sorted(
        (run_id, 1, k) for run_id in ids for k in (0, 1)
    )
    launch = launch_of(home, ids[0])
    assert (launch["launcher"], launch["queue"]) == ("ray", cluster.url) and launch["slot"].startswith("ray-")
    # What the worker says is in the log of its attempt, as on this machine.
    assert "on node-" in open_run(home, ids[0]).log()
    job = next(iter(cluster.jobs.values())).request
    assert job["entrypoint_num_cpus"] == 1 and job["entrypoint_num_gpus"] == 0
    assert job["submission_id"].endswith(f"{ids[0]}-1")


def test_a_lost_node_costs_a_run_one_attempt_and_its_worker_can_write_nothing_more(home, cluster):
    kept, lost = (submission.submit(spec("rounds=3 die=hold at=2 until=1"), home) for _ in range(2))
    with dispatching(home, cluster):
        wait_for(lambda: len([1 for _, _, k, _ in worked(home) if k == 2]) == 2)
        victim = next(job for job in cluster.jobs.values() if lost in job.request["submission_id"])
        cluster.lose(victim.node)
        # Its place is taken by the other node, where the first run still works.
        wait_for(lambda: (home.runs / lost / "attempt-2").exists())
        assert open_run(home, lost).state == "starting" and open_run(home, lost).rounds() == [0, 1]
        before = {path: path.read_bytes() for path in (home.runs / lost / "rounds").rglob("*") if path.is_file()}
        assert victim.process.poll() is None, "the worker on the lost node lives on"
        (home.root / GO).touch()
        assert victim.process.wait() != 0
        for run_id, attempts in ((kept, 1), (lost, 2)):
            view = done(home, run_id)
            assert view.state == "succeeded" and view.run_state.attempt == attempts
            assert view.rounds() == [0, 1, 2, 3] and verify(home, run_id) == []
        assert {path: path.read_bytes() for path in before} == before
    assert [(n, k) for run_id, n, k, _ in worked(home) if run_id == lost] == [(1, 0), (1, 1), (1, 2), (2, 2), (2, 3)]
    manifests = [json.loads((home.runs / lost / f"rounds/{k}/manifest.json").read_text()) for k in range(4)]
    assert [manifest["attempt"] for manifest in manifests] == [1, 1, 2, 2]
    assert not (home.runs / lost / "attempt-1/outcome.json").exists()


def test_why_a_lost_run_waits_again_is_told(home, cluster):
    cluster.nodes.remove("node-2")
    run_id = submission.submit(spec("rounds=1 die=exit"), home)
    with dispatching(home, cluster):
        view = done(home, run_id)
    assert view.run_state.attempt == MOST_ATTEMPTS
    message = view.error["message"]
    assert "exit code 7" in message and "Ray: FAILED" in message and message.endswith("something went very wrong")


def test_without_a_head_runs_wait_and_the_reason_is_told(home, cluster, capfd):
    cluster.die()
    run_id = submission.submit(spec("rounds=0"), home)
    with dispatching(home, cluster) as dispatcher:
        words = wait_for(lambda: dispatcher_words(home))
        assert cluster.url in words and "does not answer" in words
        assert state(home, run_id) == "queued" and not (home.runs / run_id / "attempt-1").exists()
        cluster.start()
        assert done(home, run_id).run_state.attempt == 1
        wait_for(lambda: dispatcher_words(home) == "")
        assert dispatcher is not None
    assert words in capfd.readouterr().err


def test_an_answer_that_gets_lost_starts_nothing_twice(home, cluster):
    cluster.forgets_answers = 1
    run_id = submission.submit(spec("rounds=1"), home)
    with dispatching(home, cluster):
        view = done(home, run_id)
        # The job of the first attempt was taken all the same; it finds that it was withdrawn.
        first = next(iter(cluster.jobs.values()))
        wait_for(lambda: first.process is not None and first.process.poll() is not None)
    assert view.state == "succeeded" and view.rounds() == [0, 1] and verify(home, run_id) == []
    assert len({number for _, number, *_ in worked(home)}) == 1
    # It was handed over once, so it may still be lost as often as any other.
    assert view.run_state.first == view.run_state.attempt or view.run_state.attempt == 1


def test_a_head_that_was_started_anew_costs_nothing_but_the_runs_that_waited_there(home, cluster):
    cluster.nodes.remove("node-2")
    working = submission.submit(spec("rounds=1 die=hold until=1"), home)
    waiting = submission.submit(spec("rounds=1"), home)
    with dispatching(home, cluster):
        wait_for(lambda: any(k == 1 for _, _, k, _ in worked(home)))
        wait_for(lambda: len(cluster.jobs) == 2)
        cluster.die()
        cluster.jobs.clear()
        cluster.start()
        wait_for(lambda: (home.runs / waiting / "attempt-2").exists())
        assert state(home, working) == "running"
        (home.root / GO).touch()
        assert done(home, working).run_state.attempt == 1
        found = done(home, waiting).run_state
        assert (found.attempt, found.first) == (2, 2)


def test_waiting_longer_than_ray_is_patient_costs_no_attempt(home, cluster):
    node = cluster.nodes
    cluster.nodes = []
    run_id = submission.submit(spec("rounds=0"), home)
    with dispatching(home, cluster):
        for number in range(1, MOST_ATTEMPTS + 2):
            wait_for(lambda number=number: len(cluster.jobs) == number)
            cluster.lose_patience()
        wait_for(lambda: len(cluster.jobs) == MOST_ATTEMPTS + 2)
        cluster.nodes = node
        view = done(home, run_id)
    assert view.state == "succeeded" and view.run_state.attempt == view.run_state.first == MOST_ATTEMPTS + 2


def test_cancel_in_the_queue_of_the_cluster_and_at_work(home, cluster):
    cluster.nodes.remove("node-2")
    working = submission.submit(spec("rounds=500 pause=0.05"), home)
    waiting = submission.submit(spec("rounds=1"), home)
    with dispatching(home, cluster):
        wait_for(lambda: open_run(home, working).rounds() and len(cluster.jobs) == 2)
        assert state(home, waiting) == "starting"
        submission.cancel(home, waiting)
        wait_for(lambda: state(home, waiting) == "cancelled")
        submission.cancel(home, working)
        wait_for(lambda: state(home, working) == "cancelled")
    assert verify(home, working) == [] and {run_id for run_id, *_ in worked(home)} == {working}


def test_a_node_that_the_cluster_takes_back_is_no_wish_of_the_user(home, cluster):
    run_id = submission.submit(spec("rounds=2 die=hold until=1"), home)
    with dispatching(home, cluster):
        wait_for(lambda: any(k == 1 for _, _, k, _ in worked(home)))
        next(iter(cluster.jobs.values())).process.terminate()
        view = done(home, run_id)
    assert view.state == "succeeded" and view.run_state.attempt == 2 and view.rounds() == [0, 1, 2]


@pytest.mark.parametrize("what", ["missing", "another", "project"])
def test_a_node_that_does_not_see_the_home_fails_in_clear_words(home, cluster, tmp_path, what, monkeypatch):
    monkeypatch.setattr("cu_core.jobs.supervisor.MOST_ATTEMPTS", 1)
    run_id = submission.submit(spec("rounds=1"), home)
    settings = ClusterSettings("ray", cluster.url, project=str(tmp_path / "nowhere") if what == "project" else "/")
    if what == "missing":
        cluster.environment["node-1"] = {"STUB_HOME": str(tmp_path / "not-mounted")}
    elif what == "another":
        (tmp_path / "other").mkdir()
        (tmp_path / "other/shared.json").write_text('{"mark": "another"}')
        cluster.environment["node-1"] = {"STUB_HOME": str(tmp_path / "other")}
    cluster.nodes.remove("node-2")
    dispatcher = Dispatcher(home, RayLauncher(home, settings, COMMAND), cluster_slots(settings), TIMING)
    dispatcher.run(drain=True)
    message = open_run(home, run_id).error["message"]
    words = {
        "missing": "the node node-1 does not see",
        "another": "is not the dispatcher's folder",
        "project": "nowhere",
    }
    assert words[what] in message and "1 attempts were lost" in message
    assert words[what] in open_run(home, run_id).log(), "what Ray has of its log is kept"
    assert what == "project" or "on every node" in message
    assert worked(home) == []


def test_the_real_worker_looks_for_the_mark_and_writes_into_the_log_of_its_attempt(home, python_env):
    run_id = submission.submit(spec(), home)
    number = new_attempt(home, run_id, {"launcher": "ray", "slot": "ray-0", "queue": "elsewhere"})
    words = [sys.executable, "-m", "cu_core", "worker", run_id, "--attempt", str(number)]

    def work(mark):
        environment = python_env | {"CU_HOME": str(home.root), "CU_SHARED_MARK": mark}
        return subprocess.run(words, env=environment, capture_output=True, text=True, timeout=250)

    home_mark(home)
    stranger = work("another")
    assert stranger.returncode == 1 and "is not the dispatcher's folder" in stranger.stderr
    log = home.runs / run_id / "attempt-1" / layout.LOG
    assert not log.exists() and state(home, run_id) == "starting"
    # Given up meanwhile, so that it has nothing to do but to say so: into the log.
    submission.cancel(home, run_id)
    (log.parent / layout.OUTCOME).write_text('{"state": "cancelled", "error": null, "t": 1}')
    assert work(home_mark(home)).stderr == ""
    assert "nothing done" in log.read_text()


def test_a_job_that_ray_refuses_fails_with_its_words(home, cluster):
    cluster.refuse = "Traceback: ValueError: entrypoint_num_cpus must not be silly"
    run_id = submission.submit(spec("rounds=1"), home)
    settings = ClusterSettings("ray", cluster.url)
    Dispatcher(home, RayLauncher(home, settings, COMMAND), cluster_slots(settings), TIMING).run(drain=True)
    assert "must not be silly" in open_run(home, run_id).error["message"]


def test_the_next_dispatcher_goes_on_with_the_jobs_of_the_last(home, cluster):
    settings = ClusterSettings("ray", cluster.url)
    run_id = submission.submit(spec("rounds=1"), home)
    number = new_attempt(home, run_id, {"launcher": "ray", "slot": "ray-0", "queue": cluster.url})
    # Killed right after the job was handed over, or right before: both look the same from here.
    RayLauncher(home, settings, COMMAND).launch(home, run_id, number, cluster_slots(settings)[0])
    with dispatching(home, cluster):
        assert done(home, run_id).run_state.attempt == 1
    assert len(cluster.jobs) == 1


def test_a_run_in_the_queue_of_another_cluster_is_taken_back(home, cluster, monkeypatch):
    monkeypatch.setattr("cu_core.jobs.supervisor.START_SECONDS", 0.2)
    run_id = submission.submit(spec("rounds=0"), home)
    new_attempt(home, run_id, {"launcher": "slurm", "slot": "slurm-0", "queue": "Slurm"})
    with dispatching(home, cluster):
        assert done(home, run_id).run_state.attempt == 2


@pytest.mark.parametrize("skew", [-7200, 7200])
def test_a_clock_that_is_wrong_makes_no_worker_lost_or_immortal(home, cluster, skew):
    # A fake machine: the test itself beats, with a wrong clock, and moves the dispatcher's own clock.
    run_id = submission.submit(spec("rounds=1"), home)
    number = new_attempt(home, run_id, {"launcher": "ray", "slot": "ray-0", "queue": "elsewhere"})
    attempt = Attempt.claim(home, run_id, number)
    (attempt.folder / layout.PID).write_text(json.dumps(identity() | {"host": "node-1"}))
    settings = ClusterSettings("ray", cluster.url)
    supervisor = Supervisor(home, RayLauncher(home, settings, COMMAND), Timing(lease=30))
    clock = Clock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cu_core.jobs.supervisor.time.monotonic", lambda: clock.now)
        for _ in range(20):
            clock.now += 10
            beat = 1_700_000_000 + skew + clock.now
            os.utime(attempt.folder / layout.HEARTBEAT, (beat, beat))
            supervisor.look({run_id: open_run(home, run_id).run_state})
            assert state(home, run_id) == "running"
        for _ in range(4):
            clock.now += 10
            supervisor.look({run_id: open_run(home, run_id).run_state})
        assert state(home, run_id) == "queued"
        assert "no sign of life" in open_run(home, run_id).run_state.note


class Clock:
    now = 0.0


def test_a_job_that_ray_does_not_know_is_handed_over_again_with_real_patience(home, cluster, monkeypatch):
    # As patient as in use: several looks fall between two questions to the head.
    monkeypatch.setattr(ray_jobs, "POLL_SECONDS", 2.0)
    run_id = submission.submit(spec("rounds=1"), home)
    new_attempt(home, run_id, {"launcher": "ray", "slot": "ray-0", "queue": cluster.url})
    supervisor = Supervisor(home, RayLauncher(home, ClusterSettings("ray", cluster.url), COMMAND), Timing())
    clock = Clock()
    monkeypatch.setattr("cu_core.jobs.supervisor.time.monotonic", lambda: clock.now)
    while clock.now < 8:
        clock.now += 0.5
        supervisor.look({run_id: open_run(home, run_id).run_state})
    found = open_run(home, run_id).run_state
    assert (found.state, found.next_attempt, found.first) == ("queued", 2, 2)


def test_an_attempt_that_was_given_to_a_node_which_was_gone_costs_nothing_and_no_time(home, cluster, monkeypatch):
    monkeypatch.setattr(ray_jobs, "POLL_SECONDS", 0.0)
    cluster.nodes.clear()
    run_id = submission.submit(spec("rounds=1"), home)
    number = new_attempt(home, run_id, {"launcher": "ray", "slot": "ray-0", "queue": cluster.url})
    launcher = RayLauncher(home, ClusterSettings("ray", cluster.url), COMMAND)
    launcher.launch(home, run_id, number, Slot("ray-0", None, 1))
    supervisor = Supervisor(home, launcher, Timing())
    clock = Clock()
    monkeypatch.setattr("cu_core.jobs.supervisor.time.monotonic", lambda: clock.now)
    supervisor.look({run_id: open_run(home, run_id).run_state})
    assert state(home, run_id) == "starting"
    cluster.bury_unborn()
    clock.now += 0.5
    supervisor.look({run_id: open_run(home, run_id).run_state})
    found = open_run(home, run_id).run_state
    assert (found.state, found.next_attempt, found.first) == ("queued", 2, 2)
    assert "was gone" in found.note


@pytest.mark.parametrize("launcher", ["ray", "local"])
def test_a_cancelled_run_whose_machine_is_gone_ends(home, cluster, monkeypatch, launcher):
    run_id = submission.submit(spec("rounds=1"), home)
    number = new_attempt(home, run_id, {"launcher": "ray", "slot": "ray-0", "queue": cluster.url})
    attempt = Attempt.claim(home, run_id, number)
    (attempt.folder / layout.PID).write_text(json.dumps(identity() | {"host": "node-1"}))
    # The head was started anew and knows nothing of the job, or another launcher is in use by now.
    settings = ClusterSettings(launcher, cluster.url if launcher == "ray" else "")
    supervisor = Supervisor(home, make_launcher(home, settings, COMMAND), Timing())
    submission.cancel(home, run_id)
    clock = Clock()
    monkeypatch.setattr("cu_core.jobs.supervisor.time.monotonic", lambda: clock.now)
    for _ in range(9):
        clock.now += 5
        supervisor.look({run_id: open_run(home, run_id).run_state})
    assert state(home, run_id) == "cancelled"


def test_an_address_that_is_no_ray_head_is_said_in_words(home, cluster, monkeypatch):
    monkeypatch.setattr(cluster, "answer", lambda method, path, content: (404, "not here"))
    run_id = submission.submit(spec("rounds=1"), home)
    with dispatching(home, cluster):
        assert "not as a Ray head does" in wait_for(lambda: dispatcher_words(home))
        assert state(home, run_id) == "queued"
    launcher = RayLauncher(home, ClusterSettings("ray", cluster.url), COMMAND)
    with pytest.raises(Unreachable, match="not as a Ray head does"):
        launcher.launch(home, run_id, 1, cluster_slots(ClusterSettings("ray"))[0])


@pytest.mark.parametrize(
    "device, gpus, has_gpus, processes, wanted",
    [
        ("cpu", None, True, 1, (1, 0)),
        ("auto", None, False, 1, (1, 0)),
        ("auto", None, True, 1, (1, 1)),
        ("cuda", None, False, 1, (1, 1)),
        ("auto", 2, True, 1, (1, 2)),
        ("cpu", 2, True, 1, (1, 0)),
        ("cuda", None, True, 4, (4, 4)),
        ("cpu", None, True, 4, (4, 0)),
    ],
)
def test_what_a_run_asks_for(home, device, gpus, has_gpus, processes, wanted):
    (home.runs / "r").mkdir()
    (home.runs / "r" / layout.SPEC).write_text(json.dumps({"device": device, "processes": processes}))
    found = wants_of(home, "r", ClusterSettings("ray", "http://h", gpus=gpus), has_gpus)
    assert (found.cpus, found.gpus) == wanted


def test_gpus_are_asked_for_where_the_cluster_has_any(home, cluster):
    cluster.gpus, cluster.nodes = 2, []
    run_id = submission.submit(spec("rounds=0"), home)
    settings = ClusterSettings("ray", cluster.url)
    RayLauncher(home, settings, COMMAND).launch(home, run_id, 1, cluster_slots(settings)[0])
    assert next(iter(cluster.jobs.values())).request["entrypoint_num_gpus"] == 1


def test_the_pause_after_a_failure_grows_and_ends(monkeypatch):
    clock = Clock()
    monkeypatch.setattr("cu_core.jobs.launchers.launcher.time.monotonic", lambda: clock.now)
    pause = Pause(5.0, 20.0)
    assert pause.words() == ""
    for seconds in (5, 10, 20, 20):
        pause.begin("no answer")
        clock.now += seconds - 0.1
        assert pause.words() == "no answer"
        clock.now += 0.2
        assert pause.words() == ""
    pause.end()
    pause.begin("again")
    clock.now += 5.1
    assert pause.words() == ""


def test_settings_come_from_options_and_environment(monkeypatch):
    assert read_settings() == ClusterSettings()
    for name, value in {
        "CU_LAUNCHER": "ray",
        "CU_LAUNCHER_ADDRESS": "http://head:8265/",
        "CU_LAUNCHER_PYTHON": "/opt/py",
        "CU_LAUNCHER_PROJECT": "/opt/project",
        "CU_LAUNCHER_GPUS": "0",
        "CU_LAUNCHER_CPUS": "4",
        "CU_SLOTS": "24",
    }.items():
        monkeypatch.setenv(name, value)
    found = read_settings()
    assert found == ClusterSettings("ray", "http://head:8265", "/opt/py", "/opt/project", 24, 0, 4, {})
    assert read_settings({"slots": "3", "python": None}).slots == 3
    monkeypatch.setenv("CU_LAUNCHER_SBATCH", "partition=gpu time=60")
    found = read_settings({"launcher": "slurm", "address": "local"})
    assert found.sbatch == {"partition": "gpu", "time": "60"}


@pytest.mark.parametrize(
    "options, field",
    [
        ({"launcher": "kubernetes"}, "launcher"),
        ({"launcher": "ray"}, "address"),
        ({"launcher": "ray", "address": "ray://head:10001"}, "address"),
        ({"launcher": "slurm", "address": "http://head:8265"}, "address"),
        ({"launcher": "ray", "address": "http://h", "slots": "0"}, "slots"),
        ({"launcher": "ray", "address": "http://h", "cpus": "many"}, "cpus"),
        ({"launcher": "slurm", "sbatch": ["time=1:30"]}, "sbatch"),
        ({"launcher": "slurm", "sbatch": ["partition"]}, "sbatch"),
        ({"address": "http://head:8265"}, "address"),
    ],
)
def test_settings_that_cannot_be_used_are_named(options, field):
    with pytest.raises(BadInput) as caught:
        read_settings(options)
    assert caught.value.field == field


def test_the_app_starts_a_dispatcher_with_the_launcher_of_its_environment(home, cluster, monkeypatch, python_env):
    monkeypatch.setenv("PYTHONPATH", python_env["PYTHONPATH"])
    monkeypatch.setenv("CU_LAUNCHER", "ray")
    monkeypatch.setenv("CU_LAUNCHER_ADDRESS", cluster.url)
    assert ensure_dispatcher(home)
    who = wait_for(lambda: (home.root / "dispatcher.json").exists() and (home.root / "dispatcher.json").read_text())
    who = json.loads(who)
    os.kill(who["pid"], 15)
    assert (who["launcher"], who["where"]) == ("ray", cluster.url) and len(who["slots"]) == 16
    wait_for(lambda: not (home.root / "dispatcher.json").exists())


def test_the_mark_stays(home):
    assert home_mark(home) == home_mark(home) and len(home_mark(home)) == 32


def test_without_submitit_slurm_is_refused_in_words(home, monkeypatch):
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(BadInput, match="requirements-cluster.txt"):
        make_launcher(home, ClusterSettings("slurm"))
