"""Every kind of chart, drawn of made-up numbers for any number of classes and samples."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from cu_core.figures.attack_overview import calm_series, overview
from cu_core.figures.attack_scores import Scored, roc_figure, score_bins, score_panes
from cu_core.figures.class_gaps import ClassGaps, class_gaps
from cu_core.figures.class_matrix import Predictions, count_predictions, highest_count, prediction_matrix
from cu_core.figures.class_ranking import MOST_CLASSES, answer_ranking
from cu_core.figures.class_similarity import Similarities, common_range, similarity_matrix
from cu_core.figures.confidence_panes import (
    SIGNALS,
    ConfidencePane,
    by_group,
    common_bins,
    distributions,
    highest_share,
)
from cu_core.figures.curves import RunCurves, curves, signal_panes
from cu_core.figures.displacement import Displacement, displacement_figure
from cu_core.figures.event_counts import crossing_histogram, flip_bars
from cu_core.figures.layer_bars import LayerLine, Noise, layer_similarity
from cu_core.figures.nearness_curve import NearRounds, nearness_curve
from cu_core.figures.overlay import OverlayLine, overlay
from cu_core.figures.pareto import ParetoBox, ParetoLine, ParetoPoint, pareto
from cu_core.figures.recovery_bars import Recovery, RecoveryBar, recovery_bars
from cu_core.figures.scene_figure import scene_figure
from cu_core.figures.similarity_panes import COSINES, similarity_histograms
from cu_core.figures.table_panes import MOST_NARROW
from cu_core.figures.theme import GROUPS
from cu_core.figures.trajectories import Trajectory, TrajectoryLine, trajectories
from cu_core.figures.tsne_panes import Snapshot, drift_map
from cu_core.figures.tuning_scatter import TriedAxis, TriedValues, tuning_scatter
from cu_core.figures.verdict_rows import row_of_test, verdict_rows
from cu_core.metrics.band import Band
from cu_core.metrics.drift.events import crossings, flips
from tests.madeup_claims import madeup_test
from tests.madeup_scene import made_up_scenes

KINDS = (("Before (round 0)", "before"), ("After (round 8)", "round"), ("Reference (retrained)", "reference"))


class Outputs:
    """What a network with so many classes says of so many samples: sure before, unsure of forget samples after.

    Attributes:
        classes: class names.
        groups: (n,) group names.
        label: (n,) classes.
        top: kind of moment to (n,) highest probability.
        predicted: kind of moment to (n,) classes.
    """

    def __init__(self, classes: int, samples: int, *, sure: float = 6.0) -> None:
        rng = np.random.default_rng(classes + samples)
        self.rng = rng
        self.classes = [f"class number {k}" for k in range(classes)]
        self.groups = np.repeat(GROUPS, [samples // 5, samples - 2 * (samples // 5), samples // 5])
        self.label = np.where(self.groups == "forget", 0, rng.integers(0, classes, samples))
        self.top: dict[str, np.ndarray] = {}
        self.predicted: dict[str, np.ndarray] = {}
        for _, kind in KINDS:
            known = np.where((self.groups == "forget") & (kind != "before"), 0.0, sure)
            logit = known + rng.normal(size=samples)
            odds = np.exp(logit) / (classes - 1)
            unsure = np.minimum((1 + rng.exponential(2.0, samples)) / (classes + 4), 0.9)
            share = np.maximum(odds / (1 + odds), unsure)
            self.top[kind] = share.astype(np.float32)
            other = rng.integers(0, classes, samples)
            self.predicted[kind] = np.where(logit > 2, self.label, other)

    def panes(self, values: dict[str, np.ndarray]) -> list[ConfidencePane]:
        return [ConfidencePane(title, self.groups, values[kind], kind) for title, kind in KINDS]

    def signals(self) -> dict[str, dict[str, np.ndarray]]:
        """Id of a signal to kind of moment to (n,) values."""
        return {
            "probability": self.top,
            "margin": {k: 2 * v - 1 for k, v in self.top.items()},
            "loss": {k: -np.log(v) for k, v in self.top.items()},
            "views": {k: 1 - 0.3 * self.rng.beta(2, 8, len(self.groups)) for k in self.top},
        }

    def scored(self) -> list[Scored]:
        """Scores of an attack, members first."""
        member = np.arange(len(self.groups)) < len(self.groups) // 2
        models = ("before", "after", "reference")
        return [Scored(m, "refitted", self.rng.normal(size=len(member)) + member, member, 0.2) for m in models]


def sample_figures(classes: int, samples: int) -> Iterator[tuple[str, go.Figure]]:
    """Charts of samples and classes: those whose look depends on how many there are."""
    yield from panes_figures(classes, samples)
    made = Outputs(classes, samples)
    for name, values in made.signals().items():
        edges = common_bins(SIGNALS[name], by_group(made.panes(values)), log=name == "loss")
        lines = [OverlayLine("A", ("s0", "s1"), (values["before"], values["round"]))]
        yield f"overlay {name}", overlay(SIGNALS[name], lines, [values["reference"]] * 2, edges, means=True)
    gaps = [ClassGaps(f"line {k}", made.rng.normal(0, 0.2, classes), np.full(classes, 9)) for k in range(3)]
    yield "class gaps", class_gaps(gaps, made.classes, forgotten=[0])
    yield "roc", roc_figure(made.scored())


def panes_figures(classes: int, samples: int, *, narrow: bool = False) -> Iterator[tuple[str, go.Figure]]:
    """Those among them whose panes stand one below the other on a phone."""
    made = Outputs(classes, samples)
    signals = made.signals()
    for name, values in signals.items():
        panes = made.panes(values)
        edges = common_bins(SIGNALS[name], by_group(panes), log=name == "loss")
        for overlaid in (True, False):
            top = highest_share(panes, edges)
            figure = distributions(SIGNALS[name], panes, edges, top=top, overlaid=overlaid, narrow=narrow)
            yield f"distributions {name} {overlaid}", figure
    panes = made.panes(signals["views"])
    edges = common_bins(COSINES["views"], by_group(panes))
    top = highest_share(panes, edges)
    yield "cosines", similarity_histograms(COSINES["views"], panes, edges, top=top, narrow=narrow)
    for which in ("forget", "unseen"):
        own = made.groups == which
        counts = [
            Predictions(title, count_predictions(made.label[own], made.predicted[kind][own], classes), kind)
            for title, kind in KINDS
        ]
        many = classes > (MOST_NARROW if narrow else MOST_CLASSES)
        yield (
            f"predictions {which}",
            answer_ranking(counts, made.classes, narrow=narrow)
            if many
            else prediction_matrix(
                counts,
                made.classes,
                most=highest_count([c.counts for c in counts], hide_diagonal=False),
                rows_title="True class",
                narrow=narrow,
            ),
        )
        cosine = np.where((np.bincount(made.label[own], minlength=classes) > 0)[:, None], 0.0, np.nan)
        alike = [Similarities(t, cosine + made.rng.uniform(-1, 1, (classes, classes)), kind) for t, kind in KINDS]
        ends = common_range([pane.cosine for pane in alike])
        figure = similarity_matrix(alike, made.classes, ends=ends, rows_title="Forget class", narrow=narrow)
        yield f"class cosines {which}", figure
    scored = made.scored()
    edges = score_bins([pane.score for pane in scored])
    yield "scores", score_panes(scored, edges, 0.3, "Cross-entropy (nats)", narrow=narrow)


def run_figures() -> Iterator[tuple[str, go.Figure]]:
    """Charts of runs, rounds, attacks and verdicts."""
    rng = np.random.default_rng(0)
    numbers = {
        model: {"refitted": {n: [0.6, 0.5, 0.7] for n in ("accuracy", "auc", "tpr_at_1_fpr", "recall")}}
        for model in ("before", "after", "reference")
    }
    attacks = {"loss": numbers, "svc": numbers}
    yield "attacks", overview(attacks, "accuracy")
    yield "attacks, calm", overview(attacks, "auc", series=calm_series(attacks))
    points = tuple(ParetoPoint(f"seed {k}", float(k), float(-k), 0.2) for k in range(3))
    boxes = [ParetoBox(1.0, 2.0)]
    lines = [ParetoLine("A", points), ParetoLine("B", points[:1])]
    yield "pareto", pareto(lines, boxes, utility="Unseen accuracy", forgetting="Forget accuracy", means=True)
    runs = tuple(Trajectory(f"s{k}", (0, 1), {"forget_acc": (1.0, 0.5), "forget_loss": (0.1, 2.0)}) for k in (0, 1))
    shown = ["forget_acc", "forget_loss"]
    yield (
        "trajectories",
        trajectories([TrajectoryLine("A", runs)], shown, {"forget_acc": [Band(0.4, 0.1, 3)]}, means=True),
    )
    layers = LayerLine("A", ("stem", "block 1"), {"after_base": ((0.9, 0.5), (0.8, 0.4))})
    yield "layers", layer_similarity([layers], Noise((0.9, 0.8), (0.7, 0.6)), means=True)
    bar = RecoveryBar(0.5, (0.4, 0.6), 0.3, 0.1)
    yield "recovery", recovery_bars([Recovery("A", bar, bar)])
    metrics = {name: 0.5 for name in ("forget_acc", "retain_acc", "test_acc_forgotten", "test_acc_retained")}
    means = {"forget_loss": 1.0, "unseen_loss": 1.0, "forget_top1": 0.5, "unseen_top1": 0.4, "mia_auc": 0.5}
    rounds = [
        {
            "round": k,
            "metrics": metrics | means,
            "counts": {group: 100 for group in GROUPS},
            "rule": {"name": "class", "value": 0.4, "threshold": 0.1},
        }
        for k in range(4)
    ]
    run = RunCurves.from_manifests("A", rounds, rounds[:2])
    yield "curves", curves([run])
    yield "signals over rounds", curves([run], signal_panes([run]))
    near = NearRounds.from_result(
        {
            "nearness": {
                "rounds": [0, 1],
                "distance": [8.0, 0.5],
                "farthest": ["odds", "odds"],
                "position": [1.0, 0.2],
                "nearest": 1,
                "inside": [1],
                "accuracy_rule": 1,
                "accuracy_rule_name": "class",
                "samples": 40,
                "references": 5,
            }
        }
    )
    assert near is not None
    yield "nearness", nearness_curve(near)
    row = row_of_test(madeup_test(5.0), "Remembers")
    assert row is not None
    yield "verdict", verdict_rows([row])
    tried = [TriedValues(1, {"lr": 0.01}, 0.3), TriedValues(2, {"lr": 0.1}, None)]
    yield "tuning", tuning_scatter([TriedAxis("lr", "Learning rate", True)], tried, best=1, among=(0.02,))
    groups = np.repeat(GROUPS, 20)
    start = rng.normal(size=(60, 2))
    moved = Displacement.of(rng.uniform(size=60), start, start + rng.normal(size=(60, 2)))
    yield "displacement", displacement_figure(moved, groups, np.arange(60))
    boundary = [rng.normal(size=60) for _ in range(4)]
    yield "crossings", crossing_histogram(crossings(boundary, range(4)).stays, groups, range(4))
    yield "flips", flip_bars(flips([rng.integers(0, 3, 60) for _ in range(4)]), groups, range(4))
    scenes, samples = made_up_scenes(60, 3)
    yield "scene", scene_figure(scenes["map"], samples)
    yield "scene in space", scene_figure(scenes["space"], samples)
    yield "tsne", drift_map(_probe(groups), {k: _snapshot(k) for k in range(3)}, _snapshot(9), ("a", "b", "c"))


def _probe(groups: np.ndarray) -> pd.DataFrame:
    split = np.where(groups == "unseen", "test", "train")
    return pd.DataFrame({"sample": np.arange(60), "split": split, "group": groups, "label": np.arange(60) % 3})


def _snapshot(number: int) -> Snapshot:
    rng = np.random.default_rng(number)
    place = rng.normal(size=(60, 2)).astype(np.float32)
    return Snapshot(place, rng.integers(0, 3, 60), rng.uniform(size=60), rng.exponential(size=60), {})
