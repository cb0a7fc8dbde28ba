"""Recorded distances of every kind of network: moved by them, a sample's own last layer is undecided."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestCentroid

from cu_core.catalogue.spec_parts import ModelSpec
from cu_core.engine import boundary_signals as module
from cu_core.engine.boundary_signals import boundary_signals
from cu_core.engine.probe import Probe
from cu_core.engine.signals import Forward
from cu_core.learning.build import build_model
from cu_core.learning.network import Network
from cu_core.metrics.boundary import head_input, logit_gap

N, CLASSES = 40, 4


@pytest.fixture
def probe() -> Probe:
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(3, dtype=np.int8), [10, 20, 10])
    label = np.where(group == 0, 3, rng.integers(0, 3, N))
    return Probe(np.arange(N), group == 2, group, label, label, np.zeros(N, bool))


def seen(model: Network, probe: Probe, channels: int = 1) -> Forward:
    images = torch.randn(N, channels, 8, 8, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        outputs = model.eval().outputs(images)
    return Forward(outputs.embedding.numpy(), outputs.logits.numpy()[:, :CLASSES], probe.label)


@pytest.mark.parametrize("kind", ["plain", "projected", "image-text"])
def test_a_sample_moved_by_its_distance_is_undecided(kind: str, probe: Probe) -> None:
    if kind == "image-text":
        pytest.importorskip("open_clip", reason="the optional package open_clip_torch is not installed")
        spec = ModelSpec(backbone="open_clip:tiny")
        model = build_model(spec, 3, 8, CLASSES, 0, "clip", names=("cat", "dog", "horse", "ship"))
    else:
        model = build_model(ModelSpec(head=kind, embedding_dim=16), 1, 8, CLASSES, 0)
    outputs = seen(model, probe, 3 if kind == "image-text" else 1)
    arrays, words = boundary_signals(model, outputs, probe, CLASSES, encoder=False)
    assert words["kind"] == "head" and words["reads"] == ("relu" if kind == "projected" else "embedding")
    assert arrays["boundary"].dtype == arrays["head"].dtype == np.float32
    assert arrays["head"].shape == (CLASSES, model.embedding_dim + 1)
    inputs = head_input(outputs.embedding, words["reads"]).astype(float)
    weight, bias = arrays["head"][:, :-1].astype(float), arrays["head"][:, -1]
    np.testing.assert_allclose(inputs @ weight.T + bias, outputs.logits, atol=1e-4)
    others = outputs.logits.copy()
    others[np.arange(N), probe.label] = -np.inf
    for row, (own, other) in enumerate(zip(probe.label, others.argmax(1), strict=True)):
        normal = (weight[own] - weight[other]) / np.linalg.norm(weight[own] - weight[other])
        moved = torch.from_numpy(inputs[row] - arrays["boundary"][row] * normal).float()
        # Asked of the model itself where it has a module for it.
        answer = model.head(moved).detach().numpy() if kind != "image-text" else weight @ moved.double().numpy()
        assert answer[own] == pytest.approx(answer[other], abs=1e-4)


def test_encoders_are_judged_by_the_nearest_centroid_of_retain_samples(probe: Probe) -> None:
    model = build_model(ModelSpec(embedding_dim=16), 1, 8, CLASSES, seed=0, objective="simclr")
    outputs = seen(model, probe)
    arrays, words = boundary_signals(model, outputs, probe, CLASSES, encoder=True)
    assert words["kind"] == "centroid"
    # Class 3 has forget samples only; they are its centroid.
    known = (probe.group == 1) | (probe.group == 0)
    found = NearestCentroid().fit(outputs.embedding[known], probe.label[known]).predict(outputs.embedding)
    assert ((arrays["boundary"] > 0) == (found == probe.label)).all()
    assert 0 < (arrays["boundary"] > 0).mean() < 1
    assert arrays["head"].shape == (CLASSES, 17)


def test_models_that_answer_together_leave_the_gap_of_logits(probe: Probe) -> None:
    model = build_model(ModelSpec(embedding_dim=8), 1, 8, CLASSES, 0, shards=2)
    outputs = seen(model, probe)
    arrays, words = boundary_signals(model, outputs, probe, CLASSES, encoder=False)
    assert words["kind"] == "logits" and set(arrays) == {"boundary"} and "reads" not in words
    np.testing.assert_array_equal(arrays["boundary"], logit_gap(outputs.logits, probe.label))


def test_a_large_head_is_left_out_and_the_distances_stay(probe: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_HEAD_BYTES", 4 * CLASSES * 17 - 1)
    model = build_model(ModelSpec(embedding_dim=16), 1, 8, CLASSES, 0)
    arrays, words = boundary_signals(model, seen(model, probe), probe, CLASSES, encoder=False)
    assert set(arrays) == {"boundary"} and words["kind"] == "head"


def test_looking_at_the_head_leaves_modes_and_gradients_alone(probe: Probe) -> None:
    model = build_model(ModelSpec(embedding_dim=16), 1, 8, CLASSES, 0)
    outputs = seen(model, probe)
    model.train()
    arrays, _ = boundary_signals(model, outputs, probe, CLASSES, encoder=False)
    assert model.training and model.head.weight.requires_grad and model.head.weight.grad is None
    with torch.no_grad():
        model.head.weight.add_(1.0)
    # What was recorded is a copy, not the weights that go on learning.
    assert not np.allclose(arrays["head"][:, :-1], model.head.weight.detach().numpy())
