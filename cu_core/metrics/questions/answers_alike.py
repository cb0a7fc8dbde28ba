"""Question: does it answer as a retrained model would? Outputs on the forget set, beside references and base model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cu_core.catalogue.question_record import Question
from cu_core.metrics.questions.remembers import FEWEST
from cu_core.metrics.questions.verdict_evidence import Inquiry, ModelSeen, Statistic, VerdictEvidence

MOST_PAIRED = 500
"""Samples that the three-sample test compares each with each."""

ANSWERS = Question(
    id="answers",
    title="Answers",
    question="Does it answer as a retrained model would?",
    means="Differs: its answers to forgotten samples are farther from those of retrained models than these are from "
    "each other, lean towards the model before unlearning, or are surer or less sure.",
    means_not="Right or wrong plays no part: retrained models are right on many images that they have never seen.",
    look="confidence",
    ask=lambda evidence: answers_alike(evidence),
    if_differs="It answers otherwise than a retrained model would.",
    if_none="Its answers were not told from those of retrained models.",
)


def answers_alike(evidence: VerdictEvidence) -> Inquiry:
    """Asks for the distance of the answers on forget samples.

    Args:
        evidence: of all models.
    """
    n = len(evidence.after.forget)
    if n < FEWEST:
        return Inquiry(missing=f"it needs {FEWEST} forget samples; there are {n}")
    before = evidence.base.forget.outputs

    def distance(model: ModelSeen, references: Sequence[ModelSeen]) -> float:
        apart = np.abs(model.forget.outputs - _mean_outputs(references)).sum(1).mean()
        return float(np.log(max(apart, 1e-12)))

    def position(model: ModelSeen, references: Sequence[ModelSeen]) -> float | None:
        centre = _mean_outputs(references)
        return along(model.forget.outputs, centre, before)

    def three_samples(model: ModelSeen, references: Sequence[ModelSeen]) -> float | None:
        return relative_mmd(model.forget.outputs, [r.forget.outputs for r in references], before)

    statistics = [
        Statistic(
            "distance",
            "Distance of the answers to those of retrained models",
            "(log of the mean L1 distance)",
            distance,
            n,
            high="it answers unlike retrained models",
        ),
        Statistic(
            "position",
            "Position of the answers between retrained models (0) and the model before unlearning (1)",
            "",
            position,
            n,
            low="it answers on the far side of retrained models, away from the model before unlearning",
            high="it answers as before unlearning",
        ),
        Statistic(
            "three-samples",
            "Three-sample test: MMD² to retrained models minus MMD² to the model before unlearning",
            "",
            three_samples,
            n,
            high="it answers as before unlearning",
        ),
    ]
    if evidence.kind != "self-supervised":
        statistics.append(
            Statistic(
                "odds",
                "Odds against the label on forget samples",
                "(log of the mean)",
                log_mean_odds,
                n,
                low="it is surer of the label than retrained models",
                high="it is less sure of the label than retrained models",
            )
        )
    return Inquiry(tuple(statistics))


def along(outputs: np.ndarray, start: np.ndarray, end: np.ndarray) -> float | None:
    """Where answers lie on the line from one set of answers to another, by least squares over all samples.

    Args:
        outputs: (n, c) of a model.
        start: (n, c), position 0.
        end: (n, c), position 1.

    Returns:
        ⟨outputs - start, end - start⟩ / ‖end - start‖²; None where both ends are the same.
    """
    line = end - start
    length = float(np.square(line).sum())
    return float((line * (outputs - start)).sum()) / length if length > 1e-12 else None


def relative_mmd(outputs: np.ndarray, references: Sequence[np.ndarray], base: np.ndarray) -> float | None:
    """Three-sample statistic: squared MMD to retrained models (mean over them) minus that to the base model.

    After the relative kernel test of Bounliphone et al. (ICLR 2016), as used for unlearning by Ribero, Schrab & Gretton
    (AISTATS 2026, arXiv 2601.19755). Its null is made of retrained models here, not of sampling alone, because two
    samples from honestly retrained models already differ.

    Args:
        outputs: (n, c) answers of a model.
        references: (n, c) of each retrained model.
        base: (n, c) of the model before unlearning.

    Returns:
        Below 0 where the answers are nearer to those of retrained models; None where no answers differ.
    """
    # The number of pairs grows with the square of the samples, and 500 say as much.
    rows = np.unique(np.linspace(0, len(base) - 1, min(len(base), MOST_PAIRED)).astype(int))
    outputs, base, references = outputs[rows], base[rows], [other[rows] for other in references]
    pool = np.concatenate([base, *references])
    step = max(1, len(pool) // 500)
    some = pool[::step]
    apart = _squared(some, some)
    scale = float(np.median(apart[np.triu_indices(len(some), 1)]))
    if scale <= 0:
        scale = float(apart.mean())
    if scale <= 0:
        return None
    to_references = np.mean([mmd(outputs, other, scale) for other in references])
    return float(to_references - mmd(outputs, base, scale))


def mmd(first: np.ndarray, second: np.ndarray, scale: float) -> float:
    """Squared maximum mean discrepancy, biased (Gretton et al. 2012, JMLR 13, Eq. 5), kernel exp(-‖x - y‖²/scale).

    Args:
        first: (n, c).
        second: (m, c).
        scale: of the kernel, above 0.
    """
    same, other, both = (
        float(np.exp(-_squared(a, b) / scale).mean()) for a, b in ((first, first), (second, second), (first, second))
    )
    return same + other - 2 * both


def log_mean_odds(model: ModelSeen, references: Sequence[ModelSeen]) -> float:
    """Log of the mean odds against the label, e^-margin, over forget samples.

    Args:
        model: whose.
        references: not looked at.
    """
    minus = -np.clip(model.forget.score, -100.0, 100.0)
    highest = float(minus.max())
    return highest + float(np.log(np.exp(minus - highest).mean()))


def _mean_outputs(references: Sequence[ModelSeen]) -> np.ndarray:
    return np.asarray(np.mean([r.forget.outputs for r in references], axis=0))


def _squared(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(n, m) squared Euclidean distances."""
    return np.maximum(np.square(first).sum(1)[:, None] + np.square(second).sum(1) - 2 * first @ second.T, 0.0)
