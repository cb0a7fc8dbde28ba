"""The projections by name; light, so that pages can offer them without loading what computes them."""

from __future__ import annotations

METHODS: dict[str, str] = {
    "reference-map": "Map",
    "principal": "Principal axes of round 0",
    "discriminant": "Discriminant axes of round 0",
    "umap-per-round": "UMAP, each round by itself",
    "aligned-umap": "AlignedUMAP",
    "tsne-per-round": "t-SNE, each round by itself",
    "tsne-first-round": "t-SNE of round 0, later rounds placed on it",
}
"""Projections by name, with their titles."""

OTHERS = {
    "umap-per-round": "cu_core.projections.umap_per_round",
    "aligned-umap": "cu_core.projections.aligned_umap",
    "tsne-per-round": "cu_core.projections.tsne_per_round",
    "tsne-first-round": "cu_core.projections.tsne_first_round",
}
"""Modules of the methods that fit all rounds at once; each has `place_rounds` and a `WARNING`."""


def axis_titles(method: str, n_components: int) -> tuple[str, ...]:
    """Titles of the axes, with what their unit is."""
    name = {
        "reference-map": "Map axis {} (no unit)",
        "principal": "Principal axis {}",
        "discriminant": "Discriminant axis {}",
    }.get(method, f"{METHODS[method].split(',')[0].split(' of')[0]} {{}} (no unit)")
    return tuple(name.format(number) for number in range(1, n_components + 1))
