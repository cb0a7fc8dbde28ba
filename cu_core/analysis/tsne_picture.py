"""The t-SNE of the outputs over a few rounds, as the gradient-penalty paper shows its models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go

from cu_core.analysis.scenes import recorded_array
from cu_core.base.errors import BadInput
from cu_core.figures.tsne_panes import Snapshot, drift_map
from cu_core.runstore.reader import RunView

AXES = ("t-SNE 1 (no unit)", "t-SNE 2 (no unit)")


def snapshot_of(view: RunView, number: int | None, seed: int | None = None) -> Snapshot:
    """A round, or the reference of a seed where the number is None, as the picture needs it.

    Raises:
        BadInput: not recorded.
    """

    def array(name: str) -> np.ndarray:
        found = recorded_array(view, name, number, seed)
        if found is None:
            raise BadInput(name, "was not recorded")
        return found

    manifest = view.manifest(number) if number is not None else view.reference_manifest(seed or 0)
    return Snapshot(
        array("coordinates"),
        array("top3_class")[:, 0],
        array("top3")[:, 0],
        array("loss"),
        manifest.get("fidelity") or {},
    )


def tsne_figure(view: RunView, classes: Sequence[str], *, shown: int | None = None) -> go.Figure:
    """The picture.

    Args:
        view: the run.
        classes: class names by label.
        shown: round that is shown first; by default the last.

    Raises:
        BadInput: the run recorded none.
    """
    manifest = view.tsne()
    if manifest is None:
        raise BadInput("projection", "was not recorded")
    rows, places = np.asarray(view.tsne_array("rows")), np.asarray(view.tsne_array("coordinates"))
    numbers = [*manifest["rounds"], *([None] if manifest["reference_seed"] is not None else [])]
    moments = [
        replace(
            snapshot_of(view, number, manifest["reference_seed"]).take(rows),
            coordinates=places[k],
            fidelity=manifest["fidelity"][k],
        )
        for k, number in enumerate(numbers)
    ]
    return drift_map(
        view.probe().iloc[rows].reset_index(drop=True),
        {number: moment for number, moment in zip(numbers, moments, strict=True) if number is not None},
        moments[-1] if numbers[-1] is None else None,
        classes,
        axes=AXES,
        shown=shown,
    )
