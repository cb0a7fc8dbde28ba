"""Which hyper-parameters of a method tuning draws, and from where; taken from the method's record."""

from __future__ import annotations

from dataclasses import dataclass

from cu_core.base.parameters import Described, describe
from cu_core.catalogue.method_record import Method

WIDEST = 1_000.0
"""An allowed range with a larger factor between its ends was made to refuse nonsense, not to be searched."""
AROUND = 30.0
"""Of such a range what lies within this factor of the default is searched."""
DECADE = 10.0


@dataclass(frozen=True)
class Axis:
    """One hyper-parameter that is drawn.

    Attributes:
        name: of the field.
        label: shown to people.
        low: smallest value, inclusive; 0 of a choice.
        high: largest value, inclusive; 0 of a choice.
        log: whether equal factors are equally likely, instead of equal differences.
        whole: whether values are whole numbers.
        choices: the texts of a choice; empty of a number.
    """

    name: str
    label: str
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    whole: bool = False
    choices: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """Where values are drawn from, for people."""
        if self.choices:
            return " or ".join(self.choices)
        return f"{self.low:g} to {self.high:g}{', by factors' if self.log else ''}"


def axes_of(record: Method) -> tuple[Axis, ...]:
    """The hyper-parameters of a method that tuning draws, in the order of its form; the others keep their start.

    Advanced ones, switches and how much retained data a method may read are left alone. A choice is drawn from all its
    texts. A number is drawn from `cu_core.base.parameters.Param.search` if the record has it, else from the allowed
    range if that has both ends and spans no more than `WIDEST`; of a wider one, if it is best explored on a logarithmic
    scale, from `AROUND` times less to `AROUND` times more than the default. All else has no range that anybody would
    search, and is left alone.
    """
    found = []
    for d in describe(record.params):
        if d.name == "retain_share" and record.retain_data == "part":
            continue
        if (axis := _axis(d)) is not None:
            found.append(axis)
    return tuple(found)


def _axis(d: Described) -> Axis | None:
    spec = d.param
    if spec.search == () or (spec.advanced and spec.search is None):
        return None
    if d.type is str:
        return Axis(d.name, spec.label, choices=spec.choices) if len(spec.choices) > 1 else None
    if d.type not in (int, float):
        return None
    ends = spec.search or _ends(d)
    if ends is None:
        return None
    low, high = float(ends[0]), float(ends[1])
    log = spec.log or (low > 0 and high >= DECADE * low)
    return Axis(d.name, spec.label, low, high, log, d.type is int)


def _ends(d: Described) -> tuple[float, float] | None:
    low, high, default = d.param.low, d.param.high, float(d.default)
    if low is None or high is None:
        return None
    if low > 0 and high / low <= WIDEST:
        return low, high
    if low == 0 and high <= 1 and d.type is float and not d.param.log:
        return low, high  # a share
    if d.param.log and default > 0:
        return max(low, default / AROUND), min(high, default * AROUND)
    return None
