"""Queue variant of contrastive unlearning: loss, and a queue of retain embeddings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cu_core.base.heavy import later, torch
from cu_core.methods.context import Context

if TYPE_CHECKING:
    from cu_core.learning.objectives import slow_copy
else:
    # It imports a library that takes seconds, which the variants without a slow copy do not need.
    slow_copy = later("cu_core.learning.objectives.slow_copy")


def queue_loss(
    z_forget: torch.Tensor,
    y_forget: torch.Tensor,
    z_queue: torch.Tensor,
    y_queue: torch.Tensor,
    temperature: float,
    *,
    normalize: bool = True,
) -> torch.Tensor:
    """Loss of the queue variant: pull towards other-class entries under a softmax over the whole queue.

    Mean over all (forget sample, other-class entry) pairs of
    ``-(s_ij / τ - logsumexp over the whole queue of s_ik / τ)`` (queue variant of the authors' rebuttal).

    Args:
        z_forget: (B, d) embeddings of forget samples.
        y_forget: (B,) their labels.
        z_queue: (K, d) stored retain embeddings, without gradient.
        y_queue: (K,) their labels.
        temperature: τ > 0.
        normalize: L2-normalise the embeddings first.

    Returns:
        Scalar; 0 (with a gradient of 0) if no pair exists.
    """
    z_forget, z_queue = z_forget.float(), z_queue.float()
    if normalize:
        z_forget, z_queue = (
            torch.nn.functional.normalize(z_forget, dim=1),
            torch.nn.functional.normalize(z_queue, dim=1),
        )
    similarity = z_forget @ z_queue.T / temperature
    other = y_forget[:, None] != y_queue[None, :]
    if not other.any():
        return (similarity * 0).sum()
    return (similarity.logsumexp(1, keepdim=True) - similarity)[other].mean()


class EmbeddingQueue:
    """First-in-first-out store of retain embeddings with their labels, kept in the checkpoint."""

    def __init__(self, length: int) -> None:
        self.length = length
        self.embeddings: torch.Tensor | None = None
        self.labels: torch.Tensor | None = None

    def push(self, embeddings: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Appends a batch, drops the oldest entries, and returns what is stored: (K, d) and (K,)."""
        embeddings = embeddings.detach()
        # Entries from a checkpoint come back on the CPU.
        if self.embeddings is not None and self.labels is not None:
            embeddings = torch.cat([self.embeddings.to(embeddings.device), embeddings])
            labels = torch.cat([self.labels.to(labels.device), labels])
        self.embeddings, self.labels = embeddings[-self.length :], labels[-self.length :]
        return self.embeddings, self.labels

    def state_dict(self) -> dict[str, Any]:
        """The stored embeddings and labels."""
        return {"embeddings": self.embeddings, "labels": self.labels}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes over stored embeddings and labels."""
        self.embeddings, self.labels = state["embeddings"], state["labels"]


class QueueContrast:
    """Contrast with a queue of retain embeddings, those of the step's own batch among them.

    The queue, and the slow copy if there is one, go into the checkpoint.

    Args:
        context: model and retain samples.
        length: of the queue.
        batch_size: samples per forward pass while the queue is being filled.
        temperature: τ > 0.
        normalize: see `queue_loss`.
        key_momentum: how much of itself a slow copy of the network, which then makes the queue's entries, keeps in
            a step; 0 makes them with the network itself.
    """

    def __init__(
        self,
        context: Context,
        length: int,
        *,
        batch_size: int,
        temperature: float,
        normalize: bool,
        key_momentum: float,
    ) -> None:
        self.context = context
        self.queue = context.keep("queue", EmbeddingQueue(length))
        self.batch_size = max(batch_size, 2)
        self.temperature = temperature
        self.normalize = normalize
        self.key_momentum = key_momentum
        self.slow = None
        if key_momentum:
            self.slow = context.keep("slow", slow_copy.SlowCopy(context.model))

    def begin_round(self) -> None:
        """Fills the queue before the first step, so that no step contrasts against a nearly empty one."""
        stored = 0 if self.queue.embeddings is None else len(self.queue.embeddings)
        while stored < self.queue.length:
            self.context.check()
            x, y, _ = self.context.retain.sample(min(self.batch_size, self.queue.length))
            with torch.no_grad():
                kept, _ = self.queue.push(self._keys(x), y)
            stored = len(kept)

    def __call__(
        self,
        forget: torch.Tensor,
        y_forget: torch.Tensor,
        retain: torch.Tensor,
        x_retain: torch.Tensor,
        y_retain: torch.Tensor,
    ) -> torch.Tensor:
        """Takes the retain batch into the queue; the loss is that of `queue_loss`."""
        stored, labels = self.queue.push(self._keys(x_retain, retain), y_retain)
        return queue_loss(forget, y_forget, stored, labels, self.temperature, normalize=self.normalize)

    def after_step(self) -> None:
        """Moves the slow copy."""
        if self.slow is not None:
            self.slow.follow(self.context.model, self.key_momentum)

    def _keys(self, images: torch.Tensor, embeddings: torch.Tensor | None = None) -> torch.Tensor:
        """What the queue stores of some images; `embeddings` are the network's, where they are known already."""
        if self.slow is not None:
            with self.context.precision.autocast():
                # The loss normalises them where it is to.
                return self.slow.raw(self.context.model, images)
        if embeddings is not None:
            return embeddings
        outputs = self.context.model.outputs(images)
        return outputs.embedding if self.normalize else outputs.raw
