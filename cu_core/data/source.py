"""What a loader of a dataset returns: labels, and an iterator over images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from cu_core.data.findings import Findings

Progress = Callable[[int, int, str], None]
"""Called with (done, total, message); may raise to stop the work."""


class Unreadable(Exception):
    """A file that is no usable picture; the message says why."""


@dataclass(frozen=True)
class Source:
    """A dataset before anything is chosen, resized or decoded.

    Attributes:
        classes: class names by label.
        train_labels: (n,) int64.
        test_labels: (m,) int64.
        read: given ``"train"`` or ``"test"`` and (k,) sorted indices, yields k images in that order,
            each (channels, height, width) uint8. All have the same height and width; grey ones may
            have one channel where others have three. In place of one that cannot be read it may yield an
            `Unreadable` that says why: few of them are left out, many are refused.
        names: what each sample is called, by ``"train"`` and ``"test"``; empty where they have no names.
        findings: what was found and how it was read; asked for once everything has been read. None where nothing
            is to be said.
    """

    classes: tuple[str, ...]
    train_labels: np.ndarray
    test_labels: np.ndarray
    read: Callable[[str, np.ndarray], Iterator[np.ndarray | Unreadable]]
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    findings: Callable[[], Findings] | None = None


def silent(done: int, total: int, message: str) -> None:
    """A progress callback that does nothing."""
