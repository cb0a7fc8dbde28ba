"""A tuning whose trials are made-up runs: nothing is trained."""

from __future__ import annotations

import dataclasses

from cu_core.analysis.tuning.tuning_plan import Tuning, begun, drawn, remember_tuning
from cu_core.base.home import Home
from cu_core.catalogue.spec import RunSpec
from cu_core.catalogue.spec_parts import ForgetSpec, TrainSpec
from tests.madeup import MadeUp, write_run

REPORTED = RunSpec(train=TrainSpec(epochs=2), forget=ForgetSpec("class:5"))


def planned(home: Home, method: str = "ssd", trials: int = 3, **more) -> Tuning:
    """A tuning whose plan lies in the home."""
    tuning = drawn(begun(REPORTED, method, trials=trials, **more), home)
    remember_tuning(tuning, home)
    return tuning


def write_trial(home: Home, tuning: Tuning, number: int, state: str = "succeeded", rounds: int = 5, **made) -> str:
    """Writes the run of a trial; returns its id."""
    spec = tuning.spec(tuning.values[number - 1])
    parts = {name: getattr(spec, name) for name in ("data", "model", "train", "method", "group", "probe", "audit")}
    references = tuple(range(spec.seed, spec.seed + spec.reference))
    write_run(
        home,
        f"trial-{number}",
        dataclasses.replace(
            MadeUp(spec.forget.select, references=references, seed=spec.seed, spec=parts, state=state, audited=0),
            rounds=rounds,
            **made,
        ),
    )
    return f"trial-{number}"
