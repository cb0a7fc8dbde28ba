"""Classifiers that answer together, against a computation by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from cu_core.catalogue.spec_parts import ModelSpec
from cu_core.learning.build import build_model
from cu_core.learning.ensemble import Ensemble
from cu_core.learning.weights import load_weights, read_state_dict, save_weights, weights_sha256


def ensemble(head: str = "projected", shards: int = 3, seed: int = 0) -> Ensemble:
    model = build_model(ModelSpec(embedding_dim=8, head=head), 1, 8, 4, seed, shards=shards)
    assert isinstance(model, Ensemble)
    return model.eval()


def images() -> torch.Tensor:
    return torch.randn(5, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


@pytest.mark.parametrize("asked", [(1, 1, 1), (1, 0, 1), (0, 0, 1)])
def test_the_answer_is_the_mean_probability_of_the_voters(asked: tuple[int, ...]) -> None:
    model = ensemble()
    model.voters.copy_(torch.tensor(asked, dtype=torch.float32))
    with torch.no_grad():
        alone = [softmax(model.member(s)(images()).double().numpy()) for s in range(3)]
        answer = model(images()).exp().numpy()
    wanted = np.mean([p for p, vote in zip(alone, asked, strict=True) if vote], 0)
    assert np.allclose(answer, wanted, atol=1e-6)
    assert np.allclose(answer.sum(1), 1.0, atol=1e-6)


def test_where_nobody_has_learned_anything_all_are_asked() -> None:
    model, other = ensemble(), ensemble()
    other.voters.zero_()
    assert torch.equal(model(images()), other(images()))


@pytest.mark.parametrize("head", ["projected", "plain"])
def test_embeddings_lie_side_by_side(head: str) -> None:
    model = ensemble(head)
    with torch.no_grad():
        outputs = model.outputs(images())
        parts = [model.member(s).outputs(images()) for s in range(3)]
    width = parts[0].embedding.shape[1]
    assert outputs.embedding.shape == outputs.raw.shape == (5, 3 * width) == (5, model.embedding_dim)
    assert outputs.features.shape == (5, model.width)
    assert torch.allclose(outputs.embedding[:, width : 2 * width] * math.sqrt(3), parts[1].embedding, atol=1e-6)
    assert torch.equal(outputs.features[:, -model.member(2).width :], parts[2].features)
    if head == "projected":
        assert torch.allclose(outputs.embedding.norm(dim=1), torch.ones(5), atol=1e-6)


def test_members_start_apart_and_follow_the_seed() -> None:
    first, again, other = ensemble(), ensemble(), ensemble(seed=1)
    hashes = [weights_sha256(first.member(s).state_dict()) for s in range(3)]
    assert len(set(hashes)) == 3
    assert hashes == [weights_sha256(again.member(s).state_dict()) for s in range(3)]
    assert weights_sha256(other.member(0).state_dict()) not in hashes
    fewer = ensemble(shards=2)
    assert weights_sha256(fewer.member(1).state_dict()) == hashes[1]


def test_weights_survive_a_file(tmp_path: Path) -> None:
    model, other = ensemble(), ensemble(seed=1)
    model.voters[1] = 0
    save_weights(tmp_path / "model.pt", model)
    load_weights(other, read_state_dict(tmp_path / "model.pt"))
    assert weights_sha256(other.state_dict()) == weights_sha256(model.state_dict())
