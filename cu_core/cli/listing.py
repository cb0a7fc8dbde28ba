"""The registries as plain JSON, for ``list`` and for the docs."""

from __future__ import annotations

from typing import Any

from cu_core.analysis.sweeps.named import SWEEPS
from cu_core.base.parameters import describe
from cu_core.catalogue.method_record import METHODS, Method
from cu_core.catalogue.presets import PRESETS
from cu_core.data import DATASETS
from cu_core.learning.backbones import BACKBONES
from cu_core.metrics import METRICS


def catalogue(what: str) -> list[dict[str, Any]]:
    """All entries of one registry.

    Args:
        what: ``datasets``, ``models``, ``methods``, ``metrics``, ``presets`` or ``sweeps``.
    """
    if what == "methods":
        return [
            {name: value for name, value in vars(m).items() if name != "params"}
            | {"implementation": implementation(m)}
            | {"tasks": list(m.tasks), "objectives": list(m.objectives), "rounds": dict(m.rounds)}
            # With the method's own values; some divide their steps for part of their hyper-parameters only.
            | {"params": parameters(m.params), "divided": m.divided(m.params())}
            for m in METHODS.values()
        ]
    if what == "presets":
        return [
            {"id": p.id, "title": p.title, "summary": p.summary, "spec": p.spec.to_json()}
            | {"specs": [spec.to_json() for spec in p.specs]}
            for p in PRESETS.values()
        ]
    if what == "sweeps":
        return [
            {"id": s.id, "title": s.title, "summary": s.summary, "sweep": s.sweep.to_json()} for s in SWEEPS.values()
        ]
    registries: dict[str, dict[str, Any]] = {"datasets": DATASETS, "models": BACKBONES, "metrics": METRICS}
    entries = [dict(vars(record)) for record in registries[what].values()]
    for entry in entries:
        if "tasks" in entry:
            entry["tasks"] = list(entry["tasks"])
    return entries


def implementation(method: Method) -> str:
    """Where a method's generator stands: ``"module:function"``."""
    if isinstance(method.implementation, str):
        return method.implementation
    generator = method.implementation()
    return f"{generator.__module__}:{generator.__name__}"


def parameters(params: type) -> list[dict[str, Any]]:
    """The hyper-parameters of a method as plain JSON."""
    return [
        {
            "name": d.name,
            "type": d.type.__name__,
            "default": d.default,
            "label": d.param.label,
            "help": d.param.help,
            "allowed": list(d.param.allowed()),
            "unit": d.param.unit,
            "paper": d.param.paper,
        }
        for d in describe(params)
    ]
