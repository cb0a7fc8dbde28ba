"""Scales (dataset, network, epochs) of the tables of Lee et al., with all numbers of their recipes.

The released code states the paper's recipe: SGD with momentum 0.9, learning rate 0.1, weight decay 1e-4, batch size
256, 100 epochs, no augmentation. The laptop scales are of this project: small enough that no table takes more than
a quarter of an hour on two cores.
"""

from __future__ import annotations

from cu_core.analysis.papers.scales import Scale
from cu_core.catalogue.recipes import DIGITS as DIGITS_RECIPE
from cu_core.catalogue.recipes import LAPTOP as LAPTOP_RECIPE
from cu_core.catalogue.recipes import PAPER as PAPER_RECIPE
from cu_core.catalogue.spec_parts import DataSpec, ModelSpec

# What a laptop scale decides itself: one dataset, one network, one recipe.
_FIXED = frozenset(
    {
        "data.dataset",
        "data.image_size",
        "model.backbone",
        "train.optimizer",
        "train.lr",
        "train.weight_decay",
        "train.schedule",
    }
)

PAPER = Scale(
    id="paper",
    title="The paper's",
    size="the paper's scale",
    what="all images",
    suffix="",
    data=DataSpec("cifar10"),
    images=0,
    model=ModelSpec("resnet18"),
    classifier=ModelSpec("resnet18"),
    train={"supervised": PAPER_RECIPE},
)

LAPTOP = Scale(
    id="laptop",
    title="Laptop: CIFAR-10",
    size="laptop scale, reduced",
    what="images of CIFAR-10",
    suffix="-laptop",
    data=DataSpec("cifar10", train_limit=3000),
    images=3000,
    model=ModelSpec("resnet8"),
    classifier=ModelSpec("resnet8"),
    train={"supervised": LAPTOP_RECIPE},
    fixed=_FIXED,
    # 500 samples become 100, so that a percent is a sample; batches shrink less, or they would be single images.
    shrunk={"forget.count": 0.2, "method.batch_size": 0.25, "method.queue": 0.2},
    settings={"probe.size": 600, "probe.tsne": False, "audit.size": 500},
    most_seeds=2,
)

DIGITS = Scale(
    id="digits",
    title="Laptop: digits",
    size="laptop scale, reduced",
    what="digits of 8 × 8 pixels",
    suffix="-digits",
    data=DataSpec("digits"),
    images=1297,
    model=ModelSpec("tiny-cnn"),
    classifier=ModelSpec("tiny-cnn"),
    train={"supervised": DIGITS_RECIPE},
    fixed=_FIXED,
    shrunk={"forget.count": 0.2, "method.batch_size": 0.25, "method.queue": 0.2},
    settings={"probe.size": 600, "probe.tsne": False},
)

SCALES: dict[str, Scale] = {s.id: s for s in (PAPER, LAPTOP, DIGITS)}
