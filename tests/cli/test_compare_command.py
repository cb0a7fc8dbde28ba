"""The verb ``compare``: text, Markdown, JSON and CSV of the same table, and what is wrong in words."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from cu_core.base.home import Home
from cu_core.catalogue.spec import MethodSpec
from cu_core.cli import main
from tests.madeup import MadeUp, write_run


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Two methods, one with two seeds; only read."""
    home = Home(tmp_path_factory.mktemp("compared")).create()
    for seed in (0, 1):
        write_run(home, f"a-{seed}", MadeUp(references=(0, 1), seed=seed, spec={"group": "g"}))
    write_run(home, "b-0", MadeUp(references=(0, 1), spec={"group": "g", "method": MethodSpec("finetune")}))
    return home


@pytest.fixture
def group(made: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """The same as the home of commands."""
    monkeypatch.setenv("CU_HOME", str(made.root))
    return made


def test_markdown_has_one_line_per_method(group: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "--group", "g", "--markdown", "--columns", "forget_acc,time_share"]) == 0
    text = capsys.readouterr().out
    lines = text.split("\n\n")[0].splitlines()
    assert lines[0] == "|  | seeds | Forget accuracy (%) | Time of retraining (%) |"
    names = [line.split("|")[1].strip() for line in lines[2:]]
    assert [name.split(" (")[0] for name in names] == [
        "Contrastive unlearning", "Finetune", "Before unlearning", "Retrained",
    ]  # fmt: skip
    assert " ± " in lines[2] and " ± " not in lines[3] and "over-unlearned" in lines[2]
    assert "half widths" in text


def test_json_keeps_the_values_of_every_run(group: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "a-0", "a-1", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    line = content["rows"][0]
    cell = line["cells"]["forget_acc"]
    assert line["runs"] == ["a-0", "a-1"] and line["seeds"] == [0, 1] and cell["n"] == 2
    assert cell["mean"] == pytest.approx(sum(cell["values"]) / 2)
    assert content["attack"] == "loss" and content["rows"][-1]["kind"] == "reference"


def test_csv_has_numbers_alone(group: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "out.csv"
    assert main(["compare", "--group", "g", "--each", "--csv", str(file)]) == 0
    assert capsys.readouterr().out == ""
    table = pd.read_csv(file)
    assert list(table["kind"]) == ["runs"] * 3 + ["before", "reference"]
    # Latest first in lists, first submitted first here; the same moment keeps the order of ids.
    assert set(table["runs"][:3]) == {"a-0", "a-1", "b-0"}
    assert table["tow"].iloc[0] == 0.9 and table["tow low"].iloc[0] == 0.85
    assert table["time_share"].iloc[0] == pytest.approx(1 / 20.5)
    assert main(["compare", "a-0", "--csv", str(tmp_path / "no" / "out.csv")]) == 2


def test_plain_text_says_why_numbers_are_missing(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(home, "lonely", MadeUp(references=(), audited=0))
    assert main(["compare", "lonely"]) == 0
    out, _ = capsys.readouterr()
    assert "n/a: Tug of war, Time of retraining (%)" not in out
    assert "Tug of war, Time of retraining: no reference was retrained" in out
    assert "no membership attacks were made" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "name the runs"),
        (["--group", "none"], "no run belongs"),
        (["a-0", "--group", "none"], "no run belongs"),
        (["nosuch"], "nosuch does not exist"),
        (["a-0", "a-00"], "a-00 does not exist; did you mean a-0?"),
        (["a-0", "--columns", "nonsense"], "no column named"),
    ],
)
def test_bad_input_is_told(group: Home, capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
    assert main(["compare", *words]) == 2
    assert said in capsys.readouterr().err
