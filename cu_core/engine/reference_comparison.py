"""The unlearned model beside base model and references: tug of war, over-unlearning, layer similarity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cu_core.base.files import read_json
from cu_core.catalogue.method_record import method
from cu_core.engine.evaluation import Metrics
from cu_core.engine.evaluation_cache import Evaluation, EvaluationCache
from cu_core.engine.layer_similarity import Activations, LayerPass, layer_report
from cu_core.engine.recorder import Recorder
from cu_core.learning.model_cache import Trained
from cu_core.learning.network import Network
from cu_core.metrics.over_unlearning import over_unlearning
from cu_core.metrics.tug_of_war import tug_of_war_interval
from cu_core.runstore import layout

DRAWS = 1000
SEED = 11


@dataclass(frozen=True)
class Retrained:
    """A reference as the result tells it.

    Attributes:
        seed: of its training.
        trained: where it came from and what it took.
        evaluated: on all reported samples.
        layers: the activations of its layers.
        file: name of the user's file that it comes from; empty where it was trained here.
        sha256: of that file.
    """

    seed: int
    trained: Trained
    evaluated: Evaluation
    layers: Activations
    file: str = ""
    sha256: str = ""

    def to_json(self) -> dict[str, Any]:
        """As in ``result.json``."""
        told = {
            "seed": self.seed,
            "seconds": None if self.file else self.trained.seconds,
            "cpu_seconds": None if self.file else self.trained.cpu_seconds,
            "cached": self.trained.cached,
            "key": self.trained.key,
            "metrics": self.evaluated.metrics,
        }
        return told | ({"file": self.file, "sha256": self.sha256} if self.file else {})


def _served(manifests: list[dict[str, Any]]) -> dict[str, int]:
    """Samples that the method drew in all rounds, by group."""
    return {g: sum(m.get("served", {}).get(g, 0) for m in manifests) for g in ("forget", "retain", "unseen")}


class Comparison:
    """Collects base model, unlearned model and references of one run.

    Args:
        recorder: of the run.
        cache: evaluations of models that several runs share.
    """

    def __init__(self, recorder: Recorder, cache: EvaluationCache) -> None:
        self.recorder = recorder
        self.cache = cache
        self.references: list[Retrained] = []
        self._layer_pass: LayerPass | None = None

    def base(self, base: Trained) -> Metrics:
        """Metrics of the base model."""
        return self.cache.get(base.key, lambda: self.recorder.evaluate(base.model)).metrics

    def finished(self, base: Trained, model: Network) -> Metrics:
        """Evaluates the unlearned model, and takes the activations of the base model.

        Returns:
            Metrics of the unlearned model.
        """
        self._layer_pass = LayerPass(self.recorder.setup, base.model)
        self._layers = {"before": self._layer_pass(base.model), "after": self._layer_pass(model)}
        self._after = self.recorder.evaluate(model)
        return self._after.metrics

    def reference(self, trained: Trained, seed: int, *, file: str = "", sha256: str = "") -> None:
        """Evaluates a retrained model; name and hash of its file are told where it is the user's."""
        assert self._layer_pass is not None
        evaluated = self.cache.get(trained.key, lambda: self.recorder.evaluate(trained.model))
        layers = self._layer_pass(trained.model)
        self.references.append(Retrained(seed, trained, evaluated, layers, file, sha256))

    def report(self) -> dict[str, Any]:
        """The keys ``references``, ``tow``, ``over_unlearning``, ``layers`` and ``served`` of the result."""
        assert self._layer_pass is not None
        run_dir = self.recorder.attempt.run_dir
        manifests = [
            read_json(run_dir / "rounds" / str(number) / layout.MANIFEST)
            for number in layout.numbered(run_dir / "rounds")
        ]
        probes = [read_json(run_dir / "reference" / str(r.seed) / layout.MANIFEST)["metrics"] for r in self.references]
        layers = [r.layers for r in self.references]
        return {
            "references": [r.to_json() for r in self.references],
            "tow": self._tug_of_war(),
            "over_unlearning": over_unlearning(
                [(m["round"], m["metrics"]) for m in manifests if m["round"] > 0],
                probes,
                manifests[0]["counts"]["forget"],
                end_alone=method(self.recorder.setup.spec.method.id).starts_anew,
            ),
            "layers": layer_report(self._layer_pass, self._layers["before"], self._layers["after"], layers),
            "served": None if method(self.recorder.setup.spec.method.id).from_files else _served(manifests),
        }

    def _tug_of_war(self) -> dict[str, Any] | None:
        # An encoder's votes cannot name a forgotten class; groups without samples say nothing.
        groups = [g for g, correct in self._after.correct.items() if len(correct) and not self._mute(g)]
        if not self.references or not groups:
            return None
        value, low, high = tug_of_war_interval(
            {g: self._after.correct[g] for g in groups},
            [{g: r.evaluated.correct[g] for g in groups} for r in self.references],
            DRAWS,
            SEED,
        )
        return {"value": value, "low": low, "high": high, "groups": groups}

    def _mute(self, group: str) -> bool:
        setup = self.recorder.setup
        return group == "forget" and setup.spec.self_supervised and setup.forget.task == "class"
