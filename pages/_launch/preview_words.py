"""What a preview adds for single kinds of forget sets: wrong lines of a file, and what their records tell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from cu_core.base.csv_cells import shown_table
from cu_core.base.errors import BadInput
from cu_core.catalogue.selections import FIELD, Told, parse_selection
from cu_core.data.images import ImageData
from cu_core.data.index_file import Scan, scan_indices
from cu_core.data.name_lookup import NameLookup

MOST_LINES = 200


def scan_file(file: str, data: ImageData) -> Scan | None:
    """What a file of samples holds where some of its lines are wrong; None if it has none, or cannot be read at all."""
    try:
        scan = scan_indices(file, Path(), len(data.train_labels), FIELD, NameLookup(data.names))
    except BadInput:
        return None
    return scan if scan.problems else None


def wrong_lines(scan: Scan) -> None:
    """Which lines of a file name no training image, and how many do."""
    good, wrong = len(scan.indices), scan.wrong
    st.warning(
        f"{wrong:,} of {good + wrong:,} {scan.unit}s name no training image. A run does not start with such a file; "
        f"the pictures show what the other {good:,} name."
        if good
        else f"No {scan.unit} of this file names a training image ({wrong:,} in all).",
        icon=":material/rule:",
    )
    listed = scan.problems[:MOST_LINES]
    st.dataframe(
        shown_table(pd.DataFrame(listed, columns=[scan.unit.capitalize(), "What is wrong"])),
        hide_index=True,
        height=min(38 + 35 * len(listed), 213),
        placeholder="–",
        alt=f"{scan.unit.capitalize()}s of the file that name no training image",
    )
    if wrong > len(listed):
        st.caption(f"The first {len(listed)} are listed.")


@st.cache_data(max_entries=8, show_spinner=False)
def told(sha256: str, text: str, indices: np.ndarray, folder: Path, _data: ImageData) -> Told | None:
    """How the samples were chosen, and in which order to show them, where a kind of forget set has something to add."""
    selection = parse_selection(text)
    tell = selection.record.tell
    return tell(selection.values, _data, indices, folder) if tell else None
