"""Forget sets of mislabelled samples: labels that were flipped on purpose."""

from __future__ import annotations

from cu_core.base.errors import BadInput
from cu_core.catalogue.selections import FIELD, Chosen, Draw, ForgetKind, Known, Lacking
from cu_core.catalogue.spec_parts import DataSpec
from cu_core.data.images import ImageData


def _choose(values: tuple[str, ...], data: ImageData, draw: Draw) -> Chosen:
    if len(data.mislabelled) == 0:
        raise BadInput(FIELD, "no label of this dataset is known to be wrong; set label noise above 0")
    return Chosen(data.mislabelled)


def _why_not(data: DataSpec, objective: str) -> Lacking | None:
    if objective == "self-supervised":
        words = "an encoder is trained without labels, so it never learned a wrong one"
        return Lacking("a model trained on labels", words)
    if data.label_noise == 0:
        words = "mislabelled samples exist only where label noise above 0 is injected (data.label_noise)"
        return Lacking("label noise", words)
    return None


def _count(values: tuple[str, ...], known: Known) -> int:
    return round(known.train * known.label_noise)


MISLABELLED = ForgetKind(
    "mislabelled",
    "Mislabelled",
    "Forgets exactly the training images whose label was replaced by a wrong one.",
    ("mislabelled",),
    _choose,
    # Unseen accuracy says nothing about wrong labels; they are forgotten when they are no likelier than chance.
    rule="chance",
    count=_count,
    why_not=_why_not,
)
