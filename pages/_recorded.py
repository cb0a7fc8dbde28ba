"""What the pages about one run read of its recorded rounds: snapshots by moment, class names, images."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from cu_core.data.images import ImageData
from cu_core.data.store import open_key, open_prepared
from cu_core.data.thumbnails import sprite
from cu_core.figures.drift import Snapshot, choose_points
from cu_core.home import Home
from cu_core.runs.reader import RunView, open_run
from pages._common import home
from pages._hover import Sprite

SPRITE_COLUMNS = 50
LARGEST_TILE = 64
SPRITE_PIXELS = 8_000_000
"""Bound of a sprite; more images get smaller tiles."""

Stamp = tuple[tuple[int, str], ...]


def stamp(view: RunView, rounds: list[int]) -> Stamp:
    """Which rounds there are, with a hash of what they hold: a cache key that no large array is part of."""
    return tuple((number, _hash(view.manifest(number))) for number in rounds)


def reference_stamp(view: RunView, seed: int | None) -> Stamp:
    """The same for one reference; empty for none."""
    return () if seed is None else ((seed, _hash(view.reference_manifest(seed))),)


def pick_reference(view: RunView) -> int | None:
    """The reference to show: the only one, or the one that is picked; None where there is none."""
    seeds = view.references()
    if len(seeds) < 2:
        return seeds[0] if seeds else None
    return st.selectbox(
        "Reference retrained with",
        seeds,
        format_func=lambda seed: f"seed {seed}",
        key="reference",
        bind="query-params",
        width=220,
    )


def snapshot_of(view: RunView, number: int | None, seed: int | None = None) -> Snapshot:
    """A round, or the reference of a seed where the number is None, as the map needs it."""
    manifest = view.reference_manifest(_known(seed)) if number is None else view.manifest(number)

    def array(name: str) -> np.ndarray:
        return np.asarray(view.reference_array(_known(seed), name) if number is None else view.array(number, name))

    return Snapshot(
        array("coordinates"), array("top3_class")[:, 0], array("top3")[:, 0], array("loss"), manifest["fidelity"]
    )


def signal_of(view: RunView, name: str, number: int | None, seed: int | None = None) -> np.ndarray | None:
    """A recorded (n,) signal of a round or reference; None where it was not recorded.

    Of ``top3`` the first column is taken.
    """
    manifest = view.reference_manifest(_known(seed)) if number is None else view.manifest(number)
    if name not in manifest["arrays"]:
        return None
    array = np.asarray(view.reference_array(_known(seed), name) if number is None else view.array(number, name))
    return array[:, 0] if array.ndim == 2 else array


# Short-lived, because a dataset may be prepared, or vanish, at any time.
@st.cache_data(ttl=30, max_entries=32, show_spinner=False)
def class_names(root: str, run_id: str) -> tuple[str, ...]:
    """Class names by label; empty where the dataset does not lie prepared on this machine."""
    data = _images(home(), open_run(home(), run_id))
    return data.classes if data else ()


@st.cache_data(ttl=30, max_entries=4, show_spinner=False)
def probe_sprite(root: str, run_id: str) -> Sprite | None:
    """Images of the drawn probe samples; None where the dataset does not lie prepared on this machine."""
    view = open_run(home(), run_id)
    data = _images(home(), view)
    if data is None:
        return None
    probe = view.probe()
    probe = probe.iloc[choose_points(probe["group"].to_numpy())]
    tile = int(min(*data.train_images.shape[2:], LARGEST_TILE, max(4, (SPRITE_PIXELS / len(probe)) ** 0.5)))
    try:
        images = _pick_images(data, probe)
    except IndexError:
        # The dataset of that name is not the one that the run has seen.
        return None
    return Sprite(sprite(images, tile, SPRITE_COLUMNS), min(SPRITE_COLUMNS, len(probe)))


def _pick_images(data: ImageData, probe: pd.DataFrame) -> np.ndarray:
    samples, is_test = probe["sample"].to_numpy(), (probe["split"] == "test").to_numpy()
    images = np.empty((len(probe), *data.train_images.shape[1:]), np.uint8)
    images[~is_test], images[is_test] = data.train_images[samples[~is_test]], data.test_images[samples[is_test]]
    return images


def _images(where: Home, view: RunView) -> ImageData | None:
    key = view.dataset_key()
    # By its name, where the run has noted one: the user's folder may have moved or changed since.
    return open_key(key, where) if key else open_prepared(view.spec.data, where)


def _hash(manifest: dict[str, Any]) -> str:
    return "".join(entry["sha256"][:8] for entry in manifest["arrays"].values())


def _known(seed: int | None) -> int:
    if seed is None:
        raise ValueError("a reference is named by its seed")
    return seed
