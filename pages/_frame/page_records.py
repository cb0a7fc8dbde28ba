"""What a page is: the record at the top of its script, from which navigation, buttons, links and docs are made.

A script in ``pages/`` is a page unless its name begins with an underscore, and says ``PAGE = Page(...)`` in literals.
The records are read from the files' syntax trees: no page runs, and Streamlit is not loaded.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from types import MappingProxyType

from cu_core.base.errors import BadInput

FOLDER = Path(__file__).resolve().parent.parent
SECTIONS = ("Begin", "Experiments", "One run")
NEEDS = ("nothing", "a run", "rounds")


@dataclass(frozen=True)
class Page:
    """One page.

    Attributes:
        id: stem of its file, and its path in the address.
        title: in the navigation, above the page, and on every link to it.
        icon: of the navigation and of links.
        help: one sentence for the start page and for people who point at a link.
        purpose: what it is for, in the README's table of pages.
        section: of the navigation, one of `SECTIONS`.
        order: in its section, ascending.
        needs: what must be there before it shows anything: one of `NEEDS`. A page that needs rounds is offered by the
            page of the run.
    """

    id: str
    title: str
    icon: str
    help: str
    purpose: str
    section: str
    order: int
    needs: str = "nothing"

    def __post_init__(self) -> None:
        for name, allowed in (("section", SECTIONS), ("needs", NEEDS)):
            if getattr(self, name) not in allowed:
                raise BadInput(name, f"{getattr(self, name)!r} is not known", allowed)

    @property
    def file(self) -> str:
        """Name of its script, as ``st.page_link`` and ``st.switch_page`` take it."""
        return f"{self.id}.py"


def read_page(script: Path) -> Page:
    """The record of a script, which is not run.

    Raises:
        BadInput: it has none, or one that is not a literal of `Page` with the script's name as id.
    """
    for node in ast.parse(script.read_text(encoding="utf-8"), script.name).body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["PAGE"]:
            call = node.value
            break
    else:
        raise BadInput(script.name, "a page begins with its record", ("PAGE = Page(...)",))
    names = [field.name for field in fields(Page)]
    try:
        if not isinstance(call, ast.Call):
            raise ValueError("not a call")
        given = {keyword.arg or "**": ast.literal_eval(keyword.value) for keyword in call.keywords}
        page = Page(*map(ast.literal_eval, call.args), **given)
    except (ValueError, TypeError) as error:
        said = str(error).partition(": <")[0]
        raise BadInput(script.name, f"its record cannot be read as literals of Page: {said}", names) from error
    if page.id != script.stem:
        raise BadInput(script.name, f"its record has the id {page.id!r}", (script.stem,))
    return page


@cache
def pages() -> Mapping[str, Page]:
    """All pages by id, in the order of the navigation."""
    found = [read_page(script) for script in FOLDER.glob("[a-z]*.py")]
    found.sort(key=lambda page: (SECTIONS.index(page.section), page.order, page.id))
    return MappingProxyType({page.id: page for page in found})
