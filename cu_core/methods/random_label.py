"""Training on random wrong labels (Graves et al., AAAI 2021)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cu_core.base.heavy import torch
from cu_core.catalogue.method_record import METHODS, Method, by_all_processes
from cu_core.methods import fields
from cu_core.methods.context import Context
from cu_core.methods.mixed import mixed_epoch
from cu_core.methods.steps import Steps, learning, once

_SALUN = "released code of SalUn (Fan et al., ICLR 2024)"


@dataclass(frozen=True)
class RandomLabelParams:
    """Hyper-parameters of training on random labels."""

    lr: float = fields.lr(0.01, f"1e-4 to 0.1 ({_SALUN})")
    momentum: float = fields.momentum(f"0.9 ({_SALUN})")
    weight_decay: float = fields.weight_decay(5e-4, f"5e-4 ({_SALUN})")
    batch_size: int = fields.batch_size(256, "Forget and retain samples together", f"256 ({_SALUN})")
    retain_share: float = fields.retain_share(
        1.0, f"1 ({_SALUN}); 0 (Graves et al., SSD's code, Unlearning Comparator)"
    )
    batch_norm: str = fields.batch_norm("train", f"train ({_SALUN})")


METHOD = Method(
    id="random_label",
    title="Random label",
    summary="Trains on the forget samples with random wrong labels, and on retain samples with their own.",
    paper="Graves et al., Amnesiac Machine Learning, AAAI 2021 (arXiv 2010.10981); settings of SalUn's released code",
    params=RandomLabelParams,
    implementation=lambda: unlearn,
    divided=by_all_processes,
    needs="Labels, and retain samples beside the forget samples (settable).",
    fails="Learns the wrong labels by heart: forget samples end up more wrong, and easier to tell, than unseen ones.",
    rounds={"class": 10, "sample": 10},
)
METHODS.add(METHOD)


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


def one_round(context: Context, params: RandomLabelParams, steps: Steps, labels: torch.Tensor) -> dict[str, float]:
    """One pass over forget and retain samples with the given labels of all samples of the source."""
    for x, _, index, _ in mixed_epoch(context, params.batch_size, params.retain_share):
        with learning(context.model, params.batch_norm, len(x)):
            loss = steps.loss(x, labels[index.to(context.device)])
        steps.take(loss)
    return steps.means()


def relabelled(context: Context) -> torch.Tensor:
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


def wrong_labels(
    labels: torch.Tensor, classes: int, forgotten: tuple[int, ...], generator: torch.Generator
) -> torch.Tensor:
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
