"""What base models and references said to the samples of a verdict, cached by the hash of what made the model."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from cu_core.base.files import write_atomically
from cu_core.base.home import Home
from cu_core.catalogue.spec import digest
from cu_core.engine.layer_similarity import LayerPass
from cu_core.engine.setup import RunSetup
from cu_core.engine.verdict.retained_training import EPOCHS, RATE, STEPS
from cu_core.engine.verdict.verdict_pass import VIEWS
from cu_core.engine.verdict.verdict_samples import VerdictSamples
from cu_core.metrics.questions.verdict_evidence import GroupSeen, ModelSeen, TrainedOn

# Part of every key: raised when what a model is asked, or how, changes.
VERSION = 1
_GROUPS = ("forget", "retain", "unseen")


class SeenCache:
    """Answers of models that many runs of a home share; the short training of each is the dearest part of a verdict.

    Args:
        home: where they are kept.
        setup: the fixed part of the run.
        samples: that the models are asked about.
        layer_pass: whose layers are asked for.
        trains: whether the models are trained on retained samples for a moment.
    """

    def __init__(
        self, home: Home, setup: RunSetup, samples: VerdictSamples, layer_pass: LayerPass, *, trains: bool
    ) -> None:
        self.folder = home.evaluations
        spec = setup.spec
        self._inputs = [
            "verdict",
            VERSION,
            setup.data.sha256,
            [_hash(getattr(samples, name)) for name in _GROUPS],
            _hash(setup.retain) if trains else "",
            [layer_pass.names, {name: _hash(setup.probe.sample[rows]) for name, rows in layer_pass.rows.items()}],
            [trains, EPOCHS, STEPS, RATE, VIEWS],
            [spec.train.content(), setup.train.moments, setup.precision.name, setup.device.type],
        ]

    def get(self, key: str, see: Callable[[], ModelSeen]) -> ModelSeen:
        """What a model says: from the cache, or asked now and kept.

        Args:
            key: content hash of what made the model (`cu_core.learning.model_cache.Trained.key`); empty for one that
                is not kept.
            see: asks it.
        """
        if not key:
            return see()
        path = self.folder / f"{digest([key, self._inputs])}.npz"
        found = _read(path)
        if found is None:
            found = see()
            self.folder.mkdir(parents=True, exist_ok=True)
            arrays = _arrays(found)
            write_atomically(path, lambda file: np.savez(file, **arrays))
        return found


def _hash(rows: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(rows, dtype=np.int64).tobytes()).hexdigest()


def _arrays(seen: ModelSeen) -> dict[str, Any]:
    arrays: dict[str, Any] = {}
    for group in _GROUPS:
        own = getattr(seen, group)
        arrays |= {f"{group} {field.name}": getattr(own, field.name) for field in dataclasses.fields(own)}
    for group, layers in seen.layers.items():
        arrays |= {f"layer {group} {number}": values for number, values in enumerate(layers)}
    for number, trained in enumerate(seen.trained_on):
        values = dataclasses.asdict(trained)
        arrays |= {f"trained {number} {name}": value for name, value in values.items()}
    counts = {group: len(values) for group, values in seen.layers.items()}
    return arrays | {"about": np.array(json.dumps({"layers": counts, "trained": len(seen.trained_on)}))}


def _read(path: Path) -> ModelSeen | None:
    """Stored answers; None where there are none, or damaged ones."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            about = json.loads(str(stored["about"]))
            names = [field.name for field in dataclasses.fields(GroupSeen)]
            forget, retain, unseen = (
                GroupSeen(**{name: stored[f"{group} {name}"] for name in names}) for group in _GROUPS
            )
            layers = {
                group: [stored[f"layer {group} {number}"] for number in range(count)]
                for group, count in about["layers"].items()
            }
            trained = tuple(
                TrainedOn(
                    int(stored[f"trained {number} steps"]),
                    stored[f"trained {number} forget_score"],
                    stored[f"trained {number} forget_right"],
                    stored[f"trained {number} unseen_score"],
                )
                for number in range(about["trained"])
            )
            return ModelSeen(forget, retain, unseen, layers, trained)
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        return None
