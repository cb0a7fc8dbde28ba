"""What happens to each kind of image set: read, or refused in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cu_core.base.errors import DatasetError
from cu_core.base.home import Home
from cu_core.catalogue.spec_parts import DataSpec
from cu_core.data.folder import load
from cu_core.data.source import silent
from tests.data.input_kinds import SIDE, InputKind


@dataclass(frozen=True)
class Outcome:
    """What became of a kind.

    Attributes:
        words: what was said of it, without the folder that it lay in.
        classes: by label; empty where it was refused.
        labels: of the training and of the unseen images.
        images: the same, (n, 3, h, w).
        names: the same.
    """

    words: str
    classes: tuple[str, ...] = ()
    labels: Sequence[np.ndarray] = field(default_factory=list)
    images: Sequence[np.ndarray] = field(default_factory=list)
    names: Sequence[Sequence[str]] = field(default_factory=list)


def outcome(kind: InputKind, folder: Path) -> Outcome:
    """Makes a kind below an empty folder and reads it, without the disk writes of a prepared dataset."""
    (folder / "in").mkdir(parents=True)
    path = kind.make(folder / "in")
    spec = DataSpec(f"folder:{path}", **{"image_size": SIDE, **kind.settings})
    try:
        source = load(spec, Home(folder / "home"), silent)
        labels = [source.train_labels, source.test_labels]
        images = [
            np.stack([np.asarray(image) for image in source.read(part, np.arange(len(of)))])
            for part, of in zip(("train", "test"), labels, strict=True)
        ]
        assert source.findings is not None
        words = " ".join(source.findings().lines(source.classes))
    except DatasetError as error:
        words = str(error).replace(f"{folder.resolve() / 'in'}/", "").replace(str(folder.resolve() / "in"), "set")
        return Outcome(words)
    return Outcome(words, source.classes, labels, images, [source.names["train"], source.names["test"]])
