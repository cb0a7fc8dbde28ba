"""What a preview adds for single kinds of forget sets: wrong lines of a file, memorised labels, near duplicates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from cu_core.base.errors import BadInput
from cu_core.data.duplicates import distances
from cu_core.data.forget import FIELD, ForgetSet, Selection
from cu_core.data.images import ImageData
from cu_core.data.index_file import Scan, scan_indices
from cu_core.data.memorisation import read_scores
from cu_core.figures.theme import class_name
from pages._shared.plain_text import plain
from pages._shared.server_home import home

MOST_LINES = 200


@st.cache_data(max_entries=8, show_spinner=False)
def _distances(sha256: str, sample: int, _data: ImageData) -> np.ndarray:
    return distances(_data.train_images, sample)


def scan_file(file: str, data: ImageData) -> Scan | None:
    """What a file of indices holds where some of its lines are wrong; None if it has none, or cannot be read at all."""
    try:
        scan = scan_indices(file, Path(), len(data.train_labels), FIELD)
    except BadInput:
        return None
    return scan if scan.problems else None


def wrong_lines(scan: Scan) -> None:
    """Which lines of a file name no training image, and how many do."""
    good, wrong = len(scan.indices), scan.wrong
    st.warning(
        f"{wrong:,} of {good + wrong:,} lines name no training image. A run does not start with such a file; the "
        f"pictures show what the other {good:,} name."
        if good
        else f"No line of this file names a training image ({wrong:,} in all).",
        icon=":material/rule:",
    )
    listed = scan.problems[:MOST_LINES]
    st.dataframe(
        pd.DataFrame(listed, columns=["Line", "What is wrong"]),
        hide_index=True,
        height=min(38 + 35 * len(listed), 213),
        alt="Lines of the file that name no training image",
    )
    if wrong > len(listed):
        st.caption(f"The first {len(listed)} are listed.")


def words_of(selection: Selection, data: ImageData, forget: ForgetSet) -> str:
    """How these samples were chosen and how far that can be trusted; empty where there is nothing to add."""
    if selection.kind == "memorised" and (found := read_scores(home().scores, data)) is not None:
        own = found.scores[forget.indices]
        return (
            f"The classifier that has not seen a sample gives it its label for {found.accuracy:.0%} of all training "
            f"images, and for {float((own < 0).mean()):.0%} of these. The higher the first number, the more the choice "
            "can be trusted."
        )
    if selection.kind == "duplicates":
        sample = int(selection.values[0])
        others = np.sort(_distances(data.sha256, sample, data)[forget.indices[forget.indices != sample]])
        label = int(data.train_labels[sample])
        same = int((data.train_labels[forget.indices] == label).sum()) - 1
        return (
            f"Sample {sample} ({plain(class_name(data.classes, label))}) and its {len(others)} nearest others, {same} "
            f"of them of its class. Distances from {others[0]:.3f} to {others[-1]:.3f}: 0 is the same "
            "picture, 1.41 an unrelated one."
        )
    return ""


def order_of(selection: Selection, data: ImageData, forget: ForgetSet) -> np.ndarray | None:
    """In which order to show the samples, where that tells something: the nearest, or the most memorised first."""
    if selection.kind == "duplicates":
        far = _distances(data.sha256, int(selection.values[0]), data)[forget.indices]
        return forget.indices[np.argsort(far, kind="stable")]
    if selection.kind == "memorised" and (found := read_scores(home().scores, data)) is not None:
        return forget.indices[np.argsort(-found.scores[forget.indices], kind="stable")]
    return None
