"""The glossary: every term of the program with one entry, by id and by every name that pages use."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from cu_core.catalogue.glossary.term import Term, TermFamily, by_name, plain_word
from cu_core.catalogue.glossary.terms_of_attacks import ATTACK_TERMS
from cu_core.catalogue.glossary.terms_of_data import DATA
from cu_core.catalogue.glossary.terms_of_methods import SETTINGS
from cu_core.catalogue.glossary.terms_of_metrics import METRIC_TERMS
from cu_core.catalogue.glossary.terms_of_models import MODELS
from cu_core.catalogue.glossary.terms_of_pictures import PICTURES
from cu_core.catalogue.glossary.terms_of_verdicts import VERDICT_TERMS

FAMILIES: tuple[TermFamily, ...] = (DATA, MODELS, METRIC_TERMS, VERDICT_TERMS, ATTACK_TERMS, PICTURES, SETTINGS)
"""All entries, in the order in which they are read."""

TERMS: Mapping[str, Term] = MappingProxyType({term.id: term for family in FAMILIES for term in family.terms})
"""All entries by id."""

_BY_NAME = by_name(TERMS.values())


def entry_for(word: str) -> Term | None:
    """The entry that a word leads to, by title or alias; None where there is none.

    Args:
        word: as it stands on a page; letters may be large or small, and dashes may be blanks.
    """
    return _BY_NAME.get(plain_word(word))
