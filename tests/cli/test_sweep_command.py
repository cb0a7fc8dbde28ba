"""The command `sweep`: what it asks for, queues, does here, and does not do twice."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cu_core.analysis.sweeps.named import SWEEPS
from cu_core.analysis.sweeps.sweep import expand
from cu_core.base.home import Home
from cu_core.cli import main
from cu_core.runstore.reader import list_runs, open_run

SMALL = ("--dataset", "digits", "--methods", "contrastive,retrain", "--forget", "class:5;random:30", "--seeds", "0-1")


def asked(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["sweep", *words, "--json"]) == code
    content: dict[str, Any] = json.loads(capsys.readouterr().out)
    return content


def test_without_a_wish_to_run_it_only_tells(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    told = asked(capsys, *SMALL)
    assert len(told["runs"]) == 8 and told["states"] == {"missing": 8} and not list_runs(home)
    assert main(["sweep", "all-methods-digits", "--forget", "mislabelled"]) == 0
    assert "left out: contrastive, mislabelled: mislabelled samples exist only" in capsys.readouterr().out


def test_it_queues_what_is_missing_once_and_goes_on_by_its_group(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    told = asked(capsys, *SMALL, "--group", "mine", "--submit")
    assert len(told["queued"]) == 8 and {row.group for row in list_runs(home)} == {"mine"}
    assert asked(capsys, *SMALL, "--submit")["queued"] == []
    # The name alone brings the stored sweep back.
    assert main(["delete", told["queued"][0]]) == 0
    again = asked(capsys, "--group", "mine", "--submit")
    assert len(again["queued"]) == 1 and again["group"] == "mine" and again["states"] == {"queued": 8}


def test_ready_made_sweeps_keep_their_recipe_and_change_their_name_with_their_content(
    home: Home, capsys: pytest.CaptureFixture[str], tmp_path
) -> None:
    folder = tmp_path / "cifar10"
    folder.mkdir()
    plain = asked(capsys, "all-methods-cifar10")
    assert plain["group"] == "all-methods-cifar10"
    assert len(plain["runs"]) == len(expand(SWEEPS["all-methods-cifar10"].sweep).runs)
    words = ("all-methods-cifar10", "--dataset", f"folder:{folder}", "--methods", "contrastive", "--seeds", "4")
    told = asked(capsys, *words, "--reference", "0", "--submit")
    assert told["group"].startswith("all-methods-cifar10 ") and len(told["queued"]) == 2
    specs = [open_run(home, run_id).spec for run_id in told["queued"]]
    assert {(s.data.dataset, s.data.train_limit, s.seed, s.reference) for s in specs} == {
        (f"folder:{folder}", 10_000, 4, 0)
    }
    assert {s.train for s in specs} == {SWEEPS["all-methods-cifar10"].sweep.base.train}


def test_it_varies_hyper_parameters_of_one_method(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    told = asked(capsys, *SMALL, "--vary", "contrastive.temperature=0.3,0.7")
    params = [run["params"] for run in told["runs"] if run["method"] == "contrastive"]
    assert sorted({p["temperature"] for p in params}) == [0.3, 0.7] and len(told["runs"]) == 12
    one = asked(capsys, "--dataset", "digits", "--methods", "contrastive", "--vary", "temperature=0.3,0.7")
    assert len(one["runs"]) == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nonsense",), "all-methods-digits"),
        (("--methods", "nonsense"), "contrastive"),
        (("--seeds", "one"), "whole number"),
        (("--vary", "contrastive.temperature"), "METHOD.NAME=V1,V2"),
        (("--methods", "retrain", "--vary", "contrastive.temperature=1"), "not among the methods"),
        (("--set", "temperature=0.3"), "--vary METHOD.temperature=VALUE"),
        (("--group", "nobody"), "no sweep named 'nobody'"),
        (("all-methods-digits", "--preset", "digit-5"), "leave out --preset"),
    ],
)
def test_bad_input_is_told_in_words(
    home: Home, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    assert main(["sweep", *words]) == 2
    assert said in capsys.readouterr().err


def test_it_runs_here_and_does_not_do_anything_twice(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    settings = ("train.epochs=1", "stop.max_rounds=1", "audit.attacks=none", "probe.size=60", "data.train_limit=200")
    words = ["--dataset", "digits", "--methods", "contrastive", "--forget", "class:5", "--seeds", "0-1", "--run"]
    for setting in (*settings, "probe.tsne=false"):
        words += ["--set", setting]
    told = asked(capsys, *words)
    assert told["states"] == {"succeeded": 2} and len(list_runs(home)) == 2
    assert all(0 <= run["metrics"]["forget_acc"] <= 1 for run in told["runs"])
    asked(capsys, *words)
    assert len(list_runs(home)) == 2
    # One that cannot run leaves none behind.
    words[words.index("class:5")] = "class:4;class:99"
    assert main(["sweep", *words]) == 2 and "99" in capsys.readouterr().err
    assert len(list_runs(home)) == 2
    # A run that fails is told by the exit code, and the rest is done all the same.
    words[words.index("class:4;class:99")] = "class:5"
    wild = ("train.lr=10", "train.momentum=0.99", "train.weight_decay=1", "model.head=plain", "train.epochs=9")
    told = asked(capsys, *words, *(word for setting in wild for word in ("--set", setting)), code=1)
    assert told["states"] == {"failed": 2}
