"""The attack page narrowed to the selected samples: their scores, decisions as counts, and their images."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from cu_core.base.csv_cells import shown_table
from cu_core.figures.attack_scores import Scored, score_bins, score_panes
from cu_core.figures.selection_marks import decided, decided_words
from cu_core.runstore.reader import RunView
from pages._attack.attack_numbers import pick_attack
from pages._attack.attack_scores import panes_of, pick_threshold, score_title
from pages._attack.attack_verdicts import verdict_section
from pages._selection.selection_state import FEW, Focus, many
from pages._shared.chart_bar import show_chart
from pages._shared.downloads import table_downloads
from pages._shared.recorded_rounds import probe_of
from pages._shared.server_home import home
from pages._shared.window_watch import is_narrow

LEFT_OUT = (
    "Accuracy, AUC, TPR at 1 % FPR, their intervals and the ROC curve are left out here: they compare the whole forget "
    "set with unseen samples of the same class mix, and a hand-picked selection has no such counterpart. Turn off "
    "“Only these” to see them."
)


def audited(view: RunView, focus: Focus) -> np.ndarray:
    """Rows of the audit that are among the selected samples; the audit and the probe draw their samples separately."""
    probe = probe_of(view).iloc[focus.rows]
    wanted = set(zip(probe["sample"].tolist(), (probe["split"] == "test").tolist(), strict=True))
    sample, is_test = (np.asarray(view.audit_array(name)) for name in ("sample", "is_test"))
    found = [pair in wanted for pair in zip(sample.tolist(), is_test.astype(bool).tolist(), strict=True)]
    return np.flatnonzero(found)


def narrowed(panes: list[Scored], rows: np.ndarray) -> list[Scored]:
    """The scores of some rows of the audit."""
    return [replace(pane, score=pane.score[rows], member=pane.member[rows]) for pane in panes]


def selected_section(panes: list[Scored], rows: np.ndarray, threshold: float, axis: str, name: str) -> None:
    """Scores of the selected samples, and how many of them are judged members at a threshold.

    Args:
        panes: all scores, which decide the axes, so that a selection can be compared with the whole.
        rows: of the audit, those selected; at least one.
        threshold: chosen by the reader.
        axis: what the score is.
        name: of the attack, for downloads.
    """
    own = narrowed(panes, rows)
    edges = score_bins([p.score for p in panes], [p.threshold for p in panes])
    figure = score_panes(own, edges, threshold, axis, narrow=is_narrow())
    show_chart(figure, key="scores", alt=decided_words(own, threshold))
    lines = []
    for pane in own:
        caught, members, accused, others = decided(pane, threshold)
        lines.append(
            {
                "At this threshold": pane.title,
                "Members judged members": f"{caught} of {members}" if members else "–",
                "Non-members judged members": f"{accused} of {others}" if others else "–",
                "Fitted threshold": pane.threshold,
            }
        )
    table = pd.DataFrame(lines)
    st.dataframe(
        shown_table(table),
        hide_index=True,
        column_config={"Fitted threshold": st.column_config.NumberColumn(format="%.4g")},
        placeholder="–",
        alt="Decisions about the selected samples at the chosen threshold",
    )
    with st.container(horizontal=True):
        table_downloads(table, f"selected-decisions-{name}", "decisions")
    few = f" With fewer than {FEW} of a kind, bars are single samples." if _is_few(own[0].member) else ""
    st.caption(
        "Every score comes from the attack as it was fitted on all audited samples, on the half without the sample; "
        f"axes are those of all samples.{few}"
    )


def _is_few(member: np.ndarray) -> bool:
    counts = (int(member.sum()), int((~member.astype(bool)).sum()))
    return any(0 < count < FEW for count in counts)


def selection_sections(view: RunView, attacks: dict[str, Any], focus: Focus) -> None:
    """The page about the selected samples alone."""
    rows = audited(view, focus)
    count = many(len(focus.rows), "selected")
    if not len(rows):
        st.info(
            f"None of the {count} is among the forget and unseen samples that the attacks were made on.",
            icon=":material/info:",
        )
        return
    st.caption(f"{len(rows):,} of the {count} are among those that the attacks were made on. {LEFT_OUT}")
    attack, way = pick_attack(attacks)
    panes = panes_of(view, attacks, attack, way)
    if not panes:
        return
    edges = score_bins([p.score for p in panes], [p.threshold for p in panes])
    threshold = pick_threshold(panes, edges, f"threshold_{view.run_id}_{attack}_{way}")
    selected_section(panes, rows, threshold, score_title(attack), attack)
    st.header("Which images the attack gets right and wrong", anchor=False)
    own = narrowed([p for p in panes if p.model != "reference"], rows)
    verdict_section(str(home().root), view, own, threshold, rows)
