"""A folder for TensorBoard's projector: a tensor per round and reference, their metadata, one sprite, the config."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from cu_core.analysis.exports.export_folder import write_folder
from cu_core.analysis.exports.run_images import class_titles, images_of, recorded_images, recorded_names
from cu_core.analysis.exports.sample_table import Moment, moment_array, moments_of
from cu_core.base.display_text import one_line
from cu_core.base.errors import BadInput
from cu_core.base.home import Home
from cu_core.data.images import ImageData
from cu_core.data.thumbnails import sprite
from cu_core.runstore.reader import RunView

CONFIG = "projector_config.pbtxt"
SPRITE = "sprite.png"
LARGEST_SPRITE = 8192
"""Side in px that the projector can show."""
LARGEST_TILE = 64


def write_projector(home: Home, view: RunView, target: Path) -> tuple[int, int, bool]:
    """Writes the folder, or a zip of it. Files of an earlier export that is there already go; other files stay.

    Args:
        home: where the run's images are.
        view: the run.
        target: the folder, or a name that ends in ``.zip``.

    Returns:
        Bytes, how many rounds and references it holds, and whether the images are in it.

    Raises:
        BadInput: no embedding was recorded, or the folder cannot be written.
    """
    probe, data = view.probe(), images_of(home, view)
    moments = [moment for moment in moments_of(view) if moment_array(view, moment, "embedding") is not None]
    if not moments:
        raise BadInput("run", f"{view.run_id} has no embeddings")

    def write(folder: Path) -> None:
        tile = _write_sprite(folder / SPRITE, data, probe) if data is not None else 0
        for moment in moments:
            stem = moment.title.replace(" ", "-")
            embedding = moment_array(view, moment, "embedding")
            assert embedding is not None
            np.savetxt(folder / f"{stem}.tsv", embedding.astype(np.float32), fmt="%.5g", delimiter="\t")
            lines = _metadata(view, moment, probe, data)
            (folder / f"{stem}-metadata.tsv").write_text("\n".join(map("\t".join, lines)) + "\n", "utf-8")
        (folder / CONFIG).write_text(_config(moments, tile), "utf-8")

    earlier = _written_before(target)
    size = write_folder(target, write)
    now = _written_before(target)
    for name in earlier - now:
        size -= (target / name).stat().st_size
        (target / name).unlink()
    return size, len(moments), data is not None


def _written_before(folder: Path) -> set[str]:
    """Names of the files that the config of an export in a folder speaks of, of those that are there."""
    try:
        config = (folder / CONFIG).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return set()
    # As `_config` writes them; a tensor without such metadata, or in another folder, is somebody else's.
    named = set(re.findall(r'_path: "([^"/\\]+)"', config))
    tensors = {name for name in named if name.replace(".tsv", "-metadata.tsv") in named - {name}}
    ours = tensors | {name.replace(".tsv", "-metadata.tsv") for name in tensors} | (named & {SPRITE})
    return {name for name in ours if (folder / name).is_file()}


def _write_sprite(path: Path, data: ImageData, probe: pd.DataFrame) -> int:
    """Writes all images as one picture, row by row; returns the side of each."""
    images = recorded_images(data, probe)
    columns = int(np.ceil(np.sqrt(len(images))))
    tile = max(1, min(max(images.shape[2:]), LARGEST_TILE, LARGEST_SPRITE // columns))
    path.write_bytes(sprite(images, tile, columns))
    return tile


def _metadata(view: RunView, moment: Moment, probe: pd.DataFrame, data: ImageData | None) -> list[list[str]]:
    """A line of headings and one per sample."""
    best, probability = moment_array(view, moment, "top3_class"), moment_array(view, moment, "top3")
    loss = moment_array(view, moment, "loss")
    most = max(int(probe["label"].max()), int(best.max()) if best is not None else 0)
    titles = class_titles(data, most + 1)
    columns: dict[str, Sequence[object]] = {
        "sample": list(probe["sample"]),
        "split": list(probe["split"]),
        "group": list(probe["group"]),
        "label": [titles[label] for label in probe["label"]],
    }
    if best is not None:
        columns["predicted"] = [titles[label] for label in best[:, 0]]
    if probability is not None:
        columns["top1"] = [f"{value:.4f}" for value in probability[:, 0]]
    if loss is not None:
        columns["loss"] = [f"{value:.4g}" for value in loss]
    if (names := recorded_names(data, probe)) is not None:
        columns["file"] = names
    return [list(columns), *([one_line(str(cell)) for cell in row] for row in zip(*columns.values(), strict=True))]


def _config(moments: Sequence[Moment], tile: int) -> str:
    """The text form of the projector's own message; the last round stands first, since that one is shown at once."""
    rounds = [moment for moment in moments if moment.number is not None]
    others = [moment for moment in moments if moment.number is None]
    parts = []
    for moment in [*reversed(rounds), *others]:
        stem = moment.title.replace(" ", "-")
        lines = [
            f"  tensor_name: {json.dumps(moment.title)}",
            f"  tensor_path: {json.dumps(f'{stem}.tsv')}",
            f"  metadata_path: {json.dumps(f'{stem}-metadata.tsv')}",
        ]
        if tile:
            lines.append(
                f"  sprite {{ image_path: {json.dumps(SPRITE)} single_image_dim: {tile} single_image_dim: {tile} }}"
            )
        parts.append("\n".join(["embeddings {", *lines, "}"]))
    return "\n".join(parts) + "\n"
