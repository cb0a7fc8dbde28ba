"""The verdict on a run's unlearned model: evidence of all its models, then the questions."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cu_core.base.home import Home
from cu_core.catalogue.question_record import LEAST_REFERENCES
from cu_core.engine.layer_similarity import LayerPass
from cu_core.engine.setup import RunSetup
from cu_core.engine.signal_pass import SignalPass
from cu_core.engine.verdict.retained_training import trained_on, why_untrained
from cu_core.engine.verdict.seen_cache import SeenCache
from cu_core.engine.verdict.verdict_pass import VerdictPass
from cu_core.engine.verdict.verdict_samples import verdict_samples
from cu_core.learning.build import build_for
from cu_core.learning.network import Network
from cu_core.learning.weights import load_weights, read_state_dict
from cu_core.metrics.questions.judgement import judge_evidence
from cu_core.metrics.questions.verdict_evidence import ModelSeen, VerdictEvidence


@dataclass(frozen=True)
class VerdictModels:
    """The models of a run, on the device.

    Attributes:
        base: before unlearning.
        after: the unlearned one, as it answered.
        references: retrained without the forget samples.
        stored: file of the unlearned model's weights.
        recorded: (n, k) what the last round has recorded of the probe (logits; of encoders embeddings); None where
            nothing is left.
        home: where answers of shared models are kept; None keeps none.
        keys: content hashes of what made the base model and the references, in this order; empty for one that is not
            shared, and as a whole where none is.
    """

    base: Network
    after: Network
    references: Sequence[Network]
    stored: Path
    recorded: np.ndarray | None
    home: Home | None = None
    keys: Sequence[str] = ()


def verdict_on(
    setup: RunSetup, models: VerdictModels, signal_pass: SignalPass, step: Callable[[str], None] = lambda message: None
) -> dict[str, Any]:
    """The verdict of a run.

    Args:
        setup: its fixed part.
        models: all of its models.
        signal_pass: passes through its probe.
        step: called with what is done now; may raise to stop.

    Returns:
        As `judge_evidence`, with the ``seconds`` that it took.
    """
    began = time.perf_counter()
    found = judge_evidence(evidence_of(setup, models, signal_pass, step))
    return found | {"seconds": time.perf_counter() - began}


def recorded_answers(setup: RunSetup) -> str:
    """Name of the recorded array that stored weights have to repeat."""
    return "embedding" if setup.spec.self_supervised else "logits"


def evidence_of(
    setup: RunSetup, models: VerdictModels, signal_pass: SignalPass, step: Callable[[str], None] = lambda message: None
) -> VerdictEvidence:
    """The answers of all models to the samples of the verdict; arguments as of `verdict_on`."""
    layer_pass, samples = LayerPass(setup, models.base), verdict_samples(setup)
    ask = VerdictPass(setup, samples)
    # What a conclusion needs is made only where one can be drawn.
    why_not_trained = why_untrained(setup)
    trains = not why_not_trained and len(models.references) >= LEAST_REFERENCES

    def seen(model: Network, who: str) -> ModelSeen:
        step(f"verdict: asking {who}")
        found = ask(model, layer_pass(model))
        if not trains:
            return found
        return dataclasses.replace(
            found, trained_on=trained_on(setup, ask, model, found, lambda: step(f"verdict: asking {who}"))
        )

    cache = SeenCache(models.home, setup, samples, layer_pass, trains=trains) if models.home and models.keys else None

    def shared(place: int, model: Network, who: str) -> ModelSeen:
        return seen(model, who) if cache is None else cache.get(models.keys[place], lambda: seen(model, who))

    base, after = shared(0, models.base, "the model before unlearning"), seen(models.after, "the unlearned model")
    references = []
    for number, model in enumerate(models.references, start=1):
        references.append(shared(number, model, f"reference {number} of {len(models.references)}"))
    return VerdictEvidence(
        base=base,
        after=after,
        references=tuple(references),
        task=setup.forget.task,
        kind="self-supervised" if setup.spec.self_supervised else "supervised",
        classes=len(setup.data.classes),
        forgotten=tuple(int(c) for c in setup.forget.classes) if setup.forget.task == "class" else (),
        layer_names=tuple(layer_pass.names),
        same_weights=_same(models.base, models.after),
        stored_gap=stored_gap(setup, models, signal_pass, ask, after),
        untrained=why_not_trained,
    )


def stored_gap(
    setup: RunSetup, models: VerdictModels, signal_pass: SignalPass, ask: VerdictPass, after: ModelSeen
) -> float | None:
    """Largest gap between answers and those of the stored weights in a fresh network, in deviations of the answers.

    Args:
        setup: the fixed part of the run.
        models: all of its models.
        signal_pass: passes through the probe.
        ask: passes through the samples of the verdict.
        after: what the unlearned model said of those.

    Returns:
        None where no weights are stored.
    """
    if not models.stored.exists():
        return None
    fresh = build_for(setup.spec, setup.data, setup.spec.train_seed)
    load_weights(fresh, read_state_dict(models.stored))
    setup.precision.place(fresh, setup.device)
    fresh.eval()
    again = ask(fresh, {})
    gaps = [
        _gap(getattr(after, group).outputs, getattr(again, group).outputs) for group in ("forget", "retain", "unseen")
    ]
    if models.recorded is not None:
        answers = signal_pass.probe(fresh)
        now = answers.embedding if setup.spec.self_supervised else answers.logits
        gaps.append(recorded_gap(models.recorded, now))
    return max(gaps)


def recorded_gap(said: np.ndarray, now: np.ndarray) -> float:
    """Largest gap between recorded answers and those of now, beyond what recording them in half precision has rounded.

    Answers far from 0 that hardly differ, as of a model that was trained for moments, are rounded by a good part of
    their own deviation.

    Args:
        said: (n, k) float16, clipped to what that holds.
        now: (n, k) of any precision.

    Returns:
        In standard deviations of the answers.
    """
    most = float(np.finfo(np.float16).max)
    rounded = np.spacing(np.abs(said).clip(max=most / 2).astype(np.float16)).astype(np.float64) / 2
    return _gap(said.astype(np.float64), now.astype(np.float64).clip(-most, most), rounded)


def _gap(said: np.ndarray, now: np.ndarray, spared: np.ndarray | float = 0.0) -> float:
    if not said.size:
        return 0.0
    return float((np.abs(said - now) - spared).max(initial=0.0) / max(float(now.std()), 1e-9))


def _same(first: Network, second: Network) -> bool:
    one, other = first.state_dict(), second.state_dict()
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
