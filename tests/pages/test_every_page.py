"""Every page that there is, opened to its end: alone, and on a run with rounds and references."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from cu_core.base.home import Home
from cu_core.jobs import dispatcher
from cu_core.projections import service
from pages._frame import page_records
from pages._frame.page_records import FOLDER, Page, pages
from tests.madeup import MadeUp, write_run
from tests.pages.page_helpers import open_page, texts

PAGES = list(pages().values())


@pytest.fixture(autouse=True)
def no_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatcher, "ensure_dispatcher", lambda home: True)
    monkeypatch.setattr(service, "_start", lambda home: None)


def titles(app: AppTest) -> list[str]:
    return [str(title.value) for title in app.title]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.id)
def test_a_page_opens_where_there_is_no_run(home: Home, page: Page) -> None:
    assert titles(open_page(page.file)) == [page.title]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.id)
def test_a_page_opens_on_a_run(home: Home, page: Page) -> None:
    write_run(home, made=MadeUp())
    asked = {} if page.needs == "nothing" else {"run": "madeup-1"}
    app = open_page(page.file, **asked)
    assert titles(app) == [page.title]
    assert not app.error, texts(app)
    if asked:
        assert app.selectbox(key="picked_run").value == "madeup-1"


def test_the_page_of_a_run_offers_every_page_that_needs_rounds(home: Home) -> None:
    write_run(home, made=MadeUp())
    app = open_page("run.py", run="madeup-1")
    offered = [(link.proto.label, link.proto.page, link.proto.query_string) for link in app.get("page_link")]
    for page in PAGES:
        wanted = [(page.title, page.id, "run=madeup-1")] if page.needs != "nothing" else []
        assert [link for link in offered if link[:2] == (page.title, page.id)] == wanted


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The scripts of all pages in another folder, with the page that docs/extending.md shows among them."""
    folder = tmp_path / "scripts"
    folder.mkdir()
    for script in FOLDER.glob("*.py"):
        shutil.copy(script, folder)
    recipe = (FOLDER.parent / "docs" / "extending.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```py\n(.*?)```", recipe, re.DOTALL)
    (folder / "mine.py").write_text(code)
    monkeypatch.setattr(page_records, "FOLDER", folder)
    pages.cache_clear()
    yield folder
    pages.cache_clear()


def test_a_page_is_added_by_one_file(home: Home, mine: Path) -> None:
    write_run(home, made=MadeUp())
    for script, wanted in (("mine.py", "6 rounds of madeup-1"), ("run.py", "Mine")):
        app = AppTest.from_file(str(mine / "_shell.py"), default_timeout=200)
        app.query_params["run"] = "madeup-1"
        app.switch_page(script).run()
        assert not app.exception
        assert wanted in texts(app) or wanted in [link.proto.label for link in app.get("page_link")]
    assert titles(app) == ["Run"]
