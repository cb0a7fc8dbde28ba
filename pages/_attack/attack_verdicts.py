"""Images that a membership attack judges rightly and wrongly, members and non-members, before and after."""

from __future__ import annotations

import base64
import html

import numpy as np
import streamlit as st

from cu_core.figures.attack_scores import Scored, verdict_rows
from cu_core.figures.theme import class_name
from cu_core.runstore.reader import RunView
from pages._shared.recorded_rounds import class_names, thumbnails

TILE = 44
MOST = 12
ORDERS = {"surest": "Farthest from the threshold", "closest": "Nearest to the threshold"}
# (is a member, judged a member): heading, and whether the attack is right.
CELLS = {
    (True, True): ("Members judged members", True),
    (True, False): ("Members judged non-members", False),
    (False, True): ("Non-members judged members", False),
    (False, False): ("Non-members judged non-members", True),
}


def verdict_section(
    root: str, view: RunView, panes: list[Scored], threshold: float, among: np.ndarray | None = None
) -> None:
    """Draws the images at the chosen threshold, one column per model.

    Args:
        root: of the home.
        view: the run, with an audit.
        panes: the models to show.
        threshold: what scores at least this much is judged a member.
        among: rows of the audit that the panes hold; all by default.
    """
    order = st.segmented_control(
        "Images",
        list(ORDERS),
        format_func=ORDERS.__getitem__,
        default="surest",
        required=True,
        key="verdict_order",
        bind="query-params",
    )
    sample, is_test, label = (np.asarray(view.audit_array(name)) for name in ("sample", "is_test", "label"))
    if among is not None:
        sample, is_test, label = (array[among] for array in (sample, is_test, label))
    names = class_names(root, view.run_id)
    missing = False
    for column, pane in zip(st.columns(len(panes)), panes, strict=True):
        groups = verdict_rows(pane.score, pane.member, threshold)
        with column:
            st.markdown(f"**{pane.title}**")
            for key, (heading, right) in CELLS.items():
                rows = groups[key]
                sign = ":material/check:" if right else ":material/close:"
                st.caption(f"{sign} {heading}: {len(rows):,}")
                chosen = (rows[::-1] if order == "surest" else rows)[:MOST]
                if not len(chosen):
                    continue
                pictures = thumbnails(
                    root,
                    view.run_id,
                    tuple(int(k) for k in sample[chosen]),
                    tuple(bool(t) for t in is_test[chosen]),
                    TILE,
                )
                if pictures is None:
                    missing = True
                    continue
                words = [
                    f"{'test' if is_test[row] else 'train'} sample {sample[row]}, "
                    f"class {class_name(names, int(label[row]))}, score {pane.score[row]:.3g}"
                    for row in chosen
                ]
                st.html(strip(pictures, words))
    if missing:
        st.caption("The images themselves are not on this machine; they appear once a run has prepared the dataset.")


def strip(pictures: list[bytes], words: list[str]) -> str:
    """A row of images as HTML; pointing at one, or a screen reader, tells its words."""
    tags = []
    for picture, text in zip(pictures, words, strict=True):
        said = html.escape(text, quote=True)
        data = base64.b64encode(picture).decode()
        tags.append(
            f'<img src="data:image/png;base64,{data}" alt="{said}" title="{said}" width="{TILE}" height="{TILE}">'
        )
    return f'<div style="display: flex; flex-wrap: wrap; gap: 4px">{"".join(tags)}</div>'
