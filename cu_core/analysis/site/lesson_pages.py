"""A lesson as a page to read: the questions with the runs of the site, each answer behind a click.

Nobody counts answers here and nothing is locked; what was measured stays folded until it is opened.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape

import numpy as np

from cu_core.analysis.compare.reading import read_run
from cu_core.analysis.erasure.measured_results import RecordedNumber, measured
from cu_core.analysis.exports.run_images import images_of
from cu_core.analysis.lesson_axes import axis_of_metric, axis_of_test
from cu_core.analysis.lesson_facts import facts_of, recorded_run, reference_values
from cu_core.analysis.recorded_signals import curves_of
from cu_core.analysis.site.html_frame import frame, said, shown
from cu_core.analysis.site.level_strip import level_strip
from cu_core.analysis.site.round_charts import round_charts
from cu_core.analysis.site.site_numbers import ATTACK, FIRST_WAY, attack_table, compared_table
from cu_core.analysis.site.site_verdict import claim_block, state_block
from cu_core.analysis.verdict_reading import verdict_of
from cu_core.base.display_text import visible
from cu_core.base.home import Home
from cu_core.catalogue.attack_record import WAYS
from cu_core.catalogue.lessons import lesson_words
from cu_core.catalogue.lessons.lesson_record import Lesson, LessonQuestion, ShownPart, Step
from cu_core.catalogue.lessons.lesson_words import Fact, Facts
from cu_core.data.images import ImageData
from cu_core.data.thumbnails import thumbnail
from cu_core.figures.attack_answer import COMPARED, attack_title, most_moved
from cu_core.runstore.reader import RunView, list_runs

LESSON = "lesson.html"
MOST_IMAGES = 24
TILE = 48
"""Side of a picture in px."""


@dataclass(frozen=True)
class SiteLesson:
    """A lesson with the runs of a site.

    Attributes:
        lesson: what is taught.
        views: the run that stands for each run of the lesson; those that none stands for are missing.
        files: page of each run by its id.
        home: where the runs live.
        images: whether pictures of samples are shown.
    """

    lesson: Lesson
    views: Mapping[str, RunView]
    files: Mapping[str, str]
    home: Home
    images: bool


def runs_of_lesson(home: Home, lesson: Lesson, run_ids: Sequence[str]) -> dict[str, str]:
    """Which run stands for each run of a lesson: one of those named where one does, else a finished one of the home."""
    rows = list_runs(home)
    named = [row for row in rows if row.run_id in run_ids]
    found = {name: recorded_run(home, wanted, named) or recorded_run(home, wanted, rows) for name, wanted in
             lesson.runs.items()}  # fmt: skip
    return {name: run_id for name, run_id in found.items() if run_id is not None}


def lesson_page(told: SiteLesson, links: str) -> str:
    """The page of a lesson.

    Args:
        told: the lesson with its runs.
        links: HTML of links to the other pages.
    """
    lesson = told.lesson
    data = {name: images_of(told.home, view) for name, view in told.views.items()}
    facts = {name: facts_of(view, _classes(data[name])) for name, view in told.views.items()}
    steps = (_step(told, number, step, facts, data) for number, step in enumerate(lesson.steps, start=1))
    body = (
        f"<header>{links}<h1>{shown(lesson.title)}</h1><p>{markup(lesson.summary)}</p>"
        f'<p class="note">{len(lesson.steps)} steps, about {lesson.minutes:g} minutes. Guess before you open what was '
        f"measured: every number comes from the runs of this site.</p></header><main>{''.join(steps)}</main>"
    )
    return frame(f"{lesson.title} · Unlearnscope", body)


def markup(text: str) -> str:
    """A paragraph of a lesson as HTML: bold and italic letters, and nothing else of Markdown."""
    # Blanks that hold a line together are no letters that `visible` keeps.
    plain = "&#160;".join(escape(visible(piece), quote=True) for piece in text.split("\N{NO-BREAK SPACE}"))
    bold = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", plain)
    return re.sub(r"\*(.+?)\*", r"<i>\1</i>", bold)


def _classes(data: ImageData | None) -> tuple[str, ...]:
    return data.classes if data is not None else ()


def _paragraphs(texts: Sequence[str]) -> str:
    return "".join(f"<p>{markup(text)}</p>" for text in texts)


def _step(
    told: SiteLesson,
    number: int,
    step: Step,
    facts: Mapping[str, Facts],
    data: Mapping[str, ImageData | None],
) -> str:
    known: dict[str, Fact] = {f"{name}/{key}": fact for name, found in facts.items() for key, fact in found.items()}
    known |= facts.get(step.run, {})
    parts = [f'<section aria-labelledby="{step.id}"><h2 id="{step.id}">{number}. {shown(step.title)}</h2>']
    view = told.views.get(step.run)
    if view is not None:
        title = shown(view.row().title)
        parts.append(f'<p class="note">Shown: <a href="{shown(told.files[view.run_id])}">{title}</a></p>')
    elif step.run:
        wanted = shown(told.lesson.runs[step.run].title)
        parts.append(f'<p class="note">No run of this site stands for “{wanted}”, so nothing can be measured here.</p>')
    parts.append(_paragraphs(lesson_words.said(step.text, known)))
    parts += _shown_parts(told, step, "question", facts, data)
    if step.question is not None:
        parts.append(_asked(step.question))
    opened = "".join(_opened(told, step, known, facts, data))
    if opened:
        parts.append(f"<details><summary>What was measured</summary>{opened}</details>" if step.question else opened)
    return "".join(parts) + "</section>"


def _asked(question: LessonQuestion) -> str:
    """The question with what may be answered."""
    if question.kind == "choice":
        options = "".join(f"<li>{markup(option.text)}</li>" for option in question.options)
        return f"<p><b>{markup(question.ask)}</b></p><ul>{options}</ul>"
    unit = _unit(question)
    return f"<p><b>{markup(question.ask)}</b> ({markup(f'{question.low:g} to {question.high:g} {unit}'.strip())})</p>"


def _unit(question: LessonQuestion) -> str:
    return question.unit or ("%" if question.percent else "")


def _opened(
    told: SiteLesson,
    step: Step,
    known: Facts,
    facts: Mapping[str, Facts],
    data: Mapping[str, ImageData | None],
) -> Iterator[str]:
    """What stands behind the click: answers, parts of pages, explanations, and what may honestly be said."""
    if step.question is not None:
        yield from _choices(step.question, known) if step.question.kind == "choice" else _numbers(step.question, known)
    yield from _shown_parts(told, step, "reveal", facts, data)
    yield _paragraphs(lesson_words.said(step.reveal, known))
    honest = lesson_words.said(step.honest, known)
    if honest:
        yield f'<div class="state"><b>What may we honestly say?</b>{_paragraphs(honest)}</div>'


def _choices(question: LessonQuestion, known: Facts) -> Iterator[str]:
    for option in question.options:
        mark = "Right" if option.right.holds(known) else "Not quite"
        why = _paragraphs(lesson_words.said(option.why, known))
        yield f"<h3>{mark}: {markup(option.text)}</h3>{why}"


def _numbers(question: LessonQuestion, known: Facts) -> Iterator[str]:
    """The number that was measured, and what is said of guesses, stretch by stretch."""
    truth = known.get(question.truth)
    if truth is None or not isinstance(truth.value, int | float):
        return
    yield f"<p>Measured: <b>{markup(truth.text)}</b></p>"
    stretches: list[tuple[float, float, tuple[int, ...]]] = []
    for guess in np.linspace(question.low, question.high, 101):
        told = dict(known) | {"truth": truth, "guess": Fact(float(guess) / question.scale, f"{guess:g}")}
        which = tuple(k for k, one in enumerate(question.explain) if one.when.holds(told))
        first = stretches.pop()[0] if stretches and stretches[-1][2] == which else float(guess)
        stretches.append((first, float(guess), which))
    for low, high, which in stretches:
        text = f"{low:g} to {high:g} {_unit(question)}" if high > low else f"{low:g} {_unit(question)}"
        named = dict(known) | {"truth": truth, "guess": Fact(low / question.scale, text)}
        words = [question.explain[k].filled(named) for k in which]
        if any(words):
            yield f"<h3>If you guessed {markup(text)}</h3>{_paragraphs([one for one in words if one])}"


def _shown_parts(
    told: SiteLesson, step: Step, when: str, facts: Mapping[str, Facts], data: Mapping[str, ImageData | None]
) -> Iterator[str]:
    several = len({part.run or step.run for part in step.parts}) > 1
    for part in step.parts:
        name = part.run or step.run
        view = told.views.get(name)
        if part.shown != when or view is None:
            continue
        content = _part(told, part, view, data[name])
        title = f"<h3>{shown(told.lesson.runs[name].title)}</h3>" if several and content else ""
        yield title + content


def _part(told: SiteLesson, part: ShownPart, view: RunView, data: ImageData | None) -> str:
    """A part of a page; what only the run's own page shows becomes a way there."""
    file = shown(told.files[view.run_id])
    if part.part == "curves":
        curves = curves_of(view, view.row().title)
        charts = [] if curves is None else round_charts(curves, part.metrics)
        figures = (f"<figure><figcaption>{shown(title)}</figcaption>{svg}</figure>" for title, svg in charts)
        return f'<div class="charts">{"".join(figures)}</div>'
    if part.part in ("before-after", "references"):
        numbers = [
            replace(n, title=axis_of_metric(n.id)) for n in measured(read_run(view), None) if n.id in part.metrics
        ]
        strips = "".join(_levels(view, n, whole=part.part == "before-after") for n in numbers)
        return f'<div class="charts">{strips}</div>{compared_table("Number", [(n.title, n) for n in numbers])}'
    if part.part == "attack":
        numbers = [
            n for n in measured(read_run(view), None) if n.id.startswith(ATTACK) and n.id.endswith(f".{FIRST_WAY}")
        ]
        return attack_table(numbers, WAYS[FIRST_WAY].title) if numbers else ""
    if part.part == "ways":
        return _fitted_when(view)
    if part.part == "verdict":
        return state_block(view, view.result() or {})
    if part.part == "claim":
        claims = (verdict_of(view.result()) or {"claims": []})["claims"]
        return "".join(claim_block(claim, axis_of_test) for claim in claims if claim["id"] == part.claim)
    if part.part == "images":
        return _pictures(view, data) if told.images and data is not None else ""
    if part.part == "boundary":
        return f'<p><a href="{file}#picture">Play the rounds, sample by sample</a></p>'
    return ""


def _fitted_when(view: RunView) -> str:
    """The attack to which it makes most difference when it was fitted, in both ways."""
    moved = most_moved((view.result() or {}).get("attacks") or {})
    if moved is None:
        return ""
    numbers = {n.id: n for n in measured(read_run(view), None)}
    told = [(WAYS[way].title, numbers.get(f"{ATTACK}{moved.attack}.{way}")) for way in COMPARED]
    rows = [(title, number) for title, number in told if number is not None]
    table = compared_table("Fitted", rows, interval=True)
    return f'<p class="note">{shown(attack_title(moved.attack))}, AUC</p>{table}'


def _levels(view: RunView, number: RecordedNumber, *, whole: bool) -> str:
    return level_strip(number, reference_values(view.result() or {}, number.id), whole=whole)


def _pictures(view: RunView, data: ImageData) -> str:
    probe = view.probe()
    chosen = probe[probe["group"] == "forget"]["sample"].head(MOST_IMAGES)
    if not len(chosen):
        return ""
    pictures = (base64.b64encode(thumbnail(data.train_images[int(sample)], TILE)).decode() for sample in chosen)
    alt = "A picture that is to be forgotten"
    images = "".join(
        f'<img alt="{alt}" width="{TILE}" height="{TILE}" src="data:image/png;base64,{one}">' for one in pictures
    )
    return (
        f'<p class="pictures">{images}</p><p class="note">{said(f"{len(chosen)} of the pictures to be forgotten")}</p>'
    )
