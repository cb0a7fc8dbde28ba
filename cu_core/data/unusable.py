"""What of a set of images cannot be used: files that cannot be read, pictures in which there is nothing to see."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from cu_core.base.display_text import cut
from cu_core.base.errors import DatasetError
from cu_core.base.files import write_atomically
from cu_core.data.findings import MOST_UNREADABLE, Findings
from cu_core.data.layouts.set_listing import quoted
from cu_core.data.source import Source

MOST_NAMED = 20
"""Unreadable images that a message names one by one."""
_LETTERS = 1400
"""Of all names and faults in a message, which is cut where it is much longer."""
_FAINT = 16
"""Levels of 256 below which pictures are said to be nearly of one colour."""

LeftOut = Mapping[str, Mapping[int, str]]
"""By split: places within the wanted images, with what is wrong with each."""


def check_left_out(
    left_out: LeftOut, wanted: Mapping[str, np.ndarray], source: Source, share: float, report: Path
) -> None:
    """Refuses images that cannot be read where they are more than a share of all, rounded up.

    Args:
        left_out: what could not be read.
        wanted: by split, (k,) indices of the images that were to be read.
        source: their dataset.
        share: of all images that may be left out.
        report: file that names all of them where they are refused; removed where they are not.

    Raises:
        DatasetError: they are too many, or nothing is left of a class or of the unseen images; names up to
            `MOST_NAMED` of them.
    """
    faults = _faults(left_out, wanted, source)
    total = sum(map(len, wanted.values()))
    most = math.ceil(share * total)
    if faults and (len(faults) > most or not _enough_is_left(left_out, wanted, source)):
        text = "".join(f"{name}\t{fault}\n" for name, fault in faults)
        write_atomically(report, lambda file: file.write(text.encode(errors="backslashreplace")))
        raise DatasetError("dataset", _refusal(faults, total, most, source, report))
    report.unlink(missing_ok=True)


def noted(
    found: Findings,
    left_out: LeftOut,
    wanted: Mapping[str, np.ndarray],
    source: Source,
    levels: tuple[int, int],
) -> Findings:
    """Adds what was left out, which is no longer counted, and whether pictures are hard to tell apart.

    Args:
        found: what the loader has said.
        left_out: what could not be read.
        wanted: by split, (k,) indices of the images that were to be read.
        source: their dataset.
        levels: the darkest and the brightest of the training images, 0 to 255.
    """
    faults = _faults(left_out, wanted, source)
    low, high = levels
    train = _kept(found.train, left_out["train"], source.train_labels[wanted["train"]])
    test = _kept(found.test, left_out["test"], source.test_labels[wanted["test"]])
    notes = found.notes
    pairs = zip(source.classes, found.test, test, strict=False)
    if lacking := [name for name, before, after in pairs if before and not after]:
        what = "class lacks" if len(lacking) == 1 else "classes lack"
        notes = (
            *notes,
            f"Without those that cannot be read, {len(lacking):,} {what} unseen images: {quoted(lacking)}.",
        )
    if high - low < _FAINT:
        words = f"All pixels lie between {low} and {high} of 255, so the pictures are nearly of one colour"
        notes = (*notes, f"{words}; their files may hold values of another range.")
    return dataclasses.replace(
        found,
        train=train,
        test=test,
        unreadable=tuple(faults[:MOST_UNREADABLE]),
        unreadable_count=len(faults),
        notes=notes,
    )


def _kept(counts: tuple[int, ...], left_out: Mapping[int, str], labels: np.ndarray) -> tuple[int, ...]:
    """Images by label without those that were left out."""
    lost = np.bincount(labels[list(left_out)], minlength=len(counts)) if left_out else np.zeros(len(counts), int)
    return tuple((np.array(counts) - lost).tolist()) if counts else ()


def blank(level: int, found: Findings | None) -> DatasetError:
    """The refusal of a set whose training images are all of one colour.

    Args:
        level: of every pixel, 0 to 255.
        found: how its values were read; None where nobody has noted it.
    """
    how = " ".join(found.scaled) if found else ""
    reason = how or "their files may be blank, or hold their picture in an alpha channel alone"
    return DatasetError(
        "dataset",
        f"every pixel of every training image has the value {level}, so there is nothing to tell apart; {reason}",
    )


def _faults(left_out: LeftOut, wanted: Mapping[str, np.ndarray], source: Source) -> list[tuple[str, str]]:
    found = []
    for split, places in left_out.items():
        names = source.names.get(split, ())
        for place, fault in places.items():
            index = int(wanted[split][place])
            found.append((names[index] if names else f"{split} image {index}", fault))
    return found


def _enough_is_left(left_out: LeftOut, wanted: Mapping[str, np.ndarray], source: Source) -> bool:
    labels = {"train": source.train_labels, "test": source.test_labels}
    kept = {split: labels[split][np.delete(indices, list(left_out[split]))] for split, indices in wanted.items()}
    before = np.unique(source.train_labels[wanted["train"]])
    return len(np.unique(kept["train"])) == len(before) and len(kept["test"]) > 0


def _refusal(faults: list[tuple[str, str]], total: int, most: int, source: Source, report: Path) -> str:
    count = len(faults)
    why = (
        f"more than the {most:,} that data.unreadable allows"
        if count > most
        else "and without them a class would have no training images, or no unseen image would be left"
    )
    shown = faults[:MOST_NAMED]
    most_letters = _LETTERS // (2 * len(shown))
    named = "; ".join(f"{cut(name, most_letters)} ({cut(fault, most_letters)})" for name, fault in shown)
    more = f"; and {count - MOST_NAMED:,} more, all of them in {report}" if count > MOST_NAMED else ""
    return f"{count:,} of {total:,} images cannot be read, {why}: {named}{more}"
