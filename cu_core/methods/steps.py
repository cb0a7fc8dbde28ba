"""Optimizer steps shared by the methods (precision, clipping, checks), and means of a round."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from cu_core.base.heavy import torch
from cu_core.methods.context import Context

if TYPE_CHECKING:
    from cu_core.learning.network import Network


class Steps:
    """Takes optimizer steps and remembers what was said about them until `means` is asked.

    It sees to mixed precision: `logits` and `loss` run the network in it, `take` scales the loss where that is needed.
    The optimizer and the scale of mixed precision go into the checkpoint; so does what the training loss of an
    encoder remembers, which moves on with every step.

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
        self.objective = None if context.has_classes else context.keep("objective", context.objective)
        self.clip = clip
        self._sums: dict[str, torch.Tensor] = {}
        self._counts: dict[str, torch.Tensor] = {}

    def logits(self, images: torch.Tensor, model: Network | None = None) -> torch.Tensor:
        """Logits of a network, under mixed precision.

        Args:
            images: (b, c, h, w) normalised, as the splits of the context give them.
            model: the one that learns by default, in the mode that it is in; or another, such as a teacher.

        Returns:
            (b, C) logits without softmax, float32; of an encoder (b, d) raw embeddings.
        """
        with self.context.precision.autocast():
            logits: torch.Tensor = (self.context.model if model is None else model)(images)
        return logits.float()

    def loss(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """The loss of the original training on a batch: cross-entropy, or an encoder's own without memory.

        Args:
            images: (b, c, h, w) normalised, as the splits of the context give them.
            labels: (b,); ignored by encoders.

        Returns:
            Scalar with a gradient, mean over the batch, float32.
        """
        if self.objective is None:
            return self.context.loss(self.logits(images), labels)
        with self.context.precision.autocast():
            return self.objective(self.context.model, images, labels, self.context.generator).float()

    def take(self, loss: torch.Tensor, **terms: torch.Tensor) -> None:
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
        if self.objective is not None:
            self.objective.after_step(self.context.model)
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

    def _add(self, name: str, value: torch.Tensor, count: torch.Tensor) -> None:
        self._sums[name] = self._sums.get(name, torch.zeros_like(value)) + value
        self._counts[name] = self._counts.get(name, torch.zeros_like(count)) + count


@contextmanager
def batch_norm_mode(model: torch.nn.Module, mode: str) -> Iterator[None]:
    """Puts batch norm alone into ``"eval"`` or ``"train"``, and afterwards each layer back into its own mode."""
    layers = [
        (layer, layer.training) for layer in model.modules() if isinstance(layer, torch.nn.modules.batchnorm._BatchNorm)
    ]
    for layer, _ in layers:
        layer.train(mode == "train")
    try:
        yield
    finally:
        for layer, training in layers:
            layer.train(training)


@contextmanager
def learning(model: torch.nn.Module, batch_norm: str, samples: int) -> Iterator[None]:
    """Puts a model into training mode for one step, its batch norm into the mode that a method asks for.

    Args:
        model: left in training mode, with batch norm as `torch.nn.Module.train` has it.
        batch_norm: ``"train"`` or ``"eval"``.
        samples: size of the batch; a single sample has no statistics, so it is read in ``"eval"``.
    """
    model.train()
    with batch_norm_mode(model, batch_norm if samples > 1 else "eval"):
        yield


class _Tensors:
    """Named tensors that go into the checkpoint."""

    def __init__(self, values: dict[str, torch.Tensor]) -> None:
        self.values = values

    def state_dict(self) -> dict[str, Any]:
        """The tensors."""
        return self.values

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes over stored tensors."""
        self.values = state


def once(context: Context, name: str, make: Callable[[], dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """Tensors that are made before the first step and stay as they are, also after a resume.

    Args:
        context: keeps them in the checkpoint.
        name: unique within the method.
        make: called unless the checkpoint has them.

    Returns:
        The tensors on the device of the context.
    """
    kept = context.keep(name, _Tensors({} if name in context.saved else make()))
    kept.values = {key: value.to(context.device) for key, value in kept.values.items()}
    return kept.values
