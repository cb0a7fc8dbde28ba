"""The command `tune`: what it says, queues, does here, goes on with, and what comes of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cu_core.base.home import Home
from cu_core.catalogue.named_recipes import recipes_of
from cu_core.cli import main
from cu_core.runstore.reader import list_runs, open_run

QUICK = ("train.epochs=1", "stop.max_rounds=1", "data.train_limit=300")
SETTING = [*("--dataset", "digits", "--forget", "class:5"), *(w for s in QUICK for w in ("--set", s))]
NAME = "finetune-digits-300-tiny-cnn-class"


def asked(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["tune", *words, "--json"]) == code
    content: dict[str, Any] = json.loads(capsys.readouterr().out)
    return content


def test_it_tells_what_it_would_do_and_on_what(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tune", "all", *SETTING, "--trials", "2", "--show"]) == 0
    told = capsys.readouterr().out
    assert "tuned on class:6, seed 10" in told and "kept for results: class:5, seed 0" in told
    assert "images drawn with seed 10" in told and "left out: retrain: it has nothing to tune" in told
    assert not list_runs(home) and not (home.root / "tunings").exists()


def test_it_queues_each_trial_once(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        told = asked(capsys, "ssd", "scrub", *SETTING, "--trials", "3", "--name", "mine", "--submit")
        assert [t["name"] for t in told["tunings"]] == ["mine-ssd", "mine-scrub"]
        assert {len(t["trials"]) for t in told["tunings"]} == {3}
        assert len(list_runs(home)) == 6 and {row.seed for row in list_runs(home)} == {10}
    assert main(["tune", "ssd", *SETTING, "--trials", "4", "--name", "mine", "--submit"]) == 0
    assert len(list_runs(home)) == 7, "a larger budget adds to what is there"


def test_trials_are_made_here_and_go_on_where_they_were(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["finetune", *SETTING, "--reference", "2"]
    assert asked(capsys, *words, "--trials", "1")["tunings"][0]["recipe"]["budget"]["made"] == 1
    first = {row.run_id for row in list_runs(home)}
    told = asked(capsys, *words, "--trials", "2")["tunings"][0]
    assert len(list_runs(home)) == 2 and first < {row.run_id for row in list_runs(home)}
    assert all(0 <= trial["distance"] <= 1 for trial in told["trials"])
    kept = json.loads((home.root / "recipes" / f"{NAME}.json").read_text())
    assert kept == {"schema": 1} | told["recipe"]
    # All is there: the same command makes nothing, and finds the same.
    again = asked(capsys, *words, "--trials", "2")["tunings"][0]
    assert len(list_runs(home)) == 2 and again["trials"] == told["trials"]
    assert again["recipe"]["values"] == told["recipe"]["values"]
    view = open_run(home, next(iter(first)))
    assert view.spec.seed == 10 and view.spec.forget.select == "class:6" and view.spec.data.split_seed == 10
    assert main(["list", "recipes"]) == 0 and NAME in capsys.readouterr().out
    assert main(["list", "recipes", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["values"] == told["recipe"]["values"]
    # The recipe is taken by name, with what is set by hand on top, and refused where it was tuned.
    use = ["submit", "--method-recipe", NAME, "--dataset", "digits", "--set", "data.train_limit=300"]
    assert main([*use, "--forget", "class:5", "--set", "momentum=0.5"]) == 0
    spec = open_run(home, capsys.readouterr().out.split()[0]).spec
    assert spec.method.id == "finetune" and spec.method.params.momentum == 0.5
    assert spec.method.params.lr == recipes_of(home)[NAME].values["lr"]
    assert main([*use, "--forget", "class:6", "--seed", "10", "--set", "data.split_seed=10"]) == 2
    assert "best of its trials" in capsys.readouterr().err
    assert main([*use, "--forget", "class:5", "--seed", "10"]) == 0
    assert "was tuned with this seed" in capsys.readouterr().err
    sweep = ["sweep", "--method-recipe", NAME, *use[3:], "--json"]
    assert main([*sweep, "--forget", "class:5", "--seeds", "0-1"]) == 0
    runs = json.loads(capsys.readouterr().out)["runs"]
    assert {(r["method"], r["seed"], r["params"]["lr"]) for r in runs} == {
        ("finetune", seed, told["recipe"]["values"]["lr"]) for seed in (0, 1)
    }
    tuned_on = ["--forget", "class:6", "--seeds", "0,10", "--set", "data.split_seed=10"]
    assert main([*sweep, *tuned_on]) == 2 and "best of its trials" in capsys.readouterr().err
    assert main([*use, "--method", "ssd", "--forget", "class:5"]) == 2
    assert "is a recipe of finetune" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nonsense",), "contrastive"),
        (("ssd", "--seed", "0"), "seed of what is reported"),
        (("ssd", "--seed", "one"), "whole number"),
        (("ssd", "--trials", "0"), "whole number of 1 or more"),
        (("ssd", "--trials", "501"), "1 to 500"),
        (("ssd", "--minutes", "never"), "number of minutes"),
        (("ssd", "--on", "class:0"), "is the forget set that is reported"),
        (("ssd", "--on", "random:5"), "is sample forgetting"),
        (("ssd", "--method", "scrub"), "without an option"),
        (("unsir", "--forget", "random:50"), "sample forgetting"),
        (("ssd", "--forget", "duplicates:3"), "say which samples"),
    ],
)
def test_bad_input_is_told_in_words(
    home: Home, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    assert main(["tune", *words]) == 2
    assert said in capsys.readouterr().err
    assert not list_runs(home)
