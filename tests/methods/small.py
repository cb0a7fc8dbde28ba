"""A context with a few made-up images and a tiny network, for tests of single steps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cu_core.catalogue.spec_parts import TrainSpec
from cu_core.data.batches import ImageSource, Split
from cu_core.learning.classifier import Classifier
from cu_core.learning.device import Precision
from cu_core.learning.encoder import Encoder
from cu_core.learning.network import Network
from cu_core.learning.objectives.supervised import Supervised
from cu_core.methods.context import Context

FP32 = Precision("fp32", "cpu", channels_last=False)
FP16 = Precision("fp16", "cpu", channels_last=False)


class Trunk(nn.Module):
    """One linear layer, with batch norm and a bend behind it where asked for."""

    width = 6

    def __init__(self, batch_norm: bool = False) -> None:
        super().__init__()
        self.linear = nn.Linear(16, 6)
        self.rest = nn.Sequential(nn.BatchNorm1d(6), nn.Softplus()) if batch_norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.rest(self.linear(x.flatten(1)))


class Spread:
    """A made-up loss without labels that remembers how often it was used: noisy copies keep their distance."""

    def __init__(self) -> None:
        self.calls = 0
        self.steps = 0

    def __call__(self, model: Network, images: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        self.calls += 1
        noise = torch.randn(images.shape, generator=generator)
        return (1 + model.outputs(images).raw - model.outputs(images + noise).raw).square().mean()

    def after_step(self, model: Network, share: float = 0.0) -> None:
        self.steps += 1

    def per_sample(self, model: Network, first: Tensor, second: Tensor, others: Tensor) -> Tensor:
        raise NotImplementedError

    def state_dict(self) -> dict[str, int]:
        return {"calls": self.calls, "steps": self.steps}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.calls, self.steps = state["calls"], state["steps"]


def context_of(
    forget: int = 10,
    retain: int = 30,
    precision: Precision = FP32,
    rounds: int = 1,
    *,
    unseen: int = 0,
    encoder: bool = False,
    batch_norm: bool = False,
    task: str = "sample",
    **named: Callable[[], None] | int,
) -> Context:
    """Images of noise in three classes, and a classifier or an encoder with `Spread` as its training loss.

    In the task ``"class"`` the forget set is class 0 of all training images, a third of them.
    """
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    n = forget + retain
    images = rng.integers(0, 255, (n + unseen, 1, 4, 4)).astype(np.uint8)
    source = ImageSource(images, np.arange(n + unseen) % 3, (0.5,), (0.3,), torch.device("cpu"))
    generator = torch.Generator().manual_seed(0)
    labels = np.arange(n) % 3
    chosen = labels == 0 if task == "class" else np.arange(n) < forget

    def fresh(seed: int) -> Network:
        torch.manual_seed(seed)
        trunk = Trunk(batch_norm)
        return Encoder(trunk, "projected", 5) if encoder else Classifier(trunk, 3, "projected", 5)

    model = fresh(0)
    return Context(
        model=model,
        forget=Split(source, np.flatnonzero(chosen), generator),
        retain=Split(source, np.flatnonzero(~chosen), generator),
        unseen=Split(source, np.arange(n, n + unseen), generator) if unseen else None,
        task=task,
        forgotten=(0,) if task == "class" else (),
        loss=F.cross_entropy,
        objective=Spread() if encoder else Supervised(TrainSpec(), model, n),
        device=torch.device("cpu"),
        precision=precision,
        generator=generator,
        classes=3,
        recipe=TrainSpec(epochs=max(rounds, 1), batch_size=8, lr=0.1),
        fresh=fresh,
        max_rounds=rounds,
        **named,
    )
