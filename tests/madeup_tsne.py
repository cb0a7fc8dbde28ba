"""The t-SNE of a made-up run: invented places in the documented format."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cu_core.base.files import write_json
from cu_core.runstore import layout
from tests.written_arrays import write_array


def write_tsne(run_dir: Path, *, rows: np.ndarray, rounds: list[int], reference: int | None) -> np.ndarray:
    """Writes the t-SNE of a made-up run; returns its (t, m, 2) coordinates.

    Args:
        run_dir: of the run.
        rows: of the probe.
        rounds: that the picture holds.
        reference: seed of the reference in it.
    """
    moments = len(rounds) + (reference is not None)
    places = np.random.default_rng(0).normal(size=(moments, len(rows), 2)).astype(np.float32)
    folder = run_dir / layout.TSNE
    arrays = {"rows": rows.astype(np.int64), "coordinates": places}
    manifest = {
        "schema": 1,
        "attempt": 1,
        "arrays": {name: write_array(folder / f"{name}.npy", array) for name, array in arrays.items()},
        "rounds": rounds,
        "reference_seed": reference,
        "fidelity": [
            {
                "trustworthiness": 0.96 - 0.1 * k,
                "continuity": 0.97,
                "samples": float(len(rows)),
                "explained_variance": None,
                "neighbours": 15,
            }
            for k in range(moments)
        ],
        "still_step": 0.125,
        "self_neighbours": 0.04,
        "perplexity": 30.0,
        "iterations": 500,
        "of": "logits",
        "seconds": 1.0,
    }
    write_json(folder / layout.MANIFEST, manifest)
    return places
