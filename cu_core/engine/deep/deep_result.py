"""The numbers of a deep audit, from the margins of its shadow models."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cu_core.engine.deep.deep_targets import Role, ShadowTargets
from cu_core.engine.deep.shadow_models import ShadowMargins
from cu_core.metrics.exchange_test import INSIDE, NONE, OUTSIDE, area_of, exchange_test
from cu_core.metrics.klom import FEWEST_PAIRS, klom
from cu_core.metrics.resolvable import told_apart
from cu_core.metrics.ruli import CODE_BANDWIDTH, game_scores
from cu_core.metrics.ulira import OWN_SPREAD_FROM, ulira_scores

LISTED = 50
"""Forget samples in the list of those most at risk."""
EXCHANGES = 399
"""Exchanges of roles behind each p-value; the smallest that they can give is 1/400."""
HEADLINE = 0.95
"""Quantile over samples that KLoM is told by (P95)."""
_OF_CLASSES = (
    "whole classes are forgotten, and a shadow that never saw one sample of a class did see others of it: it is no "
    "model that was retrained without the class"
)


@dataclass(frozen=True)
class Asked:
    """Margins of the targets under the models of the run.

    Attributes:
        before: (2n,) under the model before unlearning.
        after: (2n,) under the unlearned model.
        reference: (2n,) under a model retrained without the forget set; None where there is none.
    """

    before: np.ndarray
    after: np.ndarray
    reference: np.ndarray | None


class _Worlds:
    """Margins of all shadows with the role of each target in each."""

    def __init__(self, targets: ShadowTargets, shadows: Sequence[tuple[int, ShadowMargins]]) -> None:
        self.trained = np.stack([margins.trained for _, margins in shadows])
        self.unlearned = np.stack([margins.unlearned for _, margins in shadows])
        self.roles = np.stack([targets.drawn(shadow) for shadow, _ in shadows])
        self.blocks = np.array([targets.block(shadow) for shadow, _ in shadows])
        # A shadow that diverged in unlearning is no world at all.
        self.sound = np.isfinite(self.unlearned).all(1) & np.isfinite(self.trained).all(1)
        self.out = self._of(Role.OUT)
        self.gone = self._of(Role.UNLEARN)
        self.known = (self.roles != Role.OUT) & self.sound[:, None]

    def _of(self, role: Role) -> np.ndarray:
        return (self.roles == role) & self.sound[:, None]

    @property
    def fewest(self) -> int:
        """Fewest worlds of one kind that any target has."""
        return int(min(self.out.sum(0).min(), self.gone.sum(0).min()))


def deep_numbers(
    targets: ShadowTargets,
    shadows: Sequence[tuple[int, ShadowMargins]],
    asked: Asked,
    *,
    draws: int,
    seed: int,
    exchanges: int = EXCHANGES,
    reported: np.ndarray | None = None,
) -> dict[str, Any]:
    """What the run's result tells of a deep audit.

    Args:
        targets: who was asked about.
        shadows: number and margins of each shadow, enough for two worlds of each kind beside any block.
        asked: the models of the run.
        draws: of the bootstrap over samples.
        seed: of the draws.
        exchanges: of roles behind each p-value.
        reported: (2n,) bool, targets that numbers on the models of the run are of: those that its stopping rule has
            not looked at, with some on either side. All by default. What is told of shadows is of all of them.
    """
    worlds = _Worlds(targets, shadows)
    member = np.arange(len(targets)) < len(targets.forget)
    judged = np.ones(len(targets), bool) if reported is None else reported

    def told(score: np.ndarray) -> dict[str, Any]:
        return told_apart(score[judged], member[judged], draws, seed)

    whole_classes = targets.roles != tuple(Role)
    score = ulira_scores(asked.after, worlds.unlearned, worlds.gone, worlds.out)
    before = ulira_scores(asked.before, worlds.trained, worlds.known, worlds.out)
    controls: dict[str, Any] = {"before": told(before), "reference": None}
    if asked.reference is not None:
        of_reference = ulira_scores(asked.reference, worlds.unlearned, worlds.gone, worlds.out)
        controls["reference"] = told(of_reference)
    return {
        "shadows": len(shadows),
        "sound": int(worlds.sound.sum()),
        "targets": len(targets),
        "forget": int((member & judged).sum()),
        "unseen": int((~member & judged).sum()),
        "worlds": worlds.fewest,
        "own_spread": worlds.fewest >= OWN_SPREAD_FROM,
        "ulira": told(score),
        "over_shadows": _over_shadows(worlds, whole_classes, seed, exchanges),
        "controls": controls,
        "ruli": _games(worlds, asked, member, told, whole_classes),
        "klom": {"why": f"KLoM is not made, because {_OF_CLASSES}."} if whole_classes else _klom(worlds, seed),
        "at_risk": _at_risk(targets, score, member & judged, ~member & judged),
    }


def _games(worlds: _Worlds, asked: Asked, member: np.ndarray, told: Any, whole_classes: bool) -> dict[str, Any]:
    """RULI's two games, with kernels as wide as the margins suggest and as the paper's code has them."""
    gone = (worlds.unlearned, worlds.gone)
    never = (worlds.unlearned, worlds.out)
    found: dict[str, Any] = {"privacy": told(game_scores(asked.after, gone, never))}
    published: dict[str, Any] = {"privacy": told(game_scores(asked.after, gone, never, CODE_BANDWIDTH))["auc"]}
    if whole_classes:
        found["efficacy"] = {"why": f"{_OF_CLASSES}."}
    else:
        # Forget samples under the unlearned model against samples that the model before unlearning never saw.
        phi = np.where(member, asked.after, asked.before)
        retrained = (worlds.trained, worlds.out)
        found["efficacy"] = told(game_scores(phi, gone, retrained))
        published["efficacy"] = told(game_scores(phi, gone, retrained, CODE_BANDWIDTH))["auc"]
    return found | {"published_bandwidth": published}


def _over_shadows(worlds: _Worlds, whole_classes: bool, seed: int, exchanges: int) -> dict[str, Any] | None:
    """The same attacks on each shadow in turn, of which it is known what it unlearned; its own block judges nobody.

    Without the whole block all worlds lose as many models: left out alone, a shadow would be missing in the world that
    it belongs to, and look as if it belonged to another.

    Returns:
        ``before`` unlearning and ``ulira`` after it: mean area under the ROC curve with its test, see
        `cu_core.metrics.exchange_test.Exchanged`; mean areas of ``privacy`` and ``efficacy`` (None where whole classes
        are forgotten); and ``models``. None where blocks are too few.
    """
    kinds = {
        "before": (worlds.trained, worlds.known),
        "ulira": (worlds.unlearned, worlds.gone),
    }
    found: dict[str, Any] = {}
    for name, (margins, inside) in kinds.items():
        kind = np.where(inside, INSIDE, np.where(worlds.out, OUTSIDE, NONE)).astype(np.int8)
        told = exchange_test(margins, kind, worlds.blocks, exchanges, seed)
        if told is None:
            return None
        found[name] = dataclasses.asdict(told)
    games: dict[str, list[float]] = {"privacy": [], "efficacy": []}
    for row in np.flatnonzero(worlds.sound):
        others = (worlds.blocks != worlds.blocks[row])[:, None]
        gone, mine, never = (worlds.unlearned, worlds.gone & others), worlds.gone[row], worlds.out[row]
        for name, margins in (("privacy", worlds.unlearned), ("efficacy", worlds.trained)):
            if name == "efficacy" and whole_classes:
                continue
            phi = np.where(mine, worlds.unlearned[row], margins[row])
            score = game_scores(phi, gone, (margins, worlds.out & others))
            games[name].append(area_of(score[mine], score[never]))
    means = {name: float(np.mean(areas)) if areas else None for name, areas in games.items()}
    return found | means | {"models": int(worlds.sound.sum())}


def _klom(worlds: _Worlds, seed: int) -> dict[str, Any]:
    """KLoM over the targets, with what two halves of the retrained models give, and why not where models are few."""
    pairs = worlds.fewest
    if pairs < FEWEST_PAIRS:
        kinds = len(Role)
        return {
            "why": f"KLoM needs {FEWEST_PAIRS} unlearned and {FEWEST_PAIRS} retrained models per sample, that is "
            f"{FEWEST_PAIRS * kinds} shadow models; there are {pairs} of each.",
            "pairs": pairs,
        }
    rng = np.random.default_rng(seed)
    half = pairs // 2
    rows: list[list[float]] = []
    for sample in range(worlds.out.shape[1]):
        unlearned = worlds.unlearned[worlds.gone[:, sample], sample]
        retrained = rng.permutation(worlds.trained[worlds.out[:, sample], sample])
        halves = retrained[:half], retrained[half : 2 * half]
        rows.append(
            [
                klom(unlearned, retrained, as_published=True),
                klom(unlearned, retrained),
                klom(rng.permutation(unlearned)[:half], halves[1]),
                klom(halves[0], halves[1]),
            ]
        )
    published, mended, at_half, floor = np.quantile(np.array(rows), HEADLINE, axis=0)
    return {
        "pairs": pairs,
        "p95_published": float(published),
        "p95": float(mended),
        "half_pairs": half,
        "half_p95": float(at_half),
        "floor_p95": float(floor),
    }


def _at_risk(
    targets: ShadowTargets, score: np.ndarray, members: np.ndarray, others: np.ndarray
) -> list[dict[str, Any]]:
    """The forget samples with the largest scores, and how many unseen ones score as much."""
    unseen, own = np.sort(score[others]), np.flatnonzero(members)
    order = own[np.argsort(-score[own], kind="stable")][:LISTED]
    return [
        {
            "sample": int(targets.forget[row]),
            "label": int(targets.label[row]),
            "score": float(score[row]),
            "unseen_as_high": int(len(unseen) - np.searchsorted(unseen, score[row], "left")),
        }
        for row in order
    ]
