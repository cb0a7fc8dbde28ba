"""Ranks above 0 of a run on several processes: they carry out the orders of rank 0 and write nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import torch

from cu_core.base.files import write_json
from cu_core.base.home import Home
from cu_core.catalogue.spec import RunSpec
from cu_core.data.batches import Split
from cu_core.engine.checkpoint import restore
from cu_core.engine.perform import failure
from cu_core.engine.setup import RunSetup, set_up
from cu_core.engine.unlearning import method_rounds, unlearning_context
from cu_core.learning.build import build_for
from cu_core.learning.device import choose_precision, keep_freed_memory
from cu_core.learning.network import Network
from cu_core.learning.parallel.division import divided
from cu_core.learning.parallel.group import Group, Order, Stopped, lost_another
from cu_core.learning.parallel.torchrun import end_with_parent, rank
from cu_core.learning.precision_trial import InForce
from cu_core.learning.training import EpochReport, Training, train
from cu_core.runstore import layout
from cu_core.runstore.attempt import Attempt


class Follower:
    """A process of a run that is not the first.

    Args:
        spec: the run.
        home: where datasets are; the same folder as that of rank 0.
        group: the processes.
    """

    def __init__(self, spec: RunSpec, home: Home, group: Group) -> None:
        self._spec = spec
        self._home = home
        self._group = group

    def run(self) -> None:
        """Follows until the run ends.

        Raises:
            Stopped: rank 0 ended it before it was finished.
        """
        # Rank 0 has read the dataset by then, so this process finds it prepared.
        told = self._group.expect(Order.SET_UP)
        torch.set_num_threads(told["threads"])
        keep_freed_memory()

        def as_first(device: torch.device) -> InForce:
            # What rank 0 has chosen: a trial of one's own might end otherwise.
            return InForce(choose_precision(told["precision"], device))

        setup = set_up(self._spec, self._home, lambda *_: None, as_first)
        work: dict[Order, Callable[..., None]] = {Order.TRAIN: self._train, Order.UNLEARN: self._unlearn}
        while True:
            order, content = self._group.receive()
            if order is Order.END:
                return
            work[order](setup, content)

    def _go(self) -> None:
        self._group.expect(Order.GO)

    def _train(self, setup: RunSetup, content: dict) -> None:
        model = self._model(setup)

        def ready(training: Training) -> None:
            training.load_state_dict(self._group.expect(Order.STATE))

        def on_epoch(report: EpochReport) -> None:
            self._group.align(model)

        with divided(model.trunk) as division:
            division.active = True
            train(
                model,
                Split(setup.train, content["indices"], torch.Generator()),
                self._spec.train,
                seed=content["seed"],
                device=setup.device,
                precision=setup.precision,
                checkpoint=None,
                ready=ready,
                on_epoch=on_epoch,
                check=self._go,
            )

    def _unlearn(self, setup: RunSetup, content: dict) -> None:
        model = self._model(setup)
        # Before anything is copied from it, such as the slow copy of an objective.
        model.load_state_dict(content["model"])
        context = unlearning_context(setup, model, self._go)
        restore(context, content)
        with divided(context.model.trunk) as division:
            rounds = method_rounds(self._spec, context)
            while self._group.receive()[0] is Order.ROUND:
                division.active = True
                diagnostics = next(rounds, None)
                division.active = False
                if diagnostics is not None:
                    self._group.align(context.model)

    def _model(self, setup: RunSetup) -> Network:
        """A network of the run's kind; its weights come from rank 0."""
        model = build_for(self._spec, setup.data, 0)
        setup.precision.place(model, setup.device)
        return model


def follow(home: Home, run_id: str, number: int) -> int:
    """Does an attempt as another rank than 0.

    Returns:
        Exit code: 0 where rank 0 said how it ended.
    """
    end_with_parent()
    attempt = Attempt(home, run_id, number)
    try:
        group = Group(attempt.spec)
        with contextlib.suppress(Stopped):
            Follower(attempt.spec, home, group).run()
        group.leave()
    except Exception as error:
        if not lost_another(error):
            write_json(attempt.folder / layout.PROCESSES / f"{rank()}.json", failure(error))
        raise
    return 0
