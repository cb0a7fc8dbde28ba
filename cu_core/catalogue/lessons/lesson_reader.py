"""Reads lessons from YAML files, strictly: what is wrong is named with file, step, field and what may stand there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from cu_core.base.errors import BadInput
from cu_core.base.home import Home
from cu_core.base.installation import dashboard_folder
from cu_core.catalogue.glossary import TERMS
from cu_core.catalogue.glossary.misconceptions import MISCONCEPTIONS
from cu_core.catalogue.lessons.lesson_record import (
    CONTROLS,
    KINDS_OF_QUESTION,
    PARTS,
    WHEN,
    Lesson,
    LessonQuestion,
    LessonRun,
    LiveRun,
    Option,
    ShownPart,
    Step,
)
from cu_core.catalogue.lessons.lesson_words import Condition, Paragraph
from cu_core.catalogue.metric_record import METRICS
from cu_core.catalogue.presets import PRESETS
from cu_core.catalogue.question_record import QUESTIONS
from cu_core.catalogue.spec import RunSpec, spec_from_json

MOST_BYTES = 200_000
MOST_STEPS = 60
MOST_OPTIONS = 6
MOST_MINUTES = 120.0
_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
SHIPPED = "lessons"


class _NoAliases(yaml.SafeLoader):
    """The safe loader without aliases: a few nested ones make gigabytes of a small file."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            raise yaml.composer.ComposerError(None, None, "lessons do without aliases (*name)", event.start_mark)
        return super().compose_node(parent, index)


def shipped_folder() -> Path:
    """Where the lessons lie that come with the program."""
    return dashboard_folder() / "assets" / SHIPPED


def own_folder(home: Home) -> Path:
    """Where a lecturer's own lessons lie."""
    return home.root / "lessons"


def lesson_files(home: Home) -> dict[str, Path]:
    """Files of all lessons by id, the shipped ones first; a file of one's own takes the place of one of that name."""
    found: dict[str, Path] = {}
    for folder in (shipped_folder(), own_folder(home)):
        found |= {path.stem: path for path in sorted(folder.glob("*.yaml")) if _ID.fullmatch(path.stem)}
    return found


def lesson_of(home: Home, name: str) -> Lesson:
    """A lesson by its id.

    Raises:
        BadInput: no such lesson, or its file cannot be read.
    """
    files = lesson_files(home)
    if name not in files:
        raise BadInput("lesson", f"no lesson is called {name!r}", files, given=name)
    return read_lesson(files[name])


def read_lesson(path: Path) -> Lesson:
    """A lesson from its file.

    Raises:
        BadInput: too large, no YAML, or something in it cannot be used.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise BadInput(path.name, f"cannot be read: {error.strerror}") from error
    if len(content) > MOST_BYTES:
        raise BadInput(path.name, f"has more than {MOST_BYTES // 1000} kB", (f"at most {MOST_BYTES // 1000} kB",))
    return lesson_from_text(content, path.stem, path.name)


def lesson_from_text(content: bytes | str, name: str, file: str) -> Lesson:
    """A lesson from the content of its file.

    Args:
        content: YAML.
        name: its id.
        file: named in errors.

    Raises:
        BadInput: no YAML, or something in it cannot be used.
    """
    try:
        # Makes texts, numbers, lists and mappings, and runs nothing.
        found = yaml.load(content, _NoAliases)  # noqa: S506 - a safe loader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        where = getattr(error, "problem_mark", None)
        line = f" near line {where.line + 1}" if where is not None else ""
        why = getattr(error, "problem", None) or "it cannot be parsed"
        raise BadInput(file, f"is no YAML for a lesson{line}: {why}") from error
    if not _ID.fullmatch(name):
        raise BadInput(file, "its name is none that an address can hold", ("small letters, digits and hyphens",))
    fields = _Fields(found, file, ("title", "summary", "runs", "steps"))
    runs = {key: _run(key, value, f"{file}: runs.{key}") for key, value in fields.mapping("runs").items()}
    lines = fields.list("steps", MOST_STEPS)
    steps = tuple(_step(line, f"{file}: step {number}", runs) for number, line in enumerate(lines, 1))
    if not steps:
        raise BadInput(f"{file}: steps", "there is none", ("a list of steps",))
    names = [step.id for step in steps]
    if twice := next((step for step in names if names.count(step) > 1), ""):
        raise BadInput(f"{file}: steps", f"two have the id {twice!r}", ("ids that differ",))
    return Lesson(name, fields.text("title"), fields.text("summary"), runs, steps)


class _Fields:
    """A mapping of the file whose fields are taken one by one."""

    def __init__(self, found: Any, where: str, known: tuple[str, ...]) -> None:
        if not isinstance(found, Mapping):
            raise BadInput(where, "is no mapping of fields", known)
        for key in found:
            if key not in known:
                raise BadInput(where, f"does not know the field {str(key)[:60]!r}", known, given=str(key))
        self.found, self.where = found, where

    def at(self, name: str) -> str:
        return f"{self.where}: {name}"

    def text(self, name: str, default: str | None = None) -> str:
        value = self.found.get(name, default)
        if not isinstance(value, str) or (default is None and not value.strip()):
            raise BadInput(self.at(name), "is no text" if name in self.found else "is missing", ("a text",))
        return value.strip()

    def one_of(self, name: str, allowed: tuple[str, ...], default: str) -> str:
        value = self.text(name, default)
        if value not in allowed:
            raise BadInput(self.at(name), f"{value!r} is not known", allowed, given=value)
        return value

    def number(self, name: str, default: float | None, low: float, high: float) -> float:
        value = self.found.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            said = "is missing" if value is None else f"{value!r} is no such number"
            raise BadInput(self.at(name), said, (f"{low:g} to {high:g}",))
        return float(value)

    def mapping(self, name: str) -> Mapping[str, Any]:
        value = self.found.get(name, {})
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            raise BadInput(self.at(name), "is no mapping", ("name: value",))
        return value

    def list(self, name: str, most: int) -> list[Any]:
        value = self.found.get(name, [])
        if not isinstance(value, list) or len(value) > most:
            raise BadInput(self.at(name), "is no list, or a longer one", (f"a list of at most {most}",))
        return value

    def names(self, name: str, allowed: Mapping[str, Any]) -> tuple[str, ...]:
        for value in (values := self.list(name, 20)):
            # What is no text, a list within the list say, cannot even be looked up.
            if not isinstance(value, str) or value not in allowed:
                raise BadInput(self.at(name), f"{value!r} is not known", allowed, given=str(value))
        return tuple(values)

    def paragraphs(self, name: str) -> tuple[Paragraph, ...]:
        """A text, or a list of texts and of ``{when, text}``."""
        value = self.found.get(name, [])
        found = []
        for place, line in enumerate([value] if isinstance(value, str | Mapping) else self.list(name, 40), 1):
            if isinstance(line, str):
                found.append(Paragraph.read(line.strip(), "", self.at(name)))
                continue
            inner = _Fields(line, f"{self.at(name)} {place}", ("when", "text"))
            found.append(Paragraph.read(inner.text("text"), inner.text("when"), inner.where))
        return tuple(found)


def _run(name: str, found: Any, where: str) -> LessonRun:
    if not _ID.fullmatch(name):
        raise BadInput(where, "its name is no id", ("small letters, digits and hyphens",))
    fields = _Fields(found, where, ("title", "find", "live"))
    live = tuple(_live(line, f"{where}.live") for line in fields.list("live", 4))
    given = fields.mapping("find")
    wanted = {key: tuple(value) if isinstance(value, list) else (value,) for key, value in given.items()}
    plain = RunSpec().to_json()
    for key, values in wanted.items():
        part, _, rest = key.partition(".")
        parts = plain.get(part)
        known = key == "method.id" or (not rest and key in plain) or (isinstance(parts, dict) and rest in parts)
        if not known or not values or not all(isinstance(value, str | int | float | bool) for value in values):
            raise BadInput(fields.at("find"), f"{key!r} is no setting with a value", ("forget.select: class:5",))
    if not wanted:
        raise BadInput(fields.at("find"), "is missing", ("settings by which a finished run is found",))
    return LessonRun(name, fields.text("title"), wanted, live)


def _live(found: Any, where: str) -> LiveRun:
    fields = _Fields(found, where, ("preset", "change"))
    name = fields.text("preset")
    if name not in PRESETS:
        raise BadInput(fields.at("preset"), f"{name!r} is not known", PRESETS, given=name)
    content = PRESETS[name].spec.to_json()
    for key, value in fields.mapping("change").items():
        part, _, rest = key.partition(".")
        if key == "method.id":
            # The settings of one method mean nothing to another.
            content["method"] = {"id": value}
        elif rest and isinstance(content.get(part), dict):
            inner = content[part] if part != "method" else content[part].setdefault("params", {})
            inner[rest] = value
        else:
            content[key] = value
    try:
        return LiveRun(spec_from_json(content), name)
    except BadInput as error:
        raise BadInput(f"{fields.at('change')}: {error.field}", error.reason, error.allowed) from error


_STEP = ("id", "title", "minutes", "run", "text", "parts", "control", "question", "reveal", "honest", "terms")
BELIEFS = {misconception.id: misconception for misconception in MISCONCEPTIONS}


def _step(found: Any, where: str, runs: Mapping[str, LessonRun]) -> Step:
    fields = _Fields(found, where, (*_STEP, "answers_misconception"))
    name = fields.text("id")
    if not _ID.fullmatch(name) or name.isdecimal():
        raise BadInput(fields.at("id"), f"{name!r} is no id", ("small letters, digits and hyphens",))
    where = f"{where} ({name})"
    fields = _Fields(found, where, (*_STEP, "answers_misconception"))
    run = fields.text("run", "")
    if run and run not in runs:
        raise BadInput(fields.at("run"), f"{run!r} is no run of the lesson", runs, given=run)
    parts = tuple(_part(part, f"{fields.at('parts')} {k}", runs) for k, part in enumerate(fields.list("parts", 6), 1))
    asked = fields.found.get("question")
    step = Step(
        name,
        fields.text("title"),
        fields.number("minutes", None, 0.0, MOST_MINUTES),
        run,
        fields.paragraphs("text"),
        parts,
        fields.one_of("control", CONTROLS, "none"),
        None if asked is None else _question(asked, fields.at("question")),
        fields.paragraphs("reveal"),
        fields.paragraphs("honest"),
        fields.names("terms", TERMS),
        fields.names("answers_misconception", BELIEFS),
    )
    if not run and any(not part.run for part in parts):
        raise BadInput(fields.at("run"), "is missing, and a part needs one", runs)
    for other in sorted(name.partition("/")[0] for name in _named(step) if "/" in name):
        if other not in runs:
            raise BadInput(where, f"speaks of a run {other!r}", runs, given=other)
    return step


def _named(step: Step) -> set[str]:
    """All facts that a step names."""
    texts = [*step.text, *step.reveal, *step.honest]
    names: set[str] = set()
    if step.question is not None:
        texts += step.question.explain
        for option in step.question.options:
            texts += option.why
            names |= option.right.names()
    return names.union(*(paragraph.names() for paragraph in texts))


def _part(found: Any, where: str, runs: Mapping[str, LessonRun]) -> ShownPart:
    fields = _Fields(found, where, ("part", "run", "metrics", "claim", "round", "shown"))
    part = fields.one_of("part", PARTS, "")
    run = fields.text("run", "")
    if run and run not in runs:
        raise BadInput(fields.at("run"), f"{run!r} is no run of the lesson", runs, given=run)
    claim = fields.text("claim", "")
    if (part == "claim" or claim) and claim not in QUESTIONS:
        raise BadInput(fields.at("claim"), f"{claim!r} is no question of the verdict", QUESTIONS, given=claim)
    metrics = fields.names("metrics", METRICS)
    if part in ("before-after", "references") and not metrics:
        raise BadInput(fields.at("metrics"), "is missing", METRICS)
    number = int(fields.number("round", -1, -1, 100_000))
    return ShownPart(part, run, metrics, claim, number, fields.one_of("shown", WHEN, "reveal"))


def _question(found: Any, where: str) -> LessonQuestion:
    known = ("kind", "ask", "low", "high", "start", "unit", "truth", "near", "explain", "options")
    fields = _Fields(found, where, known)
    kind, ask = fields.one_of("kind", KINDS_OF_QUESTION, ""), fields.text("ask")
    if kind == "choice":
        lines = fields.list("options", MOST_OPTIONS)
        if len(lines) < 2:
            raise BadInput(fields.at("options"), "are fewer than two", (f"2 to {MOST_OPTIONS} options",))
        options = tuple(_option(line, f"{fields.at('options')} {k}") for k, line in enumerate(lines, 1))
        return LessonQuestion(kind, ask, percent=False, options=options)
    unit = fields.text("unit", "%")
    low, high = fields.number("low", 0.0, -1e9, 1e9), fields.number("high", 100.0, -1e9, 1e9)
    if low >= high:
        raise BadInput(fields.at("high"), f"{high:g} is not above low", (f"more than {low:g}",))
    return LessonQuestion(
        kind,
        ask,
        unit == "%",
        low,
        high,
        fields.number("start", (low + high) / 2, low, high),
        unit,
        fields.text("truth"),
        fields.number("near", 5.0, 0.0, high - low),
        fields.paragraphs("explain"),
    )


def _option(found: Any, where: str) -> Option:
    fields = _Fields(found, where, ("text", "right", "when", "why"))
    right = fields.found.get("right", False)
    if not isinstance(right, bool):
        raise BadInput(fields.at("right"), f"{right!r} is neither true nor false", ("true", "false"))
    when = fields.text("when", "")
    if when and "right" in fields.found:
        raise BadInput(fields.at("when"), "says when it is right, and so does right", ("one of the two",))
    # What never holds is never right.
    condition = Condition.read(when, fields.at("when")) if when else Condition() if right else Condition("0 > 1")
    why = fields.paragraphs("why")
    if not why:
        raise BadInput(fields.at("why"), "is missing", ("an explanation for whoever chooses it",))
    return Option(fields.text("text"), condition, why)
