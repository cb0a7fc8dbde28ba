"""Emoji, each in two drawings: small colour pictures, few enough that a network learns every one of them by heart.

The pictures come as two sheets of cells, one of each artist, with a table that says which emoji lies in which cell.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from cu_core.base.errors import DatasetError
from cu_core.base.files import read_json
from cu_core.base.home import Home
from cu_core.catalogue.spec_parts import DataSpec
from cu_core.data.download import fetch
from cu_core.data.findings import Findings
from cu_core.data.sampling import stratified_split
from cu_core.data.source import Progress, Source
from cu_core.data.transform import BACKGROUNDS, resize

SIZE = 32
ARTISTS = ("twitter", "google")
UNSEEN = 0.25
"""Share of the emoji that is unseen, with both drawings: the other drawing would give an unseen one away."""

_VERSION = "16.0.0"
_TABLE = "emoji.json"
_SITES = ("https://cdn.jsdelivr.net/npm", "https://unpkg.com")
# Where a file lies in the packages of npm, and its SHA-256.
_FILES = {
    _TABLE: (
        f"emoji-datasource-twitter@{_VERSION}/emoji.json",
        "1d602e65be88772bf8cc368ce16b855d719eeddbafe128d471b80203f494d29f",
    ),
    "twitter-32.png": (
        f"emoji-datasource-twitter@{_VERSION}/img/twitter/sheets-clean/32.png",
        "2767ef2e87cbfb6cc12ac46596c339549afaf0ae8771cf51100c8853f6bde632",
    ),
    "google-32.png": (
        f"emoji-datasource-google@{_VERSION}/img/google/sheets-clean/32.png",
        "b417e9f6cd4bbc10656bbfd5e13b6e9a2545b55e6a4cf7312d75be1faaa34952",
    ),
}
_BORDER = 1
_CELL = SIZE + 2 * _BORDER
# Parts of other emoji, such as colours of skin, which are no pictures of their own.
_LEFT_OUT = "Component"


def load(spec: DataSpec, home: Home, progress: Progress) -> Source:
    """Both drawings of every emoji; a quarter of the emoji is unseen, drawn class by class with the split seed.

    A sample is called ``grinning/twitter``: the emoji, and who has drawn it.

    Raises:
        DatasetError: a file is not there and cannot be downloaded; says where to put it.
    """
    folder = _folder(home)
    for name, (address, checksum) in _FILES.items():
        urls = [f"{site}/{address}" for site in _SITES]
        fetch(urls[0], folder / name, checksum, progress, mirrors=urls[1:])
    rows = _rows(folder / _TABLE)
    classes = tuple(sorted({row["category"] for row in rows}))
    kinds = np.array([classes.index(row["category"]) for row in rows], dtype=np.int64)
    emoji = dict(
        zip(("train", "test"), stratified_split(kinds, round(UNSEEN * len(rows)), spec.split_seed), strict=True)
    )
    drawings = {
        split: [(rows[index], artist) for index in indices for artist in ARTISTS if rows[index][f"has_img_{artist}"]]
        for split, indices in emoji.items()
    }
    labels = {
        split: np.array([classes.index(row["category"]) for row, _ in drawn], dtype=np.int64)
        for split, drawn in drawings.items()
    }
    sheets = {artist: _sheet(folder / f"{artist}-32.png", spec.background) for artist in ARTISTS}

    def read(split: str, indices: np.ndarray) -> Iterator[np.ndarray]:
        for index in indices:
            row, artist = drawings[split][index]
            left, top = _CELL * row["sheet_x"] + _BORDER, _CELL * row["sheet_y"] + _BORDER
            cell = sheets[artist][top : top + SIZE, left : left + SIZE].transpose(2, 0, 1)
            yield resize(cell, spec.image_size or SIZE)

    names = {split: [f"{row['short_name']}/{artist}" for row, artist in drawn] for split, drawn in drawings.items()}
    counts = {split: tuple(np.bincount(found, minlength=len(classes)).tolist()) for split, found in labels.items()}
    found = Findings(
        layout=f"Two drawings of each of {len(rows):,} emoji, of Twitter and of Google, laid on {spec.background}.",
        split="A quarter of the emoji is unseen, with both drawings.",
        train=counts["train"],
        test=counts["test"],
    )
    return Source(classes, labels["train"], labels["test"], read, names, lambda: found)


def published_files(home: Home) -> dict[Path, str]:
    """Where each file is looked for before it is fetched, and the address at which it is published."""
    return {_folder(home) / name: f"{_SITES[0]}/{address}" for name, (address, _) in _FILES.items()}


def _folder(home: Home) -> Path:
    return home.datasets / "downloads" / "emoji"


def _rows(path: Path) -> list[dict[str, Any]]:
    """The emoji of the table that have a picture, in its order."""
    drawn = [f"has_img_{artist}" for artist in ARTISTS]
    return [row for row in read_json(path) if row["category"] != _LEFT_OUT and any(row[key] for key in drawn)]


def _sheet(path: Path, background: str) -> np.ndarray:
    """(h, w, 3) uint8: all cells of one artist."""
    try:
        with Image.open(path, formats=("PNG",)) as image:
            drawn = image.convert("RGBA")
    except (OSError, ValueError) as error:
        raise DatasetError("dataset", f"{path} cannot be read ({error})") from None
    ground = Image.new("RGB", drawn.size, (BACKGROUNDS[background],) * 3)
    ground.paste(drawn.convert("RGB"), mask=drawn.getchannel("A"))
    return np.asarray(ground)
