"""Which round of a run was nearest to retraining, beside where a rule of accuracies stops, and how to take it."""

from __future__ import annotations

import streamlit as st

from cu_core.analysis.compare.outside import outside
from cu_core.analysis.compare.reading import read_run
from cu_core.base.display_text import counted
from cu_core.figures.nearness_curve import NUMBERS, NearRounds, nearness_alt, nearness_curve
from cu_core.runstore.reader import RunView
from pages._shared.chart_bar import show_chart
from pages._shared.plain_text import plain
from pages._terms.term_link import terms_row


def nearness(view: RunView) -> None:
    """The section; nothing where the result says nothing of it."""
    result = view.result()
    near = NearRounds.from_result(result) if result else None
    if near is None or len(near.points) < 2:
        return
    st.header("Which round was nearest to retraining", anchor=False)
    terms_row("nearness", "like-reference")
    show_chart(nearness_curve(near), key="nearness", alt=nearness_alt(near))
    beyond = len(outside(read_run(view)).names)
    for sentence in [*nearness_words(near), *others_outside(near, beyond)]:
        st.markdown(plain(sentence))
    _take(view, near)
    behind = f" Measured on {near.samples:,} recorded forget samples" if near.samples else ""
    beside = f" beside {near.references} references, each left out in turn" if behind and near.references else ""
    st.caption(
        f"Distance: the largest of three numbers of the verdict ({'; '.join(NUMBERS.values())}), in half widths of the "
        "95 % band of one more retrained model. Each holds 19 of 20 true retrainings, so up to three in 20 lie above 1 "
        f"by one of them. The verdict asks more than these.{behind}{beside}{'.' if behind else ''}"
    )


def nearness_words(near: NearRounds) -> list[str]:
    """What the curve says, in sentences.

    Args:
        near: of one run.
    """
    least = near.distance_at(near.nearest) or 0.0
    who = "the model before unlearning (round 0)" if near.nearest == 0 else f"round {near.nearest}"
    said = [f"Nearest to retraining is {who}, at {_times(least)}."]
    if not near.inside:
        said[0] = f"{said[0][:-1]}; no round lies within the band of one more retrained model."
    elif near.inside != (near.nearest,):
        said[0] = f"{said[0][:-1]}; within the band lie {_rounds(near.inside)}."
    if near.accuracy_rule:
        at = near.distance_at(near.accuracy_stop)
        if near.accuracy_stop is None:
            said.append(f"The {near.accuracy_rule} rule, which looks at accuracies, is never met.")
        else:
            how = "" if at is None else f", at {_times(at)}"
            door = ": accuracies say forgotten, answers differ from retraining" if (at or 0.0) > 1 else ""
            rule = f"The {near.accuracy_rule} rule, which looks at accuracies,"
            said.append(f"{rule} is met after round {near.accuracy_stop}{how}{door}.")
    return said


def others_outside(near: NearRounds, beyond: int) -> list[str]:
    """That a round within the band by three numbers is not one that all numbers call so; empty where none says no.

    Args:
        near: of one run.
        beyond: how many numbers of the table of metrics lie outside their bands at the end.
    """
    if not (near.inside and beyond):
        return []
    rows = f"{counted(beyond, 'row')} of the table above {'lies' if beyond == 1 else 'lie'}"
    return [f"The curve looks at three numbers alone: at the end {rows} outside the band."]


def _take(view: RunView, near: NearRounds) -> None:
    """How to take the weights of the nearest round."""
    number = near.nearest
    if number == 0 or number not in view.rounds():
        return
    kept = view.manifest(number).get("weights") is not None
    last = number == max(view.rounds())
    if not (kept or last):
        st.caption(
            f"The weights of round {number} were not kept; a new run keeps them with a larger probe.keep_weights_mb."
        )
        return
    of = "after" if last else f"round:{number}"
    name = "After unlearning" if last else f"Round {number}"
    st.caption(f"Its weights: below, under *Take it out*, choose *Weights* and *{name}*; or in a terminal:")
    st.code(f"unlearnscope weights {view.run_id} --of {of} weights.safetensors", language="bash", wrap_lines=True)


def _times(distance: float) -> str:
    return f"{distance:.2g} half widths" if distance < 100 else f"{distance:,.0f} half widths"


def _rounds(numbers: tuple[int, ...]) -> str:
    """Rounds in words; runs of them as ``3 to 7``."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    told = [str(a) if a == b else f"{a} to {b}" for a, b in parts]
    listed = told[0] if len(told) == 1 else f"{', '.join(told[:-1])} and {told[-1]}"
    return f"round{'' if len(numbers) == 1 else 's'} {listed}"
