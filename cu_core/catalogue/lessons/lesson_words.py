"""Sentences of a lesson: placeholders that a run fills, and conditions under which a sentence is true of it."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cu_core.base.errors import BadInput

_NAME = r"[a-z][a-z0-9_.-]*[a-z0-9]"
_PLACE = re.compile(r"\{([^{}]*)\}")
_FACT = rf"(?:[a-z0-9]+(?:-[a-z0-9]+)*/)?{_NAME}"
_SIDE = rf"(?:-?\d+(?:\.\d+)?|{_FACT})(?: [+-] \d+(?:\.\d+)?)?"
_COMPARED = re.compile(rf"({_SIDE}) (<=|>=|<|>) ({_SIDE})")
_STATED = re.compile(rf"({_FACT}) (is not|is) ([A-Za-z0-9_-]+)")
_KNOWN = re.compile(rf"(not )?known ({_FACT})")
_ORDER: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
FORMS = ("forget_acc.after < 0.05", "guess > truth + 0.05", "verdict.state is differs", "known verdict.state")
"""What a condition may look like; several are joined by `` and ``."""


@dataclass(frozen=True)
class Fact:
    """Something that is known of a run.

    Attributes:
        value: a number, or a text.
        text: as people read it.
    """

    value: float | str
    text: str


Facts = Mapping[str, Fact]
"""By name; those of another run of the lesson behind its id and a slash."""


@dataclass(frozen=True)
class Condition:
    """When something is true of a run; always where it is empty.

    Attributes:
        text: as it was written, already checked.
    """

    text: str = ""

    @classmethod
    def read(cls, text: str, field: str) -> Condition:
        """A condition from a lesson's file.

        Raises:
            BadInput: it is none.
        """
        for piece in text.split(" and "):
            if not any(form.fullmatch(piece) for form in (_COMPARED, _STATED, _KNOWN)):
                raise BadInput(field, f"{piece!r} is no condition", FORMS)
        return cls(text)

    def names(self) -> set[str]:
        """The facts that it asks for, without those of the question itself."""
        if not self.text:
            return set()
        found: set[str] = set()
        for piece in self.text.split(" and "):
            if match := _COMPARED.fullmatch(piece):
                sides = (side.split(" ")[0] for side in (match[1], match[3]))
                found |= {side for side in sides if not re.fullmatch(r"-?[\d.]+", side)}
            elif match := _STATED.fullmatch(piece):
                found.add(match[1])
            elif match := _KNOWN.fullmatch(piece):
                found.add(match[2])
        return found - {"guess", "truth"}

    def holds(self, facts: Facts) -> bool:
        """Whether it is true; false where something that it asks for is not known."""
        return not self.text or all(_holds(piece, facts) for piece in self.text.split(" and "))


def _holds(piece: str, facts: Facts) -> bool:
    if match := _KNOWN.fullmatch(piece):
        return (match[2] in facts) != bool(match[1])
    if match := _STATED.fullmatch(piece):
        fact = facts.get(match[1])
        return fact is not None and (str(fact.value) == match[3]) == (match[2] == "is")
    match = _COMPARED.fullmatch(piece)
    if match is None:
        raise ValueError(f"{piece!r} was not checked")
    left, right = _number(match[1], facts), _number(match[3], facts)
    return left is not None and right is not None and _ORDER[match[2]](left, right)


def _number(side: str, facts: Facts) -> float | None:
    name, _, more = side.partition(" ")
    if re.fullmatch(r"-?[\d.]+", name):
        value: float | str = float(name)
    elif name in facts:
        value = facts[name].value
    else:
        return None
    if not isinstance(value, int | float):
        return None
    return value + float(more.replace(" ", "")) if more else float(value)


@dataclass(frozen=True)
class Paragraph:
    """A paragraph in Markdown.

    Attributes:
        text: with placeholders in braces, such as ``{forget_acc.after}``.
        when: it is true of the run.
    """

    text: str
    when: Condition = Condition()

    @classmethod
    def read(cls, text: str, when: str, field: str) -> Paragraph:
        """A paragraph from a lesson's file.

        Raises:
            BadInput: a placeholder or the condition cannot be read.
        """
        for name in _PLACE.findall(text):
            if not re.fullmatch(_FACT, name):
                raise BadInput(field, f"{{{name}}} is no placeholder", ("{forget_acc.after}", "{RUN/forget_acc.after}"))
        return cls(text, Condition.read(when, f"{field}.when") if when else Condition())

    def names(self) -> set[str]:
        """The facts that it names."""
        return set(_PLACE.findall(self.text)) | self.when.names()

    def filled(self, facts: Facts) -> str | None:
        """The text with the run's numbers; None where it is not true of the run, or needs what is not known of it."""
        wanted = _PLACE.findall(self.text)
        if not self.when.holds(facts) or any(name not in facts for name in wanted):
            return None
        return _PLACE.sub(lambda match: facts[match[1]].text, self.text)


def said(paragraphs: Iterable[Paragraph], facts: Facts) -> list[str]:
    """Those paragraphs that are true of a run, filled."""
    return [text for paragraph in paragraphs if (text := paragraph.filled(facts)) is not None]
