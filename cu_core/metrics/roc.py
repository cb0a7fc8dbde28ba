"""ROC curve, AUC and true positive rate at a false positive rate, also for many sample weightings at once."""

from __future__ import annotations

import numpy as np

LOW_FPR = 0.01
# Weights handled at once; 8 MB in float64, of which a dozen copies are needed.
_PART = 2**20


def roc_curve(score: np.ndarray, member: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The ROC curve of a score.

    Args:
        score: (n,) finite; larger means more member-like.
        member: (n,) bool, with both kinds.

    Returns:
        False positive rate, true positive rate and threshold, each (k + 1,) for k distinct scores, from the
        strictest threshold (infinite: nobody is accused) to the loosest. A sample is judged a member where its
        score is at least the threshold.
    """
    order = np.argsort(-score, kind="stable")
    ranked, truth = score[order], member[order]
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    found = np.cumsum(truth)[ends]
    positives = ends + 1 - found
    fpr = np.concatenate([[0.0], positives / positives[-1]])
    tpr = np.concatenate([[0.0], found / found[-1]])
    return fpr, tpr, np.concatenate([[np.inf], ranked[ends]])


def ranking_numbers(score: np.ndarray, member: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Area under the ROC curve and true positive rate at 1 % false positives, for many weightings of the samples.

    The area counts ties as one half (Mann-Whitney). The rate is that of the loosest threshold whose false
    positive rate is at most 1 %, without interpolation, so it never promises more than a threshold delivers.

    Args:
        score: (n,) finite.
        member: (n,) bool.
        weights: (d, n) non-negative; every row weighs both kinds with more than 0.

    Returns:
        Two (d,) float64 arrays in 0..1.
    """
    order = np.argsort(-score, kind="stable")
    ranked, truth = score[order], member[order]
    starts = np.flatnonzero(np.append(True, ranked[1:] != ranked[:-1]))
    rows = max(1, _PART // max(1, len(score)))
    parts = [_ranked(weights[i : i + rows][:, order], truth, starts) for i in range(0, len(weights), rows)]
    area, rate = (np.concatenate(found) for found in zip(*parts, strict=True))
    return area, rate


def _ranked(weights: np.ndarray, truth: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`ranking_numbers` of some weightings of samples in the order of their scores, ties starting at `starts`."""
    weighted = weights.astype(np.float64)
    positive = np.add.reduceat(weighted * truth, starts, axis=1)
    negative = np.add.reduceat(weighted * ~truth, starts, axis=1)
    found, positives = np.cumsum(positive, 1), np.cumsum(negative, 1)
    members, others = found[:, -1], positives[:, -1]
    above = found - positive
    area = (negative * (above + positive / 2)).sum(1) / (members * others)
    allowed = (positives <= LOW_FPR * others[:, None] * (1 + 1e-12)).sum(1)
    padded = np.concatenate([np.zeros((len(found), 1)), found], axis=1)
    rate = padded[np.arange(len(found)), allowed] / members
    return area, rate


def decision_numbers(judged: np.ndarray, member: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Accuracy, precision and recall of a decision, for many weightings of the samples.

    Args:
        judged: (n,) bool, judged a member.
        member: (n,) bool.
        weights: (d, n) non-negative.

    Returns:
        ``accuracy``, ``precision`` (not a number where nobody is judged a member) and ``recall``, each (d,).
    """
    total = weights.sum(1, dtype=np.float64)
    positives = weights[:, judged].sum(1, dtype=np.float64)
    true_positives = weights[:, judged & member].sum(1, dtype=np.float64)
    members = weights[:, member].sum(1, dtype=np.float64)
    true_negatives = total - members - (positives - true_positives)
    precision = np.divide(true_positives, positives, out=np.full(len(total), np.nan), where=positives > 0)
    return {
        "accuracy": (true_positives + true_negatives) / total,
        "precision": precision,
        "recall": true_positives / members,
    }


def best_threshold(score: np.ndarray, member: np.ndarray) -> float:
    """The threshold that judges most samples rightly, members and non-members weighing the same.

    Thresholds lie half-way between neighbouring scores, or below all of them; where several are equally good, the
    middle one of them is taken.

    Args:
        score: (n,) finite, with both kinds.
        member: (n,) bool.

    Returns:
        A finite number; judged a member is what scores at least that much.
    """
    fpr, tpr, levels = roc_curve(score, member)
    finite = levels[1:]
    below = np.append((finite[:-1] + finite[1:]) / 2, finite[-1])
    # Half-way may round up to the score below it only where both are neighbours among floats; then it is the upper.
    below[:-1] = np.where(below[:-1] > finite[1:], below[:-1], finite[:-1])
    thresholds = np.concatenate([[np.nextafter(finite[0], np.inf)], below])
    gain = tpr - fpr
    best = np.flatnonzero(gain >= gain.max() - 1e-12)
    return float(thresholds[best[len(best) // 2]])
