"""Image-text models: the zero-shot answer by hand, tokens, seeds, and what is refused."""

from __future__ import annotations

import builtins
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cu_core.base.errors import BadInput, Incompatible
from cu_core.catalogue import compatibility
from cu_core.catalogue.recipes import CLIP, TINY_CLIP, recipe
from cu_core.catalogue.spec import spec_from_json
from cu_core.catalogue.spec_parts import ModelSpec
from cu_core.learning.build import build_model
from cu_core.learning.image_text import ImageText
from cu_core.learning.weights import load_weights, read_state_dict, save_weights, weights_sha256

NAMES = ("cat", "dog", "horse")


def model(seed: int = 0, size: int = 8, name: str = "open_clip:tiny", names: tuple[str, ...] = NAMES) -> ImageText:
    pytest.importorskip("open_clip", reason="the optional package open_clip_torch is not installed")
    built = build_model(ModelSpec(backbone=name), 3, size, len(names), seed, "clip", names=names)
    assert isinstance(built, ImageText)
    return built.eval()


def images(channels: int = 3, size: int = 8) -> torch.Tensor:
    return torch.randn(5, channels, size, size, generator=torch.Generator().manual_seed(0))


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.sqrt((rows**2).sum(1, keepdims=True))


def test_the_answer_is_the_scaled_cosine_to_each_class_prompt() -> None:
    clip = model()
    with torch.no_grad():
        clip.log_scale.fill_(2.0)
        outputs = clip.outputs(images())
        seen = clip.trunk.tower(images()).double().numpy()
        prompts = tokens([f"a photo of a {name}" for name in NAMES])
        read = clip.text.encode_text(prompts).double().numpy()
    assert np.allclose(outputs.logits.numpy(), np.exp(2.0) * unit(seen) @ unit(read).T, atol=1e-5)
    assert np.allclose(outputs.embedding.numpy(), unit(seen), atol=1e-6)
    assert np.allclose(outputs.raw.numpy(), seen, atol=1e-6)
    assert outputs.logits.shape == (5, clip.num_outputs) and outputs.embedding.shape == (5, clip.embedding_dim)


def tokens(texts: list[str]) -> torch.Tensor:
    from cu_core.learning.backbones.open_clip_models import tiny_tokens  # noqa: PLC0415 - needs the optional package

    return tiny_tokens(texts)


def test_tokens_are_bytes_between_start_and_end() -> None:
    pytest.importorskip("open_clip", reason="the optional package open_clip_torch is not installed")
    short, long = tokens(["aé", "x" * 500]).tolist()
    assert short[:6] == [256, 97, 0xC3, 0xA9, 257, 0] and set(short[5:]) == {0}
    assert long[0] == 256 and long[-1] == 257 and set(long[1:-1]) == {120}


def test_a_prompt_decides_through_its_words_alone() -> None:
    clip, other = model(), model(names=("cat", "dog", "whale"))
    with torch.no_grad():
        first, second = clip(images()), other(images())
    assert torch.allclose(first[:, :2], second[:, :2], atol=1e-5)
    assert not torch.allclose(first[:, 2], second[:, 2], atol=1e-3)


@pytest.mark.parametrize("size", [8, 13, 32])
def test_grey_and_odd_images_are_taken(size: int) -> None:
    clip = model(size=size)
    grey = images(1, size)
    with torch.no_grad():
        assert torch.equal(clip(grey), clip(grey.repeat(1, 3, 1, 1)))


def test_weights_follow_the_seed_and_survive_a_file(tmp_path: Path) -> None:
    first, again, other = model(), model(), model(seed=1)
    assert weights_sha256(first.state_dict()) == weights_sha256(again.state_dict())
    assert weights_sha256(first.state_dict()) != weights_sha256(other.state_dict())
    save_weights(tmp_path / "clip.safetensors", first)
    load_weights(other, read_state_dict(tmp_path / "clip.safetensors"))
    assert weights_sha256(first.state_dict()) == weights_sha256(other.state_dict())
    assert "prompts" not in first.state_dict(), "prompts come from the data"


def test_a_listed_model_is_built_for_the_size_of_the_images() -> None:
    clip = model(name="open_clip:ViT-S-32-alt", size=64, names=("cat", "dog"))
    with torch.no_grad():
        assert clip(images(size=64)).shape == (5, 2)


def test_an_unknown_model_is_refused_with_its_likes() -> None:
    pytest.importorskip("open_clip", reason="the optional package open_clip_torch is not installed")
    with pytest.raises(BadInput, match=r"no model named 'ViT-B-33'.*open_clip:ViT-B-32"):
        build_model(ModelSpec(backbone="open_clip:ViT-B-33"), 3, 32, 2, 0, "clip")


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a classifier's backbone": ({"train": {"objective": "clip"}}, "needs a backbone open_clip:NAME"),
    "another objective": ({"model": {"backbone": "open_clip:tiny"}}, "trained with the objective clip"),
    "another method": (
        {"model": {"backbone": "open_clip:tiny"}, "train": {"objective": "clip"}, "method": "contrastive"},
        "not from image-text ones",
    ),
    "a classifier's method": ({"method": "clip_contrastive"}, "unlearns from image-text models"),
    "single samples": (
        {
            "model": {"backbone": "open_clip:tiny"},
            "train": {"objective": "clip"},
            "method": "clip_contrastive",
            "forget": {"select": "random:5"},
        },
        "defined for class forgetting",
    ),
    "published weights of the tiny one": (
        {
            "model": {"backbone": "open_clip:tiny", "pretrained": True},
            "train": {"objective": "clip"},
            "method": "clip_contrastive",
        },
        "nobody has published weights",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused_in_words(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compatibility, "find_spec", lambda name: object())
    content, words = REFUSED[case]
    with pytest.raises(Incompatible, match=words):
        compatibility.check(spec_from_json(content))


def test_without_the_package_the_reason_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compatibility, "find_spec", lambda name: None)
    assert "pip install open_clip_torch" in str(compatibility.why_not_backbone("open_clip:tiny", 32))
    assert compatibility.why_not_backbone("tiny-cnn", 32) is None


def test_asking_whether_it_can_run_does_not_load_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str, *details: Any, **named: Any) -> Any:
        assert name.partition(".")[0] != "open_clip"
        return real(name, *details, **named)

    real = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", refuse)
    reason = compatibility.why_not_backbone("open_clip:tiny", 32)
    assert (reason is None) == (importlib.util.find_spec("open_clip") is not None)


def test_a_model_without_a_name_is_refused() -> None:
    with pytest.raises(BadInput, match="open_clip:NAME"):
        compatibility.why_not_backbone("open_clip", 32)


def test_recipes() -> None:
    assert recipe("digits", "open_clip:tiny", 0.0, "clip") == TINY_CLIP
    assert recipe("cifar100", "open_clip:ViT-B-32", 0.1, "clip") == CLIP
    assert (CLIP.lr, CLIP.weight_decay, CLIP.batch_size, CLIP.epochs) == (1e-5, 0.2, 128, 5)
