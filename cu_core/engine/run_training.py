"""The trainings of a run, base model and references: how far they are, and what they tell of coming phases' speed."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import torch

from cu_core.catalogue.method_record import method
from cu_core.engine.audit.plan import AuditPlan
from cu_core.engine.earlier_costs import believed, remember_trained
from cu_core.engine.estimate import (
    AUDIT_SECONDS,
    EARLIER_RUN,
    RECORD_SECONDS,
    VERDICT_SECONDS,
    Speed,
    known_speed,
    remember_speed,
)
from cu_core.engine.evaluation import finite
from cu_core.engine.progress import Progress
from cu_core.engine.run_references import first_retrained
from cu_core.engine.setup import RunSetup
from cu_core.engine.verdict.retained_training import EPOCHS, STEPS
from cu_core.engine.verdict.verdict_step import verdict_units
from cu_core.learning.model_cache import Trained, other_threads, trained_model
from cu_core.learning.parallel.team import Team
from cu_core.learning.training import EpochReport
from cu_core.runstore.attempt import Attempt


class RunTraining:
    """Trains the models of a run, or takes them from the cache.

    Args:
        setup: the fixed part of the run.
        attempt: hears of progress, and may end the training.
        progress: of all phases.
        audit: the membership attacks, whose time is guessed from a training's.
        team: the processes that divide a training between them.
    """

    def __init__(self, setup: RunSetup, attempt: Attempt, progress: Progress, audit: AuditPlan, team: Team) -> None:
        self.setup = setup
        self.spec = setup.spec
        self.attempt = attempt
        self.progress = progress
        self.audit = audit
        self.team = team
        # What was trained although the cache held the same of another number of threads: its name, and that number.
        self._again: list[tuple[str, int]] = []

    def plan(self) -> None:
        """Says how much work each phase has."""
        recipe, forget = self.spec.train, self.setup.forget.indices
        self.progress.plan("train", self.spec.base_recipe.work)
        self.progress.plan("unlearn", self.spec.max_rounds)
        self.progress.plan("reference", recipe.work * self.spec.reference)
        self.progress.plan("audit", self.audit.units)
        self.progress.plan("verdict", verdict_units(self.spec))
        # Until the first round is measured: images drawn in it, at the speed of a training epoch.
        drawn = 2 * len(forget) * getattr(self.spec.method.params, "retain_batches", 1)
        # Epochs of shards are shorter than passes over all images.
        self.pass_in_epochs = recipe.work / max(recipe.epochs, 1)
        self.round_in_epochs = drawn / len(self.setup.data.train_labels) * self.pass_in_epochs
        if method(self.spec.method.id).needs_shards:
            self.round_in_epochs = float(sum(recipe.stage_epochs))

    def train(self, indices: np.ndarray, seed: int, phase: str) -> Trained:
        """A model of some samples.

        Args:
            indices: (n,) training samples.
            seed: of the training.
            phase: ``"train"`` for the base model, ``"reference"``.
        """
        what = "training the base model" if phase == "train" else f"training the reference (seed {seed})"
        start = first_retrained(self.spec.train_seed, len(self.spec.reference_files))
        first = 0 if phase == "train" else (seed - start) * self.spec.train.work

        def on_epoch(report: EpochReport) -> None:
            self.attempt.check()
            where = report.where and f"{report.where}, "
            message = f"{what}: {where}epoch {report.epoch} of {report.epochs}, loss {report.loss:.3f}"
            if report.knn is not None:
                message += f", kNN accuracy {report.knn:.1%}"
            # Counted from the epoch's number: a training that is resumed does not start at the first one.
            self.progress.works[phase].done = first + report.epoch - 1
            # Absent where it does not exist: training accuracy of encoders, kNN accuracy of classifiers.
            named = {"train_loss": report.loss, "train_acc": report.accuracy, "train_knn_acc": report.knn}
            measured = {name: finite(value) for name, value in named.items() if value is not None}
            self.progress.step(phase, measured, message)
            self._guess(self.progress.works[phase].rate)

        spec = dataclasses.replace(self.spec, train=self.spec.base_recipe)
        if phase == "reference":
            # From scratch: the user's own weights have seen the forget set.
            spec = dataclasses.replace(self.spec, model=dataclasses.replace(self.spec.model, weights=""))
        self.progress.start(phase, what)
        wanted = spec, self.setup.data, self.setup.train, indices, seed
        where: dict[str, Any] = {
            "home": self.attempt.home,
            "device": self.setup.device,
            "precision": self.setup.precision,
        }
        trained = trained_model(
            *wanted,
            **where,
            on_epoch=on_epoch,
            check=self.attempt.check,
            team=self.team,
            keep=self.spec.kept_epochs if phase == "train" else (),
        )
        if not trained.cached and spec.train.work:
            model = "base model" if phase == "train" else f"reference of seed {seed}"
            self._again += [(model, threads) for threads in other_threads(*wanted, **where)[:1]]
        if spec.train.work:
            reference = phase == "reference"
            remember_trained(self.attempt.spec, self.attempt.home, trained.key, seed, reference=reference)
        if phase == "train":
            self.progress.finish("train")
            if self.spec.base_recipe.work:
                self._guess(trained.seconds / self.spec.base_recipe.work)
            self._remember_speed(trained, len(indices))
        return trained

    @property
    def notes(self) -> list[str]:
        """What was trained once more, only since earlier runs had another number of threads, in words."""
        if not self._again:
            return []
        told = ", ".join(f"{model} ({threads})" for model, threads in self._again)
        return [
            "Trained once more, although the same was there from a run with another number of threads (in brackets): "
            f"{told}. This run has {torch.get_num_threads()}. Another number rounds sums differently, so only runs "
            "with the same number share their models."
        ]

    def _remember_speed(self, trained: Trained, images: int) -> None:
        """Lets the next estimate rest on this training, unless it was not measured here and now."""
        seen = images * self.spec.base_recipe.epochs
        if seen and not trained.cached:
            parameters = sum(p.numel() for p in trained.model.parameters())
            # Under the choices as they were made: an estimate does not read weights.
            spec, home, precision = self.attempt.spec, self.attempt.home, self.setup.precision.name
            before = known_speed(spec, home)
            alike = before is not None and (before.source, before.precision) == (EARLIER_RUN, precision)
            measured = believed(before.seconds_per_image if before and alike else None, trained.seconds / seen)
            remember_speed(spec, home, Speed(measured, parameters, EARLIER_RUN, precision))

    def _guess(self, epoch_seconds: float | None) -> None:
        """Speeds of phases that have not started yet, from a training epoch's."""
        if epoch_seconds is None:
            return
        # Asked forward only, at about a third of what training an image takes.
        passes = self.audit.images / 3 / len(self.setup.data.train_labels) / max(self.audit.units, 1)
        asked = passes * self.pass_in_epochs * max(self.spec.train.members, 1)
        shadow = self.spec.train.work + self.spec.max_rounds * self.round_in_epochs
        # A few epochs of short training, and as much again for asking.
        verdict = 2 * EPOCHS * STEPS * self.spec.train.batch_size / len(self.setup.data.train_labels)
        factors = {
            "unlearn": self.round_in_epochs,
            "reference": 1.0,
            "audit": asked,
            "shadows": shadow,
            "verdict": verdict,
        }
        # What hardly depends on the network: without it the time left would jump once these phases are measured.
        overheads = {
            "unlearn": RECORD_SECONDS,
            "reference": 2 * RECORD_SECONDS / max(self.spec.train.work, 1),
            "audit": AUDIT_SECONDS / max(self.audit.units, 1),
            "verdict": VERDICT_SECONDS / max(self.progress.works["verdict"].total, 1),
        }
        for phase, factor in factors.items():
            work = self.progress.works[phase]
            if work.done == 0:
                work.rate = epoch_seconds * factor + overheads.get(phase, 0.0)
