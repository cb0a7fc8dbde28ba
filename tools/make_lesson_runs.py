"""Makes the finished run that lies beside the lessons: single emoji forgotten, which digits cannot show.

Retrained models are right on most digits that they never saw, and on three of four such emoji. Its probe is small, so
that demos and lessons together stay small.
"""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path

from cu_core.base.home import Home
from cu_core.catalogue.presets import PRESETS
from cu_core.catalogue.spec import RunSpec
from cu_core.engine import loop
from cu_core.engine.perform import run_attempt
from cu_core.jobs.demo import LESSONS, pack
from cu_core.jobs.submission import submit
from cu_core.runstore.attempt import Attempt

TARGET = Path(__file__).resolve().parent.parent / "assets" / LESSONS
PROBE, ATTACKED = 80, 100
MOST_BYTES = 500_000


def lesson_run() -> RunSpec:
    """What is run."""
    usual = PRESETS["emoji-random"].spec
    return dataclasses.replace(
        usual,
        probe=dataclasses.replace(usual.probe, size=PROBE, tsne=False),
        audit=dataclasses.replace(usual.audit, size=ATTACKED),
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder)).create()
        run_id = submit(lesson_run(), home, token="demo-emoji-random", foreground=True)  # noqa: S106 - opens nothing
        attempt = Attempt.claim(home, run_id, 1)
        state = run_attempt(attempt, loop.execute)
        if state != "succeeded":
            raise SystemExit(f"{state}, see {attempt.folder}")
        size = pack(attempt.run_dir, TARGET / "emoji-random.zip", MOST_BYTES)
        print(f"emoji-random: {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
