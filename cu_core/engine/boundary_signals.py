"""Recorded distances of the probe's samples to the decision boundary."""

from __future__ import annotations

import numpy as np

from cu_core.engine.probe import GROUPS, Probe
from cu_core.engine.signals import Forward, evaluating
from cu_core.learning.network import Network
from cu_core.metrics.boundary import MOST_HEAD_BYTES, logit_gap, nearest_centroid_head, signed_distances

UNITS = {
    "embedding": "distance in the space of the embedding, which the last layer reads",
    "relu": "distance in the space of the embedding's positive part, which the last layer reads",
    "centroid": "distance between unit embeddings",
    "logits": "difference of logits, not a distance",
}


def boundary_signals(
    model: Network, outputs: Forward, probe: Probe, classes: int, *, encoder: bool
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Each probe sample's signed distance to its decision boundary under this very model.

    Classifiers and image-text models: to the plane that their last layer draws between the label and the strongest
    other class. Encoders have no classes; there it is the plane of a nearest-centroid probe of retain samples. A model
    whose logits come from no single linear layer (several that answer together) leaves only the gap of logits.

    Args:
        model: the model.
        outputs: what it said of the probe.
        probe: the recorded samples.
        classes: C.
        encoder: whether the model has no classes of its own.

    Returns:
        The arrays ``boundary`` (n,) float32 and, where it is at most `MOST_HEAD_BYTES`, ``head`` (C, d + 1) float32:
        weights and biases; and what a manifest says of them: kind, unit and, but for kind ``logits``, reads.
    """
    if encoder:
        retain, forget = (probe.group == GROUPS.index(name) for name in ("retain", "forget"))
        weight, bias = nearest_centroid_head(outputs.embedding, outputs.labels, retain, forget, classes)
        unit = outputs.embedding / np.maximum(np.linalg.norm(outputs.embedding, axis=1, keepdims=True), 1e-12)
        boundary = signed_distances(unit @ weight.T + bias, weight, outputs.labels)
        kind, reads, words = "centroid", "unit", UNITS["centroid"]
    else:
        with evaluating(model):
            layer = model.last_layer()
        if layer is None:
            gap = logit_gap(outputs.logits, outputs.labels)
            return {"boundary": gap}, {"kind": "logits", "unit": UNITS["logits"]}
        weight, bias = layer.weight.cpu().numpy(), layer.bias.cpu().numpy()
        boundary = signed_distances(outputs.logits, weight, outputs.labels)
        kind, reads, words = "head", layer.reads, UNITS[layer.reads]
    arrays = {"boundary": boundary}
    head = np.column_stack([weight, bias]).astype(np.float32)
    if head.nbytes <= MOST_HEAD_BYTES:
        arrays["head"] = head
    return arrays, {"kind": kind, "unit": words, "reads": reads}
