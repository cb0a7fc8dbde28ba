"""An entry of the glossary as Markdown."""

from __future__ import annotations

from collections.abc import Iterable

from cu_core.catalogue.glossary.term import Term


def escaped(text: str) -> str:
    """Text of an entry in Markdown: no letter of it is a sign of Markdown, as λ_UL would be."""
    return "".join(f"\\{letter}" if letter in "*_[]`$~" else letter for letter in text)


def term_body(term: Term) -> str:
    """What an entry says below its title: sentence, formula, and what it does not mean."""
    formula = f"\n\n$$\n{term.formula}\n$$" if term.formula else ""
    return f"{escaped(term.sentence)}{formula}\n\n**Careful:** {escaped(term.means_not)}"


def list_text(terms: Iterable[Term]) -> str:
    """Entries to be read one after the other."""
    return "\n\n".join(map(_listed, terms))


def _listed(term: Term) -> str:
    formula = f"  \n${term.formula}$" if term.formula else ""
    not_this = f":gray[Careful: {escaped(term.means_not)}]"
    return f"**{escaped(term.title)}** – {escaped(term.sentence)}{formula}  \n{not_this}"
