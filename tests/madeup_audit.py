"""The audit of a made-up run: membership attacks with invented scores and the real arithmetic on them.

Members score clearly higher before unlearning. Afterwards the transferred attack sees nothing any more while
the re-fitted one still sees a little, and on the reference nobody does.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cu_core.base.files import write_json
from cu_core.catalogue.attack_record import MODELS, attacks_for, score_array, ways_for
from cu_core.metrics.attacks.outcome import outcome
from cu_core.metrics.intervals import redraws
from cu_core.metrics.roc import best_threshold
from cu_core.runstore import layout
from tests.written_arrays import write_array

DRAWS = 40
# How far members score above the others, in standard deviations.
APART = {
    ("before", "refitted"): 1.5,
    ("before", "shadow"): 1.2,
    ("after", "refitted"): 0.6,
    ("after", "transferred"): 0.1,
    ("after", "shadow"): 0.1,
    ("reference", "refitted"): 0.0,
    ("reference", "transferred"): 0.0,
}
# Centre and spread of a threshold attack's own unit; learned attacks score log-odds around 0.
UNITS = {
    "encoder_mi_t": (0.8, 0.05),
    "loss": (-1.0, 0.3),
    "confidence": (4.0, 1.5),
    "entropy": (-0.5, 0.2),
    "modified_entropy": (-0.6, 0.2),
}


def write_audit(
    run_dir: Path, *, kind: str, classes: tuple[int, ...], size: int, reference: int | None, views: int, seed: int
) -> dict:
    """Writes the audit of a run whose dataset `tests.madeup.write_dataset` made; returns its ``attacks``.

    Args:
        run_dir: of the run.
        kind: ``"supervised"`` or ``"self-supervised"``.
        classes: forgotten classes; empty for single samples.
        size: samples a side; of one class there are 20 at most.
        reference: seed of the attacked reference, if there is one.
        views: per sample, as the manifest tells.
        seed: of all invented numbers.
    """
    rng = np.random.default_rng([seed, 11])

    def of_the_classes(images: int) -> np.ndarray:
        pool = np.arange(images)
        return (pool[np.isin(pool % 10, classes)] if classes else pool)[:size]

    members, others = of_the_classes(600), of_the_classes(200)
    n = min(len(members), len(others))
    sample = np.concatenate([members[:n], others[:n]]).astype(np.int64)
    member = np.arange(2 * n) < n
    fold = (np.arange(2 * n) % 2).astype(np.int8)
    weights = redraws(member, DRAWS, seed)
    arrays = {"sample": sample, "is_test": ~member, "label": sample % 10, "member": member, "fold": fold}
    attacks: dict[str, dict[str, dict]] = {}
    for attack in attacks_for(kind):
        centre, spread = UNITS.get(attack.id, (0.0, 1.0))
        for model in [m for m in MODELS if m != "reference" or reference is not None]:
            for way in ways_for(model, reference is not None):
                latent = rng.normal(size=2 * n) + APART[model, way] * (member - 0.5)
                score = (centre + spread * latent).astype(np.float32)
                thresholds = [
                    0.0 if attack.learned else best_threshold(score[fold != f], member[fold != f]) for f in (0, 1)
                ]
                numbers = outcome(score.astype(np.float64), member, fold, thresholds, weights)
                attacks.setdefault(attack.id, {}).setdefault(model, {})[way] = numbers
                arrays[score_array(attack.id, model, way)] = score
    folder = run_dir / layout.AUDIT
    manifest = {
        "schema": 1,
        "attempt": 1,
        "arrays": {name: write_array(folder / f"{name}.npy", array) for name, array in arrays.items()},
        "models": [m for m in MODELS if m != "reference" or reference is not None],
        "members": n,
        "non_members": n,
        "folds": 2,
        "views": views,
        "draws": DRAWS,
        "reference_seed": reference,
        "attacks": attacks,
        "seconds": 1.5,
    }
    write_json(folder / layout.MANIFEST, manifest)
    return attacks
