"""The verdict on a finished run, made anew from what it has left: its weights, its models in the cache, its records."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import safetensors.torch
import torch

from cu_core.base.errors import BadInput, CheckpointError, Incompatible
from cu_core.base.home import Home
from cu_core.catalogue.spec import RunSpec
from cu_core.engine.encoder_pass import signal_pass_of
from cu_core.engine.given_files import GivenFile, GivenModels
from cu_core.engine.kept_arithmetic import kept_threads, precision_of_run
from cu_core.engine.probe import recorded_probe
from cu_core.engine.recorded_models import nearness_report
from cu_core.engine.run_references import first_retrained
from cu_core.engine.setup import RunSetup, set_up
from cu_core.engine.verdict.verdict_phase import VerdictModels, recorded_answers, verdict_on
from cu_core.learning.build import build_for
from cu_core.learning.device import keep_freed_memory, memory_errors
from cu_core.learning.model_cache import cached_model, trained_model
from cu_core.learning.network import Network
from cu_core.learning.training import EpochReport
from cu_core.learning.weights import load_weights, read_state_dict
from cu_core.runstore import layout
from cu_core.runstore.attempt import Attempt
from cu_core.runstore.checksums import damage_of
from cu_core.runstore.reader import RunView, open_run
from cu_core.runstore.rows import optional_json
from cu_core.runstore.snapshot import weights_damage
from cu_core.runstore.verify import how_to_mend

Report = Callable[[int, int, str], None]
"""Receives done, total and a message; may raise to stop."""


@dataclass(frozen=True)
class Anew:
    """What was worked out.

    Attributes:
        verdict: as `verdict_on` gives it.
        nearness: as `nearness_report` gives it.
        notes: what a reader should know of how, in sentences.
    """

    verdict: dict[str, Any]
    nearness: dict[str, Any] | None
    notes: tuple[str, ...]


def verdict_anew(home: Home, run_id: str, report: Report = lambda *_: None, *, references: int = 0) -> Anew:
    """Makes the verdict on a finished run; changes nothing of it.

    Args:
        home: where it lives, with its dataset and its models. What is missing of these is read and trained again.
        run_id: of the run, which any version may have made.
        report: hears what is done.
        references: so many retrained models at least: seeds go on behind those of the run.

    Raises:
        BadInput: no such run, one that has not succeeded, or something that it takes is gone.
        UnlearnscopeError: anything else that a user can act on.
    """
    view = open_run(home, run_id)
    if view.state != "succeeded":
        raise BadInput("run", f"{run_id} is {view.state}: a verdict is made on runs that have succeeded")
    _check_files(view)
    if threads := kept_threads(optional_json(view.run_dir / layout.THREADS)):
        # On the CPU they decide how sums are rounded, and so which models the cache knows.
        torch.set_num_threads(threads)
    keep_freed_memory()
    with memory_errors("the probe size or the image size of a new run"):
        kept = partial(precision_of_run, view.run_dir, view.spec.precision)
        setup = dataclasses.replace(set_up(view.spec, home, report, kept), probe=recorded_probe(view.probe()))
        return _Anew(home, view, setup, report).work(references)


def _check_files(view: RunView) -> None:
    reason = "is not there" if view.result() is None else damage_of(view.run_dir, layout.RESULT, again=True)
    if reason is not None:
        raise BadInput("run", f"the result of {view.run_id} {reason}. {how_to_mend(view.run_id)}")
    path = view.run_dir / layout.WEIGHTS
    if not path.exists():
        why = "no demo brings them along" if view.info.get("demo") else f"{layout.WEIGHTS} is gone"
        raise BadInput("run", f"the weights that {view.run_id} ended with are not here: {why}")
    if (reason := damage_of(view.run_dir, layout.WEIGHTS, again=True)) is not None:
        raise BadInput("run", f"the weights that {view.run_id} ended with cannot be used: {layout.WEIGHTS} {reason}")


class _Anew:
    """The work on one run."""

    def __init__(self, home: Home, view: RunView, setup: RunSetup, report: Report) -> None:
        self.home = home
        self.view = view
        self.setup = setup
        self.report = report
        self.trained_here: list[str] = []

    def work(self, wanted: int) -> Anew:
        base = self._base()
        references = list(self._references(wanted))
        last = max(self.view.rounds(), default=0)
        models = VerdictModels(
            base=base,
            after=self._loaded(read_state_dict(self.view.run_dir / layout.WEIGHTS)),
            references=references,
            stored=self.view.run_dir / layout.WEIGHTS,
            recorded=self._recorded(last),
        )
        passes = signal_pass_of(self.setup)
        told: set[str] = set()

        def step(message: str) -> None:
            if message not in told:
                self.report(len(told), 2 * (2 + len(references)), message)
                told.add(message)

        found = verdict_on(self.setup, models, passes, step)
        notes = [f"Trained here: {', '.join(self.trained_here)}."] if self.trained_here else []
        return Anew(found, nearness_report(self.setup, self.view), tuple(notes))

    def _base(self) -> Network:
        """From round 0 where that has kept it, else from the cache, else trained again."""
        folder = self.view.run_dir / "rounds" / "0"
        manifest = self.view.manifest(0)
        if manifest.get("weights") is not None and weights_damage(folder, manifest) is None:
            return self._loaded(safetensors.torch.load_file(folder / manifest["weights"]["file"]))
        spec = self.setup.spec
        everything = np.arange(len(self.setup.data.train_labels))
        recipe = dataclasses.replace(spec, train=spec.base_recipe)
        return self._trained(recipe, everything, spec.train_seed, "the model before unlearning")

    def _references(self, wanted: int) -> Iterator[Network]:
        spec = self.setup.spec
        attempt = Attempt(self.home, self.view.run_id, max(self.view.run_state.attempt, 1))
        given = GivenModels(self.setup, attempt)
        own = given.references()
        for _, file in own:
            self._check_same(file, given)
            yield given.retrained(file).model
        count = max(spec.reference, wanted - len(own))
        if count and spec.train.epochs == 0:
            raise Incompatible("references", "a reference is trained from scratch and needs at least one epoch", ("0",))
        # From scratch: the user's own weights have seen the forget set.
        scratch = dataclasses.replace(spec, model=dataclasses.replace(spec.model, weights=""))
        first = first_retrained(spec.train_seed, len(own))
        for seed in range(first, first + count):
            yield self._trained(scratch, self.setup.retain, seed, f"the reference with the seed {seed}")

    def _check_same(self, file: GivenFile, given: GivenModels) -> None:
        """Whether the user's own reference is still the file that the run has read."""
        told = optional_json(self.view.run_dir / layout.GIVEN).get("files") or ()
        noted = next((entry.get("sha256") for entry in told if entry.get("role") == file.role), None)
        if noted is not None and noted != given.sha256_now(file):
            raise CheckpointError(file.field, f"{file.name} has changed since the run read it")

    def _trained(self, spec: RunSpec, indices: np.ndarray, seed: int, what: str) -> Network:
        setup = self.setup
        device, precision = setup.device, setup.precision
        found = cached_model(
            spec, setup.data, setup.train, indices, seed, home=self.home, device=device, precision=precision
        )
        if found is not None:
            return found.model
        self.trained_here.append(what)

        def on_epoch(epoch: EpochReport) -> None:
            self.report(epoch.epoch, epoch.epochs, f"training {what}: epoch {epoch.epoch} of {epoch.epochs}")

        return trained_model(
            # One process does it, whose sums are not those of several.
            dataclasses.replace(spec, processes=1),
            setup.data,
            setup.train,
            indices,
            seed,
            home=self.home,
            device=device,
            precision=precision,
            on_epoch=on_epoch,
        ).model

    def _loaded(self, state: dict[str, torch.Tensor]) -> Network:
        setup = self.setup
        model = build_for(setup.spec, setup.data, setup.spec.train_seed)
        load_weights(model, state)
        setup.precision.place(model, setup.device)
        return model.eval()

    def _recorded(self, last: int) -> np.ndarray | None:
        """What the last round has recorded; None where an earlier version recorded other samples."""
        table, probe = self.view.probe(), self.setup.probe
        same = (
            len(table) == len(probe.sample)
            and (table["sample"].to_numpy() == probe.sample).all()
            and ((table["split"] == "test").to_numpy() == probe.is_test).all()
        )
        return self.view.array(last, recorded_answers(self.setup)) if same else None
