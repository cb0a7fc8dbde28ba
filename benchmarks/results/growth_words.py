"""The section on growth: seconds and memory over samples and classes, as ``benchmarks.growth`` has measured them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.growth import PARTS, STEEP
from benchmarks.measuring import machine_words, table
from benchmarks.results.method_tables import NOT_YET

SERIES = {"samples": "training images", "classes": "classes"}


def growth_words(kept: Mapping[str, Any]) -> str:
    """A table per kind of growth, with a sentence on what grows faster than its cause."""
    growth = kept["growth"]
    if not growth:
        return NOT_YET
    parts = []
    for name, title in SERIES.items():
        told = growth["series"].get(name)
        if told is None:
            continue
        head = [title, *(f"{size:,}" for size in told["sizes"]), "exponent", "last two"]
        rows = []
        for part in PARTS:
            slope = told["exponents"][part]
            seconds = [f"{point[part]:.2f}" for point in told["points"]]
            rows.append([f"{part}, s", *seconds, f"{slope['all']:.2f}", f"{slope['last']:.2f}"])
        memory = [point.get("peak_memory") for point in told["points"]]
        if all(value is not None for value in memory):
            slope = told["exponents"]["peak_memory"]
            cells = [f"{value / 2**30:.2f}" for value in memory]
            rows.append(["peak memory, GiB", *cells, f"{slope['all']:.2f}", f"{slope['last']:.2f}"])
        steep = [part for part in PARTS if told["exponents"][part]["last"] > STEEP]
        said = (
            f"Steeper than linear over the last two points: {', '.join(steep)}."
            if steep
            else f"Nothing grows faster than linearly in the {title} (exponent at most {STEEP} at the end)."
        )
        parts.append(f"{table(head, rows)}\n\n{said}")
    where = f"{growth['backbone']}, made-up images of 32 px. {machine_words(growth['machine'])}."
    return "\n\n".join([where, *parts])
