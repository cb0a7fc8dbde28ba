"""The pages of a site that belong to no single run: the way in, and what the words mean."""

from __future__ import annotations

from collections.abc import Sequence

from cu_core.analysis.site.formula_text import formula_html
from cu_core.analysis.site.glossary_drawing import drawing_html
from cu_core.analysis.site.html_frame import frame, said, shown
from cu_core.analysis.site.run_page import SitePage
from cu_core.base.version import __version__
from cu_core.catalogue.glossary import FAMILIES
from cu_core.catalogue.glossary.term import Term, TermFamily
from cu_core.catalogue.lessons.lesson_record import Lesson
from cu_core.figures.glossary_sketches import SKETCHES

INDEX, ABOUT = "index.html", "about.html"
WHAT = (
    "Machine unlearning takes a trained model and makes it forget some of what it was trained on, without training it "
    "anew. The goal is the model that would be there had it never seen these samples: the retrained one, which stands "
    "beside every number here as the reference. Being wrong about the forgotten samples is not the goal: a retrained "
    "model recognises many images that it has never seen, and one that is wrong too often stands out as well."
)


def links_to(names: Sequence[tuple[str, str]]) -> str:
    """Links to pages of the site: file and title of each."""
    links = "".join(f'<a href="{shown(file)}">{shown(title)}</a>' for file, title in names)
    return f'<nav aria-label="Pages">{links}</nav>'


def index_page(pages: Sequence[SitePage], title: str, lesson: Lesson | None = None, file: str = "") -> str:
    """The way to the pages of several runs, each with its verdict, and to the lesson where there is one.

    Args:
        pages: of the runs.
        title: of the page.
        lesson: that the site holds.
        file: its page.
    """
    items = "".join(
        f'<li><a href="{shown(file_of(page))}">{shown(page.title)}</a><p>{said(page.about)}</p>{page.state}</li>'
        for page in pages
    )
    taught = ""
    if lesson is not None:
        words = f"<p>{said(lesson.summary)}</p>"
        taught = f'<ul class="runs"><li><a href="{shown(file)}">{shown(lesson.title)}</a>{words}</li></ul><h2>Runs</h2>'
    body = (
        f"<header><h1>{shown(title)}</h1><p>{WHAT}</p>{links_to([(ABOUT, 'What the words mean')])}</header>"
        f'<main>{taught}<ul class="runs">{items}</ul></main>{_footer()}'
    )
    return frame(title, body)


def about_page() -> str:
    """What unlearning is, and the glossary: what the words on the other pages mean, and what they do not."""
    contents = "".join(f'<a href="#{family.id}">{shown(family.title)}</a>' for family in FAMILIES)
    body = (
        f"<header>{links_to([(INDEX, 'Back')])}<h1>What unlearning is</h1><p>{WHAT}</p>"
        f'<nav aria-label="Parts of this page">{contents}</nav></header>'
        f"<main>{''.join(map(_family, FAMILIES))}</main>{_footer()}"
    )
    return frame("What the words mean · Unlearnscope", body)


def _family(family: TermFamily) -> str:
    return f'<h2 id="{shown(family.id)}">{shown(family.title)}</h2><dl>{"".join(map(_entry, family.terms))}</dl>'


def _entry(term: Term) -> str:
    formula = f'<dd class="formula"><span role="math">{formula_html(term.formula)}</span></dd>' if term.formula else ""
    return (
        f'<dt id="term-{shown(term.id)}">{shown(term.title)}</dt><dd>{said(term.sentence)}</dd>{formula}'
        f'<dd class="note">Not to be mistaken: {said(term.means_not)}</dd>{_drawing(term)}'
    )


def _drawing(term: Term) -> str:
    """The term's drawing; where an earlier entry has the same, the way there."""
    if not term.picture:
        return ""
    first = next(other for family in FAMILIES for other in family.terms if other.picture == term.picture)
    if first is term:
        return f"<dd>{drawing_html(SKETCHES[term.picture])}</dd>"
    return f'<dd class="note">Drawing: see <a href="#term-{shown(first.id)}">{shown(first.title)}</a></dd>'


def file_of(page: SitePage) -> str:
    """Name of a run's page where a site has several."""
    return f"{page.run_id}.html"


def _footer() -> str:
    return f"<footer>Made by Unlearnscope {__version__}. These pages load nothing from anywhere.</footer>"
