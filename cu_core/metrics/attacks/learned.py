"""Attacks that learn from several signals of the outputs at once, with scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from cu_core.metrics.attacks.fitting import Judge, Signals
from cu_core.metrics.attacks.scaling import FeatureScale, limited


def fit_svc(signals: Signals, member: np.ndarray, seed: int) -> Judge:
    """Support vector machine with the kernel and C that unlearning papers use (Jia et al. 2023): RBF, 3, 1/features."""
    return _fit(SVC(kernel="rbf", C=3.0, gamma="auto", class_weight="balanced"), signals, member, seed)


def fit_logistic(signals: Signals, member: np.ndarray, seed: int) -> Judge:
    """Logistic regression."""
    return _fit(LogisticRegression(max_iter=1000, class_weight="balanced"), signals, member, seed)


def _fit(model: Any, signals: Signals, member: np.ndarray, seed: int) -> Judge:
    rows = limited(member, seed)
    features = signals.take(rows).table()
    scale = FeatureScale.of(features)
    model.fit(scale(features), member[rows])
    return Judge(lambda s: model.decision_function(scale(s.table())), 0.0)
