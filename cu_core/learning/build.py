"""Builds the network of a specification from a seed."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from importlib import import_module

import numpy as np
import torch
from torch import nn

from cu_core.base.errors import Incompatible
from cu_core.base.named_path import named_path
from cu_core.base.registry import imported
from cu_core.catalogue.backbone_record import backbone
from cu_core.catalogue.class_orders import answered
from cu_core.catalogue.objective_record import OBJECTIVES, Objective
from cu_core.catalogue.spec import RunSpec
from cu_core.catalogue.spec_parts import ModelSpec
from cu_core.data.images import ImageData
from cu_core.learning.classifier import Classifier
from cu_core.learning.encoder import Encoder
from cu_core.learning.ensemble import Ensemble
from cu_core.learning.model_shape import shaped
from cu_core.learning.network import Network
from cu_core.learning.weight_file import FIELD, read_weights
from cu_core.learning.weights import load_weights


def build_model(
    spec: ModelSpec,
    channels: int,
    size: int,
    num_classes: int,
    seed: int,
    objective: str = "supervised",
    *,
    shards: int = 0,
    names: Sequence[str] = (),
) -> Network:
    """The network on the CPU, initialised from the seed, with own weights loaded where the spec names some.

    Args:
        spec: which backbone and head.
        channels: 1 or 3.
        size: height and width of the images in pixels.
        num_classes: number of classes.
        seed: decides the initial weights; the caller's random state is left as it was.
        objective: as in `TrainSpec.objective`; self-supervised ones make an `Encoder`, image-text ones
            an `ImageText`, others a `Classifier`.
        shards: 0, or the number of classifiers of an `Ensemble`, with initial weights of their own.
        names: of the classes, for the prompts of an `ImageText` and for the order in which own weights answer; by
            default their numbers.

    Raises:
        BadInput: no such backbone.
        Incompatible: the backbone cannot take such images or has no published weights.
        CheckpointError: the own weights cannot be read or do not fit.
    """
    if shards:
        seeds = np.random.SeedSequence(seed).generate_state(shards)
        built = [build_model(spec, channels, size, num_classes, int(own), objective) for own in seeds]
        return Ensemble([member for member in built if isinstance(member, Classifier)])
    record = backbone(spec.backbone)
    if size < record.min_size:
        raise Incompatible(
            "model.backbone", f"{record.title} needs images of at least {record.min_size} px, not {size} px"
        )
    if spec.pretrained and not record.pretrained:
        raise Incompatible(
            "model.pretrained",
            f"there are no published weights for {record.title}, only for timm:NAME and open_clip:NAME",
        )
    trained = OBJECTIVES.named(objective)
    if spec.stem != "auto" and not record.stems:
        raise Incompatible("model.stem", f"{record.title} has one stem, which cannot be chosen", ("auto",))
    state = None
    if spec.weights:
        state = read_weights(named_path(spec.weights, FIELD), part=spec.part, hashed=False).state
    build_trunk = imported(record.builder)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if record.image_text:
            words = list(names) or [str(label) for label in range(num_classes)]
            model: Network = build_trunk(spec.backbone, size, spec.pretrained, words)
        else:
            stem = {"stem": spec.stem} if record.stems else {}
            trunk = build_trunk(spec.backbone, channels, size, spec.pretrained, **stem)
            model = _with_head(trunk, spec, num_classes, trained)
    if state is not None:
        load_weights(model, state, new_head=spec.train_on)
        if isinstance(model, Classifier):
            put_in_order(model, answered(spec.class_order, list(names) or [str(label) for label in range(num_classes)]))
    return model


def put_in_order(model: Classifier, answers: Sequence[int]) -> None:
    """Moves the rows of the last layer to the labels of the dataset.

    Args:
        model: a classifier.
        answers: label by row, as `cu_core.catalogue.class_orders.answered` gives it.
    """
    rows = torch.from_numpy(np.argsort(answers))
    with torch.no_grad():
        model.head.weight.copy_(model.head.weight[rows])
        model.head.bias.copy_(model.head.bias[rows])


def build_for(spec: RunSpec, data: ImageData, seed: int, *, own_weights: bool = False) -> Network:
    """The network of a run on the CPU, see `build_model`; shaped as its own weights are, see `shaped`.

    Args:
        spec: its model and training parts count.
        data: its shape and classes.
        seed: decides the initial weights.
        own_weights: start from own or published weights where the specification names some. A network that is to
            know nothing, or gets its weights elsewhere, does not: they may have seen the forget set.
    """
    size = data.train_images.shape[-1]
    model = shaped(spec.model, size)
    return build_model(
        model if own_weights else dataclasses.replace(model, weights="", pretrained=False),
        data.train_images.shape[1],
        size,
        len(data.classes),
        seed,
        spec.train.objective,
        shards=spec.train.members,
        names=data.classes,
    )


def _with_head(trunk: nn.Module, spec: ModelSpec, num_classes: int, objective: Objective) -> Network:
    if not objective.self_supervised:
        return Classifier(trunk, num_classes, spec.head, spec.embedding_dim)
    encoder = Encoder(trunk, spec.head, spec.embedding_dim)
    if objective.predictor:
        # lightly takes seconds to import, and only BYOL needs its head here.
        head = import_module("lightly.models.modules").BYOLPredictionHead
        encoder.predictor = head(encoder.embedding_dim, 2 * encoder.width, encoder.embedding_dim)
    return encoder
