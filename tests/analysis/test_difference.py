"""Differences of two specifications in words, and the full record."""

from __future__ import annotations

import shlex
from dataclasses import replace

import pytest

from cu_core.analysis.compare.difference import differences, flat
from cu_core.analysis.compare.provenance import command_of, full_record
from cu_core.base.home import Home
from cu_core.catalogue.presets import PRESETS
from cu_core.catalogue.spec import RunSpec
from cu_core.cli import build_parser
from cu_core.cli.arguments import read_spec
from cu_core.runstore.reader import open_run
from tests.analysis.runs_in_memory import BASE, spec_of
from tests.madeup import MadeUp, write_run


def said(first: RunSpec, second: RunSpec) -> list[str]:
    return [str(d) for d in differences(first.to_json(), second.to_json())]


def test_a_setting_of_the_method_is_said_by_its_label() -> None:
    a, b = spec_of(params={"lr": 0.001}), spec_of(params={"lr": 0.003})
    assert said(a, b) == ["Learning rate: 0.001 → 0.003"]
    assert said(b, a) == ["Learning rate: 0.003 → 0.001"]


def test_names_do_not_count_and_the_same_is_no_difference() -> None:
    assert said(spec_of(name="a", group="x"), spec_of(name="b")) == []


def test_a_label_that_two_parts_share_names_its_part() -> None:
    found = said(spec_of(), replace(spec_of(), train=replace(BASE.train, lr=0.05)))
    assert found == ["Learning rate (training): 0.1 → 0.05"]


def test_units_special_values_and_truth_in_words() -> None:
    other = replace(spec_of(seed=3), train=replace(BASE.train, epochs=3), data=replace(BASE.data, train_limit=50))
    found = said(spec_of(), other)
    assert "Epochs: 10 epochs → 3 epochs" in found
    assert "Training images: 0 (all) → 50 images" in found
    assert "Seed: 0 → 3" in found
    assert found[0].startswith("Seed")


def test_another_method_names_both_and_the_settings_of_each() -> None:
    found = differences(spec_of("contrastive").to_json(), spec_of("retrain").to_json())
    assert str(found[0]) == "Method: Contrastive unlearning → Retrain"
    alone = [d for d in found if d.second is None]
    assert any(str(d).startswith("Temperature τ: ") and str(d).endswith("(the first alone)") for d in alone)


def test_every_field_has_a_path_of_its_own() -> None:
    spec = PRESETS["digit-5"].spec
    paths = flat(spec.to_json())
    assert {"seed", "train.lr", "method.id", "method.lr", "forget.select"} <= set(paths)


@pytest.mark.parametrize("preset", ["digit-5", "mislabelled-digits"])
def test_the_command_runs_the_same_again(preset: str, home: Home) -> None:
    spec = replace(PRESETS[preset].spec, seed=7, device="cpu", stop=replace(BASE.stop, max_rounds=4))
    words = command_of(spec).removeprefix("unlearnscope ")
    options = build_parser().parse_args(shlex.split(words))
    assert read_spec(options, home) == spec


def test_the_full_record_holds_seeds_hashes_versions_hardware_and_commands(home: Home) -> None:
    write_run(home, "one", MadeUp(references=(0, 1), seed=3))
    record = full_record(open_run(home, "one"))
    assert list(record.columns) == ["part", "name", "value"]
    by_name = {(row.part, row.name): row.value for row in record.itertuples()}
    view = open_run(home, "one")
    result = view.result()
    assert by_name["Seeds", "Run"] == "3" and by_name["Seeds", "References"] == "0, 1"
    assert by_name["Hashes", "Final weights (sha256)"] == result["weights_sha256"]
    assert by_name["Hashes", "Specification"] == view.spec.content_hash()
    assert by_name["Versions", "unlearnscope"] == "0" and by_name["Hardware", "device"] == "cpu"
    assert by_name["Commands", "Check its files"] == "unlearnscope verify one"
    assert by_name["Images", "Dataset"] == "digits"
    assert not record.isna().any().any()
