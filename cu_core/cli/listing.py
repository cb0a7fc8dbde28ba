"""The registries as plain JSON, for ``list`` and for whoever reads it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from cu_core.analysis.sweeps.named import SWEEPS
from cu_core.base.parameters import describe
from cu_core.base.registry import Registry
from cu_core.catalogue.attack_record import ATTACKS
from cu_core.catalogue.backbone_record import BACKBONES
from cu_core.catalogue.dataset_record import DATASETS
from cu_core.catalogue.method_record import METHODS, Method
from cu_core.catalogue.metric_record import METRICS
from cu_core.catalogue.objective_record import OBJECTIVES
from cu_core.catalogue.presets import PRESETS
from cu_core.catalogue.projection_record import PROJECTIONS
from cu_core.catalogue.selections import FORGET_KINDS
from cu_core.catalogue.stopping import STOPPING_RULES

REGISTRIES: dict[str, Registry[Any]] = {
    "datasets": DATASETS,
    "models": BACKBONES,
    "methods": METHODS,
    "metrics": METRICS,
    "attacks": ATTACKS,
    "objectives": OBJECTIVES,
    "forget-sets": FORGET_KINDS,
    "stopping-rules": STOPPING_RULES,
    "projections": PROJECTIONS,
    "presets": PRESETS,
    "sweeps": SWEEPS,
}
"""What ``list`` knows, by name."""

RECIPES = "recipes"
"""What ``list`` knows besides: those that were tuned in the home."""

# What a record's fields alone do not say.
_MORE: dict[str, Callable[[Any], dict[str, Any]]] = {
    # With the method's own values; some divide their steps for part of their hyper-parameters only.
    "methods": lambda method: {"divided": method.divided(method.params()), "implementation": implementation(method)},
    "presets": lambda preset: {"specs": [spec.to_json() for spec in preset.specs]},
}


def catalogue(what: str) -> list[dict[str, Any]]:
    """All entries of one registry; what is code in a record is left out.

    Args:
        what: one of `REGISTRIES`.
    """
    more = _MORE.get(what, lambda record: {})
    return [_fields(record) | more(record) for record in REGISTRIES[what].values()]


def _fields(record: Any) -> dict[str, Any]:
    values = {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
    return {name: _plain(value) for name, value in values.items() if isinstance(value, type) or not callable(value)}


def _plain(value: Any) -> Any:
    if isinstance(value, type):
        return parameters(value)
    if hasattr(value, "to_json"):
        return value.to_json()
    if dataclasses.is_dataclass(value):
        return _fields(value)
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


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
