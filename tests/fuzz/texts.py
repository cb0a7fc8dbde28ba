"""Texts that users type: forget sets, searches, lists of grid values, and names that pages show."""

from __future__ import annotations

import numpy as np

from tests.fuzz.harness import fuzz, instrumented

with instrumented():
    from cu_core.analysis.sample_search import search
    from cu_core.base.errors import BadInput
    from cu_core.catalogue.grid import parse_axis
    from cu_core.catalogue.selections import parse_selection
    from cu_core.runstore.layout import is_run_id
    from pages._shared.plain_text import plain

CLASSES = ("cat", "dog", "a (b)", "x" * 40 + "!")
_LABELS = np.arange(8) % 4
_PLACES, _IS_TEST = np.arange(8), np.arange(8) % 2 == 1


def target(content: bytes) -> None:
    text = content.decode(errors="surrogateescape")
    for read in (parse_selection, parse_axis, lambda words: search(words, _PLACES, _IS_TEST, _LABELS, CLASSES)):
        try:
            read(text)
        except BadInput as error:
            str(error).encode()
    assert not (is_run_id(text) and ("/" in text or ".." in text))
    shown = plain(text)
    shown.encode()
    assert "\n" not in shown


SEEDS = [
    b"class:5,7",
    b"random:500",
    b"duplicates:17:10",
    b"test:17, 20-25",
    b"^c.t$",
    b"3-6, 9",
    b"**a** :material/x:",
]

if __name__ == "__main__":
    fuzz(target, SEEDS)
