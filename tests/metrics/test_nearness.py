"""Distance to retraining in half widths of the references' band, against its formula written out."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import stats

from cu_core.metrics.questions.nearness import Yardstick, nearest_of
from cu_core.metrics.questions.verdict_evidence import GroupSeen, ModelSeen

CLASSES = 4
RNG = np.random.default_rng(3)
HARD = {name: RNG.normal(size=n) for name, n in (("forget", 60), ("retain", 90), ("unseen", 80))}
LABELS = {name: np.arange(len(hard)) % CLASSES for name, hard in HARD.items()}


def group(name: str, lift: float, rng: np.random.Generator) -> GroupSeen:
    """A group whose label's logit is `lift` above what its hardness gives."""
    labels = LABELS[name]
    logits = rng.normal(size=(len(labels), CLASSES)) * 0.3
    logits[np.arange(len(labels)), labels] += HARD[name] + lift
    e = np.exp(logits)
    own = logits[np.arange(len(labels)), labels]
    score = own - np.log(e.sum(1) - np.exp(own))
    return GroupSeen(labels, e / e.sum(1, keepdims=True), logits.argmax(1), score, logits)


def model(known: float, seed: int) -> ModelSeen:
    rng = np.random.default_rng(seed)
    return ModelSeen(group("forget", known, rng), group("retain", 3.0, rng), group("unseen", 0.0, rng))


BASE = model(3.0, 0)
REFERENCES = [model(0.0, seed) for seed in range(1, 7)]


def measure(of: ModelSeen, references: list[ModelSeen] = REFERENCES):
    found = Yardstick.of(BASE, references, task="sample", kind="supervised", classes=CLASSES, forgotten=())
    return None if found is None else found.measure(of)


def in_half_widths(number, of: ModelSeen) -> float:
    """|number - mean| over t · sd · √(1 + 1/K), every reference beside the others, the model beside all such sets."""
    sets = [[r for r in REFERENCES if r is not out] for out in REFERENCES]
    null = [number(out, others) for out, others in zip(REFERENCES, sets, strict=True)]
    value = np.mean([number(of, others) for others in sets])
    k = len(REFERENCES)
    half = stats.t.ppf(0.975, k - 1) * np.std(null, ddof=1) * np.sqrt(1 + 1 / k)
    return float(abs(value - np.mean(null)) / half)


def margin_gap(of: ModelSeen, others: list[ModelSeen]) -> float:
    """Forget minus unseen; every class has a fourth of either, so weights by class change nothing."""
    own = [getattr(of, g).score - np.mean([getattr(o, g).score for o in others], axis=0) for g in ("forget", "unseen")]
    return float(own[0].mean() - own[1].mean())


def odds(of: ModelSeen, others: list[ModelSeen]) -> float:
    return float(np.log(np.exp(-of.forget.score).mean()))


def position(of: ModelSeen, others: list[ModelSeen]) -> float:
    centre = np.mean([o.forget.outputs for o in others], axis=0)
    line = (BASE.forget.outputs - centre).ravel()
    return float(line @ (of.forget.outputs - centre).ravel() / (line @ line))


@pytest.mark.parametrize("known", [0.0, 0.5, 3.0, -2.0])
def test_every_distance_is_its_formula(known):
    found = measure(model(known, 50))
    expected = {"margin": margin_gap, "position": position, "odds": odds}
    assert set(found.distances) == set(expected)
    for name, number in expected.items():
        assert found.distances[name] == pytest.approx(in_half_widths(number, model(known, 50)), rel=1e-9)
    assert found.distance == max(found.distances.values()) == found.distances[found.farthest]


def test_one_more_retrained_model_is_inside_and_the_base_far_outside():
    inside = [measure(model(0.0, seed)).distance <= 1 for seed in range(100, 140)]
    # Each of three numbers holds 95 %: 34 of 40 are expected where they do not go together.
    assert sum(inside) >= 30
    assert measure(BASE).distance > 5
    assert measure(BASE).position == pytest.approx(1.0)
    assert measure(model(-3.0, 9)).distance > 5, "known too badly is as far"


def test_position_runs_from_retrained_to_before():
    between = [measure(model(known, 7)).position for known in (0.0, 1.0, 2.0, 3.0)]
    assert between == sorted(between)
    assert abs(between[0]) < 0.3 and between[-1] == pytest.approx(1.0, abs=0.3)


def test_encoders_have_no_odds():
    found = Yardstick.of(BASE, REFERENCES, task="sample", kind="self-supervised", classes=CLASSES, forgotten=())
    assert set(found.measure(BASE).distances) == {"margin", "position"}


def test_what_cannot_be_measured_is_not():
    assert measure(BASE, REFERENCES[:1]) is None, "one reference has no band"
    few = [dataclasses.replace(m, forget=cut(m.forget)) for m in (BASE, *REFERENCES)]
    assert Yardstick.of(few[0], few[1:], task="sample", kind="supervised", classes=CLASSES, forgotten=()) is None
    broken = dataclasses.replace(BASE.forget, score=np.full(60, np.nan))
    assert measure(dataclasses.replace(BASE, forget=broken)) is None


def cut(of: GroupSeen) -> GroupSeen:
    return GroupSeen(of.labels[:9], of.outputs[:9], of.predicted[:9], of.score[:9], of.embedding[:9])


def test_the_nearest_round_is_the_first_of_the_smallest():
    assert nearest_of([0, 1, 2, 3], [5.0, 2.0, None, 2.0]) == 1
    assert nearest_of([0, 1], [None, None]) is None
