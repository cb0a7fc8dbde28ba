"""Findings as sentences that the numbers choose: which way round, with their uncertainty, or none if that is large.

Each question has its sentences written before the numbers that answer it were known. The unit is a method: seeds and
forget sets of one method are no independent witnesses, so intervals come from drawing methods anew with all that is
theirs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.results.result_lines import Line
from cu_core.metrics.own_interval import share_interval

DRAWS = 4000
SEED = 16
FEWEST = 6
"""Methods with fewer of which nothing is said."""
ACCURACY_COLUMNS = {
    "class": ("forget", "retain", "unseen_others", "unseen_forgotten"),
    "sample": ("forget", "retain", "unseen"),
}


@dataclass(frozen=True)
class Finding:
    """One statement.

    Attributes:
        id: of the question.
        title: the statement in a few words.
        words: the statement with its numbers.
    """

    id: str
    title: str
    words: str


def findings(lines: Sequence[Line], most: int = 3) -> list[Finding]:
    """The first of the questions that the lines answer.

    Args:
        lines: of all tasks on one network.
        most: how many.
    """
    found = [finding for ask in QUESTIONS if (finding := ask(lines)) is not None]
    return found[:most]


def accuracies_tell(lines: Sequence[Line]) -> Finding | None:
    """Whether models whose accuracies are those of retraining are told from retrained ones all the same."""
    alike = [line for line in lines if line.inside(ACCURACY_COLUMNS[_task(line)]) and line.values("differing")]
    told = {line.method for line in alike if any(row.get("verdict") == "differs" for row in line.done)}
    judged = {line.method for line in alike}
    if len(judged) < FEWEST:
        return None
    share = len(told) / len(judged)
    low, high = share_interval(share, len(judged))
    counted = (
        f"of {len(judged)} methods whose accuracies all lie within the band of retraining on a forget set or more, the "
        f"verdict still tells {len(told)} from retrained models there, for a seed or more "
        f"({_percent(share)}, 95 % interval {_percent(low)} to {_percent(high)})"
    )
    if low > 0.5:
        return Finding("accuracies", "Accuracies like those of retraining do not mean retrained", _sentence(counted))
    if high < 0.5:
        return Finding(
            "accuracies", "Where accuracies are those of retraining, little else differs", _sentence(counted)
        )
    return None


def refitted_finds_more(lines: Sequence[Line]) -> Finding | None:
    """Whether an attack that was fitted on the unlearned model finds more than one fitted before unlearning."""
    gaps = {name: values for name, values in _by_method(lines, _refitted_more).items() if values}
    interval = drawn_mean(gaps)
    if interval is None:
        return None
    middle, low, high = interval
    counted = (
        f"over {len(gaps)} methods, the loss attack is right on {_points(middle)} more of the samples beyond what it "
        f"reaches on retrained models when it is fitted on the unlearned model than when it was fitted before "
        f"(95 % interval {_points(low)} to {_points(high)})"
    )
    if low > 0:
        return Finding("refitted", "An attack fitted before unlearning flatters the method", _sentence(counted))
    if high < 0:
        return Finding(
            "refitted",
            "The attack fitted before unlearning is the stronger one",
            _sentence(counted.replace(f"{_points(middle)} more", f"{_points(-middle)} fewer")),
        )
    return None


def retained_data_helps(lines: Sequence[Line]) -> Finding | None:
    """Whether methods that read retain samples end nearer to retraining than those that read none."""
    logs = _by_method(lines, lambda line: _log(line.mean("distance")))
    reads = {line.method: line.retain_data for line in lines}
    with_data = {name: found for name, found in logs.items() if found and reads[name] == "all"}
    without = {name: found for name, found in logs.items() if found and reads[name] == "none"}
    first, second = drawn_means(with_data), drawn_means(without, SEED + 1)
    if first is None or second is None:
        return None
    ratios = second - first
    middle = _mean_of(without) - _mean_of(with_data)
    low, high = np.quantile(ratios, [0.025, 0.975])
    counted = (
        f"methods that read no retain sample ({len(without)}) end {10 ** abs(middle):.1f} times as "
        f"{'far from' if middle > 0 else 'near to'} the references as those that may read all of them "
        f"({len(with_data)}), by geometric means (95 % interval of the factor {_factors(middle, low, high)})"
    )
    if low > 0:
        return Finding("retained", "Retain samples are worth their cost", _sentence(counted))
    if high < 0:
        return Finding("retained", "Methods without retain samples end nearer", _sentence(counted))
    return None


def tasks_agree(lines: Sequence[Line]) -> Finding | None:
    """Whether methods that are near to retraining for a class are so for samples, too."""
    of_class = {name: np.mean(v) for name, v in _by_method(lines, _distance_of("class")).items() if v}
    of_samples = {name: np.mean(v) for name, v in _by_method(lines, _distance_of("sample")).items() if v}
    both = sorted(of_class.keys() & of_samples.keys())
    if len(both) < FEWEST:
        return None
    found = drawn_correlation(np.array([[of_class[name], of_samples[name]] for name in both]))
    if found is None:
        return None
    middle, low, high = found
    counted = (
        f"over {len(both)} methods that do both, the rank correlation of their distance to retraining for a class with "
        f"that for samples is {middle:.2f} (95 % interval {low:.2f} to {high:.2f})"
    )
    if high < 0.5:
        return Finding("tasks", "Who forgets classes well need not forget samples well", _sentence(counted))
    if low > 0.5:
        return Finding("tasks", "The same methods are near for classes and for samples", _sentence(counted))
    return None


def cost_pays(lines: Sequence[Line]) -> Finding | None:
    """Whether methods that compute more end nearer to retraining."""
    shares = {n: np.mean(v) for n, v in _by_method(lines, lambda line: _log(_cost_share(line))).items() if v}
    near = {n: np.mean(v) for n, v in _by_method(lines, lambda line: _log(line.mean("distance"))).items() if v}
    both = sorted(shares.keys() & near.keys())
    if len(both) < FEWEST:
        return None
    found = drawn_correlation(np.array([[shares[name], near[name]] for name in both]))
    if found is None:
        return None
    middle, low, high = found
    counted = (
        f"over {len(both)} methods, the rank correlation of processor time with the distance to retraining is "
        f"{middle:.2f} (95 % interval {low:.2f} to {high:.2f})"
    )
    if high < 0:
        return Finding("cost", "Methods that compute more end nearer to retraining", _sentence(counted))
    if low > 0:
        return Finding("cost", "Methods that compute more end farther from retraining", _sentence(counted))
    return None


def calibration_finds_more(lines: Sequence[Line]) -> Finding | None:
    """Whether losses compared with those of retrained models tell more methods from retraining than losses alone.

    Asked when classes and 500 images were known, so only forget sets that are a share of the images answer it.
    """
    asked = [line for line in lines if line.task.startswith("fraction")]
    outside = {
        column: {name: found for name, found in _by_method(asked, _outside(column)).items() if found}
        for column in ("calibrated", "auc")
    }
    both = sorted(outside["calibrated"].keys() & outside["auc"].keys())
    shares = {column: _mean_of({name: outside[column][name] for name in both}) for column in outside if both}
    more = {name: [float(np.mean(outside["calibrated"][name]) - np.mean(outside["auc"][name]))] for name in both}
    interval = drawn_mean(more)
    if interval is None:
        return None
    middle, low, high = interval
    beside, alone = _percent(shares["calibrated"]), _percent(shares["auc"])
    counted = (
        f"over {len(both)} methods on a random share of the images, the AUC of each image's loss margin beside those "
        f"of retrained models lies outside the band of retraining in {beside} of the cases, the AUC of the loss alone "
        f"in {alone} (difference {_percent(middle)}, 95 % interval {_percent(low)} to {_percent(high)})"
    )
    if low > 0:
        return Finding(
            "calibrated", "Losses beside those of retrained models show what they hide alone", _sentence(counted)
        )
    if high < 0:
        return Finding("calibrated", "Losses alone tell more methods from retraining", _sentence(counted))
    return None


QUESTIONS: tuple[Callable[[Sequence[Line]], Finding | None], ...] = (
    accuracies_tell,
    refitted_finds_more,
    tasks_agree,
    retained_data_helps,
    cost_pays,
    calibration_finds_more,
)
"""In the order in which they are asked."""


def drawn_means(groups: dict[str, list[float]], seed: int = SEED) -> np.ndarray | None:
    """(d,) means over methods of their own means, the methods drawn anew each time; None with too few methods."""
    if len(groups) < FEWEST:
        return None
    own = np.array([np.mean(values) for values in groups.values()])
    rng = np.random.default_rng(seed)
    return np.asarray(own[rng.integers(0, len(own), (DRAWS, len(own)))].mean(1))


def drawn_mean(groups: dict[str, list[float]]) -> tuple[float, float, float] | None:
    """Mean over methods with its 95 % interval; None with too few methods."""
    drawn = drawn_means(groups)
    if drawn is None:
        return None
    low, high = np.quantile(drawn, [0.025, 0.975])
    return _mean_of(groups), float(low), float(high)


def drawn_correlation(pairs: np.ndarray) -> tuple[float, float, float] | None:
    """Rank correlation of (n, 2) numbers of n methods with its 95 % interval; None where a side is all the same."""
    middle = spearman(pairs)
    if math.isnan(middle):
        return None
    rng = np.random.default_rng(SEED)
    drawn = [spearman(pairs[rng.integers(0, len(pairs), len(pairs))]) for _ in range(DRAWS)]
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return middle, float(low), float(high)


def spearman(pairs: np.ndarray) -> float:
    """Rank correlation of (n, 2) numbers, equal ones sharing their mean rank; nan where a side is all the same."""
    ranks = np.stack([_ranks(pairs[:, side]) for side in (0, 1)])
    if (np.ptp(ranks, axis=1) == 0).any():
        return math.nan
    return float(np.corrcoef(ranks)[0, 1])


def _ranks(values: np.ndarray) -> np.ndarray:
    below = (values[:, None] > values[None, :]).sum(1)
    same = (values[:, None] == values[None, :]).sum(1)
    return np.asarray(below + (same - 1) / 2)


def _by_method(lines: Sequence[Line], number: Callable[[Line], float | None]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for line in lines:
        value = number(line)
        found.setdefault(line.method, []).extend([] if value is None else [value])
    return found


def _refitted_more(line: Line) -> float | None:
    """By how much the attack's excess over retrained models grows where it is fitted anew."""
    excess = {way: line.gap(way) for way in ("refitted", "transferred")}
    if excess["refitted"] is None or excess["transferred"] is None:
        return None
    return excess["refitted"] - excess["transferred"]


def _outside(column: str) -> Callable[[Line], float | None]:
    def share(line: Line) -> float | None:
        """Of a line's runs that have the column, those outside of the band of their references."""
        own = [Line(line.method, line.title, line.retain_data, line.task, (row,), {}) for row in line.done]
        told = [inside for one in own if (inside := one.inside((column,))) is not None]
        return 1.0 - float(np.mean(told)) if told else None

    return share


def _distance_of(task: str) -> Callable[[Line], float | None]:
    return lambda line: _log(line.mean("distance")) if _task(line) == task else None


def _cost_share(line: Line) -> float | None:
    """Of a forget set whose distance is known: the two numbers are to be of the same runs."""
    if line.mean("distance") is None:
        return None
    spent, whole = line.mean("cpu"), line.mean("cpu_retrain")
    return spent / whole if spent and whole else None


def _task(line: Line) -> str:
    return "class" if line.task.startswith("class") else "sample"


def _log(value: float | None) -> float | None:
    return math.log10(max(value, 1e-3)) if value is not None else None


def _mean_of(groups: dict[str, list[float]]) -> float:
    return float(np.mean([np.mean(values) for values in groups.values()]))


def _factors(middle: float, low: float, high: float) -> str:
    ends = (low, high) if middle > 0 else (-high, -low)
    return f"{10 ** ends[0]:.1f} to {10 ** ends[1]:.1f}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _points(share: float) -> str:
    return f"{100 * share:.1f} %"


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."
