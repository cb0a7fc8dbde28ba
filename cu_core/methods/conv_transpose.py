"""Convolution Transpose: height and width of every kernel change places, and the damage is repaired."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cu_core.base.heavy import torch
from cu_core.catalogue.method_record import METHODS, Method, by_all_processes
from cu_core.methods import fields
from cu_core.methods.context import Context
from cu_core.methods.convolutions import trained_convolutions, why_no_convolution
from cu_core.methods.finetune import FinetuneParams
from cu_core.methods.repair import cosine, repair

_CODE = "Deep Unlearn's code"


@dataclass(frozen=True)
class ConvTransposeParams(FinetuneParams):
    """Hyper-parameters of Convolution Transpose: those of fine-tuning."""

    lr: float = fields.lr(1e-3, f"1e-3, cosine ({_CODE})")
    momentum: float = fields.momentum(f"0.9 ({_CODE})")
    weight_decay: float = fields.weight_decay(5e-4, f"5e-4 ({_CODE})")
    batch_size: int = fields.batch_size(64, "Retain samples", f"64 ({_CODE})")
    batch_norm: str = fields.batch_norm("train", f"train ({_CODE})")


def why_not(model: torch.nn.Module) -> str | None:
    """Why transposing kernels cannot change a network; None if it can."""
    if reason := why_no_convolution(model):
        return reason
    return None if transposable(model) else "transposes square kernels, and this network has none larger than 1×1"


METHOD = Method(
    id="conv_transpose",
    title="Convolution Transpose",
    summary="Transposes the kernels of all convolutions and fine-tunes on the retain samples.",
    paper="fifth place of the NeurIPS 2023 unlearning challenge, as in the code of Cadet et al., Deep Unlearn "
    "(arXiv 2410.01276)",
    params=ConvTransposeParams,
    implementation=lambda: unlearn,
    divided=by_all_processes,
    needs_forget=False,
    why_not_network=why_not,
    needs="A network with convolutions larger than 1×1, and all retain samples: a round is one pass over them, not "
    "over the forget samples. No forget samples.",
    fails="The layers behind the convolutions keep what they know, and so do kernels that look much the same when "
    "transposed. The model is of no use until it is repaired. Kernels that are not square stay as they are.",
    rounds={"class": 3, "sample": 3},
)
METHODS.add(METHOD)


def unlearn(context: Context, params: ConvTransposeParams) -> Iterator[dict[str, float]]:
    """Transposes once, and then fine-tunes (see `cu_core.methods.repair`) at a learning rate that falls as a cosine.

    Args:
        context: model, data and randomness.
        params: hyper-parameters.

    Yields:
        Per round the means of ``loss`` and ``gradient_norm``, and ``lr``.
    """
    if context.first_round == 1:
        with torch.no_grad():
            for layer in transposable(context.model):
                layer.weight.copy_(layer.weight.transpose(2, 3).clone())
    yield from repair(context, params, cosine)


def transposable(model: torch.nn.Module) -> list[torch.nn.Conv2d]:
    """The trained convolutions whose kernels are square and larger than 1×1.

    Padding and stride of another shape would belong to the transposed kernel if it is not square.
    """
    layers = trained_convolutions(model).values()
    return [layer for layer in layers if layer.weight.shape[2] == layer.weight.shape[3] > 1]
