"""What would be forgotten: pictures and counts per class, once the dataset is prepared."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pandas as pd
import streamlit as st

from cu_core.base.csv_cells import shown_table
from cu_core.base.errors import UnlearnscopeError
from cu_core.base.home import Home
from cu_core.base.parameters import parse
from cu_core.catalogue.dataset_record import dataset
from cu_core.catalogue.spec_parts import DataSpec
from cu_core.data.forget import ForgetSet, counts_per_class
from cu_core.data.images import ImageData
from cu_core.data.prepared import open_prepared
from cu_core.data.thumbnails import framed, sprite
from cu_core.jobs import background
from pages._frame import gate
from pages._shared.plain_text import plain
from pages._shared.server_home import home

POLL_SECONDS = 0.7
MOST_SHOWN = 40
# Sheets of so many columns and rows: as many stand side by side as the window has room for.
COLUMNS, ROWS = 5, 2
TILE = 44


def prepared(spec: DataSpec) -> ImageData | None:
    """The prepared dataset, looked up again only now and then: a folder's key reads all its names."""
    return _prepared(str(home().root), json.dumps(asdict(spec)))


@st.cache_resource(ttl=30, max_entries=4, show_spinner=False, validate=lambda data: data is not None)
def _prepared(root: str, text: str) -> ImageData | None:
    return open_prepared(parse(DataSpec, json.loads(text)), Home(home().root))


def offer_preparation(spec: DataSpec, select: str = "", *, is_read: bool = False) -> None:
    """Prepares the dataset in a process of its own and shows its progress; sets start by themselves if embedded.

    Args:
        spec: which images.
        select: a forget set that needs more than the images; that is worked out as well.
        is_read: whether the images themselves are prepared, so that only the rest is missing.
    """
    record = dataset(spec.dataset)
    status = background.prepare_status(spec, home(), select)
    if status is None and (is_read or not (record.download or record.needs_path)):
        if not _prepare(spec, select):
            return
        status = background.prepare_status(spec, home(), select)
    if status is not None and status.working:
        st.fragment(run_every=POLL_SECONDS)(_watch)(spec, select)
        return
    failed = status is not None and bool(status.error)
    if status is not None and status.error:
        st.error(plain(status.error), title="The dataset could not be prepared", icon=":material/error:")
        st.caption("A run with it would fail for the same reason.")
    else:
        what = "What is not here yet is downloaded." if record.download else "They are read and resized once."
        todo = "its samples have to be scored" if is_read else f"the images have to be prepared. {what}"
        st.caption(f"To preview the forget set, {todo.rstrip('.')}. A launch does it by itself.")
    pressed = st.button("Try again" if failed else "Prepare it now", icon=":material/download:", key="prepare")
    if pressed and _prepare(spec, select):
        st.rerun()


def _prepare(spec: DataSpec, select: str) -> bool:
    """Starts the preparation; says in words where it cannot be."""
    try:
        gate.desk().prepare(spec, select)
    except UnlearnscopeError as error:
        st.error(plain(error), icon=":material/error:")
        return False
    return True


def _watch(spec: DataSpec, select: str) -> None:
    status = background.prepare_status(spec, home(), select)
    if status is None or not status.working:
        st.rerun()
    share = status.done / status.total if status.total else 0.0
    st.progress(min(share, 1.0), text=f"Preparing {dataset(spec.dataset).title}: {plain(status.message)}")


def show(data: ImageData, forget: ForgetSet, words: str = "", order: np.ndarray | None = None) -> None:
    """Pictures of forget samples and counts per class.

    Args:
        data: the prepared dataset.
        forget: what would be forgotten.
        words: on how it was chosen.
        order: the samples in the order to show them; a few of each class in turn by default.
    """
    if order is None:
        chosen = _spread(forget.indices, np.asarray(data.train_labels[forget.indices]), MOST_SHOWN)
    else:
        chosen = order[:MOST_SHOWN]
    total = len(data.train_labels)
    share = len(forget.indices) / total
    st.markdown(
        f"**{len(forget.indices):,} of {total:,}** training images ({share:.1%}) would be forgotten; "
        f"{total - len(forget.indices):,} stay, {len(data.test_labels):,} are unseen."
    )
    if words:
        st.caption(words)
    if forget.duplicates:
        again = "entry of the file was" if forget.duplicates == 1 else "entries of the file were"
        st.caption(f"{forget.duplicates:,} repeated {again} dropped.")
    pictures(data, chosen, f"{len(chosen)} of the images to forget", "Small pictures of images to forget")
    counts = [c for c in counts_per_class(forget, data) if c.forget]
    table = pd.DataFrame(
        {
            "Class": [c.name for c in counts],
            "Forget": [c.forget for c in counts],
            "Of": [c.train for c in counts],
            "Share": [c.forget / c.train for c in counts],
        }
    )
    st.dataframe(
        shown_table(table),
        hide_index=True,
        column_config={
            "Share": st.column_config.ProgressColumn(format="percent", min_value=0.0, max_value=1.0, color="#D55E00")
        },
        height=min(38 + 35 * len(counts), 213),
        placeholder="–",
        alt="How many images of each class would be forgotten",
    )


def pictures(data: ImageData, chosen: np.ndarray, caption: str, alt: str) -> None:
    """Training images side by side; a caption of their own would keep their width on a narrow screen."""
    shown = np.asarray(data.train_images[chosen])
    each = COLUMNS * ROWS
    starts = list(range(0, len(shown), each))
    if len(starts) > 1 and len(shown) - starts[-1] < COLUMNS:
        # All are drawn equally wide, so that a shorter row would be larger.
        starts.pop()
    sheets = [sprite(part, TILE, COLUMNS, clear=True) for part in np.split(framed(shown), starts[1:])]
    # One picture for those who do not see it.
    st.image(sheets, alt=[alt, *[""] * (len(sheets) - 1)], width=min(COLUMNS, len(chosen)) * TILE)
    st.caption(caption)


def _spread(indices: np.ndarray, labels: np.ndarray, most: int) -> np.ndarray:
    """Up to `most` indices, taken from the classes in turn, so that no class hides the others."""
    turn = np.zeros(len(indices), dtype=np.int64)
    for label in np.unique(labels):
        turn[labels == label] = np.arange(np.count_nonzero(labels == label))
    order = np.lexsort((labels, turn))
    picked = order[:most]
    return indices[np.sort(picked)] if len(np.unique(labels)) == 1 else indices[picked]
