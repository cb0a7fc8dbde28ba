"""Which recorded samples a choice in words means: classes, confusions, searches, and the presets of the Drift page.

Everything here is about rows of a run's probe (see docs/run-format.md) and works on plain arrays, so that pages, the
report and tests ask the same functions. Rows come back sorted and distinct, as (k,) int64.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from cu_core.errors import BadInput

FIELD = "selection"
HOW: dict[str, str] = {
    "replace": "Replace the selection",
    "add": "Add to it",
    "remove": "Remove from it",
    "within": "Keep only those within it",
}
"""How newly picked samples and those that were selected before become one selection."""

SEARCHES = ("17", "17, 20-25", "test:17", "class:cat", "a class's name", "a regular expression over class names")
MOVERS = 50
"""Samples that the preset of the largest movers picks."""

_LONGEST_PATTERN = 200
_LISTED = 20
_ID = re.compile(r"(?:(train|test)\s*:\s*)?(\d{1,18})(?:\s*-\s*(\d{1,18}))?")


@dataclass(frozen=True)
class Course:
    """What the presets look at: every recorded sample over the rounds.

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

    def right(self, number: int) -> np.ndarray:
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
        right = self.right(number)
        if number not in self.boundary:
            return right
        distance = self.boundary[number]
        return np.where(np.isfinite(distance), distance > 0, right)

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
class Preset:
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
    return (course.groups == "forget") & course.right(shown)


def _forgotten(course: Course, shown: int) -> np.ndarray:
    return (course.groups == "forget") & ~course.right(shown)


def _over_forgotten(course: Course, shown: int) -> np.ndarray:
    return (course.groups == "retain") & course.right(course.rounds[0]) & ~course.right(shown)


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


PRESETS: dict[str, Preset] = {
    p.id: p
    for p in (
        Preset(
            "not-forgotten",
            "Not forgotten",
            "Forget samples that are still predicted as labelled in the shown round.",
            _not_forgotten,
        ),
        Preset(
            "forgotten",
            "Correctly forgotten",
            "Forget samples that are not predicted as labelled any more in the shown round.",
            _forgotten,
        ),
        Preset(
            "over-forgotten",
            "Over-forgotten",
            "Retain samples that were right before unlearning and are wrong in the shown round.",
            _over_forgotten,
        ),
        Preset(
            "crossed",
            "Crossed in round {round}",
            "Samples of any group that were on their own side of the decision boundary in the round before and are "
            "beyond it in the shown one; where no distance was recorded, those whose prediction left the label.",
            _crossed,
        ),
        Preset(
            "never-left",
            "Never left",
            "Forget samples on their own side of the decision boundary in every recorded round.",
            _never_left,
        ),
        Preset(
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
        raise BadInput(f"{FIELD}.preset", f"no preset named {name!r}", PRESETS)
    course.right(shown)
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


@dataclass(frozen=True)
class Found:
    """What a search has found.

    Attributes:
        rows: of the probe.
        missing: parts of the search that no recorded sample fits, as they were typed.
    """

    rows: np.ndarray
    missing: tuple[str, ...] = ()


def search(
    text: str, samples: np.ndarray, is_test: np.ndarray, labels: np.ndarray, classes: Sequence[str] = ()
) -> Found:
    """Samples by number or by class.

    A list of numbers and ranges (``17, 20-25``) means the places of samples in the training and the test images;
    ``train:`` or ``test:`` before one of them means those alone. Anything else, or what follows ``class:``, is the
    name of a class, its number, or a regular expression that some class's name holds, in that order; case is ignored.

    Args:
        text: what the user typed.
        samples: (n,) places in the training or the test images.
        is_test: (n,) of which of the two.
        labels: (n,) labels as trained.
        classes: names by label; without them only numbers name a class.

    Raises:
        BadInput: nothing typed, not a regular expression, or nothing found.
    """
    text = text.strip()
    if not text:
        raise BadInput(f"{FIELD}.search", "nothing to look for", SEARCHES)
    words = [word for word in re.split(r"[,;]|(?<=\d)\s+(?=[\dt])", text) if word.strip()]
    ids = [_ID.fullmatch(word.strip()) for word in words]
    if words and all(ids):
        return _by_id([match for match in ids if match], samples, is_test)
    prefix, colon, rest = text.partition(":")
    name = rest.strip() if colon and prefix.strip().casefold() == "class" else text
    return Found(np.flatnonzero(np.isin(labels, _classes(name, labels, classes))))


def _by_id(matches: Sequence[re.Match[str]], samples: np.ndarray, is_test: np.ndarray) -> Found:
    chosen = np.zeros(len(samples), bool)
    missing = []
    for match in matches:
        split, first, last = match.groups()
        low, high = int(first), int(last or first)
        if low > high:
            raise BadInput(f"{FIELD}.search", f"{match[0]!r} runs backwards", (f"{high}-{low}",))
        inside = (samples >= low) & (samples <= high)
        if split:
            inside &= is_test == (split == "test")
        if not inside.any():
            missing.append(match[0])
        chosen |= inside
    if not chosen.any():
        listed = ", ".join(missing)
        raise BadInput(f"{FIELD}.search", f"no recorded sample is numbered {listed}", _ends(samples, is_test))
    return Found(np.flatnonzero(chosen), tuple(missing))


def _ends(samples: np.ndarray, is_test: np.ndarray) -> list[str]:
    """The recorded samples in words, for an error."""
    words = []
    for name, rows in (("train", samples[~is_test]), ("test", samples[is_test])):
        if len(rows):
            words.append(f"{name}: {len(rows)} samples between {rows.min()} and {rows.max()}")
    return words


def _classes(name: str, labels: np.ndarray, classes: Sequence[str]) -> list[int]:
    wanted = name.casefold()
    if exact := [label for label, known in enumerate(classes) if known.casefold() == wanted]:
        return exact
    present = [int(label) for label in np.unique(labels)]
    allowed = [classes[label] if label < len(classes) else str(label) for label in present[:_LISTED]]
    if name.isdecimal() and len(name) < 10 and int(name) in present:
        return [int(name)]
    if len(name) > _LONGEST_PATTERN:
        raise BadInput(f"{FIELD}.search", f"is longer than {_LONGEST_PATTERN} letters", SEARCHES)
    try:
        pattern = re.compile(name, re.IGNORECASE)
    except re.error as error:
        raise BadInput(f"{FIELD}.search", f"{name!r} is not a regular expression ({error})", SEARCHES) from None
    found = [label for label in present if label < len(classes) and pattern.search(classes[label])]
    if not found:
        raise BadInput(f"{FIELD}.search", f"no class of a recorded sample fits {name!r}", allowed)
    return found


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
    near: list[np.ndarray] = [rows]
    # Blocks keep the table of similarities small; 512 x 20,000 take 40 MB.
    for start in range(0, len(rows) if count else 0, 512):
        block = rows[start : start + 512]
        alike = unit[block] @ unit.T
        alike[np.arange(len(block)), block] = -np.inf
        near.append(np.argpartition(-alike, count - 1, axis=1)[:, :count].ravel())
    return np.unique(np.concatenate(near))


def training_indices(samples: np.ndarray, is_test: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The selected training samples as a forget set; unseen samples cannot be forgotten and are left out.

    Args:
        samples: (n,) places in the training or the test images.
        is_test: (n,) of which of the two.
        rows: (k,) selected.

    Returns:
        (j,) int64 places in the training images, sorted and distinct.

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
