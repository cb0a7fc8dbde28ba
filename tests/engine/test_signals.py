"""Signals of a forward pass: against NumPy, with few classes, with numbers that half precision cannot hold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import softmax
from sklearn.metrics import log_loss
from torch import nn

from cu_core.catalogue.spec_parts import ModelSpec
from cu_core.data.batches import ImageSource
from cu_core.engine.signals import IN_CACHE, Forward, forward, outputs_of, per_sample, two_view_cosine
from cu_core.learning.build import build_model
from cu_core.learning.classifier import Classifier


def outputs(classes: int, n: int = 40) -> Forward:
    rng = np.random.default_rng(classes)
    logits = rng.normal(0, 3, (n, classes)).astype(np.float32)
    return Forward(rng.normal(size=(n, 5)).astype(np.float32), logits, rng.integers(0, classes, n))


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_signals_match_numpy(classes):
    given = outputs(classes)
    got = per_sample(given)
    p, n = softmax(given.logits.astype(np.float64), axis=1), np.arange(len(given.labels))
    order = np.argsort(-p, axis=1)[:, :3]
    k = order.shape[1]
    assert (got["top3_class"][:, :k] == order).all()
    assert got["top3"][:, :k] == pytest.approx(np.take_along_axis(p, order, 1), abs=1e-6)
    assert (got["top3_class"][:, k:] == -1).all() and (got["top3"][:, k:] == 0).all()
    own = p[n, given.labels]
    others = p.copy()
    others[n, given.labels] = -1
    assert got["margin"] == pytest.approx(own - others.max(1), abs=1e-6)
    assert got["loss"].mean() == pytest.approx(log_loss(given.labels, p, labels=range(classes)), rel=1e-5)
    assert got["embedding"] == pytest.approx(given.embedding, rel=1e-3, abs=1e-3)


def test_what_half_precision_cannot_hold_is_clipped():
    big = np.array([[1e6, -1e6, 3e38]], np.float32)
    got = per_sample(Forward(big, big, np.array([0])))
    assert got["embedding"].tolist() == got["logits"].tolist() == [[65504, -65504, 65504]]


def test_finite_knows_both_kinds_of_bad_numbers():
    good = outputs(3)
    assert good.finite
    for bad in (np.nan, np.inf):
        spoiled = good.logits.copy()
        spoiled[3, 1] = bad
        assert not Forward(good.embedding, spoiled, good.labels).finite
        embedding = good.embedding.copy()
        embedding[0, 0] = bad
        assert not Forward(embedding, good.logits, good.labels).finite


def test_what_only_encoders_have_takes_part_in_everything():
    plain = outputs(4)
    n = len(plain.labels)
    rng = np.random.default_rng(1)
    pairs = rng.uniform(-1, 1, (n, 6)).astype(np.float32)
    top3 = -np.sort(-rng.dirichlet(np.ones(9), n).astype(np.float32), axis=1)[:, :3]
    own = rng.exponential(1.0, n).astype(np.float32)
    given = replace(plain, own_loss=own, output_top3=top3, two_view=pairs[:, 0], pair_cosines=pairs)
    assert (given.loss == own).all() and (given.top1 == top3[:, 0]).all()
    assert plain.top1 == pytest.approx(softmax(plain.logits.astype(float), axis=1).max(1))
    got = per_sample(given)
    assert got["pair_cosines"].dtype == np.float16 and got["pair_cosines"] == pytest.approx(pairs, abs=1e-3)
    assert (got["two_view_cosine"] == pairs[:, 0]).all() and (got["output_top3"] == top3).all()
    assert (got["loss"] == own).all()
    assert not {"pair_cosines", "two_view_cosine", "output_top3"} & set(per_sample(plain))
    part = given.take(np.array([3, 1]))
    assert (part.pair_cosines == pairs[[3, 1]]).all() and part.loss.tolist() == own[[3, 1]].tolist()
    both = part.then(given)
    assert len(both.labels) == len(both.own_loss) == n + 2 and (both.two_view[:2] == pairs[[3, 1], 0]).all()
    assert part.then(plain).own_loss is None
    for name in ("own_loss", "output_top3"):
        spoiled = getattr(given, name).copy()
        spoiled.flat[5] = np.nan
        assert given.finite and not replace(given, **{name: spoiled}).finite


class Trunk(nn.Module):
    width = 4

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(x).flatten(1)[:, :4]


def test_evaluating_changes_neither_statistics_nor_the_mode_of_any_layer():
    model = Classifier(Trunk(), 3, "plain", 0).train()
    model.trunk.norm.eval()  # as a method does that freezes the statistics
    before = {name: value.clone() for name, value in model.state_dict().items()}
    modes = [layer.training for layer in model.modules()]
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (20, 1, 6, 6)).astype(np.uint8)
    source = ImageSource(images, np.arange(20) % 3, (0.5,), (0.2,), torch.device("cpu"))
    for _ in range(2):
        passed = forward(model, source, np.arange(20))
        views = two_view_cosine(model, source, np.arange(20), seed=1)
    assert [layer.training for layer in model.modules()] == modes
    assert all((before[name] == value).all() for name, value in model.state_dict().items())
    assert passed.logits.shape == (20, 3) and (np.abs(views) <= 1 + 1e-6).all()
    assert (two_view_cosine(model, source, np.arange(20), seed=1) == views).all()
    alone = forward(model, source, np.array([7]))
    assert alone.logits == pytest.approx(passed.logits[7:8], abs=1e-5), "a sample's signals do not depend on others"
    assert len(forward(model, source, np.empty(0, np.int64)).logits) == 0


@pytest.mark.parametrize("images", [0, 1, IN_CACHE, IN_CACHE + 1, 3 * IN_CACHE - 1])
def test_a_batch_in_parts_is_answered_as_at_once(images: int) -> None:
    model = build_model(ModelSpec(backbone="resnet8"), 3, 16, 5, 0, "supervised").eval()
    asked: list[int] = []
    model.trunk.register_forward_pre_hook(lambda module, given: asked.append(len(given[0])))
    x = torch.randn(images, 3, 16, 16)
    with torch.inference_mode():
        found, wanted = outputs_of(model, x), model.outputs(x)
    *parts, _ = asked
    assert sum(parts) == images and max(parts) <= IN_CACHE and max(parts) - min(parts) <= 1
    for mine, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-6)
