"""Runs as a comparison reads them, without files."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cu_core.analysis.compare.compared import Compared, Reference
from cu_core.catalogue.method_record import method
from cu_core.catalogue.spec import MethodSpec, RunSpec, short
from cu_core.catalogue.spec_parts import ForgetSpec

BASE = RunSpec(forget=ForgetSpec("class:5"), reference=3)


def run_of(
    spec: RunSpec = BASE,
    *,
    run_id: str = "",
    after: dict[str, float | None] | None = None,
    before: dict[str, float | None] | None = None,
    references: list[dict[str, float | None]] | None = None,
    seconds: tuple[float, ...] = (10.0, 20.0, 30.0),
    state: str = "succeeded",
    result: dict[str, Any] | None = None,
) -> Compared:
    """A run with invented numbers.

    Args:
        spec: what it did.
        run_id: made from method and seed if empty.
        after: metrics after unlearning.
        before: metrics before.
        references: metrics of every reference.
        seconds: of every retraining; half of them are the processor's.
        state: of the run; without a result unless it succeeded.
        result: changes to the result.
    """
    references = references or []
    kept = tuple(
        Reference(k, s, m, cpu_seconds=s / 2) for k, (m, s) in enumerate(zip(references, seconds, strict=False))
    )
    names = {name for m in references for name in m}
    known = {name: [v for m in references if (v := m.get(name)) is not None] for name in names}
    content = {
        "stopped_by": "class_rule",
        "seconds": {"unlearn": 8.0},
        "cpu_seconds": {"unlearn": 2.0},
        "forget_count": 50,
        "counts": {"forget": 40, "retain": 400, "unseen": 100, "unseen_forgotten": 10},
        "served": {"forget": 150, "retain": 800, "unseen": 0},
        "tow": {"value": 0.9, "low": 0.8, "high": 0.95, "groups": ["forget"]} if references else None,
        "over_unlearning": {"first_round": None, "final": False, "metrics": []} if len(references) > 1 else None,
        "attacks": None,
        "notes": [],
        "data_sha256": "images",
        "references": [{}] * len(references),
    }
    return Compared(
        run_id=run_id or f"{spec.method.id.replace('_', '-')}-{spec.seed}",
        title=spec.title,
        group=spec.group,
        state=state,
        finished=1.0,
        spec=spec.to_json(),
        method=spec.method.id,
        method_title=method(spec.method.id).title,
        seed=spec.seed,
        train_seed=spec.train_seed,
        forget_seed=spec.forget_seed,
        task=spec.task,
        kind="supervised",
        dataset=short(spec.data.dataset),
        backbone=spec.model.backbone,
        forget=short(spec.forget.select),
        rounds=3,
        before=before or {"forget_acc": 1.0},
        after={"forget_acc": 0.3} if after is None else after,
        reference={name: sum(v) / len(v) if v else None for name, v in known.items()},
        references=kept,
        asked_references=spec.reference,
        result=(content | (result or {})) if state == "succeeded" else {},
    )


def spec_of(method_id: str = "contrastive", seed: int = 0, **changes: Any) -> RunSpec:
    """The base specification with another method, seed or part; ``params`` sets hyper-parameters."""
    params = changes.pop("params", {})
    chosen = MethodSpec(method_id, replace(method(method_id).params(), **params))
    return replace(BASE, method=chosen, seed=seed, **changes)
