"""Linear evaluation against scikit-learn's logistic regression."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from cu_core.metrics.linear import fit_linear, linear_accuracy

CLASSES = 3


def drawn(n: int, seed: int, labels: list[int] | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """Overlapping classes; columns of very different size, the last but one always the same."""
    rng = np.random.default_rng(seed)
    label = rng.choice(labels or range(CLASSES), n)
    centres = np.random.default_rng(9).normal(size=(CLASSES, 6))
    features = (centres[label] + rng.normal(size=(n, 6))) * [1, 1e-3, 500, 1, 0, 20] + [0, 5, -300, 0, 7, 0]
    return torch.from_numpy(features.astype(np.float32)), torch.from_numpy(label)


@pytest.mark.parametrize("penalty", [0.02, 1.0, 50.0])
def test_the_optimum_is_that_of_scikit_learn(penalty):
    features, labels = drawn(200, 0)
    scaler = StandardScaler().fit(features.double().numpy())
    model = LogisticRegression(C=penalty, tol=1e-10, max_iter=5000)
    model.fit(scaler.transform(features.double().numpy()), labels.numpy())
    weight, bias = fit_linear(features, labels, CLASSES, penalty)
    unseen, unseen_labels = drawn(300, 1)
    logits = (unseen.double() @ weight.T + bias).softmax(1).numpy()
    scaled = scaler.transform(unseen.double().numpy())
    assert logits == pytest.approx(model.predict_proba(scaled), abs=2e-4)
    got = linear_accuracy(features, labels, unseen, unseen_labels, CLASSES, penalty)
    assert got == pytest.approx(model.score(scaled, unseen_labels.numpy())) and 0.5 < got < 1


def test_samples_of_classes_that_nobody_fitted_are_left_out():
    features, labels = drawn(150, 0, [0, 2])
    unseen, unseen_labels = drawn(300, 1)
    known = unseen_labels != 1
    whole = linear_accuracy(features, labels, unseen, unseen_labels, CLASSES)
    assert whole == linear_accuracy(features, labels, unseen[known], unseen_labels[known], CLASSES) > 0.5
    assert linear_accuracy(features, labels, unseen[~known], unseen_labels[~known], CLASSES) is None


def test_separable_and_single_classes_are_solved():
    features = torch.arange(20.0)[:, None]
    assert linear_accuracy(features, (features[:, 0] > 9).long(), features, (features[:, 0] > 9).long(), 2) == 1
    only = torch.full((20,), 2)
    assert linear_accuracy(features, only, features, only, CLASSES) == 1


def test_features_that_are_no_numbers_have_no_accuracy():
    features, labels = drawn(50, 0)
    broken = features.clone()
    broken[3, 2] = torch.nan
    assert linear_accuracy(features, labels, broken, labels, CLASSES) is None
    assert linear_accuracy(broken, labels, features, labels, CLASSES) is None
