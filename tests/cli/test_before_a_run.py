"""What a run would refuse is refused by `estimate` and `submit`; help and cautions are complete."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

from cu_core.base.home import Home
from cu_core.catalogue.spec_parts import DataSpec
from cu_core.cli import build_parser, main
from cu_core.data.prepared import prepare
from cu_core.metrics.membership import FEW, few_words
from tests.madeup import MadeUp, write_run

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("digits")).create()
    prepare(DataSpec(dataset="digits"), home)
    return home


@pytest.mark.parametrize("verb", ["estimate", "submit", "run"])
@pytest.mark.parametrize(
    ("words", "field"),
    [
        (["--set", "model.weights=/no/file.pt"], "model.weights"),
        (["--set", "train.epochs=0"], "train.epochs"),
        (["--method", "unsir", "--forget", "random:50"], "method"),
        (["--forget", "class:11"], "forget.select"),
        (["--forget", "class:nine"], "forget.select"),
        (["--forget", "random:99999"], "forget.select"),
        (["--forget", "duplicates:5000"], "forget.select"),
        (["--forget", "class:0,1,2,3,4,5,6,7,8"], "forget.select"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else "",
)
def test_what_a_run_refuses_is_refused_before(verb, words, field, digits, monkeypatch, capsys) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("CU_HOME", str(digits.root))
    assert main([verb, "--dataset", "digits", *words]) == 2
    assert f"bad input: {field}: " in capsys.readouterr().err
    assert not list(digits.runs.iterdir())


@pytest.mark.parametrize("words", ["compare nope", "report nope", "show nope", "map nope", "compare one nope"])
def test_unknown_runs_are_bad_input(words: str, home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(home, "one", MadeUp(audited=0))
    assert main(words.split()) == 2
    assert "bad input: run: nope does not exist" in capsys.readouterr().err


def test_a_mistyped_run_comes_with_the_one_that_was_meant(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(home, "20260101-digits-0a1b2c3d", MadeUp(audited=0))
    assert main(["show", "20260101-digit-0a1b2c3d"]) == 2
    assert "did you mean 20260101-digits-0a1b2c3d?" in capsys.readouterr().err


def commands() -> dict[str, argparse.ArgumentParser]:
    found = next(a for a in build_parser()._actions if isinstance(a, argparse._SubParsersAction))
    return {name: parser for name, parser in found.choices.items() if name != "worker"}


@pytest.mark.parametrize("command", sorted(commands()))
def test_every_argument_has_help_with_its_default(command: str) -> None:
    for action in commands()[command]._actions:
        assert action.help, f"{command} {action.dest}"
        if action.default not in (None, False, [], "", argparse.SUPPRESS):
            assert "default" in action.help, f"{command} {action.dest}"


def test_few_samples_carry_a_caution() -> None:
    assert few_words({"forget": FEW, "unseen": FEW}) == few_words({}) == ""
    assert "1 forget and 500 unseen" in few_words({"forget": 1, "unseen": 500})
    assert "80 forget and 7 unseen" in few_words({"forget": 80, "unseen": 500, "unseen_forgotten": 7})
    assert few_words({"forget": 80, "unseen": 500, "unseen_forgotten": 0}) == ""


def test_show_compare_and_report_say_the_caution(home: Home, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    counts = {"forget": 1, "retain": 9, "unseen": 90, "unseen_forgotten": 30, "probe": 100}
    write_run(home, "few", MadeUp(result={"counts": counts}))
    words = few_words(counts)
    for command in ("show few", "compare few", "compare few --markdown"):
        assert main(command.split()) == 0
        assert words in capsys.readouterr().out
    assert main(["report", "few", "--out", str(tmp_path / "r.html")]) == 0
    assert words in (tmp_path / "r.html").read_text()


def test_no_page_builds_a_link_from_the_root() -> None:
    built = re.compile(r"""f?["'(]/(?:[a-z_]+)\?""")
    pages = {path: built.findall(path.read_text(encoding="utf-8")) for path in (ROOT / "pages").rglob("*.py")}
    assert {path: found for path, found in pages.items() if found} == {}
    assert built.search('f"/run?run={x}"')
