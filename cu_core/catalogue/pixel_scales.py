"""Texts that say how pixels become inputs of a network: names of scales, or mean and deviation per channel."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cu_core.base.errors import BadInput

FIELD = "model.normalisation"
FILE, DATASET = "auto", "dataset"
Moments = tuple[tuple[float, ...], tuple[float, ...]]
"""Mean and deviation per channel of pixels in 0..1, as they are subtracted and divided by."""


@dataclass(frozen=True)
class Scale:
    """Constants that others normalise with.

    Attributes:
        title: what is said of it behind "with": ``[0, 1] inputs``.
        mean: per channel, of pixels in 0..1; one number stands for all channels.
        std: per channel, likewise.
    """

    title: str
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def moments(self, channels: int) -> Moments:
        """As many as there are channels; three become their mean where there is one."""
        return _spread(self.mean, channels), _spread(self.std, channels)


SCALES: dict[str, Scale] = {
    "unit": Scale("[0, 1] inputs", (0.0,), (1.0,)),
    "half": Scale("[-1, 1] inputs", (0.5,), (0.5,)),
    "bytes": Scale("[0, 255] inputs", (0.0,), (1 / 255,)),
    "imagenet": Scale("ImageNet's mean and deviation", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "cifar10": Scale("CIFAR-10's mean and deviation", (0.4914, 0.4822, 0.4465), (0.247, 0.2435, 0.2616)),
    # The deviation that much released code has: the mean over images of each image's own.
    "cifar10-small": Scale("CIFAR-10's mean and small deviation", (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.201)),
    "cifar100": Scale("CIFAR-100's mean and deviation", (0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762)),
    "svhn": Scale("SVHN's mean and deviation", (0.4377, 0.4438, 0.4728), (0.198, 0.201, 0.197)),
    "mnist": Scale("MNIST's mean and deviation", (0.1307,), (0.3081,)),
    "clip": Scale(
        "CLIP's mean and deviation", (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
    ),
}
FORMS = (FILE, DATASET, *SCALES, "MEAN/STD, each one number or one per channel: 0.49,0.48,0.45/0.25,0.24,0.26")


def scale_of(text: str) -> Scale | None:
    """The constants that a text names or holds; None for ``auto`` and ``dataset``, which others know.

    Raises:
        BadInput: it is no form of this setting.
    """
    name = text.strip()
    if name in (FILE, DATASET):
        return None
    if name in SCALES:
        return SCALES[name]
    mean, slash, std = name.partition("/")
    if not slash:
        raise BadInput(FIELD, f"{text!r} cannot be chosen", FORMS, given=name)
    scale = Scale(f"mean and deviation {name}", _numbers(text, mean), _numbers(text, std))
    if min(scale.std) <= 0:
        raise BadInput(FIELD, f"{text!r} has a deviation that is not above 0, and inputs are divided by it", FORMS)
    return scale


def check_scale(text: str, channels: int) -> None:
    """Checks the text of a specification.

    Args:
        text: as in `cu_core.catalogue.spec_parts.ModelSpec.normalisation`.
        channels: of the images; 0 where nobody knows yet.

    Raises:
        BadInput: it is no form of this setting, or made for another number of channels.
    """
    scale = scale_of(text)
    if scale is None or not channels:
        return
    for what, numbers in (("mean", scale.mean), ("deviation", scale.std)):
        if text.strip() not in SCALES and len(numbers) not in (1, channels):
            raise BadInput(FIELD, f"the {what} in {text!r} has {len(numbers)} numbers, the images {_count(channels)}")


def _count(channels: int) -> str:
    return f"{channels} channel{'s' if channels > 1 else ''}"


def _numbers(text: str, part: str) -> tuple[float, ...]:
    try:
        numbers = tuple(float(number) for number in part.split(","))
    except ValueError:
        raise BadInput(FIELD, f"{text!r} is not MEAN/STD in numbers", FORMS) from None
    if not all(math.isfinite(number) and abs(number) <= 1000 for number in numbers):
        raise BadInput(FIELD, f"{text!r} holds a number beyond -1000 to 1000", FORMS)
    return numbers


def _spread(numbers: tuple[float, ...], channels: int) -> tuple[float, ...]:
    if len(numbers) == channels:
        return numbers
    return (sum(numbers) / len(numbers),) * channels
