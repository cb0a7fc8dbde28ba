"""Membership attacks: their formulas, what they find where there is something, and what where there is nothing."""

from __future__ import annotations

import dataclasses
from math import erf

import numpy as np
import pytest
import torch
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from cu_core.catalogue.attack_record import ATTACKS, MODELS, NUMBERS, attacks_for, ways_for
from cu_core.metrics.attacks import probabilities
from cu_core.metrics.attacks.encoder_mi import DeepSets
from cu_core.metrics.attacks.fitting import Signals, fit
from cu_core.metrics.attacks.probabilities import cross_entropy, entropy, log_odds, modified_entropy
from cu_core.metrics.attacks.scaling import limited
from cu_core.metrics.intervals import interval, redraws
from cu_core.metrics.roc import ranking_numbers

CLASSES, VIEWS = 10, 5
PAIRS = VIEWS * (VIEWS - 1) // 2


def samples(n: int, apart: float, seed: int = 0) -> tuple[Signals, np.ndarray]:
    """Half of n samples are members, with larger margins and more similar views by `apart` standard deviations."""
    rng = np.random.default_rng(seed)
    member = np.arange(n) < n // 2
    labels = rng.integers(0, CLASSES, n)
    strength = rng.normal(size=n) + apart * member
    logits = np.zeros((n, CLASSES))
    logits[np.arange(n), labels] = 4 + strength
    cosines = 0.7 + 0.1 * (rng.normal(size=n) + apart * member)[:, None] + 0.01 * rng.normal(size=(n, PAIRS))
    return Signals.of_classifier(logits, labels, cosines.clip(-1, 1)), member


def area(attack: str, apart: float, seed: int = 0) -> list[float]:
    """AUC with its interval on new samples."""
    known, known_member = samples(600, apart, seed)
    new, member = samples(600, apart, seed + 1)
    judge = fit(ATTACKS[attack], known, known_member, seed=0)
    return interval(ranking_numbers(judge.score(new), member, redraws(member, 200, seed=0))[0])


@pytest.fixture
def logits() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(40, 6)) * 3


@pytest.fixture
def labels() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 6, 40)


def test_log_odds_and_entropies_equal_their_definitions(logits, labels):
    p = softmax(logits, axis=1)
    odds, rows = log_odds(logits), np.arange(40)
    np.testing.assert_allclose(odds, np.log(p / (1 - p)))
    np.testing.assert_allclose(cross_entropy(odds, labels), -np.log(p[rows, labels]))
    np.testing.assert_allclose(entropy(odds), -(p * np.log(p)).sum(1))
    expected = np.empty(40)
    for i in range(40):
        y = labels[i]
        others = [k for k in range(6) if k != y]
        expected[i] = -(1 - p[i, y]) * np.log(p[i, y]) - sum(p[i, k] * np.log(1 - p[i, k]) for k in others)
    np.testing.assert_allclose(modified_entropy(odds, labels), expected)


def test_samples_in_parts_have_the_same_log_odds_and_entropies(logits, labels, monkeypatch):
    odds = log_odds(logits)
    whole = odds, entropy(odds), modified_entropy(odds, labels)
    monkeypatch.setattr(probabilities, "_PART", 7 * logits.shape[1])
    parts = log_odds(logits), entropy(odds), modified_entropy(odds, labels)
    for mine, theirs in zip(parts, whole, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert log_odds(logits[:0]).shape == (0, 6)


def test_modified_entropy_tells_right_from_wrong_where_entropy_does_not():
    odds = log_odds(np.array([[20.0, 0.0, 0.0], [20.0, 0.0, 0.0]]))
    wrong_and_right = modified_entropy(odds, np.array([1, 0]))
    assert entropy(odds)[0] == entropy(odds)[1] < 1e-6
    assert wrong_and_right[0] > 30 and wrong_and_right[1] < 1e-14


def test_saturated_answers_do_not_tie():
    margins = np.array([30.0, 50.0, 200.0, 700.0, 5000.0])
    logits = np.zeros((5, 3))
    logits[:, 0] = margins
    signals = Signals.of_classifier(logits, np.zeros(5, int), np.zeros((5, 1)))
    assert (softmax(logits, axis=1)[1:, 0] == 1).all(), "as probabilities they are all the same"
    np.testing.assert_allclose(signals.confidence, margins - np.log(2))
    assert (np.diff(signals.loss[:4]) < 0).all() and signals.loss[0] == pytest.approx(2 * np.exp(-30))
    lost = Signals.of_classifier(logits, np.ones(5, int), np.zeros((5, 1)))
    np.testing.assert_allclose(lost.loss, margins)
    for name in ("loss", "confidence", "entropy", "modified_entropy"):
        assert np.isfinite(getattr(signals, name)).all() and np.isfinite(getattr(lost, name)).all()
    assert np.isfinite(lost.table()).all() and np.abs(lost.table()).max() == 100


def test_ties_of_the_highest_logit():
    np.testing.assert_allclose(log_odds(np.array([[2.0, 2.0]])), [[0.0, 0.0]], atol=1e-12)
    np.testing.assert_allclose(log_odds(np.full((1, 4), -1000.0)), np.full((1, 4), -np.log(3)))


@pytest.mark.parametrize("attack", ATTACKS)
def test_members_that_stand_out_are_found(attack):
    # Two normal distributions one standard deviation apart: AUC = Phi(1 / sqrt 2).
    ideal = (1 + erf(1 / 2)) / 2
    value, low, high = area(attack, apart=1.0)
    assert value > 0.68, "scores rise with membership"
    assert low <= ideal <= high + 0.03, "and no attack can do better than the signal allows"


@pytest.mark.parametrize("attack", ATTACKS)
def test_where_nothing_tells_members_apart_nothing_is_found(attack):
    inside = [low <= 0.5 <= high for _, low, high in (area(attack, apart=0.0, seed=s) for s in (10, 20, 30))]
    assert sum(inside) >= 2


@pytest.mark.parametrize("attack", ATTACKS)
def test_same_seed_same_scores_whatever_happened_before(attack):
    known, member = samples(100, 0.5)
    first = fit(ATTACKS[attack], known, member, seed=3)
    torch.manual_seed(99)
    state = torch.get_rng_state()
    second = fit(ATTACKS[attack], known, member, seed=3)
    assert (first.score(known) == second.score(known)).all() and first.threshold == second.threshold
    assert (torch.get_rng_state() == state).all(), "nor does an attack change what is drawn after it"


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("attack", ATTACKS)
def test_what_is_no_number_is_refused(attack):
    known, member = samples(60, 0.5)
    broken = dataclasses.replace(
        known, loss=known.loss * np.nan, odds=known.odds * np.nan, pair_cosines=known.pair_cosines * np.nan
    )
    with pytest.raises(ValueError, match="finite"):
        fit(ATTACKS[attack], broken, member, seed=0)
    with pytest.raises(ValueError, match="non-members"):
        fit(ATTACKS[attack], known, np.ones(60, bool), seed=0)


def test_threshold_attacks_score_in_their_own_unit():
    known, member = samples(200, 1.0)
    cosines = known.pair_cosines.mean(1)
    np.testing.assert_allclose(fit(ATTACKS["encoder_mi_t"], known, member, 0).score(known), cosines)
    np.testing.assert_allclose(fit(ATTACKS["loss"], known, member, 0).score(known), -known.loss)
    negative = dataclasses.replace(known, pair_cosines=known.pair_cosines - 1)
    assert fit(ATTACKS["encoder_mi_t"], negative, member, 0).threshold < 0, "cosines go down to -1"


def test_table_of_features_equals_their_definitions(logits, labels):
    p, rows = softmax(logits, axis=1), np.arange(40)
    signals = Signals.of_classifier(logits, labels, np.zeros((40, 1)))
    own = p[rows, labels]
    h = -(p * np.log(p)).sum(1)
    expected = [-np.log(own), p.max(1), h, np.log(own / (1 - own)), modified_entropy(log_odds(logits), labels)]
    np.testing.assert_allclose(signals.table(), np.stack(expected, 1))
    encoder = Signals.of_encoder(logits, np.arange(40.0), np.zeros((40, 1)))
    top = p.max(1)
    np.testing.assert_allclose(encoder.table(), np.stack([np.arange(40.0), top, h, np.log(top / (1 - top))], 1))
    with pytest.raises(ValueError, match="labels"):
        _ = encoder.modified_entropy


@pytest.mark.parametrize(
    ("attack", "model"),
    [("svc", SVC(C=3, gamma="auto", class_weight="balanced")), ("logistic", LogisticRegression(max_iter=1000))],
)
def test_learned_attacks_equal_scikit_learn_on_the_table(attack, model):
    known, member = samples(200, 1.0)
    new, _ = samples(50, 1.0, seed=5)
    scaler = StandardScaler().fit(known.table())
    theirs = model.fit(scaler.transform(known.table()), member).decision_function(scaler.transform(new.table()))
    np.testing.assert_allclose(fit(ATTACKS[attack], known, member, 0).score(new), theirs, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("attack", ["encoder_mi_v", "encoder_mi_s", "encoder_mi_t"])
def test_the_order_of_pairs_does_not_matter(attack):
    known, member = samples(100, 1.0)
    judge = fit(ATTACKS[attack], known, member, seed=0)
    order = np.random.default_rng(0).permutation(PAIRS)
    shuffled = dataclasses.replace(known, pair_cosines=known.pair_cosines[:, order])
    np.testing.assert_allclose(judge.score(shuffled), judge.score(known), atol=1e-5)


def test_deep_sets_see_more_than_the_mean():
    network = DeepSets(8)
    with torch.no_grad():
        even, spread = network(torch.zeros(1, 4)), network(torch.tensor([[-1.0, 1.0, -1.0, 1.0]]))
    assert even.shape == (1, 1) and abs(float(even - spread)) > 1e-4


@pytest.mark.parametrize("attack", ["encoder_mi_v", "encoder_mi_s"])
def test_learned_encoder_mi_uses_more_than_the_mean(attack):
    """Members' cosines spread less around the same mean, which a threshold on the mean cannot see."""

    def spread(seed: int) -> tuple[Signals, np.ndarray]:
        signals, member = samples(400, 0.0, seed)
        noise = np.random.default_rng(seed).normal(size=(400, PAIRS))
        noise -= noise.mean(1, keepdims=True)
        return dataclasses.replace(signals, pair_cosines=0.5 + np.where(member, 0.02, 0.1)[:, None] * noise), member

    (known, known_member), (new, member) = spread(0), spread(1)
    assert roc_auc_score(member, fit(ATTACKS[attack], known, known_member, 0).score(new)) > 0.9
    assert abs(roc_auc_score(member, fit(ATTACKS["encoder_mi_t"], known, known_member, 0).score(new)) - 0.5) < 0.1


def test_fits_are_limited_and_stay_balanced():
    member = np.arange(1000) < 300
    rows = limited(member, seed=0, limit=100)
    assert len(rows) == len(set(rows)) == 100 and member[rows].sum() == 50
    assert (limited(member, seed=0, limit=5000) == np.arange(1000)).all()
    assert (limited(member, seed=1, limit=100) != rows).any()


def test_the_list():
    assert {a.id for a in attacks_for("supervised")} == set(ATTACKS)
    assert set(ATTACKS) - {a.id for a in attacks_for("self-supervised")} == {"modified_entropy"}
    assert list(NUMBERS) == ["accuracy", "precision", "recall", "auc", "tpr_at_1_fpr"]
    assert [ways_for(model, shadow=True) for model in MODELS] == [
        ["refitted", "shadow"],
        ["refitted", "transferred", "shadow"],
        ["refitted", "transferred"],
    ]
    assert [ways_for(model, shadow=False) for model in MODELS[:2]] == [["refitted"], ["refitted", "transferred"]]
