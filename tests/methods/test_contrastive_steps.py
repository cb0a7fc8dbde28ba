"""How contrastive unlearning walks: steps per round, retain batches, queue, loss scaling."""

from __future__ import annotations

import copy
import dataclasses
import math

import pytest
import torch
import torch.nn.functional as F

from cu_core.methods.contrastive import (
    ContrastiveParams,
    ContrastiveQueueParams,
    contrastive_unlearning_loss,
    unlearn,
    unlearn_queue,
)
from cu_core.methods.embedding_queue import EmbeddingQueue, queue_loss
from tests.methods.small import FP16, context_of


@pytest.mark.parametrize(
    ("forget", "batch", "omega", "drawn"),
    [(10, 5, 4, 40), (10, 4, 2, 20), (9, 4, 3, 27), (1, 4, 2, 4), (10, 99, 1, 10)],
)
def test_every_forget_batch_meets_fresh_retain_batches_of_its_size(forget, batch, omega, drawn):
    context = context_of(forget)
    seen: list[set[int]] = []
    sample = context.retain.sample

    def watched(n):
        x, y, index = sample(n)
        seen.append(set(index.tolist()))
        return x, y, index

    context.retain.sample = watched
    steps = list(unlearn(context, ContrastiveParams(batch_size=batch, retain_batches=omega)))
    assert len(steps) == 1 and context.forget.images_drawn == forget and context.retain.images_drawn == drawn
    assert len(set(map(frozenset, seen))) == len(seen), "the same retain batch again"


VARIANTS = {
    "plain": {},
    "class": {"task": "class"},
    "raw": {"normalize": False},
    "released": {"weighting": "released"},
    "queue": {"queue": 8},
    "queue of raw embeddings": {"queue": 8, "normalize": False},
    "encoder": {"encoder": True},
    "encoder with a queue": {"encoder": True, "queue": 8},
}


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_steps_are_the_gradient_of_the_weighted_sum(variant):
    """Two rounds of one step each, beside a plain statement of what they should do."""
    variant = dict(variant)
    task = variant.pop("task", "sample")
    encoder = variant.pop("encoder", False)
    context, mirror = (context_of(forget=8, rounds=2, encoder=encoder) for _ in range(2))
    context.task = task
    model = copy.deepcopy(context.model)
    params = ContrastiveParams(
        lr=0.05, momentum=0.5, retain_batches=1, batch_size=8, unlearn_weight=2.5, retain_weight=0.5, temperature=0.3
    )
    params = dataclasses.replace(params, **variant)
    told = list(unlearn(context, params))
    velocity = [torch.zeros_like(p) for p in model.parameters()]
    if params.queue:
        mirror.retain.sample(8)  # fills the queue, and is pushed out again by the first step's batch
    for numbers in told:
        ((xf, yf, _),) = mirror.forget.epoch(8)
        xr, yr, _ = mirror.retain.sample(8)
        outputs = model.outputs(torch.cat([xf, xr]))
        z = outputs.embedding if params.normalize else outputs.raw
        if params.queue:
            pushed = queue_loss(z[:8], yf, z[8:].detach(), yr, 0.3, normalize=params.normalize)
        else:
            pushed = contrastive_unlearning_loss(
                z[:8], yf, z[8:], yr, 0.3, task, normalize=params.normalize, weighting=params.weighting
            )
        kept = mirror.objective(model, xr, yr, mirror.generator) if encoder else F.cross_entropy(outputs.logits[8:], yr)
        loss = 2.5 * pushed + 0.5 * kept
        gradients = torch.autograd.grad(loss, list(model.parameters()))
        norm = math.sqrt(sum(float(g.square().sum()) for g in gradients))
        want = {"loss": loss, "unlearn_loss": pushed, "retain_loss": kept, "gradient_norm": norm}
        assert numbers == pytest.approx({k: float(torch.as_tensor(v).detach()) for k, v in want.items()}, rel=1e-4)
        with torch.no_grad():
            for p, v, g in zip(model.parameters(), velocity, gradients, strict=True):
                v.mul_(0.5).add_(g)
                p.sub_(0.05 * v)
    assert not encoder or context.objective.steps == 2
    for want, got in zip(model.parameters(), context.model.parameters(), strict=True):
        assert got.detach().numpy() == pytest.approx(want.detach().numpy(), abs=1e-5)


def test_queue_is_full_before_the_first_step_and_keeps_the_latest():
    context = context_of()
    rounds = unlearn(context, ContrastiveParams(batch_size=5, queue=23))
    next(rounds)
    queue = context.kept["queue"]
    assert context.retain.images_drawn == 25 + 2 * 4 * 5, "five batches of five fill it"
    assert queue.embeddings.shape == (23, 5) and queue.labels.shape == (23,)
    assert not queue.embeddings.requires_grad
    store = EmbeddingQueue(4)
    store.push(torch.arange(3.0)[:, None], torch.arange(3))
    kept, labels = store.push(torch.arange(3.0, 6.0)[:, None], torch.arange(3, 6))
    assert kept[:, 0].tolist() == labels.tolist() == [2, 3, 4, 5]


@pytest.mark.parametrize("encoder", [False, True], ids=["classifier", "encoder"])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_the_queue_method_contrasts_with_keys_of_a_slow_copy(momentum, encoder):
    context, mirror = (context_of(forget=8, rounds=2, encoder=encoder, batch_norm=True) for _ in range(2))
    params = ContrastiveQueueParams(
        lr=0.05, momentum=0.0, retain_batches=2, batch_size=8, temperature=0.3, queue=20, key_momentum=momentum
    )
    told = list(unlearn_queue(context, params))
    model, slow = mirror.model.train(), copy.deepcopy(mirror.model).train()
    queue, labels = torch.zeros(0, 5), torch.zeros(0, dtype=torch.int64)

    def push(images, y):
        nonlocal queue, labels
        z = (slow if momentum else model).outputs(images).raw.detach()
        queue, labels = torch.cat([queue, z])[-20:], torch.cat([labels, y])[-20:]

    while len(queue) < 20:
        push(*mirror.retain.sample(8)[:2])
    for numbers in told:
        losses = []
        ((xf, yf, _),) = mirror.forget.epoch(8)
        for _ in range(2):
            xr, yr, _ = mirror.retain.sample(8)
            outputs = model.outputs(torch.cat([xf, xr]))
            if momentum:
                push(xr, yr)
            else:
                queue, labels = torch.cat([queue, outputs.raw[8:].detach()])[-20:], torch.cat([labels, yr])[-20:]
            similarity = F.normalize(outputs.raw[:8]) @ F.normalize(queue).T / 0.3
            rows = -similarity.log_softmax(1)
            pushed = rows[yf[:, None] != labels[None]].mean()
            losses.append(float(pushed.detach()))
            kept = (
                mirror.objective(model, xr, yr, mirror.generator)
                if encoder
                else F.cross_entropy(outputs.logits[8:], yr)
            )
            gradients = torch.autograd.grad(3 * pushed + kept, list(model.parameters()))
            with torch.no_grad():
                for p, g in zip(model.parameters(), gradients, strict=True):
                    p.sub_(0.05 * g)
                for ours, theirs in zip(slow.parameters(), model.parameters(), strict=True):
                    ours.mul_(0.9).add_(0.1 * theirs)
        assert numbers["unlearn_loss"] == pytest.approx(sum(losses) / 2, rel=1e-4)
    for want, got in zip(model.parameters(), context.model.parameters(), strict=True):
        assert got.detach().numpy() == pytest.approx(want.detach().numpy(), abs=1e-5)
    assert ("slow" in context.kept) == (momentum > 0)


def test_filling_the_queue_can_be_stopped():
    calls = []

    def check():
        calls.append(1)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        next(unlearn(context_of(check=check), ContrastiveParams(queue=1000)))
    assert calls == [1]


@pytest.mark.gpu
def test_a_stored_queue_follows_its_batches_to_the_device():
    store = EmbeddingQueue(4)
    store.load_state_dict({"embeddings": torch.zeros(2, 3), "labels": torch.zeros(2, dtype=torch.int64)})
    kept, labels = store.push(torch.ones(1, 3, device="cuda"), torch.ones(1, dtype=torch.int64, device="cuda"))
    assert kept.device.type == labels.device.type == "cuda"


def test_overflow_under_loss_scaling_is_a_skipped_step_not_a_failure():
    context = context_of(precision=FP16)
    start = copy.deepcopy(context.model.state_dict())
    params = ContrastiveParams(batch_size=5, retain_batches=1, unlearn_weight=1000.0)  # 1000 · 65536 overflows
    rounds = unlearn(context, params)
    first = next(rounds)
    assert all(math.isfinite(value) for value in first.values())
    assert first["gradient_norm"] == 0 and context.kept["optimizer_scaler"].state_dict()["scale"] < 65536
    assert all((start[name] == value).all() for name, value in context.model.state_dict().items())


def test_the_scale_survives_a_resume():
    params = ContrastiveParams(batch_size=5, retain_batches=2, unlearn_weight=1000.0)
    whole = context_of(precision=FP16, rounds=6)
    list(unlearn(whole, params))

    first = context_of(precision=FP16, rounds=6)
    rounds = unlearn(first, params)
    for _ in range(3):
        next(rounds)
    second = context_of(precision=FP16, rounds=6, first_round=4)
    second.model.load_state_dict(first.model.state_dict())
    second.saved = copy.deepcopy({name: thing.state_dict() for name, thing in first.kept.items()})
    second.generator.set_state(first.generator.get_state())
    list(unlearn(second, params))
    assert second.kept["optimizer_scaler"].state_dict() == whole.kept["optimizer_scaler"].state_dict()
    for name, value in second.model.state_dict().items():
        assert (value == whole.model.state_dict()[name]).all()
