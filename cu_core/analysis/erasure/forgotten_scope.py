"""What was to be forgotten, told so that whoever holds the list can check it and nobody else learns it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cu_core.analysis.erasure.left_out import Included
from cu_core.base.errors import UnlearnscopeError
from cu_core.base.home import Home
from cu_core.catalogue.selections import parse_selection
from cu_core.data.copies import copies_in_words, find_copies
from cu_core.data.forget import resolve
from cu_core.data.images import ImageData
from cu_core.data.thumbnails import thumbnail
from cu_core.runstore.reader import RunView

MOST_IMAGES = 24
"""Small pictures that a record holds at most."""
TILE = 48
NOT_HERE = "the images of the run are not prepared in this home"


@dataclass(frozen=True)
class Scope:
    """The forget set of a run.

    Attributes:
        task: ``class`` where whole classes are forgotten, else ``sample``.
        samples: training samples to forget; None where the run does not tell.
        classes_touched: classes with such a sample; None where it is not known.
        classes: classes of the dataset; None where it is not known.
        dataset_sha256: hash of images, labels and class names; None where the run does not tell.
        salt: of the next.
        indices_sha256: SHA-256 of the text ``SALT:I,J,…`` with the forgotten training samples ascending; None where
            they are not known.
        why_not: why something of it is not known; empty where everything is.
        exact_copies: retained images with the pixels of a forgotten one; None where nobody has looked.
        near_copies: other retained images that look like a forgotten one; None where nobody has looked.
        unseen_copies: unseen images with the pixels of a forgotten one; None where nobody has looked.
        copies_words: the same in sentences.
        forgotten_classes: titles of the classes touched; only where names are asked for.
        indices: the forgotten training samples; only where indices are asked for.
        sample_names: their names; only where names and indices are asked for, and they have some.
        images: data addresses of PNG files, the first `MOST_IMAGES`; only where images are asked for.
    """

    task: str
    samples: int | None
    classes_touched: int | None
    classes: int | None
    dataset_sha256: str | None
    salt: str
    indices_sha256: str | None
    why_not: str
    exact_copies: int | None
    near_copies: int | None
    unseen_copies: int | None
    copies_words: Sequence[str]
    forgotten_classes: Sequence[str] | None = None
    indices: Sequence[int] | None = None
    sample_names: Sequence[str] | None = None
    images: Sequence[str] | None = None


def indices_sha256(salt: str, indices: Sequence[int]) -> str:
    """SHA-256 of the text ``SALT:I,J,…``, see `Scope.indices_sha256`."""
    listed = ",".join(str(int(index)) for index in sorted(indices))
    return hashlib.sha256(f"{salt}:{listed}".encode()).hexdigest()


def scope_of(
    home: Home, view: RunView, result: Mapping[str, Any], data: ImageData | None, asked: Included, salt: str
) -> Scope:
    """The scope of a run.

    Args:
        home: with what was worked out for its forget set.
        view: the run.
        result: content of its ``result.json``.
        data: its images; None where they are not here.
        asked: what is not left out.
        salt: in hexadecimal, new for each record.
    """
    count = result.get("forget_count")
    indices, why = _forgotten(home, view, data, count)
    found = find_copies(data, indices) if data is not None and indices is not None else None
    near = len(found.near) if found is not None and found.compared else None
    labels = np.unique(data.train_labels[indices]) if data is not None and indices is not None else None
    titles = [data.classes[label] for label in labels] if data is not None and labels is not None else None
    return Scope(
        task=view.spec.task,
        samples=count,
        classes_touched=None if labels is None else len(labels),
        classes=None if data is None else len(data.classes),
        dataset_sha256=result.get("data_sha256"),
        salt=salt,
        indices_sha256=None if indices is None else indices_sha256(salt, indices.tolist()),
        why_not=why,
        exact_copies=None if found is None else len(found.exact),
        near_copies=near,
        unseen_copies=None if found is None else len(found.unseen),
        copies_words=[] if found is None else copies_in_words(found),
        forgotten_classes=titles if asked.names else None,
        indices=indices.tolist() if asked.indices and indices is not None else None,
        sample_names=_names(data, indices) if asked.names and asked.indices else None,
        images=_pictures(data, indices) if asked.images else None,
    )


def _forgotten(home: Home, view: RunView, data: ImageData | None, count: Any) -> tuple[np.ndarray | None, str]:
    """The forgotten training samples, sorted, and what is not known of them."""
    said = NOT_HERE if data is None else ""
    if data is not None:
        try:
            selection = parse_selection(view.spec.forget.select)
            ready = selection.record.ready
            if ready is None or ready(data, home.scores):
                indices = resolve(view.spec.forget.select, data, view.spec.forget_seed, scores=home.scores).indices
                if count in (None, len(indices)):
                    return indices, said
            said = "the forget set cannot be worked out again from what is here"
        except (UnlearnscopeError, OSError):
            said = "the file or rule that chose the forget set cannot be read any more"
    try:
        probe = view.probe()
    except UnlearnscopeError:
        return None, said
    recorded = np.sort(probe.loc[probe["group"] == "forget", "sample"].to_numpy())
    # The probe holds all of a small forget set, and a draw of a large one.
    if len(recorded) == count:
        return recorded, NOT_HERE if data is None else ""
    return None, said


def _names(data: ImageData | None, indices: np.ndarray | None) -> list[str] | None:
    names = data.names("train") if data is not None else []
    return [names[index] for index in indices if index < len(names)] if names and indices is not None else None


def _pictures(data: ImageData | None, indices: np.ndarray | None) -> list[str] | None:
    if data is None or indices is None:
        return None
    pngs = [thumbnail(data.train_images[index], TILE) for index in indices[:MOST_IMAGES]]
    return [f"data:image/png;base64,{base64.b64encode(png).decode()}" for png in pngs]
