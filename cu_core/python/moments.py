"""A moment of a run as people name it: a round, before, after, or a retrained model."""

from __future__ import annotations

import operator
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, SupportsIndex

import numpy as np

from cu_core.analysis.scenes import recorded_array
from cu_core.base.errors import BadInput
from cu_core.runstore.reader import RunView

Moment = SupportsIndex | str
"""A round's number, ``"before"``, ``"after"`` (the last round), ``"round:K"`` or ``"reference:SEED"``."""
_FIELD = "round"


@dataclass(frozen=True)
class RecordedMoment:
    """A round, or the reference of a seed where the number is None."""

    number: int | None
    seed: int | None = None

    def manifest(self, view: RunView) -> Mapping[str, Any]:
        """Its manifest."""
        if self.number is not None:
            return view.manifest(self.number)
        return view.reference_manifest(self.seed or 0)

    def array(self, view: RunView, name: str) -> np.ndarray:
        """An array of it.

        Raises:
            BadInput: not recorded.
        """
        found = recorded_array(view, name, self.number, self.seed)
        if found is None:
            raise BadInput(_FIELD, f"{name} was not recorded there", sorted(self.manifest(view)["arrays"]))
        return found


def moment_of(named: Moment, view: RunView) -> RecordedMoment:
    """The moment that was named, which has been recorded.

    Raises:
        BadInput: no such moment.
    """
    rounds, seeds = view.rounds(), view.references()
    allowed = [*map(str, rounds), "before", "after", *(f"reference:{seed}" for seed in seeds)] if rounds else []
    wanted = _parsed(named, rounds)
    if wanted is None or (wanted.number not in rounds if wanted.number is not None else wanted.seed not in seeds):
        raise BadInput(_FIELD, f"{named!r} was not recorded in this run", allowed or ["none was recorded"])
    return wanted


def _parsed(named: Moment, rounds: list[int]) -> RecordedMoment | None:
    if not isinstance(named, str):
        try:
            return None if isinstance(named, bool) else RecordedMoment(operator.index(named))
        except TypeError:
            return None
    if named in ("before", "after"):
        return RecordedMoment(rounds[0 if named == "before" else -1]) if rounds else None
    found = re.fullmatch(r"(?:(round|reference):)?([0-9]{1,10})", named.strip())
    if found is None:
        return None
    number = int(found[2])
    return RecordedMoment(None, number) if found[1] == "reference" else RecordedMoment(number)
