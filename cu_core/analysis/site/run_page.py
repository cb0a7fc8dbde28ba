"""One run as a page: the viewer with all rounds, curves, distributions, numbers beside retraining, and the verdict."""

from __future__ import annotations

import base64
import datetime
from collections.abc import Iterator
from dataclasses import dataclass

from cu_core.analysis.compare.compared import Compared
from cu_core.analysis.compare.reading import read_run
from cu_core.analysis.erasure.lineage import stop_words
from cu_core.analysis.exports.run_images import images_of
from cu_core.analysis.recorded_signals import curves_of
from cu_core.analysis.scenes import Shown, state_name
from cu_core.analysis.site.html_frame import frame, json_block, said, shown, site_script
from cu_core.analysis.site.moment_charts import MomentCharts, confidence_charts, cosine_charts
from cu_core.analysis.site.round_charts import round_charts
from cu_core.analysis.site.site_numbers import attack_section, median_table, number_section
from cu_core.analysis.site.site_verdict import state_block, verdict_section
from cu_core.analysis.site.viewer_parts import ViewerParts, most_samples, viewer_markup, viewer_parts, viewer_scripts
from cu_core.base.errors import BadInput
from cu_core.base.home import Home
from cu_core.base.version import __version__
from cu_core.catalogue.selections import parse_selection
from cu_core.data.images import ImageData
from cu_core.figures.theme import GROUPS, TITLES, join
from cu_core.metrics.membership import few_words
from cu_core.runstore.reader import RunView

SIGNS = {"forget": "✕", "retain": "●", "unseen": "◆", "reference": "■"}
"""Of the viewer's marks, so that colour never carries a group alone."""
MOST_CLASSES = 5
"""Most forgotten classes that are named one by one."""


@dataclass(frozen=True)
class SitePage:
    """A page of a site with what the index says of it.

    Attributes:
        run_id: of the run.
        title: of the run.
        about: what was forgotten, by which method, from what.
        state: the verdict in a block of HTML.
        html: the whole page.
    """

    run_id: str
    title: str
    about: str
    state: str
    html: str


def run_page(home: Home, view: RunView, *, images: bool = True, links: str = "") -> SitePage:
    """The page of a run.

    Args:
        home: where its images and stored maps lie.
        view: the run.
        images: whether thumbnails of the samples are in it.
        links: HTML of links to the other pages of the site.

    Raises:
        BadInput: it has no round 0 that can be read.
    """
    rounds = view.rounds()
    if not rounds or rounds[0] != 0:
        raise BadInput("run", f"{view.run_id} has no recorded round 0, so there is nothing to show")
    run, data = read_run(view), images_of(home, view)
    references = view.references()
    classes = data.classes if data is not None else ()
    limit = most_samples(len(rounds) + bool(references))
    seen = Shown(view, rounds, references[0] if references else None, None, limit, classes)
    parts = viewer_parts(home, seen, data if images else None)
    about, state = _about(run, view, data), state_block(view, run.result)
    body = "\n".join(
        [
            f"<header>{links}<h1>{shown(run.title)}</h1>",
            f"<p>{said(about)}</p>{_chips(run, view, references)}{_contents(run)}</header><main>",
            state,
            _ended(run),
            *_picture(parts, data is not None and images),
            *_over_rounds(view, run, rounds),
            *number_section(run, _measured_on(run, view)),
            *attack_section(run, view),
            *verdict_section(view, run.result),
            f"</main>{_footer(view, rounds)}",
            _template(),
            json_block("page", _page_data(view, rounds, parts)),
        ]
    )
    html = frame(
        f"{run.title} · Unlearnscope",
        body,
        scripts=[viewer_scripts(), site_script()],
        styles=[viewer_markup()[1]],
        data={name: base64.b64encode(message).decode() for name, message in _messages(parts)},
    )
    return SitePage(view.run_id, run.title, about, state, html)


def _messages(parts: ViewerParts) -> Iterator[tuple[str, bytes]]:
    yield from ((f"scene-{k}", view.message) for k, view in enumerate(parts.views))
    yield "samples", parts.samples
    if parts.sprite is not None:
        yield "sprite", parts.sprite


def _page_data(view: RunView, rounds: list[int], parts: ViewerParts) -> dict[str, object]:
    return {
        "run": view.run_id,
        "rounds": rounds,
        "titles": [state_name(number, rounds[-1]) for number in rounds],
        "views": [one.alt for one in parts.views],
    }


def _template() -> str:
    html, css = viewer_markup()
    return f'<template id="viewer-parts"><style>{css}</style>{html}</template>'


def _about(run: Compared, view: RunView, data: ImageData | None) -> str:
    """What happened, in one sentence."""
    verb = "was made to forget" if run.state == "succeeded" else "is to forget"
    return f"A model trained on {run.dataset} {verb} {_forgotten(run, view, data)} by {run.method_title}."


def _forgotten(run: Compared, view: RunView, data: ImageData | None) -> str:
    """What was to be forgotten: classes by their names, or how many samples of which kind."""
    count = run.result.get("forget_count")
    many = "training samples" if count is None else f"{count:,} training sample{'' if count == 1 else 's'}"
    selection = parse_selection(view.spec.forget.select)
    if not selection.classes:
        # Not the selection as it was typed: that may name a file of this machine.
        title = selection.record.title
        return f"{many} ({title[0].lower()}{title[1:]})"
    if data is None:
        return f"{many} of {'classes' if len(selection.classes) > 1 else 'class'} {join(selection.classes)}"
    names = [data.classes[label] for label in selection.labels(data.classes)]
    if len(names) > MOST_CLASSES:
        return f"{len(names)} classes ({many})"
    return f"the {'classes' if len(names) > 1 else 'class'} {join(names)} ({many})"


def _ended(run: Compared) -> str:
    """Why it ended, as a paragraph; empty while it has not."""
    if not run.stopped_by:
        return ""
    rounds = f"{run.rounds} round{'' if run.rounds == 1 else 's'}"
    why = stop_words(run.stopped_by, elsewhere=run.elsewhere).rstrip(".")
    return f'<p class="note">Ended after {rounds}: {said(why)}.</p>'


def _chips(run: Compared, view: RunView, references: list[int]) -> str:
    count = len(references)
    retrained = f"{count} model{'' if count == 1 else 's'} retrained without them" if count else "no retrained model"
    facts = [run.dataset, run.backbone, run.method_title, f"seed {run.seed}", retrained, f"run {view.run_id}"]
    return f'<ul class="chips">{"".join(f"<li>{shown(fact)}</li>" for fact in facts)}</ul>'


def _contents(run: Compared) -> str:
    named = {"picture": "Picture", "rounds": "Over rounds", "distributions": "Distributions", "numbers": "Numbers"}
    named |= {"attacks": "Membership attacks"} if run.result.get("attacks") else {}
    named |= {"verdict": "Verdict"}
    links = "".join(f'<a href="#{name}">{title}</a>' for name, title in named.items())
    return f'<nav aria-label="Parts of this page">{links}</nav>'


def _picture(parts: ViewerParts, images: bool) -> Iterator[str]:
    yield '<section aria-labelledby="picture"><h2 id="picture">Every sample, round by round</h2>'
    if len(parts.views) > 1:
        buttons = (
            f'<button type="button" data-view="{k}" aria-pressed="{str(k == 0).lower()}">{shown(view.title)}</button>'
            for k, view in enumerate(parts.views)
        )
        yield f'<div class="views">{"".join(buttons)}</div>'
    yield '<div id="viewer"></div>'
    yield (
        '<p id="missing" class="note" hidden>This browser offers no WebGL 2, which the picture needs. The charts below '
        "show the same rounds.</p>"
    )
    for k, view in enumerate(parts.views):
        yield f'<p class="note" data-words="{k}"{" hidden" if k else ""}>{said(view.words)}</p>'
    some = f"{parts.drawn:,} of {parts.recorded:,} recorded samples are drawn" if parts.drawn < parts.recorded else ""
    pictures = "" if images and parts.sprite is not None else "The images themselves are not in this page"
    for note in filter(None, (some, pictures)):
        yield f'<p class="note">{note}.</p>'
    yield "</section>"


def _over_rounds(view: RunView, run: Compared, rounds: list[int]) -> Iterator[str]:
    yield '<section aria-labelledby="rounds">'
    yield '<h2 id="rounds">Over rounds</h2>'
    several = " hidden" if len(rounds) < 2 else ""
    yield (
        f'<div class="rounds"{several}><label for="round">Round</label><input id="round" type="range" min="0" '
        f'max="{len(rounds) - 1}" step="1" value="{len(rounds) - 1}"><output for="round">'
        f"{state_name(rounds[-1], rounds[-1])}</output></div>"
    )
    yield _key(reference=bool(view.references()))
    curves = curves_of(view, run.title)
    charts = [] if curves is None else round_charts(curves)
    yield f'<div class="charts">{"".join(map(_figure, *zip(*charts, strict=True))) if charts else ""}</div>'
    said_of = [
        "Measured on the recorded samples; the upright line is the round shown, and axes are the same in all rounds."
    ]
    drawn = "".join(svg for _, svg in charts)
    if 'class="level"' in drawn:
        said_of.append("Dashed: the mean of the retrained models.")
    if 'class="band"' in drawn:
        said_of.append("Shaded: where one more of them would lie in 19 of 20 cases.")
    if 'class="threshold"' in drawn:
        said_of.append("Dotted: the threshold of the stopping rule.")
    yield f'<p class="note">{" ".join(said_of)}</p>'
    yield '<h2 id="distributions">Distributions</h2>'
    shading = (
        " Shaded beside the reference: between the lowest and the highest share of all retrained models."
        if len(view.references()) > 1
        else ""
    )
    yield (
        '<p class="note">Shares within each group; dashed lines mark the means. Before unlearning in outline, after it '
        f"filled.{shading}</p>"
    )
    for charts_of in (*confidence_charts(view, rounds), *cosine_charts(view, rounds)):
        yield _distribution(charts_of)
    yield "</section>"


def _distribution(charts: MomentCharts) -> str:
    figures = "".join(_figure(title, svg) for title, svg in charts.panes)
    return (
        f"<h3>{shown(charts.title)}</h3><p>{said(charts.summary)}</p>"
        f'<div class="charts">{figures}</div>{median_table(charts)}'
    )


def _figure(title: str, svg: str) -> str:
    return f"<figure><figcaption>{shown(title)}</figcaption>{svg}</figure>"


def _key(*, reference: bool) -> str:
    named = [(group, TITLES[group]) for group in (*GROUPS, *(["reference"] if reference else []))]
    items = (f'<li class="{group}"><b>{SIGNS[group]}</b> {title}</li>' for group, title in named)
    return f'<ul class="key">{"".join(items)}</ul>'


def _measured_on(run: Compared, view: RunView) -> str:
    counts = run.result.get("counts") or {}
    groups = [f"{counts[group]:,} {group}" for group in GROUPS if counts.get(group) is not None]
    measured = f"Measured on {join(groups)} samples." if groups else "Measured on the recorded samples."
    return f"{measured} {few_words(counts)}".strip()


def _footer(view: RunView, rounds: list[int]) -> str:
    made = datetime.datetime.now(datetime.UTC)
    return (
        f"<footer>Run {shown(view.run_id)}, rounds {rounds[0]} to {rounds[-1]}; specification "
        f"{view.spec.content_hash()[:16]}. Made by Unlearnscope {__version__} on {made:%Y-%m-%d %H:%M} UTC. Everything "
        "is inside this page; it loads nothing from anywhere.</footer>"
    )
