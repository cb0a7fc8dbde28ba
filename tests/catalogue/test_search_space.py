"""Where tuning draws from: within what a method allows, and nothing that is not a value to choose."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from cu_core.base.parameters import describe, param
from cu_core.catalogue.method_record import METHODS, Method, methods_here
from cu_core.catalogue.search_space import axes_of


@pytest.mark.parametrize("record", METHODS.values(), ids=METHODS)
def test_ranges_lie_in_what_the_record_allows(record: Method) -> None:
    fields = {d.name: d for d in describe(record.params)}
    for axis in axes_of(record):
        spec = fields[axis.name].param
        if axis.choices:
            assert set(axis.choices) <= set(spec.choices)
            continue
        assert spec.low is not None and spec.high is not None
        assert spec.low <= axis.low < axis.high <= spec.high
        # Nobody searches nine decades.
        assert not axis.log or axis.high / axis.low <= 1e4


def test_every_step_size_is_searched_and_how_much_data_is_read_is_not() -> None:
    for record in methods_here().values():
        searched = {axis.name for axis in axes_of(record)}
        assert {d.name for d in describe(record.params) if d.name == "lr"} <= searched
        assert "retain_share" not in searched and "batch_size" not in searched


@dataclass(frozen=True)
class _Params:
    wide: float = param(0.01, "w", "", low=1e-9, high=1e9, log=True)
    zero: float = param(0.0, "z", "", low=0.0, high=1e9)
    share: float = param(0.5, "s", "", low=0.0, high=1.0)
    narrow: int = param(3, "n", "", low=1, high=9)
    kind: str = param("a", "k", "", choices=("a", "b"))
    rare: str = param("a", "r", "", choices=("a", "b"), advanced=True)
    told: float = param(5.0, "t", "", low=0.0, high=1e9, search=(1.0, 20.0), advanced=True)
    never: float = param(0.5, "v", "", low=0.0, high=1.0, search=())
    retain_share: float = param(0.5, "v", "", low=0.0, high=1.0)


def test_the_rule_for_what_a_record_does_not_say() -> None:
    record = Method("m", "M", "", "", _Params, lambda: None, retain_data="part")  # type: ignore[arg-type, return-value]
    found = {axis.name: axis for axis in axes_of(record)}
    assert list(found) == ["wide", "share", "narrow", "kind", "told"]
    assert (found["wide"].low, found["wide"].high) == pytest.approx((0.01 / 30, 0.3)) and found["wide"].log
    assert (found["share"].low, found["share"].high, found["share"].log) == (0.0, 1.0, False)
    assert found["narrow"].whole and (found["narrow"].low, found["narrow"].high) == (1, 9)
    assert found["kind"].choices == ("a", "b")
    assert (found["told"].low, found["told"].high, found["told"].log) == (1.0, 20.0, True)
