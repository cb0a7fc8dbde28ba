"""Tables from results for the figures of a comparison: trade-offs, layer similarity, linear probing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from cu_core.analysis.compare.columns import COLUMNS, DEFAULT_ATTACK
from cu_core.analysis.compare.compared import Compared
from cu_core.analysis.compare.lines import ConfigurationRuns, Summary, summary
from cu_core.analysis.compare.measures import metric_measure, time_measure
from cu_core.catalogue.metric_record import METRICS
from cu_core.figures.layer_bars import PANES, LayerLine, Noise
from cu_core.figures.pareto import ParetoBox, ParetoLine, ParetoPoint
from cu_core.figures.recovery_bars import Recovery, RecoveryBar


def run_name(line: ConfigurationRuns, run: Compared) -> str:
    """A run of a line as hovering tells it."""
    return line.label if f"seed {run.seed}" in line.label else f"{line.label}, seed {run.seed}"


def utility_metric(run: Compared) -> str:
    """The metric of what should stay: accuracy on unseen samples, of class forgetting on those of the other classes."""
    if run.kind == "self-supervised":
        return "linear_acc"
    return "test_acc_retained" if run.task == "class" else "test_acc"


def pareto_titles(runs: Iterable[Compared]) -> tuple[str, str]:
    """Names of both axes."""
    utility = dict.fromkeys(METRICS[utility_metric(run)].title for run in runs)
    return " / ".join(utility), METRICS["forget_acc"].title


def pareto_lines(lines: Sequence[ConfigurationRuns]) -> tuple[list[ParetoLine], list[ParetoBox], list[str]]:
    """Gaps of utility and forgetting, in points.

    Args:
        lines: of the comparison.

    Returns:
        One entry per line, empty where no run has both gaps; the references' bands, each once; and in words which runs
        are missing and why.
    """
    found, boxes, left_out = [], {}, []
    for line in lines:
        points = []
        for run in line.runs:
            utility, forgetting = metric_measure(run, utility_metric(run)), metric_measure(run, "forget_acc")
            if utility.gap is None or forgetting.gap is None:
                why = next((t for m in (utility, forgetting) for t in (m.why, m.why_no_band) if t), "no reference")
                left_out.append(f"{run_name(line, run)}: {why}")
                continue
            share = time_measure(run).value
            points.append(ParetoPoint(run_name(line, run), 100 * utility.gap, 100 * forgetting.gap, share))
            if utility.band and forgetting.band:
                halves = (round(100 * utility.band.half, 6), round(100 * forgetting.band.half, 6))
                boxes[halves] = ParetoBox(*halves)
        found.append(ParetoLine(line.label, tuple(points)))
    return found, list(boxes.values()), left_out


def layer_lines(lines: Sequence[ConfigurationRuns], group: str) -> tuple[list[LayerLine], Noise, list[str]]:
    """Linear CKA of the layers on one group of samples.

    Args:
        lines: of the comparison.
        group: ``"forget"``, ``"retain"`` or ``"unseen"``.

    Returns:
        One entry per line; guides as means over the runs; and in words which lines are missing and why. Runs whose
        layers differ from those of the first are missing too: they share no axis.
    """
    names: tuple[str, ...] = ()
    found, left_out, looked = [], [], []
    for line in lines:
        pairs: dict[str, list[tuple[float | None, ...]]] = {}
        for run in line.runs:
            layers = run.result.get("layers")
            if not layers:
                left_out.append(
                    f"{run_name(line, run)}: {'the run has not finished' if run.partial else 'not computed'}"
                )
                continue
            names = names or tuple(layers["names"])
            if tuple(layers["names"]) != names:
                left_out.append(f"{run_name(line, run)}: another network")
                continue
            looked.append(layers)
            for pair in PANES:
                if values := _values(layers, pair, group):
                    pairs.setdefault(pair, []).append(values)
        found.append(LayerLine(line.label, names, {pair: tuple(values) for pair, values in pairs.items()}))
    found = [LayerLine(entry.label, names, entry.pairs) for entry in found]
    guides = [_mean_of([_values(layers, pair, group) for layers in looked]) for pair in _GUIDES]
    return found, Noise(*guides), left_out


_GUIDES = ("reference_reference", "base_reference")


def recovery_lines(lines: Sequence[ConfigurationRuns]) -> tuple[list[Recovery], list[str]]:
    """Accuracy on the forgotten classes by the model and by a linear probe.

    Returns:
        One entry per line that has the probe's number, and in words which lines are missing and why.
    """
    found, left_out = [], []
    for line in lines:
        said = summary(line, COLUMNS["test_acc_forgotten"], DEFAULT_ATTACK)
        probed = summary(line, COLUMNS["probe_recovery"], DEFAULT_ATTACK)
        if probed.mean is None:
            left_out.append(f"{line.label}: {', '.join(probed.why)}")
        else:
            found.append(Recovery(line.label, _bar(said), _bar(probed)))
    return found, left_out


def _bar(cell: Summary) -> RecoveryBar:
    return RecoveryBar(cell.mean, tuple(v for v in cell.values if v is not None), cell.reference, cell.half)


def _values(layers: Mapping[str, Any], pair: str, group: str) -> tuple[float | None, ...]:
    return tuple(((layers.get("pairs") or {}).get(pair) or {}).get(group) or ())


def _mean_of(rows: Sequence[tuple[float | None, ...]]) -> tuple[float | None, ...]:
    known = [[value for value in row if value is not None] for row in rows]
    whole = [values for values, row in zip(known, rows, strict=True) if row and len(values) == len(row)]
    return tuple(float(v) for v in np.mean(whole, axis=0)) if whole else ()
