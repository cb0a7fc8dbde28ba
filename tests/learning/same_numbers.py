"""Run by torchrun: every training and every method once alone and once divided, compared on each process.

    torchrun --standalone --nproc-per-node=2 tests/learning/same_numbers.py HOME ANSWER [CASE ...]

Writes, by case (all where none is named), how far the weights of both are apart, as a share of how far they moved.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import torch
import torch.distributed as dist
from torch import Tensor, nn

from cu_core.base.home import Home
from cu_core.catalogue.method_record import METHODS
from cu_core.catalogue.objective_record import OBJECTIVES
from cu_core.catalogue.spec import RunSpec, spec_from_json
from cu_core.data.batches import Split
from cu_core.engine.setup import RunSetup, set_up
from cu_core.engine.unlearning import method_rounds, unlearning_context
from cu_core.learning.build import build_for
from cu_core.learning.network import Network
from cu_core.learning.parallel.collectives import share
from cu_core.learning.parallel.division import Division, divided
from cu_core.learning.parallel.group import Group
from cu_core.learning.training import Training, train

SELECT = {"class": "class:5", "sample": "random:41"}
# One sample is left over at the end of an epoch of 83, and the last batches are uneven.
IMAGES = 83
State = dict[str, Tensor]


@contextmanager
def alone(trunk: nn.Module) -> Iterator[None]:
    yield


@contextmanager
def together(trunk: nn.Module) -> Iterator[None]:
    with divided(trunk) as division:
        division.active = True
        yield


def state_of(model: nn.Module) -> State:
    return {name: value.clone() for name, value in model.state_dict().items() if value.is_floating_point()}


def apart(first: State, second: State, start: State) -> float:
    """How far two states are from each other, as a share of how far the first has come."""

    def distance(a: State, b: State) -> float:
        return float(sum((a[name] - b[name]).double().square().sum() for name in a) ** 0.5)

    return distance(first, second) / distance(first, start)


def spec_of(objective: str, method: str = "retrain", task: str = "class", **method_params: object) -> RunSpec:
    image_text = OBJECTIVES[objective].image_text
    return spec_from_json(
        {
            "data": {"dataset": "digits", "train_limit": IMAGES},
            "model": {"backbone": "open_clip:tiny" if image_text else "tiny-cnn", "embedding_dim": 16},
            "train": {
                "objective": objective,
                "epochs": 2,
                "batch_size": 21,
                "queue": 32,
                "lr": 0.01 if image_text else 0.05,
                "augment": "crop-flip",
            },
            "forget": {"select": SELECT[task]},
            "method": {"id": method, "params": method_params},
            "stop": {"max_rounds": 2},
            "device": "cpu",
            "processes": 2,
        }
    )


def trained(setup: RunSetup, mode: Callable) -> State:
    model = build_for(setup.spec, setup.data, 0)
    with mode(model.trunk):
        split = Split(setup.train, torch.arange(IMAGES), torch.Generator())
        options = {"seed": 1, "device": setup.device, "precision": setup.precision, "checkpoint": None}
        train(model, split, setup.spec.train, on_epoch=lambda report: None, **options)
    return state_of(model)


def unlearned(setup: RunSetup, start: Network, mode: Callable) -> State:
    model = build_for(setup.spec, setup.data, 0)
    model.load_state_dict(start.state_dict())
    with mode(model.trunk):
        context = unlearning_context(setup, model, lambda: None)
        for _ in method_rounds(setup.spec, context):
            pass
    return state_of(context.model)


@contextmanager
def own_images_only(trunk: nn.Module) -> Iterator[None]:
    """The usual mistake: every process takes the loss of its own images, and gradients are averaged."""
    whole = Training._step

    def step(self: Training, images: Tensor, labels: Tensor, rate: float) -> Tensor:
        part = share(len(images))
        self.optimizer.register_step_pre_hook(average) if not self.optimizer._optimizer_step_pre_hooks else None
        return whole(self, images[part], labels[part], rate)

    def average(optimizer: torch.optim.Optimizer, *_: object) -> None:
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    dist.all_reduce(parameter.grad)
                    parameter.grad /= dist.get_world_size()

    Training._step = step
    try:
        yield
    finally:
        Training._step = whole


class Counted:
    """Counts the passes that were divided, so that no case is right by dividing nothing."""

    passes = 0

    @classmethod
    def watch(cls) -> None:
        plain = Division.features

        def features(self: Division, images: Tensor) -> Tensor:
            cls.passes += 1
            return plain(self, images)

        Division.features = features


def cases(home: Home, wanted: list[str]) -> Iterator[tuple[str, dict[str, float]]]:
    quiet = lambda *_: None  # noqa: E731
    image_text = (not wanted or any("clip" in name for name in wanted)) and has_open_clip()
    available = [o for o in OBJECTIVES.values() if not o.image_text or image_text]
    for objective in available:
        if wanted and f"train {objective.id}" not in wanted:
            continue
        setup = set_up(spec_of(objective.id), home, quiet)
        start, one = state_of(build_for(setup.spec, setup.data, 0)), trained(setup, alone)
        Counted.passes = 0
        found = {"apart": apart(one, trained(setup, together), start), "divided": Counted.passes}
        if objective.id == "simclr":
            found["own_images_only"] = apart(one, trained(setup, own_images_only), start)
        yield f"train {objective.id}", found
    for objective in available:
        for method in METHODS.values():
            if objective.kind not in method.objectives or not method.divided(method.params()):
                continue
            if objective.self_supervised and objective.id != "moco":
                continue
            for task in method.tasks:
                if wanted and f"{method.id} {task} {objective.id}" not in wanted:
                    continue
                setup = set_up(spec_of(objective.id, method.id, task), home, quiet)
                start = build_for(setup.spec, setup.data, 0)
                one = unlearned(setup, start, alone)
                Counted.passes = 0
                found = {"apart": apart(one, unlearned(setup, start, together), state_of(start))}
                yield f"{method.id} {task} {objective.id}", found | {"divided": Counted.passes}


def has_open_clip() -> bool:
    try:
        import open_clip  # noqa: F401, PLC0415
    except ImportError:
        return False
    return True


def main(home: Home, answer: Path, wanted: list[str]) -> None:
    group = Group(spec_of("supervised"))
    Counted.watch()
    if dist.get_rank() == 0:
        set_up(spec_of("supervised"), home.create(), lambda *_: None)
    dist.barrier()
    told = {}
    for name, found in cases(home, wanted):
        # The same on all processes, or the worst of them.
        worst = torch.tensor([found["apart"]])
        dist.all_reduce(worst, dist.ReduceOp.MAX)
        told[name] = found | {"apart": float(worst)}
    if os.environ["RANK"] == "0":
        answer.write_text(json.dumps(told, indent=1))
    group.leave()


if __name__ == "__main__":
    main(Home(Path(sys.argv[1])), Path(sys.argv[2]), sys.argv[3:])
