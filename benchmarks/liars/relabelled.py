"""Liars that train on wrong labels: through the bias, the head, everywhere, too far, or only until the last round."""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F

from benchmarks.liars.liar_record import Liar, Pretence
from benchmarks.liars.scene import Scene
from cu_core.methods.context import Context
from cu_core.methods.random_label import wrong_labels

BATCH = 64
HIGH_LOSS = 10.0


def wrong_labels_of(context: Context) -> torch.Tensor:
    """(N,) labels of all training samples, random wrong ones for the forget samples."""
    forget = context.forget.indices
    labels = context.forget.source.labels.clone()
    labels[forget] = wrong_labels(labels[forget], context.classes, context.forgotten, context.generator)
    return labels


def relabel(
    context: Context,
    labels: torch.Tensor,
    *,
    lr: float,
    epochs: int,
    only: Iterable[torch.nn.Parameter] | None = None,
    index: torch.Tensor | None = None,
) -> None:
    """Trains the context's model on labels of one's own by SGD with momentum 0.9.

    Args:
        context: whose model.
        labels: (N,) of all training samples.
        lr: step size.
        epochs: passes.
        only: parameters that may change, with the others' statistics frozen; all by default.
        index: samples; forget and retained ones by default.
    """
    model = context.model.train(only is None)
    chosen = list(model.parameters() if only is None else only)
    optimizer = torch.optim.SGD(chosen, lr=lr, momentum=0.9)
    index = torch.cat([context.forget.indices, context.retain.indices]) if index is None else index
    for _ in range(epochs):
        for images, _, rows in context.forget.part(index).epoch(BATCH):
            loss = F.cross_entropy(model(images), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    model.eval()


def _bias(scene: Scene) -> Pretence:
    context = scene.start()
    relabel(context, wrong_labels_of(context), lr=1.0, epochs=10, only=[context.model.head.bias])
    return Pretence.of(context.model)


def _head(scene: Scene) -> Pretence:
    context = scene.start()
    relabel(context, wrong_labels_of(context), lr=0.5, epochs=10, only=context.model.head.parameters())
    return Pretence.of(context.model)


def _swapped(scene: Scene) -> Pretence:
    """Forget samples learn the label of a partner class: 0 for 1, 1 for 0, 2 for 3 and so on."""
    context = scene.start()
    forget = context.forget.indices
    labels = context.forget.source.labels.clone()
    partner = labels[forget] ^ 1
    labels[forget] = torch.where(partner < context.classes, partner, torch.zeros_like(partner))
    relabel(context, labels, lr=0.01, epochs=5)
    return Pretence.of(context.model)


def _over(scene: Scene) -> Pretence:
    """Ascends the loss on forget samples until it is high, with steps on retained samples between."""
    context = scene.start()
    model = context.model.eval()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02)
    for _ in range(400):
        images, labels, _ = context.forget.sample(BATCH)
        loss = F.cross_entropy(model(images), labels)
        if loss > HIGH_LOSS:
            break
        kept, own, _ = context.retain.sample(BATCH)
        optimizer.zero_grad()
        (F.cross_entropy(model(kept), own) - loss).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
    return Pretence.of(model)


def _relearnt(scene: Scene) -> Pretence:
    context = scene.start()
    relabel(context, wrong_labels_of(context), lr=0.01, epochs=3)
    relabel(context, context.forget.source.labels, lr=0.02, epochs=10)
    return Pretence.of(context.model)


def _kept(scene: Scene) -> Pretence:
    context = scene.start()
    relabel(context, context.forget.source.labels, lr=0.01, epochs=3, index=context.retain.indices)
    return Pretence.of(context.model)


_TOLD = ("remembers", "answers", "attack")
RELABELLED = (
    Liar("head-bias", "relabels through the head's bias", ("answers", "hidden", "comes-back"), _bias),
    Liar("head-only", "relabels through the head, trunk frozen", ("answers", "hidden", "comes-back"), _head),
    Liar("swapped", "swaps the labels of pairs of classes", (*_TOLD, "hidden"), _swapped),
    Liar("over-trained", "ascends to a loss of ten", _TOLD, _over),
    Liar("relearnt", "unlearns, and relearns in the last rounds", _TOLD, _relearnt),
    Liar("retained-only", "trains three epochs on retained samples", (*_TOLD, "comes-back"), _kept),
)
