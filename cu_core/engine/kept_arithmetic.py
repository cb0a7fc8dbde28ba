"""Threads and precision of a run's first attempt, which every later one keeps: both decide how sums are rounded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from cu_core.base.errors import CheckpointError
from cu_core.engine.checkpoint import read_checkpoint
from cu_core.learning.device import choose_precision
from cu_core.learning.precision_trial import InForce
from cu_core.runstore import layout
from cu_core.runstore.attempt import Attempt
from cu_core.runstore.rows import optional_json

MOST_THREADS = 1024


class KeptArithmetic:
    """What earlier attempts at a run computed with, or the run that it repeats.

    Args:
        attempt: of the run.
    """

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        self._own: dict[str, Any] = (
            optional_json(attempt.run_dir / layout.THREADS) if attempt.is_sound(layout.THREADS) else {}
        )
        # Empty where an attempt ended before it was known.
        undecided = self._own.get("precision", "") is None
        self._stored = kept_by_audited(attempt) if undecided or not self._own else self._own
        self._stored = self._stored or self._own

    def fix_threads(self) -> None:
        """Gives every attempt at a run the same number of threads."""
        if threads := kept_threads(self._stored):
            torch.set_num_threads(threads)
        if self._own.get("threads") != torch.get_num_threads():
            # Until the precision is known, it is named and empty: earlier versions do not name it.
            self._write(None)

    def precision(self, device: torch.device) -> InForce | None:
        """The precision that earlier attempts took on such a device; None for a run that is yet to decide.

        Runs of earlier versions did not time their steps: ``auto`` was fp32 on every processor.
        """
        if found := kept_precision(self._stored, device):
            return found
        state = self._checkpoint()
        if state is not None and "precision" in state:
            return kept_precision(state, device)
        if state is not None or (self._stored and "precision" not in self._stored):
            return InForce(choose_precision(self._attempt.spec.precision, device))
        return None

    def keep(self, chosen: InForce) -> None:
        """Notes the precision for later attempts."""
        if self._own.get("precision") != chosen.precision.name:
            self._write(chosen)

    def _write(self, chosen: InForce | None) -> None:
        known = {"device": chosen.precision.device_type, "gain": chosen.gain, "words": chosen.words} if chosen else {}
        name = chosen.precision.name if chosen else self._own.get("precision")
        content = {"threads": torch.get_num_threads(), "precision": name} | known
        self._attempt.write_json(layout.THREADS, content)

    def _checkpoint(self) -> dict[str, Any] | None:
        path = self._attempt.checkpoint_path
        if self._stored.get("precision") or not path.exists():
            return None
        try:
            return read_checkpoint(path)
        except CheckpointError:
            return None


def kept_by_audited(attempt: Attempt) -> dict[str, Any]:
    """The note on threads and precision of the run that a deep audit repeats; empty where there is none here.

    With as many threads and the same precision sums are rounded alike: the base model is found in the cache, and
    unlearning ends alike.
    """
    name = attempt.spec.audit.of_run
    found = optional_json(attempt.home.runs / name / layout.THREADS) if layout.is_run_id(name) else {}
    return found if kept_threads(found) else {}


def kept_threads(note: Mapping[str, Any]) -> int:
    """Number of threads in a note; 0 where it names none that can be used."""
    threads = note.get("threads")
    return threads if isinstance(threads, int) and 0 < threads <= MOST_THREADS else 0


def kept_precision(note: Mapping[str, Any], device: torch.device) -> InForce | None:
    """The precision in a note; None where it names none, or one of another kind of device.

    Args:
        note: content of ``threads.json``.
        device: where the run computes now.
    """
    name, gain, words = note.get("precision"), note.get("gain"), note.get("words")
    if note.get("device") != device.type or name not in ("fp32", "bf16", "fp16"):
        return None
    known = float(gain) if isinstance(gain, int | float) else None
    return InForce(choose_precision(str(name), device), known, words if isinstance(words, str) else "")


def precision_of_run(run_dir: Path, named: str, device: torch.device) -> InForce:
    """What a finished run computed in, for work on it later.

    Args:
        run_dir: its folder.
        named: its specification's precision.
        device: where the work is done.
    """
    note = optional_json(run_dir / layout.THREADS)
    return kept_precision(note, device) or InForce(choose_precision(named, device))
