"""Presets: named, ready-made specifications of runs."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from cu_core.base.registry import Registry
from cu_core.catalogue.method_record import method
from cu_core.catalogue.question_record import LEAST_REFERENCES
from cu_core.catalogue.recipes import (
    AIRBENCH,
    DIGITS,
    DIGITS_BY_HEART,
    DIGITS_ENCODER_BY_HEART,
    EMOJI,
    PAPER,
    unlearning_recipe,
)
from cu_core.catalogue.selections import task_of
from cu_core.catalogue.spec import MethodSpec, RunSpec
from cu_core.catalogue.spec_parts import DataSpec, ForgetSpec, ModelSpec
from cu_core.catalogue.spec_recording import StopSpec


@dataclass(frozen=True)
class Preset:
    """A named specification.

    Attributes:
        id: name on the command line.
        title: shown on the launch page.
        summary: one sentence: what it shows and where it runs.
        spec: the run; of several the first one.
        grid: all runs, where it is more than one run under a common group.
    """

    id: str
    title: str
    summary: str
    spec: RunSpec
    grid: tuple[RunSpec, ...] = ()

    @property
    def specs(self) -> tuple[RunSpec, ...]:
        """All runs of the preset."""
        return self.grid or (self.spec,)


_PAPER = MethodSpec("contrastive", method("contrastive").params(batch_size=128))
_DIGITS = MethodSpec("contrastive", unlearning_recipe("contrastive", "digits", "tiny-cnn", "class"))

SECONDS_EACH = 8
"""References of presets that train in seconds: a verdict sees the more the more there are."""
PHOTO_NETWORK = "airbench-s"
PHOTO_MODEL = ModelSpec(PHOTO_NETWORK, head="plain")
"""Its features are the embedding: behind a projector, which the recipe was not made for, it learns less."""


def _emoji(name: str, select: str) -> RunSpec:
    """A run on emoji, of which the network knows nearly all training pictures by heart."""
    return RunSpec(
        data=DataSpec("emoji"),
        model=PHOTO_MODEL,
        train=EMOJI,
        forget=ForgetSpec(select),
        method=MethodSpec("contrastive", unlearning_recipe("contrastive", "emoji", PHOTO_NETWORK, task_of(select))),
        reference=LEAST_REFERENCES,
        name=name,
    )


def _photos(name: str, select: str, images: int = 0, epochs: int = AIRBENCH.epochs) -> RunSpec:
    """A run on photographs of CIFAR-10 with a well-trained network and as many references as a verdict needs."""
    return RunSpec(
        data=DataSpec("cifar10", train_limit=images),
        model=PHOTO_MODEL,
        train=dataclasses.replace(AIRBENCH, epochs=epochs),
        forget=ForgetSpec(select),
        method=MethodSpec("contrastive", unlearning_recipe("contrastive", "cifar10", PHOTO_NETWORK, task_of(select))),
        reference=LEAST_REFERENCES,
        name=name,
    )


DEFAULT_PRESET = Preset(
    "digit-5",
    "Forget digit 5",
    "A tiny CNN forgets a whole class of the embedded digits.",
    RunSpec(
        train=DIGITS,
        forget=ForgetSpec("class:5"),
        method=_DIGITS,
        reference=SECONDS_EACH,
        name="Forget digit 5",
    ),
)

PRESETS: Registry[Preset] = Registry("preset", Preset)

PRESETS.add(
    DEFAULT_PRESET,
    Preset(
        "mislabelled-digits",
        "Forget mislabelled digits",
        "A tenth of the labels is wrong on purpose; the model forgets exactly those.",
        RunSpec(
            data=DataSpec(label_noise=0.1),
            train=DIGITS_BY_HEART,
            forget=ForgetSpec("mislabelled"),
            method=_DIGITS,
            reference=SECONDS_EACH,
            name="Forget mislabelled digits",
        ),
    ),
    Preset(
        "random-digits",
        "Forget a random tenth of the digits",
        "Sample forgetting: afterwards the forgotten digits look like ones the model never saw.",
        RunSpec(
            train=DIGITS,
            forget=ForgetSpec("fraction:0.1"),
            method=_DIGITS,
            reference=SECONDS_EACH,
            name="Forget a random tenth of the digits",
        ),
    ),
    Preset(
        "sharded-digits",
        "Forget forty digits exactly, by SISA",
        "Four classifiers learn a quarter of the digits each, in three slices; shards with forgotten digits are "
        "trained again.",
        RunSpec(
            train=dataclasses.replace(DIGITS, shards=4, slices=3),
            forget=ForgetSpec("random:40"),
            method=MethodSpec("sisa"),
            reference=1,
            name="Forget forty digits exactly, by SISA",
        ),
    ),
    Preset(
        "moco-digits",
        "An encoder forgets a fifth of the digits",
        "MoCo learns the digits without labels, gradient-penalty unlearning makes a fifth of 300 strangers again.",
        RunSpec(
            data=DataSpec("digits", train_limit=300),
            model=ModelSpec("wide-cnn"),
            train=dataclasses.replace(DIGITS_ENCODER_BY_HEART, objective="moco"),
            forget=ForgetSpec("fraction:0.2"),
            method=MethodSpec(
                "gradient_penalty_members",
                unlearning_recipe("gradient_penalty_members", "digits", "wide-cnn", "sample", "moco"),
            ),
            stop=StopSpec(rule="none"),
            reference=1,
            name="An encoder forgets a fifth of the digits",
        ),
    ),
    Preset(
        "emoji-flags",
        "Forget the flags",
        "A network knows 2,860 emoji by heart and forgets a class of its nine.",
        _emoji("Forget the flags", "class:Flags"),
    ),
    Preset(
        "emoji-random",
        "Forget 100 random emoji",
        "Single pictures, all of them known before; models that never saw them are right on two of three.",
        _emoji("Forget 100 random emoji", "random:100"),
    ),
    Preset(
        "emoji-drawings",
        "Forget one of two drawings",
        "One drawing of fifty emoji goes, the other stays: deleting a row does not delete what another row says too.",
        # Retrained models know the other drawing, and with it much of the forgotten one: what they know of emoji that
        # they have never seen is no level to stop at.
        dataclasses.replace(
            _emoji("Forget one of two drawings", "one-of-two:50"), stop=StopSpec(rule="none", max_rounds=10)
        ),
    ),
    Preset(
        "photos-dogs",
        "Photos: forget dogs",
        "A network that is right on most photographs of CIFAR-10 forgets one of its ten classes.",
        _photos("Photos: forget dogs", "class:dog"),
    ),
    Preset(
        "photos-small",
        "Photos: forget dogs, few photos",
        "The same with 8,000 photographs and shorter training, of which the network knows less.",
        _photos("Photos: forget dogs, few photos", "class:dog", images=8_000, epochs=9),
    ),
    Preset(
        "photos-random",
        "Photos: forget 500 random images",
        "One photograph of a hundred, of all classes.",
        _photos("Photos: forget 500 random images", "random:500"),
    ),
    Preset(
        "photos-tenth",
        "Photos: forget 10 %",
        "A random tenth of the photographs, the usual setting of papers.",
        _photos("Photos: forget 10 %", "fraction:0.1"),
    ),
    Preset(
        "paper-class",
        "Paper: CIFAR-10 class 5",
        "ResNet-18 on all of CIFAR-10 forgets dogs, as in the paper; wants a GPU.",
        RunSpec(
            data=DataSpec("cifar10"),
            model=ModelSpec("resnet18"),
            train=PAPER,
            forget=ForgetSpec("class:5"),
            method=_PAPER,
            stop=StopSpec(protocol="paper"),
            reference=1,
            name="Paper: CIFAR-10 class 5",
        ),
    ),
    Preset(
        "paper-sample",
        "Paper: 500 random samples",
        "ResNet-18 on all of CIFAR-10 forgets 500 random samples, as in the paper; wants a GPU.",
        RunSpec(
            data=DataSpec("cifar10"),
            model=ModelSpec("resnet18"),
            train=PAPER,
            forget=ForgetSpec("random:500"),
            method=_PAPER,
            stop=StopSpec(protocol="paper"),
            reference=1,
            name="Paper: 500 random samples",
        ),
    ),
)


def preset(name: str) -> Preset:
    """The preset of that id.

    Raises:
        BadInput: no such preset.
    """
    return PRESETS.named(name)


def single_presets() -> dict[str, Preset]:
    """Those of a single run, which the launch form can show; the others fill the paper tables."""
    return {name: p for name, p in PRESETS.items() if not p.grid}
