"""Grids: names, values, counts, limits."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cu_core.base.errors import BadInput
from cu_core.base.parameters import param
from cu_core.catalogue.grid import MOST_RUNS, count, expand, parse_axis
from cu_core.catalogue.method_record import METHODS, method
from cu_core.catalogue.spec import PARTS, RunSpec
from cu_core.methods.contrastive import METHOD

BASE = RunSpec(seed=3)


@dataclasses.dataclass(frozen=True)
class OtherParams:
    """Settings of a method that exists in this test only."""

    strength: float = param(0.5, "Strength", "Of it.", low=0.0, high=1.0)


@pytest.fixture
def second_method(monkeypatch):
    other = dataclasses.replace(METHOD, id="other", title="Other", params=OtherParams)
    monkeypatch.setattr(METHODS, "_records", dict(METHODS) | {"other": other})
    return other


@pytest.mark.parametrize(
    "text, values",
    [
        ("0.1, 0.3,0.7", ["0.1", "0.3", "0.7"]),
        ("0-4", ["0", "1", "2", "3", "4"]),
        ("7", ["7"]),
        ("0-2, 9", ["0", "1", "2", "9"]),
        ("1e-3,1e-2", ["1e-3", "1e-2"]),
        ("class:5,7", ["class:5,7"]),
        ("class:5,7, random:100", ["class:5,7", "random:100"]),
        ("class:5; class:6,7", ["class:5", "class:6,7"]),
        ("tiny-cnn, resnet8", ["tiny-cnn", "resnet8"]),
        ("a,,b,", ["a", "b"]),
        ("indices:a-1.csv", ["indices:a-1.csv"]),
    ],
)
def test_values_of_an_axis(text, values):
    assert parse_axis(text) == values


@pytest.mark.parametrize("text", ["", " , ", "5-1", "0-999999999", "0-9999999999,1"])
def test_axes_that_make_no_sense(text):
    with pytest.raises(BadInput):
        parse_axis(text)


def value_of(spec, name):
    part, _, field = name.rpartition(".")
    owner = spec.method.params if part == "method" else getattr(spec, part) if part else spec
    return getattr(owner, field)


@pytest.mark.parametrize(
    "name, full, text, value",
    [
        ("temperature", "method.temperature", "0.3", 0.3),
        ("method.temperature", "method.temperature", "0.3", 0.3),
        ("train.lr", "train.lr", "0.05", 0.05),
        ("epochs", "train.epochs", "4", 4),
        ("seed", "seed", "8", 8),
        ("train.seed", "train.seed", "8", 8),
        ("model.backbone", "model.backbone", "resnet8", "resnet8"),
        ("model", "model.backbone", "resnet8", "resnet8"),
        ("forget", "forget.select", "class:1,2", "class:1,2"),
        ("dataset", "data.dataset", "cifar10", "cifar10"),
        ("rounds", "stop.max_rounds", "5", 5),
        ("reference", "reference", "2", 2),
    ],
)
def test_any_setting_can_vary(name, full, text, value):
    (spec,) = expand(BASE, {name: [text]})
    assert value_of(spec, full) == value
    again = expand(BASE, {full: [text]})
    assert again[0].content_hash() == spec.content_hash()
    # Nothing else has changed.
    changed = [part for part in (*PARTS, "method", "seed") if getattr(spec, part) != getattr(BASE, part)]
    assert changed in ([full.split(".")[0]], []) or full == "reference"


def test_all_combinations_in_order():
    specs = expand(BASE, {"seed": ["0", "1"], "temperature": ["0.1", "0.5"]})
    assert [(s.seed, s.method.params.temperature) for s in specs] == [(0, 0.1), (0, 0.5), (1, 0.1), (1, 0.5)]
    assert len({s.group for s in specs}) == 1 and specs[0].group
    assert specs[0].group != expand(BASE, {"seed": ["0", "2"]})[0].group
    assert expand(dataclasses.replace(BASE, group="mine"), {"seed": ["0"]})[0].group == "mine"


def test_duplicates_are_made_once():
    axes = {"seed": ["0", "0", "00"], "temperature": ["0.1", "0.10", "1e-1"]}
    assert len(expand(BASE, axes)) == 1 == count(BASE, axes)


def test_a_setting_of_one_method_varies_for_that_method_alone(second_method):
    axes = {"method": ["contrastive", "other"], "temperature": ["0.1", "0.5"], "strength": ["0.2"], "seed": ["0", "1"]}
    specs = expand(BASE, axes)
    assert count(BASE, axes) == len(specs) == 6
    assert [s.method.id for s in specs].count("other") == 2
    assert {s.method.params.strength for s in specs if s.method.id == "other"} == {0.2}


def test_the_base_keeps_its_own_settings(second_method):
    base = dataclasses.replace(
        BASE, method=dataclasses.replace(BASE.method, params=method("contrastive").params(temperature=0.25))
    )
    specs = expand(base, {"method": ["contrastive", "other"]})
    assert [s.method.params for s in specs] == [base.method.params, OtherParams()]


BAD = {
    "nonsense": (["1"], "no such setting"),
    "train.nonsense": (["1"], "no such setting"),
    "nowhere.lr": (["1"], "no such setting"),
    "": (["1"], "no such setting"),
    "seed": (["one"], "not a number"),
    "temperature": (["-1"], "out of range"),
    "method": (["magic"], "no method named"),
    "train.optimizer": (["lion"], "not one of the choices"),
    "strength": (["0.1"], "other methods"),
    "label_noise": (["0.9"], "out of range"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_grids_name_the_setting(name, second_method):
    values, reason = BAD[name]
    for work in (count, expand):
        with pytest.raises(BadInput, match=reason):
            work(BASE, {name: values})


def test_a_setting_named_twice_is_refused():
    with pytest.raises(BadInput, match="twice"):
        expand(BASE, {"epochs": ["1"], "train.epochs": ["2"]})


def test_too_many_are_refused_before_they_are_made():
    seeds = [str(n) for n in range(1000)]
    axes = {"seed": seeds, "train.seed": seeds, "probe.seed": seeds}
    assert count(BASE, axes) == 10**9
    with pytest.raises(BadInput, match="1,000,000,000 runs") as caught:
        expand(BASE, axes)
    assert f"{MOST_RUNS:,}" in str(caught.value)
    with pytest.raises(BadInput, match="3 runs"):
        expand(BASE, {"seed": ["1", "2", "5"]}, limit=2)


@given(
    st.lists(st.integers(0, 50), min_size=1, max_size=5),
    st.lists(st.floats(0.05, 1.0), min_size=1, max_size=4),
    st.lists(st.sampled_from(["class:1", "random:5", "fraction:0.5"]), min_size=1, max_size=4),
)
def test_count_is_what_expand_makes(seeds, temperatures, forget):
    axes = {"seed": list(map(str, seeds)), "temperature": list(map(repr, temperatures)), "forget": forget}
    specs = expand(BASE, axes)
    assert len(specs) == count(BASE, axes) == len(set(seeds)) * len(set(temperatures)) * len(set(forget))
    assert len({spec.content_hash() for spec in specs}) == len(specs)


def test_no_axes_is_the_base_itself():
    assert [spec.content_hash() for spec in expand(BASE, {})] == [BASE.content_hash()]


def test_names_say_what_sets_runs_apart():
    axes = {"temperature": ["0.5", "0.9"], "seed": ["0", "1"], "train.epochs": ["3"]}
    named = expand(RunSpec(name="Mine"), axes)
    assert [spec.title for spec in named] == ["temperature 0.5 · Mine"] * 2 + ["temperature 0.9 · Mine"] * 2
    unnamed = expand(RunSpec(), {"forget": ["class:1", "class:2"]})
    assert [spec.name for spec in unnamed] == ["", ""]
