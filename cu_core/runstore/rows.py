"""`RunRow`, the summary of a run for lists, read from its directory."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cu_core.base.display_text import cut, one_line
from cu_core.base.errors import BadInput
from cu_core.base.files import parse_json, read_json
from cu_core.catalogue.question_record import STATES
from cu_core.catalogue.spec import RunSpec, spec_from_json
from cu_core.runstore import layout
from cu_core.runstore.annotations import read_annotations
from cu_core.runstore.state import RunState, read_state

_TAIL_BYTES = 8192
GONE = "is missing or damaged"
LONGEST_TITLE = 500
"""Characters of a stored title or message that lists show."""


@dataclass(frozen=True)
class RunRow:
    """What a list of runs shows about one of them.

    Attributes:
        run_id: of the run.
        title: what somebody called it, else its name.
        state: see `cu_core.runstore.state`.
        phase: of the latest event, while it runs.
        fraction: done part of that phase, 0 to 1; 1 for a succeeded run; None if unknown.
        seconds_left: of that phase, where known.
        submitted: unix time; 0 where nothing tells it any more.
        started: unix time at which the latest attempt began to work.
        finished: unix time of the outcome.
        dataset: as in the specification.
        backbone: as in the specification.
        forget: the forget set as in the specification.
        task: ``class`` or ``sample``.
        method: id of the method.
        seed: of the run.
        group: shared by the runs of a grid.
        demo: whether it ships with the project.
        rounds: unlearning rounds recorded (round 0, the state before, is not counted).
        metrics: metric id to value: of the result if there is one, else of the latest round.
        error: why it failed, or why an earlier attempt was lost; None if there is nothing to tell.
        attempt: number of the latest attempt; 0 if there was none.
        foreground: whether that attempt belongs to a terminal.
        owner: who launched it; empty for the owner of the home.
        imported: whether it was taken in from another home.
        copy_of: id of the run of whose folder it is a copy; empty for all others. A copy counts nowhere.
        verdict: state of its verdict, key of `cu_core.catalogue.question_record.STATES`; empty where it has none.
        tags: that somebody gave it.
        notes: that somebody wrote about it.
    """

    run_id: str
    title: str
    state: str
    phase: str | None
    fraction: float | None
    seconds_left: float | None
    submitted: float
    started: float | None
    finished: float | None
    dataset: str
    backbone: str
    forget: str
    task: str
    method: str
    seed: int
    group: str
    demo: bool
    rounds: int
    metrics: dict[str, float | None]
    error: str | None
    attempt: int
    foreground: bool
    owner: str = ""
    imported: bool = False
    copy_of: str = ""
    verdict: str = ""
    tags: list[str] = field(default_factory=list)
    notes: str = ""

    @property
    def origin(self) -> str:
        """Where it comes from, in a word or two, unless it was made here."""
        if self.copy_of:
            return f"copy of {self.copy_of}"
        return "demo" if self.demo else "imported" if self.imported else ""

    @property
    def marked_title(self) -> str:
        """The title, behind its origin."""
        return f"{self.origin} · {self.title}" if self.origin else self.title

    @property
    def damaged(self) -> bool:
        """Whether `error` says that a file which every such run has cannot be read."""
        said = self.error or ""
        return said.endswith(GONE) or said.startswith(
            (f"{layout.SPEC} cannot be used", f"{layout.SPEC} cannot be read")
        )


def read_row(run_dir: Path) -> RunRow:
    """Makes the row of a run from its files; a damaged run gets a row that says so."""
    found = read_state(run_dir)
    info = optional_json(run_dir / layout.INFO)
    written = read_annotations(run_dir)
    spec, damage = _spec(run_dir)
    event = last_event(layout.attempt_dir(run_dir, found.attempt)) if found.state == "running" else {}
    rounds = layout.numbered(run_dir / "rounds")
    result = optional_json(run_dir / layout.RESULT) if found.state == "succeeded" else {}
    return RunRow(
        run_id=run_dir.name,
        title=written.title or shown(info.get("title")) or shown(spec.title if spec else "") or run_dir.name,
        state=found.state,
        phase=event.get("phase"),
        fraction=1.0 if found.state == "succeeded" else fraction_of(event),
        seconds_left=number_or_none(event.get("seconds_left")),
        submitted=number_or_none(info.get("submitted")) or 0.0,
        started=number_or_none(found.process.get("t")) if found.state not in ("queued", "starting") else None,
        finished=found.finished,
        dataset=spec.data.dataset if spec else "",
        backbone=spec.model.backbone if spec else "",
        forget=spec.forget.select if spec else "",
        task=spec.task if spec else "",
        method=spec.method.word if spec else "",
        seed=spec.seed if spec else 0,
        group=shown(info.get("group")),
        demo=bool(info.get("demo")),
        rounds=max(rounds, default=0),
        metrics=numbers(_metrics(run_dir, found, rounds, result)),
        error=damage or _gone(found, info, result) or _error(found),
        attempt=found.attempt,
        foreground=found.foreground,
        owner=str(info.get("owner") or ""),
        imported=isinstance(info.get("imported"), dict),
        copy_of=original_of(run_dir, info),
        verdict=_verdict_state(result),
        tags=list(written.tags),
        notes=written.notes,
    )


def original_of(run_dir: Path, info: dict[str, Any] | None = None) -> str:
    """Id of the run of whose folder this is a copy; empty where its files name the folder that they lie in.

    Args:
        run_dir: the folder.
        info: its run.json, where that was read.
    """
    named = (optional_json(run_dir / layout.INFO) if info is None else info).get("run_id")
    return named if isinstance(named, str) and layout.is_run_id(named) and named != run_dir.name else ""


_LONGEST_SEARCH = 200


def mentions(row: RunRow, text: str) -> bool:
    """Whether a row holds every word of a search; case is ignored. Of a longer search the beginning is taken."""
    said = (row.run_id, row.title, row.method, row.forget, row.dataset, row.backbone, row.group, row.owner)
    words = " ".join((*said, *row.tags, row.notes)).lower()
    return all(word in words for word in text[:_LONGEST_SEARCH].lower().split())


def fraction_of(event: dict[str, Any]) -> float | None:
    """Done part of the phase of an event; None if its length is not known."""
    done, total = number_or_none(event.get("done")), number_or_none(event.get("total"))
    if done is None or total is None or total <= 0:
        return None
    return min(max(done / total, 0.0), 1.0)


def last_event(attempt_dir: Path) -> dict[str, Any]:
    """The latest whole event of an attempt; empty if there is none."""
    try:
        with (attempt_dir / layout.EVENTS).open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _TAIL_BYTES))
            lines = file.read().split(b"\n")
    except FileNotFoundError:
        return {}
    for line in reversed(lines):
        event = parse_event(line)
        if event is not None:
            return event
    return {}


def parse_event(line: bytes) -> dict[str, Any] | None:
    """One line of events.jsonl; None if it is torn or foreign."""
    try:
        event = parse_json(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and isinstance(event.get("phase"), str) else None


def shown(value: Any) -> str:
    """A stored text of free form as one visible line of bounded length; empty for anything else."""
    return cut(one_line(value), LONGEST_TITLE) if isinstance(value, str) else ""


def number_or_none(value: Any) -> float | None:
    """A stored number; None for anything else."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def numbers(values: Any) -> dict[str, float | None]:
    """A stored table of metrics: numbers and nothing by name; what is neither becomes nothing."""
    return {str(name): number_or_none(value) for name, value in values.items()} if isinstance(values, dict) else {}


def optional_json(path: Path) -> dict[str, Any]:
    """A JSON object; empty where it is missing or damaged."""
    try:
        content = read_json(path)
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _spec(run_dir: Path) -> tuple[RunSpec | None, str | None]:
    try:
        return spec_from_json(read_json(run_dir / layout.SPEC)), None
    except BadInput as error:
        return None, f"{layout.SPEC} cannot be used: {error}"
    except (OSError, ValueError) as error:
        return None, f"{layout.SPEC} cannot be read: {error}"


def _verdict_state(result: dict[str, Any]) -> str:
    verdict = result.get("verdict")
    state = verdict.get("state") if isinstance(verdict, dict) else None
    return state if isinstance(state, str) and state in STATES else ""


def _metrics(run_dir: Path, found: RunState, rounds: list[int], result: dict[str, Any]) -> dict[str, Any]:
    if found.state == "succeeded":
        # Numbers of the latest round are those of other samples; they do not stand in for a result that is damaged.
        metrics = result.get("metrics")
        after = metrics.get("after") if isinstance(metrics, dict) else None
        return after if isinstance(after, dict) else {}
    for number in reversed(rounds):
        metrics = optional_json(run_dir / "rounds" / str(number) / layout.MANIFEST).get("metrics")
        if isinstance(metrics, dict):
            return metrics
    return {}


def _gone(found: RunState, info: dict[str, Any], result: dict[str, Any]) -> str | None:
    """Which of the small files that every such run has is missing or beyond reading; None if none is."""
    if not info:
        return f"{layout.INFO} {GONE}"
    lacks = found.state == "succeeded" and not isinstance(result.get("metrics"), dict)
    return f"{layout.RESULT} {GONE}" if lacks else None


def _error(found: RunState) -> str | None:
    if found.error:
        return shown(found.error.get("message")) or shown(found.error.get("kind")) or "failed"
    return found.note or None
