"""The real engine, its dashboard and the process that draws maps, killed at random moments."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

from benchmarks.chaos.damage import SHARED, TOKEN, Template, spec
from benchmarks.chaos.faults import LOST, MENDED, SURVIVED, Injected, environment, kill_tree, send
from benchmarks.chaos.judge import content, differs, shown_wrongly
from cu_core.base.home import Home
from cu_core.engine.perform import run_attempt
from cu_core.jobs import submission
from cu_core.jobs.dispatcher import dispatcher_alive
from cu_core.jobs.slots import SLOTS_VARIABLE, cores
from cu_core.projections import service
from cu_core.projections.map_request import MapRequest
from cu_core.projections.map_store import read_picture
from cu_core.runstore.attempt import Attempt
from cu_core.runstore.reader import list_runs, open_run
from cu_core.runstore.rows import optional_json
from cu_core.runstore.verify import verify
from tests.served import Server

ATTEMPT_SECONDS = 4.0
PATIENCE = 300.0
_ENGINE = "cu_core.engine.loop"
DASHBOARD_FAULTS = (
    *("kill dashboard",) * 3,
    "kill dispatcher and dashboard",
    "kill worker and dashboard",
)


def _work(root: str, run_id: str, number: int) -> None:
    """What a worker does, in a process that has loaded the engine already."""
    execute = __import__(_ENGINE, fromlist=["execute"]).execute
    os.environ["CU_HOME"] = root
    run_attempt(Attempt.claim(Home(Path(root)), run_id, number), execute)


def kill_real_worker(template: Template, folder: Path, rng: Random, count: int) -> list[Injected]:
    """Kills attempts at a real run wherever they are, with a cold cache or a warm one; the last one may end."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([_ENGINE])
    home = Home(folder / "home").create()
    if rng.random() < 0.7:
        for name in SHARED:
            shutil.rmtree(home.root / name, ignore_errors=True)
            os.symlink((template.folder / "queued" / name).resolve(), home.root / name)
    run_id = submission.submit(spec(), home, token=TOKEN)
    moments, wrong = [], []
    for _ in range(count):
        if open_run(home, run_id).state == "succeeded":
            break
        worker = context.Process(target=_work, args=(str(home.root), run_id, submission.resume_here(home, run_id)))
        worker.start()
        _wait_for(lambda worker=worker: open_run(home, run_id).state != "starting" or not worker.is_alive())
        worker.join(rng.uniform(0, ATTEMPT_SECONDS))
        if not worker.is_alive():
            break
        stopped = rng.random() < 0.3
        if stopped:
            send(int(worker.pid or 0), signal.SIGSTOP)
            time.sleep(rng.uniform(0.1, 0.5))
        worker.kill()
        worker.join()
        view = open_run(home, run_id)
        moments.append(f"{'stopped, then ' if stopped else ''}killed with {len(view.rounds())} rounds")
        wrong += shown_wrongly(view, template.expected)
        wrong += [str(problem) for problem in verify(home, run_id)]
    while open_run(home, run_id).state != "succeeded" and not wrong:
        worker = context.Process(target=_work, args=(str(home.root), run_id, submission.resume_here(home, run_id)))
        worker.start()
        worker.join(PATIENCE)
        if open_run(home, run_id).state != "succeeded":
            wrong.append(f"resumed, it is {open_run(home, run_id).state}: {open_run(home, run_id).error}")
    wrong = wrong or _end(template, home, run_id)
    return [Injected("kill real worker", LOST if wrong else SURVIVED, f"{what}; {wrong[:5]}") for what in moments]


def _end(template: Template, home: Home, run_id: str) -> list[str]:
    """What is wrong with a run that has succeeded."""
    if [row.run_id for row in list_runs(home)] != [run_id]:
        return [f"{[row.run_id for row in list_runs(home)]} are listed"]
    return differs(content(open_run(home, run_id)), template.expected) + [str(p) for p in verify(home, run_id)]


def kill_dashboard(template: Template, folder: Path, rng: Random, count: int) -> list[Injected]:
    """Kills the served dashboard, and now and then its dispatcher or the worker, while a real run is at work."""
    # One thread for each worker, as for the run that it is compared with.
    with environment(**{SLOTS_VARIABLE: f"cpu:{cores()}"}):
        return _kill_dashboard(template, folder, rng, count)


def _kill_dashboard(template: Template, folder: Path, rng: Random, count: int) -> list[Injected]:
    home = Home(folder / "home").create()
    (home.root / "first-start.json").write_text("{}")
    run_id = submission.submit(spec(), home, token=TOKEN)
    hit: list[tuple[str, str]] = []
    server = Server(home, folder / "server.log")
    try:
        while len(hit) < count:
            time.sleep(rng.uniform(0, 3))
            kind = rng.choice(DASHBOARD_FAULTS)
            view = open_run(home, run_id)
            state = view.state
            if kind.startswith("kill dispatcher"):
                _kill(optional_json(home.root / "dispatcher.json"))
            elif kind.startswith("kill worker") and view.run_state.attempt < 3:
                _kill(view.run_state.process)
            server.process.kill()
            server.process.wait()
            hit.append((kind, f"while the run was {state}"))
            server = Server(home, folder / "server.log")
            # The server keeps a dispatcher alive for as long as there is work.
            _wait_for(lambda: open_run(home, run_id).state == "succeeded" or dispatcher_alive(home))
        _wait_for(lambda: open_run(home, run_id).state in ("succeeded", "failed"))
        resumed = open_run(home, run_id).state == "failed"
        if resumed:
            submission.resume(home, run_id)
            _wait_for(lambda: open_run(home, run_id).state in ("succeeded", "failed"))
        wrong = _end(template, home, run_id) if open_run(home, run_id).state == "succeeded" else ["did not succeed"]
    finally:
        kill_tree(server.process.pid)
        server.process.wait()
        _kill(optional_json(home.root / "dispatcher.json"))
        for path in home.runs.glob("*/attempt-*/pid.json"):
            _kill(optional_json(path))
    outcome = LOST if wrong else MENDED if resumed else SURVIVED
    return [Injected(kind, outcome, f"{what}; {wrong[:5]}") for kind, what in hit]


def kill_map_service(template: Template, folder: Path, rng: Random, count: int) -> list[Injected]:
    """Kills the process that draws pictures; a picture that is asked for again is drawn."""
    home = Home(folder / "home").create()
    shutil.copytree(template.folder / "finished" / "runs", home.runs, dirs_exist_ok=True)
    hit = []
    wrong: list[str] = []
    try:
        for number in range(count):
            request = MapRequest(template.run_id, method="principal", seed=number)
            service.ask(home, request)
            time.sleep(rng.uniform(0, 4))
            before = service.status(home, request).state
            _kill(optional_json(home.maps / service.PROCESS))
            hit.append(f"{before} when killed")
            # As a page does: it looks now and then, and asks again when it was told of a failure.
            _wait_for(lambda request=request: service.status(home, request).state in ("none", "failed"))
            if service.status(home, request).state == "failed":
                service.ask(home, request)
                _wait_for(lambda request=request: service.status(home, request).state in ("none", "failed"))
            if read_picture(home, request) is None:
                wrong.append(f"no picture: {service.status(home, request)}")
        wrong += [str(problem) for problem in verify(home, template.run_id)]
    finally:
        _kill(optional_json(home.maps / service.PROCESS))
    return [Injected("kill map service", LOST if wrong else SURVIVED, f"{what}; {wrong[:5]}") for what in hit]


def _kill(process: dict[str, object]) -> None:
    pid = process.get("pid")
    if isinstance(pid, int) and pid != os.getpid():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _wait_for(wanted: object) -> None:
    end = time.monotonic() + PATIENCE
    while not wanted():  # type: ignore[operator]
        if time.monotonic() > end:
            raise TimeoutError("waited in vain")
        time.sleep(0.1)


def commands(template: Template, folder: Path, rng: Random, count: int) -> list[Injected]:
    """Kills the commands themselves, ``run`` and ``resume``, as a terminal that is closed does."""
    home = Home(folder / "home").create()
    own = os.environ | {"CU_HOME": str(home.root), "OMP_NUM_THREADS": "1"}
    run_id = submission.submit(spec(), home, token=TOKEN)
    hit = []
    for _ in range(count):
        process = subprocess.Popen(
            [sys.executable, "-m", "cu_core", "resume", run_id],
            env=own,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(rng.uniform(1, 20))
        process.kill()
        process.wait()
        hit.append(f"{open_run(home, run_id).state}, {len(open_run(home, run_id).rounds())} rounds")
    if open_run(home, run_id).state != "succeeded":
        subprocess.run([sys.executable, "-m", "cu_core", "resume", run_id], env=own, capture_output=True)
    state = open_run(home, run_id).state
    wrong = _end(template, home, run_id) if state == "succeeded" else [f"resumed, it is {state}"]
    return [Injected("kill command", LOST if wrong else SURVIVED, f"{what}; {wrong[:5]}") for what in hit]
