"""Activations of every layer on some recorded samples, and linear CKA between networks layer by layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cu_core.engine.probe import GROUPS, stratified
from cu_core.engine.setup import RunSetup
from cu_core.engine.signals import BATCH, evaluating
from cu_core.learning.network import Network
from cu_core.learning.network_blocks import blocks
from cu_core.metrics.cka import linear_cka

# Blocks whose outputs are taken, spread evenly over deep networks, and samples of each group.
MOST_LAYERS = 12
MOST_SAMPLES = 300

Activations = Mapping[str, Sequence[np.ndarray]]
"""Group to one array (n, width) per layer."""


class LayerPass:
    """Forward passes that take the activations of the same recorded samples in every model of a run.

    Attributes:
        names: of the layers in order; the embedding, which is no module's own output, before the head.
        rows: group to the probe's rows that are passed.
    """

    def __init__(self, setup: RunSetup, model: Network) -> None:
        self.setup = setup
        # What a block hands on is what its last module says: a norm belongs to the layer before it.
        found = [names[-1] for names in blocks(model)]
        chosen = np.unique(np.linspace(0, len(found) - 1, min(MOST_LAYERS, len(found))).round().astype(int))
        self._blocks = [found[i] for i in chosen]
        head = [name for name in self._blocks if name == "head"]
        self.names = [*(name for name in self._blocks if name not in head), "embedding", *head]
        rng = np.random.default_rng(setup.spec.probe.seed)
        self.rows: dict[str, np.ndarray] = {}
        for group in GROUPS:
            rows = setup.probe.rows(group)
            if len(rows) > MOST_SAMPLES:
                rows = np.sort(stratified(rows, setup.probe.label[rows], MOST_SAMPLES, rng))
            self.rows[group] = rows

    @torch.inference_mode()
    def __call__(self, model: Network) -> Activations:
        """Each layer's output, in evaluation mode; means over the positions of a map and over tokens.

        Args:
            model: of the same shape as the first one; left in the mode it was in.
        """
        return {group: self._of(model, rows) for group, rows in self.rows.items() if len(rows) > 1}

    def _of(self, model: Network, rows: np.ndarray) -> list[np.ndarray]:
        probe = self.setup.probe
        source = self.setup.test if probe.is_test[rows[0]] else self.setup.train
        modules = dict(model.named_modules())
        caught: dict[str, list[np.ndarray]] = {name: [] for name in self.names}

        def catch(name: str) -> Any:
            def hook(module: nn.Module, inputs: Any, output: Any) -> None:
                if isinstance(output, Tensor):
                    caught[name].append(_pooled(output))

            return hook

        hooks = [modules[name].register_forward_hook(catch(name)) for name in self._blocks]
        try:
            with evaluating(model):
                for part in torch.from_numpy(probe.sample[rows]).split(BATCH):
                    caught["embedding"].append(_pooled(model.outputs(source.take(part)[0]).embedding))
        finally:
            for hook in hooks:
                hook.remove()
        # A block that the forward pass does not call, or calls more than once, gives no row per sample.
        return [
            np.concatenate(parts) if sum(map(len, parts)) == len(rows) else np.empty((len(rows), 0))
            for parts in caught.values()
        ]


def _pooled(output: Tensor) -> np.ndarray:
    """(n, width) float32: means over the positions of a map (n, width, h, w) and over tokens (n, tokens, width)."""
    values = output.float()
    if values.ndim == 4:
        values = values.mean((2, 3))
    elif values.ndim == 3:
        values = values.mean(1)
    return values.flatten(1).cpu().numpy().copy()


def layer_report(
    layer_pass: LayerPass, before: Activations, after: Activations, references: Sequence[Activations]
) -> dict[str, Any]:
    """Linear CKA by layer and group between the models of a run, as stored in ``result.json``.

    Args:
        layer_pass: with which the others were made.
        before: of the base model.
        after: of the unlearned model.
        references: of each retrained model.

    Returns:
        ``names``, ``samples`` (the most of a group) and ``pairs``: after_base, and where there are references
        after_reference and base_reference (means over them), with two or more reference_reference (mean over pairs).
    """
    pairs = {"after_base": [(after, before)]}
    if references:
        pairs["after_reference"] = [(after, reference) for reference in references]
        pairs["base_reference"] = [(before, reference) for reference in references]
    if len(references) > 1:
        pairs["reference_reference"] = list(combinations(references, 2))
    return {
        "names": layer_pass.names,
        "samples": max(map(len, layer_pass.rows.values())),
        "pairs": {name: {group: _mean_cka(sides, group) for group in before} for name, sides in pairs.items()},
    }


def _mean_cka(sides: Sequence[tuple[Activations, Activations]], group: str) -> list[float | None]:
    found = []
    for layer in range(len(sides[0][0][group])):
        values = [linear_cka(a[group][layer], b[group][layer]) for a, b in sides]
        known = [v for v in values if v is not None]
        found.append(float(np.mean(known)) if known else None)
    return found
