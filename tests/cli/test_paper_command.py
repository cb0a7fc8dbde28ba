"""Presets of several runs and published tables on the command line."""

from __future__ import annotations

import json

import pytest

from cu_core.analysis.papers.tables_wang_chen import TABLES
from cu_core.base.home import Home
from cu_core.catalogue.presets import PRESETS
from cu_core.cli import commands, main
from cu_core.runstore.reader import list_runs, open_run


def submitted(home: Home, capsys: pytest.CaptureFixture[str], *words: str) -> list:
    assert main(["submit", *words, "--json"]) == 0
    ids = json.loads(capsys.readouterr().out)["run_ids"]
    return [open_run(home, run_id).spec for run_id in ids]


def test_a_preset_of_several_runs_is_queued_as_one_group(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    specs = submitted(home, capsys, "--preset", "paper-iv-digits")
    assert tuple(specs) == PRESETS["paper-iv-digits"].specs
    assert {row.group for row in list_runs(home)} == {"paper-iv-digits"}


def test_a_cancelled_run_ends_the_series(
    home: Home, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    states = iter([("succeeded", 0), ("failed", 1), ("cancelled", 1)])
    monkeypatch.setattr(commands, "_run", lambda *_: next(states))
    assert main(["run", "--preset", "paper-iv-digits"]) == 1
    left = len(PRESETS["paper-iv-digits"].specs) - 3
    assert left and f"{left} of {left + 3} runs were not begun" in capsys.readouterr().err


def test_settings_hold_for_every_run_and_leave_the_recipe(
    home: Home, capsys: pytest.CaptureFixture[str], tmp_path
) -> None:
    folder = tmp_path / "cifar10"
    folder.mkdir()
    words = ("--dataset", f"folder:{folder}", "--seed", "3", "--set", "train.lr=0.5")
    specs = submitted(home, capsys, "--preset", "paper-v-small", *words)
    wanted = PRESETS["paper-v-small"].specs
    assert len(specs) == len(wanted)
    for spec, preset in zip(specs, wanted, strict=True):
        assert (spec.seed, spec.train.lr, spec.data.dataset) == (3, 0.5, f"folder:{folder}")
        assert spec.train.epochs == preset.train.epochs and spec.method == preset.method


def test_runs_that_become_the_same_are_made_once(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(submitted(home, capsys, "--preset", "paper-ii-small", "--dataset", "cifar10")) == 1


def test_a_grid_multiplies_a_preset_of_several(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    specs = submitted(home, capsys, "--preset", "paper-v-digits", "--grid", "seed=0-2")
    assert len(specs) == 6 and {s.seed for s in specs} == {0, 1, 2} and {s.group for s in specs} == {"paper-v-digits"}


def test_the_same_token_never_makes_the_runs_twice(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--preset", "paper-v-digits", "--token", "once")
    submitted(home, capsys, *words)
    submitted(home, capsys, *words)
    assert len(list_runs(home)) == 2


def test_a_table_is_printed_with_the_command_that_fills_it(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["paper", "iii"]) == 0
    text = capsys.readouterr().out
    assert "Table III: MoCo, SimCLR and BYOL (reduced scale: 300 digits" in text
    assert "submit --preset paper-iii-digits" in text and "not run" in text
    assert main(["paper", "III", "--scale", "paper", "--json"]) == 0
    (content,) = json.loads(capsys.readouterr().out)
    assert content["scale"] == "paper" and [row["id"] for row in content["rows"]] == ["moco", "simclr", "byol"]
    assert content["rows"][0]["cells"]["acc_b"] == {"paper": 70, "mean": None, "sd": None, "seeds": 0}


def test_a_table_that_does_not_exist_is_bad_input(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["paper", "XX"]) == 2
    said = capsys.readouterr().err
    assert "table" in said and all(name in said for name in TABLES)
