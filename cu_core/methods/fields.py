"""Hyper-parameters that several methods share."""

from __future__ import annotations

from typing import Any

from cu_core.base.parameters import param

BATCH_NORM = ("train", "eval")
BOTH = ("supervised", "self-supervised")
SEARCHED_RATES = {"SGD": (1e-4, 0.3), "Adam": (1e-5, 1e-2)}
"""Learning rates that tuning tries: all that papers use, and what smaller networks took beyond that."""


def lr(default: float, paper: str, optimizer: str = "SGD", search: tuple[float, float] | None = None) -> Any:
    """Step size of an optimizer, with the range that tuning tries where that is not the optimizer's usual one."""
    return param(
        default,
        "Learning rate",
        f"Step size of {optimizer}.",
        low=1e-7,
        high=10.0,
        log=True,
        paper=paper,
        search=search or SEARCHED_RATES.get(optimizer),
    )


def momentum(paper: str, default: float = 0.9) -> Any:
    """Momentum of SGD."""
    return param(default, "Momentum", "Momentum of SGD.", low=0.0, high=0.999, paper=paper, advanced=True)


def weight_decay(default: float, paper: str) -> Any:
    """Weight decay of the optimizer."""
    return param(default, "Weight decay", "Pulls all weights towards 0.", low=0.0, high=1.0, paper=paper, advanced=True)


def batch_size(default: int, of: str, paper: str) -> Any:
    """Samples per step; `of` says which."""
    return param(default, "Batch size", f"{of} per step.", low=2, high=4096, unit="samples", paper=paper)


def batch_norm(default: str, paper: str) -> Any:
    """What batch norm does while a method learns."""
    return param(
        default,
        "Batch norm",
        "train: batch norm uses the statistics of the batch and moves the stored ones; eval: it uses the stored ones "
        "and leaves them as they are.",
        choices=BATCH_NORM,
        paper=paper,
        advanced=True,
    )


def released(label: str, paper_words: str, released_words: str, source: str) -> Any:
    """Whether a step is that of the paper or that of its released code, where the two differ.

    Args:
        label: name of the step.
        paper_words: what the paper does, without a full stop.
        released_words: what the code does, likewise.
        source: of both.
    """
    return param(
        "paper",
        label,
        f"paper: {paper_words}; released: {released_words}.",
        choices=("paper", "released"),
        paper=source,
        advanced=True,
        later=True,
    )


def fixed_share(default: float, paper: str) -> Any:
    """How much of the retain set a method with ``retain_data="part"`` is given."""
    return param(
        default,
        "Retain share",
        "Share of the retain samples that is read: drawn once, the same in every round; 0 reads none.",
        low=0.0,
        high=1.0,
        special="0 = forget samples alone",
        paper=paper,
    )


def retain_share(default: float, paper: str) -> Any:
    """How much of the retain set is mixed into a pass over the forget set."""
    return param(
        default,
        "Retain share",
        "Share of the retain samples, drawn anew each round, that are mixed with the forget samples; 0 reads none.",
        low=0.0,
        high=1.0,
        special="0 = forget samples alone",
        paper=paper,
        search=(),  # how much data a method may use is part of the question
    )
