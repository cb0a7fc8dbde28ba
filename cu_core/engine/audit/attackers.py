"""Membership attackers, refitted, transferred or shadow: fitted on the attacked model, the base model or a reference.

No sample is ever judged by an attack that was fitted on it: what judges a fold was fitted on the other one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from cu_core.catalogue.attack_record import Attack, ways_for
from cu_core.metrics.attacks.fitting import Judge, Signals, fit


@dataclass(frozen=True)
class AttackData:
    """The outputs of one model for samples of known membership.

    Attributes:
        signals: of n samples.
        member: (n,) bool.
        fold: (n,) integers.
    """

    signals: Signals
    member: np.ndarray
    fold: np.ndarray


@dataclass(frozen=True)
class Scores:
    """The scores of one attack on one model.

    Attributes:
        score: (n,) float32, larger for samples that look more like members.
        thresholds: one per fold: a sample of that fold is judged a member if its score is at least that.
    """

    score: np.ndarray
    thresholds: tuple[float, ...]


def attack_models(
    attack: Attack,
    outputs: Mapping[str, AttackData],
    shadow: AttackData | None,
    seed: int,
    check: Callable[[], None] = lambda: None,
) -> dict[str, dict[str, Scores | str]]:
    """Makes one attack.

    Args:
        attack: which one.
        outputs: model id, ``before`` first, to its outputs for the attacked samples, in the same order for all.
        shadow: the reference's outputs for samples that it was and was not trained on; None without one.
        seed: of what is random in the fits.
        check: called before each fit; may raise to stop.

    Returns:
        Model id to way to scores, or to the reason in words why there are none.
    """
    fitted = {model: _fit(attack, data, seed, check) for model, data in outputs.items()}
    fitted_shadow = _fit(attack, shadow, seed, check) if shadow is not None else None
    judges = {"transferred": fitted["before"], "shadow": fitted_shadow}
    found: dict[str, dict[str, Scores | str]] = {}
    for model, data in outputs.items():
        for way in ways_for(model, shadow is not None):
            judge = fitted[model] if way == "refitted" else judges[way]
            assert judge is not None
            found.setdefault(model, {})[way] = judge if isinstance(judge, str) else _score(judge, data)
    return found


def _fit(attack: Attack, outputs: AttackData, seed: int, check: Callable[[], None]) -> list[Judge] | str:
    """The judge of each fold, fitted on the others; the reason where that fails."""
    judges = []
    for fold in np.unique(outputs.fold):
        check()
        rows = np.flatnonzero(outputs.fold != fold)
        try:
            judges.append(fit(attack, outputs.signals.take(rows), outputs.member[rows], seed))
        except (ValueError, ArithmeticError, RuntimeError, np.linalg.LinAlgError) as error:
            return f"could not be fitted: {error}"
    return judges


def _score(judges: list[Judge], outputs: AttackData) -> Scores | str:
    score = np.empty(len(outputs.signals), np.float64)
    for fold, judge in enumerate(judges):
        rows = np.flatnonzero(outputs.fold == fold)
        try:
            score[rows] = judge.score(outputs.signals.take(rows))
        except (ValueError, ArithmeticError, RuntimeError) as error:
            return f"could not judge: {error}"
    if not np.isfinite(score).all():
        return "gives scores that are not finite numbers"
    largest = float(np.finfo(np.float32).max)
    return Scores(np.clip(score, -largest, largest).astype(np.float32), tuple(judge.threshold for judge in judges))
