"""Membership scores that use retrained models as shadows: RMIA with few references, and IAM."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

IAM_STEPS = 100
EULER = 0.5772156649015329


def rmia(model: np.ndarray, references: np.ndarray, scale: float) -> np.ndarray:
    """Likelihood ratio of RMIA (Zarifzadeh et al., ICML 2024, arXiv 2312.03262, Eq. 2 and its offline estimate).

    p(x | model) / p(x), with p(x) = ((1 + a) p̄(x) + 1 - a) / 2 and p̄ the mean over models that have not seen x. The
    share of population samples that a sample dominates grows with this ratio, so both rank samples alike.

    Args:
        model: (n,) probability of the label under the model.
        references: (k, n) the same under retrained models.
        scale: a, 0..1.

    Returns:
        (n,) float64, larger for members.
    """
    mean = references.mean(0)
    return np.asarray(model / np.maximum(((1 + scale) * mean + 1 - scale) / 2, 1e-300))


def rmia_scale(area: Callable[[float], float | None]) -> float:
    """The a of `rmia` with which a model that has seen the samples is attacked best; of equal ones the largest.

    Args:
        area: from a to the AUC of the attack on the model before unlearning.
    """
    found = {scale: area(scale) or 0.0 for scale in np.linspace(0.0, 1.0, 11)}
    best = max(found.values())
    return float(max(scale for scale, value in found.items() if value >= best - 1e-3))


def iam(model: np.ndarray, base: np.ndarray, references: np.ndarray, steps: int = IAM_STEPS) -> np.ndarray:
    """Membership left in an unlearned model by interpolation (IAM, arXiv 2506.06112), with retrained models as shadows.

    Signals are s = -log(-log p). For α from 0 to 1, s_α = s_shadow + α (s_base - s_shadow) follows a Gumbel law over
    shadows, fitted by moments; membership is Σ α_{i+1} F_i(s_model) / Σ α_{i+1}.

    Args:
        model: (n,) probability of the label under the model.
        base: (n,) under the model before unlearning.
        references: (k, n) under retrained models.
        steps: values of α.

    Returns:
        (n,) 0..1, larger for what is still known.
    """
    own, before, shadows = _signal(model), _signal(base), _signal(references)
    # One shadow has no spread of its own: then that of its samples.
    spread = shadows.std(0, ddof=1) if len(shadows) > 1 else np.full(own.shape, max(float(shadows.std()), 1e-6))
    mean = shadows.mean(0)
    alphas = np.linspace(0.0, 1.0, steps + 1)
    total, weights = np.zeros(own.shape), 0.0
    for first, second in zip(alphas[:-1], alphas[1:], strict=True):
        centre = mean + first * (before - mean)
        scale = np.maximum(np.sqrt(6.0) / np.pi * spread * (1.0 - first), 1e-6)
        standard = np.clip((own - (centre - EULER * scale)) / scale, -700.0, 700.0)
        total += second * np.exp(-np.exp(-standard))
        weights += second
    return np.asarray(total / weights)


def label_probability(score: np.ndarray) -> np.ndarray:
    """(n,) probability of the label from its margin z_y - log Σ_{k≠y} exp z_k: the logistic function of it."""
    return np.asarray(0.5 * (1.0 + np.tanh(score / 2.0)))


def _signal(probability: np.ndarray) -> np.ndarray:
    """-log(-log p), of p away from 0 and 1."""
    return np.asarray(-np.log(-np.log(np.clip(probability, 1e-12, 1 - 1e-12))))
