"""The sweep: what it runs, that it goes on where it stopped, and which points it marks."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from benchmarks import penalty_sweep
from benchmarks.penalty_sweep import main, summary
from cu_core.base.home import Home
from cu_core.runstore.layout import run_ids

WORDS = [
    *("--dataset", "digits", "--model", "tiny-cnn", "--method", "gradient_penalty_members", "--forget", "random:40"),
    *("--set", "data.train_limit=200", "--set", "train.epochs=1", "--set", "stop.max_rounds=1"),
    *("--set", "stop.rule=none", "--set", "probe.size=60", "--set", "audit.attacks=none"),
]


def made_up(alpha: float, seed: int, lost: float, auc: float) -> penalty_sweep.Row:
    row = {"run": f"{alpha} {seed}", "seed": seed, "method": "gradient_penalty", "alpha": alpha, "rounds": 10}
    return row | {"lost.test_acc": lost, "loss.after.refitted.auc": auc, "loss.before.refitted.auc": 0.8}


def test_runs_what_is_missing_and_reads_the_rest(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "sweep.csv"
    executed = []
    whole = penalty_sweep.execute

    def counted(attempt: object) -> object:
        executed.append(attempt)
        if len(executed) == 2:
            raise RuntimeError("the power went out")
        return whole(attempt)

    monkeypatch.setattr(penalty_sweep, "execute", counted)
    words = [*WORDS, "--grid", "alpha=0.1,1", "--out", str(out)]
    assert main(words) == 1
    assert len(list(csv.DictReader(out.open()))) == 1
    assert "the power went out" in capsys.readouterr().err
    assert main(words) == 0
    assert len(executed) == 3 and len(run_ids(home.runs)) == 2
    assert len(list(home.models.glob("*.json"))) == 1, "all points share one base model"
    first, second = csv.DictReader(out.open())
    assert (first["alpha"], second["alpha"]) == ("0.1", "1.0") and first["objective"] == "supervised"
    for row in (first, second):
        lost = float(row["before.test_acc"]) - float(row["after.test_acc"])
        assert float(row["lost.test_acc"]) == pytest.approx(lost)
    header, *lines = capsys.readouterr().out.splitlines()
    assert header.split()[:3] == ["alpha", "runs", "lost"] and len(lines) == 2


def test_summary_takes_means_over_seeds_and_marks_what_is_not_beaten() -> None:
    rows = [
        made_up(0.1, 0, 0.10, 0.51),
        made_up(0.1, 1, 0.20, 0.53),
        made_up(0.5, 0, 0.20, 0.60),
        made_up(1.0, 0, 0.01, 0.70),
        made_up(2.0, 0, 0.01, 0.28),
    ]
    header, lines = summary(rows, "loss")
    table = {line[0]: dict(zip(header, line, strict=True)) for line in lines}
    assert list(table) == ["2", "0.1", "0.5", "1"], "in the order of the AUC"
    assert table["0.1"]["runs"] == "2" and table["0.1"]["lost"] == "0.15" and table["0.1"]["auc re-fitted"] == "0.52"
    # 0.5 loses more and hides less than 0.1; an AUC below one half gives as much away as one above.
    assert {alpha for alpha, line in table.items() if line[""] == "*"} == {"0.1", "1"}
    assert table["1"]["auc transferred"] == "–"


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ("alpha", "NAME=V1,V2"),
        ("alfa=1", "no such setting"),
        ("alpha=-1", "out of range"),
        ("beta=0;1", "penalty_goal"),
    ],
)
def test_a_grid_that_cannot_run_is_refused_in_words(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str], grid: str, message: str
) -> None:
    words = [*WORDS, "--set", "penalty_goal=0.1", "--grid", grid, "--out", str(tmp_path / "sweep.csv")]
    assert main(words) == 1
    assert message in capsys.readouterr().err
    assert run_ids(home.runs) == []
