"""Evaluations of base models and references on all reported samples, cached by the hash of what made the model."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cu_core.base.files import write_atomically
from cu_core.base.home import Home
from cu_core.catalogue.metric_record import METRICS
from cu_core.catalogue.spec import digest
from cu_core.engine.evaluation import Metrics
from cu_core.engine.setup import RunSetup

# Part of every key: raised when the arithmetic of an evaluation changes.
VERSION = 1


@dataclass(frozen=True)
class Evaluation:
    """A model on all reported samples.

    Attributes:
        metrics: of `cu_core.catalogue.metric_record.METRICS`.
        correct: group to (n,) bool, whether the prediction is the label; of unseen samples in class forgetting those of
            the other classes alone.
    """

    metrics: Metrics
    correct: Mapping[str, np.ndarray]


class EvaluationCache:
    """Evaluations of base models and references, shared by all runs that report on the same samples.

    Args:
        home: where they are kept.
        setup: the fixed part of the run.
    """

    def __init__(self, home: Home, setup: RunSetup) -> None:
        self.folder = home.evaluations
        forget, unseen = setup.reported_forget, setup.reported_unseen
        self._inputs = [
            VERSION,
            list(METRICS),
            setup.data.sha256,
            [
                hashlib.sha256(np.ascontiguousarray(rows, dtype=np.int64).tobytes()).hexdigest()
                for rows in (forget, setup.retain, unseen)
            ],
            [setup.forget.task, [int(c) for c in setup.forget.classes]],
            [setup.spec.train.objective, setup.spec.probe.seed],
        ]

    def get(self, key: str, evaluate: Callable[[], Evaluation]) -> Evaluation:
        """The evaluation of a trained model: from the cache, or made now and kept.

        Args:
            key: content hash of what made the model (`cu_core.learning.model_cache.Trained.key`).
            evaluate: makes it.
        """
        path = self.folder / f"{digest([key, self._inputs])}.npz"
        found = _read(path)
        if found is None:
            found = evaluate()
            arrays: dict[str, Any] = {name: np.packbits(correct) for name, correct in found.correct.items()}
            sizes = {name: len(correct) for name, correct in found.correct.items()}
            about = json.dumps({"metrics": found.metrics, "sizes": sizes})
            self.folder.mkdir(parents=True, exist_ok=True)
            write_atomically(path, lambda file: np.savez(file, about=np.array(about), **arrays))
        return found


def _read(path: Path) -> Evaluation | None:
    """A stored evaluation; None where there is none, or a damaged one."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            about = json.loads(str(stored["about"]))
            correct = {
                name: np.unpackbits(stored[name], count=size).astype(bool) for name, size in about["sizes"].items()
            }
            return Evaluation(about["metrics"], correct)
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        return None
