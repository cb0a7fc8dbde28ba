"""The verb that writes runs as static pages: what it prints, what it refuses, and what pages ask of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cu_core.base.home import Home
from cu_core.catalogue.lessons.lesson_reader import lesson_files
from cu_core.cli import build_parser, main
from cu_core.jobs.takeout import Takeout
from tests.madeup import MadeUp, write_run

SMALL = MadeUp(rounds=1, audited=0, counts=(10, 20, 10))


@pytest.fixture
def run_id(home: Home) -> str:
    return write_run(home, "one", SMALL).name


def test_a_site_is_written_and_replaced_only_when_told(
    home: Home, run_id: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "site"
    assert main(["export-site", run_id, str(target)]) == 0
    assert "1 run\n" in capsys.readouterr().out and (target / "index.html").is_file()
    assert main(["export-site", run_id, str(target)]) == 2
    assert "exists already; --force replaces it" in capsys.readouterr().err
    assert main(["export-site", "--no-images", "--force", "--json", run_id, str(target)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["runs"] == ["one"] and set(told["files"]) == {"index.html", "about.html"}
    assert 'id="sprite"' not in (target / "index.html").read_text()


def test_what_is_no_site_is_refused_whatever_is_said(
    home: Home, run_id: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    assert main(["export-site", run_id, str(tmp_path), "--force"]) == 2
    assert "no site of this program" in capsys.readouterr().err
    assert main(["export-site", run_id, str(tmp_path / "no" / "where")]) == 2
    assert main(["export-site", "nothing", str(tmp_path / "site")]) == 2
    assert main(["export-site", str(tmp_path / "site")]) == 2
    assert "name runs" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "mine.txt"]


def test_a_group_becomes_one_site(home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, seed in (("one", 0), ("two", 1)):
        write_run(home, name, MadeUp(rounds=1, audited=0, counts=(10, 20, 10), seed=seed, spec={"group": "pair"}))
    assert main(["export-site", "--group", "pair", str(tmp_path / "site"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"] == ["one", "two"]
    assert "<h1>pair</h1>" in (tmp_path / "site" / "index.html").read_text()


def test_a_lesson_is_named_or_given_as_a_file(home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(home, "one", SMALL)
    shipped = next(iter(lesson_files(home)))
    assert main(["export-site", "--lesson", shipped, "one", str(tmp_path / "site"), "--json"]) == 0
    assert "lesson.html" in json.loads(capsys.readouterr().out)["files"]
    copy = tmp_path / "own.yaml"
    copy.write_bytes(lesson_files(home)[shipped].read_bytes())
    assert main(["export-site", "--lesson", str(copy), "one", str(tmp_path / "other")]) == 0
    capsys.readouterr()
    assert main(["export-site", "--lesson", "none-such", "one", str(tmp_path / "third")]) == 2
    assert shipped in capsys.readouterr().err and not (tmp_path / "third").exists()


def test_pages_ask_for_it_in_words_that_it_understands(tmp_path: Path) -> None:
    for what in (Takeout("export-site"), Takeout("weights", "before"), Takeout("hub")):
        options = build_parser().parse_args(what.words("one", tmp_path / "file"))
        assert options.force and str(tmp_path / "file") in vars(options).values()
    assert Takeout("export-site").file_name("one") == "one-export-site.zip"
