"""Metrics against scikit-learn, SciPy and closed forms."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import cosine as scipy_cosine
from sklearn.metrics import accuracy_score, roc_auc_score

from cu_core.catalogue.metric_record import METRICS, Evidence, Metric
from cu_core.catalogue.objective_record import KINDS
from cu_core.engine import evaluation
from cu_core.engine.evaluation import metrics_of
from cu_core.engine.signals import Forward
from cu_core.metrics.accuracy import accuracy, unseen_accuracies
from cu_core.metrics.centroids import centroid_cosines, own_centroid_cosines
from cu_core.metrics.embedding_drift import displacement
from cu_core.metrics.membership import loss_auc, loss_gap


def test_accuracy_matches_sklearn_and_is_none_for_nothing():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 4, 50), rng.integers(0, 4, 50)
    assert accuracy(a, b) == pytest.approx(accuracy_score(b, a))
    assert accuracy(a[:0], b[:0]) is None


def test_unseen_accuracies_split_by_forgotten_class():
    labels = np.array([5, 5, 1, 2, 5])
    predicted = np.array([5, 0, 1, 0, 0])
    assert unseen_accuracies(predicted, labels, [5]) == (pytest.approx(1 / 3), pytest.approx(1 / 2))
    assert unseen_accuracies(predicted, labels, [9])[0] is None


def test_loss_auc_matches_sklearn_where_the_class_mix_is_equal():
    rng = np.random.default_rng(1)
    forget, unseen = rng.exponential(1.0, 300), rng.exponential(2.0, 300)
    labels = np.arange(300) % 3
    truth = np.r_[np.ones(300), np.zeros(300)]
    want = roc_auc_score(truth, -np.r_[forget, unseen])
    assert loss_auc(forget, labels, unseen, labels) == pytest.approx(want)


def test_loss_auc_matches_sklearn_with_ties_and_another_class_mix():
    rng = np.random.default_rng(4)
    forget, unseen = rng.integers(0, 6, 70) / 2, rng.integers(1, 8, 50) / 2
    forget_labels, unseen_labels = rng.integers(0, 3, 70), np.arange(50) % 3
    mix = np.bincount(forget_labels) / np.bincount(unseen_labels)
    want = roc_auc_score(
        np.r_[np.ones(70), np.zeros(50)],
        -np.r_[forget, unseen],
        sample_weight=np.r_[np.ones(70), mix[unseen_labels]],
    )
    assert loss_auc(forget, forget_labels, unseen, unseen_labels) == pytest.approx(want, abs=1e-12)


def test_loss_auc_is_not_fooled_by_class_difficulty():
    # Class 1 is hard, class 0 easy; within a class, members and others are the same distribution.
    rng = np.random.default_rng(2)
    forget_labels = np.r_[np.zeros(900, int), np.ones(100, int)]
    unseen_labels = np.r_[np.zeros(500, int), np.ones(500, int)]
    difficulty = np.array([0.1, 3.0])
    forget = rng.normal(difficulty[forget_labels], 0.05)
    unseen = rng.normal(difficulty[unseen_labels], 0.05)
    naive = roc_auc_score(np.r_[np.ones(1000), np.zeros(1000)], -np.r_[forget, unseen])
    assert naive > 0.65
    assert loss_auc(forget, forget_labels, unseen, unseen_labels) == pytest.approx(0.5, abs=0.03)


def test_loss_auc_uses_shared_classes_only():
    value = loss_auc(np.array([0.1, 0.2]), np.array([5, 5]), np.array([9.0, 0.5]), np.array([5, 1]))
    assert value == 1.0
    assert loss_auc(np.array([0.1]), np.array([5]), np.array([0.1]), np.array([1])) is None


def test_loss_gap_is_that_of_pandas_class_by_class():
    rng = np.random.default_rng(5)
    forget = pd.DataFrame({"label": rng.integers(0, 4, 60), "loss": rng.exponential(1.0, 60)})
    unseen = pd.DataFrame({"label": rng.integers(1, 6, 80), "loss": rng.exponential(2.0, 80)})
    level = unseen.groupby("label")["loss"].mean()
    expected = (forget["loss"] - forget["label"].map(level)).mean()
    arrays = [table[name].to_numpy() for table in (forget, unseen) for name in ("loss", "label")]
    assert (forget["label"] == 0).any() and (unseen["label"] == 5).any(), "which one side lacks"
    assert loss_gap(*arrays) == pytest.approx(expected)
    assert loss_gap(np.ones(2), np.array([0, 0]), np.ones(2), np.array([1, 1])) is None


def test_loss_gap_does_not_count_that_a_model_is_less_sure_of_all():
    labels = np.arange(100) % 5
    loss = np.random.default_rng(6).exponential(1.0, 100)
    assert loss_gap(loss + 3, labels, loss + 3, labels) == pytest.approx(loss_gap(loss, labels, loss, labels))
    assert loss_gap(loss, labels, loss + 3, labels) == pytest.approx(-3)


def test_centroid_cosines_match_scipy():
    rng = np.random.default_rng(3)
    retain, labels = rng.normal(size=(30, 4)), np.arange(30) % 3
    forget, forget_labels = rng.normal(size=(5, 4)), np.array([0, 1, 2, 0, 1])
    unit = retain / np.linalg.norm(retain, axis=1, keepdims=True)
    centroids = [unit[labels == c].mean(0) for c in range(3)]
    own = np.mean([1 - scipy_cosine(z, centroids[y]) for z, y in zip(forget, forget_labels, strict=True)])
    other = np.mean(
        [
            max(1 - scipy_cosine(z, centroids[c]) for c in range(3) if c != y)
            for z, y in zip(forget, forget_labels, strict=True)
        ]
    )
    got = centroid_cosines(forget, forget_labels, retain, labels)
    assert got == (pytest.approx(own), pytest.approx(other))


def test_own_centroid_does_not_exist_for_a_forgotten_class():
    own, other = centroid_cosines(np.ones((2, 2)), np.array([7, 7]), np.eye(2), np.array([0, 1]))
    assert own is None
    assert other == pytest.approx(np.sqrt(0.5))
    assert centroid_cosines(np.empty((0, 2)), np.empty(0, int), np.eye(2), np.array([0, 1])) == (None, None)


def test_displacement_is_exact_for_samples_that_did_not_move():
    rng = np.random.default_rng(4)
    start = rng.normal(size=(20, 16)).astype(np.float16)
    now = start.copy()
    now[:5] = -now[:5]
    cosine, moved = displacement(now, start)
    assert (cosine[5:] == 1).all() and (moved[5:] == 0).all()
    assert cosine[:5] == pytest.approx(-1.0)
    assert moved[:5] == pytest.approx(2 * np.linalg.norm(start[:5].astype(float), axis=1), rel=1e-5)


def test_loss_auc_ranks_infinite_losses_last_and_refuses_what_is_not_a_number():
    labels = np.zeros(2, int)
    assert loss_auc(np.array([0.1, 0.2]), labels, np.array([np.inf, 0.15]), labels) == pytest.approx(0.75)
    assert loss_auc(np.array([0.1, np.nan]), labels, np.array([0.3, 0.2]), labels) is None


def test_centroids_weigh_samples_by_direction_alone():
    retain, labels = np.array([[100.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]), np.array([0, 0, 1])
    own, other = centroid_cosines(np.array([[1.0, 0.0]]), np.array([0]), retain, labels)
    assert (own, other) == (pytest.approx(np.sqrt(0.5)), pytest.approx(-1.0))


def test_forget_classes_without_unseen_samples_are_left_out():
    forget, labels = np.array([0.1, 9.0]), np.array([5, 7])
    assert loss_auc(forget, labels, np.array([0.5]), np.array([5])) == 1.0


def test_other_centroid_is_over_samples_that_have_one():
    forget, labels = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([0, 9])
    own, other = centroid_cosines(forget, labels, np.array([[1.0, 0.0]]), np.array([0]))
    assert (own, other) == (1.0, 0.0), "the first sample knows no other class"


def test_displacement_matches_scipy_for_any_length():
    rng = np.random.default_rng(5)
    now, start = rng.normal(size=(6, 4)) * 7, rng.normal(size=(6, 4))
    cosine, moved = displacement(now, start)
    assert cosine == pytest.approx([1 - scipy_cosine(a, b) for a, b in zip(now, start, strict=True)], abs=1e-6)
    assert moved == pytest.approx(np.linalg.norm(now - start, axis=1), rel=1e-6)
    still = displacement(np.zeros((1, 3)), np.zeros((1, 3)))
    assert (still[0][0], still[1][0]) == (1, 0)


def test_own_centroids_are_made_without_the_sample_itself():
    rng = np.random.default_rng(4)
    embedding = rng.normal(size=(40, 5)).astype(np.float32) * rng.uniform(0.1, 50, (40, 1)).astype(np.float32)
    labels = np.arange(40) % 4
    retain = rng.random(40) < 0.5
    retain[labels == 2] = False  # nobody is left of a forgotten class
    retain[labels == 3] = False
    retain[3] = True  # the only one of its class
    got = own_centroid_cosines(embedding, labels, retain)
    unit = embedding / np.linalg.norm(embedding, axis=1, keepdims=True)
    for row in range(40):
        others = np.flatnonzero(retain & (labels == labels[row]) & (np.arange(40) != row))
        if len(others):
            assert got[row] == pytest.approx(1 - scipy_cosine(embedding[row], unit[others].mean(0)), abs=1e-5)
        else:
            assert np.isnan(got[row])
    assert np.isnan(got[3]) and np.isnan(got[labels == 2]).all() and not np.isnan(got[7])


def looked_at(n: int, seed: int, labels: np.ndarray) -> Forward:
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n, 4)).astype(np.float32) + 2 * np.eye(4, dtype=np.float32)[labels]
    return Forward(rng.normal(size=(n, 3)).astype(np.float32), logits, labels)


def test_a_metric_is_computed_for_its_tasks_and_kinds_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plug-in's metric says in its record where it exists; elsewhere it is not even asked."""
    asked = []

    def compute(evidence: Evidence) -> float:
        asked.append((evidence.task, evidence.kind))
        return 0.5

    made_up = Metric("mine", "Mine", "Made up.", compute, "forget", tasks=("class",), objectives=("self-supervised",))
    records = dict(METRICS.items()) | {"mine": made_up}
    monkeypatch.setattr(evaluation, "METRICS", records)
    parts = [looked_at(60, seed, np.arange(60) % 4) for seed in range(3)]
    for forgotten in ((), (2,)):
        for kind in KINDS:
            found = metrics_of(Evidence(*parts, forgotten=forgotten, kind=kind))
            assert ("mine" in found) == (forgotten == (2,) and kind == "self-supervised")
            assert ("test_acc_forgotten" in found, "loss_gap" in found) == (bool(forgotten), not forgotten)
    assert asked == [("class", "self-supervised")]


def test_means_of_signals_are_reported_and_classes_that_nobody_votes_for_are_not():
    forget, retain, unseen = (looked_at(60, seed, np.arange(60) % 4) for seed in range(3))
    plain = metrics_of(Evidence(forget, retain, unseen, forgotten=(2,)))
    assert plain["forget_loss"] == pytest.approx(forget.loss.mean(), rel=1e-6)
    assert plain["unseen_top1"] == pytest.approx(unseen.top1.mean()) and plain["forget_two_view"] is None
    assert plain["forget_acc"] == pytest.approx(accuracy_score(forget.labels, forget.prediction))
    assert plain["test_acc_forgotten"] is not None
    voted = metrics_of(Evidence(forget, retain, unseen, forgotten=(2,), voters=np.array([0, 1, 3])))
    can = forget.labels != 2
    assert voted["forget_acc"] == pytest.approx(accuracy_score(forget.labels[can], forget.prediction[can]))
    assert voted["test_acc_forgotten"] is None and voted["test_acc_retained"] == plain["test_acc_retained"]
    assert voted["test_acc"] == plain["test_acc"]
