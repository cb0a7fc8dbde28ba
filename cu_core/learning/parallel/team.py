"""The processes of a run as the engine sees them: one alone, or rank 0 that orders the others."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from typing_extensions import override

from cu_core.learning.network import Network
from cu_core.learning.parallel.division import divided
from cu_core.learning.parallel.group import Group, Order
from cu_core.learning.training import EpochReport, Training

Check = Callable[[], None]
Rounds = Iterator[dict[str, float]]


class Unlearning(Protocol):
    """What of a method's context the processes have in common.

    Attributes:
        model: that is unlearned.
        first_round: number of the first round to run.
        saved: what the method kept before.
        generator: from which the method draws.
    """

    model: Network
    first_round: int
    saved: dict[str, dict[str, Any]]
    generator: torch.Generator


Work = TypeVar("Work", bound=Unlearning)


def _nothing(training: Training) -> None:
    pass


@dataclass(frozen=True)
class Together:
    """How a training is kept in step.

    Attributes:
        check: called before each step; may raise to stop.
        ready: called once before the first epoch, with what an earlier training left taken up.
        on_epoch: called after each epoch; may raise to stop.
    """

    check: Check
    ready: Callable[[Training], None]
    on_epoch: Callable[[EpochReport], None]


class Team(Protocol):
    """The processes of a run as its first process sees them."""

    size: int

    def set_up(self, threads: int, precision: str) -> None:
        """Lets the others prepare as this process did; called before anything is divided."""

    def training(
        self, model: Network, indices: np.ndarray, seed: int, check: Check, on_epoch: Callable[[EpochReport], None]
    ) -> AbstractContextManager[Together]:
        """Context in which the training of a model on some samples is divided."""

    def check(self, check: Check) -> Check:
        """What a method calls before each step."""

    def rounds(self, context: Work, start: Callable[[Work], Rounds]) -> Generator[dict[str, float], None, None]:
        """The rounds of a method, with its steps divided; close it when no more rounds are wanted."""


class Alone(Team):
    """One process: nothing is divided."""

    size = 1

    @override
    def set_up(self, threads: int, precision: str) -> None:
        pass

    @override
    @contextmanager
    def training(
        self, model: Network, indices: np.ndarray, seed: int, check: Check, on_epoch: Callable[[EpochReport], None]
    ) -> Iterator[Together]:
        yield Together(check, _nothing, on_epoch)

    @override
    def check(self, check: Check) -> Check:
        return check

    @override
    def rounds(self, context: Work, start: Callable[[Work], Rounds]) -> Generator[dict[str, float], None, None]:
        yield from start(context)


ALONE = Alone()


class Leader(Team):
    """Rank 0 of several.

    Args:
        group: the processes.
    """

    def __init__(self, group: Group) -> None:
        self.group = group
        self.size = group.size

    @override
    def set_up(self, threads: int, precision: str) -> None:
        self.group.tell(Order.SET_UP, {"threads": threads, "precision": precision})

    @override
    @contextmanager
    def training(
        self, model: Network, indices: np.ndarray, seed: int, check: Check, on_epoch: Callable[[EpochReport], None]
    ) -> Iterator[Together]:
        self.group.tell(Order.TRAIN, {"indices": torch.as_tensor(np.asarray(indices)), "seed": seed})

        def ready(training: Training) -> None:
            self.group.tell(Order.STATE, training.state_dict())

        def aligned(report: EpochReport) -> None:
            self.group.align(model)
            on_epoch(report)

        with divided(model.trunk) as division:
            division.active = True
            yield Together(self.check(check), ready, aligned)

    @override
    def check(self, check: Check) -> Check:
        # Checks on rank 0 alone and lets the others know, so that all go on or none does.

        def agreed() -> None:
            check()
            self.group.tell(Order.GO)

        return agreed

    @override
    def rounds(self, context: Work, start: Callable[[Work], Rounds]) -> Generator[dict[str, float], None, None]:
        self.group.tell(Order.UNLEARN, state_of(context))
        with divided(context.model.trunk) as division:
            rounds = start(context)
            while True:
                self.group.tell(Order.ROUND)
                division.active = True
                diagnostics = next(rounds, None)
                division.active = False
                if diagnostics is None:
                    break
                self.group.align(context.model)
                try:
                    yield diagnostics
                except GeneratorExit:
                    break
        self.group.tell(Order.DONE)


def state_of(context: Unlearning) -> dict[str, Any]:
    """What another process needs to go on from where this one is, before a method's first step here.

    See `cu_core.engine.checkpoint.restore`, which takes it over.
    """
    return {
        "round": context.first_round - 1,
        "model": context.model.state_dict(),
        "kept": context.saved,
        "generator": context.generator.get_state(),
        "random": torch.get_rng_state(),
    }
