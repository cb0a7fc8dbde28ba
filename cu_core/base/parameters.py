"""Descriptions of parameters: one dataclass drives form, command line, validation and docs.

A parameter dataclass is frozen, has a default for every field and describes each field with
`param(...)`. `parse` turns untrusted text or JSON into such a dataclass; `describe` lists the
fields for whoever draws a form or a table.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import re
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cu_core.base.errors import BadInput

Words = str | Callable[[], str]
Choices = tuple[str, ...] | Callable[[], Iterable[str]]


@dataclass(frozen=True)
class Param:
    """What a form, a command line and a docs table need to know about one field.

    Attributes:
        label: short name shown in a form.
        said: one sentence, or what makes it: where it names entries of a registry, see `offered`.
        low: smallest allowed number, inclusive.
        high: largest allowed number, inclusive.
        offered: allowed texts, if the field is a choice, or what names them: those of a registry are asked for when
            they are needed, since it may still be empty when a dataclass is defined.
        unit: unit shown behind the value.
        special: a value that stands for something else, in words such as ``"0 = all"``.
        otherwise: where that value is a choice of its own rather than the end of a scale: what every other number is in
            words, such as ``"at most"``, and the one that a form begins with.
        log: whether the value is best explored on a logarithmic scale.
        search: smallest and largest number that tuning draws, where the allowed range holds far more than anybody would
            try; empty keeps tuning away from the field; None leaves it to the rule of
            `cu_core.catalogue.search_space.axes_of`.
        paper: the paper's default with its source, in words.
        advanced: shown only when asked for.
        later: added after runs had been stored: left out of `contents` while it has its default, so that hashes of
            what was made before are still found.
    """

    label: str
    said: Words
    low: float | None = None
    high: float | None = None
    offered: Choices = ()
    unit: str = ""
    special: str = ""
    otherwise: tuple[str, float] | None = None
    log: bool = False
    search: tuple[float, ...] | None = None
    paper: str = ""
    advanced: bool = False
    later: bool = False

    @property
    def help(self) -> str:
        """One sentence."""
        return self.said() if callable(self.said) else self.said

    @property
    def choices(self) -> tuple[str, ...]:
        """Allowed texts; empty if the field is no choice."""
        return tuple(self.offered() if callable(self.offered) else self.offered)

    def allowed(self) -> tuple[str, ...]:
        """The allowed values in words; empty if anything goes."""
        if choices := self.choices:
            return choices
        if self.low is not None and self.high is not None:
            return (f"{self.low:g} to {self.high:g}",)
        if self.low is not None:
            return (f"at least {self.low:g}",)
        if self.high is not None:
            return (f"at most {self.high:g}",)
        return ()


@dataclass(frozen=True)
class Described:
    """One field of a parameter dataclass: name, type, default and description."""

    name: str
    type: type
    default: Any
    param: Param


def param(default: Any, label: str, help: Words, *, choices: Choices = (), **details: Any) -> Any:
    """A dataclass field with a default and a `Param` description."""
    return dataclasses.field(default=default, metadata={"param": Param(label, help, offered=choices, **details)})


def describe(cls: type) -> list[Described]:
    """The described fields of a parameter dataclass, in order."""
    return list(_described(cls))


@functools.cache
def _described(cls: type) -> tuple[Described, ...]:
    # Reading a specification asks for eight classes; resolving their annotations each time was most of its cost.
    hints = typing.get_type_hints(cls)
    return tuple(
        Described(f.name, hints[f.name], f.default, f.metadata["param"])
        for f in dataclasses.fields(cls)
        if "param" in f.metadata
    )


def contents(part: Any) -> dict[str, Any]:
    """All fields of a parameter dataclass for a hash, without later ones that have their default; see `Param.later`."""
    return contents_of(type(part), dataclasses.asdict(part))


def contents_of(cls: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """The same of values that were written as JSON, perhaps by an earlier version."""
    usual = {d.name: d.default for d in describe(cls) if d.param.later}
    return {name: value for name, value in values.items() if name not in usual or _plain(value) != _plain(usual[name])}


def _plain(default: Any) -> Any:
    return list(default) if isinstance(default, tuple) else default


def parse(cls: type, values: Mapping[str, Any], prefix: str = "") -> Any:
    """Builds a parameter dataclass from untrusted values.

    Args:
        cls: the parameter dataclass.
        values: field name to text, number or boolean; missing fields take their default.
        prefix: put before field names in error messages, e.g. ``"train."``.

    Returns:
        An instance of `cls` whose values have the declared types and lie in their ranges.

    Raises:
        BadInput: an unknown field, a wrong type or a value out of range.
    """
    fields = {d.name: d for d in describe(cls)}
    if not isinstance(values, Mapping):
        raise BadInput(prefix.rstrip(".") or cls.__name__, "must be an object of named values", fields)
    for name in values:
        if name not in fields:
            raise BadInput(
                f"{prefix}{name}" or "''",
                "no such setting",
                [f"{prefix}{n}" for n in fields] or ["none"],
                given=f"{prefix}{name}",
            )
    return cls(**{name: coerce(fields[name], value, prefix) for name, value in values.items()})


def coerce(described: Described, value: Any, prefix: str = "") -> Any:
    """One value in its declared type and range; see `parse`."""
    name = f"{prefix}{described.name}"
    spec = described.param
    result = _to_type(name, described.type, value, spec)
    if (choices := spec.choices) and result not in choices:
        raise BadInput(name, f"{result!r} is not one of the choices", choices, given=str(result))
    if isinstance(result, int | float) and not isinstance(result, bool):
        too_low = spec.low is not None and result < spec.low
        too_high = spec.high is not None and result > spec.high
        if too_low or too_high:
            raise BadInput(name, f"{result:g} is out of range", spec.allowed())
    return result


LONGEST_TEXT = 10_000
"""Characters of one text; the longest that mean something are lists of classes and paths."""
# Control characters, which no field needs and no page can show, and halves of characters, which no file can hold.
_UNFIT = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def _checked_text(name: str, text: str) -> str:
    if len(text) > LONGEST_TEXT:
        raise BadInput(name, f"has {len(text):,} characters", [f"at most {LONGEST_TEXT:,} characters"])
    if found := _UNFIT.search(text):
        raise BadInput(name, f"holds the character {found[0]!a}, which is not text")
    return text


def _short(value: Any) -> str:
    """A value for a message, cut where it is long."""
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:100]}…"


_TRUE = {"true", "yes", "on", "1"}
_FALSE = {"false", "no", "off", "0"}


def _to_type(name: str, kind: type, value: Any, spec: Param) -> Any:
    if kind is bool:
        if isinstance(value, bool):
            return value
        if str(value).lower() in _TRUE | _FALSE:
            return str(value).lower() in _TRUE
        raise BadInput(name, f"{_short(value)} is not a yes/no value", ("true", "false"))
    if kind == tuple[str, ...]:
        texts = value.splitlines() if isinstance(value, str) else value
        if isinstance(texts, list | tuple) and all(isinstance(text, str) for text in texts):
            return tuple(_checked_text(name, text) for text in texts if text)
        raise BadInput(name, f"{_short(value)} is not a list of texts", spec.allowed())
    if kind is str:
        if isinstance(value, str):
            return _checked_text(name, value)
        raise BadInput(name, f"{_short(value)} is not text", spec.allowed())
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise BadInput(name, f"{_short(value)} is not a number", spec.allowed())
    try:
        number = float(value)
    except ValueError:
        raise BadInput(name, f"{_short(value)} is not a number", spec.allowed()) from None
    except OverflowError:
        raise BadInput(name, "has too many digits", spec.allowed()) from None
    if not math.isfinite(number):
        raise BadInput(name, f"{value!r} is not a finite number", spec.allowed())
    if kind is int:
        if number != int(number):
            raise BadInput(name, f"{value!r} is not a whole number", spec.allowed())
        return int(value) if isinstance(value, int) else int(number)
    return number
