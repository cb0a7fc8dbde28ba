"""The fidelity strip under a picture: its numbers as small cards, with one sentence for all of them."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st

from cu_core.base.display_text import counted
from cu_core.figures.fidelity_numbers import EXACT, LEVELS, Reading, readings, sentence
from cu_core.projections.ruler import measure_pair
from cu_core.runstore.reader import RunView

STYLE = """<style>
.fidelity{display:grid;grid-template-columns:repeat(auto-fit,minmax(92px,1fr));gap:.4rem}
.fidelity>div{border:1px solid rgba(128,128,128,.35);border-left:4px solid var(--level);border-radius:.4rem;
padding:.3rem .35rem;min-width:0;line-height:1.3}
.fidelity small{font-size:.7rem;letter-spacing:-.01em;opacity:.85;display:block;overflow-wrap:anywhere}
.fidelity b{font-size:1.15rem;font-weight:600}
.fidelity span{font-size:.75rem;white-space:nowrap}
.fidelity i{font-style:normal;color:var(--level)}
.fidelity .exact{grid-column:1/-1}
</style>"""


def fidelity_strip(record: Mapping[str, Any], shown: int, rounds: Sequence[int]) -> None:
    """Draws the strip.

    Args:
        record: of `cu_core.projections.fidelity.measure`.
        shown: number of the round that is shown.
        rounds: numbers of the rounds, in the order of ``record["rounds"]``.
    """
    found = readings(record, shown, rounds)
    st.markdown(f"**{sentence(record)}**")
    if not found:
        return
    st.html(f'{STYLE}<div class="fidelity">{"".join(map(_card, found))}</div>')
    with st.expander("What these numbers mean"):
        lines = [f"- **{reading.number.title}.** {reading.number.meaning}" for reading in found]
        compared = record.get("samples")
        if compared:
            lines.append(
                f"\nNeighbourhoods of {record.get('neighbours', 15)} were compared on {counted(compared, 'sample')}, "
                "movement on all. Neighbourhoods that are right in every round do not make a film right: look "
                "at motion first."
            )
        st.markdown("\n".join(lines))


def exact_strip(text: str) -> None:
    """The strip of a view without a projection.

    Args:
        text: what its axes are.
    """
    level = LEVELS["good"]
    st.html(
        f'{STYLE}<div class="fidelity"><div class="exact" style="--level:{level.colour}"><strong><i>{level.mark}</i> '
        f"{html.escape(EXACT[0].upper() + EXACT[1:])}.</strong> {html.escape(text)}</div></div>"
    )


def ruler_text(
    view: RunView,
    rounds: tuple[int, int],
    rows: tuple[int, int],
    names: tuple[str, str],
    coordinates: tuple[np.ndarray, np.ndarray] | None = None,
) -> str:
    """What lies between two marks, in the full space and beside it in the picture.

    Args:
        view: the run.
        rounds: in which the marks were pointed at, one each.
        rows: of the probe, one each; the same sample in two rounds is fine.
        names: of the two samples.
        coordinates: (n, k) of the picture in those rounds; none for exact views.
    """
    full = np.asarray(view.array(rounds[0], "embedding"))
    flat = None if coordinates is None else coordinates[0]
    last = rows[1]
    if rounds[0] != rounds[1]:
        # The second mark as one more row of the first one's round: among those, distances are usual or not.
        full, last = _with_row(full, np.asarray(view.array(rounds[1], "embedding")), rows[1]), len(full)
        flat = None if coordinates is None else _with_row(*coordinates, rows[1])
    said = measure_pair(full, rows[0], last, flat).words()
    ends = [f"{name} in round {number}" for name, number in zip(names, rounds, strict=True)]
    return f"From {ends[0]} to {ends[1]}: {said[0].lower()}{said[1:]}"


def _with_row(first: np.ndarray, second: np.ndarray, row: int) -> np.ndarray:
    return np.concatenate([first, second[row : row + 1]])


def _card(reading: Reading) -> str:
    level, number = LEVELS[reading.level], reading.number
    return (
        f'<div style="--level:{level.colour}" title="{html.escape(number.meaning)}">'
        f"<small>{html.escape(number.title)}</small>"
        f"<span><b>{number.text(reading.value)}</b> <i>{level.mark}</i> {level.word}</span>"
        f"<small>{_scope(reading)}</small></div>"
    )


def _scope(reading: Reading) -> str:
    """What the value covers, and where it is worst, with the level of that."""
    if reading.worst is None:
        return "all rounds"
    if reading.worst == reading.value:
        return "worst of all rounds"
    level = LEVELS[reading.worst_level]
    where = f"round&nbsp;{reading.worst_round}"
    mark = f'<i style="--level:{level.colour}">{level.mark}</i>'
    scope = "all rounds; " if reading.over_all else ""
    return f"{scope}worst {mark}&nbsp;{reading.number.text(reading.worst)} in {where}"
