"""Programs that work with the stand-in engine, started and ended by tests.

python tests/jobs/programs.py dispatch [--drain]  like python -m cu_core dispatch
python tests/jobs/programs.py submit TOKEN COUNT [WORDS]  submits, prints the ids; WORDS say what the run does
"""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from cu_core.base.home import Home, default_home  # noqa: E402
from cu_core.jobs import dispatcher, submission  # noqa: E402
from cu_core.jobs.launchers.local import LocalLauncher  # noqa: E402
from cu_core.jobs.slots import find_slots  # noqa: E402
from cu_core.jobs.supervisor import Timing  # noqa: E402
from tests.jobs import stubs  # noqa: E402

# Impatient where that cannot go wrong. A short lease can: on a busy machine a healthy worker may be silent for
# seconds, so that only tests of frozen workers have one, and not too short.
QUICK = "tick=0.05 lease=60 term=0.3 kill=1.5 idle=0.5"
SHORT_LEASE = QUICK.replace("lease=60", "lease=4").replace("idle=0.5", "idle=600")
PATIENCE = 250.0
"""Seconds that may pass before something is given up; a worker of low priority gets little of a busy machine."""


def worked(home: Home) -> list[tuple[str, int, int, int]]:
    """What was really worked on: (run, attempt, round, process), in order."""
    path = home.root / "work.log"
    lines = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
    return [(run_id, int(number), int(k), int(pid)) for run_id, number, k, pid in lines]


def wait_for(wanted: Any, seconds: float = PATIENCE) -> Any:
    """The first true value of a function; fails after that many seconds."""
    end = time.monotonic() + seconds
    while not (found := wanted()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
    return found


@contextmanager
def program(*arguments: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """One of the programs above; it and all workers of the home are gone afterwards."""
    script = stubs.__file__ if arguments[0] == "foreground" else __file__
    process = subprocess.Popen([sys.executable, script, *arguments], env=os.environ | environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        end_workers(default_home())


def end_workers(home: Home) -> None:
    """Ends the workers of a home that still run, also those that have not claimed their attempt yet."""
    for process in workers(home):
        with suppress(psutil.Error):
            process.kill()


def workers(home: Home) -> list[psutil.Process]:
    """The processes that work for a home; those of other tests are not among them."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if stubs.COMMAND[1] in process.cmdline() and process.environ().get("CU_HOME") == str(home.root):
                found.append(process)
    return found


def _timing() -> Timing:
    words = os.environ.get("STUB_TIMING", QUICK).split()
    return dataclasses.replace(Timing(), **{name: float(value) for name, value in (word.split("=") for word in words)})


def main(arguments: list[str]) -> int:
    """Runs one of the programs."""
    home = default_home()
    if arguments[0] == "dispatch":
        launcher = LocalLauncher(stubs.COMMAND)
        return dispatcher.serve(home, "--drain" in arguments, launcher=launcher, slots=find_slots(), timing=_timing())
    spec = stubs.spec(*arguments[3:])
    ids = [submission.submit(spec, home, token=f"{arguments[1]}/{n}") for n in range(int(arguments[2]))]
    print("\n".join(ids))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
