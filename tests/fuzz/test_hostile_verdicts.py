"""Verdicts in results that come from elsewhere: pages, lists, reports and records show them or leave them out."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from cu_core.analysis.erasure.erasure_record import record_of
from cu_core.analysis.erasure.sealed_record import sealed
from cu_core.analysis.verdict_reading import verdict_of, worst_first
from cu_core.base.home import Home
from cu_core.cli import main
from cu_core.runstore.reader import list_runs, open_run
from tests.fuzz.test_hostile_pages import HOSTILE, LIVE, markdown_of
from tests.madeup import MadeUp, write_run
from tests.madeup_claims import madeup_verdict
from tests.pages.page_helpers import open_page

EIGHT = tuple(range(8))
WORDS = ("sentence", "statistician", "direction", "title", "unit", "sides")
Change = Callable[[dict[str, Any]], Any]


def everywhere(name: str, value: Any) -> Change:
    """Puts a value under a name into the whole, every claim and every test."""

    def change(verdict: dict[str, Any]) -> None:
        tests = [test for claim in verdict["claims"] for test in claim["tests"]]
        for part in tests if name == "references" else (verdict, *verdict["claims"], *tests):
            if name in part:
                part[name] = copy.deepcopy(value)

    return change


NUMBERS = ("value", "base", "null_low", "null_high", "p", "detectable", "margin", "statistic", "n", "seconds", "level")


def extreme(value: float | None) -> Change:
    """Puts a number into the place of every number, and of every reference."""

    def change(verdict: dict[str, Any]) -> None:
        for name in NUMBERS:
            everywhere(name, value)(verdict)
        everywhere("references", [value, value, value])(verdict)

    return change


CHANGES: dict[str, Change] = {
    **{f"numbers {value}": extreme(value) for value in (None, 1e308, -1e308, 0.5, 5e-324)},
    "an upper end below the lower": everywhere("null_low", 9.0),
    "references in millions": lambda v: v.update(references=1e300),
    "fewer references than none": lambda v: v.update(references=-5),
    "words": lambda v: [everywhere(name, HOSTILE)(v) for name in WORDS],
    "long words": lambda v: [everywhere(name, "x" * 9000)(v) for name in (*WORDS, "id")],
    "names": everywhere("id", HOSTILE),
    "notes": everywhere("notes", [HOSTILE, "", "x" * 9000]),
    "an unknown state": everywhere("state", "certified"),
    "unknown states of claims": lambda v: [c.update(state="deleted") for c in v["claims"]],
    "nothing applies": everywhere("applies", False),
    "every test decides": everywhere("decisive", True),
    "every question twice": lambda v: v["claims"].extend(copy.deepcopy(v["claims"])),
    "many tests": lambda v: v["claims"][2].update(tests=v["claims"][2]["tests"] * 200),
    "no claims": lambda v: v.update(claims=[]),
    "claims of nothing": lambda v: v.update(claims=[{}, {"state": "differs"}, {"id": "", "state": "cannot-tell"}]),
    "tests of nothing": everywhere("tests", [{}, {"id": "a"}]),
    "state alone": lambda v: [v.pop(k) for k in list(v) if k != "state"],
}


PAGES = (
    ("verdict.py", {"run": "madeup-1"}),
    ("run.py", {"run": "madeup-1"}),
    ("runs.py", {}),
    ("compare.py", {"runs": "madeup-1"}),
)


def write(home: Home, change: str) -> None:
    verdict = madeup_verdict("differs")
    CHANGES[change](verdict)
    write_run(home, made=MadeUp(references=EIGHT, rounds=1, images=False, result={"verdict": verdict}))


@pytest.mark.parametrize("change", CHANGES)
def test_lists_records_and_the_command_line_read_it(
    home: Home, change: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write(home, change)
    assert len(list_runs(home)) == 1
    view = open_run(home, "madeup-1")
    verdict = verdict_of(view.result())
    if verdict is not None:
        worst_first(verdict["claims"])
    made = sealed(record_of(home, view))
    assert "<b>x</b>" not in made.html()
    json.loads(made.json())
    for words in (["show", "madeup-1"], ["show", "madeup-1", "--json"], ["compare", "madeup-1", "--json"]):
        assert main(words) == 0
        said = capsys.readouterr().out
        if "--json" in words:
            json.loads(said, parse_constant=lambda name: pytest.fail(name))


@pytest.mark.thorough
@pytest.mark.parametrize("change", CHANGES)
def test_pages_show_it(home: Home, change: str) -> None:
    write(home, change)
    for page, query in PAGES:
        app = open_page(page, **query)
        for text in markdown_of(app):
            assert not LIVE.search(text), (page, text)
