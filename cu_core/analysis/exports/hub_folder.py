"""A folder as the Hugging Face hub holds models: weights, what builds the network, and the model card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import safetensors.torch

from cu_core.analysis.compare.reading import read_run
from cu_core.analysis.exports.export_folder import write_folder
from cu_core.analysis.exports.model_card import model_card
from cu_core.analysis.exports.run_images import images_of
from cu_core.analysis.exports.weights_export import AFTER, Which, architecture, weights_of
from cu_core.base.errors import BadInput
from cu_core.base.home import Home
from cu_core.runstore.reader import RunView

CARD = "README.md"
CONFIG = "config.json"
WEIGHTS = "model.safetensors"


def write_hub_folder(home: Home, view: RunView, target: Path) -> tuple[int, bool]:
    """Writes the unlearned model of a run as a folder, or a zip of it. Nothing is sent anywhere.

    Args:
        home: where the run's images are.
        view: a run that succeeded.
        target: the folder, or a name that ends in ``.zip``.

    Returns:
        Bytes, and whether the config says all that it takes to build the network.

    Raises:
        BadInput: the run has no result or no weights, or the folder cannot be written.
    """
    result = view.result()
    if result is None:
        raise BadInput("run", f"{view.run_id} is {view.state}: only a finished run has the numbers that a card tells")
    weights, data = weights_of(home, view, Which(AFTER)), images_of(home, view)
    config: dict[str, Any] = {"model_type": "unlearnscope", "architectures": [view.spec.model.backbone]}
    config |= architecture(view, weights.state, data)
    loadable = "classes" in config and "mean" in config
    if data is not None:
        config |= {
            "num_classes": len(data.classes),
            "id2label": {str(label): name for label, name in enumerate(data.classes)},
            "label2id": {name: label for label, name in enumerate(data.classes)},
        }
    # Without the specification: it may name files of this machine, and the folder is made to be shown to others.
    spec_hash = view.spec.content_hash()
    config["unlearnscope"] = {"run": view.run_id, "spec_hash": spec_hash}
    card = model_card(read_run(view), spec_hash=spec_hash, loadable=loadable)

    def write(folder: Path) -> None:
        (folder / WEIGHTS).write_bytes(safetensors.torch.save(weights.state, weights.told))
        (folder / CONFIG).write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", "utf-8")
        (folder / CARD).write_text(card, "utf-8")

    return write_folder(target, write), loadable
