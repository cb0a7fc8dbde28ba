"""Ways of an attack: who was fitted on what, and what happens where a fit fails."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from cu_core.catalogue.attack_record import ATTACKS
from cu_core.engine.audit import attackers
from cu_core.engine.audit.attackers import AttackData, Scores, attack_models
from cu_core.metrics.attacks.fitting import Judge, Signals
from cu_core.metrics.roc import best_threshold

ATTACK = ATTACKS["loss"]


def outputs_of(tag: int, n: int = 24, apart: float = 1.0) -> AttackData:
    """Answers whose cosines name the model and the sample."""
    rng = np.random.default_rng(tag)
    member, fold = np.arange(n) < n // 2, np.arange(n) % 2
    logits = rng.normal(size=(n, 3))
    logits[member, 0] += apart
    name = np.stack([np.full(n, float(tag)), np.arange(n)], 1)
    return AttackData(Signals.of_classifier(logits, np.zeros(n, int), name), member, fold)


def score_of(found: Scores | str) -> np.ndarray:
    assert isinstance(found, Scores)
    return found.score


@pytest.fixture
def spied(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[tuple[int, int]], list[tuple[int, int]]]]:
    """(model, sample) pairs that were fitted on and those that were scored with that fit."""
    seen: list[tuple[list[tuple[int, int]], list[tuple[int, int]]]] = []

    def names(signals: Signals) -> list[tuple[int, int]]:
        return [(int(a), int(b)) for a, b in signals.pair_cosines]

    def fit(attack, signals, member, seed):
        fitted = names(signals)

        def score(new: Signals) -> np.ndarray:
            seen.append((fitted, names(new)))
            return np.zeros(len(new))

        return Judge(score, 0.0)

    monkeypatch.setattr(attackers, "fit", fit)
    return seen


def test_no_sample_is_judged_by_what_was_fitted_on_it(spied):
    models = {"before": outputs_of(0), "after": outputs_of(1), "reference": outputs_of(2)}
    shadow = outputs_of(3)
    found = attack_models(ATTACK, models, shadow, seed=0)
    assert {m: list(w) for m, w in found.items()} == {
        "before": ["refitted", "shadow"],
        "after": ["refitted", "transferred", "shadow"],
        "reference": ["refitted", "transferred"],
    }
    pairs = set()
    for fitted, scored in spied:
        (source,), (target,) = {m for m, _ in fitted}, {m for m, _ in scored}
        pairs.add((source, target))
        assert not {s for _, s in fitted} & {s for _, s in scored}, "not even as another model's answer"
        assert len(fitted) == len(scored) == 12
    assert pairs == {(0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (3, 0), (3, 1)}
    scored_once = [s for fitted, scored in spied if fitted[0][0] == 0 and scored[0][0] == 1 for _, s in scored]
    assert sorted(scored_once) == list(range(24)), "and everybody is judged"


def test_transferred_uses_the_thresholds_of_before():
    models = {"before": outputs_of(0), "after": outputs_of(1, apart=-3.0)}
    found = attack_models(ATTACK, models, None, seed=0)
    before, after = found["before"]["refitted"], found["after"]["transferred"]
    assert isinstance(before, Scores) and isinstance(after, Scores)
    assert after.thresholds == before.thresholds
    np.testing.assert_allclose(after.score, -models["after"].signals.loss, rtol=1e-6)
    # The threshold of fold 0 comes from fold 1, and the reverse.
    one = models["before"].fold == 1
    expected = best_threshold(-models["before"].signals.loss[one], models["before"].member[one])
    assert before.thresholds[0] == expected != before.thresholds[1]
    refitted = found["after"]["refitted"]
    assert isinstance(refitted, Scores) and refitted.thresholds != after.thresholds


def test_shadow_uses_the_thresholds_of_the_shadow_model():
    models, shadow = {"before": outputs_of(0), "after": outputs_of(1), "reference": outputs_of(2)}, outputs_of(3, n=40)
    found = attack_models(ATTACK, models, shadow, seed=0)
    own = attack_models(ATTACK, {"before": shadow}, None, seed=0)["before"]["refitted"]
    assert isinstance(own, Scores)
    for model in ("before", "after"):
        scores = found[model]["shadow"]
        assert isinstance(scores, Scores) and scores.thresholds == own.thresholds


def test_an_attack_that_fails_says_why_and_leaves_the_others_alone():
    broken = outputs_of(1)
    broken = dataclasses.replace(broken, signals=dataclasses.replace(broken.signals, loss=broken.signals.loss * np.nan))
    found = attack_models(ATTACK, {"before": outputs_of(0), "after": broken}, None, seed=0)
    assert isinstance(found["before"]["refitted"], Scores)
    assert found["after"]["refitted"] == "could not be fitted: a signal is not a finite number"
    assert found["after"]["transferred"] == "gives scores that are not finite numbers"


def test_stop_is_asked_for_before_every_fit():
    class Stop(Exception):
        pass

    def check() -> None:
        raise Stop

    with pytest.raises(Stop):
        attack_models(ATTACK, {"before": outputs_of(0)}, None, seed=0, check=check)


def test_scores_are_stored_as_they_are_judged():
    score = score_of(attack_models(ATTACK, {"before": outputs_of(0)}, None, seed=0)["before"]["refitted"])
    assert score.dtype == np.float32 and score.shape == (24,)
