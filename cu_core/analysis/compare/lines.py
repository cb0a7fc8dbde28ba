"""Rows of a comparison: single runs, or means over runs that differ only in their seeds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from cu_core.analysis.compare.columns import ComparedColumn
from cu_core.analysis.compare.comparable import configuration_of
from cu_core.analysis.compare.compared import Compared, ComparedMetric
from cu_core.analysis.compare.difference import NAMES, SEEDS, flat, label_of, value_words
from cu_core.figures.theme import chart_text

MOST_NAMED = 3
"""Most settings that a label names to tell lines of one method apart."""

PLAIN = ("data.dataset", "forget.select", "model.backbone")
"""Fields whose values need no name beside them."""


@dataclass(frozen=True)
class ConfigurationRuns:
    """One line: runs of one configuration.

    Attributes:
        label: what it is called, unlike all others of the comparison.
        runs: one, or one per seed in the order of the seeds.
    """

    label: str
    runs: tuple[Compared, ...]

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds of the runs."""
        return tuple(run.seed for run in self.runs)


@dataclass(frozen=True)
class Summary:
    """One column of a line.

    Attributes:
        mean: over the runs that have the number; None where none has.
        sd: sample standard deviation; None with fewer than two.
        values: one per run; None where a run does not have it.
        distance: mean signed distance to the references in half widths of their band; None where no run has one.
        reference: mean over the runs of their references' mean; None without.
        half: mean half width of the band.
        low: lower end of the 95 % interval of a single run's own number; None for several.
        high: upper end.
        why: why a run lacks the number, each reason once.
        why_no_band: why a run lacks the band.
    """

    mean: float | None
    sd: float | None
    values: tuple[float | None, ...]
    distance: float | None = None
    reference: float | None = None
    half: float | None = None
    low: float | None = None
    high: float | None = None
    why: tuple[str, ...] = ()
    why_no_band: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """How many runs have the number."""
        return sum(value is not None for value in self.values)

    @property
    def gap(self) -> float | None:
        """Mean minus mean of the references."""
        return None if self.mean is None or self.reference is None else self.mean - self.reference


def lines_of(runs: Sequence[Compared], *, over_seeds: bool) -> list[ConfigurationRuns]:
    """Lines in the order in which their first runs come.

    Args:
        runs: the compared runs.
        over_seeds: put runs that differ by seed alone into one line; otherwise every run has its own.
    """
    grouped: dict[str, list[Compared]] = {}
    for run in runs:
        grouped.setdefault(configuration_of(run) if over_seeds else run.run_id, []).append(run)
    members = [tuple(sorted(group, key=lambda run: (run.seed, run.run_id))) for group in grouped.values()]
    return [ConfigurationRuns(label, group) for label, group in zip(_labels(members), members, strict=True)]


def summary(line: ConfigurationRuns, column: ComparedColumn, attack: str) -> Summary:
    """One column of a line.

    Args:
        line: of which.
        column: of which.
        attack: the membership attack whose AUC is shown.
    """
    return summarise([column.read(run, attack) for run in line.runs])


def summarise(measures: Sequence[ComparedMetric]) -> Summary:
    """Mean and standard deviation over runs; of a single one its own number with its interval."""
    single = measures[0] if len(measures) == 1 else ComparedMetric(None)
    values = [m.value for m in measures]
    known = [v for v in values if v is not None]
    return Summary(
        mean=_mean(values),
        sd=float(np.std(known, ddof=1)) if len(known) > 1 else None,
        values=tuple(values),
        distance=_mean([m.distance for m in measures]),
        reference=_mean([m.reference for m in measures]),
        half=_mean([m.band.half if m.band else None for m in measures]),
        low=single.low,
        high=single.high,
        why=_each_once(m.why for m in measures),
        why_no_band=_each_once(m.why_no_band for m in measures),
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return float(np.mean(known)) if known else None


def _each_once(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in texts if text))


def _labels(members: Sequence[tuple[Compared, ...]]) -> list[str]:
    """The method, and of lines that share it what else tells them apart."""
    first = [group[0] for group in members]
    parts: list[list[str]] = [[run.method_title] for run in first]
    for k, run in enumerate(first):
        same = [other for other in first if (other.method, other.method_title) == (run.method, run.method_title)]
        if len(same) > 1:
            parts[k] += _told_apart(run, same)
    labels = [chart_text(" · ".join(part)) for part in parts]
    return [
        f"{label} · {run.run_id[-6:]}" if labels.count(label) > 1 else label
        for label, run in zip(labels, first, strict=True)
    ]


def telling(run: Compared, others: Sequence[Compared], parts: Sequence[str] = ()) -> list[str]:
    """Settings of a run that not all others share, `MOST_NAMED` at most, as short words.

    Args:
        run: one of the others.
        others: those that it has to be told from.
        parts: parts of the specification that count; all if empty.
    """
    own, specs = flat(run.spec), [other.spec for other in others]
    theirs = [flat(spec) for spec in specs]
    skipped = {*SEEDS, *NAMES, "reference", "method.label"}
    differing = [path for path, v in own.items() if path not in skipped and any(o.get(path, v) != v for o in theirs)]
    if parts:
        differing = [path for path in differing if path.split(".")[0] in parts]
    # What the comparison is about comes first: data and forget set, then the method's own settings.
    differing.sort(key=lambda path: (path not in PLAIN, not path.startswith("method.")))
    named = []
    for path in differing[:MOST_NAMED]:
        words = value_words(path, own[path], run.spec, unit=False)
        label = label_of(path, *specs)
        named.append(words if path in PLAIN else f"{label[:1].lower()}{label[1:]} {words}")
    return named


def _told_apart(run: Compared, same: Sequence[Compared]) -> list[str]:
    """What tells a line from others of its method; its seed last."""
    alike = [other for other in same if configuration_of(other) == configuration_of(run)]
    return [*telling(run, same), *([f"seed {run.seed}"] if len(alike) > 1 else [])]
