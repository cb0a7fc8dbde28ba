"""Records a round on disk: signals of the probe, metrics, drift, coordinates, stopping rule."""

from __future__ import annotations

import io
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cu_core.catalogue.method_record import method
from cu_core.catalogue.metric_record import Evidence
from cu_core.catalogue.objective_record import objective
from cu_core.catalogue.stopping import RuleOutcome, judge
from cu_core.engine.boundary_signals import boundary_signals
from cu_core.engine.encoder_pass import signal_pass_of
from cu_core.engine.evaluation import Metrics, finite, metrics_of
from cu_core.engine.evaluation_cache import Evaluation
from cu_core.engine.likeness import Likeness
from cu_core.engine.probe import GROUPS
from cu_core.engine.probe_recovery import probe_recovery
from cu_core.engine.setup import RunSetup
from cu_core.engine.signals import FLOAT16_MAX, Forward, per_sample
from cu_core.learning.network import Network
from cu_core.learning.weights import weights_bytes
from cu_core.metrics.accuracy import accuracy
from cu_core.metrics.centroids import own_centroid_cosines
from cu_core.metrics.drift.per_round import FixedSamples, Start, cka_by_group, drift_report
from cu_core.metrics.drift.seed_noise import seed_difference
from cu_core.projections.common_motion import align
from cu_core.projections.fidelity import fidelity
from cu_core.projections.linear_axes import Basis, fit_basis
from cu_core.runstore import layout
from cu_core.runstore.attempt import Attempt
from cu_core.runstore.disk import weights_fit

# What a training step on one image costs, in forward passes over one: backward takes about twice as long as forward,
# and self-supervised losses see two views of each image.
STEP_COST = {"supervised": 3, "image-text": 3, "self-supervised": 6}
# Share of a round's own cost that recording it may take.
RECORDING_SHARE = 0.5
# Rounds whose arrangement of samples a reference is compared with.
MOST_CKA_ROUNDS = 50


def kept_weights(model: Network, most_mb: int, round_number: int) -> bytes | None:
    """A round's weights as a safetensors file; None where those of all rounds so far do not fit into the bound."""
    size = sum(value.numel() * value.element_size() for value in model.state_dict().values())
    return weights_bytes(model) if weights_fit(size, most_mb, round_number) else None


@dataclass(frozen=True)
class RecordedRound:
    """What the engine needs to know of a recorded round."""

    metrics: Metrics
    verdict: RuleOutcome | None
    seconds: float


class Recorder:
    """Records rounds and references of one run.

    The basis of the picture and the starting embeddings are those of round 0; after a resume they are
    read back from it.
    """

    def __init__(self, setup: RunSetup, attempt: Attempt) -> None:
        self.setup = setup
        self.attempt = attempt
        self.signal_pass = signal_pass_of(setup)
        probe = setup.probe
        self._samples = FixedSamples(probe.label, {name: probe.group == place for place, name in enumerate(GROUPS)})
        # Of rules that compare with references.
        self.likeness: Likeness | None = None
        self._start: Start | None = None
        self._basis: Basis | None = None

    def write_probe(self) -> None:
        """Stores the probe's table."""
        probe = self.setup.probe
        table = pa.table(
            {
                "sample": probe.sample,
                "split": np.where(probe.is_test, "test", "train"),
                "group": np.array(GROUPS)[probe.group],
                "label": probe.label,
                "true_label": probe.true_label,
                "rule": probe.rule,
            }
        )
        buffer = io.BytesIO()
        pq.write_table(table, buffer)
        self.attempt.write("probe.parquet", lambda file: file.write(buffer.getvalue()) and None)

    def resume(self) -> None:
        """Takes over starting embeddings and basis from round 0 on disk."""
        self._set_start(self.attempt.array("rounds/0", "embedding"))

    def drop_rounds_after(self, round_number: int) -> None:
        """Removes later rounds that an earlier attempt left behind; all of them for -1."""
        for found in layout.numbered(self.attempt.run_dir / "rounds"):
            if found > round_number:
                self.attempt.drop(f"rounds/{found}")

    def record(
        self,
        model: Network,
        round_number: int,
        diagnostics: dict[str, float],
        unlearn_seconds: float | None,
        *,
        images_drawn: Mapping[str, int],
    ) -> RecordedRound | None:
        """Evaluates the probe and stores a round.

        Args:
            model: the model after this round.
            round_number: 0 for the base model.
            diagnostics: the method's own numbers.
            unlearn_seconds: the method's time for this round; None where it is not known.
            images_drawn: by the method in this round, by group; decides whether second views are affordable.

        Returns:
            None, with nothing stored, where the model's outputs are not finite numbers.
        """
        began = time.perf_counter()
        outputs, rule_forget, rule_unseen = self.signal_pass.round(model)
        if not outputs.finite:
            return None
        verdict = (
            judge(
                self.setup.rule,
                accuracy(rule_forget.prediction, rule_forget.labels),
                accuracy(rule_unseen.prediction, rule_unseen.labels),
                len(self.setup.data.classes),
            )
            if self.likeness is None
            else self.likeness.judge(model, outputs)
        )
        ends = bool(verdict and verdict.met) or round_number in (0, self.setup.spec.max_rounds)
        everything = ends or round_number % self._views_every(sum(images_drawn.values())) == 0
        outputs = self.signal_pass.views(model, outputs, everything=everything)
        if not outputs.finite:
            return None
        arrays = self._arrays(outputs)
        lines, boundary = self._boundary(model, outputs)
        arrays |= lines
        if self._start is None:
            self._set_start(arrays["embedding"])
        assert self._start is not None and self._basis is not None
        motion = self._start.motion(arrays["embedding"])
        arrays |= {
            "cosine_to_start": motion["cosine"],
            "moved": motion["euclidean"],
            "moved_relative": np.clip(motion["relative"], None, FLOAT16_MAX).astype(np.float16),
            "coordinates": self._basis.place(arrays["embedding"]),
        }
        metrics = self.probe_metrics(outputs)
        manifest = self._manifest(round_number, metrics, arrays) | {
            "rule": verdict.to_json() if verdict else None,
            "diagnostics": {k: finite(v) for k, v in diagnostics.items()},
            "boundary": boundary,
            "drift": drift_report(self._start, arrays["embedding"], motion, arrays["boundary"]),
            "drift_scale": {"neighbours": self._start.neighbours.shape[1], "spread": self._start.spread},
            "served": {} if self._elsewhere else dict(images_drawn),
            "seconds": {"unlearn": unlearn_seconds, "evaluate": time.perf_counter() - began},
        }
        weights = kept_weights(model, self.setup.spec.probe.keep_weights_mb, round_number)
        self.attempt.promote(f"rounds/{round_number}", arrays, manifest, weights=weights)
        return RecordedRound(metrics, verdict, time.perf_counter() - began)

    def record_reference(self, model: Network, seed: int, train_seconds: float | None, *, file: str = "") -> bool:
        """Stores a retrained model's signals, rotated onto round 0 for the picture only.

        Args:
            model: the retrained model.
            seed: its number in the run, which is the seed of its training where it was trained here.
            train_seconds: what its training took; None where it is not known.
            file: name of the user's file that it comes from; empty where it was trained here.

        Returns:
            Whether the model's outputs are finite numbers; otherwise nothing is stored.
        """
        began = time.perf_counter()
        assert self._start is not None and self._basis is not None
        outputs = self.signal_pass.probe(model)
        if outputs.finite:
            outputs = self.signal_pass.views(model, outputs, everything=True)
        if not outputs.finite:
            return False
        arrays = self._arrays(outputs)
        lines, boundary = self._boundary(model, outputs)
        arrays |= lines
        aligned, residual = self._aligned(arrays["embedding"], self._start.embedding)
        motion = self._start.motion(aligned)
        arrays |= {"coordinates": self._basis.place(aligned), "aligned_cosine": motion["cosine"]}
        manifest = self._manifest(0, self.probe_metrics(outputs), arrays)
        manifest |= {"seed": seed, "boundary": boundary} | ({"file": file} if file else {})
        manifest["drift"] = drift_report(self._start, aligned, motion, arrays["boundary"])
        manifest["cka"] = self._cka_by_round(arrays["embedding"])
        manifest["noise"] = self._noise(arrays["embedding"], seed)
        manifest["fidelity"]["procrustes_residual"] = residual
        manifest["seconds"] = {"train": train_seconds, "evaluate": time.perf_counter() - began}
        self.attempt.promote(f"reference/{seed}", arrays, manifest)
        return True

    def evaluate(self, model: Network) -> Evaluation:
        """One forward pass over all reported samples, not only the probe's."""
        seen = self.signal_pass.reported(model)
        fitted: Metrics = {}
        if self.setup.spec.self_supervised:
            fitted["linear_acc"] = seen.linear
        if self.setup.forget.task == "class":
            fitted["probe_recovery"] = probe_recovery(model, self.setup)
        metrics = self._metrics(seen.forget, seen.retain, seen.unseen, self.setup.reported_forget, fitted)
        correct = {
            name: part.prediction == part.labels
            for name, part in (("forget", seen.forget), ("retain", seen.retain), ("unseen", seen.unseen))
        }
        if self.setup.forget.task == "class":
            correct["unseen"] = correct["unseen"][~np.isin(seen.unseen.labels, self.setup.forget.classes)]
        return Evaluation(metrics, correct)

    def probe_metrics(self, outputs: Forward) -> Metrics:
        """Metrics over the probe's reported rows."""
        probe = self.setup.probe
        forget, retain, unseen = (outputs.take(probe.rows(group)) for group in GROUPS)
        return self._metrics(forget, retain, unseen, probe.sample[probe.rows("forget")], {})

    def _metrics(
        self, forget: Forward, retain: Forward, unseen: Forward, forget_index: np.ndarray, fitted: Metrics
    ) -> Metrics:
        data = self.setup.data
        truth = data.true_labels[forget_index]
        noisy = len(truth) > 0 and bool((truth != data.train_labels[forget_index]).any())
        return metrics_of(
            Evidence(
                forget,
                retain,
                unseen,
                forgotten=self.setup.forget.classes if self.setup.forget.task == "class" else (),
                true_labels=truth if noisy else None,
                voters=self.signal_pass.voters,
                fitted=fitted,
                kind=objective(self.setup.spec.train.objective).kind,
            )
        )

    def _views_every(self, images_drawn: int) -> int:
        """Rounds between second views: as few as keep all recording within its share of the rounds' own cost.

        Counted in forward passes over one image, so that the choice is the same on every machine.
        """
        spec = self.setup.spec
        if spec.probe.views_every:
            return spec.probe.views_every
        if self._elsewhere:
            return 1  # nobody waits for unlearning that recording could slow down
        everyday, views = self.signal_pass.passes()
        spare = RECORDING_SHARE * STEP_COST[objective(spec.train.objective).kind] * images_drawn - everyday
        return max(1, math.ceil(views / spare)) if spare > 0 else spec.max_rounds + 1

    @property
    def _elsewhere(self) -> bool:
        return method(self.setup.spec.method.id).from_files

    def _arrays(self, outputs: Forward) -> dict[str, np.ndarray]:
        probe = self.setup.probe
        own = own_centroid_cosines(outputs.embedding, outputs.labels, probe.group == GROUPS.index("retain"))
        return per_sample(outputs) | {"own_centroid_cosine": own}

    def _boundary(self, model: Network, outputs: Forward) -> tuple[dict[str, np.ndarray], dict[str, str]]:
        setup = self.setup
        classes = len(setup.data.classes)
        return boundary_signals(model, outputs, setup.probe, classes, encoder=setup.spec.self_supervised)

    def _aligned(self, embedding: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, float]:
        return align(embedding, target, self._samples.retained)

    def _cka_by_round(self, embedding: np.ndarray) -> dict[str, list[Any]]:
        """Linear CKA of a reference with the rounds, by group; of very many rounds with some in even steps."""
        rounds = layout.numbered(self.attempt.run_dir / "rounds")
        if len(rounds) > MOST_CKA_ROUNDS:
            rounds = [rounds[i] for i in np.linspace(0, len(rounds) - 1, MOST_CKA_ROUNDS).astype(int)]
        found = [
            cka_by_group(self._samples, embedding, self.attempt.array(f"rounds/{number}", "embedding"))
            for number in rounds
        ]
        return {"rounds": rounds} | {group: [cka[group] for cka in found] for group in GROUPS}

    def _noise(self, embedding: np.ndarray, seed: int) -> list[dict[str, Any]]:
        """How far a reference is from those with smaller seeds."""
        pairs = []
        for other in layout.numbered(self.attempt.run_dir / "reference"):
            if other < seed:
                first = self.attempt.array(f"reference/{other}", "embedding")
                aligned, residual = self._aligned(embedding, first)
                groups = seed_difference(first, aligned, self._samples)
                pairs.append({"with": other, "residual": residual, "groups": groups})
        return pairs

    def _set_start(self, embedding: np.ndarray) -> None:
        self._start = Start(embedding, self._samples)
        self._basis = fit_basis(embedding)

    def _manifest(self, round_number: int, metrics: Metrics, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
        assert self._basis is not None
        probe = self.setup.probe
        trust = fidelity(arrays["embedding"], arrays["coordinates"], seed=self.setup.spec.probe.seed)
        return {
            "round": round_number,
            "metrics": metrics,
            "scope": "probe",
            "counts": {group: len(probe.rows(group)) for group in GROUPS},
            "fidelity": trust
            | {
                "explained_variance": finite(float(self._basis.explained.sum())),
                "neighbours": 15,
                "basis": "pca of round 0",
            },
        }
