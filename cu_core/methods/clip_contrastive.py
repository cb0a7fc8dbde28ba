"""Contrastive unlearning of a class from an image-text model (Lee et al., IJCAI 2025, CLIP experiment)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cu_core.base.heavy import torch
from cu_core.base.parameters import param
from cu_core.catalogue.method_record import METHODS, Method, by_all_processes
from cu_core.methods.context import Context
from cu_core.methods.contrastive import contrastive_unlearning_loss
from cu_core.methods.steps import Steps


@dataclass(frozen=True)
class ClipContrastiveParams:
    """Hyper-parameters; defaults are those of the released CLIP code wherever it can be run with them."""

    lr: float = param(
        1e-5,
        "Learning rate, unlearning",
        "Step size of Adam on the forgotten class.",
        low=1e-12,
        high=1.0,
        search=(1e-6, 1e-3),
        log=True,
        paper="1e-12 (released code), which changes nothing in float32; the value used is not published",
    )
    finetune_lr: float = param(
        1e-5,
        "Learning rate, fine-tuning",
        "Step size of Adam on retain pairs; 1e-3, the default of the released code, suits small models only.",
        low=1e-7,
        high=1.0,
        search=(1e-6, 1e-2),
        log=True,
        paper="1e-3 (released code); 1e-5 for the first fine-tuning",
    )
    temperature: float = param(
        0.07,
        "Temperature τ",
        "Divides the cosine similarities of images; smaller is sharper.",
        low=0.01,
        high=10.0,
        search=(0.02, 1.0),
        log=True,
        paper="0.07 (released CLIP code)",
    )
    unlearn_weight: float = param(
        0.5,
        "Weight",
        "Weight of the unlearning loss.",
        low=0.0,
        high=1000.0,
        search=(0.1, 10.0),
        paper="0.5 (released CLIP code)",
    )
    retain_batches: int = param(
        3,
        "Retain batches ω",
        "Fresh retain batches per forget batch.",
        low=1,
        high=64,
        search=(1, 8),
        paper="3 (released CLIP code)",
    )
    anchors: str = param(
        "fixed",
        "Retain images as anchors",
        "fixed: unlearning moves images of the forgotten class alone; moving: retained ones, too. Without a text term "
        "that drags retained images to the forgotten prompt.",
        choices=("fixed", "moving"),
        paper="not stated",
        advanced=True,
    )
    batch_size: int = param(
        128, "Batch size", "Images per step of either pass.", low=2, high=4096, unit="samples", paper="128"
    )


METHOD = Method(
    id="clip_contrastive",
    title="Contrastive unlearning of CLIP",
    summary="Fine-tunes on retain pairs, then contrasts images of the forgotten class with retained ones, in turns.",
    paper="Lee et al., Contrastive Unlearning, IJCAI 2025 (arXiv 2401.10458), CLIP experiment of the rebuttal, Eq. 6",
    params=ClipContrastiveParams,
    implementation=lambda: unlearn,
    divided=by_all_processes,
    tasks=("class",),
    objectives=("image-text",),
    needs="An image-text model (train.objective=clip, model.backbone=open_clip:NAME) and all retain pairs in every "
    "round.",
    fails="Fine-tuning alone touches the text tower: the forgotten class keeps its prompt, and where little else was "
    "learned, images may be pulled to other prompts at the cost of the retained classes.",
    rounds={"class": 10},
)
METHODS.add(METHOD)


def unlearn(context: Context, params: ClipContrastiveParams) -> Iterator[dict[str, float]]:
    """Per round one pass of fine-tuning on retain pairs, then one pass of unlearning over the forgotten class.

    Fine-tuning takes the image-text loss of the training. Unlearning takes Eq. 6 on image embeddings, each batch of
    forget images against ω fresh batches of retain images, without any text. Both are read in one forward pass. The
    released code exponentiates the similarities in its pull term; here they are taken as Eq. 6 has them. Adam in both
    passes, each with its own state.

    Args:
        context: model, data and randomness.
        params: hyper-parameters.

    Yields:
        Per round the means of ``finetune_loss``, ``loss``, ``unlearn_loss`` and the gradient norm of unlearning.
    """
    model, objective = context.model, context.objective
    finetune = Steps(context, torch.optim.Adam(model.parameters(), lr=params.finetune_lr), name="finetune")
    forget = Steps(context, torch.optim.Adam(model.parameters(), lr=params.lr), name="unlearn")
    for _ in context.rounds():
        for x, y, _ in context.retain.epoch(params.batch_size):
            with context.precision.autocast():
                loss = objective(model, x, y, context.generator)
            finetune.take(loss)
            objective.after_step(model)
        for x_forget, y_forget, _ in context.forget.epoch(params.batch_size):
            for _ in range(params.retain_batches):
                x_retain, y_retain, _ = context.retain.sample(len(y_forget))
                with context.precision.autocast():
                    embedding, _, _ = model.embed(torch.cat([x_forget, x_retain]))
                n = len(y_forget)
                anchors = embedding[n:].detach() if params.anchors == "fixed" else embedding[n:]
                unlearn_loss = contrastive_unlearning_loss(
                    embedding[:n], y_forget, anchors, y_retain, params.temperature, "class"
                )
                forget.take(params.unlearn_weight * unlearn_loss, unlearn_loss=unlearn_loss)
        yield {"finetune_loss": finetune.means()["loss"], **forget.means()}
