"""Every word that the program uses in a sense of its own has one entry, and every entry leads somewhere."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import cu_core  # noqa: F401  # fills the registries
from cu_core.analysis.compare.columns import COLUMNS
from cu_core.base.parameters import describe
from cu_core.catalogue.attack_record import ATTACKS, NUMBERS, WAYS
from cu_core.catalogue.glossary import FAMILIES, TERMS, entry_for
from cu_core.catalogue.glossary.misconceptions import MISCONCEPTIONS
from cu_core.catalogue.glossary.term import Term, by_name
from cu_core.catalogue.method_record import METHODS
from cu_core.catalogue.metric_record import METRICS
from cu_core.catalogue.projection_record import PROJECTIONS
from cu_core.catalogue.question_record import STATES
from cu_core.catalogue.selections import FORGET_KINDS
from cu_core.catalogue.spec import PARTS
from cu_core.catalogue.stopping import STOPPING_RULES
from cu_core.figures.confidence_panes import SIGNALS
from cu_core.figures.fidelity_numbers import NUMBERS as FIDELITY
from cu_core.figures.glossary_sketches import SKETCHES
from cu_core.figures.theme import TITLES
from cu_core.metrics.drift.drift_measure import MEASURES
from cu_core.metrics.questions import QUESTIONS
from pages._frame.page_records import FOLDER, pages

ROOT = Path(__file__).resolve().parents[2]
GREEK = re.compile(r"[α-ωΑ-Ω](?:_[A-Z]+)?")
# Words of pages and docs that no registry holds.
WORDS = (
    *("band", "tug of war", "probe recovery", "two-view cosine", "held-out", "nats", "margin", "λ_UL", "ω"),
    *("transferred", "re-fitted", "shadow", "EncoderMI-T", "EncoderMI-V", "EncoderMI-S", "Procrustes", "jitter"),
    *("base model", "reference", "round", "probe", "signal", "run", "verdict", "method", "collapse guard"),
    *("over-unlearning", "output filter", "relearning", "calibrated", "positive control", "deep audit", "U-LiRA"),
    *("never left", "dragged along", "members", "non-members", "round 0", "before", "common motion", "CKA", "seed"),
)


def letters(label: str) -> list[str]:
    """Greek letters of a setting's label, with their index."""
    return GREEK.findall(label)


def words_in_use() -> list[str]:
    """Titles of everything that is measured, asked or drawn, and the letters of settings."""
    records = (METRICS, ATTACKS, WAYS, NUMBERS, PROJECTIONS, COLUMNS, MEASURES, SIGNALS)
    words = [str(record.title) for registry in records for record in registry.values()]
    words += [question.title for question in QUESTIONS.values()] + [number.title for number in FIDELITY]
    words += [*STATES.values(), *TITLES.values()]
    words += [f"{rule.title} rule" for rule in STOPPING_RULES.values() if rule.id in ("class", "sample", "chance")]
    words += [kind.title for kind in FORGET_KINDS.values()] + ["Like reference"]
    labels = [d.param.label for m in METHODS.values() for d in describe(m.params)]
    labels += [d.param.label for part in PARTS.values() for d in describe(part)]
    return words + [letter for label in labels for letter in letters(label)]


@pytest.mark.parametrize("word", sorted({*words_in_use(), *WORDS}))
def test_every_word_has_an_entry(word: str) -> None:
    assert entry_for(word), f"{word!r} has no entry in cu_core/catalogue/glossary/: write one, or name it in an alias"


def test_a_word_without_an_entry_is_seen() -> None:
    assert entry_for("Brand-new metric") is None
    assert entry_for("TUG-OF-WAR") is TERMS["tug-of-war"] is entry_for("tow")
    assert letters("Weight λ_UL") == ["λ_UL"] and letters("Retain batches ω") == ["ω"] and letters("Weight") == []


def test_two_entries_cannot_claim_a_word() -> None:
    one, other = (Term(name, name, "", "", "", aliases=("the same",)) for name in ("one", "other"))
    with pytest.raises(ValueError, match="the same"):
        by_name([one, other])


def test_entries_are_listed_once() -> None:
    assert len(TERMS) == sum(len(family.terms) for family in FAMILIES)
    assert len({family.id for family in FAMILIES} | set(TERMS)) > len(TERMS)


@pytest.mark.parametrize("term", TERMS.values(), ids=list(TERMS))
def test_an_entry_is_whole_and_leads_to_what_exists(term: Term) -> None:
    assert re.fullmatch(r"[a-z0-9-]+", term.id)
    for text in (term.sentence, term.means_not, term.where):
        assert text[0].isupper() and text[-1] in ".?!" and "$" not in text and "  " not in text, text
    assert set(term.pages) <= set(pages()) and term.pages
    assert set(term.related) <= set(TERMS) - {term.id}
    assert not term.picture or term.picture in SKETCHES
    assert term.formula.count("{") == term.formula.count("}") and "$" not in term.formula


def test_every_drawing_is_shown() -> None:
    assert {term.picture for term in TERMS.values()} - {""} == set(SKETCHES)


def test_every_misconception_is_answered() -> None:
    assert len({m.id for m in MISCONCEPTIONS}) == len(MISCONCEPTIONS) == 14
    for misconception in MISCONCEPTIONS:
        assert misconception.answers, misconception.belief
        for kind, name in misconception.answers:
            assert kind in ("term", "lesson")
            assert kind == "lesson" or name in TERMS, name
    # What no number shows is answered by a drawing.
    drawn = ("deleted-row", "small-distance", "moved-on-map", "alike", "not-affected", "guarantees", "one-truth")
    for misconception in (m for m in MISCONCEPTIONS if m.id in drawn):
        assert any(kind == "term" and TERMS[name].picture for kind, name in misconception.answers)


def placed(script: str) -> list[str]:
    """Ids of terms that a page's code names."""
    return [
        argument.value
        for node in ast.walk(ast.parse(script))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("terms_row", "term_help")
        for argument in node.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    ]


def test_terms_on_pages_exist() -> None:
    assert placed('terms_row("band", "tug-of-war")\nx(help=term_help("auc"))') == ["band", "tug-of-war", "auc"]
    assert {name for path in FOLDER.rglob("*.py") for name in placed(path.read_text(encoding="utf-8"))} <= set(TERMS)


def test_the_docs_words_have_entries() -> None:
    rows = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").split("## Words")[1].split("\n\n")[2]
    words = [word for row in rows.splitlines()[2:] for word in row.split("|")[1].strip().split(" / ")]
    assert "reference" in words
    assert [word for word in words if entry_for(word) is None and word != "dataset"] == []


def test_the_docs_have_every_entry_and_misconception() -> None:
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    assert [term.id for term in TERMS.values() if f"\n### {term.title}\n" not in text] == []
    assert [m.id for m in MISCONCEPTIONS if f"| {m.belief} |" not in text] == []
