"""AlignedUMAP: one UMAP per round, held together by a penalty on every sample's movement.

Source: AlignedUMAP of umap-learn (after Dadu et al., "Application of Aligned-UMAP to longitudinal biomedical studies",
Patterns 4, 2023). Its regulariser suppresses motion: a class that moves as a block keeps its neighbours, and may be
drawn where it was.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from cu_core.projections import umap_per_round
from cu_core.projections.distinct import distinct_rows

NEIGHBOURS = 15
REGULARISATION = 0.01
"""The default of umap-learn; ten times as much halves the motion that is shown."""

SMALL = 500
"""Up to here all distances cost less than compiling the search for neighbours, about half a minute."""


def place_rounds(rounds: Sequence[np.ndarray], n_components: int, seed: int) -> list[np.ndarray]:
    """Fits all rounds together, each sample tied to itself in the rounds around.

    Args:
        rounds: (n, d) embeddings, one array per round.
        n_components: 2 or 3.
        seed: of the fit.

    Returns:
        Per round (n, n_components) float32.

    Raises:
        BadInput: a round with too few distinct embeddings.
    """
    if len(rounds) == 1:
        return umap_per_round.place_rounds(rounds, n_components, seed)
    for number, rows in enumerate(rounds):
        distinct_rows(rows, number)
    # Takes seconds, and compiles for up to a minute where it is first used.
    import umap  # noqa: PLC0415

    count = len(rounds[0])
    itself = {sample: sample for sample in range(count)}
    fit = umap.AlignedUMAP(
        n_neighbors=NEIGHBOURS,
        n_components=n_components,
        alignment_regularisation=REGULARISATION,
        random_state=seed,
        transform_seed=seed,
        # Below 4,096 rows umap-learn computes all distances through Python, four times slower at 2,000.
        force_approximation_algorithm=count > SMALL,
    )
    with warnings.catch_warnings():
        # Seeded fits run in one thread; that is wanted here, and AlignedUMAP cannot ask for it.
        warnings.filterwarnings("ignore", message="n_jobs value")
        # Where classes lie apart, a layout starts from the places of whole parts of the graph.
        warnings.filterwarnings("ignore", message="Graph is not fully connected")
        fit.fit([np.asarray(rows, np.float32) for rows in rounds], relations=[itself] * (len(rounds) - 1))
    return [np.array(places, np.float32) for places in fit.embeddings_]
