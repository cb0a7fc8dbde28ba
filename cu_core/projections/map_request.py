"""The request for a projection: its parameters, and the path of its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cu_core.base.errors import BadInput
from cu_core.base.home import Home
from cu_core.catalogue.projection_record import projection
from cu_core.catalogue.spec import digest
from cu_core.runstore import layout

VERSION = 1
"""Part of every name: raised when a picture's arithmetic changes."""


@dataclass(frozen=True)
class MapRequest:
    """A picture of one run, or of two on the same axes.

    Attributes:
        run: id of the run.
        beside: id of a second run with the same recorded samples; empty for none.
        method: one of `cu_core.catalogue.projection_record.PROJECTIONS`.
        n_components: 2 or 3.
        remove_motion: whether motion that all retained samples share is taken out first.
        seed: of everything that is drawn.

    Raises:
        BadInput: a malformed run id, an unknown method or another number of axes.
    """

    run: str
    beside: str = ""
    method: str = "reference-map"
    n_components: int = 2
    remove_motion: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        for run_id in filter(None, (self.run, self.beside)):
            if not layout.is_run_id(run_id):
                raise BadInput("run", f"{run_id!r} is not a run id", ("letters a-z, digits and hyphens",))
        projection(self.method)
        if self.n_components not in (2, 3):
            raise BadInput("n_components", f"{self.n_components} axes cannot be drawn", ("2", "3"))

    @property
    def key(self) -> str:
        """Names the picture."""
        return digest([VERSION, asdict(self)])[:32]

    def folder(self, home: Home) -> Path:
        """Where it is kept."""
        return home.maps / self.key

    def to_json(self) -> dict[str, Any]:
        """As it is stored."""
        return asdict(self)


def read_request(content: Mapping[str, Any]) -> MapRequest:
    """A stored request.

    Raises:
        BadInput: it is damaged.
    """
    try:
        return MapRequest(**content)
    except TypeError as error:
        raise BadInput("request", f"is damaged: {error}") from error
