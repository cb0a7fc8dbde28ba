"""Training on random wrong labels (Graves et al., AAAI 2021)."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from cu_core.methods.context import Context
from cu_core.methods.mixed import mixed_epoch
from cu_core.methods.records.random_label import RandomLabelParams
from cu_core.methods.steps import Steps, learning, once, training_loss


def unlearn(context: Context, params: RandomLabelParams) -> Iterator[dict[str, float]]:
    """Steps of SGD down the cross-entropy on forget samples, wrongly labelled, mixed with retain samples.

    Each forget sample keeps the label it has drawn for the whole run.

    Args:
        context: model, data and randomness.
        params: hyper-parameters.

    Yields:
        Per round the means of ``loss`` and ``gradient_norm``.
    """
    steps = Steps(context, sgd(context, params))
    labels = relabelled(context)
    for _ in context.rounds():
        yield one_round(context, params, steps, labels)


def sgd(context: Context, params: RandomLabelParams) -> torch.optim.SGD:
    """The optimizer of `unlearn`, over all parameters."""
    return torch.optim.SGD(
        context.model.parameters(), lr=params.lr, momentum=params.momentum, weight_decay=params.weight_decay
    )


def one_round(context: Context, params: RandomLabelParams, steps: Steps, labels: Tensor) -> dict[str, float]:
    """One pass over forget and retain samples with the given labels of all samples of the source."""
    for x, _, index, _ in mixed_epoch(context, params.batch_size, params.retain_share):
        with learning(context.model, params.batch_norm, len(x)):
            loss = training_loss(context, x, labels[index.to(context.device)])
        steps.take(loss)
    return steps.means()


def relabelled(context: Context) -> Tensor:
    """Labels of all samples of the source, random and wrong ones for the forget samples; drawn once per run."""
    source, forget = context.forget.source, context.forget.indices
    true = source.labels[forget.to(source.device)].cpu()
    drawn = once(
        context,
        "labels",
        lambda: {"labels": wrong_labels(true, context.classes, context.forgotten, context.generator)},
    )
    labels = source.labels.clone()
    labels[forget.to(source.device)] = drawn["labels"]
    return labels


def wrong_labels(labels: Tensor, classes: int, forgotten: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """A random label for each sample, every wrong one being as likely.

    Args:
        labels: (n,) the true ones, on the CPU.
        classes: number of classes.
        forgotten: classes that nobody is to be labelled as.
        generator: on the CPU.

    Returns:
        (n,) int64.
    """
    allowed = torch.ones(len(labels), classes)
    allowed[:, list(forgotten)] = 0
    allowed[torch.arange(len(labels)), labels] = 0
    return torch.multinomial(allowed, 1, generator=generator)[:, 0]
