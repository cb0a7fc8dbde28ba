"""Models as their recorded probes show them, and how near each round of a run was to retraining."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cu_core.base.errors import BadInput
from cu_core.catalogue.method_record import method
from cu_core.catalogue.selections import parse_selection
from cu_core.catalogue.stopping import STOPPING_RULES, judge, rule_for
from cu_core.engine.probe import GROUPS, Probe
from cu_core.engine.setup import RunSetup
from cu_core.engine.verdict.verdict_pass import anchor_cosines, softmax
from cu_core.metrics.accuracy import accuracy
from cu_core.metrics.logit_margin import logit_margins
from cu_core.metrics.questions.nearness import INSIDE, Yardstick, nearest_of
from cu_core.metrics.questions.verdict_evidence import GroupSeen, ModelSeen
from cu_core.runstore.reader import RunView

Arrays = Callable[[str], np.ndarray]
"""From the name of a recorded array to the array."""


def model_seen(probe: Probe, arrays: Arrays, inside: np.ndarray, *, encoder: bool) -> ModelSeen:
    """What a recorded model says of some samples of the probe.

    Args:
        probe: the recorded samples.
        arrays: of a round or a reference.
        inside: (n,) bool, which samples.
        encoder: whether it is a model without classes: then answers are cosines to retained samples, and alignment of
            two views takes the place of the margin.
    """
    logits = arrays("logits").astype(np.float64)
    embedding = arrays("embedding").astype(np.float32)
    if encoder:
        score = arrays("two_view_cosine").astype(np.float64)
        outputs = anchor_cosines(embedding, embedding[inside & (probe.group == GROUPS.index("retain"))])
    else:
        score, outputs = logit_margins(logits, probe.label), softmax(logits)

    def group(name: str) -> GroupSeen:
        rows = np.flatnonzero(inside & (probe.group == GROUPS.index(name)))
        return GroupSeen(probe.label[rows], outputs[rows], logits[rows].argmax(1), score[rows], embedding[rows])

    return ModelSeen(group("forget"), group("retain"), group("unseen"))


def yardstick(setup: RunSetup, base: ModelSeen, references: list[ModelSeen]) -> Yardstick | None:
    """What a run's models are measured with; see `Yardstick.of`."""
    return Yardstick.of(
        base,
        references,
        task=setup.forget.task,
        kind="self-supervised" if setup.spec.self_supervised else "supervised",
        classes=len(setup.data.classes),
        forgotten=tuple(int(c) for c in setup.forget.classes) if setup.forget.task == "class" else (),
    )


def nearness_report(setup: RunSetup, view: RunView) -> dict[str, Any] | None:
    """How near the rounds of a run were to retraining, on the recorded samples that no stopping rule looked at.

    Args:
        setup: the fixed part of the run, with the probe that it has recorded.
        view: its directory.

    Returns:
        ``rounds`` with their numbers; per round ``distance``, the name of the ``farthest`` statistic and ``position``
        (see `cu_core.metrics.questions.nearness.Nearness`), None where it cannot be measured; ``nearest`` round; rounds
        ``inside``, where every number is one that one more retrained model might have; ``accuracy_rule``, the round at
        which the rule ``accuracy_rule_name`` ended the run or would have done so. None with fewer than two references.
    """
    seeds = view.references()
    if len(seeds) < 2:
        return None
    probe, encoder = setup.probe, setup.spec.self_supervised

    def seen(read: Callable[[str], np.ndarray]) -> ModelSeen:
        return model_seen(probe, read, ~probe.rule, encoder=encoder)

    try:
        references = [seen(lambda name, seed=seed: view.reference_array(seed, name)) for seed in seeds]  # type: ignore[misc]
        base = seen(lambda name: view.array(0, name))
    except BadInput:  # an earlier version did not record what an encoder needs
        return None
    measured = yardstick(setup, base, references)
    if measured is None:
        return None
    rounds = view.rounds()
    found = []
    for number in rounds:
        try:
            found.append(measured.measure(seen(lambda name, number=number: view.array(number, name))))  # type: ignore[misc]
        except BadInput:
            found.append(None)
    distances = [near.distance if near else None for near in found]
    name = _accuracy_rule(setup)
    return {
        "rounds": rounds,
        "distance": distances,
        "farthest": [near.farthest if near else None for near in found],
        "position": [near.position if near else None for near in found],
        "nearest": nearest_of(rounds, distances),
        "inside": [n for n, d in zip(rounds, distances, strict=True) if d is not None and d <= INSIDE],
        "accuracy_rule": None if name is None else _accuracy_stop(setup, view, probe, name),
        "accuracy_rule_name": name,
        "samples": int((~probe.rule & (probe.group == GROUPS.index("forget"))).sum()),
        "references": len(references),
    }


def _accuracy_rule(setup: RunSetup) -> str | None:
    """The rule of accuracies that looks at the run, or that ``auto`` would have chosen; None where none fits."""
    if STOPPING_RULES.named(setup.rule).looks_at and not STOPPING_RULES.named(setup.rule).references:
        return setup.rule
    spec = setup.spec
    usual = rule_for(
        "auto",
        parse_selection(spec.forget.select).kind,
        encoder=spec.self_supervised,
        unguarded=method(spec.method.id).unguarded,
    )
    return usual if STOPPING_RULES.named(usual).looks_at else None


def _accuracy_stop(setup: RunSetup, view: RunView, probe: Probe, name: str) -> int | None:
    """The first round after which a rule of accuracies is met; None where it never is.

    Of a rule that looks at the run, its own samples count; another gets those recorded ones that are set apart, or else
    all of them.
    """
    for number in view.rounds():
        if number == 0:
            continue
        told = view.manifest(number).get("rule") or {}
        if told.get("name") == name:
            met = bool(told.get("met"))
        else:
            outcome = judge(
                name, *_accuracies(setup, view.array(number, "logits"), probe, name), len(setup.data.classes)
            )
            met = outcome is not None and outcome.met
        if met:
            return number
    return None


def _accuracies(setup: RunSetup, logits: np.ndarray, probe: Probe, name: str) -> tuple[float | None, float | None]:
    apart = probe.rule if probe.rule.any() else np.ones(len(probe.rule), bool)
    forget, unseen = (apart & (probe.group == GROUPS.index(group)) for group in ("forget", "unseen"))
    if "unseen_forgotten" in STOPPING_RULES.named(name).looks_at:
        unseen = unseen & np.isin(probe.label, setup.forget.classes)
    predicted = logits.argmax(1)
    return accuracy(predicted[forget], probe.label[forget]), accuracy(predicted[unseen], probe.label[unseen])
