"""Answers of base models and references to a verdict's samples: asked once in a home, and told bit by bit the same."""

from __future__ import annotations

from typing import Any

import pytest

from cu_core.base.home import Home
from cu_core.engine.verdict import verdict_phase
from tests.real_runs import submit_changed, work_to_the_end

USUAL: dict[str, Any] = {
    "data": {"dataset": "digits", "train_limit": 200},
    "model": {"backbone": "tiny-cnn"},
    "train": {"epochs": 1},
    "forget": {"select": "random:40", "seed": 0},
    "method": {"id": "gradient_ascent"},
    "stop": {"rule": "none", "max_rounds": 1},
    "probe": {"size": 60, "tsne": False},
    "audit": {"attacks": "none"},
    "reference": 5,
    "device": "cpu",
}


def verdict_and_trainings(home: Home, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> tuple[dict[str, Any], int]:
    trained = []
    whole = verdict_phase.trained_on
    monkeypatch.setattr(verdict_phase, "trained_on", lambda *a: trained.append(a) or whole(*a))
    _, result = work_to_the_end(home, submit_changed(home, USUAL, changes))
    monkeypatch.setattr(verdict_phase, "trained_on", whole)
    return {k: v for k, v in result["verdict"].items() if k != "seconds"}, len(trained)


def test_shared_models_are_asked_once_and_the_verdict_is_the_same(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    first, asked = verdict_and_trainings(home, monkeypatch)
    assert asked == 7, "a base model, an unlearned one, five references"
    again, asked = verdict_and_trainings(home, monkeypatch)
    assert asked == 1 and again == first
    _, asked = verdict_and_trainings(home, monkeypatch, method={"id": "finetune", "params": {}})
    assert asked == 1, "another method has the same base model and references"
    for path in home.evaluations.glob("*.npz"):
        path.write_bytes(path.read_bytes()[:100])
    mended, asked = verdict_and_trainings(home, monkeypatch)
    assert asked == 7 and mended == first, "damaged answers are asked for again"


def test_other_samples_or_other_neighbours_have_answers_of_their_own(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict_and_trainings(home, monkeypatch)
    _, asked = verdict_and_trainings(home, monkeypatch, forget={"select": "random:40", "seed": 1})
    assert asked == 7, "the base model is the same, what it is asked is not"
    _, asked = verdict_and_trainings(home, monkeypatch, seed=1)
    assert asked == 3, "a base model, an unlearned one and the reference with seed 5 are new"
