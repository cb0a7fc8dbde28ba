"""Makes the finished runs that lie beside the lessons: single emoji forgotten, and a class that is pushed away.

Emoji show what digits cannot: retrained models are right on most digits that they never saw, and on three of four such
emoji. The pushed class stands beside the demos, of the same images and the same width. The probes are small, so that
demos and lessons together stay small.
"""

from __future__ import annotations

import argparse
import dataclasses
import shutil
import tempfile
from pathlib import Path

from cu_core.base.home import Home
from cu_core.catalogue.presets import DEFAULT_PRESET, PRESETS
from cu_core.catalogue.spec import RunSpec
from cu_core.engine import loop
from cu_core.engine.perform import run_attempt
from cu_core.jobs.demo import LESSONS, pack
from cu_core.jobs.submission import submit
from cu_core.runstore.attempt import Attempt
from tools.make_demo_runs import WIDTH

TARGET = Path(__file__).resolve().parent.parent / "assets" / LESSONS
PROBE, ATTACKED = 80, 100
MOST_BYTES = {"emoji-random": 500_000, "digit-5-pushed": 450_000}


def lesson_runs() -> dict[str, RunSpec]:
    """What is run, by the name of its file."""
    digits = DEFAULT_PRESET.spec
    narrow = dataclasses.replace(digits, model=dataclasses.replace(digits.model, embedding_dim=WIDTH))
    named = {
        "emoji-random": PRESETS["emoji-random"].spec,
        "digit-5-pushed": dataclasses.replace(narrow, name="Digit 5, pushed away round by round"),
    }
    return {
        file: dataclasses.replace(
            spec,
            probe=dataclasses.replace(spec.probe, size=PROBE, tsne=False),
            audit=dataclasses.replace(spec.audit, size=ATTACKED),
        )
        for file, spec in named.items()
    }


def main() -> None:
    wanted = lesson_runs()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", metavar="FILE", help=f"{', '.join(wanted)}; all without any")
    parser.add_argument("--downloads", type=Path, help="folder of the files of the emoji, instead of fetching them")
    options = parser.parse_args()
    asked = options.files
    if unknown := set(asked) - set(wanted):
        parser.error(f"{', '.join(sorted(unknown))}: there are {', '.join(wanted)}")
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder)).create()
        if options.downloads is not None:
            shutil.copytree(options.downloads, home.datasets / "downloads" / "emoji")
        for file in asked or wanted:
            run_id = submit(wanted[file], home, token=f"demo-{file}", foreground=True)
            attempt = Attempt.claim(home, run_id, 1)
            state = run_attempt(attempt, loop.execute)
            if state != "succeeded":
                raise SystemExit(f"{file}: {state}, see {attempt.folder}")
            size = pack(attempt.run_dir, TARGET / f"{file}.zip", MOST_BYTES[file])
            print(f"{file}: {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
