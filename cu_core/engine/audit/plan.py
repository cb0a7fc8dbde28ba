"""The membership audit of a run: its cost, whether it can be made, its attacks and their results."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from cu_core.catalogue.attack_record import MODELS, REFERENCE, Attack, attacks_for, score_array
from cu_core.catalogue.objective_record import objective
from cu_core.engine.audit.attackers import AttackData, Scores, attack_models
from cu_core.engine.audit.audit_samples import FEWEST, FOLDS, AuditSamples, audit_samples
from cu_core.engine.audit.measure import AuditInputs, SignalCollector, batches
from cu_core.engine.probe import stratified
from cu_core.engine.setup import RunSetup
from cu_core.learning.network import Network
from cu_core.learning.objectives.training_objective import make_objective
from cu_core.metrics.attacks.outcome import failed, outcome
from cu_core.metrics.intervals import redraws
from cu_core.metrics.roc import decision_numbers, ranking_numbers

# Retain samples that stand in for the other images of a batch or queue in an encoder's loss.
NEGATIVES = 512

Step = Callable[[str], None]
"""Receives a message after each unit of work; may raise to stop."""


@dataclass(frozen=True)
class AuditFindings:
    """What an audit leaves behind: the arrays and the manifest of the folder ``audit``."""

    arrays: dict[str, np.ndarray]
    manifest: dict[str, Any]


class AuditPlan:
    """Who is attacked how in a run; the same in every attempt.

    Attributes:
        samples: who is attacked; None where no attacks are made.
        notes: why not, in words, or what a reader of the numbers should know.
    """

    def __init__(self, setup: RunSetup) -> None:
        self.setup = setup
        self.notes: list[str] = []
        self.samples = self._samples()
        self.attacks: list[Attack] = attacks_for(objective(setup.spec.train.objective).kind)

    @property
    def models(self) -> list[str]:
        """Which of `MODELS` are attacked."""
        return [m for m in MODELS if m != "reference" or self.setup.spec.references]

    @property
    def _attacked(self) -> int:
        """Models that are attacked, with all references."""
        return 2 + self.setup.spec.references

    @property
    def units(self) -> int:
        """Steps of the work: batches that pass through the models, then attacks."""
        if self.samples is None:
            return 0
        counts = [len(self.samples.members), len(self.samples.others)] * self._attacked
        if self.samples.known is not None and self.samples.unknown is not None:
            counts += [len(self.samples.known), len(self.samples.unknown)]
        return sum(map(batches, counts)) + len(self.attacks)

    @property
    def images(self) -> int:
        """Forward passes over one image."""
        if self.samples is None:
            return 0
        attacked = 2 * len(self.samples.members) * self._attacked
        shadow = 2 * len(self.samples.known) if self.samples.known is not None else 0
        return (attacked + shadow) * (1 + self.setup.spec.audit.views)

    def make(
        self,
        models: Mapping[str, Network],
        step: Step,
        check: Callable[[], None] = lambda: None,
        more: Sequence[Network] = (),
    ) -> AuditFindings:
        """Makes all attacks.

        Args:
            models: the models that `models` names, on the device.
            step: called after each of the `units`.
            check: called before each fit; may raise to stop.
            more: further references. Of them only what the band needs is kept.
        """
        assert self.samples is not None
        began = time.perf_counter()
        spec, samples = self.setup.spec.audit, self.samples
        member = np.arange(2 * len(samples.members)) < len(samples.members)
        fold = np.concatenate([samples.members.fold, samples.others.fold])
        others = {f"{REFERENCE} {k}": model for k, model in enumerate(more, start=2)}
        outputs, shadow = self._outputs({**models, **others}, samples, member, fold, step)
        weights = redraws(member, spec.draws, spec.seed)
        arrays = {
            "sample": np.concatenate([samples.members.index, samples.others.index]).astype(np.int64),
            "is_test": ~member,
            "label": np.concatenate([samples.members.label, samples.others.label]),
            "member": member,
            "fold": fold,
        }
        numbers: dict[str, dict[str, dict[str, Any]]] = {}
        of_references: dict[str, dict[str, dict[str, list[float | None]]]] = {}
        for attack in self.attacks:
            for model, ways in attack_models(attack, outputs, shadow, spec.seed, check).items():
                for way, scores in ways.items():
                    if model.startswith(REFERENCE):
                        band = of_references.setdefault(attack.id, {}).setdefault(way, {})
                        for name, value in _told(scores, member, fold, weights).items():
                            band.setdefault(name, []).append(value)
                    if model in others:
                        continue
                    table = numbers.setdefault(attack.id, {}).setdefault(model, {})
                    if isinstance(scores, Scores):
                        arrays[score_array(attack.id, model, way)] = scores.score
                        exact = scores.score.astype(np.float64)
                        table[way] = outcome(exact, member, fold, scores.thresholds, weights)
                    else:
                        table[way] = failed(scores)
            step(f"membership attack: {attack.title}")
        manifest = {
            "models": list(models),
            "members": len(samples.members),
            "non_members": len(samples.others),
            "folds": FOLDS,
            "views": spec.views,
            "draws": spec.draws,
            "reference_seed": self.setup.spec.train_seed if self.setup.spec.references else None,
            "shadow": None
            if samples.known is None
            else {"members": len(samples.known), "non_members": len(samples.known)},
            "attacks": numbers,
            "reference_attacks": of_references,
            "seconds": time.perf_counter() - began,
        }
        return AuditFindings(arrays, manifest)

    def _samples(self) -> AuditSamples | None:
        if self.setup.spec.audit.attacks == "none":
            return None
        samples = audit_samples(self.setup)
        count, of_classes = len(samples.members), self.setup.forget.task == "class"
        if count < FEWEST:
            self.notes.append(
                f"No membership attacks were made: they need {FEWEST} forget samples, and as many unseen ones of the "
                f"same classes, that the stopping rule does not look at; there are {count}."
            )
            return None
        if self.setup.spec.references and samples.known is None:
            self.notes.append(
                "Membership attacks lack the shadow model: there are too few unseen samples"
                f"{' of other classes' if of_classes else ' of classes that the reference knows'} to fit them on."
            )
        return samples

    def _outputs(
        self, models: Mapping[str, Network], samples: AuditSamples, member: np.ndarray, fold: np.ndarray, step: Step
    ) -> tuple[dict[str, AttackData], AttackData | None]:
        """Each model's outputs for the attacked samples, and the reference's for those that it knows or not."""
        inputs = self._inputs()
        outputs: dict[str, AttackData] = {}
        shadow = None
        for name, model in models.items():
            measure = self._measure(model, inputs, partial(step, f"membership attacks: asking the model {name}"))
            signals = measure(self.setup.train, samples.members, 1).join(measure(self.setup.test, samples.others, 2))
            outputs[name] = AttackData(signals, member, fold)
            if name == "reference" and samples.known is not None and samples.unknown is not None:
                known = measure(self.setup.train, samples.known, 3)
                shadow = AttackData(
                    known.join(measure(self.setup.test, samples.unknown, 4)),
                    np.arange(2 * len(known)) < len(known),
                    np.concatenate([samples.known.fold, samples.unknown.fold]),
                )
        return outputs, shadow

    def _inputs(self) -> AuditInputs:
        """Views and negatives, the same for all models."""
        setup, spec = self.setup, self.setup.spec
        if not spec.self_supervised:
            return AuditInputs(spec.audit.views, spec.audit.seed, None)
        rng = np.random.default_rng([spec.audit.seed, 4])
        # A sample's loss must not contrast it with another view of itself.
        known = self.samples.known.index if self.samples is not None and self.samples.known is not None else ()
        free = np.setdiff1d(setup.retain, known)
        pool = free if len(free) >= NEGATIVES else setup.retain
        rows = stratified(pool, setup.data.train_labels[pool], NEGATIVES, rng)
        return AuditInputs(spec.audit.views, spec.audit.seed, setup.train.take(torch.from_numpy(rows))[0])

    def _measure(self, model: Network, inputs: AuditInputs, step: Callable[[], None]) -> SignalCollector:
        spec = self.setup.spec
        own = make_objective(spec.train, model, len(self.setup.data.train_labels)) if spec.self_supervised else None
        return SignalCollector(model, own, inputs, step)


def _told(scores: Scores | str, member: np.ndarray, fold: np.ndarray, weights: np.ndarray) -> dict[str, float | None]:
    """Accuracy and AUC of one attack on a reference, without intervals: references differ by more than samples do."""
    if isinstance(scores, str):
        return {"accuracy": None, "auc": None}
    exact = scores.score.astype(np.float64)
    area, _ = ranking_numbers(exact, member, weights[:1])
    judged = exact >= np.asarray(scores.thresholds, np.float64)[fold]
    return {"accuracy": float(decision_numbers(judged, member, weights[:1])["accuracy"][0]), "auc": float(area[0])}
