"""Ready-made sweeps by name, for the command line and the sweep page."""

from __future__ import annotations

from dataclasses import dataclass

from cu_core.analysis.sweeps.sweep import Sweep
from cu_core.base.registry import Registry
from cu_core.catalogue.question_record import LEAST_REFERENCES
from cu_core.catalogue.recipes import DIGITS, LAPTOP
from cu_core.catalogue.spec import RunSpec
from cu_core.catalogue.spec_parts import DataSpec, ForgetSpec, ModelSpec


@dataclass(frozen=True)
class NamedSweep:
    """A sweep with a name.

    Attributes:
        id: name on the command line.
        title: shown on the sweep page.
        summary: one sentence: what it compares.
        sweep: what to run.
    """

    id: str
    title: str
    summary: str
    sweep: Sweep


SWEEPS: Registry[NamedSweep] = Registry("sweep", NamedSweep)

SWEEPS.add(
    NamedSweep(
        "all-methods-digits",
        "All methods, digits",
        "Every method forgets digit 5 and 100 random digits, three seeds each, "
        "with as many references as a verdict needs.",
        Sweep(
            RunSpec(train=DIGITS, forget=ForgetSpec("class:5"), reference=LEAST_REFERENCES),
            forget=("class:5", "random:100"),
            seeds=(0, 1, 2),
            group="all-methods-digits",
        ),
    ),
    NamedSweep(
        "all-methods-cifar10",
        "All methods, CIFAR-10",
        "Every method on 10,000 images of CIFAR-10 and ResNet-8: class 5 and 500 random samples, three seeds each, "
        "with as many references as a verdict needs.",
        Sweep(
            RunSpec(
                data=DataSpec("cifar10", train_limit=10_000),
                model=ModelSpec("resnet8"),
                train=LAPTOP,
                forget=ForgetSpec("class:5"),
                reference=LEAST_REFERENCES,
            ),
            forget=("class:5", "random:500"),
            seeds=(0, 1, 2),
            group="all-methods-cifar10",
        ),
    ),
)
