"""EU-k and CF-k (Goel et al., arXiv 2201.06640): learning in the last k blocks alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from cu_core.base.heavy import later, torch
from cu_core.base.parameters import param
from cu_core.catalogue.method_record import METHODS, Method
from cu_core.methods import fields
from cu_core.methods.context import Context
from cu_core.methods.steps import Steps
from cu_core.methods.trained_blocks import last_blocks, only, train_mode

if TYPE_CHECKING:
    from cu_core.learning import training
else:
    training = later("cu_core.learning.training")

_PAPER = "Goel et al., Towards Adversarial Evaluations for Inexact Machine Unlearning (arXiv 2201.06640)"
_SCRUB = "released code of SCRUB (Kurmanji et al., NeurIPS 2023)"


@dataclass(frozen=True)
class EuKParams:
    """How much of the network is trained anew."""

    k: int = param(
        4,
        "Last blocks k",
        "Blocks that change, counted from the end: the head is one, a projector two, a residual or transformer block "
        "one, and so is a layer outside of these together with its normalisation.",
        low=1,
        high=200,
        search=(1, 10),
        unit="blocks",
        paper=f"1 of few large blocks ({_SCRUB}); here the projected head alone counts three",
    )
    frozen_batch_norm: str = param(
        "eval",
        "Batch norm of frozen blocks",
        "eval: it uses the statistics that it has and leaves them as they are; train: it uses those of the batch and "
        "moves the stored ones towards the retain samples, although its weights are frozen.",
        choices=fields.BATCH_NORM,
        paper="train (released code)",
        advanced=True,
        later=True,
    )


@dataclass(frozen=True)
class CfKParams(EuKParams):
    """How much of the network is fine-tuned, and how."""

    lr: float = fields.lr(0.01, f"0.01 ({_SCRUB})")
    momentum: float = fields.momentum(f"0.9 ({_SCRUB})")
    weight_decay: float = fields.weight_decay(5e-4, f"5e-4 ({_SCRUB})")
    batch_size: int = fields.batch_size(64, "Retain samples", f"64 ({_SCRUB})")


EU_K = Method(
    id="eu_k",
    title="EU-k",
    summary="Trains the last k blocks anew on the retain samples with the original recipe; the rest stays frozen.",
    paper=_PAPER,
    params=EuKParams,
    implementation=lambda: retrain,
    objectives=fields.BOTH,
    needs_forget=False,
    starts_anew=True,
    needs="All retain samples, the initial weights, and as many epochs as the training had; a round is an epoch. The "
    "released code puts convolutions and linear layers of the blocks back, batch norm not.",
    fails="The frozen blocks still carry what they learned from the forget samples.",
    rounds={"class": 0, "sample": 0},
)
CF_K = Method(
    id="cf_k",
    title="CF-k",
    summary="Fine-tunes the last k blocks on the retain samples; the rest stays frozen.",
    paper=_PAPER,
    params=CfKParams,
    implementation=lambda: finetune,
    objectives=fields.BOTH,
    needs_forget=False,
    needs="All retain samples: here a round is one pass over them, not over the forget samples.",
    fails="As fine-tuning does, and the frozen blocks still carry what they learned from the forget samples.",
    rounds={"class": 10, "sample": 10},
)
METHODS.add(CF_K, EU_K)


def retrain(context: Context, params: EuKParams) -> Iterator[dict[str, float]]:
    """EU-k: puts the last k blocks back to their initial weights and trains them with the original recipe.

    Args:
        context: model, data and recipe.
        params: how many blocks.

    Yields:
        Per epoch over the retain samples ``loss`` and, for classifiers, ``accuracy``, both while training.
    """
    names = last_blocks(context.model, params.k)
    if context.first_round == 1:
        initial = context.fresh(context.base_seed)
        for name in names:
            context.model.get_submodule(name).load_state_dict(initial.get_submodule(name).state_dict())
    again = context.keep(
        "training",
        training.Training(
            context.model,
            context.retain,
            context.recipe,
            context.seed,
            context.precision,
            mode=partial(_train, names=names, frozen=params.frozen_batch_norm),
        ),
    )
    for _ in context.rounds():
        with only(context.model, names):
            report = again.run_epoch(context.check)
        # The training draws from batches of its own.
        context.retain.images_drawn += len(context.retain)
        diagnostics = {"loss": report.loss, "accuracy": report.accuracy}
        yield {name: value for name, value in diagnostics.items() if value is not None}


def finetune(context: Context, params: CfKParams) -> Iterator[dict[str, float]]:
    """CF-k: steps of SGD down the loss of the original training on retain samples; a round is one pass over them.

    Args:
        context: model, data and randomness.
        params: hyper-parameters.

    Yields:
        Per round the means of ``loss`` and ``gradient_norm``.
    """
    model = context.model
    names = last_blocks(model, params.k)
    parameters = [p for name in names for p in model.get_submodule(name).parameters()]
    steps = Steps(
        context,
        torch.optim.SGD(parameters, lr=params.lr, momentum=params.momentum, weight_decay=params.weight_decay),
    )
    for _ in context.rounds():
        _train(model, names, params.frozen_batch_norm)
        with only(model, names):
            for x, y, _ in context.retain.epoch(params.batch_size):
                steps.take(steps.loss(x, y))
        yield steps.means()


def _train(model: torch.nn.Module, names: Sequence[str], frozen: str) -> None:
    """Puts a model into the mode in which some of its blocks learn, frozen batch norm being in ``"eval"`` or not."""
    train_mode(model, names)
    if frozen == "train":
        for layer in model.modules():
            if isinstance(layer, torch.nn.modules.batchnorm._BatchNorm):
                layer.train()
