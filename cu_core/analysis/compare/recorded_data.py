"""Tables from recorded rounds for the figures of a comparison: metric curves, class gaps, signals, predictions."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cu_core.analysis.compare.comparable import set_of
from cu_core.analysis.compare.compared import Compared
from cu_core.analysis.compare.lines import ConfigurationRuns
from cu_core.analysis.compare.outcome_data import run_name
from cu_core.base.errors import BadInput
from cu_core.base.home import Home
from cu_core.catalogue.metric_record import METRICS
from cu_core.figures.class_gaps import ClassGaps, class_accuracy
from cu_core.figures.class_matrix import Predictions, count_predictions
from cu_core.figures.overlay import OverlayLine
from cu_core.figures.trajectories import Trajectory, TrajectoryLine
from cu_core.metrics.band import Band, band
from cu_core.runstore import layout
from cu_core.runstore.reader import RunView, open_run


@dataclass(frozen=True)
class LastRoundArray:
    """One array of a run's last round and of its references, on the rows of one group that metrics are reported on.

    Attributes:
        label: (n,) labels as trained on, or true ones of unseen samples.
        after: (n, …) the array after the last round.
        references: seed to the same of each reference.
    """

    label: np.ndarray
    after: np.ndarray
    references: Mapping[int, np.ndarray]


def trajectory_metrics(runs: Sequence[Compared]) -> list[str]:
    """Metrics worth a pane: accuracies by class where classes were forgotten, else overall with the loss attack."""
    if runs and all(run.task == "class" for run in runs):
        return ["forget_acc", "retain_acc", "test_acc_forgotten", "test_acc_retained"]
    return ["forget_acc", "retain_acc", "test_acc", "mia_auc"]


def trajectory_lines(
    home: Home, lines: Sequence[ConfigurationRuns], metrics: Sequence[str]
) -> tuple[list[TrajectoryLine], dict[str, list[Band]]]:
    """Metrics over rounds on the recorded samples, and the references' bands on the same samples.

    Args:
        home: where the runs live.
        lines: of the comparison.
        metrics: ids.

    Returns:
        One entry per line; metric to bands, each once.
    """
    found = []
    bands: dict[str, dict[tuple[float, float], Band]] = {metric: {} for metric in metrics}
    for line in lines:
        runs = []
        for run in line.runs:
            view = open_run(home, run.run_id)
            rounds = layout.numbered(view.run_dir / "rounds")
            manifests = [view.manifest(number) for number in rounds]
            values = {m: tuple(manifest["metrics"].get(m) for manifest in manifests) for m in metrics}
            runs.append(Trajectory(run_name(line, run), tuple(rounds), values))
            for metric, level in _probe_bands(view, metrics).items():
                bands[metric].setdefault((round(level.mean, 6), round(level.half, 6)), level)
        found.append(TrajectoryLine(line.label, tuple(runs)))
    return found, {metric: list(levels.values()) for metric, levels in bands.items()}


def gap_lines(
    home: Home, lines: Sequence[ConfigurationRuns], group: str, classes: int
) -> tuple[list[ClassGaps], list[str]]:
    """Accuracy after minus mean accuracy of the references, class by class, as a mean over a line's runs.

    Args:
        home: where the runs live.
        lines: of the comparison.
        group: ``"forget"``, ``"retain"`` or ``"unseen"``.
        classes: how many there are at least.

    Returns:
        One entry per line that has a reference, and in words which are missing and why.
    """
    found = []
    left_out: list[str] = []
    for line in lines:
        gaps, counts = [], []
        for run in line.runs:
            read = _read(home, line, run, "top3_class", group, left_out)
            if read is None:
                continue
            if not read.references:
                left_out.append(f"{run_name(line, run)}: no reference was retrained")
                continue
            size = max([classes, *(1 + int(a.max(initial=0)) for a in (read.label, read.after))])
            own, count = class_accuracy(read.label, read.after[:, 0], size)
            others = [class_accuracy(read.label, array[:, 0], size)[0] for array in read.references.values()]
            gaps.append(own - np.mean(others, axis=0))
            counts.append(count)
        if gaps:
            size = max(map(len, gaps))
            stacked = np.stack([_padded(gap, size, np.nan) for gap in gaps])
            fewest = np.stack([_padded(count, size, 0) for count in counts]).min(0).astype(np.int64)
            with warnings.catch_warnings():
                # Classes without any sample have no mean.
                warnings.simplefilter("ignore", RuntimeWarning)
                found.append(ClassGaps(line.label, np.nanmean(stacked, axis=0), fewest))
    return found, left_out


def overlay_lines(
    home: Home, lines: Sequence[ConfigurationRuns], array: str, group: str
) -> tuple[list[OverlayLine], list[np.ndarray], list[str]]:
    """One signal of the last round, and of every retrained model once.

    Args:
        home: where the runs live.
        lines: of the comparison.
        array: name of the recorded array; of several columns the first is taken.
        group: ``"forget"``, ``"retain"`` or ``"unseen"``.

    Returns:
        One entry per line, finite values alone; values of the retrained models; and what is missing, in words.
    """
    found = []
    left_out: list[str] = []
    references: dict[tuple[str, int, int], np.ndarray] = {}
    for line in lines:
        names, values = [], []
        for run in line.runs:
            read = _read(home, line, run, array, group, left_out)
            if read is None:
                continue
            names.append(run_name(line, run))
            values.append(_finite(read.after))
            for seed, of_reference in read.references.items():
                references.setdefault((set_of(run), run.forget_seed, seed), _finite(of_reference))
        found.append(OverlayLine(line.label, tuple(names), tuple(values)))
    return found, [values for values in references.values() if len(values)], left_out


def prediction_panes(
    home: Home, lines: Sequence[ConfigurationRuns], group: str, classes: int
) -> tuple[list[Predictions], list[str]]:
    """What samples are taken for after unlearning: mean counts over a line's runs, and over the retrained models.

    Args:
        home: where the runs live.
        lines: of the comparison.
        group: ``"forget"``, ``"retain"`` or ``"unseen"``.
        classes: how many there are at least.

    Returns:
        One pane per line, then one of the references where there are any; and what is missing, in words.
    """
    panes = []
    left_out: list[str] = []
    references: dict[tuple[str, int, int], np.ndarray] = {}
    for line in lines:
        counts = []
        for run in line.runs:
            read = _read(home, line, run, "top3_class", group, left_out)
            if read is None:
                continue
            arrays = [read.after, *read.references.values()]
            size = max([classes, 1 + int(read.label.max(initial=0)), *(1 + int(a.max(initial=0)) for a in arrays)])
            counts.append(count_predictions(read.label, read.after[:, 0], size))
            for seed, array in read.references.items():
                key = (set_of(run), run.forget_seed, seed)
                references.setdefault(key, count_predictions(read.label, array[:, 0], size))
        if counts:
            panes.append(Predictions(line.label, _mean_counts(counts)))
    if references:
        panes.append(Predictions("Retrained", _mean_counts(list(references.values())), "reference"))
    return panes, left_out


def _probe_bands(view: RunView, metrics: Sequence[str]) -> dict[str, Band]:
    manifests = [view.reference_manifest(seed) for seed in layout.numbered(view.run_dir / "reference")]
    found = {}
    for metric in metrics:
        record = METRICS[metric]
        shares = record.percent and record.whole_group
        samples = manifests[0].get("counts", {}).get(record.group) if shares and manifests else None
        level = band([manifest["metrics"].get(metric) for manifest in manifests], samples)
        if level is not None:
            found[metric] = level
    return found


def _read(
    home: Home, line: ConfigurationRuns, run: Compared, array: str, group: str, left_out: list[str]
) -> LastRoundArray | None:
    """Reads an array, or notes in words why it cannot be."""
    try:
        return read_recorded(open_run(home, run.run_id), array, group)
    except BadInput as error:
        left_out.append(f"{run_name(line, run)}: {error}")
        return None


def read_recorded(view: RunView, array: str, group: str) -> LastRoundArray:
    """One array of the last round and of the references.

    Args:
        view: the run.
        array: name of the array.
        group: ``"forget"``, ``"retain"`` or ``"unseen"``.

    Raises:
        BadInput: no round, or the array was not recorded in the last one, or files are damaged.
    """
    rounds = layout.numbered(view.run_dir / "rounds")
    if not rounds:
        raise BadInput("rounds", "none was recorded")
    probe = view.probe()
    rows = np.flatnonzero((probe["group"] == group).to_numpy() & ~probe["rule"].to_numpy())
    references = {
        seed: np.asarray(view.reference_array(seed, array))[rows]
        for seed in layout.numbered(view.run_dir / "reference")
        if array in view.reference_manifest(seed)["arrays"]
    }
    after = np.asarray(view.array(rounds[-1], array))[rows]
    return LastRoundArray(probe["label"].to_numpy()[rows], after, references)


def _finite(array: np.ndarray) -> np.ndarray:
    values = (array[:, 0] if array.ndim == 2 else array).astype(np.float64)
    return values[np.isfinite(values)]


def _padded(array: np.ndarray, size: int, filling: float) -> np.ndarray:
    return np.concatenate([array.astype(np.float64), np.full(size - len(array), filling)])


def _mean_counts(counts: Sequence[np.ndarray]) -> np.ndarray:
    size = max(map(len, counts))
    table = np.zeros((len(counts), size, size))
    for k, count in enumerate(counts):
        table[k, : len(count), : len(count)] = count
    return table.mean(0)
