"""What others print for CIFAR-10 and ResNet-18, as ranges over their sources, beside what was measured here."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.measuring import table
from benchmarks.results.result_lines import Line
from benchmarks.results.result_rows import Row

LOTUS = "LoTUS, notebook of the authors' repository: 10 % random, mean of three seeds, rounded to whole percent"
TORCHU = "TorchU, README: 5 epochs, one size of settings for all methods"
COLUMNS = ("forget", "retain", "unseen")


@dataclass(frozen=True)
class Published:
    """One printed row.

    Attributes:
        source: who printed it.
        task: ``"class"`` or ``"sample"``.
        method: id here; empty for models that are no method.
        title: as the source calls it.
        forget: accuracy in percent.
        retain: accuracy in percent.
        unseen: accuracy on test images in percent.
    """

    source: str
    task: str
    method: str
    title: str
    forget: float
    retain: float
    unseen: float


def _rows(source: str, task: str, *rows: tuple[str, str, float, float, float]) -> list[Published]:
    return [Published(source, task, *row) for row in rows]


PUBLISHED = [
    *_rows(
        LOTUS,
        "sample",
        ("before", "Before unlearning", 100, 100, 93),
        ("references", "Retrained", 91, 99, 91),
        ("finetune", "Finetune", 97, 98, 89),
        ("bad_teacher", "Bad Teacher", 71, 71, 66),
        ("scrub", "SCRUB", 100, 100, 93),
        ("ssd", "SSD", 86, 87, 80),
        ("unsir", "UNSIR", 93, 93, 86),
        ("lotus", "LoTUS", 99, 99, 91),
    ),
    *_rows(
        TORCHU,
        "sample",
        ("finetune", "Finetune", 99.84, 100, 94.26),
        ("neggrad", "NegGrad", 10, 10, 10),
        ("random_label", "Random label", 51.2, 49.7, 46.8),
        ("scrub", "SCRUB", 32, 31.7, 31.9),
        ("bad_teacher", "Bad Teacher", 99.74, 99.7, 93.11),
        ("boundary_shrink", "Boundary Shrink", 82.3, 87.7, 80.8),
        ("salun", "SalUn", 99.72, 99.64, 92.95),
        ("negmerge", "NegMerge", 99.24, 99.46, 93.0),
    ),
    *_rows(
        TORCHU,
        "class",
        ("finetune", "Finetune", 95.17, 100, 94.24),
        ("boundary_shrink", "Boundary Shrink", 0, 98.41, 91.52),
        ("salun", "SalUn", 0, 99.6, 92.66),
        ("bad_teacher", "Bad Teacher", 15.54, 99.41, 92.7),
        ("negmerge", "NegMerge", 0.08, 96.31, 89.58),
    ),
]


def published_words(
    classes: Sequence[Line], samples: Sequence[Line], models: Mapping[str, Sequence[Row]] | None = None
) -> str:
    """Both tables with what they must not be taken for.

    Args:
        classes: measured lines of forgetting a class.
        samples: of forgetting a random tenth.
        models: measured rows of models that are no method, for the tenth: ``before`` unlearning and ``references``.
    """
    return "\n\n".join(
        [
            "Settings dominate: of the same method on the same network and images, two sources differ by tens of "
            "points (SCRUB on random samples: 93 and 32 % of test images right). So a published number is no target, "
            "and ours, on another network, are not meant to meet it. Percent; a range where there are two sources.",
            f"**Random samples.** Ours: a random tenth.\n\n{_ranges('sample', samples, models or {})}",
            "**A class.** Ours: class 5; test images are those of the classes that stay.\n\n"
            f"{_ranges('class', classes, {})}",
            f"Sources: {LOTUS}; {TORCHU}; forget, retain and test accuracy are their FA, RA and TA. Of SalUn for "
            "single classes, models on the Hugging Face Hub (Yurim0507) state 0 to 9.4 % on the forgotten and 86.2 to "
            "92.1 % on the retained classes. LoTUS judges by the mean of the gaps in accuracy and attack; there SCRUB "
            "is second best with a forget accuracy of 100 %, more than the 91 % of retraining: it forgets nothing and "
            "is still ahead of methods that do.",
        ]
    )


def _ranges(task: str, lines: Sequence[Line], models: Mapping[str, Sequence[Row]]) -> str:
    rows = [row for row in PUBLISHED if row.task == task]
    ours: dict[str, Sequence[Row]] = {line.method: line.done for line in lines}
    ours |= models
    found = []
    for name in dict.fromkeys(row.method for row in rows):
        own = [row for row in rows if row.method == name]
        cells = [own[0].title]
        for column in COLUMNS:
            values = sorted(getattr(row, column) for row in own)
            cells.append(f"{values[0]:g}" if values[0] == values[-1] else f"{values[0]:g} to {values[-1]:g}")
            # Sources print more than a model without the class could reach on all test images.
            own_column = "unseen_others" if (task, column) == ("class", "unseen") else column
            cells.append(_ours(ours.get(name, ()), own_column))
        found.append([*cells, len({row.source for row in own})])
    head = ["", "forget", "ours", "retain", "ours", "test", "ours", "sources"]
    return table(head, found)


def _ours(rows: Sequence[Row], column: str) -> str:
    values = [row[column] for row in rows if row.get(column) is not None]
    return f"{100 * statistics.fmean(values):.1f}" if values else "–"
