"""What the pages about one run read of its recorded rounds: snapshots by moment, class names, images."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from cu_core.analysis.recorded_signals import signal_of
from cu_core.analysis.seen_images import images_of
from cu_core.base.display_text import cut, one_line
from cu_core.data.images import ImageData
from cu_core.data.thumbnails import sprite, thumbnail
from cu_core.figures.tsne_panes import choose_points
from cu_core.runstore.reader import RunView, open_run
from pages._shared.hover_card import Sprite
from pages._shared.server_home import home

SPRITE_COLUMNS = 50
LARGEST_TILE = 64
LONGEST_NAME = 60
"""Letters of a sample's name on a card."""
SPRITE_PIXELS = 8_000_000
"""Bound of a sprite; more images get smaller tiles."""

ROUND = "round"
"""Of the address, and key of the slider that follows it."""

LOOKED_AT = "round_looked_at"

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
        "Reference",
        seeds,
        format_func=view.reference_name,
        key="reference",
        bind="query-params",
        width=220,
    )


def pick_round(rounds: list[int]) -> int:
    """The round to show beside "before"; the last by default, and without a slider where there is one only."""
    later = rounds[1:]
    if len(later) < 2:
        return rounds[-1]
    wanted = wanted_round(rounds)
    # Round 0, which only other pages show, is not forgotten by passing through.
    if wanted in later:
        keep_round(rounds, wanted)
    # The address decides, also after a link or the back button; the slider follows.
    st.session_state[ROUND] = wanted if wanted in later else later[-1]
    return int(st.select_slider("Round", later, key=ROUND, on_change=_follow_slider, args=(rounds,)))


def _follow_slider(rounds: list[int]) -> None:
    keep_round(rounds, int(st.session_state[ROUND]))


def wanted_round(rounds: list[int]) -> int:
    """The round that the address asks for, else the one that this session looked at last in this run, else the last."""
    asked = st.query_params.get(ROUND, "")
    if re.fullmatch(r"[0-9]{1,9}", asked) and int(asked) in rounds:
        return int(asked)
    run, number = st.session_state.get(LOOKED_AT, ("", rounds[-1]))
    return number if run == _run() and number in rounds else rounds[-1]


def keep_round(rounds: list[int], number: int) -> None:
    """Puts the round that is looked at into the address and into the session; the last one is nobody's choice.

    Args:
        rounds: recorded so far, ascending.
        number: one of them.
    """
    _remember(rounds, number)
    wanted = None if number == rounds[-1] else str(number)
    if st.query_params.get(ROUND) == wanted:
        return
    if wanted is None:
        del st.query_params[ROUND]
    else:
        st.query_params[ROUND] = wanted


def _remember(rounds: list[int], number: int) -> None:
    if number == rounds[-1]:
        st.session_state.pop(LOOKED_AT, None)
    else:
        st.session_state[LOOKED_AT] = (_run(), number)


def _run() -> str:
    return str(st.query_params.get("run", ""))


def signal_by_round(view: RunView, name: str, rounds: list[int]) -> dict[int, np.ndarray]:
    """The signal in every round that recorded it."""
    arrays = {number: signal_of(view, name, number) for number in rounds}
    return {number: array for number, array in arrays.items() if array is not None}


@st.cache_data(max_entries=16, show_spinner=False)
def _probe(root: str, run_id: str) -> pd.DataFrame:
    return open_run(home(), run_id).probe()


def probe_of(view: RunView) -> pd.DataFrame:
    """The probe table of a run, which never changes once written: read once per server."""
    return _probe(str(home().root), view.run_id)


# Short-lived, because a dataset may be prepared, or vanish, at any time.
@st.cache_data(ttl=30, max_entries=32, show_spinner=False)
def class_names(root: str, run_id: str) -> tuple[str, ...]:
    """Class names by label; empty where the dataset does not lie prepared on this machine."""
    data = images_of(home(), open_run(home(), run_id))
    return data.classes if data else ()


@st.cache_data(ttl=30, max_entries=4, show_spinner=False)
def probe_sprite(root: str, run_id: str, rows: tuple[int, ...] | None = None) -> Sprite | None:
    """Images of the drawn probe samples; None where the dataset does not lie prepared on this machine.

    Args:
        root: of the home, part of the cache's key.
        run_id: of the run.
        rows: of the probe, in the order of the figure; by default those that `choose_points` draws.
    """
    view = open_run(home(), run_id)
    data = images_of(home(), view)
    if data is None:
        return None
    probe = view.probe()
    probe = probe.iloc[choose_points(probe["group"].to_numpy()) if rows is None else list(rows)]
    tile = int(min(*data.train_images.shape[2:], LARGEST_TILE, max(4, (SPRITE_PIXELS / len(probe)) ** 0.5)))
    images = _pick_images(data, probe)
    if images is None:
        return None
    return Sprite(sprite(images, tile, SPRITE_COLUMNS), min(SPRITE_COLUMNS, len(probe)), names_of(data, probe))


@st.cache_data(ttl=30, max_entries=16, show_spinner=False)
def thumbnails(
    root: str, run_id: str, samples: tuple[int, ...], is_test: tuple[bool, ...], tile: int
) -> list[bytes] | None:
    """One PNG per named sample; None where the dataset does not lie prepared on this machine.

    Args:
        root: of the home, part of the cache's key.
        run_id: of the run.
        samples: places in the training or the test images.
        is_test: of which of the two.
        tile: height and width in px.
    """
    data = images_of(home(), open_run(home(), run_id))
    if data is None:
        return None
    try:
        pictures = [
            (data.test_images if test else data.train_images)[k] for k, test in zip(samples, is_test, strict=True)
        ]
    except IndexError:
        # The dataset of that name is not the one that the run has seen.
        return None
    return [thumbnail(np.asarray(picture), tile) for picture in pictures]


def probe_images(view: RunView, probe: pd.DataFrame) -> np.ndarray | None:
    """(k, channels, h, w) uint8 images of lines of a run's probe; None where they are not on this machine."""
    data = images_of(home(), view)
    return None if data is None else _pick_images(data, probe)


def _pick_images(data: ImageData, probe: pd.DataFrame) -> np.ndarray | None:
    samples, is_test = probe["sample"].to_numpy(), (probe["split"] == "test").to_numpy()
    images = np.empty((len(probe), *data.train_images.shape[1:]), np.uint8)
    try:
        images[~is_test], images[is_test] = data.train_images[samples[~is_test]], data.test_images[samples[is_test]]
    except IndexError:
        # The dataset of that name is not the one that the run has seen.
        return None
    return images


def names_of(data: ImageData, probe: pd.DataFrame) -> tuple[str, ...]:
    """What the samples are called, fit to be shown; empty where they have no names."""
    names = {split: data.names(split) for split in ("train", "test")}
    if not any(names.values()):
        return ()
    return tuple(
        cut(one_line(names[split][sample]), LONGEST_NAME) if sample < len(names[split]) else ""
        for split, sample in zip(probe["split"], probe["sample"], strict=True)
    )


def _hash(manifest: dict[str, Any]) -> str:
    return "".join(entry["sha256"][:8] for entry in manifest["arrays"].values())
