"""Passes over forget and retain samples, mixed in the same batches or one after the other."""

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
    indices = torch.cat([forget.indices, _some(context, retain_share)])
    for images, labels, index in forget.part(indices).epoch(batch_size):
        to_forget = torch.isin(index, forget.indices)
        count = int(to_forget.sum())
        forget.images_drawn += count
        retain.images_drawn += len(index) - count
        yield images, labels, index, to_forget.to(context.device)


def separate_epoch(
    context: Context, batch_size: int, retain_share: float
) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Passes over all forget samples, and then over a newly drawn share of the retain samples.

    Args:
        context: whose splits are parts of one source.
        batch_size: samples per batch; a single one left over joins the batch before it.
        retain_share: 0..1; 0 draws none.

    Yields:
        As `mixed_epoch` does.
    """
    for images, labels, index in context.forget.epoch(batch_size):
        yield images, labels, index, torch.ones_like(labels, dtype=torch.bool)
    chosen = _some(context, retain_share)
    for images, labels, index in context.retain.part(chosen).epoch(batch_size) if len(chosen) else ():
        context.retain.images_drawn += len(index)
        yield images, labels, index, torch.zeros_like(labels, dtype=torch.bool)


def _some(context: Context, share: float) -> torch.Tensor:
    """Indices of a random share of the retain samples into their source."""
    retain = context.retain
    chosen = torch.randperm(len(retain), generator=context.generator)[: round(share * len(retain))]
    return retain.readable(retain.indices[chosen])
