"""The choice of a network, filled from the file of its own weights."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from cu_core.base.file_cache import cached_by_file
from cu_core.base.named_path import named_path
from cu_core.catalogue.backbone_record import backbone
from cu_core.catalogue.spec_parts import ModelSpec
from cu_core.learning.backbones.resnet import usual_stem
from cu_core.learning.weight_file import FIELD, read_weights
from cu_core.learning.weight_shape import WeightShape


def shaped(spec: ModelSpec, size: int) -> ModelSpec:
    """The same choice of network with head, embedding and stem as its own weights have them.

    All networks of a run are built from it, so that they share one architecture. Asking again changes nothing, and a
    choice that says no more than what follows from the image size anyway is written as ``auto``: equal networks are
    trained once.

    Args:
        spec: which network, and the file of own weights, if any.
        size: height and width of the images in pixels.

    Raises:
        CheckpointError: the weights cannot be read.
    """
    stems = backbone(spec.backbone).stems
    found = _shape(spec) if spec.weights else None
    if found is not None:
        head = found.head or spec.head
        dim = found.embedding_dim or spec.embedding_dim
        stem = found.stem if found.stem and spec.stem == "auto" else spec.stem
        spec = dataclasses.replace(spec, head=head, embedding_dim=dim, stem=stem if stems else spec.stem)
    return dataclasses.replace(spec, stem="auto") if stems and spec.stem == usual_stem(size) else spec


def _shape(spec: ModelSpec) -> WeightShape:
    path = named_path(spec.weights, FIELD)
    return read_weights(path, part=spec.part).shape if spec.part else _plain_shape(path)


@cached_by_file(64, settled_ns=2_000_000_000)
def _plain_shape(path: Path) -> WeightShape:
    return read_weights(path).shape
