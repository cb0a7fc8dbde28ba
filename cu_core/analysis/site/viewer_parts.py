"""What the viewer of drift needs in a static page: its scripts as they lie in assets, and a run's samples as messages.

The scripts are those of the dashboard, modules that export one function each. A page from disk may load no modules,
so each becomes a function that returns what the module exports.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from PIL import Image

from cu_core.analysis import scenes
from cu_core.analysis.exports.run_images import recorded_images, recorded_names
from cu_core.analysis.scenes import Shown
from cu_core.base.display_text import cut, one_line
from cu_core.base.home import Home
from cu_core.base.installation import dashboard_folder
from cu_core.data.images import ImageData
from cu_core.data.thumbnails import sprite
from cu_core.figures.scene import Scene, SceneSamples, pack_message, pack_scene, scene_alt
from cu_core.projections.map_request import MapRequest
from cu_core.projections.map_store import read_picture

EXPORT = "export default function"
LAST = "viewer.js"
"""The script that makes a viewer of the others' parts."""

BUDGET = 1_900_000
"""Bytes of all messages of a run, before base64 makes four of every three."""
MOST_SAMPLES = 2000
PER_SAMPLE = 26
"""Bytes that a sample takes in a round at most: two views with two axes each, and what the card says."""
COLUMNS = 50
LARGEST_TILE = 64
SPRITE_PIXELS = 8_000_000
QUALITIES = (90, 75, 60, 45, 30)
LONGEST_NAME = 60


@dataclass(frozen=True)
class SiteView:
    """One picture of the samples that a page can show.

    Attributes:
        title: on its button.
        words: what its axes are.
        message: the packed scene.
        alt: what is drawn, in words.
    """

    title: str
    words: str
    message: bytes
    alt: str


@dataclass(frozen=True)
class ViewerParts:
    """What of a run the viewer shows.

    Attributes:
        views: the pictures; the first is shown first.
        samples: the packed samples.
        sprite: the packed thumbnails; None where there are none.
        drawn: how many samples are drawn.
        recorded: how many were recorded.
    """

    views: list[SiteView]
    samples: bytes
    sprite: bytes | None
    drawn: int
    recorded: int


def viewer_scripts() -> str:
    """The viewer as one classic script: functions ``openMessage`` and ``openViewer``, that the modules exported."""
    assets = dashboard_folder() / "assets"
    parts = sorted((assets / "webgl").glob("*.js")) + sorted(
        (assets / "viewer").glob("*.js"), key=lambda path: (path.name == LAST, path.name)
    )
    message = assets / "viewer" / "message.js"
    return "\n".join(
        [
            _function("openMessage", [message]),
            _function("openViewer", [path for path in parts if path != message]),
        ]
    )


def _function(name: str, files: list[Path]) -> str:
    text = "\n".join(path.read_text(encoding="utf-8") for path in files)
    if text.count(EXPORT) != 1:
        raise ValueError(f"{name}: exactly one of {[path.name for path in files]} has to export a function")
    return f"const {name} = (() => {{\n{text.replace(EXPORT, 'function exported')}\nreturn exported\n}})()"


def viewer_markup() -> tuple[str, str]:
    """HTML and style sheet of the viewer, with what it needs on such a page."""
    assets = dashboard_folder() / "assets"
    html, css, small = (
        (assets / name).read_text(encoding="utf-8")
        for name in ("viewer/viewer.html", "viewer/viewer.css", "site/viewer_site.css")
    )
    return html, css + small


def most_samples(states: int) -> int:
    """How many samples are drawn where there are so many rounds and references, for the page to keep its size."""
    return max(1, min(MOST_SAMPLES, BUDGET // 2 // (PER_SAMPLE * states)))


def viewer_parts(home: Home, shown: Shown, data: ImageData | None) -> ViewerParts:
    """The messages of a run.

    Args:
        home: where stored maps lie.
        shown: what is drawn, of at most `most_samples`.
        data: the images; None to show none.
    """
    samples = scenes.samples_of(shown)
    views = _views(home, shown, samples)
    left = BUDGET - len(samples.message) - sum(len(view.message) for view in views)
    probe = shown.view.probe()
    pictures = None if data is None else _sprite(data, probe.iloc[samples.row], left)
    return ViewerParts(views, samples.message, pictures, len(samples.row), len(probe))


def _views(home: Home, shown: Shown, samples: SceneSamples) -> list[SiteView]:
    title, _ = scenes.boundary_words(shown.view)
    boundary = (
        f"Left to right: {title[0].lower()}{title[1:]}, at 0 the model is undecided between a sample's class and the "
        "strongest other one. Bottom to top: cosine of each sample's embedding to its own before unlearning. Both are "
        "exact, nothing is projected."
    )
    found = [_packed("Boundary", boundary, scenes.boundary_scene(shown), samples)]
    stored = read_picture(home, MapRequest(shown.view.run_id))
    if stored is not None:
        words = (
            "A map of the embeddings of all rounds on the same axes: who is near is alike to the model. A map of many "
            "dimensions in two distorts distances."
        )
        found.append(_packed("Map", words, scenes.picture_scene(shown, "map", stored), samples))
    elif any("coordinates" in shown.view.manifest(number)["arrays"] for number in shown.rounds):
        words = (
            "The embeddings of all rounds on the two axes along which those before unlearning spread most. What lies "
            "across these axes is not seen. A retrained model has axes of its own, and is placed only where it was "
            "recorded on these."
        )
        found.append(_packed("Principal axes", words, scenes.preview_scene(shown), samples))
    return found


def _packed(title: str, words: str, scene: Scene, samples: SceneSamples) -> SiteView:
    message = pack_scene(scene, samples.predictions_at(scene.states))
    return SiteView(title, words, message, scene_alt(scene, samples))


def _sprite(data: ImageData, probe: pd.DataFrame, room: int) -> bytes | None:
    """Thumbnails of the drawn samples as a PNG where that fits, else as a WebP; None where not even that does."""
    images = recorded_images(data, probe)
    tile = int(min(*images.shape[2:], LARGEST_TILE, max(4, (SPRITE_PIXELS / len(images)) ** 0.5)))
    columns = min(COLUMNS, len(images))
    names = [cut(one_line(name), LONGEST_NAME) for name in recorded_names(data, probe) or ()]
    while tile >= 4:
        png = sprite(images, tile, columns)
        for packed in (png, *(_webp(png, quality) for quality in QUALITIES)):
            # Browsers tell by the first bytes which of the two it is.
            message = pack_message({"columns": columns, "names": names}, {"png": packed})
            if len(message) <= room:
                return message
        tile = tile * 3 // 4
    return None


def _webp(png: bytes, quality: int) -> bytes:
    file = io.BytesIO()
    with Image.open(io.BytesIO(png)) as picture:
        picture.convert("RGB").save(file, "WEBP", quality=quality)
    return file.getvalue()
