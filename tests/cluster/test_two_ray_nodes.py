"""A real Ray cluster of two nodes, one of which is cut off while it works."""

from __future__ import annotations

import contextlib
import json
import threading

import psutil
import pytest

from cu_core.jobs import submission
from cu_core.jobs.cluster import ClusterSettings, cluster_slots
from cu_core.jobs.dispatcher import Dispatcher
from cu_core.jobs.launchers.ray_jobs import RayLauncher
from cu_core.jobs.supervisor import Timing
from cu_core.runstore.reader import open_run
from cu_core.runstore.verify import verify
from tests.cluster.ray_nodes import missing, ray_nodes
from tests.jobs.programs import end_workers, wait_for, worked
from tests.jobs.stubs import COMMAND, GO, spec

pytestmark = [pytest.mark.skipif(bool(missing()), reason=missing() or "nothing")]


@pytest.mark.timeout(600)
def test_a_node_that_is_cut_off_in_mid_run_costs_one_attempt_and_nothing_else(home):
    with ray_nodes(2) as nodes, contextlib.ExitStack() as after:
        after.callback(end_workers, home)
        settings = ClusterSettings("ray", nodes.url)
        timing = Timing(tick=0.2, lease=300, settle=0.5)
        dispatcher = Dispatcher(home, RayLauncher(home, settings, COMMAND), cluster_slots(settings), timing)
        thread = threading.Thread(target=dispatcher.run, args=(False,))
        after.callback(thread.join)
        after.callback(dispatcher.end)
        # Each node has one core, so each takes one of the two; they hold in round 2 until they may go on.
        ids = [submission.submit(spec("rounds=4 die=hold at=2 until=1"), home) for _ in range(2)]
        thread.start()
        wait_for(lambda: len([1 for _, _, k, _ in worked(home) if k == 2]) == 2)
        hosts = {run_id: pid_of(home, run_id)["host"] for run_id in ids}
        assert sorted(hosts.values()) == ["cu-node-1", "cu-node-2"]
        lost = next(run_id for run_id, host in hosts.items() if host == "cu-node-2")
        kept = next(run_id for run_id in ids if run_id != lost)
        zombie = psutil.Process(pid_of(home, lost)["pid"])

        nodes.cut(nodes.nodes[1])
        wait_for(lambda: (home.runs / lost / "attempt-2").exists())
        # The worker on the cut node usually lives on, with nobody who could stop it; that depends on Ray.
        beat = (home.runs / lost / "attempt-1/heartbeat").stat().st_mtime_ns
        wait_for(lambda: (home.runs / lost / "attempt-1/heartbeat").stat().st_mtime_ns != beat or not alive(zombie))
        (home.root / GO).touch()
        for run_id, attempts in ((kept, 1), (lost, 2)):
            wait_for(lambda run_id=run_id: open_run(home, run_id).state == "succeeded")
            view = open_run(home, run_id)
            assert view.run_state.attempt == attempts and view.rounds() == [0, 1, 2, 3, 4]
            assert verify(home, run_id) == []
        wait_for(lambda: not alive(zombie))
        assert not (home.runs / lost / "attempt-1/outcome.json").exists()
        assert pid_of(home, lost, 2)["host"] == "cu-node-1"
        rounds = [json.loads((home.runs / lost / f"rounds/{k}/manifest.json").read_text()) for k in range(5)]
        assert [one["attempt"] for one in rounds] == [1, 1, 2, 2, 2]
        # Of what was put in place, every round was worked on once.
        assert [(n, k) for i, n, k, _ in worked(home) if i == lost and (n, k) != (1, 2)] == [
            (1, 0),
            (1, 1),
            (2, 2),
            (2, 3),
            (2, 4),
        ]


def pid_of(home, run_id, number=1):
    return json.loads((home.runs / run_id / f"attempt-{number}" / "pid.json").read_text())


def alive(process):
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
