"""Differences between two specifications as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cu_core.base.errors import BadInput
from cu_core.base.parameters import Described, describe
from cu_core.catalogue.file_lists import listed
from cu_core.catalogue.method_record import method
from cu_core.catalogue.spec import PARTS, RunSpec, short

PART_TITLES = {
    "data": "images",
    "model": "model",
    "train": "training",
    "forget": "forget set",
    "method": "method",
    "stop": "stopping",
    "probe": "recording",
    "audit": "attacks",
    "": "run",
}
"""Parts of a specification as people call them; the empty one holds its top level."""

NAMES = ("name", "group")
"""Fields that decide nothing of the outcome."""

SEEDS = ("seed", "train.seed", "forget.seed")
"""Fields in which repetitions of one configuration differ."""


@dataclass(frozen=True)
class Difference:
    """One field in which two specifications differ.

    Attributes:
        path: of the field, e.g. ``"train.lr"``.
        label: what people call it.
        first: value of the first specification in words; None where it has no such field.
        second: the same of the second.
    """

    path: str
    label: str
    first: str | None
    second: str | None

    def __str__(self) -> str:
        """E.g. ``Learning rate: 0.001 → 0.003``."""
        if self.second is None:
            return f"{self.label}: {self.first} (the first alone)"
        if self.first is None:
            return f"{self.label}: {self.second} (the second alone)"
        return f"{self.label}: {self.first} → {self.second}"


def differences(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[Difference]:
    """The fields in which two specifications differ, part by part; name and group do not count.

    Args:
        first: as `RunSpec.to_json` writes it.
        second: the same.
    """
    a, b = flat(first), flat(second)
    paths = [path for path in dict.fromkeys([*a, *b]) if path not in NAMES and _differ(a, b, path)]
    return [
        Difference(path, label_of(path, first, second), _in(first, a, path), _in(second, b, path))
        for path in sorted(paths, key=_place)
    ]


def flat(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A specification as path to value: ``seed``, ``train.lr``, ``method.temperature``, ``method.id``."""
    found: dict[str, Any] = {}
    for name, content in spec.items():
        if name == "schema":
            continue
        if name == "method":
            found["method.id"] = content["id"]
            found |= {f"method.{key}": value for key, value in (content.get("params") or {}).items()}
        elif isinstance(content, Mapping):
            found |= {f"{name}.{key}": value for key, value in content.items()}
        else:
            found[name] = content
    return found


def label_of(path: str, *specs: Mapping[str, Any]) -> str:
    """What people call a field; with its part where the method has a field of the same name.

    Args:
        path: as in `flat`.
        specs: specifications whose methods decide what is described.
    """
    if path == "method.id":
        return "Method"
    ids = tuple(dict.fromkeys(str(spec["method"]["id"]) for spec in specs))
    found = _described(path, ids)
    if found is None:
        return path
    part, _, name = path.rpartition(".")
    label = found.param.label
    if part == "method":
        return label
    taken = {d.param.label for i in ids for d in _fields("method", i).values()}
    taken |= {d.param.label for other in PARTS if other != part for d in _fields(other, "").values()}
    if part:
        taken |= {d.param.label for d in _fields("", "").values()}
    return f"{label} ({PART_TITLES[part]})" if label in taken else label


def value_words(path: str, value: Any, spec: Mapping[str, Any], *, unit: bool = True) -> str:
    """A value of a field in words.

    Args:
        path: as in `flat`.
        value: as stored.
        spec: whose value it is.
        unit: whether its unit stands behind it.
    """
    if path == "method.id":
        return _method_title(str(value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return short(value) if value else "none"
    if isinstance(value, list | tuple):
        return listed(value) if value else "none"
    found = _described(path, (str(spec["method"]["id"]),))
    if found is None:
        return f"{value:g}" if isinstance(value, float) else str(value)
    text = f"{value:g}" if isinstance(value, float) else f"{value:,}" if abs(value) >= 10_000 else str(value)
    number, _, meaning = found.param.special.partition(" = ")
    if meaning and number == f"{value:g}":
        return f"{text} ({meaning})"
    return f"{text} {found.param.unit}".rstrip() if unit else text


def _in(spec: Mapping[str, Any], values: Mapping[str, Any], path: str) -> str | None:
    return value_words(path, values[path], spec) if path in values else None


def _differ(a: Mapping[str, Any], b: Mapping[str, Any], path: str) -> bool:
    return path not in a or path not in b or a[path] != b[path]


def _place(path: str) -> tuple[int, bool]:
    part = path.rpartition(".")[0]
    # The method first: it is what most comparisons are about.
    order = ["method", "", *(p for p in PART_TITLES if p not in ("method", ""))]
    return (order.index(part) if part in order else len(order)), path != "method.id"


def _described(path: str, methods: tuple[str, ...]) -> Described | None:
    part, _, name = path.rpartition(".")
    for method_id in methods:
        found = _fields(part, method_id if part == "method" else "").get(name)
        if found is not None:
            return found
    return None


@lru_cache(maxsize=256)
def _fields(part: str, method_id: str) -> dict[str, Described]:
    if part == "method":
        try:
            return {d.name: d for d in describe(method(method_id).params)}
        except BadInput:
            return {}
    cls = RunSpec if not part else PARTS.get(part)
    return {d.name: d for d in describe(cls)} if cls is not None else {}


def _method_title(method_id: str) -> str:
    try:
        return method(method_id).title
    except BadInput:
        return method_id
