"""What the search over pages, runs and terms finds, and where each leads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import streamlit as st

from cu_core.base.display_text import cut, one_line
from cu_core.catalogue.glossary import TERMS
from cu_core.catalogue.verdict_states import state_words
from cu_core.runstore.reader import list_runs
from cu_core.runstore.rows import RunRow
from pages._frame.page_records import pages
from pages._shared.server_home import home

MOST_RUNS = 500
LATEST = 4
"""Runs that are offered before anything is typed."""
_LONGEST = 120
_REFRESH_SECONDS = 5.0

Entry = tuple[str, str, str, str, bool]
"""Kind, id, title, what else is known of it, and whether it is offered before anything is typed."""


def entries_of(rows: Sequence[RunRow]) -> list[Entry]:
    """Pages that stand alone and the latest runs first, then the other pages, runs and terms.

    Args:
        rows: of all runs, latest first.
    """
    found: list[Entry] = []
    for page in pages().values():
        found.append(("page", page.id, page.title, page.help, page.needs == "nothing"))
    for place, row in enumerate(rows[:MOST_RUNS]):
        title = cut(one_line(row.title), _LONGEST) or row.run_id
        more = f"{row.run_id} · {row.method} · {row.state} {state_words(row.verdict)}".strip()
        found.append(("run", row.run_id, title, cut(one_line(more), 2 * _LONGEST), place < LATEST))
    for term in TERMS.values():
        found.append(("term", term.id, term.title, " · ".join([*term.aliases, term.sentence]), False))
    return found


@st.cache_data(ttl=_REFRESH_SECONDS, max_entries=4, show_spinner=False)
def palette_data(root: str) -> dict[str, Any]:
    """What the component gets: all entries, with a stamp that changes when they do.

    Args:
        root: of the home.
    """
    entries = entries_of(list_runs(home()))
    stamp = hashlib.sha256(json.dumps(entries).encode()).hexdigest()[:16]
    return {"entries": entries, "stamp": stamp}


def address_of(chosen: Any) -> tuple[str, dict[str, str]] | None:
    """The page and the query that a choice leads to; None for what names nothing that is there.

    Args:
        chosen: what the browser sent, of any shape.
    """
    if not isinstance(chosen, dict) or not isinstance(name := chosen.get("id"), str):
        return None
    kind = chosen.get("kind")
    if kind == "page" and name in pages():
        return pages()[name].file, {}
    if kind == "term" and name in TERMS:
        return pages()["terms"].file, {"term": name}
    # Whether there is such a run is said by the page, which has to know it anyway.
    if kind == "run" and 0 < len(name) <= _LONGEST:
        return pages()["run"].file, {"run": name}
    return None
