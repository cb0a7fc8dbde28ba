"""The verbs that take things out and in: files that are there are kept unless one is told otherwise."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import pytest

from cu_core.base.home import Home
from cu_core.cli import main
from tests.madeup import MadeUp, write_run


class Terminal(io.StringIO):
    """Somebody who answers."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def run_id(home: Home) -> str:
    return write_run(home, made=MadeUp(rounds=1, audited=0, counts=(10, 20, 10))).name


def answer(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(text))
    monkeypatch.setattr("cu_core.cli.overwrite.sys.stderr", Terminal())


@pytest.mark.parametrize("verb", ["export", "samples", "projector"])
def test_what_is_there_is_kept(
    home: Home, run_id: str, tmp_path: Path, verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "out.file"
    assert main([verb, run_id, str(target)]) == 0
    assert main([verb, run_id, str(target)]) == 2
    assert "exists already; --force replaces it" in capsys.readouterr().err
    assert main([verb, run_id, "--force", str(target)]) == 0
    assert main([verb, run_id, str(tmp_path / "no" / "where")]) == 2
    assert "does not exist" in capsys.readouterr().err
    assert main([verb, "nothing", str(tmp_path / "other")]) == 2 and not (tmp_path / "other").exists()


def test_who_sits_at_a_terminal_is_asked(
    home: Home, run_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "run.zip"
    file.write_text("mine")
    answer(monkeypatch, "\n")
    assert main(["export", run_id, str(file)]) == 1 and file.read_text() == "mine"
    answer(monkeypatch, "yes\n")
    assert main(["export", run_id, str(file)]) == 0 and file.stat().st_size > 1000


def test_weights_refuse_before_they_overwrite(
    home: Home, run_id: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "w.safetensors"
    file.write_text("mine")
    assert main(["weights", run_id, str(file)]) == 2 and file.read_text() == "mine"
    assert main(["weights", run_id, "--force", str(file)]) == 2 and file.read_text() == "mine"
    assert "no final weights" in capsys.readouterr().err


def test_a_run_goes_out_and_in(home: Home, run_id: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", run_id, str(tmp_path / "run.zip")]) == 0
    capsys.readouterr()
    assert main(["import", str(tmp_path / "run.zip"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["source_id"] == run_id and told["run_id"] != run_id and told["state"] == "succeeded"
    assert main(["import", str(tmp_path / "none.zip")]) == 2
    shutil.copytree(home.runs / run_id, home.runs / "copied")
    capsys.readouterr()
    assert main(["status"]) == 0
    out = capsys.readouterr().out
    assert f"copy of {run_id}" in out and "imported" in out
