"""A run as static pages: what is in them, how large they are, and that a folder of somebody else is left alone."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zipfile
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from cu_core.analysis.lesson_axes import OF_METRICS
from cu_core.analysis.site import viewer_parts
from cu_core.analysis.site.claim_strip import claim_strip
from cu_core.analysis.site.formula_text import formula_html
from cu_core.analysis.site.glossary_drawing import drawing_html
from cu_core.analysis.site.html_frame import frame, said, site_style, table
from cu_core.analysis.site.moment_charts import confidence_charts, cosine_charts
from cu_core.analysis.site.run_page import run_page
from cu_core.analysis.site.site_folder import NOTE, write_site
from cu_core.analysis.site.site_pages import about_page
from cu_core.analysis.site.svg_pane import HEIGHT, LETTERS, WIDTH, ChartAxis, ChartPane, decade_ticks, even_ticks
from cu_core.base.errors import BadInput
from cu_core.base.home import Home
from cu_core.catalogue.attack_record import WAYS
from cu_core.catalogue.glossary import TERMS
from cu_core.catalogue.lessons.lesson_reader import lesson_from_text
from cu_core.catalogue.question_record import DIFFERS, QUESTIONS
from cu_core.figures.attack_answer import COMPARED
from cu_core.figures.glossary_sketches import SKETCHES, GlossarySketch, class_and_sample_accuracies
from cu_core.figures.scene import read_header
from cu_core.figures.theme import COLOURS
from cu_core.figures.verdict_rows import row_of_test
from cu_core.runstore.reader import open_run
from pages._drift.drift_viewer import PARTS
from tests import madeup
from tests.madeup import CLASSES, MadeUp, write_run
from tests.madeup_claims import madeup_test, madeup_verdict

ALLOWED = 3_000_000
SHOWN = MadeUp(rounds=3, references=(0, 1, 2), counts=(12, 30, 20), result={"verdict": madeup_verdict(DIFFERS)})


@pytest.fixture
def run_id(home: Home) -> str:
    return write_run(home, "shown", SHOWN).name


def block(html: str, name: str) -> str:
    found = re.search(rf'<script type="[a-z/]+" id="{name}">(.*?)</script>', html, re.DOTALL)
    assert found, f"no block {name}"
    return found[1]


def header(html: str, name: str) -> dict[str, Any]:
    return read_header(base64.b64decode(block(html, name)))


def test_axes_hold_their_ends_and_even_ticks() -> None:
    assert [label for _, label in even_ticks(0, 1)] == ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]
    assert [value for value, _ in even_ticks(-3, 4)] == [-2, 0, 2, 4]
    assert [label for _, label in even_ticks(-3, 4)][0] == "−2"
    assert [value for value, _ in decade_ticks(3e-4, 20, 10)] == pytest.approx([1e-3, 1e-2, 0.1, 1, 10])
    assert [label for _, label in decade_ticks(1.2, 8, 4)] == ["2", "5"], "one power of ten tells nothing"
    assert [label for _, label in decade_ticks(0.06, 8, 4)] == ["0.1", "0.3", "1", "3"]
    assert [label for _, label in decade_ticks(2.1, 2.9, 4)] == ["2.5"]
    for low, high in ((0, 1e-7), (5, 5.001), (-1e6, 3e6)):
        ticks = even_ticks(low, high)
        assert 2 <= len(ticks) <= 6 and all(low - 1e-9 <= value <= high * (1 + 1e-9) for value, _ in ticks)
        assert len({label for _, label in ticks}) == len(ticks), "ticks that read alike"
    pane = ChartPane(ChartAxis("a (b)", 1, 100, (), log=True), ChartAxis("up", 0, 1, ()))
    assert pane.x(10) == pytest.approx((pane.x(1) + pane.x(100)) / 2)
    assert pane.y(2) == pane.y(1) < pane.y(0), "beyond the axis is at its end, and more is above"


def test_letters_are_large_enough_and_texts_are_escaped() -> None:
    assert LETTERS >= 12 and f"svg text {{ font: {LETTERS}px" in site_style()
    svg = ChartPane(ChartAxis("<b>", 0, 1, ()), ChartAxis("&", 0, 1, ())).svg([], 'a "quoted" <alt>')
    assert "<b>" not in svg and "&lt;b&gt;" in svg and "&amp;" in svg and "&quot;quoted&quot;" in svg
    assert f'width="{WIDTH}" height="{HEIGHT}"' in svg, "a chart that is scaled has smaller letters"
    assert "<i>" not in table(["<i>", "a"], [["<i>", "<i>"]])
    asked = table(["a", "Inside?"], [["b", "yes"]])
    assert ">Inside?</th>" in asked and 'data-name="Inside"' in asked, "a colon follows on a phone"


def test_every_round_has_a_layer_and_one_of_them_is_shown(home: Home, run_id: str) -> None:
    view = open_run(home, run_id)
    charts = confidence_charts(view, view.rounds())
    assert [one.title for one in charts] == ["Top-1 probability", "Margin", "Loss"]
    for one in [*charts, *cosine_charts(view, view.rounds())]:
        titles = [title for title, _ in one.panes]
        assert titles == ["Before (round 0)", "", "Reference (retrained), first of 3"]
        rounds = one.panes[1][1]
        assert re.findall(r'data-round="(\d+)"', rounds) == ["1", "2", "3"]
        assert re.findall(r'class="moment here" data-round="(\d+)"', rounds) == ["3"]
        assert 'class="band"' in one.panes[2][1] and 'class="band"' not in one.panes[0][1]
    margin = charts[1]
    layers = re.split(r'<g class="moment', margin.panes[1][1])[1:]
    forget = [re.search(r'class="steps forget" d="([^"]+)"', layer) for layer in layers]
    assert len({found[1] for found in forget if found}) > 1, "forget samples move over the rounds"
    group, samples, before, after, reference = margin.medians[0]
    assert (group, samples) == ("Forget", 12) and before > 0 > after and reference < 0


def test_a_round_without_a_signal_shows_the_latest_one_that_has_it(home: Home) -> None:
    write_run(home, "some", MadeUp(rounds=3, counts=(12, 30, 20), views=(0, 2), audited=0))
    view = open_run(home, "some")
    (views,) = [one for one in cosine_charts(view, view.rounds()) if one.title == "Two-view cosine"]
    titles = dict(re.findall(r'data-round="(\d+)" data-title="([^"]+)"', views.panes[1][1]))
    assert titles["1"].startswith("Before (round 0), the latest") and titles["2"] == "Round 2"
    assert titles["3"].startswith("Round 2, the latest")


def test_a_strip_names_numbers_and_points_beyond_its_end() -> None:
    row = row_of_test(madeup_test(5.0))
    assert row is not None
    inside = claim_strip(row)
    assert "This model 5" in inside and "Before unlearning 8" in inside and inside.count('<rect class="mark') == 8
    far = row_of_test(madeup_test(1e7))
    assert far is not None and re.search(r'class="this" d="M[\d.]+ [\d.]+L', claim_strip(far))
    assert inside.split('class="this"')[1][:40] != claim_strip(far).split('class="this"')[1][:40]


def test_a_page_holds_all_that_the_run_tells(home: Home, run_id: str) -> None:
    page = run_page(home, open_run(home, run_id))
    told = json.loads(block(page.html, "page"))
    assert told["rounds"] == [0, 1, 2, 3] and told["titles"][-1] == "After (round 3)" and len(told["views"]) == 2
    scene, samples, sprite = (header(page.html, name) for name in ("scene-0", "samples", "sprite"))
    assert scene["samples"] == samples["samples"] == 62 and samples["classes"] == list(CLASSES)
    kinds = [moment["kind"] for moment in scene["moments"]]
    assert kinds == ["round"] * 4 + ["reference"] and sprite["columns"] == 50
    assert "forget the class five (12 training samples)" in page.about
    for question in QUESTIONS.values():
        assert question.question in page.html.replace("&#x27;", "'"), "a question in words"
    assert (
        '<td data-name="After">0.0 %</td>' in page.html and "Retrained" in page.html and "Loss threshold" in page.html
    )
    assert "In short it is differs." in page.state


def test_the_policy_names_every_script_and_nothing_else_may_run(home: Home, run_id: str) -> None:
    html = run_page(home, open_run(home, run_id)).html
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', html)
    assert policy and policy[1].startswith("default-src 'none'; ") and "unsafe" not in policy[1]
    assert "http" not in policy[1] and "connect-src" not in policy[1], "default-src forbids every address"
    for kind in ("script", "style"):
        texts = re.findall(rf"<{kind}>(.*?)</{kind}>", html, re.DOTALL)
        hashes = {base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts}
        allowed = re.search(rf"{kind}-src ([^;]+)", policy[1])
        assert allowed and {f"'sha256-{digest}'" for digest in hashes} == set(allowed[1].split())
    assert not re.search(r'\s(on\w+|style)="', html), "attributes that the policy would stop"
    assert not re.search(r'(src|href)="(?!#|about\.html|index\.html)', html)
    with pytest.raises(ValueError, match="would end"):
        frame("t", "", scripts=["'</SCRIPT>'"])


def test_names_of_users_are_texts(home: Home) -> None:
    evil = '"><img src=x onerror=alert(1)></script><b>'
    write_run(home, "evil", MadeUp(rounds=1, counts=(8, 12, 8), audited=0, spec={"name": evil}))
    page = run_page(home, open_run(home, "evil"))
    assert "<img src=x" not in page.html and "<b>&quot;" not in page.html and "&lt;img src=x" in page.html


def test_the_scripts_are_those_of_the_dashboard() -> None:
    own = viewer_parts.viewer_scripts()
    for name in ("js", "message"):
        for line in PARTS[name].splitlines():
            assert line.replace("export default function", "function exported") in own
    assert own.count("\n") <= PARTS["js"].count("\n") + PARTS["message"].count("\n") + 12, "scripts of no viewer"
    assert "export" not in re.sub(r"exported", "", own)
    assert PARTS["html"] == viewer_parts.viewer_markup()[0] and PARTS["css"] in viewer_parts.viewer_markup()[1]


def test_the_colours_are_those_of_the_program() -> None:
    style = site_style()
    assert all(f"--{name}: {colour}" in style for name, colour in COLOURS.items())
    assert style.count("--st-background-color: #") == 2, "of both themes"


def test_a_run_without_images_references_or_verdict_says_so(home: Home) -> None:
    write_run(home, "bare", MadeUp(rounds=2, references=(), counts=(8, 12, 8), images=False, audited=0))
    page = run_page(home, open_run(home, "bare"))
    assert 'id="sprite"' not in page.html and "images themselves are not in this page" in page.html
    assert "No verdict" in page.state and "Membership attacks" not in page.html
    assert "Reference (retrained)" not in page.html and "no retrained model" in page.html
    assert "that takes two retrained models" in page.html
    # Its references are there, and the table of a run without a result is of its rounds.
    write_run(home, "stopped", MadeUp(rounds=1, counts=(8, 12, 8), state="cancelled", references=(0, 1, 2)))
    stopped = run_page(home, open_run(home, "stopped")).html
    assert "There is no band in this table: the run has not finished" in stopped
    assert "that takes two retrained models" not in stopped
    write_run(home, "none", MadeUp(rounds=1, counts=(8, 12, 8), state="queued"))
    assert run_page(home, open_run(home, "none")).state.count("The verdict comes at the end")
    # Nobody knows the names of classes, and a selection as it was typed may name a file of this machine.
    assert "forget 8 training samples of class 5 by" in page.about
    write_run(home, "listed", MadeUp("indices:/home/me/list.csv", rounds=1, counts=(8, 12, 8), audited=0))
    listed = run_page(home, open_run(home, "listed"))
    assert "forget 8 training samples (from a file) by" in listed.about and "/home/me" not in listed.html
    pictured = run_page(home, open_run(home, write_run(home, "own", SHOWN).name), images=False)
    assert 'id="sprite"' not in pictured.html


def test_lines_are_explained_where_they_are_drawn(home: Home, run_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("Dashed: the mean", "Shaded: where one more", "Dotted: the threshold")
    html = run_page(home, open_run(home, run_id)).html
    assert [text in html for text in words] == [f'class="{kind}"' in html for kind in ("level", "band", "threshold")]
    assert words[0] in html and words[1] in html
    monkeypatch.setattr("cu_core.analysis.site.run_page.round_charts", lambda curves: [("Bare", "<svg></svg>")])
    bare = run_page(home, open_run(home, run_id)).html
    assert not any(text in bare for text in words)


def test_a_site_of_several_runs_leads_to_each(home: Home, run_id: str, tmp_path: Path) -> None:
    write_run(home, "other", MadeUp(rounds=1, counts=(8, 12, 8), audited=0, seed=1))
    target = tmp_path / "site"
    found = write_site(home, [run_id, "other", run_id], target, title="A & B")
    names = {"about.html", "index.html", "other.html", "shown.html"}
    assert set(found.files) == names and {path.name for path in target.iterdir()} == names | {NOTE}
    index = (target / "index.html").read_text()
    assert 'href="shown.html"' in index and 'href="other.html"' in index and "A &amp; B" in index
    assert 'href="index.html"' in (target / "other.html").read_text()
    assert found.runs == ("shown", "other") and found.size == sum(path.stat().st_size for path in target.iterdir())


def test_another_export_replaces_its_own_files_alone(home: Home, run_id: str, tmp_path: Path) -> None:
    write_run(home, "other", MadeUp(rounds=1, counts=(8, 12, 8), audited=0))
    target = tmp_path / "site"
    write_site(home, [run_id, "other"], target)
    (target / "CNAME").write_text("mine")
    (target / "notes.html").write_text("mine")
    write_site(home, [run_id], target)
    assert {path.name for path in target.iterdir()} == {"about.html", "index.html", "CNAME", "notes.html", NOTE}
    assert "g.moment" in (target / "index.html").read_text() and (target / "CNAME").read_text() == "mine"
    (target / "shown.html").write_text("mine")
    with pytest.raises(BadInput, match=r"shown\.html"):
        write_site(home, [run_id, "other"], target)
    assert (target / "shown.html").read_text() == "mine"


def test_a_note_leads_out_of_no_folder(home: Home, run_id: str, tmp_path: Path) -> None:
    target, outside = tmp_path / "site", tmp_path / "mine.html"
    outside.write_text("mine")
    write_site(home, [run_id], target)
    note = json.loads((target / NOTE).read_text())
    (target / NOTE).write_text(json.dumps(note | {"files": [*note["files"], "../mine.html", "notes.txt", 7]}))
    (target / "notes.txt").write_text("mine")
    write_site(home, [run_id], target)
    assert outside.read_text() == "mine" and (target / "notes.txt").exists()


@pytest.mark.parametrize("damage", ["not json", '{"program": "another"}', '["files"]'])
def test_a_folder_of_somebody_else_is_refused(home: Home, run_id: str, tmp_path: Path, damage: str) -> None:
    target = tmp_path / "site"
    target.mkdir()
    write_site(home, [run_id], target)  # into an empty one
    (target / NOTE).write_text(damage)
    before = (target / "index.html").read_bytes()
    with pytest.raises(BadInput, match="no site of this program"):
        write_site(home, [run_id], target)
    assert (target / "index.html").read_bytes() == before
    with pytest.raises(BadInput, match="is a file"):
        write_site(home, [run_id], target / "index.html")


def test_a_zip_holds_the_folder(home: Home, run_id: str, tmp_path: Path) -> None:
    write_site(home, [run_id], tmp_path / "site.zip")
    with zipfile.ZipFile(tmp_path / "site.zip") as archive:
        assert set(archive.namelist()) == {"site/about.html", "site/index.html", f"site/{NOTE}"}


def test_two_thousand_samples_over_ten_rounds_stay_small(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """With images of noise, which no format makes small."""
    rng = np.random.default_rng(0)
    group = np.repeat(["forget", "retain", "unseen"], [400, 900, 700])
    place = np.concatenate([np.arange(1300), np.arange(700)])
    columns = {"sample": place, "split": np.where(group == "unseen", "test", "train"), "group": group}
    labels = {"label": place % 10, "true_label": place % 10, "rule": np.zeros(2000, bool)}
    monkeypatch.setattr(madeup, "make_probe", lambda made: pd.DataFrame(columns | labels))
    monkeypatch.setattr(madeup, "_own_centroid_cosine", lambda probe, e: np.tanh(e[:, 0]).astype(np.float32))
    verdict = {"verdict": madeup_verdict(DIFFERS)}
    write_run(home, "large", MadeUp(rounds=10, references=(0, 1), images=False, audited=0, result=verdict))
    noise = rng.integers(0, 256, (2000, 3, 32, 32), dtype=np.uint8)

    class Noise:
        classes, train_images, test_images = CLASSES, noise[:1300], noise[1300:]

        def names(self, split: str) -> list[str]:
            return [f"{split} picture {k}.png" for k in range(1300)]

    monkeypatch.setattr("cu_core.analysis.site.run_page.images_of", lambda home, view: Noise())
    html = run_page(home, open_run(home, "large")).html
    assert header(html, "scene-0")["samples"] == 2000 and header(html, "sprite")["names"][3] == "train picture 3.png"
    assert len(header(html, "scene-0")["moments"]) == 12
    assert len(html.encode()) <= ALLOWED


def test_very_many_rounds_draw_fewer_samples() -> None:
    most = [viewer_parts.most_samples(states) for states in (2, 12, 50, 200, 100_000)]
    assert most[:2] == [2000, 2000] and most[2] > most[3] > most[4] >= 1


def test_fewer_samples_are_said(home: Home, run_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(viewer_parts, "MOST_SAMPLES", 30)
    html = run_page(home, open_run(home, run_id)).html
    assert "30 of 62 recorded samples are drawn" in html and header(html, "scene-0")["samples"] == 30


LESSON = """
title: A lesson <b>
summary: Guess.
runs:
  shown: {title: The one, find: {method.id: contrastive}}
  gone: {title: Not here, find: {method.id: salun}}
steps:
  - id: first
    title: First
    minutes: 2
    run: shown
    text: ["Forget **{class}**, which was right on {forget_acc.before}.", "Never said: {nothing.known}"]
    parts: [{part: images, shown: question}, {part: before-after, metrics: [forget_acc]}, {part: boundary}]
    question:
      kind: number
      ask: How many?
      truth: forget_acc.after
      explain:
        - {when: guess > truth + 0.1, text: "You said {guess}, too many."}
        - {when: guess <= truth + 0.1, text: "Near."}
    reveal: ["It was {forget_acc.after}."]
    honest: ["Say so."]
  - id: second
    title: Second
    minutes: 1
    run: shown
    parts: [{part: curves, metrics: [retain_acc]}, {part: claim, claim: remembers}, {part: verdict}, {part: attack},
      {part: ways}, {part: references, metrics: [retain_acc]}]
    question:
      kind: choice
      ask: Which?
      options: [{text: This, right: true, why: [Yes.]}, {text: That, right: false, why: [No.]}]
  - {id: third, title: Third, minutes: 1, run: gone, text: [Read on.]}
"""


def test_a_lesson_is_filled_with_the_numbers_of_its_runs(home: Home, run_id: str, tmp_path: Path) -> None:
    lesson = lesson_from_text(LESSON, "own", "own.yaml")
    found = write_site(home, [], tmp_path / "site", lesson=lesson)
    assert found.runs == (run_id,) and set(found.files) == {"about.html", "index.html", "lesson.html", "shown.html"}
    assert 'href="lesson.html"' in (tmp_path / "site" / "index.html").read_text()
    html = (tmp_path / "site" / "lesson.html").read_text()
    assert "A lesson &lt;b&gt;" in html and "<b>five</b>, which was right on 100&#160;%." in html
    assert "Never said" not in html and "It was 0&#160;%." in html and "Say so." in html
    assert "<h3>If you guessed 0 to 10 %</h3><p>Near.</p>" in html
    assert "<p>You said 11 to 100 %, too many.</p>" in html
    assert html.index("How many?") < html.index("<details>") < html.index("It was 0"), "folded until it is opened"
    assert html.count("data:image/png;base64,") == 12 and 'href="shown.html#picture"' in html
    first, second = html.split('id="second"')
    assert first.count("<svg") == 1 and OF_METRICS["forget_acc"] in first and first.count('class="mark reference"') == 3
    assert second.count("Retain accuracy (n = 30)") == 1 and "Not quite: That" in second and "Right: This" in second
    assert QUESTIONS["remembers"].question in second and "In short it is differs." in second
    assert '<th scope="row">Loss threshold</th>' in second and second.index("<li>That</li>") < second.index("Not quite")
    assert all(f'<th scope="row">{WAYS[way].title}</th>' in second for way in COMPARED)
    assert "No run of this site stands for “Not here”" in html and "Read on." in html


def test_a_lesson_without_any_run_is_refused(home: Home, tmp_path: Path) -> None:
    lesson = lesson_from_text(LESSON, "own", "own.yaml")
    with pytest.raises(BadInput, match="no run was named"):
        write_site(home, [], tmp_path / "site", lesson=lesson)
    assert not (tmp_path / "site").exists()


def test_named_runs_stand_for_those_of_a_lesson_first(home: Home, run_id: str, tmp_path: Path) -> None:
    write_run(home, "mine", MadeUp(rounds=1, counts=(8, 12, 8), audited=0, images=False))
    lesson = lesson_from_text(LESSON, "own", "own.yaml")
    assert write_site(home, ["mine"], tmp_path / "site", lesson=lesson, images=False).runs == ("mine",)
    html = (tmp_path / "site" / "lesson.html").read_text()
    assert 'href="mine.html"' in html and "data:image" not in html


def test_every_term_is_on_the_page_of_words() -> None:
    html = about_page()
    for term in TERMS.values():
        assert f'id="term-{term.id}"' in html and f"<dd>{said(term.sentence)}</dd>" in html
        assert said(term.means_not) in html


def test_every_drawing_of_the_glossary_is_on_the_page_of_words_once() -> None:
    page = about_page()
    for sketch in SKETCHES.values():
        assert page.count(f'<figcaption class="note">{said(sketch.words)}</figcaption>') == 1
        assert re.search(rf'<svg [^>]*role="img" aria-label="[^"]*{re.escape(said(sketch.words))}"', page)
    places = {found[1]: found.start() for found in re.finditer(r'<dt id="term-([^"]+)"', page)}
    with_pictures = [term for term in TERMS.values() if term.picture]
    for term in with_pictures:
        entry = page[places[term.id] :].split("<dt ")[1]
        there = re.search(r'Drawing: see <a href="#term-([^"]+)"', entry)
        holder = TERMS[there[1]] if there else term
        assert holder.picture == term.picture and places[holder.id] <= places[term.id]
        assert ('class="drawing"' in entry) == (holder is term)
    assert len(with_pictures) > page.count('<figure class="drawing">') == len(SKETCHES)


@pytest.mark.parametrize("sketch", SKETCHES.values(), ids=list(SKETCHES))
def test_a_drawing_has_every_mark_of_its_figure(sketch: GlossarySketch) -> None:
    html = drawing_html(sketch)
    drawn, key = html.split('<ul class="key">')
    figure = sketch.draw()
    names = [escape(trace.name) for trace in figure.data if trace.showlegend is not False]
    assert re.findall(r"</svg>([^<]+)</li>", key) == names
    marks = sum(len(trace.x) for trace in figure.data if trace.type == "scatter" and trace.mode == "markers")
    bars = sum(len(trace.x) for trace in figure.data if trace.type == "bar")
    lines = sum(trace.type == "scatter" and trace.mode == "lines" for trace in figure.data)
    assert drawn.count('transform="translate(') == marks and drawn.count("<rect") == bars
    ways = [found for found in re.findall(r"<path [^>]+>", drawn) if "transform" not in found and "grid" not in found]
    assert len(ways) == lines
    for trace in figure.data:
        colour = trace.marker.color or trace.line.color if trace.type == "scatter" else trace.marker.color
        assert (colour or trace.marker.line.color or trace.fillcolor) in drawn
    axes = [figure.layout.xaxis, figure.layout.yaxis]
    assert all(escape(axis.title.text) in drawn for axis in axes if axis.title.text)
    assert not re.search(r'style="|nan', drawn)


def test_a_drawing_puts_marks_where_its_figure_has_them() -> None:
    """From left to right and from bottom to top, and bars as high as their numbers."""
    drawn = drawing_html(SKETCHES["weight-distance"])
    (reference, swapped), (base,) = (
        [(float(x), float(y)) for x, y in re.findall(rf"{shape}", drawn.split('<ul class="key">')[0])]
        for shape in (
            r'translate\(([\d.]+) ([\d.]+)\)" d="M-[\d.]+ -[\d.]+H',
            r'translate\(([\d.]+) ([\d.]+)\)" d="M-[\d.]+ -[\d.]+L',
        )
    )
    assert swapped[0] < base[0] < reference[0] and swapped[1] < reference[1] < base[1]
    heights = [
        float(h) for h in re.findall(r'<rect [^>]*height="([\d.]+)"', drawing_html(SKETCHES["class-and-sample"]))
    ]
    shown = class_and_sample_accuracies()
    told = [shown[name][place] for place in (0, 1) for name in shown]
    assert heights[: len(told)] == pytest.approx([heights[0] * value for value in told], abs=0.1)


@pytest.mark.parametrize(
    "change",
    [
        lambda figure: figure.data[0].update(mode="lines+markers"),
        lambda figure: figure.data[0].marker.update(symbol="star"),
        lambda figure: figure.data[2].update(fill="tozeroy"),
        lambda figure: figure.update_xaxes(showticklabels=True),
    ],
)
def test_no_drawing_is_shown_by_half(change: Callable[[go.Figure], object]) -> None:
    figure = SKETCHES["row-and-weights"].draw()
    change(figure)
    with pytest.raises(ValueError, match="not known"):
        drawing_html(GlossarySketch(lambda: figure, "c."))


def test_every_formula_of_the_glossary_is_whole_without_latex() -> None:
    page = about_page()
    shown = re.findall(r'<dd class="formula"><span role="math">(.*?)</span></dd>', page, re.DOTALL)
    assert len(shown) == sum(bool(term.formula) for term in TERMS.values()) > 0
    for html in shown:
        text = re.sub(r"<[^>]+>", "", html)
        assert "\\" not in text and "$" not in text and "^" not in text and "_" not in text
    assert formula_html(r"D_r=D\setminus D_f") == (
        "<var>D</var><sub><var>r</var></sub> = <var>D</var> ∖ <var>D</var><sub><var>f</var></sub>"
    )
    assert formula_html(r"\tfrac1C") == '<span class="frac"><span>1</span><i> / </i><span><var>C</var></span></span>'
    assert formula_html(r"p(x\mid\mathrm{model})") == "<var>p</var>(<var>x</var> | model)"
    for wrong in (r"\unknown", "{", "}", r"\frac1", r"\text"):
        with pytest.raises(ValueError):
            formula_html(wrong)
