"""A stand-in for the engine that works in milliseconds, and the worker that uses it.

    python tests/jobs/stubs.py worker RUN --attempt N  like python -m cu_core worker
    python tests/jobs/stubs.py foreground RUN N        like the process behind python -m cu_core run

What a run does stands in its name: ``rounds=3 pause=0.05 die=kill until=1``. With ``die=hold`` it waits in
round ``at`` until a test lets it go on, with ``later=yes`` in a later one in each attempt. Every round that
an attempt really works on leaves a line in ``work.log`` of the home. ``STUB_HOST`` names the machine that it
believes to be on, and ``STUB_HOME`` the folder that it sees instead of the home.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import pyarrow as pa  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402

from cu_core.base.errors import BadInput, OutOfMemory, UnlearnscopeError  # noqa: E402
from cu_core.base.home import default_home  # noqa: E402
from cu_core.catalogue.spec import RunSpec  # noqa: E402
from cu_core.engine.perform import run_attempt  # noqa: E402
from cu_core.jobs.node import arrive  # noqa: E402
from cu_core.runstore import layout  # noqa: E402
from cu_core.runstore.attempt import Attempt  # noqa: E402

SAMPLES = 12
GO = "go"
"""The file in the home that ends the wait of all who hold."""
COMMAND = (sys.executable, str(Path(__file__).resolve()))


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
        if ill and number == int(wishes.get("at", 1)) * (attempt.number if "later" in wishes else 1):
            _misbehave(attempt, wishes.get("die", ""))
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


def _misbehave(attempt: Attempt, how: str) -> None:
    if how == "freeze":
        os.kill(os.getpid(), signal.SIGSTOP)
    elif how == "freeze-with-lock":
        with layout.run_lock(attempt.home, attempt.run_id):
            os.kill(os.getpid(), signal.SIGSTOP)
    elif how == "sleep":
        time.sleep(3600)
    elif how == "hold":
        while not (attempt.home.root / GO).exists():
            attempt.check()
            time.sleep(0.02)
    elif how == "end-quietly":
        os._exit(0)
    elif how == "kill":
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


def main(arguments: list[str]) -> int:
    """Does one attempt."""
    if elsewhere := os.environ.get("STUB_HOME"):
        os.environ["CU_HOME"] = elsewhere
    if host := os.environ.get("STUB_HOST"):
        socket.gethostname = lambda: host
    try:
        arrive(default_home(), arguments[1], int(arguments[-1]))
        attempt = Attempt.claim(default_home(), arguments[1], int(arguments[-1]))
    except UnlearnscopeError as error:
        print(f"nothing done: {error}", file=sys.stderr)
        return 1
    return 0 if run_attempt(attempt, execute, heartbeat=0.1) == "succeeded" else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
