"""Selections of recorded samples: by class, confusion, neighbourhood, or a preset over the rounds.

Everything here is about rows of a run's probe (see docs/run-format.md) and works on plain arrays, so that pages, the
report and tests ask the same functions. Rows come back sorted and distinct, as (k,) int64.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from cu_core.base.errors import BadInput
from cu_core.metrics.nearest import nearest_rows

FIELD = "selection"
HOW: dict[str, str] = {
    "replace": "Replace the selection",
    "add": "Add to it",
    "remove": "Remove from it",
    "within": "Keep only those within it",
}
"""How newly picked samples and those that were selected before become one selection."""

MOVERS = 50
"""Samples that the preset of the largest movers picks."""

_LISTED = 20


@dataclass(frozen=True)
class Course:
    """What the presets select from: every recorded sample over the rounds.

    Attributes:
        groups: (n,) ``forget``, ``retain`` or ``unseen``.
        labels: (n,) labels as trained.
        predicted: round to (n,) predicted classes; round 0 is before unlearning.
        boundary: round to (n,) signed distance to the decision boundary, above 0 where the sample is predicted as
            labelled; rounds or samples (NaN) without it are judged by their prediction.
        moved: round to (n,) displacement from round 0 in the full space; any unit, NaN where unknown.
    """

    groups: np.ndarray
    labels: np.ndarray
    predicted: Mapping[int, np.ndarray]
    boundary: Mapping[int, np.ndarray] = field(default_factory=dict)
    moved: Mapping[int, np.ndarray] = field(default_factory=dict)

    @property
    def rounds(self) -> list[int]:
        """Recorded rounds, ascending."""
        return sorted(self.predicted)

    def correct(self, number: int) -> np.ndarray:
        """(n,) bool: predicted as labelled in a round.

        Raises:
            BadInput: the round was not recorded.
        """
        self._check(number)
        return self.predicted[number] == self.labels

    def inside(self, number: int) -> np.ndarray:
        """(n,) bool: on the own side of the decision boundary in a round.

        Raises:
            BadInput: the round was not recorded.
        """
        correct = self.correct(number)
        if number not in self.boundary:
            return correct
        distance = self.boundary[number]
        return np.where(np.isfinite(distance), distance > 0, correct)

    def crossings(self) -> np.ndarray:
        """(n,) int64: the first round in which a sample that began on its own side was beyond it; -1 for none."""
        rounds = self.rounds
        found = np.full(len(self.labels), -1, np.int64)
        began = self.inside(rounds[0])
        for number in rounds[1:]:
            found[(found < 0) & began & ~self.inside(number)] = number
        return found

    def _check(self, number: int) -> None:
        if number not in self.predicted:
            raise BadInput(f"{FIELD}.round", f"round {number} was not recorded", map(str, self.rounds))


@dataclass(frozen=True)
class SelectionPreset:
    """One ready-made selection.

    Attributes:
        id: key in `PRESETS`.
        title: name shown to people; ``{round}`` stands for the shown round.
        summary: exactly which samples it picks, in one sentence.
        pick: course and shown round to (n,) bool, or to rows.
    """

    id: str
    title: str
    summary: str
    pick: Callable[[Course, int], np.ndarray]


def _not_forgotten(course: Course, shown: int) -> np.ndarray:
    return (course.groups == "forget") & course.correct(shown)


def _forgotten(course: Course, shown: int) -> np.ndarray:
    return (course.groups == "forget") & course.correct(course.rounds[0]) & ~course.correct(shown)


def _over_forgotten(course: Course, shown: int) -> np.ndarray:
    return (course.groups == "retain") & course.correct(course.rounds[0]) & ~course.correct(shown)


def _crossed(course: Course, shown: int) -> np.ndarray:
    outside = ~course.inside(shown)
    earlier = [number for number in course.rounds if number < shown]
    # Nothing can have crossed by the first recorded round.
    return outside & course.inside(earlier[-1]) if earlier else np.zeros(len(outside), bool)


def _never_left(course: Course, shown: int) -> np.ndarray:
    staying = course.groups == "forget"
    for number in course.rounds:
        staying = staying & course.inside(number)
    return staying


def _largest_movers(course: Course, shown: int) -> np.ndarray:
    return largest(course.moved.get(shown), MOVERS)


PRESETS: dict[str, SelectionPreset] = {
    p.id: p
    for p in (
        SelectionPreset(
            "not-forgotten",
            "Predicted as labelled",
            "Forget samples that are predicted as labelled in the shown round. A retrained model may do so as well.",
            _not_forgotten,
        ),
        SelectionPreset(
            "forgotten",
            "Prediction changed",
            "Forget samples that were predicted as labelled before unlearning and are not in the shown round. Whether "
            "they are forgotten is another question.",
            _forgotten,
        ),
        SelectionPreset(
            "over-forgotten",
            "Retained, now wrong",
            "Retain samples that were right before unlearning and are wrong in the shown round.",
            _over_forgotten,
        ),
        SelectionPreset(
            "crossed",
            "Crossed in round {round}",
            "Samples of any group that were on their own side of the decision boundary in the round before and are "
            "beyond it in the shown one; where no distance was recorded, those whose prediction left the label.",
            _crossed,
        ),
        SelectionPreset(
            "never-left",
            "Never left",
            "Forget samples on their own side of the decision boundary in every recorded round.",
            _never_left,
        ),
        SelectionPreset(
            "largest-movers",
            "Largest movers",
            f"The {MOVERS} samples farthest from where they were before unlearning, in the full space.",
            _largest_movers,
        ),
    )
}


def preset(name: str, course: Course, shown: int) -> np.ndarray:
    """The rows that a preset picks.

    Args:
        name: a key of `PRESETS`.
        course: the recorded samples.
        shown: the round that the presets are about.

    Raises:
        BadInput: no such preset or round.
    """
    if name not in PRESETS:
        raise BadInput(f"{FIELD}.preset", f"no preset named {name!r}", PRESETS, given=name)
    course.correct(shown)
    return _rows(PRESETS[name].pick(course, shown))


def largest(values: np.ndarray | None, count: int) -> np.ndarray:
    """Rows of the `count` largest positive values, fewer where there are not as many; none where there are no values.

    Ties go to the lower row. A value of 0 is no movement, so it is never among the largest.
    """
    if values is None:
        return np.empty(0, np.int64)
    rows = np.flatnonzero(np.nan_to_num(values, nan=0.0) > 0)
    order = np.argsort(-values[rows].astype(np.float64), kind="stable")
    return np.sort(rows[order[:count]])


def by_class(labels: np.ndarray, wanted: Sequence[int]) -> np.ndarray:
    """Rows labelled with one of some classes.

    Raises:
        BadInput: a class that no sample is labelled with.
    """
    present = np.unique(labels)
    for label in wanted:
        if label not in present:
            raise BadInput(f"{FIELD}.class", f"no recorded sample is labelled {label}", map(str, present[:_LISTED]))
    return np.flatnonzero(np.isin(labels, list(wanted)))


def by_pair(labels: np.ndarray, predicted: np.ndarray, label: int, taken_for: int) -> np.ndarray:
    """Rows of one class that are predicted as one, possibly the same.

    Args:
        labels: (n,) classes.
        predicted: (n,) predicted classes of one round.
        label: class wanted.
        taken_for: predicted class wanted.

    Raises:
        BadInput: a class that no sample is labelled with.
    """
    rows = by_class(labels, [label])
    return rows[predicted[rows] == taken_for]


def combine(old: np.ndarray, new: np.ndarray, how: str) -> np.ndarray:
    """One selection from the present one and newly picked rows.

    Args:
        old: rows selected so far.
        new: rows picked now.
        how: a key of `HOW`.

    Raises:
        BadInput: no such way.
    """
    ways: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
        "replace": lambda _, picked: np.unique(picked),
        "add": np.union1d,
        "remove": np.setdiff1d,
        "within": np.intersect1d,
    }
    if how not in ways:
        raise BadInput(f"{FIELD}.how", f"{how!r} is not a way to select", HOW)
    return ways[how](np.asarray(old, np.int64), np.asarray(new, np.int64)).astype(np.int64)


def invert(rows: np.ndarray, total: int) -> np.ndarray:
    """The rows of `total` samples that are not among some."""
    return np.setdiff1d(np.arange(total, dtype=np.int64), rows)


def with_neighbours(embedding: np.ndarray, rows: np.ndarray, count: int) -> np.ndarray:
    """Rows together with the nearest other samples of each, by cosine similarity in the full space.

    Args:
        embedding: (n, d) of all samples in one round.
        rows: (k,) those to start from.
        count: nearest samples of each row to add.

    Raises:
        BadInput: a count below 1.
    """
    if count < 1:
        raise BadInput(f"{FIELD}.neighbours", f"{count} is not a number of neighbours", ("1 or more",))
    rows = _rows(rows)
    unit = np.asarray(embedding, np.float32)
    unit = unit / np.maximum(np.linalg.norm(unit, axis=1, keepdims=True), np.float32(1e-12))
    count = min(count, len(unit) - 1)
    if count == 0:
        return rows
    return np.unique(np.r_[rows, nearest_rows(unit[rows], unit, count, own=rows).ravel()])


def training_indices(samples: np.ndarray, is_test: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The selected training samples as a forget set; unseen samples cannot be forgotten and are left out.

    Args:
        samples: (n,) indices into the training or the test images.
        is_test: (n,) of which of the two.
        rows: (k,) selected.

    Returns:
        (j,) int64 indices into the training images, sorted and distinct.

    Raises:
        BadInput: nothing is selected, or unseen samples alone.
    """
    if not len(rows):
        raise BadInput(FIELD, "nothing is selected", ("forget or retain samples",))
    found = np.unique(samples[rows][~is_test[rows]]).astype(np.int64)
    if not len(found):
        raise BadInput(
            FIELD, "only unseen samples are selected, and no model was trained on those", ("forget or retain samples",)
        )
    return found


def _rows(chosen: np.ndarray) -> np.ndarray:
    """Sorted distinct rows of a mask, or of rows in any order."""
    return np.flatnonzero(chosen) if chosen.dtype == bool else np.unique(np.asarray(chosen, np.int64))
