"""The parts of pages that a step shows, each with the answer that was given drawn into it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from cu_core.analysis.lesson_axes import axis_of_metric, axis_of_test
from cu_core.analysis.lesson_facts import reference_values
from cu_core.analysis.recorded_signals import curves_of
from cu_core.analysis.scenes import Shown
from cu_core.analysis.verdict_reading import decisive_test, finding_of, verdict_of, worst_first
from cu_core.catalogue.lessons.lesson_record import ShownPart
from cu_core.catalogue.lessons.lesson_words import Facts
from cu_core.catalogue.metric_record import METRICS
from cu_core.catalogue.question_record import STATES
from cu_core.catalogue.verdict_states import SHAPES
from cu_core.figures.attack_answer import COMPARED, Attacks, most_moved
from cu_core.figures.attack_overview import number_of, overview, overview_alt
from cu_core.figures.curves import curves, curves_alt
from cu_core.figures.lesson_levels import LevelRow, add_guess, levels, levels_alt
from cu_core.runstore.reader import RunView
from pages._drift.drift_scenes import boundary_scene, key_of, samples_of
from pages._drift.drift_viewer import drift_viewer
from pages._learn.lesson_pictures import forgotten_pictures
from pages._shared.chart_bar import show_chart
from pages._shared.plain_text import plain
from pages._shared.recorded_rounds import class_names, probe_of, probe_sprite, wanted_round
from pages._shared.server_home import home
from pages._shared.verdict_badge import BADGES, verdict_badge

POINTS = 1200
"""Samples drawn in a lesson's viewer."""

MOST_ATTACKS = 3
"""That are drawn at once: the strongest ones, and the weakest."""

ATTACKED = {("before", "refitted"): "Before", ("after", "refitted"): "After", ("reference", "refitted"): "Retrained"}
"""What is drawn of them: the attacker who fits anew to each model."""

FITTED = [("before", "refitted"), *(("after", way) for way in COMPARED), *(("reference", way) for way in COMPARED)]
"""What is drawn of one that is fitted at different times."""

INTERVALS = "Lines are 95 % intervals: with other pictures of the same kind, the number might lie there."


@dataclass(frozen=True)
class Drawn:
    """What a part is drawn from.

    Attributes:
        part: as the lesson asks for it.
        view: its run.
        facts: of that run.
        guess: answer that was given, in the unit of the truth; None where there is none to draw.
        truth: fact that answers the question.
        text_size: of charts, in px.
        key: of the part's widgets.
    """

    part: ShownPart
    view: RunView
    facts: Facts
    guess: float | None
    truth: str
    text_size: int
    key: str

    def guess_at(self, metric: str) -> float | None:
        """The answer, where the question was about this metric."""
        return self.guess if self.truth.rpartition("/")[2].partition(".")[0] == metric else None

    def number(self, name: str) -> float | None:
        """A number of the run; None where it is not known."""
        fact = self.facts.get(name)
        return float(fact.value) if fact is not None and isinstance(fact.value, int | float) else None


def draw_part(drawn: Drawn) -> None:
    """Draws a part, or says why it cannot be drawn."""
    _DRAWERS[drawn.part.part](drawn)


def _before_after(drawn: Drawn) -> None:
    for metric in drawn.part.metrics:
        rows = [
            LevelRow(label, (value,), METRICS[metric].group, hollow=when == "before")
            for label, when in (("Before", "before"), ("After", "after"))
            if (value := drawn.number(f"{metric}.{when}")) is not None
        ]  # fmt: skip
        rows += _retrained(drawn, metric)
        _levels(drawn, rows, axis_of_metric(metric), METRICS[metric].percent, drawn.guess_at(metric), metric)


def _references(drawn: Drawn) -> None:
    for metric in drawn.part.metrics:
        rows = _retrained(drawn, metric)
        rows += [
            LevelRow("Unlearned", (value,), METRICS[metric].group)
            for value in [drawn.number(f"{metric}.after")]
            if value is not None
        ]
        title, percent = axis_of_metric(metric), METRICS[metric].percent
        # Eight models that nearly agree would be one dot on an axis from 0 to 100 %.
        factor = 100.0 if percent else 1.0
        scaled = [
            LevelRow(
                row.label, tuple(factor * v for v in row.values), row.group,
                low=None if row.low is None else factor * row.low, high=None if row.high is None else factor * row.high,
            )
            for row in rows
        ]  # fmt: skip
        _levels(drawn, scaled, f"{title}{', in %' if percent else ''}", False, None, metric)


def _retrained(drawn: Drawn, metric: str) -> list[LevelRow]:
    values = reference_values(drawn.view.result() or {}, metric)
    if not values:
        return []
    low, high = drawn.number(f"{metric}.low"), drawn.number(f"{metric}.high")
    return [LevelRow("Retrained", tuple(values), "reference", low=low, high=high)]


def _levels(
    drawn: Drawn, rows: list[LevelRow], title: str, percent: bool, guess: float | None, key: str, **more: Any
) -> None:
    if not rows:
        st.caption(f"{title}: this run has not measured it.")
        return
    figure = levels(rows, title, percent=percent, guess=guess, text_size=drawn.text_size, **more)
    words = levels_alt(rows, title, percent=percent, guess=guess)
    show_chart(figure, key=f"{drawn.key}_{key}", alt=words, tools=False)


def _curves(drawn: Drawn) -> None:
    found = curves_of(drawn.view, drawn.view.row().title)
    if found is None:
        st.caption("Curves appear with the first round.")
        return
    metrics = [metric for metric in drawn.part.metrics if found.has(metric)] or None
    figure = curves([found], metrics, columns=3, height=280)
    if metrics and (guess := drawn.guess_at(metrics[0])) is not None:
        add_guess(figure, guess, percent=METRICS[metrics[0]].percent, text_size=drawn.text_size, upright=False)
    show_chart(figure, key=f"{drawn.key}_curves", alt=curves_alt([found], metrics), tools=False)
    asked, measured = drawn.facts.get("forget_count"), found.counts.get("forget")
    if asked is not None and measured is not None:
        of = f"all {asked.text}" if measured == asked.value else f"{measured:,} of the {asked.text}"
        st.caption(f"Measured after each round on {of} pictures that are to be forgotten.")


def _boundary(drawn: Drawn) -> None:
    view, rounds = drawn.view, drawn.view.rounds()
    if not rounds or "boundary" not in view.manifest(rounds[0])["arrays"]:
        st.caption("This run has no distances to the boundary to show.")
        return
    root = str(home().root)
    seeds = view.references()
    shown = Shown(view, rounds, seeds[0] if seeds else None, None, POINTS, class_names(root, view.run_id))
    samples = samples_of(shown)
    asked = drawn.part.round
    drift_viewer(
        boundary_scene(shown),
        samples,
        key="lesson",
        run_id=view.run_id,
        selected=[],
        revision=0,
        shown=asked if asked in rounds else wanted_round(rounds),
        sprite=probe_sprite(root, view.run_id, tuple(samples.row.tolist())),
        stamp=f"lesson {hash(key_of(shown))}",
    )
    many, all_of = len(samples.row), len(probe_of(view))
    drawn_of = f"{many:,} of the {all_of:,}" if many < all_of else "All"
    st.caption(
        "Each mark is an image: :orange[✕] to be forgotten, :blue[●] kept, :green[◆] never seen. To the right of 0 "
        "the model gives the right answer, to the left a wrong one; the higher, the more alike its features are to "
        "those before unlearning. Press play, or drag the slider below the picture. "
        f"{drawn_of} recorded images are drawn; marks of kept images may lie under others."
    )


def legible(figure: go.Figure, size: int) -> go.Figure:
    """Gives all words of a figure one size: names of axes and of series have sizes of their own otherwise.

    Args:
        figure: changed in place.
        size: in px.
    """
    axis = {"tickfont": {"size": size}, "title": {"font": {"size": size}}}
    figure.update_layout(font={"size": size}, legend={"font": {"size": size}})
    figure.update_xaxes(axis, automargin=True).update_yaxes(axis, automargin=True)
    return figure.update_annotations(font={"size": size})


def _attack(drawn: Drawn) -> None:
    attacks = (drawn.view.result() or {}).get("attacks") or {}
    if not attacks:
        st.caption("No attack was made on this run.")
        return
    told = sorted(attacks, key=lambda name: _distance(attacks, name), reverse=True)
    # The strongest, and the weakest: sentences speak of both.
    few = {name: attacks[name] for name in dict.fromkeys([*told[: MOST_ATTACKS - 1], told[-1]])}
    figure = legible(overview(few, "auc", series=list(ATTACKED)), drawn.text_size)
    for trace in figure.data:
        # Here there is one way only, and its name would be a riddle.
        title = ATTACKED[trace.meta["model"], trace.meta["way"]]
        trace.update(hovertemplate=str(trace.hovertemplate).replace(str(trace.name), title), name=title)
    show_chart(figure, key=f"{drawn.key}_attack", alt=overview_alt(few, "auc", series=list(ATTACKED)), tools=False)
    st.caption(INTERVALS)
    with st.expander("More attacks, and other ways to make them", key=f"{drawn.key}_more"):
        figure = legible(overview(attacks, "auc"), drawn.text_size)
        show_chart(figure, key=f"{drawn.key}_attacks", alt=overview_alt(attacks, "auc"), tools=False)


def _ways(drawn: Drawn) -> None:
    attacks = (drawn.view.result() or {}).get("attacks") or {}
    moved = most_moved(attacks)
    if moved is None:
        st.caption("No attack was made on this run that was fitted both before and after unlearning.")
        return
    one = {moved.attack: attacks[moved.attack]}
    figure = legible(overview(one, "auc", series=FITTED), drawn.text_size)
    show_chart(figure, key=f"{drawn.key}_ways", alt=overview_alt(one, "auc", series=FITTED), tools=False)
    st.caption(INTERVALS)


def _distance(attacks: Attacks, name: str) -> float:
    """How far an attack on the unlearned model is from chance."""
    found = number_of(attacks, name, "after", "refitted", "auc")
    return abs(found[0] - 0.5) if found else -1.0


def _verdict(drawn: Drawn) -> None:
    verdict = verdict_of(drawn.view.result())
    if verdict is None:
        st.caption("This run has no verdict: it takes five retrained models or more.")
        return
    with st.container(border=True):
        verdict_badge(verdict["state"])
        asked = [claim for claim in worst_first(verdict["claims"]) if claim["applies"]]
        for claim in asked:
            st.markdown(f":{BADGES[claim['state']]}[{SHAPES[claim['state']]}] {plain(finding_of(claim))}")
    counted = {state: sum(claim["state"] == state for claim in asked) for state in STATES}
    legend = (f"{SHAPES[state]} {STATES[state].lower()}: {many}" for state, many in counted.items() if many)
    st.caption(f"Answers to {len(asked)} questions. {' · '.join(legend)}")


def _claim(drawn: Drawn) -> None:
    verdict = verdict_of(drawn.view.result())
    found = [claim for claim in (verdict or {"claims": []})["claims"] if claim["id"] == drawn.part.claim]
    test = decisive_test(found[0]) if found else None
    if test is None or test["value"] is None:
        st.caption("The verdict of this run does not say it.")
        return
    rows = [LevelRow("Before", (float(test["base"]),), "forget", hollow=True)] if test["base"] is not None else []
    rows.append(LevelRow("After", (float(test["value"]),), "forget"))
    if test["references"]:
        values = tuple(float(value) for value in test["references"])
        rows.append(LevelRow("Retrained", values, "reference", low=test["null_low"], high=test["null_high"]))
    _levels(drawn, rows, axis_of_test(test), False, None, drawn.part.claim)


def _cost(drawn: Drawn) -> None:
    took = {"Unlearning": drawn.facts.get("seconds.unlearn"), "One retraining": drawn.facts.get("seconds.retrain")}
    known = {label: fact for label, fact in took.items() if fact is not None}
    if not known:
        st.caption("What it took is not known.")
        return
    rows = [
        LevelRow(label, (float(fact.value),), "reference" if "re" in label else "forget")
        for label, fact in known.items()
    ]
    one = drawn.number("seconds.retrain")
    guess = drawn.guess * one if drawn.guess is not None and one and drawn.truth.endswith("cost.share") else None
    words = f"{100 * drawn.guess:g} %" if drawn.guess is not None else ""
    _levels(drawn, rows, "Time, in seconds", False, guess, "cost", from_zero=True, guess_words=words)


def _images(drawn: Drawn) -> None:
    forgotten_pictures(drawn.view, drawn.key)


_DRAWERS: Mapping[str, Callable[[Drawn], Any]] = {
    "before-after": _before_after,
    "references": _references,
    "curves": _curves,
    "boundary": _boundary,
    "attack": _attack,
    "ways": _ways,
    "verdict": _verdict,
    "claim": _claim,
    "cost": _cost,
    "images": _images,
}
