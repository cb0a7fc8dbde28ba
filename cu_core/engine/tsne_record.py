"""Records the joint t-SNE of a finished run's outputs, with measures of its fidelity."""

from __future__ import annotations

import time

import numpy as np

from cu_core.engine.probe import GROUPS, Probe
from cu_core.figures.thinning import choose_points
from cu_core.projections.fidelity import NEIGHBOURS, fidelity
from cu_core.projections.tsne import ITERATIONS, MOST_POINTS, PERPLEXITY, choose_rounds, joint_tsne
from cu_core.runstore import layout
from cu_core.runstore.attempt import Attempt


def record_tsne(attempt: Attempt, probe: Probe, last: int, reference: int | None) -> bool:
    """Fits one t-SNE over the logits of a few recorded rounds and a reference, and stores it.

    Args:
        attempt: whose rounds are read back from disk.
        probe: the recorded samples.
        last: number of the last round.
        reference: seed of the reference to show; None without one.

    Returns:
        Whether there was enough to draw.
    """
    began = time.perf_counter()
    rounds = choose_rounds(last)
    folders = [f"rounds/{number}" for number in rounds]
    if reference is not None:
        folders.append(f"reference/{reference}")
    rows = choose_points(np.array(GROUPS)[probe.group], MOST_POINTS // len(folders))
    outputs = [attempt.array(folder, "logits")[rows].astype(np.float32) for folder in folders]
    seed = attempt.spec.probe.seed
    try:
        joint = joint_tsne(outputs, last=len(rounds) - 1, seed=seed)
    except ValueError:
        return False
    manifest = {
        "rounds": rounds,
        "reference_seed": reference,
        # In the order of the coordinates' first axis.
        "fidelity": [
            fidelity(full, flat, seed=seed) | {"explained_variance": None, "neighbours": NEIGHBOURS}
            for full, flat in zip(outputs, joint.coordinates, strict=True)
        ],
        "still_step": joint.still_step,
        "self_neighbours": joint.self_neighbours,
        "perplexity": PERPLEXITY,
        "iterations": ITERATIONS,
        "of": "logits",
        "seconds": time.perf_counter() - began,
    }
    attempt.promote(layout.TSNE, {"rows": rows.astype(np.int64), "coordinates": joint.coordinates}, manifest)
    return True
