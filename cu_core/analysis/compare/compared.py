"""One run as a comparison reads it, and each of its metrics beside those of the retrained models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cu_core.metrics.band import Band


@dataclass(frozen=True)
class Reference:
    """One retrained model.

    Attributes:
        seed: of its training.
        seconds: its training took; None if unknown.
        metrics: metric id to value over all samples.
        file: name of the user's file that it comes from; empty where it was trained here.
        cpu_seconds: of the processor or the device that its training took; None if unknown.
    """

    seed: int
    seconds: float | None
    metrics: Mapping[str, float | None]
    file: str = ""
    cpu_seconds: float | None = None


@dataclass(frozen=True)
class Compared:
    """What a comparison reads of a run: small enough to keep many, and no arrays.

    Attributes:
        run_id: of the run.
        title: its name.
        group: shared by the runs of a grid; may be empty.
        state: see `cu_core.runstore.state`.
        finished: unix time of its end; None before.
        spec: its specification as JSON.
        method: id of the method.
        method_title: name of the method shown to people.
        seed: of the run.
        train_seed: of its base model.
        forget_seed: of a drawn forget set.
        task: ``"class"`` or ``"sample"``.
        kind: ``"supervised"`` or ``"self-supervised"``.
        dataset: in short.
        backbone: as in the specification.
        forget: the forget set in short.
        rounds: recorded rounds, round 0 not counted.
        before: metric id to value before unlearning.
        after: the same after it; of a run that has not succeeded after the latest round, on the recorded samples.
        reference: the same as means over the references; empty without any.
        references: one per retrained model whose numbers were kept; fewer than asked for before the run has ended.
        asked_references: how many the specification asks for.
        result: content of ``result.json``; empty where the run has none.
        elsewhere: whether other code unlearned the model, so that what it took is not known.
    """

    run_id: str
    title: str
    group: str
    state: str
    finished: float | None
    spec: Mapping[str, Any]
    method: str
    method_title: str
    seed: int
    train_seed: int
    forget_seed: int
    task: str
    kind: str
    dataset: str
    backbone: str
    forget: str
    rounds: int
    before: Mapping[str, float | None]
    after: Mapping[str, float | None]
    reference: Mapping[str, float | None] = field(default_factory=dict)
    references: tuple[Reference, ...] = ()
    asked_references: int = 0
    result: Mapping[str, Any] = field(default_factory=dict)
    elsewhere: bool = False

    @property
    def partial(self) -> bool:
        """Whether there is no result (yet): then the numbers are those of the latest round."""
        return not self.result

    @property
    def stopped_by(self) -> str:
        """Why it stopped, as in ``result.json``; empty while there is no result."""
        return str(self.result.get("stopped_by") or "")

    @property
    def collapsed(self) -> bool:
        """Whether the guard ended it: retain accuracy in free fall, or weights that are no numbers."""
        return self.stopped_by in ("collapse", "not_a_number")


@dataclass(frozen=True)
class ComparedMetric:
    """One number of a run beside what retrained models say of it.

    Attributes:
        value: None where there is none.
        why: why there is none, in words; empty where there is one.
        low: lower end of its own 95 % interval, where it has one.
        high: upper end.
        reference: mean over the references; None where they do not have it.
        band: of the references; None where there is none.
        why_no_band: why not, in words; empty where there is one, or where none is wanted.
        note: what a reader of the band should know, in a few words.
    """

    value: float | None
    why: str = ""
    low: float | None = None
    high: float | None = None
    reference: float | None = None
    band: Band | None = None
    why_no_band: str = ""
    note: str = ""

    @property
    def gap(self) -> float | None:
        """Value minus mean of the references."""
        return None if self.value is None or self.reference is None else self.value - self.reference

    @property
    def distance(self) -> float | None:
        """Signed distance to the references' mean in half widths of their band."""
        return None if self.value is None or self.band is None else self.band.distance(self.value)
