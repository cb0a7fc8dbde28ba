"""A run keeps the precision that it began with, also where it was begun before there was a choice."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch

from cu_core.base.files import read_json
from cu_core.base.home import Home
from cu_core.engine.checkpoint import read_checkpoint
from cu_core.engine.estimate import known_speed, remember_speed, speed_path
from cu_core.engine.kept_arithmetic import KeptArithmetic, kept_precision, kept_threads, precision_of_run
from cu_core.engine.speed import measure_speed
from cu_core.engine.verdict.verdict_anew import verdict_anew
from cu_core.jobs import submission
from cu_core.learning import precision_trial
from cu_core.learning.device import Precision
from cu_core.learning.timed_step import TimedStep
from cu_core.runstore import layout
from cu_core.runstore.attempt import Attempt
from cu_core.runstore.checksums import damage_of
from cu_core.runstore.reader import RunView
from tests.real_runs import submit_changed, work, work_to_the_end

CPU = torch.device("cpu")
USUAL: dict[str, Any] = {
    "model": {"backbone": "tiny-cnn"},
    "data": {"train_limit": 300},
    "train": {"epochs": 2, "batch_size": 32, "lr": 0.1},
    "forget": {"select": "class:5"},
    "method": {"id": "finetune"},
    "probe": {"size": 60, "tsne": False},
    "stop": {"max_rounds": 2, "rule": "none", "collapse_drop": 1.0},
    "audit": {"attacks": "none", "verdict": False},
    "device": "cpu",
}


class Fake:
    """A processor on which bf16 is as fast as a test says, for networks of any size."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.gain, self.asked = 2.0, 0
        patch.setattr(precision_trial, "FEWEST_OPS", 0.0)
        patch.setattr(precision_trial, "bf16_in_hardware", lambda: True)
        patch.setattr("cu_core.engine.estimate.bf16_in_hardware", lambda: True)
        fake = self

        def seconds(step: TimedStep, precision: Precision) -> float:
            fake.asked += 1
            return 1.0 if precision.name == "fp32" else 1.0 / fake.gain

        patch.setattr(TimedStep, "work", seconds)
        patch.setattr(TimedStep, "seconds", seconds)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Fake:
    return Fake(monkeypatch)


class CancelledInRoundOne(Attempt):
    def event(self, at: str, reached: int, *details: Any, **named: Any) -> None:
        super().event(at, reached, *details, **named)
        if (at, reached) == ("unlearn", 1):
            submission.cancel(self.home, self.run_id)


def note(view: RunView) -> dict[str, Any]:
    return dict(read_json(view.run_dir / layout.THREADS))


def rewrite(view: RunView, content: dict[str, Any] | None) -> None:
    """Puts another note in place, as sound as one that was written by a run; None takes it away."""
    path = view.run_dir / layout.THREADS
    if content is None:
        path.unlink()
        return
    sums = view.run_dir / layout.CHECKSUMS
    sums.unlink()
    path.write_text(json.dumps(content))


def test_a_run_says_what_was_timed_and_taken(home: Home, fake: Fake) -> None:
    view, result = work_to_the_end(home, submit_changed(home, USUAL, {"reference": 1}))
    assert result["hardware"]["precision"] == "bf16"
    assert result["hardware"]["bf16_gain"] == 2.0
    assert any("Computed in bf16" in words and "2.00 times" in words for words in result["notes"])
    assert note(view)["precision"] == "bf16"
    assert any("timing training steps" in str(event) for event in view.events())
    assert read_checkpoint(view.run_dir / layout.CHECKPOINT)["precision"] == "bf16"


def test_base_and_references_are_other_models_than_those_of_fp32(home: Home, fake: Fake) -> None:
    _, first = work_to_the_end(home, submit_changed(home, USUAL, {"reference": 1}))
    _, other = work_to_the_end(home, submit_changed(home, USUAL, {"reference": 1, "precision": "fp32"}))
    assert first["base_key"] != other["base_key"]
    assert not other["base_cached"]
    _, again = work_to_the_end(home, submit_changed(home, USUAL, {"reference": 1, "precision": "bf16"}))
    assert again["base_key"] == first["base_key"]
    assert again["base_cached"]
    assert again["reference_cached"]
    assert again["weights_sha256"] == first["weights_sha256"]


def test_a_second_run_on_the_same_machine_does_not_time_again(home: Home, fake: Fake) -> None:
    work_to_the_end(home, submit_changed(home, USUAL, {}))
    asked, fake.gain = fake.asked, 0.1
    assert asked > 0
    _, result = work_to_the_end(home, submit_changed(home, USUAL, {"seed": 1}))
    assert fake.asked == asked
    assert result["hardware"]["precision"] == "bf16"


def test_a_resumed_run_keeps_what_it_began_with(home: Home, fake: Fake) -> None:
    _, whole = work_to_the_end(home, submit_changed(home, USUAL, {}))
    run_id = submit_changed(home, USUAL, {})
    assert work(home, run_id, 1, CancelledInRoundOne).state == "cancelled"
    # By now the machine would decide otherwise.
    fake.gain = 0.1
    for kept in (home.root / "precisions").glob("*.json"):
        kept.unlink()
    asked = fake.asked
    view = work(home, run_id, submission.resume_here(home, run_id))
    result = view.result()
    assert result is not None
    assert fake.asked == asked
    assert result["hardware"]["precision"] == "bf16"
    assert result["weights_sha256"] == whole["weights_sha256"]
    assert result["notes"] == whole["notes"]


@pytest.mark.parametrize("earlier", ["threads alone", "no note"])
def test_a_run_of_an_earlier_version_goes_on_in_fp32(home: Home, fake: Fake, earlier: str) -> None:
    _, whole = work_to_the_end(home, submit_changed(home, USUAL, {"precision": "fp32"}))
    run_id = submit_changed(home, USUAL, {})
    fake.gain = 0.1
    view = work(home, run_id, 1, CancelledInRoundOne)
    assert view.state == "cancelled"
    assert note(view)["precision"] == "fp32"
    state = read_checkpoint(view.run_dir / layout.CHECKPOINT)
    assert state.pop("precision") == "fp32"
    assert state.pop("device") == "cpu"
    torch.save(state, view.run_dir / layout.CHECKPOINT)
    # As it was before there was a choice.
    rewrite(view, {"threads": torch.get_num_threads()} if earlier == "threads alone" else None)
    (view.run_dir / layout.CHECKSUMS).unlink(missing_ok=True)
    fake.gain = 9.0
    for kept in (home.root / "precisions").glob("*.json"):
        kept.unlink()
    result = work(home, run_id, submission.resume_here(home, run_id)).result()
    assert result is not None
    assert result["hardware"]["precision"] == "fp32"
    assert result["weights_sha256"] == whole["weights_sha256"]
    assert result["base_cached"]


def test_a_note_that_was_torn_is_told_by_the_checkpoint(home: Home, fake: Fake) -> None:
    run_id = submit_changed(home, USUAL, {})
    view = work(home, run_id, 1, CancelledInRoundOne)
    (view.run_dir / layout.THREADS).write_text('{"thr')
    assert damage_of(view.run_dir, layout.THREADS, again=True)
    fake.gain = 0.1
    for kept in (home.root / "precisions").glob("*.json"):
        kept.unlink()
    result = work(home, run_id, submission.resume_here(home, run_id)).result()
    assert result is not None
    assert result["hardware"]["precision"] == "bf16"
    assert result["base_cached"]


def test_an_attempt_that_ended_before_the_choice_leaves_it_open(home: Home, fake: Fake) -> None:
    run_id = submit_changed(home, USUAL, {})
    arithmetic = KeptArithmetic(Attempt.claim(home, run_id, 1))
    arithmetic.fix_threads()
    assert read_json(home.runs / run_id / layout.THREADS)["precision"] is None
    assert KeptArithmetic(Attempt(home, run_id, 1)).precision(CPU) is None


def test_a_run_that_was_begun_on_another_kind_of_device_decides_again() -> None:
    assert kept_precision({"precision": "fp16", "device": "cuda"}, CPU) is None
    assert kept_precision({"precision": "int8", "device": "cpu"}, CPU) is None
    assert kept_precision({}, CPU) is None
    found = kept_precision({"precision": "bf16", "device": "cpu", "gain": 2.5, "words": "told"}, CPU)
    assert found is not None
    assert (found.precision.name, found.gain, found.words) == ("bf16", 2.5, "told")


@pytest.mark.parametrize("threads", [0, -1, "2", None, 10**6, 1.5])
def test_a_number_of_threads_that_cannot_be_used(threads: object) -> None:
    assert kept_threads({"threads": threads}) == 0


def test_a_verdict_made_later_trains_in_the_precision_of_the_run(home: Home, fake: Fake) -> None:
    view, result = work_to_the_end(home, submit_changed(home, USUAL, {"reference": 1}))
    fake.gain = 0.1
    for kept in (home.root / "precisions").glob("*.json"):
        kept.unlink()
    asked = fake.asked
    assert precision_of_run(view.run_dir, "auto", CPU).precision.name == "bf16"
    found = verdict_anew(home, view.run_id)
    assert fake.asked == asked
    assert found.notes == (), "all models are found in the cache"
    assert result["hardware"]["precision"] == "bf16"


def test_an_estimate_rests_on_the_precision_in_force(home: Home, fake: Fake) -> None:
    run_id = submit_changed(home, USUAL, {})
    spec = Attempt.claim(home, run_id, 1).spec
    speed = measure_speed(spec, home)
    assert speed.precision == "bf16"
    assert speed.seconds_per_image == pytest.approx(0.5 / 32)
    assert known_speed(spec, home) == speed


def test_a_speed_of_an_earlier_version_is_measured_again(home: Home, fake: Fake, monkeypatch) -> None:
    run_id = submit_changed(home, USUAL, {})
    spec = Attempt.claim(home, run_id, 1).spec
    speed = measure_speed(spec, home)
    remember_speed(spec, home, speed)
    path = speed_path(spec, home)
    content = read_json(path)
    del content["precision"]
    path.write_text(json.dumps(content))
    assert known_speed(spec, home) is None
    monkeypatch.setattr("cu_core.engine.estimate.bf16_in_hardware", lambda: False)
    assert known_speed(spec, home) is not None
