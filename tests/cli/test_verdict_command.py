"""``verdict``: made anew from what a finished run has left, stored with its checksum, said where it cannot be."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cu_core.base.home import Home
from cu_core.catalogue.question_record import QUESTIONS
from cu_core.cli import main
from cu_core.runstore import amend
from cu_core.runstore.reader import open_run
from cu_core.runstore.verify import verify

SETTINGS = ("train.epochs=3", "stop.max_rounds=2", "batch_size=64", "probe.size=200", "data.train_limit=300")
OTHERS = ("audit.attacks=none", "probe.tsne=false", "device=cpu")
FAST = [word for setting in (*SETTINGS, *OTHERS) for word in ("--set", setting)]
RUN = ["run", "--dataset", "digits", "--model", "tiny-cnn", "--forget", "class:5", *FAST, "--json"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, str]:
    """A home with a run with five references, and the run's id."""
    home = Home(tmp_path_factory.mktemp("verdict") / "home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CU_HOME", str(home.root))
        assert main([*RUN, "--reference", "5", "--name", "Five"]) == 0
    (folder,) = home.runs.iterdir()
    return home, folder.name


@pytest.fixture
def copy(made: tuple[Home, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Home, str]:
    """The same in a home that a test may spoil."""
    home = Home(tmp_path / "home")
    shutil.copytree(made[0].root, home.root)
    monkeypatch.setenv("CU_HOME", str(home.root))
    return home, made[1]


def asked(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any], str]:
    """Exit code, the verdict, and what was said on stderr."""
    capsys.readouterr()
    code = main(["verdict", *words, "--json"])
    found = capsys.readouterr()
    return code, json.loads(found.out) if found.out else {}, found.err


def test_it_is_the_verdict_that_the_run_has(copy: tuple[Home, str], capsys: pytest.CaptureFixture[str]) -> None:
    home, run = copy
    stored = open_run(home, run).result()
    assert stored is not None
    path = home.runs / run / "result.json"
    path.write_text(json.dumps({**stored, "verdict": None, "nearness": None}))
    (home.runs / run / "checksums.json").unlink()  # as of a run that an earlier version wrote
    code, found, said = asked(capsys, run)
    assert code == 0 and "note" not in said
    assert found["state"] == "differs" and [claim["id"] for claim in found["claims"]] == list(QUESTIONS)
    assert _alike(found, stored["verdict"]) and found["sentence"] == stored["verdict"]["sentence"]
    now = open_run(home, run).result()
    assert now is not None and now["verdict"] == found and now["nearness"] == stored["nearness"]
    assert {k: v for k, v in now.items() if k not in ("verdict", "nearness")} == {
        k: v for k, v in stored.items() if k not in ("verdict", "nearness")
    }
    assert verify(home, run) == [] and main(["verify", run]) == 0
    assert main(["show", run, "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["result"]["verdict"] == found
    assert main(["verdict", run]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"Differs: {found['sentence']}") and found["statistician"] in out
    assert all(claim["sentence"] in out for claim in found["claims"])


def _alike(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two verdicts say the same of every question, to rounding."""
    for mine, theirs in zip(one["claims"], other["claims"], strict=True):
        assert (mine["id"], mine["state"], mine["direction"]) == (theirs["id"], theirs["state"], theirs["direction"])
        assert mine["statistic"] == pytest.approx(theirs["statistic"], rel=1e-4, abs=1e-6)
    return True


def test_models_that_are_gone_are_trained_again(copy: tuple[Home, str], capsys: pytest.CaptureFixture[str]) -> None:
    home, run = copy
    stored = open_run(home, run).result()
    shutil.rmtree(home.models)
    code, found, said = asked(capsys, run)
    assert code == 0 and "Trained here: the reference with the seed 0" in said and "epoch 3 of 3" in said
    assert "before unlearning" not in said.split("note:")[1], "round 0 has kept that model"
    assert stored is not None and _alike(found, stored["verdict"])


def test_more_references_are_trained_for_it_alone(copy: tuple[Home, str], capsys: pytest.CaptureFixture[str]) -> None:
    home, run = copy
    code, found, said = asked(capsys, run, "--references", "6")
    assert code == 0 and found["references"] == 6 and "Trained here: the reference with the seed 5." in said
    view = open_run(home, run)
    result = view.result()
    assert result is not None and len(result["references"]) == 5 == len(view.references())
    assert result["verdict"]["references"] == 6 and verify(home, run) == []
    assert asked(capsys, run, "--references", "3")[1]["references"] == 5, "never fewer than the run has"


@pytest.mark.parametrize("words", ["-1", "101", "many", "1.5"])
def test_a_number_of_references_that_is_none(
    words: str, copy: tuple[Home, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verdict", copy[1], f"--references={words}"]) == 2
    assert "bad input: --references:" in capsys.readouterr().err


def test_what_is_missing_is_said(copy: tuple[Home, str], capsys: pytest.CaptureFixture[str]) -> None:
    home, run = copy
    assert main(["verdict", "nope"]) == 2 and "nope does not exist" in capsys.readouterr().err
    assert main(["submit", "--dataset", "digits", "--name", "Waits"]) == 0
    waiting = capsys.readouterr().out.strip()
    assert main(["verdict", waiting]) == 2 and f"{waiting} is queued" in capsys.readouterr().err
    weights = home.runs / run / "weights.pt"
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1
    weights.write_bytes(content)
    assert main(["verdict", run]) == 2 and "weights.pt has changed" in capsys.readouterr().err
    weights.unlink()
    assert main(["verdict", run]) == 2 and "weights.pt is gone" in capsys.readouterr().err


def test_a_home_that_can_only_be_read_gets_it_unstored(
    copy: tuple[Home, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home, run = copy
    before = (home.runs / run / "result.json").read_bytes()

    @contextmanager
    def refused(*_: object) -> Iterator[None]:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        yield

    monkeypatch.setattr(amend.layout, "run_lock", refused)
    code, found, said = asked(capsys, run)
    assert code == 0 and found["state"] == "differs" and "not stored" in said
    assert (home.runs / run / "result.json").read_bytes() == before


def test_a_result_that_was_tampered_with_is_not_written_over(
    copy: tuple[Home, str], capsys: pytest.CaptureFixture[str]
) -> None:
    home, run = copy
    path = home.runs / run / "result.json"
    path.write_text(path.read_text().replace('"stopped_by": "', '"stopped_by": "x'))
    assert main(["verdict", run]) == 2
    assert f"the result of {run} has changed" in capsys.readouterr().err


@pytest.mark.thorough
def test_models_from_elsewhere(copy: tuple[Home, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, run = copy
    for of in ("before", "after", *(f"reference:{seed}" for seed in range(5))):
        assert main(["weights", run, "--of", of, str(tmp_path / f"{of.replace(':', '-')}.safetensors")]) == 0
    files = ["--before", str(tmp_path / "before.safetensors"), "--after", str(tmp_path / "after.safetensors")]
    own = str(tmp_path / "reference-*.safetensors")
    audit = ["audit", "--dataset", "digits", "--model", "tiny-cnn", "--forget", "class:5", *files, "--reference", own]
    settings = [word for s in ("data.train_limit=300", "probe.size=200", *OTHERS[:2]) for word in ("--set", s)]
    capsys.readouterr()
    assert main([*audit, *settings, "--device", "cpu", "--json"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    code, found, said = asked(capsys, result["run_id"])
    assert code == 0 and _alike(found, result["verdict"]) and found["references"] == 5 and "Trained" not in said
    shutil.copy(tmp_path / "after.safetensors", tmp_path / "reference-3.safetensors")
    assert main(["verdict", result["run_id"]]) == 2
    assert "reference-3.safetensors has changed since the run read it" in capsys.readouterr().err
