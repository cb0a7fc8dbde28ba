"""One shadow model: trained as the base model was, unlearned as the run's was, asked about every target."""

from __future__ import annotations

import dataclasses
import inspect
import sys
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from cu_core.base.files import write_atomically
from cu_core.base.home import Home
from cu_core.base.parameters import contents
from cu_core.catalogue.spec import digest
from cu_core.data.forget import ForgetSet
from cu_core.engine.deep.deep_targets import Role, ShadowTargets
from cu_core.engine.setup import RunSetup
from cu_core.engine.signals import forward
from cu_core.engine.unlearning import method_rounds, unlearning_context
from cu_core.learning.model_cache import train_key, trained_model
from cu_core.learning.network import Network
from cu_core.learning.training import EpochReport
from cu_core.metrics.logit_margin import logit_margins

# Part of every key: raised when the arithmetic changes.
VERSION = 1
SEED = 500_009
"""Training seed of the first shadow; far from the seeds of base models and references."""


@dataclass(frozen=True)
class ShadowMargins:
    """What one shadow model leaves behind.

    Attributes:
        trained: (2n,) float64 margins of the targets before unlearning.
        unlearned: (2n,) after it; not numbers where it diverged.
        seconds: that training, unlearning and asking took, whenever that was.
    """

    trained: np.ndarray
    unlearned: np.ndarray
    seconds: float


class ShadowMaker:
    """Makes the shadows of one run, or takes them from the cache of the home.

    Trained shadows lie among the trained models and serve every method; margins lie under the method and its settings.

    Args:
        setup: the fixed part of the run.
        targets: who is asked about.
        home: where both caches are.
        rounds: rounds of unlearning: as many as the run took.
        check: called before each step; may raise to stop.
    """

    def __init__(
        self, setup: RunSetup, targets: ShadowTargets, home: Home, rounds: int, check: Callable[[], None]
    ) -> None:
        self.targets = targets
        self._setup = setup
        self._home = home
        self._rounds = rounds
        self._check = check
        self._data = dataclasses.replace(setup.data, sha256=targets.identity)
        moments = targets.source.moments
        self._moments = None if moments == (tuple(setup.data.mean), tuple(setup.data.std)) else moments

    def kept(self, shadow: int) -> ShadowMargins | None:
        """The margins of a shadow that was made before; None where it was not, or its file is damaged."""
        return _read(self._path(shadow), len(self.targets))

    def make(self, shadow: int, tell: Callable[[str], None]) -> ShadowMargins | None:
        """Makes a shadow; None where another process is at it.

        Args:
            shadow: its number from 0.
            tell: receives what is being done, in words.
        """
        path = self._path(shadow)
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.with_suffix(".lock"))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return None
        try:
            found = self.kept(shadow) or self._made(shadow, tell)
            write_atomically(
                path,
                lambda file: np.savez(
                    file, trained=found.trained, unlearned=found.unlearned, seconds=np.array(found.seconds)
                ),
            )
            return found
        finally:
            lock.release()

    def margins(self, model: Network) -> np.ndarray:
        """(2n,) float64 margins of the targets under any model of the run."""
        seen = forward(model, self.targets.source, self.targets.place)
        return logit_margins(seen.logits, seen.labels)

    def _made(self, shadow: int, tell: Callable[[str], None]) -> ShadowMargins:
        setup, targets = self._setup, self.targets
        began = time.perf_counter()

        def on_epoch(report: EpochReport) -> None:
            self._check()
            tell(f"training, epoch {report.epoch} of {report.epochs}")

        trained = trained_model(
            self._spec(shadow),
            self._data,
            targets.source,
            self._seen(shadow),
            SEED + shadow,
            home=self._home,
            device=setup.device,
            precision=setup.precision,
            on_epoch=on_epoch,
            check=self._check,
            keep=self._spec(shadow).rewound_to,
        )
        spent = time.perf_counter() - began
        before = self.margins(trained.model)
        tell("unlearning")
        own = dataclasses.replace(
            setup,
            spec=self._spec(shadow),
            data=self._data,
            train=targets.source,
            forget=ForgetSet(self._gone(shadow), setup.forget.task, setup.forget.classes),
            retain=np.setdiff1d(self._seen(shadow), self._gone(shadow)),
        )
        context = unlearning_context(own, trained.model, self._check, kept=trained.kept)
        rounds = method_rounds(own.spec, context)
        for _ in islice(rounds, self._rounds):
            self._check()
        after = self.margins(context.model)
        # Of a trained model that lay in the cache, the time that it took then.
        waited = trained.seconds - spent if trained.cached else 0.0
        return ShadowMargins(before, after, time.perf_counter() - began + max(waited, 0.0))

    def _spec(self, shadow: int) -> Any:
        """The run's specification with the shadow's seed; never with own weights, which may have seen every target."""
        spec = self._setup.spec
        return dataclasses.replace(
            spec,
            seed=SEED + shadow,
            train=dataclasses.replace(spec.train, seed=-1),
            model=dataclasses.replace(spec.model, weights=""),
        )

    def _seen(self, shadow: int) -> np.ndarray:
        """Places of the samples that a shadow is trained on, sorted."""
        kept = self.targets.place[self.targets.drawn(shadow) != Role.OUT]
        return np.sort(np.concatenate([self.targets.retain, self.targets.always, kept]))

    def _gone(self, shadow: int) -> np.ndarray:
        """Places of the samples that a shadow unlearns, sorted."""
        drawn = self.targets.place[self.targets.drawn(shadow) == Role.UNLEARN]
        return np.sort(np.concatenate([self.targets.always, drawn]))

    def _path(self, shadow: int) -> Path:
        setup, spec = self._setup, self._spec(shadow)
        trained = train_key(
            spec,
            self._data.sha256,
            self._seen(shadow),
            SEED + shadow,
            setup.device.type,
            setup.precision.name,
            self._moments,
        )
        content = {
            "version": VERSION,
            "trained": trained,
            "unlearned": self._gone(shadow).tolist(),
            "method": [spec.method.id, contents(spec.method.params), _source(spec.method.params)],
            "rounds": [self._rounds, spec.max_rounds],
            "spare": setup.spare.tolist(),
        }
        return self._home.shadows / f"{digest(content)}.npz"


def _source(params: Any) -> str:
    """Hash of the file that a method is written in: one that was changed since unlearns otherwise."""
    try:
        return digest(inspect.getsource(sys.modules[type(params).__module__]))
    except (OSError, TypeError, KeyError):
        return ""


def _read(path: Path, count: int) -> ShadowMargins | None:
    try:
        with np.load(path, allow_pickle=False) as stored:
            found = ShadowMargins(stored["trained"], stored["unlearned"], float(stored["seconds"]))
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        return None
    fits = all(side.shape == (count,) and side.dtype == np.float64 for side in (found.trained, found.unlearned))
    return found if fits else None
