"""Batches in which forget and retain samples are mixed."""

from __future__ import annotations

from collections.abc import Iterator

from cu_core.base.heavy import torch
from cu_core.methods.context import Context


def mixed_epoch(
    context: Context, batch_size: int, retain_share: float
) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Passes once, in random order, over all forget samples and a newly drawn share of the retain samples.

    Args:
        context: whose splits are parts of one source.
        batch_size: samples per batch; a single one left over joins the batch before it.
        retain_share: 0..1; 0 draws none.

    Yields:
        Images and labels on the device, (b,) indices into the source on the CPU, and (b,) whether each is a
        forget sample, on the device.
    """
    forget, retain = context.forget, context.retain
    chosen = torch.randperm(len(retain), generator=context.generator)[: round(retain_share * len(retain))]
    indices = torch.cat([forget.indices, retain.indices[chosen]])
    for images, labels, index in forget.part(indices).epoch(batch_size):
        to_forget = torch.isin(index, forget.indices)
        count = int(to_forget.sum())
        forget.images_drawn += count
        retain.images_drawn += len(index) - count
        yield images, labels, index, to_forget.to(context.device)
