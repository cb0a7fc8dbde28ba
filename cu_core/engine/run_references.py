"""The references of a run: the user's own, then those that are trained here; kept where they are needed twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cu_core.engine.given_files import GivenFile, GivenModels
from cu_core.engine.progress import Progress
from cu_core.engine.setup import RunSetup
from cu_core.learning.model_cache import Trained


@dataclass(frozen=True)
class RunReference:
    """One reference.

    Attributes:
        number: in the run, which is the seed of its training where it was trained here.
        trained: the model.
        file: of the user that it comes from; None where it was trained here.
        sha256: of that file.
    """

    number: int
    trained: Trained
    file: GivenFile | None = None
    sha256: str = ""

    @property
    def name(self) -> str:
        """Name of the user's file; empty where it was trained here."""
        return self.file.name if self.file else ""

    @property
    def seconds(self) -> float | None:
        """What its training took; None where it took place elsewhere."""
        return None if self.file else self.trained.seconds


class RunReferences:
    """Reads or trains the references of a run, one after the other.

    Args:
        setup: the fixed part of the run.
        given: the user's own.
        progress: hears how many epochs of training are done.
        train: takes a seed; trains a model without the forget samples, or takes it from the cache.
    """

    def __init__(
        self, setup: RunSetup, given: GivenModels, progress: Progress, train: Callable[[int], Trained]
    ) -> None:
        self.spec = setup.spec
        self.given = given
        self.progress = progress
        self.train = train
        self._kept: dict[int, RunReference] = {}

    @property
    def first_retrained(self) -> int:
        """Seed of the first reference that is trained here; the numbers before it belong to the user's own."""
        return first_retrained(self.spec.train_seed, len(self.spec.reference_files))

    def each(self, *, keep: bool = False) -> Iterator[RunReference]:
        """All of them in order.

        Args:
            keep: whether they will be asked for once more.
        """
        for number, file in self.given.references():
            if number not in self._kept:
                self._kept[number] = RunReference(number, self.given.retrained(file), file, self.given.sha256(file))
            yield self._kept[number] if keep else self._kept.pop(number)
        first = self.first_retrained
        for seed in range(first, first + self.spec.reference):
            if seed in self._kept:
                self.progress.start("reference", f"recording the reference (seed {seed})")
            else:
                self._kept[seed] = RunReference(seed, self.train(seed))
            # A cached reference takes no epochs; its share of the plan is done all the same.
            work = self.progress.works["reference"]
            work.done = max(work.done, self.spec.train.work * (seed - first + 1))
            yield self._kept[seed] if keep else self._kept.pop(seed)


def first_retrained(train_seed: int, own: int) -> int:
    """Seed of the first reference that is trained here, behind the user's own."""
    return train_seed + own
