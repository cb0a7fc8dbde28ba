"""The samples of a run that are selected in this session: one selection for all pages, and the bar that follows it.

Pages read it with `selection_of`. What a person does in Python's widgets goes through `pick`, what a component in the
browser reports goes through `follow`, both in callbacks. A component that draws the selection takes ``rows`` and
``revision`` of `selection_of` and adopts the rows whenever the revision is another than before; for the viewer of
drift that is ``on_pick=lambda rows: follow(view.run_id, rows, "Drift")``.

The widgets that select are in `pages._selection.selection_panel`, the charts of the selection in
`pages._selection.selection_charts`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from cu_core.analysis.selection_text import selection_rows, selection_text
from cu_core.base.display_text import counted
from cu_core.base.errors import UnlearnscopeError
from cu_core.figures.theme import GROUPS, join
from cu_core.runstore.reader import RunView
from pages._shared.plain_text import plain
from pages._shared.recorded_rounds import probe_of
from pages._shared.server_home import home

FEW = 10
"""Below this many samples a group's distribution is said to be of a few samples only."""

NONE_REPORTED = (
    "All of the selected samples are kept for the stopping rule, and metrics leave those out. Turn off “Only these” to "
    "see the others."
)
ONLY_KEY = "only_selected"
PICKED = "picked"
"""Of the address."""

IN_ADDRESS = "selection_in_address"

_EMPTY = np.empty(0, np.int64)


@dataclass(frozen=True)
class Picked:
    """The selection of one run.

    Attributes:
        rows: (k,) int64, sorted and distinct, of the run's probe; empty if nothing is selected.
        revision: grows whenever the selection is changed by Python's widgets or on another page.
        source: page on which it was made.
    """

    rows: np.ndarray
    revision: int = 0
    source: str = ""

    def __bool__(self) -> bool:
        return len(self.rows) > 0


def selection_of(view: RunView) -> Picked:
    """What is selected of a run in this session."""
    total = len(probe_of(view))
    asked = st.query_params.get(PICKED, "")
    # What this session has put there itself is known, also if another run has been picked since.
    if asked and asked != st.session_state.get(IN_ADDRESS):
        _adopt(view.run_id, asked, total)
    picked = _stored(view.run_id)
    # The run of that name may have been deleted and made anew with fewer samples.
    return Picked(picked.rows[picked.rows < total], picked.revision, picked.source)


def pick(run_id: str, rows: Sequence[int] | np.ndarray, source: str) -> None:
    """Selects rows of a run's probe; for callbacks of widgets, so that everything drawn after sees it.

    Args:
        run_id: of the run.
        rows: in any order; empty clears.
        source: title of the page, for the bar on the others.
    """
    st.session_state[_key(run_id)] = Picked(_sorted(rows), _stored(run_id).revision + 1, source)


def follow(run_id: str, rows: Sequence[int] | np.ndarray, source: str, *, revision: int | None = None) -> None:
    """Takes over what was selected in a component in the browser, without telling it to adopt that again.

    For the component's callback: it is called before anything is drawn, and only when the browser has news.

    Args:
        run_id: of the run.
        rows: reported, in any order.
        source: title of the page.
        revision: that the component had drawn when the selection was made; one that is not the present one came too
            late and is dropped. None where the component sees to that itself.
    """
    now = _stored(run_id)
    if revision in (None, now.revision):
        st.session_state[_key(run_id)] = Picked(_sorted(rows), now.revision, source)


def keep_in_address(view: RunView) -> None:
    """Puts the selection into the address, so that a copied link shows the same to somebody else."""
    picked = selection_of(view)
    try:
        text = selection_text(home(), picked.rows)
    except OSError:
        # A home that cannot be written names no long selections; all else goes on.
        text = ""
    st.session_state[IN_ADDRESS] = text
    if text and st.query_params.get(PICKED) != text:
        st.query_params[PICKED] = text
    elif not text and PICKED in st.query_params:
        del st.query_params[PICKED]


def _adopt(run_id: str, asked: str, total: int) -> None:
    """Takes over the selection of an address that somebody else made, or that the browser went back to."""
    st.session_state[IN_ADDRESS] = asked
    try:
        pick(run_id, selection_rows(home(), asked, total), "")
    except UnlearnscopeError as error:
        st.toast(f"The selection in this address cannot be shown: {plain(error)}.", icon=":material/link_off:")


def clear(run_id: str) -> None:
    """Callback: selects nothing."""
    pick(run_id, _EMPTY, "")


@dataclass(frozen=True)
class Focus:
    """How a page follows the selection; false if nothing is selected.

    Attributes:
        rows: selected rows of the probe.
        only: whether the page is about these alone.
    """

    rows: np.ndarray
    only: bool = False

    def __bool__(self) -> bool:
        return len(self.rows) > 0

    def within(self, rows: np.ndarray) -> np.ndarray:
        """The given rows, narrowed to the selected ones where the page is about these alone."""
        return rows[np.isin(rows, self.rows)] if self.only else rows

    def among(self, rows: np.ndarray) -> np.ndarray:
        """(len(rows),) bool: which of the given rows to mark as selected; none where only these are drawn."""
        return np.zeros(len(rows), bool) if self.only else np.isin(rows, self.rows)


def selection_bar(view: RunView) -> Focus:
    """Says what is selected and where, with a switch that narrows the page to it; draws nothing without a selection.

    A page draws it first and narrows its rows by `Focus.within`, or marks those of `Focus.among`.
    """
    keep_in_address(view)
    picked = selection_of(view)
    if not picked:
        return Focus(_EMPTY)
    chosen = probe_of(view).iloc[picked.rows]
    groups = chosen["group"].to_numpy()
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="selection_bar"):
        where = f" on {picked.source}" if picked.source else ""
        st.markdown(
            f":material/lasso_select: **{many(len(groups))}** selected{where}: {counts_words(groups)}.",
            width="stretch",
        )
        only = st.toggle("Only these", key=ONLY_KEY, persist_state="session")
        st.button("Clear", key="clear_selection", icon=":material/close:", on_click=clear, args=(view.run_id,))
    if only:
        held = int(chosen["rule"].sum())
        but = f" but {held:,} that the stopping rule looks at" if held else ""
        st.caption(f"Everything below is about these samples alone{but}.")
    return Focus(picked.rows, only)


def many(count: int, kind: str = "") -> str:
    """``1 sample``, ``37 selected samples``."""
    return counted(count, f"{kind} sample".strip())


def counts_words(groups: np.ndarray) -> str:
    """How many samples of each group, e.g. ``30 forget and 7 retain``."""
    return join([f"{count:,} {group}" for group in GROUPS if (count := int((groups == group).sum()))])


def few_words(groups: np.ndarray, *, expected: Sequence[str] = GROUPS) -> str:
    """Says which groups of a narrowed page have too few samples for a distribution, or none; empty if all have enough.

    Args:
        groups: (k,) group names of what is drawn.
        expected: groups that the chart would show.
    """
    counts = {group: int((groups == group).sum()) for group in expected}
    none = [group for group, count in counts.items() if not count]
    few = [many(count, group) for group, count in counts.items() if 0 < count < FEW]
    sentences = []
    if few:
        sentences.append(f"With only {join(few)}, bars are single samples rather than a distribution.")
    if none:
        sentences.append(f"No {' or '.join(none)} samples are selected.")
    return " ".join(sentences)


def _key(run_id: str) -> str:
    return f"selection {run_id}"


def _stored(run_id: str) -> Picked:
    picked: Picked = st.session_state.get(_key(run_id), Picked(_EMPTY))
    return picked


def _sorted(rows: Sequence[int] | np.ndarray) -> np.ndarray:
    found = np.unique(np.asarray(rows, np.int64))
    return found[found >= 0]
