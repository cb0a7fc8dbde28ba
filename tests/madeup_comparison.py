"""What a made-up result says of the model beside base model and references, in the documented format.

Numbers are invented; those that follow from others (references, counts) agree with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

LAYERS = ("trunk.0", "trunk.1", "projector", "embedding", "head")
SECONDS = 20.0
"""Of one retraining."""


def comparison_keys(
    references: Sequence[dict[str, Any]],
    *,
    seeds: Sequence[int],
    task: str,
    attacks: dict[str, Any] | None,
    rounds: int,
    counts: dict[str, int],
    seed: int,
) -> dict[str, Any]:
    """The keys of a result that compare its model with others.

    Args:
        references: metrics of each reference.
        seeds: of the references.
        task: ``"class"`` or ``"sample"``.
        attacks: as in the result; None where none were made.
        rounds: of the run, at each of which every forget sample and as many retain samples were drawn.
        counts: samples behind the metrics.
        seed: of the invented numbers.
    """
    rng = np.random.default_rng([seed, 13])
    recovered = [m | ({"probe_recovery": 0.5 + 0.02 * k} if task == "class" else {}) for k, m in enumerate(references)]
    return {
        "references": [
            {"seed": s, "seconds": SECONDS + k, "cached": k > 0, "metrics": m}
            for k, (s, m) in enumerate(zip(seeds, recovered, strict=True))
        ],
        "tow": {"value": 0.9, "low": 0.85, "high": 0.94, "groups": ["forget", "retain", "unseen"]}
        if references
        else None,
        "over_unlearning": {"first_round": rounds, "final": True, "metrics": ["forget_loss"]}
        if len(references) > 1
        else None,
        "layers": _layers(len(references), rng),
        "served": {"forget": rounds * counts["forget"], "retain": rounds * counts["forget"], "unseen": 0},
        "reference_attacks": None
        if attacks is None
        else {
            attack: {
                way: {"accuracy": [0.5 + 0.01 * k for k in range(len(seeds))],
                      "auc": [0.5 + 0.02 * k for k in range(len(seeds))]}
                for way in models.get("reference", {})
            }
            for attack, models in attacks.items()
        },
    }  # fmt: skip


def _layers(references: int, rng: np.random.Generator) -> dict[str, Any]:
    def of(low: float) -> dict[str, list[float]]:
        return {
            group: [float(v) for v in np.linspace(1, low, len(LAYERS)) - 0.01 * rng.random(len(LAYERS))]
            for group in ("forget", "retain", "unseen")
        }

    pairs = {"after_base": of(0.5)}
    if references:
        pairs |= {"after_reference": of(0.4), "base_reference": of(0.3)}
    if references > 1:
        pairs["reference_reference"] = of(0.7)
    return {"names": list(LAYERS), "samples": 40, "pairs": pairs}
