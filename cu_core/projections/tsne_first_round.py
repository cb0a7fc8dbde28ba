"""t-SNE of round 0, on which later rounds are placed: what stays stays, but what leaves snaps to another cluster.

Source: Poličar, Stražar and Zupan, "Embedding to reference t-SNE space addresses batch effects in single-cell
classification" (Machine Learning, 2021), as in openTSNE: each later row is placed by itself, attracted by its nearest
rows of round 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cu_core.base.errors import BadInput
from cu_core.projections.distinct import distinct_rows
from cu_core.projections.tsne_per_round import PERPLEXITY


def place_rounds(rounds: Sequence[np.ndarray], n_components: int, seed: int) -> list[np.ndarray]:
    """Fits round 0 and places the later ones.

    A sample that has its embedding of round 0 again is drawn where it was; equal embeddings share a place.

    Args:
        rounds: (n, d) embeddings, one array per round.
        n_components: 2 or 3.
        seed: of the fit.

    Returns:
        Per round (n, n_components) float32.

    Raises:
        BadInput: round 0 has too few distinct embeddings, or openTSNE is not there.
    """
    try:
        from openTSNE import TSNE  # noqa: PLC0415
    except ImportError as error:
        raise BadInput("method", "needs openTSNE, which is not installed: .venv/bin/pip install openTSNE") from error

    first = distinct_rows(rounds[0], 0)
    fit = TSNE(
        n_components,
        perplexity=min(PERPLEXITY, (len(first.points) - 1) / 3),
        # Exact in both places, so that a row does not depend on its company.
        neighbors="exact",
        negative_gradient_method="bh",
        random_state=seed,
        n_jobs=1,
    ).fit(first.points)
    placed = [first.spread(fit)]
    for rows in rounds[1:]:
        moved = (rows != rounds[0]).any(1)
        places = placed[0].copy()
        if moved.any():
            points, place = np.unique(rows[moved], axis=0, return_inverse=True)
            places[moved] = np.asarray(fit.transform(points), np.float32)[place.reshape(-1)]
        placed.append(places)
    return placed
