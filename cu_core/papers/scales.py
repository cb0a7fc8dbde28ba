"""At which sizes the tables can be filled. All numbers of the recipes are in this file.

Wang & Chen state: 10,000 training images, ResNet-18, 1,600 epochs of Adam at 0.01 for encoders, 2,000 forgotten
samples, 10 epochs of unlearning. They do not state the batch size, the schedule, the recipe of the supervised models
or any hyper-parameter of unlearning; those are choices of this project at every scale, the last ones in
`cu_core.recipes`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from cu_core.models import backbone
from cu_core.spec import DataSpec, ModelSpec, TrainSpec

PAPER_IMAGES = 10_000
UNLEARNING_EPOCHS = 10


@dataclass(frozen=True)
class Scale:
    """One size.

    Attributes:
        id: name on the command line.
        what: the images in words; empty at the paper's own scale, which names no reduction.
        suffix: of the presets' names.
        data: images; a table of datasets puts each of them in its place.
        images: training images, of which the forgotten ones are a share.
        model: network of the encoders.
        classifier: network of the supervised models.
        train: recipe by objective.
        own_dataset: whether the images are no dataset of the paper's, so that a table of datasets has one row of
            its own instead.
    """

    id: str
    what: str
    suffix: str
    data: DataSpec
    images: int
    model: ModelSpec
    classifier: ModelSpec
    train: Mapping[str, TrainSpec]
    own_dataset: bool = False


def _encoders(common: TrainSpec, queue: int, moco_epochs: int = 0) -> dict[str, TrainSpec]:
    """The same recipe for every encoder; only MoCo reads the length of the queue, and may need longer."""
    settings = vars(common) | {"queue": queue}
    recipes = {name: TrainSpec(**(settings | {"objective": name})) for name in ("moco", "simclr", "byol")}
    return recipes | {"moco": replace(recipes["moco"], epochs=moco_epochs or common.epochs)}


PAPER = Scale(
    id="paper",
    what="",
    suffix="",
    data=DataSpec("cifar10", train_limit=PAPER_IMAGES),
    images=PAPER_IMAGES,
    model=ModelSpec("resnet18"),
    classifier=ModelSpec("resnet18", head="plain"),
    train=_encoders(TrainSpec(epochs=1600, batch_size=512, optimizer="adam", lr=0.01, weight_decay=0.0), 4096)
    | {"supervised": TrainSpec(epochs=100, batch_size=256, optimizer="adam", lr=1e-3, weight_decay=0.0)},
)

SMALL = Scale(
    id="small",
    what="images",
    suffix="-small",
    data=DataSpec("cifar10", train_limit=2000),
    images=2000,
    model=ModelSpec("wide-cnn"),
    classifier=ModelSpec("wide-cnn", head="plain"),
    # Large crops: with the usual ones, learning by heart takes several times as many epochs. MoCo learns from one of
    # the two views only, and after 300 epochs the attack was right on 67 % of the samples.
    train=_encoders(
        TrainSpec(epochs=300, batch_size=256, optimizer="adam", lr=1e-3, weight_decay=0.0, smallest_crop=0.5),
        queue=1024,
        moco_epochs=600,
    )
    | {"supervised": TrainSpec(epochs=30, batch_size=128, optimizer="adam", lr=1e-3, weight_decay=0.0)},
)

DIGITS = Scale(
    id="digits",
    what="digits of 8 × 8 pixels",
    suffix="-digits",
    # Few images, so that an encoder knows them by heart in half a minute.
    data=DataSpec("digits", train_limit=300),
    images=300,
    model=ModelSpec("wide-cnn"),
    classifier=ModelSpec("wide-cnn", head="plain"),
    train=_encoders(
        TrainSpec(epochs=400, batch_size=64, optimizer="adam", lr=1e-3, weight_decay=0.0, smallest_crop=0.5), 256
    )
    | {"supervised": TrainSpec(epochs=30, batch_size=64, optimizer="adam", lr=1e-3, weight_decay=0.0)},
    own_dataset=True,
)

SCALES: dict[str, Scale] = {s.id: s for s in (PAPER, SMALL, DIGITS)}


def title_of(scale: Scale, objectives: tuple[str, ...]) -> str:
    """What a table's title says of the scale: images, network and epochs of the objectives that it shows."""
    listed = " and ".join(f"{n:,}" for n in sorted({scale.train[name].epochs for name in objectives}))
    used = {(scale.classifier if name == "supervised" else scale.model).backbone for name in objectives}
    networks = " and ".join(backbone(name).title for name in sorted(used))
    head = (
        f"reduced scale: {scale.images:,} {scale.what}" if scale.what else f"the paper's scale: {scale.images:,} images"
    )
    return f"{head}, {networks}, {listed} epochs"
