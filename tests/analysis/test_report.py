"""Reports: everything inside one file, nothing from outside, and the numbers of the runs in it."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import plotly.graph_objects as go
import pytest
from plotly.offline import get_plotlyjs

from cu_core.analysis.compare.columns import columns_named, default_columns
from cu_core.analysis.compare.formats import cell_text
from cu_core.analysis.compare.reading import read_runs
from cu_core.analysis.compare.table import make_table
from cu_core.analysis.report.comparison_report import report_of
from cu_core.analysis.report.document import Document, FigureBlock, Folded, Section, TableBlock, html_of
from cu_core.base.home import Home
from cu_core.catalogue.spec import MethodSpec
from cu_core.runstore.reader import open_run
from tests.madeup import MadeUp, write_run

EVIL = '</script><script>alert(1)</script> & "quotes" <!-- '


class Page(HTMLParser):
    """Collects what a browser would see: tags with their attributes, texts, and JSON by id."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.json: dict[str, object] = {}
        self.cells: list[str] = []
        self.words: list[str] = []
        self._at: tuple[str, dict[str, str | None]] = ("", {})
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._at = (tag, dict(attrs))
        self.tags.append(self._at)

    def handle_endtag(self, tag: str) -> None:
        self._at = ("", {})

    def handle_data(self, data: str) -> None:
        tag, attributes = self._at
        if tag == "script" and attributes.get("type") == "application/json":
            self.json[str(attributes["id"])] = json.loads(data)
        elif tag == "td":
            self.cells.append(data)
        elif tag not in ("script", "style"):
            self.words.append(data)


def figure() -> go.Figure:
    return go.Figure(go.Scatter(x=[1, 2], y=[3, 4], name=EVIL))


def document(*blocks: object, **data: object) -> Document:
    return Document(EVIL, ["a fact"], [Section("One", list(blocks))], data)


def test_texts_are_shown_as_they_are_and_never_run() -> None:
    page = Page(html_of(document(EVIL, TableBlock([EVIL], [[EVIL]]), FigureBlock(figure(), EVIL), name=EVIL)))
    assert [t for t, a in page.tags if t == "script" and a.get("type") is None] == ["script"] * 2, "plotly and its own"
    assert page.cells == [EVIL] and page.json["unlearnscope"] == {"name": EVIL}
    assert page.json["f0"]["data"][0]["name"] == EVIL
    assert next(a for t, a in page.tags if "data-figure" in a)["aria-label"] == EVIL


def test_nothing_is_asked_of_the_outside() -> None:
    text = html_of(document("text", FigureBlock(figure(), "alt"), Folded("more", [TableBlock(["a"], [["b"]])])))
    page = Page(text)
    assert {a for _, attributes in page.tags for a in attributes} & {"src", "srcset", "data", "action"} == set()
    assert all(str(attributes["href"]).startswith("#") for _, attributes in page.tags if "href" in attributes)
    # The library names addresses that it would ask for maps; the policy forbids all of them.
    assert not re.search(r"(https?:)?//[a-z]", text.replace(get_plotlyjs(), "").lower().replace("// what", ""))
    policy = next(a["content"] for t, a in page.tags if t == "meta" and "http-equiv" in a)
    assert "default-src 'none'" in policy and "http" not in policy and "*" not in policy


def test_the_chart_library_is_inside_once_and_only_where_there_is_a_chart() -> None:
    two = html_of(document(FigureBlock(figure(), "a"), FigureBlock(figure(), "b")))
    assert two.count(get_plotlyjs()) == 1
    none = html_of(document("text"))
    assert len(none) < 20_000


@pytest.mark.parametrize("blocks", [("text",), (FigureBlock(figure(), "a"),)])
def test_the_stated_size_is_that_of_the_file(blocks: tuple) -> None:
    text = html_of(document(*blocks))
    stated, unit = re.search(r"Size of this file: ([\d.]+) (kB|MB)", text).groups()
    assert float(stated) * {"kB": 1e3, "MB": 1e6}[unit] == pytest.approx(
        len(text.encode()), abs={"kB": 600, "MB": 60_000}[unit]
    )


def test_numbers_without_a_word_in_json_are_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        html_of(document("text", value=float("nan")))


@pytest.fixture
def group(home: Home) -> Home:
    for seed in (0, 1):
        for method in ("contrastive", "finetune"):
            made = MadeUp(seed=seed, references=(0, 1, 2), spec={"method": MethodSpec(method), "group": "g"})
            write_run(home, f"{method}-{seed}", made)
    return home


def test_a_report_holds_the_comparison_and_every_specification_and_hash(group: Home) -> None:
    ids = ["contrastive-0", "contrastive-1", "finetune-0", "finetune-1"]
    runs, _ = read_runs(group, ids)
    found = report_of(runs, group, title="Mine")
    titles = [section.title for section in found.sections]
    assert titles[0] == "Numbers" and titles[-1] == "Full records" and "Trade-off" in titles and "Over rounds" in titles
    page = Page(html_of(found))
    stored = page.json["unlearnscope"]
    assert [run["run_id"] for run in stored["runs"]] == ids
    for run in stored["runs"]:
        view = open_run(group, run["run_id"])
        assert run["spec"] == json.loads(json.dumps(view.spec.to_json()))
        assert run["spec_sha256"] == view.spec.content_hash() == view.info["spec_hash"]
        assert run["result"] == view.result()
        for name in ("weights_sha256", "data_sha256"):
            assert view.result()[name] in page.cells, f"{name} is in the full record"
    table = make_table(runs, columns_named(default_columns(runs)), attack="loss", over_seeds=True)
    for row in table.rows:
        for column in table.columns:
            assert cell_text(column, row.cells[column.id]) in page.cells
    assert sum("data-figure" in attributes for _, attributes in page.tags) >= 5
    assert "4 runs, seeds 0, 1" in "".join(page.words)


def test_a_report_ranks_the_answers_of_many_classes(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    write_run(home, "alone", MadeUp(references=(), audited=0, images=False))
    runs, _ = read_runs(home, ["alone"])
    words = "are listed instead of a table"
    assert words not in "".join(Page(html_of(report_of(runs, home, title="Alone"))).words)
    monkeypatch.setattr("cu_core.analysis.report.comparison_report.MOST_CLASSES", 3)
    assert words in "".join(Page(html_of(report_of(runs, home, title="Alone"))).words)


def test_one_run_without_references_is_a_report_too(home: Home) -> None:
    write_run(home, "alone", MadeUp(references=(), audited=0, images=False))
    runs, _ = read_runs(home, ["alone"])
    page = Page(html_of(report_of(runs, home, title="Alone")))
    assert "no reference was retrained" in "".join(page.words)
    assert [run["run_id"] for run in page.json["unlearnscope"]["runs"]] == ["alone"]


def test_samples_can_be_scrubbed_through_the_rounds_in_a_report(home: Home) -> None:
    write_run(home, "shown", MadeUp(rounds=3))
    runs, _ = read_runs(home, ["shown"])
    page = Page(html_of(report_of(runs, home, title="Samples")))
    films = [f for f in page.json.values() if isinstance(f, dict) and f.get("frames")]
    (film,) = films
    assert [frame["name"] for frame in film["frames"]] == ["0", "1", "2", "3"]
    assert film["layout"]["xaxis"]["title"]["text"].startswith("Signed distance")
    assert "Samples and their decision boundary" in " ".join(page.words)
