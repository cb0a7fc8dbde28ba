"""The image-text loss, against NumPy and the library's own."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from cu_core.catalogue.spec_parts import ModelSpec, TrainSpec
from cu_core.learning.build import build_model
from cu_core.learning.image_text import ImageText
from cu_core.learning.objectives.clip import image_text_loss
from cu_core.learning.objectives.training_objective import make_objective

SPEC = TrainSpec(objective="clip")


def rows(n: int, d: int, seed: int) -> torch.Tensor:
    return F.normalize(torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64), dim=1)


def by_hand(images: np.ndarray, texts: np.ndarray, scale: float) -> float:
    logits = scale * images @ texts.T
    total = 0.0
    for i in range(len(logits)):
        total += np.log(np.exp(logits[i]).sum()) - logits[i, i]
        total += np.log(np.exp(logits[:, i]).sum()) - logits[i, i]
    return total / (2 * len(logits))


@pytest.mark.parametrize("scale", [1.0, 14.3, 60.0])
def test_the_loss_is_that_of_the_definition(scale: float) -> None:
    images, texts = rows(7, 5, 0), rows(7, 5, 1)
    found = image_text_loss(images, texts, torch.tensor(scale, dtype=torch.float64))
    assert float(found) == pytest.approx(by_hand(images.numpy(), texts.numpy(), scale), rel=1e-9)
    assert float(image_text_loss(texts, images, torch.tensor(scale, dtype=torch.float64))) == pytest.approx(
        float(found), rel=1e-9
    )


def test_the_loss_is_the_librarys() -> None:
    library = pytest.importorskip("open_clip", reason="the optional package open_clip_torch is not installed")
    images, texts, scale = rows(6, 4, 2), rows(6, 4, 3), torch.tensor(9.0)
    assert float(image_text_loss(images, texts, scale)) == pytest.approx(
        float(library.ClipLoss()(images, texts, scale))
    )


def test_images_of_one_class_leave_a_floor() -> None:
    """Two classes with two images each, as far apart as can be: each picks one of two right texts."""
    corner = torch.eye(2)[[0, 0, 1, 1]]
    assert float(image_text_loss(corner, corner, torch.tensor(100.0))) == pytest.approx(math.log(2), abs=1e-6)


def network() -> ImageText:
    pytest.importorskip("open_clip", reason="the optional package open_clip_torch is not installed")
    model = build_model(ModelSpec(backbone="open_clip:tiny"), 1, 8, 3, 0, "clip", names=("cat", "dog", "horse"))
    assert isinstance(model, ImageText)
    return model


def test_the_objective_pairs_images_with_their_classes_prompts() -> None:
    model, generator = network(), torch.Generator()
    images, labels = torch.randn(6, 1, 8, 8), torch.tensor([2, 0, 1, 1, 0, 2])
    objective = make_objective(SPEC, model, 6)
    loss = objective(model, images, labels, generator)
    with torch.no_grad():
        outputs = model.outputs(images)
        prompts = model.prompt_embeddings()
    wanted = by_hand(outputs.embedding.numpy(), prompts[labels].numpy(), float(model.scale.detach()))
    assert float(loss) == pytest.approx(wanted, rel=1e-5)
    assert objective.correct is not None and int(objective.correct) == int((outputs.logits.argmax(1) == labels).sum())
    loss.backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in (model.log_scale, *model.trunk.parameters()))
    assert model.text.token_embedding.weight.grad.abs().sum() > 0


def test_the_scale_stays_within_bounds() -> None:
    model = network()
    objective = make_objective(SPEC, model, 6)
    for value, kept in ((9.0, math.log(100)), (-2.0, 0.0), (3.0, 3.0)):
        with torch.no_grad():
            model.log_scale.fill_(value)
        objective.after_step(model)
        assert model.log_scale.item() == pytest.approx(kept)


def test_the_loss_of_a_sample_comes_from_its_logits() -> None:
    objective = make_objective(SPEC, network(), 6)
    with pytest.raises(TypeError, match="logits"):
        objective.per_sample(network(), torch.zeros(1, 2), torch.zeros(1, 2), torch.zeros(1, 2))
    assert len(objective.views(torch.randn(2, 1, 8, 8), 3, torch.Generator())) == 3
