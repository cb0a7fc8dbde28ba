"""A sweep over two Ray nodes, one of which is lost in the middle: does every run finish, and finish once?

    .venv/bin/python -m benchmarks.cluster_sweep

Two nodes of one core each, as network namespaces of this machine (Linux, root, iproute2, Ray). Small runs on the
digits go to them through the dispatcher. When a third of them are done and the second node is at work on a round, its
link is cut: Ray declares it dead, while the worker on it goes on. Checked afterwards, from the files alone: each run
has its result and passes `verify`, attempts that were replaced wrote nothing after that, and a run that was
interrupted has the very weights of one that was not.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from cu_core import __version__
from cu_core.base.home import Home
from cu_core.catalogue.spec import RunSpec, spec_from_json
from cu_core.jobs import submission
from cu_core.runstore import layout
from cu_core.runstore.reader import open_run
from cu_core.runstore.state import FINAL
from cu_core.runstore.verify import verify
from tests.cluster.ray_nodes import Nodes, missing, ray_nodes

PROJECT = Path(__file__).resolve().parent.parent
METHODS = ("finetune", "random_label", "contrastive")
LONG = 200


def specs(count: int) -> list[RunSpec]:
    """So many small runs: methods in turn, with a new seed after each turn.

    Those in the middle have so many rounds that a node which is lost then is surely in one of them for longer than
    Ray takes to notice.
    """
    middle = range(count // 3, count // 3 + 3)
    return [
        spec_from_json(
            {
                "name": f"sweep {number}",
                "data": {"dataset": "digits", "train_limit": 600},
                "model": {"backbone": "tiny-cnn"},
                "train": {"epochs": 6},
                "method": {"id": "finetune" if number in middle else METHODS[number % len(METHODS)]},
                "forget": {"select": "class:5"},
                "stop": {"rule": "none", "max_rounds": LONG if number in middle else 5},
                "probe": {"size": 200},
                "audit": {"attacks": "none"},
                "seed": number // len(METHODS),
                "device": "cpu",
            }
        )
        for number in range(count)
    ]


def sweep(home: Home, count: int, deadline: float) -> dict[str, Any]:
    """Does the sweep and loses a node; returns what happened when, in seconds since the dispatcher started."""
    ids = [submission.submit(spec, home, token=str(number)) for number, spec in enumerate(specs(count))]
    began = time.monotonic()
    with ray_nodes(2) as nodes:
        times: dict[str, Any] = {"cluster up": time.monotonic() - began}
        began = time.monotonic()
        words = ["dispatch", "--drain", "--launcher", "ray", "--address", nodes.url]
        environment = os.environ | {"CU_HOME": str(home.root), "OMP_NUM_THREADS": "1"}
        with (home.root / "dispatcher.log").open("ab") as log:
            dispatcher = subprocess.Popen(
                [sys.executable, "-m", "cu_core", *words], cwd=PROJECT, env=environment, stdout=log, stderr=log
            )
        try:
            lost = _lose_a_node(home, ids, nodes, count // 3, began + deadline)
            times["link cut"] = time.monotonic() - began
            times["runs done by then"] = sum(_is_done(home, run_id) for run_id in ids)
            second = home.runs / lost / "attempt-2"
            _wait(lambda: (home.runs / lost / layout.REQUEUE).exists(), began + deadline)
            times["given up"] = time.monotonic() - began
            _wait(lambda: (second / layout.PID).exists(), began + deadline)
            times["next attempt at work"] = time.monotonic() - began
            dispatcher.wait(max(1.0, began + deadline - time.monotonic()))
            times["all done"] = time.monotonic() - began
        finally:
            dispatcher.kill()
            dispatcher.wait()
    return {"ids": ids, "lost": lost, "times": times}


def _lose_a_node(home: Home, ids: list[str], nodes: Nodes, after: int, end: float) -> str:
    """Cuts the second node off when so many runs are done and it is in the rounds of another; returns that run."""
    away = nodes.nodes[1]

    def is_long(run_id: str) -> bool:
        return open_run(home, run_id).spec.stop.max_rounds > LONG // 2

    def at_work() -> str | None:
        if sum(_is_done(home, run_id) for run_id in ids) < after:
            return None
        for run_id in ids:
            folder = home.runs / run_id / "attempt-1"
            try:
                host = json.loads((folder / layout.PID).read_text())["host"]
            except (OSError, ValueError):
                continue
            rounds = layout.numbered(home.runs / run_id / "rounds")
            if (
                host == away.name
                and not (folder / layout.OUTCOME).exists()
                and 1 <= max(rounds, default=0) < 10
                and is_long(run_id)
            ):
                return run_id
        return None

    run_id = _wait(at_work, end)
    nodes.cut(away)
    return str(run_id)


def _is_done(home: Home, run_id: str) -> bool:
    return open_run(home, run_id).state in FINAL


def _wait(wanted: Any, end: float) -> Any:
    while not (found := wanted()):
        if time.monotonic() > end:
            raise TimeoutError("the sweep took longer than --deadline")
        time.sleep(0.05)
    return found


def check(home: Home, run_id: str) -> dict[str, Any]:
    """What the files of one run say."""
    view = open_run(home, run_id)
    run_dir = home.runs / run_id
    attempts = layout.attempts(run_dir)
    hosts, late = [], 0
    for number in attempts:
        folder = layout.attempt_dir(run_dir, number)
        pid = folder / layout.PID
        hosts.append(json.loads(pid.read_text())["host"] if pid.exists() else "nobody")
    for manifest in sorted(run_dir.glob("rounds/*/manifest.json")):
        writer = json.loads(manifest.read_text())["attempt"]
        if writer < max(attempts):
            replaced = json.loads((layout.attempt_dir(run_dir, writer + 1) / layout.LAUNCH).read_text())["t"]
            late += manifest.stat().st_mtime > replaced
    outcomes = [number for number in attempts if (layout.attempt_dir(run_dir, number) / layout.OUTCOME).exists()]
    return {
        "run": run_id,
        "state": view.state,
        "result": view.result() is not None,
        "attempts": len(attempts),
        "hosts": hosts,
        "outcomes": outcomes,
        "rounds": len(view.rounds()),
        "late": late,
        "damage": len(verify(home, run_id)),
    }


def uninterrupted(spec: RunSpec) -> str:
    """Hash of the weights of the same run, done at one go on this machine."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "spec.json"
        file.write_text(json.dumps(spec.to_json()))
        words = [sys.executable, "-m", "cu_core", "run", "--spec", str(file), "--json"]
        environment = os.environ | {"CU_HOME": f"{folder}/home", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        done = subprocess.run(words, cwd=PROJECT, env=environment, capture_output=True, text=True, check=True)
    return str(json.loads(done.stdout.splitlines()[-1])["weights_sha256"])


def main() -> int:
    """Runs the sweep, prints the table; the exit code is 0 if all runs finished once."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=24)
    parser.add_argument("--deadline", type=float, default=1800.0, metavar="SECONDS")
    parser.add_argument("--home", type=Path, help="keep the runs in this folder, which must be empty")
    parser.add_argument("--out", type=Path, metavar="FILE.json")
    options = parser.parse_args()
    if reason := missing():
        print(f"not here: {reason}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="cluster-sweep-") as folder:
        home = Home((options.home or Path(folder)).resolve()).create()
        found = sweep(home, options.runs, options.deadline)
        rows = [check(home, run_id) for run_id in found["ids"]]
        lost = open_run(home, found["lost"])
        same = (lost.result() or {}).get("weights_sha256") == uninterrupted(lost.spec)
    once = [r for r in rows if r["state"] == "succeeded" and r["result"] and r["outcomes"] == [r["attempts"]]]
    numbers = {
        "runs": len(rows),
        "finished once": len(once),
        "attempts in all": sum(r["attempts"] for r in rows),
        "runs with a second attempt": sum(r["attempts"] > 1 for r in rows),
        "rounds": sum(r["rounds"] for r in rows),
        "rounds written by an attempt after it was replaced": sum(r["late"] for r in rows),
        "files that verify finds damaged": sum(r["damage"] for r in rows),
        "interrupted run has the weights of an uninterrupted one": "yes" if same else "NO",
    }
    numbers |= {f"seconds: {name}" if name != "runs done by then" else name: v for name, v in found["times"].items()}
    machine = f"{os.cpu_count()} cores, {platform.platform()}, Python {platform.python_version()}, {__version__}"
    print(f"{machine}; load {os.getloadavg()[0]:.1f}\n\n| what | |\n|---|---|")
    for name, value in numbers.items():
        print(f"| {name} | {value:.1f} |" if isinstance(value, float) else f"| {name} | {value} |")
    print("\n| run | state | attempts on | rounds |\n|---|---|---|---|")
    for r in rows:
        print(f"| {r['run'].split('-', 1)[1]} | {r['state']} | {', '.join(r['hosts'])} | {r['rounds']} |")
    if options.out:
        options.out.write_text(json.dumps({"machine": machine, "numbers": numbers, "runs": rows}, indent=1))
    sound = len(once) == len(rows) and not numbers["rounds written by an attempt after it was replaced"]
    return 0 if sound and same and not numbers["files that verify finds damaged"] else 1


if __name__ == "__main__":
    sys.exit(main())
