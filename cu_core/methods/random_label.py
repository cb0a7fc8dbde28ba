"""Training on random wrong labels (Graves et al., AAAI 2021)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cu_core.base.heavy import torch
from cu_core.catalogue.method_record import METHODS, Method, by_all_processes
from cu_core.methods import fields
from cu_core.methods.context import Context
from cu_core.methods.mixed import mixed_epoch, separate_epoch
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
    relabelling: str = fields.released(
        "Labels",
        "every forget sample draws one wrong label, never a forgotten class, and keeps it",
        "every round draws labels anew, from all classes: the true one may come up",
        f"drawn once (Graves et al.); anew ({_SALUN})",
    )
    order: str = fields.released(
        "Order",
        "forget and retain samples come mixed, in the same batches",
        "a round is a pass over the forget samples and then one over the retain samples",
        f"mixed (Graves et al.; {_SALUN}, CIFAR-100); one after the other (the same code, CIFAR-10 and SVHN)",
    )


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

    Each forget sample keeps the label it has drawn for the whole run, unless labels and order are asked for as
    SalUn's released code has them.

    Args:
        context: model, data and randomness.
        params: hyper-parameters.

    Yields:
        Per round the means of ``loss`` and ``gradient_norm``.
    """
    yield from rounds(context, params, Steps(context, sgd(context, params)))


def sgd(context: Context, params: RandomLabelParams) -> torch.optim.SGD:
    """The optimizer of `unlearn`, over all parameters."""
    return torch.optim.SGD(
        context.model.parameters(), lr=params.lr, momentum=params.momentum, weight_decay=params.weight_decay
    )


def rounds(context: Context, params: RandomLabelParams, steps: Steps) -> Iterator[dict[str, float]]:
    """Rounds of steps on random labels, each a pass over the forget samples and a share of the retain samples.

    Yields:
        As `unlearn` does.
    """
    fixed = relabelled(context) if params.relabelling == "paper" else None
    passes = mixed_epoch if params.order == "paper" else separate_epoch
    for _ in context.rounds():
        labels = relabelled_anew(context) if fixed is None else fixed
        for x, _, index, _ in passes(context, params.batch_size, params.retain_share):
            with learning(context.model, params.batch_norm, len(x)):
                loss = steps.loss(x, labels[index.to(context.device)])
            steps.take(loss)
        yield steps.means()


def relabelled(context: Context) -> torch.Tensor:
    """Labels of all samples of the source, random and wrong ones for the forget samples; drawn once per run."""
    source, forget = context.forget.source, context.forget.indices
    true = source.labels[forget.to(source.device)].cpu()
    drawn = once(
        context,
        "labels",
        lambda: {"labels": wrong_labels(true, context.classes, context.forgotten, context.generator)},
    )
    return _with_labels(context, drawn["labels"])


def relabelled_anew(context: Context) -> torch.Tensor:
    """Labels of all samples of the source, random ones for the forget samples: any class, the true one as well."""
    drawn = torch.randint(context.classes, (len(context.forget),), generator=context.generator)
    return _with_labels(context, drawn.to(context.device))


def _with_labels(context: Context, drawn: torch.Tensor) -> torch.Tensor:
    labels = context.forget.source.labels.clone()
    labels[context.forget.indices.to(labels.device)] = drawn
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
