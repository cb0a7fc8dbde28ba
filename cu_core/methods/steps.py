"""What the methods' loops share: one optimizer step with everything around it, and the means of a round."""

from __future__ import annotations

import torch
from torch import Tensor

from cu_core.methods.context import Context


class Steps:
    """Takes optimizer steps and remembers what was said about them until `means` is asked.

    The optimizer and the scale of mixed precision go into the checkpoint.

    Args:
        context: whose model is stepped.
        optimizer: over the parameters that may change; others need no ``requires_grad``.
        clip: largest total gradient norm; 0 does not clip.
        name: unique within the method.

    Attributes:
        optimizer: as given, with the stored state after a resume.
    """

    def __init__(
        self, context: Context, optimizer: torch.optim.Optimizer, *, clip: float = 0.0, name: str = "optimizer"
    ) -> None:
        self.context = context
        self.optimizer = context.keep(name, optimizer)
        self.scaler = context.keep(f"{name}_scaler", context.precision.scaler())
        self.clip = clip
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, Tensor] = {}

    def take(self, loss: Tensor, **terms: Tensor) -> None:
        """One step down `loss`; raises if the run was cancelled.

        Args:
            loss: scalar with a gradient.
            terms: scalars whose means the round reports beside ``loss``.
        """
        self.context.check()
        parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        self.optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()
        self.scaler.unscale_(self.optimizer)
        gradients = [p.grad for p in parameters if p.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        if self.clip:
            torch.nn.utils.clip_grads_with_norm_(parameters, self.clip, norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        for name, value in ({"loss": loss} | terms).items():
            self._add(name, value.detach(), torch.ones_like(norm))
        # Loss scaling finds its scale by overflowing now and then; such a step is skipped, not a failure.
        counts = norm.isfinite() if self.scaler.is_enabled() else torch.ones_like(norm, dtype=torch.bool)
        self._add("gradient_norm", torch.where(counts, norm, torch.zeros_like(norm)), counts.to(norm.dtype))

    def means(self) -> dict[str, float]:
        """Means over the steps since the last call, each over the steps that named it."""
        found = {name: float(total / self._counts[name].clamp(min=1)) for name, total in self._sums.items()}
        self._sums, self._counts = {}, {}
        return found

    def _add(self, name: str, value: Tensor, count: Tensor) -> None:
        self._sums[name] = self._sums.get(name, torch.zeros_like(value)) + value
        self._counts[name] = self._counts.get(name, torch.zeros_like(count)) + count


def training_loss(context: Context, images: Tensor, labels: Tensor) -> Tensor:
    """The loss of the original training on a batch: cross-entropy, or an encoder's own without memory.

    Args:
        context: whose model is asked.
        images: (b, c, h, w) normalised.
        labels: (b,); encoders do not look at them.

    Returns:
        Scalar, mean over the batch, float32.
    """
    with context.precision.autocast():
        if not context.has_classes:
            return context.objective(context.model, images, labels, context.generator).float()
        logits = context.model(images)
    return context.loss(logits.float(), labels)
