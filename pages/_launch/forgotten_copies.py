"""Copies of what would be forgotten among the images that stay, with a click that forgets them, too."""

from __future__ import annotations

import numpy as np
import streamlit as st

from cu_core.base.errors import UnlearnscopeError
from cu_core.data.copies import Copies, copies_in_words, find_copies
from cu_core.data.forget import ForgetSet
from cu_core.data.images import ImageData
from pages._frame import gate
from pages._launch import forget_preview
from pages._launch.forget_wish import forget_listed

MOST_SHOWN = 16


@st.cache_data(max_entries=16, show_spinner="Looking for copies of these images …")
def _found(sha256: str, indices: np.ndarray, _data: ImageData) -> Copies:
    return find_copies(_data, indices)


def show(data: ImageData, forget: ForgetSet) -> None:
    """Says which images show the same as one to be forgotten, and offers to forget the retained ones of them.

    Args:
        data: the prepared dataset.
        forget: what would be forgotten.
    """
    copies = _found(data.sha256, forget.indices, data)
    words = copies_in_words(copies)
    if copies.compared and not len(copies.retained):
        words.insert(0, "No retained image is a copy of one of these, nor looks like one.")
    if not len(copies.retained):
        st.caption("  \n".join(words))
        return
    st.warning("  \n".join(words), icon=":material/content_copy:")
    chosen = np.concatenate([copies.exact, copies.near])[:MOST_SHOWN]
    caption = f"Retained images that are copies: {len(chosen)} of {len(copies.retained):,}"
    forget_preview.pictures(data, chosen, caption, "Small pictures of retained images that are copies")
    with st.container(horizontal=True):
        if len(copies.exact) and len(copies.near):
            _offer("Forget the exact copies, too", "exact", np.union1d(forget.indices, copies.exact))
        _offer("Forget all these copies, too", "all", np.union1d(forget.indices, copies.retained))
    if forget.task == "class":
        st.caption("With them, the forget set is a list of samples and not a class any more.")


def _offer(label: str, key: str, indices: np.ndarray) -> None:
    gate.button(
        label,
        "upload",
        key=f"forget_copies_{key}",
        icon=":material/playlist_add:",
        on_click=_take,
        args=(indices,),
    )


def _take(indices: np.ndarray) -> None:
    try:
        forget_listed(str(gate.desk().keep_indices(indices, "with copies")))
    except UnlearnscopeError as error:
        st.session_state["refused"] = ("forget.select", str(error))
