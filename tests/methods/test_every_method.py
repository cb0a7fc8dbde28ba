"""What every unlearning method must keep to, whoever wrote it."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from cu_core.base.errors import Cancelled
from cu_core.base.home import Home
from cu_core.catalogue.method_record import Method, methods_here
from cu_core.catalogue.objective_record import OBJECTIVES
from cu_core.catalogue.spec import spec_from_json
from cu_core.engine.setup import RunSetup, set_up
from cu_core.engine.unlearning import method_rounds, retained_split
from cu_core.learning.build import build_model
from cu_core.learning.network import Network
from cu_core.learning.objectives.training_objective import make_objective
from cu_core.learning.shards import ShardedBase, ShardPlan
from cu_core.learning.weights import weights_sha256
from cu_core.methods.context import Context

ROUNDS = 3
CASES = [
    pytest.param(m, task, o.id, id=f"{m.id}-{task}-{o.id}")
    for m in methods_here().values()
    for task in m.tasks
    for o in OBJECTIVES.values()
    if o.kind in m.objectives
]
SHARDS = {"shards": ROUNDS, "slices": 2, "epochs": 3}
# It ends before the first round where the forget set is no better known than unseen samples, as by an untrained model.
PARAMS = {"lotus": {"margin": 1.0}}
SELECT = {"class": "class:5", "sample": "random:40"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("methods") / "home").create()


@pytest.fixture
def started(home: Home, request: pytest.FixtureRequest) -> tuple[RunSetup, Network]:
    """A small setup for the case's task and objective, and an untrained model."""
    case = request.node.callspec.params
    image_text = OBJECTIVES[case["objective"]].image_text
    if image_text:
        pytest.importorskip("open_clip", reason="the optional package open_clip_torch is not installed")
    spec = spec_from_json(
        {
            "data": {"dataset": "digits", "train_limit": 300},
            "model": {"backbone": "open_clip:tiny" if image_text else "tiny-cnn"},
            "train": {"objective": case["objective"], "queue": 64} | (SHARDS if case["method"].needs_shards else {}),
            "forget": {"select": SELECT[case["task"]]},
            "method": {"id": case["method"].id, "params": PARAMS.get(case["method"].id, {})},
            "device": "cpu",
        }
    )
    setup = set_up(spec, home, lambda done, total, message: None)
    return setup, build(setup, seed=3)


def build(setup: RunSetup, seed: int) -> Network:
    train = setup.spec.train
    return build_model(setup.spec.model, 1, 8, 10, seed, train.objective, shards=train.members)


def sharded(setup: RunSetup) -> ShardedBase | None:
    """As if every stage of the training had left an untrained model behind."""
    if not setup.spec.train.sharded:
        return None
    plan = ShardPlan.of(setup.spec.train, len(setup.data.train_labels), 3)
    return ShardedBase(plan, lambda shard, stage: build(setup, 3 + stage).member(shard).state_dict())


def context_of(setup: RunSetup, model: Network, check: Callable[[], None] = lambda: None) -> Context:
    torch.manual_seed(11)
    generator = torch.Generator().manual_seed(11)
    model = copy.deepcopy(model)
    return Context(
        model=model,
        forget=setup.split(setup.forget.indices, generator),
        retain=retained_split(setup, generator),
        task=setup.forget.task,
        loss=F.cross_entropy,
        objective=make_objective(setup.spec.train, model, len(setup.data.train_labels)),
        unseen=setup.spare_split(generator),
        device=setup.device,
        precision=setup.precision,
        generator=generator,
        classes=len(setup.data.classes),
        recipe=setup.spec.train,
        fresh=partial(build, setup),
        forgotten=tuple(setup.forget.classes) if setup.forget.task == "class" else (),
        base_seed=3,
        shards=sharded(setup),
        earlier=lambda epochs: build(setup, 5 + epochs).state_dict(),
        max_rounds=ROUNDS,
        check=check,
    )


def start(setup: RunSetup, context: Context) -> Iterator[dict[str, float]]:
    return method_rounds(setup.spec, context)


@pytest.mark.parametrize(("method", "task", "objective"), CASES)
def test_runs_its_rounds_and_repeats_them(
    method: Method, task: str, objective: str, started: tuple[RunSetup, Network]
) -> None:
    setup, model = started
    hashes = []
    for _ in range(2):
        context = context_of(setup, model)
        told = list(start(setup, context))
        assert len(told) == ROUNDS or method.one_shot
        assert all(isinstance(v, float) and math.isfinite(v) for numbers in told for v in numbers.values())
        assert (context.forget.images_drawn > 0) == method.needs_forget
        assert (context.unseen is not None) == method.needs_unseen
        assert context.unseen is None or context.unseen.images_drawn > 0, "asks for unseen samples and reads none"
        assert method.needs_retain or context.retain.images_drawn == 0, (
            "reads retain samples although its record denies it"
        )
        hashes.append(weights_sha256(context.model.state_dict()))
    assert hashes[0] == hashes[1], "the same seed must give the same weights"
    assert hashes[0] != weights_sha256(model.state_dict()), "nothing was unlearned"


@pytest.mark.parametrize(("method", "task", "objective"), CASES)
def test_goes_on_exactly_after_a_resume(
    method: Method, task: str, objective: str, started: tuple[RunSetup, Network], tmp_path: Path
) -> None:
    setup, model = started
    whole = context_of(setup, model)
    list(start(setup, whole))

    first = context_of(setup, model)
    next(start(setup, first))
    state = {
        "model": first.model.state_dict(),
        "kept": {name: thing.state_dict() for name, thing in first.kept.items()},
        "generator": first.generator.get_state(),
        "random": torch.get_rng_state(),
    }
    torch.save(state, tmp_path / "state.pt")

    stored = torch.load(tmp_path / "state.pt", weights_only=True)
    second = context_of(setup, build(setup, seed=99))
    second.model.load_state_dict(stored["model"])
    second.saved, second.first_round = stored["kept"], 2
    second.generator.set_state(stored["generator"])
    torch.set_rng_state(stored["random"])
    list(start(setup, second))
    assert weights_sha256(second.model.state_dict()) == weights_sha256(whole.model.state_dict())


@pytest.mark.parametrize(("method", "task", "objective"), CASES)
def test_ends_within_a_batch_when_asked(
    method: Method, task: str, objective: str, started: tuple[RunSetup, Network]
) -> None:
    setup, model = started

    def refuse() -> None:
        raise Cancelled("asked to stop")

    with pytest.raises(Cancelled):
        next(start(setup, context_of(setup, model, refuse)))
