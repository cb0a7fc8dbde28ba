"""What an entry of the glossary is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Term:
    """One entry: a word of this program, said once.

    Texts are plain; what stands between two dollar signs is LaTeX, in `formula` all of it.

    Attributes:
        id: in addresses (``terms?term=ID``) and in the headings of docs/glossary.md.
        title: the word as people read it.
        sentence: what it is, in one sentence.
        means_not: what it is easily taken for and is not.
        where: where in the program it is measured or shown.
        pages: ids of the pages that show it, in the order in which they are offered.
        formula: in LaTeX, without dollar signs; empty where words say it all.
        picture: key of a drawing in `cu_core.figures.glossary_sketches.SKETCHES`; empty without one.
        aliases: what else pages call it, or titles that this entry covers.
        related: ids of other entries.
    """

    id: str
    title: str
    sentence: str
    means_not: str
    where: str
    pages: tuple[str, ...] = ()
    formula: str = ""
    picture: str = ""
    aliases: tuple[str, ...] = ()
    related: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All words that lead to this entry."""
        return (self.title, *self.aliases)


@dataclass(frozen=True)
class TermFamily:
    """Terms that are read together.

    Attributes:
        id: in headings.
        title: above them.
        terms: in the order in which they are best read.
    """

    id: str
    title: str
    terms: tuple[Term, ...]


def plain_word(word: str) -> str:
    """A word as it is looked up: letters in lower case, one blank between words, dashes as blanks."""
    return " ".join(word.casefold().replace("-", " ").replace("–", " ").split())


def by_name(terms: Iterable[Term]) -> Mapping[str, Term]:
    """Terms by every one of their names, as `plain_word` has it.

    Raises:
        ValueError: two entries claim a word.
    """
    found: dict[str, Term] = {}
    for term in terms:
        for word in map(plain_word, term.names):
            if found.setdefault(word, term) is not term:
                raise ValueError(f"{word!r} belongs to {found[word].id!r} and to {term.id!r}")
    return found
