"""One base model with its references, and the verdict on whatever claims to have unlearned it."""

from __future__ import annotations

import copy
import dataclasses
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from cu_core.base.home import Home
from cu_core.catalogue.spec import RunSpec
from cu_core.engine.setup import set_up
from cu_core.engine.signal_pass import ClassifierPass
from cu_core.engine.signals import per_sample
from cu_core.engine.unlearning import unlearning_context
from cu_core.engine.verdict.retained_training import trained_on
from cu_core.engine.verdict.verdict_pass import VerdictPass
from cu_core.engine.verdict.verdict_phase import VerdictModels, evidence_of
from cu_core.engine.verdict.verdict_samples import verdict_samples
from cu_core.learning.model_cache import trained_model
from cu_core.learning.network import Network
from cu_core.learning.weights import save_weights
from cu_core.methods.context import Context
from cu_core.metrics.questions.judgement import judge_evidence
from cu_core.metrics.questions.verdict_evidence import ModelSeen, VerdictEvidence

ABSENT = Path("no weights")


class Scene:
    """The models of a run as its loop makes them, and its verdict, with nothing recorded.

    Args:
        spec: the run; its method does not matter.
        home: where datasets and trained models are kept.
        references: how many; as many as the run has by default.

    Attributes:
        setup: its fixed part.
        base: the model before unlearning.
        references: retrained models; the first has the base model's seed.
    """

    def __init__(self, spec: RunSpec, home: Home, references: int | None = None) -> None:
        self.home = home
        self.setup = set_up(spec, home, lambda done, total, message: None)
        self.spec = self.setup.spec
        self.signal_pass = ClassifierPass(self.setup)
        self.base = self.trained(np.arange(len(self.setup.data.train_labels)), spec.train_seed)
        count = spec.reference if references is None else references
        self.references = [self.retrained(spec.train_seed + i) for i in range(count)]
        self._ask = VerdictPass(self.setup, verdict_samples(self.setup))
        self._known: VerdictEvidence | None = None

    def trained(self, indices: np.ndarray, seed: int) -> Network:
        """A model trained on some training samples with the run's recipe, from the cache where it is there."""
        return trained_model(
            self.spec,
            self.setup.data,
            self.setup.train,
            indices,
            seed,
            home=self.home,
            device=self.setup.device,
            precision=self.setup.precision,
            on_epoch=lambda report: None,
        ).model

    def retrained(self, seed: int) -> Network:
        """A model that never saw the forget set."""
        return self.trained(self.setup.retain, seed)

    def start(self) -> Context:
        """What a method is given: a copy of the base model, its data and its randomness."""
        return unlearning_context(self.setup, copy.deepcopy(self.base), lambda: None)

    @property
    def known(self) -> VerdictEvidence:
        """The evidence of base model and references, with the base model in the place of the unlearned one."""
        if self._known is None:
            models = VerdictModels(self.base, self.base, self.references, ABSENT, None)
            self._known = evidence_of(self.setup, models, self.signal_pass)
        return self._known

    def evidence(self, live: Network, stored: Network | None = None) -> VerdictEvidence:
        """The evidence of a model; that of base model and references is asked for once.

        Args:
            live: the model as it answers.
            stored: the one whose weights are stored; by default the same.
        """
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "weights.pt"
            with path.open("wb") as file:
                save_weights(file, live if stored is None else stored)
            recorded = per_sample(self.signal_pass.probe(live))["logits"]
            models = VerdictModels(self.base, live, (), path, recorded)
            found = evidence_of(self.setup, models, self.signal_pass)
        after = found.after
        if self.known.base.trained_on:
            stages = trained_on(self.setup, self._ask, live, after, lambda: None)
            after = dataclasses.replace(after, trained_on=stages)
        return dataclasses.replace(found, base=self.known.base, after=after, references=self.known.references)

    def seen(self, model: Network) -> ModelSeen:
        """What a model answers to the samples of the verdict."""
        return self.evidence(model).after

    def judge(self, live: Network, stored: Network | None = None) -> dict[str, Any]:
        """The verdict on a model; arguments as of `evidence`."""
        return judge_evidence(self.evidence(live, stored))
