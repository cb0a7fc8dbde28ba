"""The page of terms: the address opens an entry, the field finds it by any of its names, and rows lead there."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from cu_core.base.home import Home
from cu_core.catalogue.glossary import FAMILIES, TERMS
from cu_core.catalogue.glossary.term import Term
from pages._frame.page_records import pages
from pages._terms import term_link
from pages._terms.page_terms import terms_of
from pages._terms.term_link import term_help
from pages._terms.term_text import escaped, list_text, term_body
from tests.madeup import write_run
from tests.pages.page_helpers import open_page, texts


def test_all_entries_are_on_the_page(home: Home) -> None:
    app = open_page("terms.py")
    said = texts(app)
    assert [term.title for term in TERMS.values() if escaped(term.title) not in said] == []
    assert [h.value for h in app.header] == [family.title for family in FAMILIES]


@pytest.mark.parametrize("address", ["band", "noise band", "Half-Widths"], ids=["id", "alias", "written otherwise"])
def test_an_address_opens_an_entry_above_the_others(home: Home, address: str) -> None:
    app = open_page("terms.py", term=address)
    assert app.header[0].value == "Band"
    assert any("1+\\tfrac1K" in m.value for m in app.markdown)
    assert app.get("plotly_chart")[0].proto.alt.startswith("Made-up points")


def test_an_unknown_term_says_so_with_what_was_meant(home: Home) -> None:
    app = open_page("terms.py", term="bnad")
    assert app.info[0].value.startswith("There is no entry") and "did you mean Band?" in app.info[0].value
    assert app.header[0].value == FAMILIES[0].title


def test_what_is_chosen_is_in_the_address_and_another_address_wins(home: Home) -> None:
    app = open_page("terms.py", term="band")
    app.get_by_key("find_term").set_value("auc").run()
    assert app.header[0].value == "AUC" and app.query_params["term"] in ("auc", ["auc"])
    app.query_params["term"] = "omega"
    app.run()
    assert app.header[0].value == TERMS["omega"].title
    app.get_by_key("find_term").set_value(None).run()
    assert "term" not in app.query_params and app.header[0].value == FAMILIES[0].title


def test_a_row_has_a_button_for_each_term(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The script puts a page of its own there; afterwards it is what it was.
    monkeypatch.setattr(term_link, "PAGE_OF_TERMS", term_link.PAGE_OF_TERMS)
    script = tmp_path / "row.py"
    script.write_text(
        "import streamlit as st\nfrom pages._terms.term_link import terms_row\n"
        "def body():\n    terms_row('band', 'lambda-ul')\n"
        "st.navigation([st.Page(body), st.Page(lambda: None, url_path='terms')])\n"
        "import pages._terms.term_link as link\nlink.PAGE_OF_TERMS = st.Page(lambda: None, url_path='terms')\n"
        "body()\n"
    )
    app = AppTest.from_file(str(script), default_timeout=60).run()
    assert not app.exception, app.exception
    assert [p.proto.popover.label for p in app.get("popover")] == ["Band", "λ_UL and λ_CE"]
    assert [m.value for m in app.markdown] == [term_body(TERMS["band"]), term_body(TERMS["lambda-ul"])]


def test_texts_are_no_markup() -> None:
    assert escaped("λ_UL *x* $y$ [z]") == "λ\\_UL \\*x\\* \\$y\\$ \\[z\\]"
    assert "$$\n\\omega\n$$" in term_body(Term("a", "A", "S.", "N.", "W.", formula="\\omega"))
    assert "$$" not in term_body(Term("a", "A", "S.", "N.", "W."))
    assert list_text(FAMILIES[0].terms).count("Careful") == len(FAMILIES[0].terms)
    assert term_help("band").startswith(TERMS["band"].sentence)


def test_every_page_of_a_run_leads_to_its_terms_from_its_foot(home: Home) -> None:
    assert [page.id for page in pages().values() if page.needs != "nothing" and not terms_of(page.id)] == []
    assert terms_of("terms") == terms_of("no such page") == []
    write_run(home)
    app = open_page("signals.py", run="madeup-1")
    link = app.main.get("page_link")[-1].proto
    assert (link.label, link.query_string) == ("Terms of this page", "of=signals&run=madeup-1")


def test_links_from_a_term_keep_the_run_that_was_looked_at(home: Home) -> None:
    write_run(home)
    for address in ({"run": "madeup-1"}, {}):
        app = open_page("terms.py", term="verdict-state", **address)
        links = {(link.proto.page, link.proto.query_string) for link in app.main.get("page_link")}
        assert ("verdict", "run=madeup-1" if address else "") in links
        assert ("terms", "term=verdict" + ("&run=madeup-1" if address else "")) in links


def test_the_page_lists_the_terms_of_one_page_alone(home: Home) -> None:
    said = texts(open_page("terms.py", of="signals"))
    assert "terms of the page **Signal space**" in said
    assert "**Two-view cosine** –" in said and "**Band** –" not in said
    assert "**Band** –" in texts(open_page("terms.py", of="no such page"))
