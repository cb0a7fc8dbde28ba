"""Scales (dataset, network, epochs) of the tables of Wang & Chen, with all numbers of their recipes.

Wang & Chen state: 10,000 training images, ResNet-18, 1,600 epochs of Adam at 0.01 for encoders, 2,000 forgotten
samples, 10 epochs of unlearning. They do not state the batch size, the schedule, the recipe of the supervised models
or any hyper-parameter of unlearning; those are choices of this project at every scale, the last ones in
`cu_core.catalogue.recipes`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cu_core.catalogue.backbone_record import backbone
from cu_core.catalogue.recipes import DIGITS_ENCODER_BY_HEART
from cu_core.catalogue.spec import RunSpec
from cu_core.catalogue.spec_parts import DataSpec, ModelSpec, TrainSpec

PAPER_IMAGES = 10_000


@dataclass(frozen=True)
class Scale:
    """One size.

    Attributes:
        id: name on the command line.
        title: name on the page.
        size: how large it is in words, for titles; everything but the paper's own scale says that it is reduced.
        what: the images in words.
        suffix: of the presets' names.
        data: images; a table of datasets puts each of them in its place.
        images: training images; 0 stands for all that a dataset has.
        model: network of the encoders.
        classifier: network of the supervised models.
        train: recipe by objective.
        fixed: settings that this scale decides for every row; rows that differ in nothing else become one.
        shrunk: factor by which a number in a row's or table's settings is made smaller.
        settings: settings of every run, see `Row.settings`.
        most_seeds: seeds of a table that this scale has time for; 0 for all.
    """

    id: str
    title: str
    size: str
    what: str
    suffix: str
    data: DataSpec
    images: int
    model: ModelSpec
    classifier: ModelSpec
    train: Mapping[str, TrainSpec]
    fixed: frozenset[str] = frozenset()
    shrunk: Mapping[str, float] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    most_seeds: int = 0


def _encoders(common: TrainSpec, queue: int, moco_epochs: int = 0) -> dict[str, TrainSpec]:
    """The same recipe for every encoder; only MoCo reads the length of the queue, and may need longer."""
    settings = vars(common) | {"queue": queue}
    recipes = {name: TrainSpec(**(settings | {"objective": name})) for name in ("moco", "simclr", "byol")}
    return recipes | {"moco": replace(recipes["moco"], epochs=moco_epochs or common.epochs)}


PAPER = Scale(
    id="paper",
    title="The paper's",
    size="the paper's scale",
    what="images",
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
    title="Reduced",
    size="reduced scale",
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
    shrunk={"forget.count": 2000 / PAPER_IMAGES},
)

DIGITS = Scale(
    id="digits",
    title="Digits",
    size="reduced scale",
    what="digits of 8 × 8 pixels",
    suffix="-digits",
    # Few images, so that an encoder knows them by heart in half a minute.
    data=DataSpec("digits", train_limit=300),
    images=300,
    model=ModelSpec("wide-cnn"),
    classifier=ModelSpec("wide-cnn", head="plain"),
    train=_encoders(DIGITS_ENCODER_BY_HEART, DIGITS_ENCODER_BY_HEART.queue)
    | {"supervised": TrainSpec(epochs=30, batch_size=64, optimizer="adam", lr=1e-3, weight_decay=0.0)},
    fixed=frozenset({"data.dataset"}),
    shrunk={"forget.count": 300 / PAPER_IMAGES},
)

AIRBENCH = Scale(
    id="airbench",
    title="Ten thousand images, two cores",
    size="reduced scale",
    what="images",
    suffix="-airbench",
    data=PAPER.data,
    images=PAPER.images,
    model=ModelSpec("airbench-s"),
    classifier=ModelSpec("airbench-s", head="plain"),
    # As many epochs as processors take in an hour or two, in place of 1,600; the rest as on 2,000 images.
    train=_encoders(
        TrainSpec(epochs=100, batch_size=256, optimizer="adam", lr=1e-3, weight_decay=0.0, smallest_crop=0.5),
        queue=1024,
        moco_epochs=200,
    )
    | {"supervised": TrainSpec(epochs=30, batch_size=128, optimizer="adam", lr=1e-3, weight_decay=0.0)},
    most_seeds=3,
)

SCALES: dict[str, Scale] = {s.id: s for s in (PAPER, SMALL, AIRBENCH, DIGITS)}


def title_of(scale: Scale, specs: Sequence[RunSpec]) -> str:
    """What a table's title says of the scale: images, and the networks and epochs of its runs."""
    epochs = _listed(f"{n:,}" for n in sorted({spec.train.epochs for spec in specs}))
    networks = _listed(dict.fromkeys(backbone(spec.model.backbone).title for spec in specs))
    images = f"{scale.images:,} {scale.what}" if scale.images else scale.what
    return f"{scale.size}: {images}, {networks}, {epochs} epochs"


def _listed(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
