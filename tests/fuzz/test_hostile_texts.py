"""Texts of users in files, charts, reports and terminals: no formulas, no markup, nothing that steers or is endless."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cu_core.analysis.report.document import Document, Section, TableBlock, html_of
from cu_core.base.csv_cells import csv_text, shown_table
from cu_core.base.display_text import CELL, CHART, cut, one_line
from cu_core.base.errors import BadInput
from cu_core.base.home import Home
from cu_core.base.registry import Registry
from cu_core.catalogue import compatibility
from cu_core.catalogue.grid import parse_axis
from cu_core.catalogue.listed_models import model_names
from cu_core.catalogue.method_record import Method, method
from cu_core.catalogue.named_classes import class_label
from cu_core.catalogue.spec import MethodSpec, RunSpec
from cu_core.catalogue.spec_parts import ForgetSpec, ModelSpec
from cu_core.cli import main
from cu_core.figures.theme import chart_text, class_name
from cu_core.runstore import layout
from cu_core.runstore.rows import mentions, read_row
from pages._launch.form_draft import class_names
from pages._shared.downloads import csv_bytes
from tests.fuzz.profile import fuzzed
from tests.madeup import MadeUp, write_run

FORMULAS = (
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "\tx",
    "\r=1",
    "\n=1",
    " =1",
    "-2+3",
    "-2 x()",
    "-2 points!A1",
    "＝1",
    "=cmd|' /C calc'!A0",
)
STEERING = "\u202e\u202d\u2066\u2069\u200f\u200b\u200d\u2060\ufeff\u00ad\u061c\U000e0041\x1b\x07"


def cells(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("text", FORMULAS)
def test_texts_are_no_formulas_in_a_spreadsheet(text: str) -> None:
    table = pd.DataFrame({"name": [text], text: ["x"], "state": [[text]]})
    head, row = cells(csv_bytes(table).decode())
    for cell in (row[0], head[1]):
        assert cell.startswith("'") and cell[1:].replace("\n", "\r") == text.replace("\n", "\r")
    assert "'" in row[2]
    shown = shown_table(table)
    assert shown["name"][0] == "\u2060" + one_line(text) or not one_line(text).startswith(("=", "+", "-", "@", "＝"))


def test_numbers_stay_numbers() -> None:
    table = pd.DataFrame(
        {"a": [-1.5, 2.0], "b": pd.array([-3, None], "Int64"), "c": ["-0.25 points", "+1e-3"], "d": [True, False]}
    )
    assert csv_text(table) == table.to_csv(index=False)
    assert shown_table(table).equals(table)


@fuzzed
@given(st.text(max_size=12), st.text(max_size=12))
def test_any_text_is_one_cell_and_no_formula(one: str, other: str) -> None:
    one, other = (text.encode(errors="backslashreplace").decode() for text in (one, other))
    _, row = cells(csv_text(pd.DataFrame({"a": [one], "b": ["x"], "c": [other]})))
    assert len(row) == 3 and row[1] == "x"
    for cell in (row[0], row[2]):
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) or cell[1:2].isdigit() and "(" not in cell


def test_the_command_line_writes_the_same_csv(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CU_HOME", str(home.root))
    write_run(home, "one", MadeUp(rounds=1, spec={"name": "=1+1"}))
    write_run(home, "two", MadeUp(rounds=1, select="indices:=x.csv", images=False))
    assert main(["compare", "one", "two", "--each", "--csv", str(home.root / "out.csv")]) == 0
    for row in cells((home.root / "out.csv").read_text())[1:]:
        assert not row[0].startswith("=")


def test_marks_that_steer_are_gone_wherever_names_are_shown(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setenv("CU_HOME", str(home.root))
    name = f"a{STEERING}b"
    run_dir = write_run(home, "odd", MadeUp(rounds=1))
    path = run_dir / layout.INFO
    path.write_text(json.dumps(json.loads(path.read_text()) | {"title": name, "group": name}))
    assert read_row(run_dir).title == read_row(run_dir).group == one_line(name) == chart_text(name) == "ab"
    assert shown_table(pd.DataFrame({name: [name]})).iloc[0, 0] == "ab"
    said = html_of(Document(name, [name], [Section(name, [name, TableBlock([name], [[name]])])]))
    assert not set(STEERING) & set(said.split("<script")[0])
    assert str(BadInput("x", name, [name])) == "x: ab (allowed: ab)"
    main(["compare", "odd"])
    main(["show", f"odd{STEERING}"])
    out, err = capsys.readouterr()
    assert not set(STEERING) & set(out + err) and out


def test_names_of_classes_stay_apart_in_charts() -> None:
    classes = ("L" * 10_000 + "a" + "L" * 100, "L" * 10_000 + "b" + "L" * 100, "cat", "cat\u200b", "a<b")
    shown = [class_name(classes, label) for label in range(len(classes))]
    assert len(set(shown)) == len(classes) and max(map(len, shown)) <= CHART + 5
    assert shown[2] == "cat" and shown[4] == "a‹b"


@pytest.mark.parametrize(
    ("text", "shown"),
    [("&lt;b&gt;", "＆lt;b＆gt;"), ("cats & dogs", "cats & dogs"), ("R&D", "R&D"), ("%{x}", "％{x}"), ("<i>", "‹i›")],
)
def test_charts_read_no_markup_and_no_templates_in_names(text: str, shown: str) -> None:
    assert chart_text(text) == shown


def test_long_texts_of_a_report_are_cut_and_whole_under_the_pointer() -> None:
    long = "a" * 5000 + "<&>" + "z" * 5000
    said = html_of(Document("t", [], [Section("s", [TableBlock(["h"], [[long]])])]))
    cell = said.split("<td")[1].split("</td>")[0]
    assert f'title="{"a" * 5000}&lt;&amp;&gt;{"z" * 5000}">' in cell and len(cell.split(">")[1]) == CELL
    assert cut("abcdef", 5) == "ab…ef" and cut("abcde", 5) == "abcde"


def test_placeholders_in_texts_of_a_report_are_only_texts() -> None:
    said = html_of(Document("@@SIZE@@", ["@@SIZE@@"], [Section("{_SIZE}", ["%s {0}"])], {"a": "@@SIZE@@"}))
    assert said.count("@@SIZE@@") == 4 and "Size of this file: " in said
    assert said.count("kB.</p>") + said.count("MB.</p>") == 1


def test_numbers_with_thousands_of_digits_are_no_class_and_no_seed(home: Home) -> None:
    digits = "9" * 5000
    assert class_label(digits, ("a",)) is None and class_label("0", ("a",)) == 0 and class_label("7", ()) == 7
    assert class_names([digits, "0", "a"], ("a",)) == ["a"] and class_names(["0"], ()) == []
    assert main(["sweep", "--methods", "retrain", "--forget", "class:1", "--seeds", digits]) == 2


def test_long_lists_and_searches_take_no_time(home: Home) -> None:
    row = read_row(write_run(home, "one", MadeUp(rounds=1, images=False)))
    started = time.perf_counter()
    assert not mentions(row, "x " * 1_000_000)
    with pytest.raises(BadInput, match="at most 10,000 letters"):
        parse_axis("class:5," + "1," * 1_000_000)
    assert time.perf_counter() - started < 0.5


def plugged(monkeypatch: pytest.MonkeyPatch, load: Callable[[], object]) -> Registry[Method]:
    """A registry with one method of its own and one plug-in."""
    points = [SimpleNamespace(name="theirs", value="theirs:METHOD", load=load)]
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: points)
    registry = Registry("method", Method, group="unlearnscope.methods")
    registry.add(method("contrastive"))
    return registry


@pytest.mark.parametrize(
    "odd", ["", "a b", "a.b", "a,b", "../x", "A", "<b>", "a\u202e", "x" * 65, "contrastive", None, 1]
)
def test_a_plug_in_with_an_odd_id_is_named(monkeypatch: pytest.MonkeyPatch, odd: object) -> None:
    registry = plugged(monkeypatch, lambda: replace(method("contrastive"), id=odd))
    assert list(registry) == ["contrastive"] and list(registry.broken) == ["theirs"]


def test_a_plug_in_that_cannot_be_loaded_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def load() -> None:
        raise ImportError("no module named nonsense")

    registry = plugged(monkeypatch, load)
    assert list(registry) == ["contrastive"] and "nonsense" in registry.broken["theirs"]
    with pytest.raises(BadInput, match="'theirs' is broken: .*nonsense"):
        registry.named("theirs")


@pytest.mark.parametrize("name", ["timm:nonsense", "timm:" + "x" * 9000, "open_clip:nonsense", "timm:hf-hub:a/b"])
def test_models_that_no_library_has_are_refused_before_a_run_is_queued(name: str) -> None:
    library = name.partition(":")[0]
    if not model_names(library):
        pytest.skip(f"{library} is not installed here")
    objective = {"train": replace(RunSpec().train, objective="clip")} if library == "open_clip" else {}
    spec = replace(
        RunSpec(),
        method=MethodSpec("retrain", method("retrain").params()),
        model=ModelSpec(backbone=name),
        forget=ForgetSpec("class:1"),
        **objective,
    )
    started = time.perf_counter()
    with pytest.raises(BadInput, match="no model named"):
        compatibility.check(spec)
    assert time.perf_counter() - started < 2
