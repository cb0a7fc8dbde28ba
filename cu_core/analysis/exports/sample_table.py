"""The recorded samples over rounds as one Parquet file, with the columns that Embedding Atlas asks for.

One row per sample and moment (a round, or a reference): where it lies in the picture, its nearest neighbours, its
signals, its image. What Embedding Atlas calls the id of a row is its place in the file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from cu_core.analysis.exports.run_images import class_titles, images_of, recorded_images, recorded_names
from cu_core.analysis.scenes import recorded_array
from cu_core.base.errors import BadInput
from cu_core.base.files import write_atomically
from cu_core.base.home import Home
from cu_core.data.images import ImageData
from cu_core.data.thumbnails import thumbnail
from cu_core.projections.map_request import MapRequest
from cu_core.projections.map_store import Picture, read_picture
from cu_core.projections.nearest_samples import Rows, nearest_others
from cu_core.runstore.reader import RunView

NEIGHBOURS = 10
LARGEST_TILE = 96
# Signals with one number per sample: the name of the array, of a reference another one where it has one.
SIGNALS = {
    "loss": "loss",
    "margin": "margin",
    "boundary": "boundary",
    "two_view_cosine": "two_view_cosine",
    "own_centroid_cosine": "own_centroid_cosine",
    "cosine_to_start": "aligned_cosine",
    "moved": "moved",
    "moved_relative": "moved_relative",
}
# Each image occurs once per round; in a dictionary it is stored once.
_DICTIONARY_BYTES = 2**30


@dataclass(frozen=True)
class Moment:
    """A round or a reference of a run.

    Attributes:
        number: of the round; None for a reference.
        seed: of the reference; None for a round.
    """

    number: int | None
    seed: int | None = None

    @property
    def title(self) -> str:
        """As the table and file names call it."""
        return f"reference {self.seed}" if self.number is None else f"round {self.number}"


def moments_of(view: RunView, only: int | None = None) -> list[Moment]:
    """All rounds of a run, then its references; or one round alone.

    Raises:
        BadInput: nothing was recorded, or no such round.
    """
    rounds = view.rounds()
    if not rounds:
        raise BadInput("run", f"{view.run_id} has no round that can be read")
    if only is not None:
        if only not in rounds:
            raise BadInput("--round", f"round {only} was not recorded", [f"{rounds[0]} to {rounds[-1]}"])
        return [Moment(only)]
    return [*map(Moment, rounds), *(Moment(None, seed) for seed in view.references())]


def moment_array(view: RunView, moment: Moment, name: str) -> np.ndarray | None:
    """A recorded array of a moment; None where it was not recorded, or is damaged."""
    return recorded_array(view, name, moment.number, moment.seed)


@dataclass(frozen=True)
class Taken:
    """What was written.

    Attributes:
        rows: of the table.
        moments: rounds and references in it.
        images: whether images are in it.
        picture: where x and y come from, in words.
        neighbours: whether neighbours are in it.
    """

    rows: int
    moments: int
    images: bool
    picture: str
    neighbours: bool


def write_samples(home: Home, view: RunView, file: Path, *, only: int | None = None, images: bool = True) -> Taken:
    """Writes the recorded samples of a run into a Parquet file.

    Args:
        home: where its dataset and pictures are kept.
        view: the run.
        file: to write; replaced if it exists.
        only: one round; all rounds and references by default.
        images: whether each row gets its image, where this machine has it.

    Raises:
        BadInput: nothing was recorded, or no such round.
    """
    probe, moments, data = view.probe(), moments_of(view, only), images_of(home, view)
    picture = _drawn(home, view, moments, len(probe))
    table = pa.concat_tables(_moment_tables(view, probe, moments, data, picture))
    neighbours = table.column("neighbors").null_count == 0
    if not neighbours:
        table = table.drop_columns(["neighbors"])
    shown = images and data is not None
    if shown and data is not None:
        pictures = _pictures(data, probe)
        table = table.append_column("image", pa.chunked_array([pictures] * len(moments)))
    words = "the run's map" if picture is not None else "principal axes of round 0"
    about = {"run": view.run_id, "projection": words, "title": view.row().title}
    table = table.replace_schema_metadata({"unlearnscope": json.dumps(about)})

    def write(target: object) -> None:
        pq.write_table(
            table, target, compression="zstd", row_group_size=len(table), dictionary_pagesize_limit=_DICTIONARY_BYTES
        )

    write_atomically(file, write)
    return Taken(len(table), len(moments), shown, words, neighbours)


def _drawn(home: Home, view: RunView, moments: Sequence[Moment], samples: int) -> dict[str, np.ndarray] | None:
    """Places on the run's stored map by moment; None where there is no map with all of them."""
    found = read_picture(home, MapRequest(view.run_id))
    if found is None or found.coordinates.shape[1:] != (samples, 2):
        return None
    places = {title: xy for title, xy in zip(_titles(view, found), found.coordinates, strict=True) if title}
    return places if all(moment.title in places for moment in moments) else None


def _titles(view: RunView, picture: Picture) -> Iterator[str]:
    """What each moment of a picture is here; empty for one of another run, or that was done again since."""
    for drawn in picture.manifest["moments"]:
        of_round = drawn.get("kind") == "round"
        here = Moment(drawn["number"]) if of_round else Moment(None, drawn["number"])
        if drawn.get("run") != view.run_id or drawn.get("kind") not in ("round", "reference"):
            yield ""
            continue
        try:
            manifest = view.manifest(drawn["number"]) if of_round else view.reference_manifest(drawn["number"])
        except BadInput:
            yield ""
            continue
        same = manifest["arrays"].get("embedding", {}).get("sha256") == drawn.get("sha256")
        yield here.title if same else ""


def _moment_tables(
    view: RunView,
    probe: pd.DataFrame,
    moments: Sequence[Moment],
    data: ImageData | None,
    picture: dict[str, np.ndarray] | None,
) -> Iterator[pa.Table]:
    count = len(probe)
    names = recorded_names(data, probe)
    for place, moment in enumerate(moments):
        best, probability = moment_array(view, moment, "top3_class"), moment_array(view, moment, "top3")
        logits = moment_array(view, moment, "logits")
        known = max(int(probe["label"].max()), int(best.max()) if best is not None else 0) + 1
        titles = np.array(class_titles(data, max(known, logits.shape[1] if logits is not None else 0)), dtype=object)
        predicted = best[:, 0] if best is not None else None
        xy = picture[moment.title] if picture is not None else moment_array(view, moment, "coordinates")
        columns: dict[str, object] = {
            "moment": pa.array([moment.title] * count),
            "round": pa.array([moment.number] * count, pa.int32()),
            "sample": pa.array(probe["sample"], pa.int64()),
            "split": pa.array(probe["split"], pa.string()),
            "group": pa.array(probe["group"], pa.string()),
            "rule": pa.array(probe["rule"], pa.bool_()),
            "label": pa.array(titles[probe["label"]], pa.string()),
            "true_label": pa.array(titles[probe["true_label"]], pa.string()),
            "predicted": _texts(titles[predicted] if predicted is not None else None, count),
            "correct": _flags(predicted == probe["label"].to_numpy() if predicted is not None else None, count),
            "top1": _numbers(probability[:, 0] if probability is not None else None, count),
        }
        for name, of_reference in SIGNALS.items():
            array = moment_array(view, moment, name if moment.number is not None else of_reference)
            columns[name] = _numbers(array, count)
        columns |= {
            "x": _numbers(xy[:, 0] if xy is not None else None, count),
            "y": _numbers(xy[:, 1] if xy is not None else None, count),
            "neighbors": _neighbours(moment_array(view, moment, "embedding"), count, place * count),
        }
        if names is not None:
            columns["file"] = pa.array(names, pa.string())
        yield pa.table(columns)


_NEIGHBOURS = pa.struct([("ids", pa.list_(pa.int64())), ("distances", pa.list_(pa.float32()))])


def _neighbours(embedding: np.ndarray | None, count: int, first: int) -> pa.Array:
    """The nearest other recorded samples of the same moment, in the full space, as rows of the file.

    Args:
        embedding: (n, d); None where it was not recorded.
        count: n.
        first: row of the moment's first sample.
    """
    if embedding is None or count < 2:
        return pa.nulls(count, _NEIGHBOURS)
    rows = np.asarray(embedding, np.float32)
    owner = np.arange(count)
    found, distances = nearest_others(rows, owner, Rows(rows, owner), NEIGHBOURS)
    ends = np.arange(0, found.size + 1, found.shape[1], dtype=np.int32)
    parts = [
        pa.ListArray.from_arrays(ends, (found + first).ravel()),
        pa.ListArray.from_arrays(ends, distances.astype(np.float32).ravel()),
    ]
    return pa.StructArray.from_arrays(parts, fields=list(_NEIGHBOURS))


def _pictures(data: ImageData, probe: pd.DataFrame) -> pa.Array:
    """The images as PNG files, in the form in which Hugging Face stores images."""
    images = recorded_images(data, probe)
    tile = min(max(images.shape[2:]), LARGEST_TILE)
    files = [{"bytes": thumbnail(image, tile), "path": None} for image in images]
    return pa.array(files, pa.struct([("bytes", pa.binary()), ("path", pa.string())]))


def _numbers(values: np.ndarray | None, count: int) -> pa.Array:
    """Numbers, with nothing in place of what is not one."""
    if values is None:
        return pa.nulls(count, pa.float32())
    return pa.array(np.asarray(values, np.float32), pa.float32(), from_pandas=True)


def _texts(values: np.ndarray | None, count: int) -> pa.Array:
    return pa.nulls(count, pa.string()) if values is None else pa.array(values, pa.string())


def _flags(values: np.ndarray | None, count: int) -> pa.Array:
    return pa.nulls(count, pa.bool_()) if values is None else pa.array(values, pa.bool_())
