"""What every method can rely on: the mode of the model within a round, and a record that finds its generator."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import pytest
import torch

from cu_core.catalogue.method_record import METHODS
from cu_core.catalogue.spec import MethodSpec, RunSpec
from cu_core.engine.unlearning import method_rounds
from cu_core.methods import contrastive
from cu_core.methods.context import Context
from cu_core.methods.steps import Steps
from tests.methods.small import context_of

SPEC = RunSpec(method=MethodSpec("contrastive"))


def started(monkeypatch: pytest.MonkeyPatch, context: Context, do: Callable[[int], None]) -> Iterator[dict[str, float]]:
    """Rounds of a made-up method: `do(number)` is called in each."""

    def unlearn(context: Context, params: object) -> Iterator[dict[str, float]]:
        for number in context.rounds():
            do(number)
            yield {}

    monkeypatch.setattr(contrastive, "unlearn", unlearn)
    return method_rounds(SPEC, context)


def test_the_model_trains_within_a_round_and_rests_between(monkeypatch: pytest.MonkeyPatch) -> None:
    context = context_of(rounds=3, batch_norm=True)
    model, modes = context.model.eval(), []

    def look(number: int) -> None:
        modes.append({module.training for module in model.modules()})
        if number == 2:
            model.eval()

    between = [{module.training for module in model.modules()} for _ in started(monkeypatch, context, look)]
    assert modes == [{True}] * 3, "also after a round that ended in evaluation mode"
    assert between == [{False}] * 3 and not model.training


def test_the_model_rests_after_a_round_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    context = context_of()

    def fail(number: int) -> None:
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="middle"):
        next(started(monkeypatch, context, fail))
    assert not context.model.training


def test_a_method_that_says_nothing_of_modes_moves_the_statistics(monkeypatch: pytest.MonkeyPatch) -> None:
    context = context_of(batch_norm=True)
    before = {name: value.clone() for name, value in context.model.eval().named_buffers()}

    def step(number: int) -> None:
        steps = Steps(context, torch.optim.SGD(context.model.parameters(), lr=0.1))
        x, y, _ = context.retain.sample(8)
        steps.take(steps.loss(x, y))

    list(started(monkeypatch, context, step))
    assert all(not torch.equal(before[name], value) for name, value in context.model.named_buffers())


@pytest.mark.parametrize(
    "name", ["cu_core.methods.contrastive:unlearn", lambda: contrastive.unlearn], ids=["named", "given"]
)
def test_a_record_finds_its_generator(name: object) -> None:
    record = dataclasses.replace(METHODS["contrastive"], implementation=name)
    numbers = list(record.unlearn(context_of(rounds=2), record.params()))
    assert len(numbers) == 2 and set(numbers[0]) == {"loss", "unlearn_loss", "retain_loss", "gradient_norm"}
