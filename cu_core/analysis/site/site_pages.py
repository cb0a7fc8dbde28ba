"""The pages of a site that belong to no single run: the way in, and what the words mean."""

from __future__ import annotations

from collections.abc import Sequence

from cu_core.analysis.site.html_frame import frame, said, shown
from cu_core.analysis.site.run_page import SitePage
from cu_core.base.version import __version__

INDEX, ABOUT = "index.html", "about.html"
WHAT = (
    "Machine unlearning takes a trained model and makes it forget some of what it was trained on, without training it "
    "anew. The goal is the model that would be there had it never seen these samples: the retrained one, which stands "
    "beside every number here as the reference. Being wrong about the forgotten samples is not the goal: a retrained "
    "model recognises many images that it has never seen, and one that is wrong too often stands out as well."
)
TERMS = (
    (
        "Forget, retain, unseen",
        "Training samples that are to be forgotten (✕), the other training samples (●), and samples that no model was "
        "trained on (◆).",
    ),
    ("Before (round 0)", "The trained model before unlearning begins."),
    ("Round", "One pass of the method over the samples to forget; after each, all recorded samples are looked at."),
    (
        "Reference",
        "A model of the same recipe, trained from scratch on the retain samples alone (■): what unlearning should "
        "arrive at.",
    ),
    (
        "Band",
        "Where one more retrained model would lie in 19 of 20 cases. Inside it a difference may be chance; of a true "
        "retraining one number in 20 lies outside.",
    ),
    (
        "Distance to the boundary",
        "How far a sample lies from where the model would change its mind; below 0 it already predicts another class.",
    ),
    (
        "Cosine to round 0",
        "How far a sample's embedding has turned since before unlearning: 1 is not at all. That it has turned does not "
        "say that it was forgotten.",
    ),
    (
        "Two-view cosine",
        "How alike two crops of one image are to the model; members of the training data tend to be more alike.",
    ),
    (
        "Membership attack",
        "Guesses from a model's answers which samples it was trained on. AUC 0.5 is guessing; that attacks fail does "
        "not prove that nothing is left.",
    ),
    (
        "Tug of war",
        "Compares accuracies with those of a retrained model: at 1 they are the same. It looks at nothing else.",
    ),
    (
        "Verdict",
        "Asks, question by question, whether the model can be told from retrained ones. “No difference found” is no "
        "proof of forgetting: it says what these tests could not see.",
    ),
)
"""Words of the pages, each with what it means and what it does not."""


def links_to(names: Sequence[tuple[str, str]]) -> str:
    """Links to pages of the site: file and title of each."""
    links = "".join(f'<a href="{shown(file)}">{shown(title)}</a>' for file, title in names)
    return f'<nav aria-label="Pages">{links}</nav>'


def index_page(pages: Sequence[SitePage], title: str) -> str:
    """The way to the pages of several runs, each with its verdict."""
    items = "".join(
        f'<li><a href="{shown(file_of(page))}">{shown(page.title)}</a><p>{said(page.about)}</p>{page.state}</li>'
        for page in pages
    )
    body = (
        f"<header><h1>{shown(title)}</h1><p>{WHAT}</p>{links_to([(ABOUT, 'What the words mean')])}</header>"
        f'<main><ul class="runs">{items}</ul></main>{_footer()}'
    )
    return frame(title, body)


def about_page() -> str:
    """What unlearning is, and what the words on the other pages mean."""
    entries = "".join(f"<dt>{term}</dt><dd>{words}</dd>" for term, words in TERMS)
    body = (
        f"<header>{links_to([(INDEX, 'Back')])}<h1>What unlearning is</h1><p>{WHAT}</p></header>"
        f"<main><h2>What the words mean</h2><dl>{entries}</dl></main>{_footer()}"
    )
    return frame("What the words mean · Unlearnscope", body)


def file_of(page: SitePage) -> str:
    """Name of a run's page where a site has several."""
    return f"{page.run_id}.html"


def _footer() -> str:
    return f"<footer>Made by Unlearnscope {__version__}. These pages load nothing from anywhere.</footer>"
