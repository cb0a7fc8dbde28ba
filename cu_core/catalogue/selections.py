"""Selections of forget sets as text: grammar, kinds and their records; resolved to indices in `cu_core.data`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cu_core.base.errors import BadInput
from cu_core.base.registry import Registry
from cu_core.catalogue.class_names import FIELD, NUMBER, class_labels


@dataclass(frozen=True)
class Selection:
    """A forget set in words, checked for form only.

    Attributes:
        kind: id of a `ForgetKind`.
        values: what stood behind the colon, as the kind took it apart.
    """

    kind: str
    values: tuple[str, ...] = ()

    @property
    def record(self) -> ForgetKind:
        """What is known of its kind."""
        return FORGET_KINDS.named(self.kind)

    @property
    def task(self) -> str:
        """``"class"`` if whole classes are forgotten, else ``"sample"``."""
        return self.record.task

    @property
    def classes(self) -> tuple[str, ...]:
        """Texts with names or numbers of classes, see `class_labels`; empty where its values are something else."""
        return self.values if any(i.kind == "classes" for i in self.record.inputs) else ()

    def labels(self, classes: Sequence[str]) -> tuple[int, ...]:
        """Labels of the classes that it names; empty where it names none, or one that is not among them."""
        try:
            return tuple(label for text in self.classes for label in class_labels(text, classes))
        except BadInput:
            return ()

    @property
    def file(self) -> str:
        """The file that it names; empty where it names none."""
        return self.values[0] if self.record.file else ""


@dataclass(frozen=True)
class Input:
    """A widget of the form for one value behind the colon.

    Attributes:
        name: of the form's field; kinds may share one.
        label: shown beside it.
        kind: ``"number"`` (a whole one), ``"share"``, ``"text"``, ``"classes"`` (the names of some) or ``"file"``.
        default: what it starts with.
        step: of the buttons of a number.
        help: one sentence; empty for none.
    """

    name: str
    label: str
    kind: str
    default: Any
    step: float = 1
    help: str = ""

    def read(self, value: str) -> Any:
        """A value of a selection as the widget holds it."""
        return {"number": int, "share": float}.get(self.kind, str)(value)

    def write(self, value: Any) -> str:
        """What the widget holds as it stands in a selection."""
        return f"{value:g}" if self.kind == "share" else str(value)


@dataclass(frozen=True)
class Known:
    """What an estimate knows of a dataset.

    Attributes:
        train: training samples.
        classes: number of classes; 0 where nobody knows.
        label_noise: share of wrong labels.
        names: of the classes by label; empty where nobody knows.
    """

    train: int
    classes: int
    label_noise: float
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Draw:
    """What a forget set depends on besides the images.

    Attributes:
        seed: decides random draws.
        base: folder that relative file names start from.
        scores: folder that keeps what takes long to work out; None keeps nothing.
        progress: called with (done, total, message); may raise to cancel.
    """

    seed: int
    base: Path
    scores: Path | None
    progress: Callable[[int, int, str], None]


@dataclass(frozen=True)
class Chosen:
    """The training samples that a forget set names.

    Attributes:
        indices: (k,) integers, sorted and distinct.
        classes: labels of the forgotten classes, where whole ones are forgotten.
        duplicates: how many entries of a file were dropped because they repeat others.
    """

    indices: np.ndarray
    classes: tuple[int, ...] = ()
    duplicates: int = 0


@dataclass(frozen=True)
class Lacking:
    """Why a kind of forget set is not to be had.

    Attributes:
        needs: what is missing, in two or three words.
        reason: the same as a sentence.
    """

    needs: str
    reason: str


@dataclass(frozen=True)
class Told:
    """What a preview adds to the pictures of a forget set.

    Attributes:
        words: how the samples were chosen, and how far that can be trusted.
        order: the same indices in the order to show them.
    """

    words: str
    order: np.ndarray


@dataclass(frozen=True)
class ForgetKind:
    """One way to say which training samples are forgotten.

    Attributes:
        id: what stands before the colon.
        title: name shown to people.
        summary: one or two sentences.
        forms: examples of how it is typed.
        choose: from values, a `cu_core.data.images.ImageData` and a `Draw` to `Chosen`. NumPy alone, since the launch
            page previews with it, and the same on every machine: round what decides, let ties go to the lower index.
        parse: from the text behind the colon to values, without looking at data; raises `BadInput`. None where there
            is no text behind a colon.
        task: ``"class"`` if whole classes are forgotten, else ``"sample"``.
        rule: stopping rule that ``auto`` stands for.
        inputs: the form's widgets, one per value.
        says_all: whether those make the summary superfluous beside them.
        count: from values and `Known` to the number of samples, None where that cannot be known.
        why_not: from a `DataSpec` and the kind of the training objective to what is lacking.
        drawn: whether the seed decides which samples they are.
        costly: whether `choose` takes a moment although nothing but images and text decide, so that a page keeps it.
        fits: raises `BadInput` where the values cannot be had from the data, without choosing; for kinds that take long
            to choose. None lets `choose` say it.
        ready: whether what takes long to work out lies in a folder already, from data and folder.
        prepare: works that out, from data, folder and progress; returns facts to print.
        tell: from values, data, indices (k,) and the folder to what a preview adds.
    """

    id: str
    title: str
    summary: str
    forms: tuple[str, ...]
    choose: Callable[..., Chosen]
    parse: Callable[[str], tuple[str, ...]] | None = None
    task: str = "sample"
    rule: str = "sample"
    inputs: tuple[Input, ...] = ()
    says_all: bool = False
    count: Callable[[tuple[str, ...], Known], int | None] | None = None
    why_not: Callable[[Any, str], Lacking | None] | None = None
    drawn: bool = False
    costly: bool = False
    fits: Callable[..., None] | None = None
    ready: Callable[..., bool] | None = None
    prepare: Callable[..., Mapping[str, Any]] | None = None
    tell: Callable[..., Told | None] | None = None

    @property
    def file(self) -> bool:
        """Whether its value is a file of the user's."""
        return any(i.kind == "file" for i in self.inputs)

    def lacking(self, data: Any, objective: str) -> Lacking | None:
        """What a `DataSpec` and a kind of training objective lack for it; None if nothing."""
        return self.why_not(data, objective) if self.why_not else None


FORGET_KINDS: Registry[ForgetKind] = Registry(
    "kind of forget set", ForgetKind, field=FIELD, group="unlearnscope.forget_kinds"
)


def forms() -> list[str]:
    """Every way to type a forget set, by example."""
    return [form for kind in FORGET_KINDS.values() for form in kind.forms]


def parse_selection(text: str) -> Selection:
    """Checks the form of a forget set without looking at any data.

    Args:
        text: such as one of `forms`.

    Raises:
        BadInput: not one of the forms, or a number that no dataset could satisfy.
    """
    kind, colon, rest = text.strip().partition(":")
    rest = rest.strip()
    if kind not in FORGET_KINDS:
        known = f"{text!r} is not a forget set"
        raise BadInput(FIELD, FORGET_KINDS.why_not(kind) if kind in FORGET_KINDS.broken else known, forms(), given=text)
    parse = FORGET_KINDS[kind].parse
    if parse is None:
        if colon:
            raise BadInput(FIELD, f"{kind} takes nothing behind a colon", forms())
        return Selection(kind)
    if not rest:
        raise BadInput(FIELD, f"{kind} needs a value behind a colon", forms())
    return Selection(kind, parse(rest))


def task_of(text: str) -> str:
    """The task of a forget set: ``"sample"`` also where nobody knows its kind, as that of a plug-in that is gone."""
    kind = text.strip().partition(":")[0]
    return FORGET_KINDS[kind].task if kind in FORGET_KINDS else "sample"


def whole_number(kind: str, text: str) -> tuple[str, ...]:
    """A number of samples behind the colon, for `ForgetKind.parse`.

    Raises:
        BadInput: it is none.
    """
    if not (NUMBER.fullmatch(text) and int(text) > 0):
        raise BadInput(FIELD, f"{kind}:{text} is not a whole number of samples", (f"{kind}:1 or more",))
    return (text,)


def fewer(count: int, total: int) -> int:
    """The count, which leaves something of the total.

    Raises:
        BadInput: it does not.
    """
    if count >= total:
        raise BadInput(FIELD, f"{count} of {total} training samples leaves nothing to retain", [f"1 to {total - 1}"])
    return count
