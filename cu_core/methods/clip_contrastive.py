"""Contrastive unlearning of a class from an image-text model (Lee et al., IJCAI 2025, CLIP experiment)."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from cu_core.methods.context import Context
from cu_core.methods.contrastive import contrastive_unlearning_loss
from cu_core.methods.records.clip_contrastive import ClipContrastiveParams
from cu_core.methods.steps import Steps


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
        model.train()
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
