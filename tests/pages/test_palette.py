"""The search that Ctrl-K opens: what it finds, where a choice leads, and what of the browser's word it believes."""

from __future__ import annotations

from typing import Any

import pytest

from cu_core.base.home import Home
from cu_core.catalogue.glossary import TERMS
from cu_core.runstore.reader import list_runs
from pages._frame.page_records import pages
from pages._palette.palette_entries import LATEST, MOST_RUNS, address_of, entries_of, palette_data
from tests.madeup import MadeUp, write_run
from tests.pages.page_helpers import open_page


def test_pages_runs_and_terms_are_found(home: Home) -> None:
    write_run(home, "first-1", MadeUp(spec={"name": "A *bold* name"}))
    found = entries_of(list_runs(home))
    assert {entry[1] for entry in found if entry[0] == "page"} == set(pages())
    assert {entry[1] for entry in found if entry[0] == "term"} == set(TERMS)
    (run,) = (entry for entry in found if entry[0] == "run")
    assert run[:3] == ("run", "first-1", "A *bold* name") and run[4]
    assert "contrastive" in run[3] and "succeeded" in run[3]


def test_of_many_runs_the_latest_are_sent_and_few_are_offered_at_once(home: Home) -> None:
    write_run(home, "one-1")
    (row,) = list_runs(home)
    found = [entry for entry in entries_of([row] * (MOST_RUNS + 7)) if entry[0] == "run"]
    assert len(found) == MOST_RUNS
    assert sum(entry[4] for entry in found) == LATEST


def test_the_stamp_changes_with_what_is_found(home: Home) -> None:
    before = palette_data(str(home.root))["stamp"]
    palette_data.clear()
    assert palette_data(str(home.root))["stamp"] == before
    write_run(home, "one-1")
    palette_data.clear()
    assert palette_data(str(home.root))["stamp"] != before


@pytest.mark.parametrize(
    ("chosen", "address"),
    [
        ({"kind": "page", "id": "compare"}, ("compare.py", {})),
        ({"kind": "term", "id": "band"}, ("terms.py", {"term": "band"})),
        ({"kind": "run", "id": "20260101-x"}, ("run.py", {"run": "20260101-x"})),
        ({"kind": "page", "id": "../../etc/passwd"}, None),
        ({"kind": "page", "id": "_shell"}, None),
        ({"kind": "term", "id": "no such term"}, None),
        ({"kind": "run", "id": "x" * 10_000}, None),
        ({"kind": "run", "id": ""}, None),
        ({"kind": "else", "id": "band"}, None),
        ({"kind": "run", "id": ["a"]}, None),
        ({"kind": "run"}, None),
        ("compare", None),
        (None, None),
    ],
)
def test_a_choice_leads_to_what_is_there(chosen: Any, address: Any) -> None:
    assert address_of(chosen) == address


def test_every_page_has_it_in_the_sidebar(home: Home) -> None:
    app = open_page("terms.py")
    assert "unlearnscope_palette" in [c.proto.component_name for c in app.sidebar.get("bidi_component")]
