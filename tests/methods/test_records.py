"""What the docs say of the methods: each with its needs and failures, and those that are not here."""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path
from typing import Any

import pytest

from cu_core.base.errors import BadInput
from cu_core.base.parameters import Described, describe
from cu_core.catalogue.method_record import METHODS, RETAIN_DATA, Method, retain_words
from cu_core.catalogue.spec import content_hash
from cu_core.methods.absent import ABSENT

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "methods.md").read_text(encoding="utf-8")
OVERVIEW = PAGE.split("## Methods")[1].split("###")[0]


@pytest.mark.parametrize("method", METHODS.values(), ids=lambda method: method.id)
def test_method_says_what_it_needs_and_where_it_fails(method: Method) -> None:
    assert method.needs.endswith(".") and method.fails.endswith(".")
    assert f"| needs | {method.needs} |" in PAGE and f"| fails | {method.fails} |" in PAGE


@pytest.mark.parametrize("method", METHODS.values(), ids=lambda method: method.id)
def test_overview_says_what_a_method_does_and_reads(method: Method) -> None:
    (row,) = [line for line in OVERVIEW.splitlines() if line.startswith(f"| `{method.id}` |")]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    said = [cells[i] == "yes" for i in (2, 3, 5, 7, 8)]
    wanted = [task in method.tasks for task in ("class", "sample")]
    wanted += [method.needs_forget, method.needs_unseen, method.needs_labels]
    assert said == wanted and cells[6] == method.retain_data
    assert ("classifiers" in cells[4]) == ("supervised" in method.objectives)
    assert (cells[9] == "one shot") == method.one_shot


def another(field: Described) -> Any:
    """A value that is not the default; no matter whether it is allowed."""
    if field.param.choices:
        return next(choice for choice in field.param.choices if choice != field.default)
    return not field.default if field.type is bool else f"{field.default}1"


@pytest.mark.parametrize("method", METHODS.values(), ids=lambda method: method.id)
def test_runs_made_before_a_setting_was_added_keep_their_hash(method: Method) -> None:
    """A run's folder stores its hash, and a run of the same content is found by it."""
    now = {"method": {"id": method.id, "params": dataclasses.asdict(method.params())}}
    later = [d for d in describe(method.params) if d.param.later]
    before = copy.deepcopy(now)
    for field in later:
        del before["method"]["params"][field.name]
    assert content_hash(now) == content_hash(before)
    for field in later:
        other = copy.deepcopy(now)
        other["method"]["params"][field.name] = another(field)
        assert content_hash(other) != content_hash(now), field.name
    unknown = {"method": {"id": "not_installed", "params": {"alpha": 1.0}}}
    assert content_hash(unknown) != content_hash({"method": {"id": "not_installed", "params": {"alpha": 2.0}}})


@pytest.mark.parametrize("method", METHODS.values(), ids=lambda method: method.id)
def test_a_method_that_reads_a_part_says_how_large(method: Method) -> None:
    assert method.retain_data in RETAIN_DATA
    shares = {f.name for f in dataclasses.fields(method.params)} & {"retain_share"}
    assert shares or method.retain_data != "part"
    words = {"none": "no retain samples", "part": "a fixed part of", "all": "all retain samples"}
    assert words[method.retain_data] in method.reads and f"| reads | {method.reads} |" in PAGE


def test_methods_are_told_apart_by_what_they_may_read() -> None:
    found = retain_words(["finetune", "lotus", "gradient_ascent", "finetune", "gone"])
    assert found == (
        "May read no retain samples: Gradient ascent; a fixed part of the retain samples: LoTUS; all retain samples: "
        "Finetune."
    )
    assert retain_words(["gone"]) == ""


def test_a_plug_in_with_the_keyword_of_earlier_versions_hears_what_to_say() -> None:
    named = {"id": "old", "title": "Old", "summary": "", "paper": "", "params": object, "implementation": "m:f"}
    with pytest.raises(BadInput, match=r"retain_data.*none, part, all"):
        Method(**named, needs_retain=False)


def test_absent_methods_are_documented_and_really_absent() -> None:
    assert {a.id for a in ABSENT} == {"puma", "arcane"}
    section = PAGE.split("### Not implemented")[1].split("\n## ")[0]
    for absent in ABSENT:
        assert absent.id not in {m.id for m in METHODS.values()}
        assert all(text in section for text in (absent.title, absent.paper, absent.summary, absent.missing))
