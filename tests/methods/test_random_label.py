"""Random wrong labels: which are drawn, and the steps on them."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F

from cu_core.methods.mixed import mixed_epoch, separate_epoch
from cu_core.methods.random_label import RandomLabelParams, relabelled, relabelled_anew, unlearn, wrong_labels
from tests.methods.plain import PlainSgd, assert_same, twin
from tests.methods.small import context_of


def test_labels_are_wrong_never_forgotten_and_all_others_equally_likely() -> None:
    true = torch.arange(5).repeat(4000)
    drawn = wrong_labels(true, 5, (), torch.Generator().manual_seed(0))
    counts = torch.stack([torch.bincount(drawn[true == c], minlength=5) for c in range(5)])
    assert (counts.diagonal() == 0).all()
    assert (counts[~torch.eye(5, dtype=torch.bool)] - 1000).abs().max() < 150  # five standard deviations
    forgotten = torch.tensor([1, 3]).repeat(4000)
    drawn = wrong_labels(forgotten, 5, (1, 3), torch.Generator().manual_seed(0))
    assert (torch.bincount(drawn, minlength=5) - torch.tensor([2667, 0, 2667, 0, 2667])).abs().max() <= 220
    assert set(drawn.tolist()) == {0, 2, 4}


@pytest.mark.parametrize("task", ["class", "sample"])
def test_only_forget_samples_are_relabelled_and_a_resume_keeps_their_labels(task: str) -> None:
    context = context_of(forget=20, task=task)
    labels, true = relabelled(context), context.forget.source.labels
    assert (labels[context.retain.indices] == true[context.retain.indices]).all()
    assert (labels[context.forget.indices] != true[context.forget.indices]).all()
    again = context_of(forget=20, task=task, first_round=2)
    again.generator.manual_seed(7)
    again.saved = {name: copy.deepcopy(thing.state_dict()) for name, thing in context.kept.items()}
    assert torch.equal(relabelled(again), labels)


@pytest.mark.parametrize(("share", "drawn"), [(0.0, 0), (0.5, 15), (1.0, 30)])
def test_a_mixed_pass_takes_all_forget_samples_and_a_share_of_the_others(share: float, drawn: int) -> None:
    context = context_of(forget=10, retain=30)
    batches = list(mixed_epoch(context, 8, share))
    seen = torch.cat([index for _, _, index, _ in batches])
    marked = torch.cat([to_forget for _, _, _, to_forget in batches])
    assert sorted(seen[marked].tolist()) == context.forget.indices.tolist()
    assert len(set(seen[~marked].tolist())) == drawn and set(seen[~marked].tolist()) <= set(range(10, 40))
    assert (context.forget.images_drawn, context.retain.images_drawn) == (10, drawn)
    images, labels, index, _ = batches[0]
    want_images, want_labels = context.forget.source.take(index)
    assert torch.equal(images, want_images) and torch.equal(labels, want_labels)
    if share == 0.5:
        mixed = [bool(to_forget.any() and not to_forget.all()) for _, _, _, to_forget in batches]
        assert sum(mixed) >= len(batches) - 1, "forget and retain samples must come together"
        other = torch.cat([index for _, _, index, _ in mixed_epoch(context, 8, share)])
        assert set(other.tolist()) != set(seen.tolist()), "each pass must draw another share"


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_steps_are_those_of_cross_entropy_on_the_drawn_labels(share: float) -> None:
    context, mirror = (context_of(forget=12, rounds=2, batch_norm=True) for _ in range(2))
    model = twin(mirror)
    params = RandomLabelParams(lr=0.1, momentum=0.5, weight_decay=0.01, batch_size=12, retain_share=share)
    told = list(unlearn(context, params))
    labels = context.forget.source.labels.clone()
    labels[context.forget.indices] = context.kept["labels"].state_dict()["labels"]
    relabelled(mirror)  # draws as much as the method did
    sgd = PlainSgd(model, lr=0.1, momentum=0.5, weight_decay=0.01)
    for numbers in told:
        losses = []
        for x, _, index, _ in mixed_epoch(mirror, 12, share):
            loss = F.cross_entropy(model(x), labels[index])
            losses.append(float(loss.detach()))
            sgd.step(loss)
        assert numbers["loss"] == pytest.approx(sum(losses) / len(losses), rel=1e-4)
    assert_same(context.model, model)
    assert (context.retain.images_drawn == 0) == (share == 0)


def test_labels_drawn_anew_may_be_any_class() -> None:
    context = context_of(forget=6000, retain=30, task="class")
    true = context.forget.source.labels
    drawn = relabelled_anew(context)[context.forget.indices]
    counts = torch.bincount(drawn, minlength=3)
    assert (counts - len(drawn) / 3).abs().max() < 5 * (len(drawn) * 2 / 9) ** 0.5, "the true and forgotten one, too"
    assert torch.equal(relabelled_anew(context)[context.retain.indices], true[context.retain.indices])
    assert not torch.equal(relabelled_anew(context)[context.forget.indices], drawn)


@pytest.mark.parametrize(("share", "drawn"), [(0.0, 0), (0.5, 15), (1.0, 30)])
def test_a_separate_pass_takes_forget_samples_first(share: float, drawn: int) -> None:
    context = context_of(forget=10, retain=30)
    batches = list(separate_epoch(context, 8, share))
    kinds = [set(to_forget.tolist()) for _, _, _, to_forget in batches]
    assert kinds == [{True}] * 2 + [{False}] * -(-drawn // 8)
    seen = torch.cat([index for _, _, index, _ in batches])
    assert sorted(seen[:10].tolist()) == context.forget.indices.tolist()
    assert len(set(seen[10:].tolist())) == drawn and set(seen[10:].tolist()) <= set(range(10, 40))
    assert (context.forget.images_drawn, context.retain.images_drawn) == (10, drawn)
    images, labels, index, _ = batches[-1]
    want_images, want_labels = context.forget.source.take(index)
    assert torch.equal(images, want_images) and torch.equal(labels, want_labels)


@pytest.mark.parametrize(("relabelling", "order"), [("released", "paper"), ("paper", "released"), ("released",) * 2])
def test_steps_of_the_released_code(relabelling: str, order: str) -> None:
    """Stated once more by hand: one batch of forget samples, labelled anew or once, and then one of the others."""
    context, mirror = (context_of(forget=12, retain=20, rounds=3, batch_norm=True) for _ in range(2))
    model, source = twin(mirror), mirror.forget.source
    params = RandomLabelParams(
        lr=0.1, momentum=0.5, weight_decay=0.01, batch_size=64, relabelling=relabelling, order=order
    )
    told = list(unlearn(context, params))
    sgd = PlainSgd(model, lr=0.1, momentum=0.5, weight_decay=0.01)
    labels = source.labels.clone()
    if relabelling == "paper":
        labels = relabelled(mirror)
    for numbers in told:
        if relabelling == "released":
            labels[mirror.forget.indices] = torch.randint(3, (12,), generator=mirror.generator)
        if order == "paper":
            batches = [index for _, _, index, _ in mixed_epoch(mirror, 64, 1.0)]
        else:
            batches = [torch.arange(12), torch.arange(12, 32)]
            for size in (12, 20, 20):  # orders of the forget samples, of the drawn share and of its samples
                torch.randperm(size, generator=mirror.generator)
        losses = []
        for index in batches:
            x, _ = source.take(index)
            loss = F.cross_entropy(model(x), labels[index])
            losses.append(float(loss.detach()))
            sgd.step(loss)
        assert len(losses) == (1 if order == "paper" else 2)
        assert numbers["loss"] == pytest.approx(sum(losses) / len(losses), rel=1e-4)
    assert_same(context.model, model)
