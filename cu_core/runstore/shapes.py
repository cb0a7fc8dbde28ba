"""Schemas of a run's JSON and arrays, against which files of any origin are checked.

A shape is ``NUMBER``, ``TEXT``, ``FLAG`` or ``SCALAR`` (any of the three), a list of one shape, or a dict of shapes by
key, where ``"*"`` stands for all other keys. Keys may be missing and values may be null: older runs have fewer.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

NUMBER, TEXT, FLAG, SCALAR = "a number", "a text", "true or false", "a number or a text"
_METRICS = {"*": NUMBER}
_DRIFT = {"*": {"quantiles": {"*": [NUMBER]}, "*": NUMBER}}

ROUND: dict[str, Any] = {
    "metrics": _METRICS,
    "counts": {"*": NUMBER},
    "rule": {"name": TEXT, "value": NUMBER, "threshold": NUMBER, "met": FLAG},
    "diagnostics": {"*": SCALAR},
    "served": {"*": NUMBER},
    "seconds": {"*": NUMBER},
    "fidelity": {"basis": TEXT, "*": NUMBER},
    "boundary": {"*": TEXT},
    "drift": _DRIFT,
    "drift_scale": {"*": NUMBER},
    "cka": {"*": [NUMBER]},
    "noise": [{"with": NUMBER, "residual": NUMBER, "groups": _DRIFT}],
    "round": NUMBER,
    "seed": NUMBER,
    "file": TEXT,
    "attempt": NUMBER,
    "weights": {"file": TEXT, "sha256": TEXT},
}
_ATTACK = {
    "*": {
        "accuracy": [NUMBER],
        "precision": [NUMBER],
        "recall": [NUMBER],
        "auc": [NUMBER],
        "tpr_at_1_fpr": [NUMBER],
        "thresholds": [NUMBER],
        "threshold": NUMBER,
        "reason": TEXT,
    }
}
_ATTACKS = {"*": {"*": _ATTACK}}
AUDIT: dict[str, Any] = {
    "models": [TEXT],
    "members": NUMBER,
    "non_members": NUMBER,
    "folds": NUMBER,
    "views": NUMBER,
    "draws": NUMBER,
    "reference_seed": NUMBER,
    "shadow": {"members": NUMBER, "non_members": NUMBER},
    "attacks": _ATTACKS,
    "reference_attacks": {"*": {"*": {"accuracy": [NUMBER], "auc": [NUMBER]}}},
    "seconds": NUMBER,
}
_TOLD_APART = {"auc": [NUMBER], "tpr": NUMBER, "fpr": NUMBER, "why": TEXT}
_DEEP_AUDIT = {
    "ulira": _TOLD_APART,
    "controls": {"*": _TOLD_APART},
    "over_shadows": {"ulira": {"*": NUMBER}, "before": {"*": NUMBER}, "*": NUMBER},
    "ruli": {"published_bandwidth": {"*": [NUMBER]}, "*": _TOLD_APART},
    "klom": {"why": TEXT, "*": NUMBER},
    "at_risk": [{"*": NUMBER}],
    "notes": [TEXT],
    "of_run": TEXT,
    "same_weights": FLAG,
    "own_spread": FLAG,
    "*": NUMBER,
}
_TEST = {
    "id": TEXT,
    "title": TEXT,
    "unit": TEXT,
    "sides": TEXT,
    "value": NUMBER,
    "base": NUMBER,
    "planted": FLAG,
    "references": [NUMBER],
    "null_low": NUMBER,
    "null_high": NUMBER,
    "p": NUMBER,
    "detectable": NUMBER,
    "margin": NUMBER,
    "controlled": FLAG,
    "decisive": FLAG,
    "n": NUMBER,
}
_CLAIM = {
    "id": TEXT,
    "state": TEXT,
    "direction": TEXT,
    "statistic": NUMBER,
    "null_low": NUMBER,
    "null_high": NUMBER,
    "p": NUMBER,
    "detectable": NUMBER,
    "n": NUMBER,
    "sentence": TEXT,
    "applies": FLAG,
    "controlled": FLAG,
    "notes": [TEXT],
    "tests": [_TEST],
}
VERDICT: dict[str, Any] = {
    "state": TEXT,
    "sentence": TEXT,
    "statistician": TEXT,
    "references": NUMBER,
    "level": NUMBER,
    "seconds": NUMBER,
    "claims": [_CLAIM],
}
RESULT: dict[str, Any] = {
    "run_id": TEXT,
    "state": TEXT,
    "rounds": NUMBER,
    "stopped_by": TEXT,
    "metrics": {"before": _METRICS, "after": _METRICS, "reference": _METRICS, "*": _METRICS},
    "reference_band": {"*": [NUMBER]},
    "seconds": {"*": NUMBER},
    "cpu_seconds": {"*": NUMBER},
    "weights_sha256": TEXT,
    "forget_count": NUMBER,
    "counts": {"*": NUMBER},
    "base_cached": FLAG,
    "reference_cached": FLAG,
    "normalisation": {"from": TEXT, "mean": [NUMBER], "std": [NUMBER]},
    "own_weights": {"words": TEXT, "loud": FLAG},
    "cautions": [TEXT],
    "notes": [TEXT],
    "attacks": _ATTACKS,
    "hardware": {"*": SCALAR},
    "versions": {"*": TEXT},
    "verdict": VERDICT,
    "nearness": {
        "rounds": [NUMBER],
        "distance": [NUMBER],
        "farthest": [TEXT],
        "position": [NUMBER],
        "nearest": NUMBER,
        "inside": [NUMBER],
        "accuracy_rule": NUMBER,
        "accuracy_rule_name": TEXT,
        "samples": NUMBER,
        "references": NUMBER,
    },
    "deep_audit": _DEEP_AUDIT,
    "given": [{"role": TEXT, "name": TEXT, "sha256": TEXT, "told": TEXT}],
}

TSNE: dict[str, Any] = {
    "rounds": [NUMBER],
    "reference_seed": NUMBER,
    "fidelity": [{"*": SCALAR}],
    "still_step": NUMBER,
    "self_neighbours": NUMBER,
}

_TSNE_NEEDED = ("rounds", "fidelity", "still_step", "self_neighbours")

# Array of a round or a reference: kinds of NumPy type, number of axes, length of the second.
_ROUND_ARRAYS: dict[str, tuple[str, int, int | None]] = {
    "embedding": ("f", 2, None),
    "logits": ("f", 2, None),
    "top3": ("f", 2, 3),
    "top3_class": ("iu", 2, 3),
    "output_top3": ("f", 2, 3),
    "pair_cosines": ("f", 2, None),
    "head": ("f", 2, None),
    "coordinates": ("f", 2, 2),
    "loss": ("f", 1, None),
    "margin": ("f", 1, None),
    "own_centroid_cosine": ("f", 1, None),
    "boundary": ("f", 1, None),
    "two_view_cosine": ("f", 1, None),
    "cosine_to_start": ("f", 1, None),
    "aligned_cosine": ("f", 1, None),
    "moved": ("f", 1, None),
    "moved_relative": ("f", 1, None),
}
# They have a row per class instead of one per sample.
BY_CLASS = ("head",)
_KINDS = {"b": "bool", "i": "int", "u": "uint", "f": "float"}


def misfit(value: Any, shape: Any, where: str = "") -> str | None:
    """Where a stored value is not of a shape, in words; None if it is.

    Args:
        value: as JSON gave it.
        shape: see the module.
        where: of the value, for the words.
    """
    if value is None:
        return None
    if isinstance(shape, str):
        return None if _is(value, shape) else f"{where} is not {shape}"
    if isinstance(shape, list):
        if not isinstance(value, list):
            return f"{where} is no list"
        return next((bad for k, item in enumerate(value) if (bad := misfit(item, shape[0], f"{where}[{k}]"))), None)
    if not isinstance(value, Mapping):
        return f"{where or 'it'} is no object"
    for key, item in value.items():
        inner = shape.get(key, shape.get("*"))
        bad = None if inner is None else misfit(item, inner, f"{where}.{key}" if where else str(key))
        if bad:
            return bad
    return None


def audit_misfit(manifest: Mapping[str, Any], attacks: Collection[str]) -> str | None:
    """Why the manifest of an audit cannot be drawn, in words; None if it can.

    Args:
        manifest: of the shape `AUDIT`.
        attacks: the known ones.
    """
    members, others = manifest.get("members"), manifest.get("non_members")
    if not isinstance(members, int) or not isinstance(others, int) or not isinstance(manifest.get("attacks"), dict):
        return "lacks members, non_members or attacks"
    if unknown := sorted(set(manifest["attacks"]) - set(attacks)):
        return f"has unknown attacks {', '.join(unknown)}"
    odd = [name for name, entry in manifest["arrays"].items() if entry["shape"] != [members + others]]
    return f"has other samples in {', '.join(odd)}" if odd else None


def tsne_misfit(manifest: Mapping[str, Any]) -> str | None:
    """Why the manifest of the t-SNE of a run cannot be drawn, in words; None if it can."""
    if lacking := [name for name in _TSNE_NEEDED if manifest.get(name) is None]:
        return f"lacks {', '.join(lacking)}"
    if reason := misfit(manifest, TSNE):
        return f"is damaged: {reason}"
    moments = len(manifest["rounds"]) + (manifest.get("reference_seed") is not None)
    arrays = manifest["arrays"]
    if not {"rows", "coordinates"} <= set(arrays) or len(manifest["fidelity"]) != moments:
        return "lacks moments"
    rows = arrays["rows"]["shape"]
    fits = len(rows) == 1 and arrays["coordinates"]["shape"] == [moments, *rows, 2]
    return None if fits and "int" in arrays["rows"]["dtype"] else "has other samples in its arrays"


def _is(value: Any, shape: str) -> bool:
    if isinstance(value, str):
        return shape in (TEXT, SCALAR)
    if isinstance(value, bool):
        return shape in (FLAG, SCALAR)
    return shape in (NUMBER, SCALAR) and isinstance(value, int | float) and math.isfinite(value)


def array_misfit(name: str, dtype: str, shape: tuple[int, ...], *, of_round: bool) -> str | None:
    """Why an array is not one that this program records, in words; None if it may be.

    Args:
        name: of the array.
        dtype: of its values, as NumPy names it.
        shape: of the array.
        of_round: whether it belongs to a round or a reference, whose arrays are known.
    """
    kind = next((kind for kind, word in _KINDS.items() if dtype.startswith(word)), None)
    if kind is None:
        return f"{name} holds {dtype}, not numbers"
    if not of_round or name not in _ROUND_ARRAYS:
        return None
    kinds, axes, columns = _ROUND_ARRAYS[name]
    if kind not in kinds:
        return f"{name} holds {dtype}"
    if len(shape) != axes or (columns is not None and shape[1] != columns):
        wanted = ["samples", *[str(columns or "columns")] * (axes - 1)]
        return f"{name} has the shape {list(shape)}, not [{', '.join(wanted)}]"
    return None
