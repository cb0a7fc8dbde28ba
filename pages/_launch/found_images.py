"""What a user's images turned out to be and how they were read, beside the choice of the images."""

from __future__ import annotations

import streamlit as st

from cu_core.catalogue.dataset_record import dataset
from cu_core.catalogue.spec_parts import DataSpec
from cu_core.data.images import ImageData
from pages._shared.plain_text import plain


def section(spec: DataSpec | None, data: ImageData | None) -> None:
    """Says what was found, or where that can be seen before a launch.

    Args:
        spec: which images; None while something about them is wrong.
        data: the prepared dataset; None where it is not prepared.
    """
    if spec is None:
        return
    if data is None:
        if dataset(spec.dataset).needs_path:
            st.caption("How they are read, and what is passed over, is said here once they are prepared (below).")
    elif data.findings is not None and (lines := data.findings.lines(data.classes)):
        with st.expander("What was found, and how it was read", expanded=True):
            st.markdown("\n".join(f"- {plain(line)}" for line in lines))
