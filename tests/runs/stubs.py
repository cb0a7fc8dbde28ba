"""A stand-in for the engine that works in milliseconds, and programs that use it.

    python tests/runs/stubs.py dispatch [--drain]      like python -m cu_core dispatch
    python tests/runs/stubs.py worker RUN --attempt N  like python -m cu_core worker
    python tests/runs/stubs.py foreground RUN N        like the process behind python -m cu_core run
    python tests/runs/stubs.py submit TOKEN COUNT      submits, prints the ids

What a run does stands in its name: ``rounds=3 pause=0.05 die=kill until=1``. Every round that an
attempt really works on leaves a line in ``work.log`` of the home.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import psutil  # noqa: E402
import pyarrow as pa  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402

from cu_core.errors import BadInput, OutOfMemory, UnlearnscopeError  # noqa: E402
from cu_core.home import Home, default_home  # noqa: E402
from cu_core.runs import dispatcher, store  # noqa: E402
from cu_core.runs.attempt import Attempt  # noqa: E402
from cu_core.runs.local import LocalLauncher  # noqa: E402
from cu_core.runs.perform import run_attempt  # noqa: E402
from cu_core.runs.slots import find_slots  # noqa: E402
from cu_core.runs.supervisor import Timing  # noqa: E402
from cu_core.spec import RunSpec  # noqa: E402

SAMPLES = 12
COMMAND = (sys.executable, str(Path(__file__).resolve()))
# Patience for tests: a lease of seconds instead of half a minute.
QUICK = "tick=0.05 lease=1.5 term=0.3 kill=1.5 idle=0.5"


def spec(words: str = "", **fields: Any) -> RunSpec:
    """A specification whose name tells the stand-in what to do."""
    return RunSpec(name=words or "rounds=2", **fields)


def execute(attempt: Attempt) -> dict[str, Any]:
    """Works through the rounds that the run's name asks for, from the checkpoint on."""
    wishes = dict(word.split("=") for word in attempt.spec.name.split() if "=" in word)
    rounds, pause = int(wishes.get("rounds", 2)), float(wishes.get("pause", 0))
    ill = attempt.number <= int(wishes.get("until", 1_000))
    attempt.write("probe.parquet", write_probe)
    first = _read_checkpoint(attempt.checkpoint_path) + 1
    for number in range(first, rounds + 1):
        _note(attempt, number)
        attempt.event("unlearn", number, rounds, metrics={"forget_acc": 1 / (number + 1)})
        _pause(attempt, pause)
        if ill and number == int(wishes.get("at", 1)):
            _misbehave(wishes.get("die", ""))
        attempt.promote(f"rounds/{number}", arrays(number, int(wishes.get("width", 4))), _manifest(number))
        attempt.write("checkpoint.pt", lambda file, number=number: _write_checkpoint(file, number))
    attempt.check()
    metrics = {"before": {"forget_acc": 1.0}, "after": {"forget_acc": 1 / (rounds + 1)}, "reference": None}
    return {"run_id": attempt.run_id, "state": "succeeded", "rounds": rounds, "metrics": metrics}


def arrays(number: int, width: int = 4) -> dict[str, np.ndarray]:
    """What a round holds; the same whenever it is made."""
    return {
        "loss": np.full(SAMPLES, number, dtype=np.float32),
        "embedding": np.arange(SAMPLES * width, dtype=np.float16).reshape(SAMPLES, width) + number,
    }


def _manifest(number: int) -> dict[str, Any]:
    return {"round": number, "metrics": {"forget_acc": 1 / (number + 1)}, "scope": "probe"}


def _misbehave(how: str) -> None:
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif how == "exit":
        print("something went very wrong", flush=True)
        os._exit(7)
    elif how == "error":
        raise ValueError("the sky is falling")
    elif how == "bad-input":
        raise BadInput("train.lr", "is silly", ("0 to 1",))
    elif how == "memory":
        raise OutOfMemory("lower train.batch_size")
    elif how == "disk":
        raise OSError(28, "No space left on device")


def _pause(attempt: Attempt, seconds: float) -> None:
    end = time.monotonic() + seconds
    while True:
        attempt.check()
        if time.monotonic() >= end:
            return
        time.sleep(0.01)


def write_probe(file: Any) -> None:
    numbers = list(range(SAMPLES))
    columns = {"sample": numbers, "split": ["train"] * SAMPLES, "group": ["forget"] * SAMPLES}
    columns |= {"label": [0] * SAMPLES, "true_label": [0] * SAMPLES, "rule": [False] * SAMPLES}
    pq.write_table(pa.table(columns), file)


def _write_checkpoint(file: Any, number: int) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("round", str(number))


def _read_checkpoint(path: Path) -> int:
    if not path.exists():
        return -1
    with zipfile.ZipFile(path) as archive:
        return int(archive.read("round"))


def _note(attempt: Attempt, number: int) -> None:
    with (attempt.home.root / "work.log").open("ab", buffering=0) as file:
        file.write(f"{attempt.run_id} {attempt.number} {number} {os.getpid()}\n".encode())


def worked(home: Home) -> list[tuple[str, int, int, int]]:
    """What was really worked on: (run, attempt, round, process), in order."""
    path = home.root / "work.log"
    lines = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
    return [(run_id, int(number), int(k), int(pid)) for run_id, number, k, pid in lines]


def wait_for(wanted: Any, seconds: float = 40.0) -> Any:
    """The first true value of a function; fails after that many seconds."""
    end = time.monotonic() + seconds
    while not (found := wanted()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
    return found


@contextmanager
def program(*arguments: str, **environment: str) -> Iterator[psutil.Popen]:
    """One of the programs above; it and everything that it started is gone afterwards."""
    process = psutil.Popen([*COMMAND, *arguments], env=os.environ | environment)
    known: dict[int, psutil.Process] = {}
    try:
        yield process
    finally:
        end_workers(default_home(), process, known)


def end_workers(home: Home, process: psutil.Popen, known: dict[int, psutil.Process]) -> None:
    """Ends a program and the workers of a home that still run."""
    process.kill()
    process.wait()
    for path in home.runs.glob("*/attempt-*/pid.json"):
        pid = json.loads(path.read_text())["pid"]
        if pid != os.getpid() and psutil.pid_exists(pid) and str(Path(__file__).name) in _command(pid):
            os.kill(pid, signal.SIGKILL)


def _command(pid: int) -> str:
    try:
        return " ".join(psutil.Process(pid).cmdline())
    except psutil.Error:
        return ""


def _timing() -> Timing:
    words = os.environ.get("STUB_TIMING", QUICK).split()
    return dataclasses.replace(Timing(), **{name: float(value) for name, value in (word.split("=") for word in words)})


def main(arguments: list[str]) -> int:
    """Runs one of the programs."""
    home = default_home()
    if arguments[0] == "dispatch":
        drain = "--drain" in arguments
        return dispatcher.serve(home, drain, launcher=LocalLauncher(COMMAND), slots=find_slots(), timing=_timing())
    if arguments[0] == "submit":
        count = int(arguments[2])
        print("\n".join(store.submit(spec(), home, token=f"{arguments[1]}/{n}") for n in range(count)))
        return 0
    run_id, number = arguments[1], int(arguments[-1])
    try:
        attempt = Attempt.claim(home, run_id, number)
    except UnlearnscopeError as error:
        print(f"nothing done: {error}", file=sys.stderr)
        return 1
    return 0 if run_attempt(attempt, execute, heartbeat=0.1) == "succeeded" else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
