"""Makes the finished runs that ship in assets/demo, run for real in a home of their own.

Two answers to one request, with the same references and the same accuracy afterwards: one that no question of the
verdict tells from retraining, and one that only hides what it knows. Their embedding is narrower than that of the
preset, so that every array of every round and of all references fits into what may be shipped.
"""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path

from cu_core.base.home import Home
from cu_core.catalogue.method_record import method
from cu_core.catalogue.presets import DEFAULT_PRESET
from cu_core.catalogue.spec import MethodSpec, RunSpec
from cu_core.engine import loop
from cu_core.engine.perform import run_attempt
from cu_core.jobs.demo import PACKED_BYTES, pack
from cu_core.jobs.submission import submit
from cu_core.runstore.attempt import Attempt

TARGET = Path(__file__).resolve().parent.parent / "assets" / "demo"
WIDTH = 16
"""Numbers of an embedding."""
FILTERED = -100.0
"""Logit of the filtered class: below every other one, and near enough that an axis of distances shows the rest."""


def shipped() -> dict[str, RunSpec]:
    """What is run, by the name of its file; the smaller one first, the other may take what is left."""
    model = dataclasses.replace(DEFAULT_PRESET.spec.model, embedding_dim=WIDTH)
    base = dataclasses.replace(DEFAULT_PRESET.spec, model=model)
    methods = {
        "digit-5-hidden": ("output_filter", {"logit": FILTERED}, "Digit 5, its answer filtered out"),
        "digit-5-forgotten": ("eu_k", {}, "Digit 5, last layers trained anew"),
    }
    return {
        file: dataclasses.replace(base, method=MethodSpec(name, method(name).params(**values)), name=title)
        for file, (name, values, title) in methods.items()
    }


def main() -> None:
    left = PACKED_BYTES
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder)).create()
        for file, spec in shipped().items():
            run_id = submit(spec, home, token=f"demo-{file}", foreground=True)
            attempt = Attempt.claim(home, run_id, 1)
            state = run_attempt(attempt, loop.execute)
            if state != "succeeded":
                raise SystemExit(f"{file}: {state}, see {attempt.folder}")
            size = pack(attempt.run_dir, TARGET / f"{file}.zip", left)
            left -= size
            print(f"{file}: {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
