"""UNSIR (Tarun et al., TNNLS 2023): error-maximising noise impairs the forgotten classes, retain samples repair."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cu_core.base.heavy import torch
from cu_core.base.parameters import param
from cu_core.catalogue.method_record import METHODS, Method
from cu_core.methods import fields
from cu_core.methods.context import Context
from cu_core.methods.steps import Steps

_CODE = "released notebook"


@dataclass(frozen=True)
class UnsirParams:
    """Hyper-parameters; defaults are those of the released notebook for a class of CIFAR-10."""

    impair_lr: float = param(
        0.02,
        "Impair rate",
        "Step size of Adam while impairing.",
        low=1e-7,
        high=1.0,
        search=(1e-4, 0.1),
        log=True,
        paper=f"0.02 ({_CODE})",
    )
    repair_lr: float = param(
        0.01,
        "Repair rate",
        "Step size of Adam while repairing.",
        low=1e-7,
        high=1.0,
        search=(1e-4, 0.1),
        log=True,
        paper=f"0.01 ({_CODE})",
    )
    per_class: int = param(
        1000,
        "Retain samples per class",
        "How many samples of each other class are used, drawn once.",
        low=1,
        high=1_000_000,
        unit="samples",
        paper=f"1000 ({_CODE})",
    )
    copies: int = param(
        20,
        "Copies of the noise",
        "How often each noise image takes part in a pass.",
        low=1,
        high=1000,
        paper=f"20 ({_CODE})",
    )
    batch_size: int = param(
        256,
        "Batch size",
        "Images per step of impairing and repairing.",
        low=2,
        high=4096,
        unit="images",
        paper=f"256 ({_CODE})",
    )
    noise_batch: int = param(
        256, "Noise images", "Noise images per forgotten class.", low=1, high=4096, paper=f"256 ({_CODE})"
    )
    noise_steps: int = param(
        40,
        "Noise steps",
        "Steps of Adam by which the noise is learned.",
        low=1,
        high=100_000,
        paper=f"40 ({_CODE}: 5 × 8)",
        advanced=True,
    )
    noise_lr: float = param(
        0.1, "Noise rate", "Step size of Adam on the noise.", low=1e-5, high=10.0, paper=f"0.1 ({_CODE})", advanced=True
    )
    noise_weight: float = param(
        0.1,
        "Weight λ",
        "Weight of the noise's squared norm; keeps it small.",
        low=0.0,
        high=100.0,
        paper=f"0.1 ({_CODE})",
        advanced=True,
    )
    noise_mode: str = fields.released(
        "Mode for the noise",
        "while the noise is learned the model stays as it is, in evaluation mode",
        "it is in training mode, so that batch norm uses the noise's statistics and moves its stored ones towards them",
        f"frozen model (§IV); training mode ({_CODE})",
    )


def _divided(params: UnsirParams) -> bool:
    """Whether steps may be divided: the noise's are taken by each process, from statistics that have to be the same."""
    return params.noise_mode == "paper"


METHOD = Method(
    id="unsir",
    title="UNSIR",
    summary="Teaches noise that the model least takes for the forgotten class as that class, then repairs the others.",
    paper="Tarun et al., Fast Yet Effective Machine Unlearning, IEEE TNNLS 2023 (arXiv 2111.08947), §IV",
    params=UnsirParams,
    implementation=lambda: unlearn,
    divided=_divided,
    tasks=("class",),
    needs_forget=False,
    needs="Some retain samples of every other class, but no forget sample: only the names of the forgotten classes. "
    "Each class has noise of its own, labelled as that class; the released notebook labels all noise as class 0.",
    fails="The impairing step is large: with too high a rate one pass of repair does not bring the other classes back, "
    "and repairing with similar classes brings the forgotten one back too.",
    rounds={"class": 1},
)
METHODS.add(METHOD)


class Material:
    """What the rounds learn from: noise with its labels, and the chosen retain samples; fixed by the first round.

    Attributes:
        noise: (k, c, h, w) normalised images.
        labels: (k,) the forgotten class of each.
        chosen: (m,) indices of retain samples into their source, on the CPU.
    """

    def __init__(self) -> None:
        self.noise, self.labels, self.chosen = (torch.empty(0) for _ in range(3))

    def state_dict(self) -> dict[str, Any]:
        """All three."""
        return {"noise": self.noise, "labels": self.labels, "chosen": self.chosen}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes over `state_dict`."""
        self.noise, self.labels, self.chosen = state["noise"], state["labels"], state["chosen"]


def unlearn(context: Context, params: UnsirParams) -> Iterator[dict[str, float]]:
    """Impairs with noise among retain samples, then repairs with the retain samples: a pass each per round.

    The noise is learned at the start of the first round, against the base model. Both passes take steps of Adam on
    cross-entropy with batch norm in training mode; the noise bears the label of the class that it is to wipe out.

    Args:
        context: model, data and randomness; the forget samples are not touched.
        params: hyper-parameters.

    Yields:
        Per round the means of ``impair_loss``, ``repair_loss``, of ``loss`` over all steps of the repair and of its
        ``gradient_norm``; in the first also ``noise_loss``, the base model's cross-entropy on the learned noise.
    """
    model = context.model
    material = context.keep("material", Material())
    impair, repair = (
        Steps(context, torch.optim.Adam(model.parameters(), lr=lr), name=name)
        for name, lr in (("impair", params.impair_lr), ("repair", params.repair_lr))
    )
    for number in context.rounds():
        first = {}
        if number == 1:
            material.noise, material.labels, first["noise_loss"] = learned_noise(context, params)
            material.chosen = some_of_each_class(context, params.per_class)
        noise, labels = material.noise.to(context.device), material.labels.to(context.device)
        model.train()
        shown = params.copies * len(noise)
        for order in _batches(shown + len(material.chosen), params.batch_size, context.generator):
            of_noise, of_retain = order[order < shown] % len(noise), order[order >= shown] - shown
            x, y, _ = context.retain.take(material.chosen[of_retain])
            x, y = torch.cat([noise[of_noise], x]), torch.cat([labels[of_noise], y])
            impair.take(impair.loss(x, y))
        for order in _batches(len(material.chosen), params.batch_size, context.generator):
            x, y, _ = context.retain.take(material.chosen[order])
            repair.take(repair.loss(x, y))
        impaired, repaired = impair.means()["loss"], repair.means()
        yield repaired | {"impair_loss": impaired, "repair_loss": repaired["loss"]} | first


def learned_noise(context: Context, params: UnsirParams) -> tuple[torch.Tensor, torch.Tensor, float]:
    """Noise that the model, whose weights are frozen, takes least for the forgotten classes.

    It is in evaluation mode, or in training mode as the released notebook leaves it. For each class c Adam walks from
    standard normal noise N down -CE(f(N), c) + λ · mean over images of Σ N².

    Returns:
        (k, c, h, w) images, (k,) labels, both on the device, and the mean cross-entropy on them.
    """
    model = context.model
    # A single image has no batch statistics.
    training = params.noise_mode == "released" and params.noise_batch > 1
    shape = context.retain.take(context.retain.indices[:1])[0].shape[1:]
    images, labels, losses = [], [], []
    for label in context.forgotten:
        start = torch.randn(params.noise_batch, *shape, generator=context.generator)
        noise = start.to(context.device).requires_grad_()
        y = torch.full((params.noise_batch,), label, device=context.device)
        optimizer = torch.optim.Adam([noise], lr=params.noise_lr)
        model.train(training)
        for _ in range(params.noise_steps):
            context.check()
            size = noise.square().flatten(1).sum(1).mean()
            (noise.grad,) = torch.autograd.grad(
                params.noise_weight * size - torch.nn.functional.cross_entropy(model(noise), y), noise
            )
            optimizer.step()
        images.append(noise.detach())
        labels.append(y)
        model.eval()
        with torch.no_grad():
            losses.append(torch.nn.functional.cross_entropy(model(noise), y))
    return torch.cat(images), torch.cat(labels), float(torch.stack(losses).mean())


def some_of_each_class(context: Context, per_class: int) -> torch.Tensor:
    """(m,) random retain samples, at most `per_class` of each class, as indices into their source."""
    indices = context.retain.indices
    indices = indices[torch.randperm(len(indices), generator=context.generator)]
    labels = context.retain.source.labels.cpu()[indices]
    return torch.cat([indices[labels == label][:per_class] for label in range(context.classes)])


def _batches(total: int, size: int, generator: torch.Generator) -> tuple[torch.Tensor, ...]:
    """All numbers below `total` in random order, in parts of about `size`: batch norm cannot train on one left over."""
    return torch.randperm(total, generator=generator).tensor_split(max(1, -(-total // size)))
