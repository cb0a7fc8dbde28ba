"""Every backbone: shapes, stems, seeds, image sizes that do not fit, and timm's models."""

from __future__ import annotations

import pytest
import timm
import torch
from torch import nn

from cu_core.base.errors import BadInput, CheckpointError, Incompatible
from cu_core.catalogue.backbone_record import BACKBONES
from cu_core.catalogue.listed_models import model_names, why_not_listed
from cu_core.catalogue.spec_parts import ModelSpec
from cu_core.learning.backbones.resnet import mean_of_places
from cu_core.learning.backbones.vit import patch_size
from cu_core.learning.build import build_model
from cu_core.learning.weights import weights_sha256

WIDTHS = {
    "tiny-cnn": 256,
    "resnet8": 64,
    "wide-cnn": 1024,
    "airbench-s": 128,
    "airbench-m": 256,
    "airbench-l": 256,
    "resnet9": 128,
    "resnet18": 512,
    "resnet34": 512,
    "resnet50": 2048,
    "resnet101": 2048,
    "vit-small": 384,
    "timm:test_resnet": 96,
}


def build(name: str, channels: int = 3, size: int = 32, seed: int = 0, **options: object):
    return build_model(ModelSpec(backbone=name, **options), channels, size, 5, seed)


def test_every_backbone_is_tested() -> None:
    # Image-text models and networks of the user's own have files: test_image_text.py, test_python_models.py.
    trunks = {name for name, record in BACKBONES.items() if not record.image_text and not record.given_classes}
    assert {name.partition(":")[0] for name in WIDTHS} == trunks


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", WIDTHS)
def test_shapes_in_training_mode(name: str, channels: int) -> None:
    size = 16 if name == "vit-small" else 8
    model = build(name, channels, size, head="plain")
    out = model.outputs(torch.randn(2, channels, size, size))
    assert out.logits.shape == (2, 5)
    assert out.embedding.shape == (2, WIDTHS[name])
    out.logits.sum().backward()
    assert all(p.grad is not None for p in model.trunk.parameters())


@pytest.mark.parametrize("name", ["tiny-cnn", "resnet8", "wide-cnn", "airbench-s", "resnet9", "resnet18", "vit-small"])
@pytest.mark.parametrize("size", [17, 28, 65])
def test_odd_image_sizes(name: str, size: int) -> None:
    model = build(name, 1, size, embedding_dim=16).eval()
    with torch.no_grad():
        out = model.outputs(torch.randn(1, 1, size, size))
    assert out.embedding.shape == (1, 16)


@pytest.mark.parametrize("name", ["resnet8", "resnet18", "resnet50"])
def test_the_stem_changes_above_64_pixels(name: str) -> None:
    small, large = build(name, size=64).trunk, build(name, size=65).trunk
    assert (small.conv1.kernel_size, small.conv1.stride) == ((3, 3), (1, 1))
    assert isinstance(small.maxpool, nn.Identity)
    assert (large.conv1.kernel_size, large.conv1.stride) == ((7, 7), (2, 2))
    assert isinstance(large.maxpool, nn.MaxPool2d)


def test_resnet8_has_the_layers_of_the_cifar_network() -> None:
    trunk = build("resnet8").trunk
    convolutions = [m for m in trunk.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)]
    assert [c.out_channels for c in convolutions] == [16, 16, 16, 32, 32, 64, 64]
    assert [c.stride[0] for c in convolutions] == [1, 1, 1, 2, 1, 2, 1]


@pytest.mark.parametrize(("size", "patch"), [(16, 4), (32, 4), (48, 4), (49, 8), (96, 8), (97, 16), (224, 16)])
def test_patches_grow_with_the_image(size: int, patch: int) -> None:
    assert patch_size(size) == patch


@pytest.mark.parametrize("name", ["tiny-cnn", "resnet8", "vit-small", "timm:test_resnet"])
def test_the_seed_decides_the_weights_and_nothing_else_does(name: str) -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = build(name, size=16)
    assert torch.equal(torch.get_rng_state(), before), "building must leave the caller's random state alone"
    torch.manual_seed(2)
    again, other = build(name, size=16), build(name, size=16, seed=1)
    assert weights_sha256(first.state_dict()) == weights_sha256(again.state_dict())
    assert weights_sha256(first.state_dict()) != weights_sha256(other.state_dict())


def test_too_small_images_are_refused_with_both_sizes() -> None:
    with pytest.raises(Incompatible, match="at least 16 px, not 8 px"):
        build("vit-small", size=8)


def test_pretrained_is_for_timm_only() -> None:
    with pytest.raises(Incompatible, match="timm:NAME"):
        build("resnet18", pretrained=True)


def test_unknown_timm_names_come_with_close_matches() -> None:
    with pytest.raises(BadInput, match="no model named") as caught:
        build("timm:resnet_18")
    assert "timm:resnet18" in caught.value.allowed


def test_the_names_that_a_submission_is_checked_by_are_those_of_the_libraries() -> None:
    from timm.models._registry import _model_entrypoints  # noqa: PLC0415 - renamed ones are in no public list

    assert model_names("timm") == set(_model_entrypoints)
    assert why_not_listed("timm:resnet18.a1_in1k") is None and why_not_listed("resnet18") is None


@pytest.mark.parametrize("name", ["timm:../../etc/passwd", "timm:hf-hub:someone/model", "timm:local-dir:/tmp"])
def test_timm_names_cannot_point_elsewhere(name: str) -> None:
    with pytest.raises(BadInput, match="no model named"):
        build(name)


def test_a_refused_download_is_said_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str, **options: object) -> nn.Module:
        raise ConnectionError("no route to host")

    monkeypatch.setattr(timm, "create_model", refuse)
    with pytest.raises(BadInput, match=r"could not be loaded.*no route to host.*train from scratch") as caught:
        build("timm:resnet18", pretrained=True)
    assert caught.value.field == "model.pretrained"


def test_a_model_without_published_weights_is_refused() -> None:
    name = next(n for n in timm.list_models() if not timm.is_model_pretrained(n))
    with pytest.raises(BadInput, match="no published weights"):
        build(f"timm:{name}", pretrained=True)


def test_a_timm_model_that_cannot_take_the_size_is_named() -> None:
    with pytest.raises(Incompatible, match=r"vgg11 cannot take 8-px images"):
        build("timm:vgg11", size=8)


def test_missing_own_weights() -> None:
    with pytest.raises(CheckpointError, match=r"no file 'nothing\.pt'"):
        build("tiny-cnn", weights="nothing.pt")


@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
def test_the_mean_of_places_and_its_gradient_lie_in_memory_like_the_images(order: torch.memory_format) -> None:
    x = torch.randn(5, 6, 4, 3).contiguous(memory_format=order).requires_grad_()
    weights = torch.randn(5, 6)
    found = mean_of_places(x)
    assert torch.equal(found, x.mean(dim=(2, 3)))
    (gradient,) = torch.autograd.grad((found * weights).sum(), x)
    assert torch.equal(gradient, (weights / 12)[:, :, None, None].expand(5, 6, 4, 3))
    assert gradient.is_contiguous(memory_format=order)
