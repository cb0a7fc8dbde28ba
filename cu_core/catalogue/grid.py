"""Grids: lists of values for any setting, expanded into one specification per combination."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import re
from collections.abc import Mapping, Sequence
from typing import Any

from cu_core.base.errors import BadInput
from cu_core.base.parameters import LONGEST_TEXT, Described, coerce, describe
from cu_core.catalogue.method_record import METHODS, method
from cu_core.catalogue.name_list import quoted, split_at, unquoted
from cu_core.catalogue.selections import FORGET_KINDS
from cu_core.catalogue.spec import PARTS, RunSpec, digest, spec_from_json, top_level_fields

MOST_RUNS = 1000

_SHORT = {
    "dataset": "data.dataset",
    "model": "model.backbone",
    "backbone": "model.backbone",
    "forget": "forget.select",
    "method": "method.id",
    "rounds": "stop.max_rounds",
}
_RANGE = re.compile(r"(\d{1,10})\s*-\s*(\d{1,10})")


def parse_axis(text: str) -> list[str]:
    """Values of one axis: ``0.1, 0.3, 0.7``, ``0-4`` (whole numbers, ends included), ``class:5,7; random:500``.

    A semicolon separates where there is one, else a comma; behind a forget set with a value, what a comma separates
    goes on with it unless it is a forget set itself. Separators in double quotes do not count, and a value that is in
    quotes as a whole loses them.

    Raises:
        BadInput: no value, a range that runs backwards, or far too many values.
    """
    if len(text) > LONGEST_TEXT:
        raise BadInput("grid", f"has {len(text):,} letters", [f"at most {LONGEST_TEXT:,} letters"])
    pieces = split_at(text, ";")
    by_comma = len(pieces) == 1
    values: list[str] = []
    goes_on = False
    for piece in split_at(text, ",") if by_comma else pieces:
        trimmed = piece.strip()
        bare = unquoted(trimmed)
        if goes_on and not _is_forget_set(trimmed):
            values[-1] += f",{trimmed if trimmed.isdecimal() else piece}" if trimmed else ""
            continue
        if bare is None and (found := _RANGE.fullmatch(trimmed)):
            values += _range(int(found[1]), int(found[2]))
        elif bare or trimmed:
            values.append(trimmed if bare is None else bare)
        goes_on = by_comma and bare is None and ":" in trimmed and _is_forget_set(trimmed)
        if len(values) > MOST_RUNS:
            raise BadInput("grid", f"one axis has more than {MOST_RUNS:,} values", (f"at most {MOST_RUNS:,} runs",))
    if not values:
        raise BadInput("grid", f"{text!r} names no value", ("0.1, 0.3", "0-4"))
    return values


def axis_text(values: Sequence[str]) -> str:
    """Values, none of them blank, as a text that `parse_axis` reads back."""
    text = ""
    for cells, end in itertools.product((values, [quoted(value) for value in values]), ("", ";")):
        text = "; ".join(cells) + end
        with contextlib.suppress(BadInput):
            if parse_axis(text) == list(values):
                break
    return text


def _is_forget_set(piece: str) -> bool:
    kind, colon, _ = piece.partition(":")
    return kind in FORGET_KINDS and bool(colon or FORGET_KINDS[kind].parse is None)


def count(base: RunSpec, axes: Mapping[str, Sequence[str]]) -> int:
    """How many runs `expand` will make, without making them.

    Raises:
        BadInput: an unknown setting, or a value of the wrong type or out of range.
    """
    return sum(_product(axis) for _, axis in _plans(base, axes))


def expand(base: RunSpec, axes: Mapping[str, Sequence[str]], *, limit: int = MOST_RUNS) -> list[RunSpec]:
    """All combinations of the axes' values on top of a specification.

    A hyper-parameter that only some of several methods have varies for those alone.

    Args:
        base: gives all other settings.
        axes: setting to values as text. Settings are named as in the specification (``train.lr``,
            ``method.temperature``, ``seed``), by their last part where only one has it
            (``temperature``), or ``dataset``, ``model``, ``forget``, ``method``, ``rounds``.
        limit: most runs.

    Returns:
        Specifications without duplicates, in the order of the axes, with a common group.

    Raises:
        BadInput: an unknown setting, a value that cannot be used, or more runs than `limit`.
    """
    wanted = count(base, axes)
    if wanted > limit:
        raise BadInput("grid", f"these values make {wanted:,} runs", (f"at most {limit:,} runs",))
    group = base.group or _group(base, axes)
    found: dict[str, RunSpec] = {}
    for start, plan in _plans(base, axes):
        for values in itertools.product(*plan.values()):
            content = _copy(start)
            for name, value in zip(plan, values, strict=True):
                _set(content, name, value)
            content["group"] = group
            spec = _named(spec_from_json(content), plan, values)
            found.setdefault(spec.content_hash(), spec)
    return list(found.values())


Plan = dict[str, list[Any]]

# Lists show the seed beside every name; a name made from the choices says the rest of these.
_SHOWN = {"seed"}
_SHOWN_UNNAMED = {"data.dataset", "model.backbone", "forget.select"}


def _named(spec: RunSpec, plan: Plan, values: Sequence[Any]) -> RunSpec:
    """The run with what sets it apart in front of its name, where narrow lists do not cut it off."""
    shown = _SHOWN if spec.name else _SHOWN | _SHOWN_UNNAMED
    apart = [
        f"{name.rpartition('.')[2]} {value:g}" if isinstance(value, float) else f"{name.rpartition('.')[2]} {value}"
        for name, value in zip(plan, values, strict=True)
        if len(plan[name]) > 1 and name not in shown
    ]
    return dataclasses.replace(spec, name=" · ".join([*apart, spec.title])) if apart else spec


def _plans(base: RunSpec, axes: Mapping[str, Sequence[str]]) -> list[tuple[dict[str, Any], Plan]]:
    """For each method: the specification to start from, and the axes that apply to it."""
    chosen = {_full_name(name): list(values) for name, values in axes.items() if _full_name(name) == "method.id"}
    ids = list(dict.fromkeys(chosen.get("method.id", [base.method.id])))
    records = [method(method_id) for method_id in ids]
    names = {name: _resolve(name, [record.params for record in records]) for name in axes}
    if len(set(names.values())) < len(names):
        raise BadInput("grid", f"a setting is named twice: {', '.join(axes)}")
    plans = []
    for record in records:
        start = base.to_json()
        if record.id != base.method.id:
            start["method"] = {"id": record.id, "params": {}}
        own = {described.name: described for described in describe(record.params)}
        plan: Plan = {}
        for name, full in names.items():
            part, _, field = full.rpartition(".")
            if full == "method.id" or (part == "method" and field not in own):
                continue
            described = own[field] if part == "method" else _described(part, field)
            prefix = f"{part}." if part else ""
            plan[full] = list(dict.fromkeys(coerce(described, value, prefix) for value in axes[name]))
        plans.append((start, plan))
    return plans


def _resolve(name: str, params: Sequence[type]) -> str:
    """The full name of a setting, e.g. ``method.temperature``, ``train.lr`` or ``seed``."""
    full = _full_name(name)
    part, _, field = full.rpartition(".")
    own = {described.name for cls in params for described in describe(cls)}
    if full == "method.id" or (not part and field in top_level_fields()):
        return full
    if part == "method" and field in own:
        return full
    if part in PARTS and field in {described.name for described in describe(PARTS[part])}:
        return full
    if not part and field in own:
        return f"method.{field}"
    owners = [other for other, cls in PARTS.items() if not part and field in {d.name for d in describe(cls)}]
    if len(owners) == 1:
        return f"{owners[0]}.{field}"
    if owners:
        raise BadInput(name, "could mean several settings", [f"{owner}.{field}" for owner in owners])
    if part in ("", "method") and any(field in {d.name for d in describe(m.params)} for m in METHODS.values()):
        raise BadInput(name, "is a setting of other methods than the chosen ones", sorted(own))
    raise BadInput(name, "no such setting", _all_names(own), given=name)


def _full_name(name: str) -> str:
    return _SHORT.get(name.strip(), name.strip())


def _described(part: str, field: str) -> Described:
    cls = PARTS[part] if part else RunSpec
    return next(described for described in describe(cls) if described.name == field)


def _all_names(own: set[str]) -> list[str]:
    parts = [f"{part}.{described.name}" for part, cls in PARTS.items() for described in describe(cls)]
    return [*(f"method.{name}" for name in sorted(own)), *top_level_fields(), *parts, *_SHORT]


def _set(content: dict[str, Any], name: str, value: Any) -> None:
    part, _, field = name.rpartition(".")
    if part == "method":
        content["method"]["params"][field] = value
    elif part:
        content[part][field] = value
    else:
        content[field] = value


def _copy(content: dict[str, Any]) -> dict[str, Any]:
    return {key: _copy(value) if isinstance(value, dict) else value for key, value in content.items()}


def _product(plan: Plan) -> int:
    total = 1
    for values in plan.values():
        total *= len(values)
    return total


def _range(first: int, last: int) -> list[str]:
    if first > last:
        raise BadInput("grid", f"the range {first}-{last} runs backwards", (f"{last}-{first}",))
    # One more than allowed is enough to be refused; the rest need not be made.
    return [str(number) for number in range(first, min(last, first + MOST_RUNS) + 1)]


def _group(base: RunSpec, axes: Mapping[str, Sequence[str]]) -> str:
    names = " × ".join(_full_name(name).rpartition(".")[2] if "." in name else name for name in axes)
    return f"{names or 'single'} {digest([base.to_json(), {k: list(v) for k, v in axes.items()}])[:6]}"
