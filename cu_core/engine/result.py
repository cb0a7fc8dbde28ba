"""The content of ``result.json``."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from cu_core.base.version import __version__
from cu_core.catalogue.method_record import method
from cu_core.catalogue.pixel_scales import DATASET, FILE
from cu_core.catalogue.spec import RunSpec
from cu_core.engine.evaluation import Metrics
from cu_core.engine.setup import RunSetup
from cu_core.learning.device import describe_device
from cu_core.learning.model_cache import Trained

PACKAGES = ("torch", "torchvision", "numpy", "scikit-learn", "timm")


def build_result(
    *,
    setup: RunSetup,
    run_id: str,
    base: Trained,
    rounds: int,
    stopped_by: str,
    before: Metrics,
    after: Metrics,
    comparison: dict[str, Any],
    cautions: list[str],
    notes: list[str],
    own_weights: dict[str, Any] | None,
    audit: dict[str, Any] | None,
    verdict: dict[str, Any] | None,
    nearness: dict[str, Any] | None,
    seconds: dict[str, float | None],
    weights_sha256: str,
    cpu_seconds: Mapping[str, float | None],
    given: Sequence[Mapping[str, Any]] = (),
    deep_audit: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """What ``result.json`` and the last line of ``--json`` hold.

    Args:
        setup: the fixed part of the run.
        run_id: its name.
        base: the base model and where it came from.
        rounds: number of the last healthy round.
        stopped_by: ``class_rule``, ``sample_rule``, ``chance_rule``, ``like-reference_rule``,
            ``max_rounds``, ``method_finished``, ``collapse`` or ``not_a_number``.
        before: metrics of the base model on all samples.
        after: metrics of the unlearned model on all samples.
        comparison: as `cu_core.engine.reference_comparison.Comparison.report` gives it.
        cautions: those of the notes that nobody should miss.
        notes: what a reader of the numbers should know, in words.
        own_weights: as `cu_core.engine.weight_check.judge` found them; None where the base model was trained here.
        audit: manifest of the membership attacks; None where none were made.
        verdict: as `cu_core.engine.verdict.verdict_phase.verdict_on` gives it; None where it was switched off.
        nearness: as `cu_core.engine.recorded_models.nearness_report` gives it.
        seconds: time by phase; None where it is not known.
        weights_sha256: hash of the final weights.
        cpu_seconds: seconds of the processor over all threads by phase, on CUDA of the device; None if not known.
        given: files of the user that the run shows: role, name, hash, and what was done to read each.
        deep_audit: as `cu_core.engine.deep.deep_phase.DeepAudit.make` gives it; None where none was asked for.
    """
    references = [reference["metrics"] for reference in comparison["references"]]
    return {
        "run_id": run_id,
        "state": "succeeded",
        "rounds": rounds,
        "stopped_by": stopped_by,
        "metrics": {"before": before, "after": after, "reference": mean_of(references)},
        "reference_band": band_of(references),
        "seconds": seconds,
        "cpu_seconds": dict(cpu_seconds),
        "weights_sha256": weights_sha256,
        "forget_count": len(setup.forget.indices),
        "counts": {
            "forget": len(setup.reported_forget),
            "retain": len(setup.retain),
            "unseen": len(setup.reported_unseen),
            "unseen_forgotten": _unseen_of_forgotten(setup),
            "probe": len(setup.probe.sample),
        },
        "base_key": base.key,
        "base_cached": base.cached,
        "reference_cached": _all_cached(comparison["references"]),
        "data_sha256": setup.data.sha256,
        "normalisation": _normalisation(setup),
        "own_weights": own_weights,
        "cautions": cautions,
        "notes": notes,
        "verdict": verdict,
        "nearness": nearness,
        "attacks": audit["attacks"] if audit else None,
        "reference_attacks": audit["reference_attacks"] if audit else None,
        **comparison,
        **({"given": list(given)} if given else {}),
        **({"deep_audit": deep_audit} if deep_audit else {}),
        "versions": {"unlearnscope": __version__, "python": platform.python_version()} | _versions(),
        "hardware": describe_device(setup.device) | _arithmetic(setup),
    }


def _arithmetic(setup: RunSetup) -> dict[str, Any]:
    gain = {"bf16_gain": round(setup.bf16_gain, 3)} if setup.bf16_gain is not None else {}
    return {"precision": setup.precision.name} | gain


def _all_cached(references: list[dict[str, Any]]) -> bool:
    """Whether references were trained, and none of them for this run."""
    trained = [r for r in references if "file" not in r]
    return bool(trained) and all(r["cached"] for r in trained)


def _normalisation(setup: RunSetup) -> dict[str, Any]:
    """What all images of the run were normalised with, and where that is from."""
    mean, std = setup.train.moments
    named = setup.spec.model.normalisation.strip()
    if named in (FILE, DATASET):
        named = DATASET if (mean, std) == (tuple(setup.data.mean), tuple(setup.data.std)) else "file"
    return {"from": named, "mean": list(mean), "std": list(std)}


def _unseen_of_forgotten(setup: RunSetup) -> int:
    """Reported unseen samples of the forgotten classes; 0 in sample forgetting."""
    if setup.forget.task != "class":
        return 0
    return int(np.isin(setup.data.test_labels[setup.reported_unseen], setup.forget.classes).sum())


def mean_of(references: list[Metrics]) -> Metrics | None:
    """Mean of every metric over the references; None without references."""
    if not references:
        return None
    return {name: _mean([r[name] for r in references]) for name in references[0]}


def band_of(references: list[Metrics]) -> dict[str, list[float]] | None:
    """Mean and sample standard deviation of every metric; None with fewer than two references."""
    if len(references) < 2:
        return None
    band = {}
    for name in references[0]:
        values = [v for r in references if (v := r[name]) is not None]
        if len(values) > 1:
            band[name] = [float(np.mean(values)), float(np.std(values, ddof=1))]
    return band


def _mean(values: list[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return float(np.mean(known)) if known else None


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def known_seconds(spec: RunSpec, seconds: Mapping[str, Any]) -> dict[str, float | None]:
    """Time by phase, without what took place elsewhere: reading a file is neither training nor unlearning."""
    known: dict[str, float | None] = dict(seconds)
    if spec.base_recipe.work == 0:
        known["train"] = None
    if method(spec.method.id).from_files:
        known["unlearn"] = None
    if spec.reference_files and not spec.reference:
        known["reference"] = None
    return known
