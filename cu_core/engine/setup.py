"""The set-up of a run: device, data, forget set, probe and stopping samples."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from cu_core.base.errors import Incompatible
from cu_core.base.home import Home
from cu_core.base.named_path import named_path
from cu_core.catalogue import compatibility
from cu_core.catalogue.method_record import any_network, method
from cu_core.catalogue.selections import parse_selection
from cu_core.catalogue.spec import RunSpec
from cu_core.catalogue.stopping import STOPPING_RULES, rule_for
from cu_core.data.batches import ImageSource, Split
from cu_core.data.copies import Copies, copies_in_words, find_copies
from cu_core.data.forget import ForgetSet, resolve
from cu_core.data.images import ImageData
from cu_core.data.prepared import dataset_key, prepare
from cu_core.engine.probe import Probe, RuleSamples, choose_probe, rule_samples, spare_samples
from cu_core.learning.build import build_for
from cu_core.learning.device import Precision, choose_device
from cu_core.learning.model_shape import shaped
from cu_core.learning.normalisation import normalisation_of
from cu_core.learning.precision_trial import InForce, precision_in_force
from cu_core.learning.weight_file import FIELD, read_weights
from cu_core.metrics.questions.remembers import FEWEST

_SAMPLES = {
    "forget": "forget samples",
    "unseen": "unseen samples",
    "unseen_forgotten": "unseen samples of the forgotten classes",
}


@dataclass(frozen=True)
class RunSetup:
    """The fixed part of a run.

    Attributes:
        spec: the run.
        data: images and labels.
        data_key: name under which the prepared dataset lies in the home.
        device: where the computation happens.
        precision: its mixed-precision policy, in which models are trained and unlearned; evaluation is in fp32.
        precision_told: what was timed to choose it, or is to be known of it; empty where there is nothing to say.
        bf16_gain: how many times as fast a training step was in bf16 as in fp32; None where it was not timed.
        train: training images on the device.
        test: unseen images on the device.
        forget: the forget set.
        retain: (n,) int64 indices of the other training samples.
        rule: name of the stopping rule in force.
        rule_samples: the samples that this rule measures.
        probe: the recorded samples.
        spare: (k,) int64 indices of test samples that are given to the method and reported on nowhere; empty
            for methods that need no samples from outside the training set.
        own_weights: how the file of own weights was read, in one line; empty where there is none.
    """

    spec: RunSpec
    data: ImageData
    data_key: str
    device: torch.device
    precision: Precision
    train: ImageSource
    test: ImageSource
    forget: ForgetSet
    retain: np.ndarray
    rule: str
    rule_samples: RuleSamples
    probe: Probe
    spare: np.ndarray
    own_weights: str = ""
    precision_told: str = ""
    bf16_gain: float | None = None

    def split(self, indices: np.ndarray, generator: torch.Generator) -> Split:
        """Some training samples as batches whose order comes from `generator`."""
        return Split(self.train, indices, generator)

    def spare_split(self, generator: torch.Generator) -> Split | None:
        """The samples from outside the training set that the method may read; None if it may not."""
        return Split(self.test, self.spare, generator) if len(self.spare) else None

    @property
    def reported_forget(self) -> np.ndarray:
        """Forget samples that the stopping rule did not measure (all of them under the paper's protocol)."""
        return self._reported(self.forget.indices, self.rule_samples.forget)

    @property
    def reported_unseen(self) -> np.ndarray:
        """Unseen samples that neither the method nor (but for the paper's protocol) the stopping rule measured."""
        unseen = np.setdiff1d(np.arange(len(self.data.test_labels)), self.spare)
        return self._reported(unseen, self.rule_samples.unseen)

    @property
    def notes(self) -> list[str]:
        """What a reader of this run's numbers should know, in words."""
        rule, looked_at = self.rule, self.rule_samples
        found = {"forget": looked_at.forget, "unseen": looked_at.unseen, "unseen_forgotten": looked_at.unseen}
        missing = [_SAMPLES[name] for name in STOPPING_RULES.named(rule).looks_at if len(found[name]) == 0]
        notes = [f"Own weights: {self.own_weights}."] if self.own_weights else []
        notes += [self.precision_told] if self.precision_told else []
        if missing:
            cause = (
                "there are too few to set half of them apart (stop.protocol=paper looks at all of them)"
                if self.spec.stop.protocol == "held-out"
                else "there are none"
            )
            notes.append(
                f"The {rule} rule has no {' and no '.join(missing)} to look at, {cause}; it cannot end this run."
            )
        if STOPPING_RULES.named(rule).references and not missing:
            notes.append(self._compared())
        notes += copies_in_words(self._copies)
        if self.forget.duplicates:
            notes.append(f"{self.forget.duplicates:,} of the file's entries repeat others and were dropped.")
        if self.spec.self_supervised and self.forget.task == "class":
            notes.append(
                "An encoder's classes come from a vote of retain samples, which never names a forgotten class: there "
                "is no accuracy on those, and unseen samples of them count as wrong."
            )
        return notes

    def _compared(self) -> str:
        """What a rule that compares with references looks at, beside what is reported."""
        held_out = self.spec.stop.protocol == "held-out"
        seen = self.probe.rule if held_out else np.ones(len(self.probe.rule), bool)
        recorded = int((seen & (self.probe.group == 0)).sum())
        if recorded < FEWEST:
            return (
                f"The {self.rule} rule needs {FEWEST} recorded forget samples to look at and has {recorded}; it cannot "
                "end this run."
            )
        if held_out:
            return (
                f"The {self.rule} rule looks at {recorded} forget samples that are reported on nowhere. The verdict is "
                "asked of the others, beside the same retrained models."
            )
        return (
            f"The {self.rule} rule looks at the samples that are reported (stop.protocol=paper), so near to the "
            "references is where it has stopped."
        )

    @cached_property
    def _copies(self) -> Copies:
        return find_copies(self.data, self.forget.indices)

    def _reported(self, everything: np.ndarray, looked_at: np.ndarray) -> np.ndarray:
        return everything if self.spec.stop.protocol == "paper" else np.setdiff1d(everything, looked_at)


def set_up(
    spec: RunSpec,
    home: Home,
    progress: Callable[[int, int, str], None],
    kept: Callable[[torch.device], InForce | None] = lambda device: None,
) -> RunSetup:
    """Prepares the data and fixes all draws of a run.

    Args:
        spec: the run.
        home: where datasets are kept.
        progress: receives done, total and a message while the data is read.
        kept: takes the device, gives the precision that the run is to keep, or None where it is to be chosen now.

    Raises:
        BadInput: a value that cannot be used.
        Incompatible: choices that cannot run together.
    """
    compatibility.check(spec)
    device = choose_device(spec.device)
    data = prepare(spec.data, home, progress)
    if reason := compatibility.why_not_backbone(spec.model.backbone, data.train_images.shape[-1]):
        raise Incompatible("model.backbone", reason)
    forget = resolve(spec.forget.select, data, spec.forget_seed, Path.cwd(), scores=home.scores, progress=progress)
    own_weights = ""
    if spec.model.weights:
        own_weights = read_weights(named_path(spec.model.weights, FIELD), part=spec.model.part, hashed=False).told
    spec = dataclasses.replace(spec, model=shaped(spec.model, data.train_images.shape[-1]))
    record = method(spec.method.id)
    _check_network(spec, data)
    mean, std = normalisation_of(spec.model, data)
    rule = rule_for(
        spec.stop.rule,
        parse_selection(spec.forget.select).kind,
        encoder=spec.self_supervised,
        unguarded=record.unguarded,
    )
    spare = spare_samples(record.needs_unseen, data, forget, spec.probe.seed)
    chosen = kept(device) or _chosen_precision(spec, home, device, data, progress)
    looked_at = rule_samples(rule, spec.stop.protocol, data, forget, spec.probe.seed, spare)
    return RunSetup(
        spec=spec,
        data=data,
        data_key=dataset_key(spec.data),
        device=device,
        precision=chosen.precision,
        train=ImageSource(data.train_images, data.train_labels, mean, std, device),
        test=ImageSource(data.test_images, data.test_labels, mean, std, device),
        forget=forget,
        retain=np.setdiff1d(np.arange(len(data.train_labels)), forget.indices),
        rule=rule,
        rule_samples=looked_at,
        probe=choose_probe(
            data,
            forget,
            looked_at,
            size=spec.probe.size,
            protocol=spec.stop.protocol,
            seed=spec.probe.seed,
            spare=spare,
        ),
        spare=spare,
        own_weights=own_weights,
        precision_told=chosen.words,
        bf16_gain=chosen.gain,
    )


def _check_network(spec: RunSpec, data: ImageData) -> None:
    """Refuses, before anything is trained, a network that the method cannot unlearn from."""
    record = method(spec.method.id)
    if record.why_not_network is any_network:
        return
    if reason := record.why_not_network(build_for(spec, data, spec.train_seed)):
        raise Incompatible("method", f"{record.title} {reason} ({spec.model.backbone})")


def _chosen_precision(
    spec: RunSpec, home: Home, device: torch.device, data: ImageData, progress: Callable[[int, int, str], None]
) -> InForce:
    channels, size = data.train_images.shape[1], data.train_images.shape[-1]
    return precision_in_force(spec, home, device, channels, size, data.classes, lambda words: progress(0, 0, words))
