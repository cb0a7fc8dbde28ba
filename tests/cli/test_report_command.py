"""The verb `report`: one file, whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cu_core.base.home import Home
from cu_core.cli import main
from tests.madeup import MadeUp, write_run


def test_a_group_becomes_a_file(home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for seed in (0, 1):
        write_run(home, f"run-{seed}", MadeUp(seed=seed, audited=0, spec={"group": "mine"}))
    file = tmp_path / "out.html"
    assert main(["report", "--group", "mine", "--out", str(file), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    text = file.read_text(encoding="utf-8")
    assert told == {"file": str(file), "bytes": file.stat().st_size, "runs": ["run-0", "run-1"]}
    assert text.startswith("<!doctype html>") and "<title>mine</title>" in text
    assert main(["report", "run-0", "--title", "One", "--each", "--out", str(file)]) == 0
    assert "<title>One</title>" in file.read_text(encoding="utf-8")
    assert [path.name for path in tmp_path.glob("*out.html*")] == ["out.html"], "nothing is left beside it"


@pytest.mark.parametrize(
    ("words", "said"),
    [((), "--group"), (("--group", "nobody"), "no run belongs"), (("run-0", "--out", "/no/where/x.html"), "--out")],
)
def test_bad_input_is_told(home: Home, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str) -> None:
    write_run(home, "run-0", MadeUp(audited=0))
    assert main(["report", *words]) == 2
    assert said in capsys.readouterr().err


def test_a_run_that_does_not_exist_makes_no_file(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "out.html"
    assert main(["report", "nothing", "--out", str(file)]) == 2 and not file.exists()
    assert "nothing" in capsys.readouterr().err
