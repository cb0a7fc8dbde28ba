"""A table of selected samples: what became of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from cu_core.figures.theme import TITLES, class_name


@dataclass(frozen=True)
class Facts:
    """What the table says of every recorded sample.

    Attributes:
        sample: (n,) indices into the training or the test images.
        split: (n,) ``train`` or ``test``.
        groups: (n,) group names.
        labels: (n,) labels as trained.
        predicted: column title to (n,) predicted class: before, now, reference.
        crossed: (n,) first round beyond the own decision boundary; -1 for none.
        numbers: column title to (n,) number.
    """

    sample: np.ndarray
    split: np.ndarray
    groups: np.ndarray
    labels: np.ndarray
    predicted: Mapping[str, np.ndarray]
    crossed: np.ndarray
    numbers: Mapping[str, np.ndarray] = field(default_factory=dict)


def facts_table(facts: Facts, rows: np.ndarray, classes: Sequence[str]) -> pd.DataFrame:
    """One line per sample, in the order of `rows`.

    Args:
        facts: of all samples.
        rows: (k,) the samples to list.
        classes: names by label.

    Returns:
        Columns ``Sample``, ``Split``, ``Group``, ``Label``, ``Predicted <when>``, ``First crossed in round`` (missing
        where it did not), then the numbers.
    """
    size = 1 + max([0, *(int(array.max(initial=0)) for array in (facts.labels, *facts.predicted.values()))])
    # A prediction of -1 is none, and takes the last name.
    names = np.array([*(class_name(classes, label) for label in range(size)), "–"], dtype=object)
    crossed = pd.array(facts.crossed[rows], dtype="Int64")
    crossed[facts.crossed[rows] < 0] = pd.NA
    columns: dict[str, object] = {
        "Sample": facts.sample[rows],
        "Split": facts.split[rows],
        "Group": pd.Series(facts.groups[rows]).map(TITLES).to_numpy(),
        "Label": names[facts.labels[rows]],
    }
    columns |= {f"Predicted {when}": names[predicted[rows]] for when, predicted in facts.predicted.items()}
    columns["First crossed in round"] = crossed
    return pd.DataFrame(columns | {title: values[rows] for title, values in facts.numbers.items()})
