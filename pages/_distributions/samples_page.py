"""What the pages about distributions over the samples of one run share: which samples, which moments, what is said."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pandas as pd
import streamlit as st

from cu_core.analysis.scenes import state_name
from cu_core.figures.theme import GROUPS
from cu_core.runstore.reader import RunView
from pages._frame.page_records import Page
from pages._frame.rounds_of_run import footnotes, show_rounds
from pages._selection.selection_state import NONE_REPORTED, Focus, few_words, selection_bar
from pages._shared.recorded_rounds import pick_reference, pick_round, probe_of

LAYOUTS = {"overlaid": "Overlaid", "panes": "One row per group"}
REFERENCE = "Reference (retrained)"
Drawn = TypeVar("Drawn")


@dataclass(frozen=True)
class ShownSamples:
    """What of a run is shown.

    Attributes:
        view: the run.
        rounds: its recorded rounds, ascending, beginning with 0.
        number: the round that is shown beside "before".
        seed: of the reference to show; None for none.
        focus: how the page follows the selection.
        reported: (k,) rows of the probe that metrics count, narrowed to the selection where the page is about it alone.
    """

    view: RunView
    rounds: list[int]
    number: int
    seed: int | None
    focus: Focus
    reported: np.ndarray

    @property
    def probe(self) -> pd.DataFrame:
        """The probe table of the run."""
        return probe_of(self.view)

    @property
    def groups(self) -> np.ndarray:
        """(k,) group names of the reported samples."""
        return self.probe["group"].to_numpy()[self.reported]

    def title(self, number: int) -> str:
        """What a round is called above its pane."""
        return state_name(number, self.rounds[-1])


def show_samples(page: Page, parts: Sequence[Callable[[ShownSamples], None]]) -> None:
    """Draws a page about the samples of the picked run.

    Args:
        page: that is drawn.
        parts: of the page, from top to bottom.
    """

    def sections(view: RunView, rounds: list[int]) -> None:
        focus = selection_bar(view)
        reported = focus.within(np.flatnonzero(~probe_of(view)["rule"].to_numpy()))
        with st.container(horizontal=True, vertical_alignment="bottom"):
            number = pick_round(rounds)
            seed = pick_reference(view)
        if not len(reported):
            st.info(NONE_REPORTED, icon=":material/info:")
            return
        shown = ShownSamples(view, rounds, number, seed, focus, reported)
        for part in parts:
            part(shown)
        if notes := footnotes(view, seed):
            st.caption(" ".join(notes))

    show_rounds(page, sections)


def pick_layout() -> bool:
    """Draws the choice between histograms of all groups in one pane and a row of panes; true for the former."""
    layout = st.segmented_control(
        "Arrangement",
        list(LAYOUTS),
        format_func=LAYOUTS.__getitem__,
        default="overlaid",
        required=True,
        key="layout",
        bind="query-params",
    )
    return layout == "overlaid"


def panes_of(
    shown: ShownSamples,
    title: str,
    recorded: Mapping[int | None, np.ndarray],
    draw: Callable[[str, np.ndarray, str], Drawn],
) -> tuple[list[Drawn], list[Drawn]]:
    """What is drawn of a signal, and what the same axes have to hold; says in words where its rounds are others.

    Args:
        shown: what of the run is shown.
        title: of the signal.
        recorded: by round (n,) values of all samples of the probe; under None those of the reference.
        draw: makes something of a moment, given its title, values, and kind: ``before``, ``round`` or ``reference``.

    Returns:
        The panes: before, the round, and the reference; and the same of all recorded rounds. Empty without any.
    """
    known = sorted(number for number in recorded if number is not None)
    if not known:
        st.info(f"{title} was recorded in no round that can be shown.", icon=":material/info:")
        return [], []
    latest = max((number for number in known if number <= shown.number), default=known[0])
    if latest != shown.number:
        listed = ", ".join(map(str, known))
        st.caption(f"{title} was recorded in rounds {listed}; the latest up to round {shown.number} is shown.")
    drawn = {k: draw(shown.title(k), recorded[k], "before" if k == 0 else "round") for k in known}
    reference = [draw(REFERENCE, recorded[None], "reference")] if None in recorded else []
    return [drawn[k] for k in sorted({known[0], latest})] + reference, [*drawn.values(), *reference]


def moments_of(shown: ShownSamples, recorded: Container[int | None]) -> list[tuple[int | None, str, str]]:
    """Before, the round and the reference (None) as far as they were recorded, each with its title and kind."""
    rounds = [k for k in sorted({0, shown.number}) if k in recorded]
    found: list[tuple[int | None, str, str]] = [(k, shown.title(k), "round" if k else "before") for k in rounds]
    return [*found, (None, REFERENCE, "reference")] if None in recorded else found


def selection_words(shown: ShownSamples, groups: Sequence[str] = GROUPS) -> str:
    """What to know about the selected samples in histograms of some groups; begins with a space unless it is empty."""
    if shown.focus.only:
        return f" {few_words(shown.groups, expected=groups)}"
    return " Strokes at the foot are the selected samples." if shown.focus else ""
