"""EncoderMI's features, many augmented views per image, in batches against view by view and image by image.

    .venv/bin/python -m benchmarks.attack_features

Both sides draw views of the family that the encoder was trained with, embed them, and take the cosines of all pairs.
Ours is what an audit does (`SignalCollector`), which also asks for the outputs and the loss; the other embeds one view
of one image at a time. A third side takes nothing but our forward passes, of pixels that are ready: however views were
drawn and cosines taken, batches of this network in float32 could not be faster. The images are noise, since no time
depends on what is in them; all sides see the same ones.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.measuring import Ratio, machine, machine_words, table, timed, write_out
from cu_core.base.errors import UnlearnscopeError
from cu_core.catalogue.spec_parts import ModelSpec, TrainSpec
from cu_core.data.batches import ImageSource
from cu_core.engine.audit.audit_samples import Side
from cu_core.engine.audit.measure import AuditInputs, SignalCollector
from cu_core.engine.encoder_signals import pair_cosines
from cu_core.engine.signals import BATCH, evaluating, outputs_of
from cu_core.learning.build import build_model
from cu_core.learning.device import choose_device, choose_precision, keep_freed_memory
from cu_core.learning.network import Network
from cu_core.learning.objectives.training_objective import TrainingObjective, make_objective


class Encoder:
    """An untrained encoder with what an audit asks it.

    Args:
        backbone: of the encoder.
        images: how many there are.
        size: their height and width in pixels.
        views: per image.
        device: where.
    """

    def __init__(self, backbone: str, images: int, size: int, views: int, device: str) -> None:
        self.device = choose_device(device)
        rng = np.random.default_rng(0)
        pixels = rng.integers(0, 256, (images, 3, size, size), dtype=np.uint8)
        self.source = ImageSource(pixels, np.zeros(images), (0.5,) * 3, (0.25,) * 3, self.device)
        self.model: Network = build_model(ModelSpec(backbone=backbone), 3, size, 10, 0, "moco")
        choose_precision("fp32", self.device).place(self.model, self.device)
        self.model.eval()
        self.objective: TrainingObjective = make_objective(TrainSpec(objective="moco"), self.model, images)
        self.views = views
        self.index = np.arange(images)

    def batched(self) -> np.ndarray:
        """(n, V (V - 1) / 2) cosines as an audit takes them."""
        negatives, _ = self.source.take(torch.arange(min(len(self.source), 512)))
        measure = SignalCollector(self.model, self.objective, AuditInputs(self.views, 0, negatives))
        side = Side(self.index, np.zeros(len(self.index), np.int64), np.zeros(len(self.index), np.int8))
        return measure(self.source, side, 1).pair_cosines

    @torch.inference_mode()
    def passes_alone(self) -> None:
        """As many forward passes as an audit takes, of images that need no drawing and are asked nothing."""
        with evaluating(self.model):
            for rows in torch.from_numpy(self.index).split(BATCH):
                images, _ = self.source.take(rows)
                for _ in range(self.views + 1):
                    outputs_of(self.model, images)

    @torch.inference_mode()
    def one_by_one(self, images: int) -> np.ndarray:
        """The same of the first images, one view of one image at a time."""
        generator = torch.Generator().manual_seed(0)
        found = []
        with evaluating(self.model):
            for place in range(images):
                image, _ = self.source.take(torch.tensor([place]))
                views: list[Tensor] = []
                for _ in range(self.views):
                    (view,) = self.objective.views(image, 1, generator)
                    views.append(self.model.outputs(view).raw.float())
                found.append(pair_cosines(torch.stack(views, 1)).cpu().numpy())
        return np.concatenate(found)


def measure(encoder: Encoder, few: int, turns: int) -> tuple[list[float], list[float], list[float]]:
    """Seconds per image of both sides and of the forward passes alone, in turns after one that warms up.

    Args:
        encoder: with all images of our side.
        few: images of the other side, which takes so much longer.
        turns: how many.

    Raises:
        ValueError: the sides found differently many cosines.
    """
    if encoder.batched().shape[1:] != encoder.one_by_one(1).shape[1:]:
        raise ValueError("both sides must take the cosines of all pairs of views")
    ours, theirs, bound = [], [], []
    for _ in range(turns):
        ours.append(timed(encoder.batched, encoder.device) / len(encoder.index))
        theirs.append(timed(lambda: encoder.one_by_one(few), encoder.device) / few)
        bound.append(timed(encoder.passes_alone, encoder.device) / len(encoder.index))
    return ours, theirs, bound


def main(arguments: list[str] | None = None) -> int:
    """Measures and prints a Markdown table; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--backbone", default="resnet8")
    parser.add_argument("--images", type=int, default=1024, help="of our side")
    parser.add_argument("--few", type=int, default=64, help="images of the other side; times are per image")
    parser.add_argument("--size", type=int, default=32, help="of the images, in pixels")
    parser.add_argument("--views", type=int, default=10)
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, help="write the numbers as JSON")
    options = parser.parse_args(arguments)
    keep_freed_memory()
    try:
        encoder = Encoder(options.backbone, options.images, options.size, options.views, options.device)
        where = machine(encoder.device)
        ours, theirs, bound = measure(encoder, options.few, options.turns)
    except (UnlearnscopeError, ValueError) as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    ratio, least = Ratio.of(ours, theirs), Ratio.of(bound, theirs)
    print(machine_words(where))
    print(f"{options.backbone} as an encoder, {options.views} views of images of {options.size} px, float32")
    rows = [
        [f"batched (audit), {options.images} images", f"{1000 * ratio.mine:.2f} ms"],
        [f"its {options.views + 1} forward passes alone", f"{1000 * least.mine:.2f} ms"],
        [f"view by view, image by image, {options.few} images", f"{1000 * ratio.other:.2f} ms"],
    ]
    print(table(["features", "per image"], rows))
    alone = f"forward passes alone: {least.words()}"
    print(f"Ratio: {ratio.words()} over {ratio.turns} turns (median, quartiles); {alone}")
    told: dict[str, Any] = {name: str(value) for name, value in vars(options).items()}
    write_out(
        options.out,
        {"machine": where, "options": told, "ratio": vars(ratio), "ours": ours, "theirs": theirs, "bound": bound},
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
