"""Weights as they come: every kind of file is read with the very outputs of its network, or refused in words."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
import torchvision
from torch import nn

from cu_core.base.errors import CheckpointError, Incompatible
from cu_core.catalogue.spec import spec_from_json
from cu_core.catalogue.spec_parts import ModelSpec
from cu_core.learning.build import build_model
from cu_core.learning.model_cache import train_key
from cu_core.learning.model_shape import shaped
from cu_core.learning.weight_file import read_weights
from tests.learning.foreign_networks import Bottleneck, Residual, Small, TwoParts, trained
from tests.learning.weight_kinds import KINDS, OTHER_OUTPUTS, WeightKind, momentum, network, other, state


def some(value: object, slow: bool, name: str | None = None) -> Any:
    """A parameter; a slow one in the thorough tests alone."""
    return pytest.param(value, id=name, marks=[pytest.mark.thorough] if slow else [])


# Two of three are left to the thorough tests.
READ = [some(kind, i % 3 > 0, kind.name) for i, kind in enumerate(k for k in KINDS if not k.refused)]
REFUSED = [some(kind, i % 3 > 0, kind.name) for i, kind in enumerate(k for k in KINDS if k.refused)]
# One channel of [0, 1], as wide as the network was made for.
IMAGES = torch.rand(3, 1, 12, 12, generator=torch.Generator().manual_seed(3))


def outputs(
    path: Path, backbone: str = "resnet8", size: int = 12, classes: int = 4, **options: object
) -> torch.nn.Module:
    """The network of a file, with nothing said of it but the backbone."""
    spec = shaped(ModelSpec(backbone, weights=str(path), **options), size)
    channels = read_weights(path).channels or 3
    return build_model(spec, channels, size, classes, seed=5).eval()


@pytest.fixture(scope="module")
def right() -> torch.Tensor:
    with torch.no_grad():
        return network()(IMAGES)


@pytest.mark.filterwarnings("ignore")  # of the old ways of writing
@pytest.mark.parametrize("kind", READ)
def test_what_is_read(kind: WeightKind, tmp_path: Path, right: torch.Tensor) -> None:
    path = tmp_path / kind.file
    kind.make(path)
    found = read_weights(path)
    for words in kind.told:
        assert words in found.told
    assert all(value.dtype == torch.float32 for value in found.state.values() if value.is_floating_point())
    if kind.name not in OTHER_OUTPUTS:
        assert (found.head, found.stem, found.num_classes, found.channels, found.encoder) == (
            "plain",
            "small",
            4,
            1,
            False,
        )
        with torch.no_grad():
            torch.testing.assert_close(outputs(path)(IMAGES), right, atol=kind.close, rtol=0)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_refused(kind: WeightKind, tmp_path: Path) -> None:
    path = tmp_path / kind.file
    kind.make(path)
    with pytest.raises(CheckpointError, match=kind.refused) as caught:
        read_weights(path, "after")
    assert caught.value.field == "after"
    assert str(tmp_path) not in str(caught.value)


def reads(module: nn.Module, path: Path, images: torch.Tensor, backbone: str, **options: object) -> str:
    """Stores a module's weights, reads them, and compares the outputs; what was done."""
    torch.save({"state_dict": module.state_dict()}, path)
    found = read_weights(path)
    read = outputs(path, backbone, images.shape[-1], found.num_classes or 10, **options)
    with torch.no_grad():
        right = module(images)
        if found.mean:
            mean, std = (torch.tensor(part)[:, None, None] for part in (found.mean, found.std))
            images = (images - mean) / std
        torch.testing.assert_close(read(images), right, atol=1e-4 * float(right.abs().max()), rtol=1e-5)
    return found.told


COLOUR = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(4))
FAMILIES: dict[str, tuple[Callable[[], nn.Module], str, tuple[str, ...]]] = {
    "CIFAR ResNet-18 with shortcut and linear": (
        lambda: Residual(short="shortcut", last="linear"), "resnet18", ("shortcut called downsample", "stem small")),
    "ResNet-18 with a layer of normalisation": (
        lambda: Residual(normalise="normalize"), "resnet18", ("normalisation of the file",)),
    "ResNet-18 with a layer of another name": (
        lambda: Residual(normalise="normalizer", last="classifier"), "resnet18", ("normalisation of the file",)),
    "ResNet-34": (lambda: Residual((3, 4, 6, 3), short="shortcut", last="linear"), "resnet34", ("head plain",)),
    "ResNet-50 of bottlenecks": (
        lambda: Residual((3, 4, 6, 3), 100, "shortcut", "linear", Bottleneck), "resnet50", ("head plain",)),
    "ResNet-18 with a stem for large images": (lambda: Residual(large=True), "resnet18", ("stem large",)),
    "torchvision": (lambda: torchvision.models.resnet18(num_classes=7), "resnet18", ("stem large",)),
    "timm's ResNet on our backbone": (
        lambda: timm.create_model("resnet18", num_classes=5), "resnet18", ("head plain",)),
    "timm's ResNet": (lambda: timm.create_model("resnet18", num_classes=5), "timm:resnet18", ("head plain",)),
    "timm's ConvNeXt": (
        lambda: timm.create_model("test_convnext", num_classes=5), "timm:test_convnext", ("head.fc",)),
    "timm's transformer": (
        lambda: timm.create_model("test_vit", num_classes=5, img_size=32), "timm:test_vit", ("head plain",)),
    "timm's transformer on our backbone": (
        lambda: timm.create_model("vit_small_patch16_224", num_classes=5, img_size=32, patch_size=4),
        "vit-small", ("head plain",)),
    "torchvision's transformer": (
        lambda: torchvision.models.VisionTransformer(32, 4, 12, 6, 384, 1536, num_classes=5),
        "vit-small", ("heads.head",)),
    "a backbone without head, and one outside": (
        lambda: TwoParts(backbone=Residual(classes=0), classifier=nn.Linear(512, 10)),
        "resnet18", ("prefix backbone. removed", "last layer classifier")),
    "the layers of torchvision as a sequence": (
        lambda: nn.Sequential(*list(torchvision.models.resnet18().children())[:-1], nn.Flatten(), nn.Linear(512, 10)),
        "resnet18", ("numbered stages named", "stem large")),
    "a sequence of digits' layers": (
        lambda: nn.Sequential(
            nn.Conv2d(3, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.AdaptiveAvgPool2d(2),
            nn.Flatten(), nn.Linear(256, 10)),
        "tiny-cnn", ("head plain",)),
}  # fmt: skip


@pytest.mark.thorough
@pytest.mark.parametrize("family", FAMILIES)
def test_networks_of_the_usual_codebases_give_their_own_outputs(family: str, tmp_path: Path) -> None:
    make, backbone, words = FAMILIES[family]
    told = reads(trained(make()), tmp_path / "w.pt", COLOUR, backbone)
    assert all(word in told for word in words), told


class Contrastive(nn.Module):
    """A taken-apart encoder ``f`` and a projection ``g``, or other names."""

    def __init__(self, first: str, second: str, numbered: bool) -> None:
        super().__init__()
        layers = Residual(classes=0)
        taken = [layers.conv1, layers.bn1, nn.ReLU(), layers.layer1, layers.layer2, layers.layer3, layers.layer4]
        self.names = first, second
        setattr(self, first, nn.Sequential(*taken) if numbered else layers)
        setattr(self, second, nn.Sequential(nn.Linear(512, 512), nn.BatchNorm1d(512), nn.ReLU(), nn.Linear(512, 64)))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        features = getattr(self, self.names[0])(images)
        return features.mean((2, 3)) if features.ndim == 4 else features


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("first", "second", "numbered"),
    [
        ("f", "g", True),
        ("backbone", "projector", False),
        ("backbone", "projection_head", True),
        ("encoder", "head", False),
    ],
)
def test_an_encoder_becomes_the_trunk(first: str, second: str, numbered: bool, tmp_path: Path) -> None:
    module = trained(Contrastive(first, second, numbered))
    torch.save(module.state_dict(), tmp_path / "w.pt")
    found = read_weights(tmp_path / "w.pt")
    assert found.encoder and found.head is None and f"left out: {second}" in found.told
    spec = ModelSpec("resnet18", head="plain", weights=str(tmp_path / "w.pt"))
    with torch.no_grad():
        read = build_model(shaped(spec, 32), 3, 32, 10, 0, "simclr").eval().outputs(COLOUR)
        torch.testing.assert_close(read.features, module(COLOUR), atol=1e-5, rtol=1e-5)


def test_the_projector_of_moco_is_ours(tmp_path: Path) -> None:
    module = momentum()
    torch.save({"state_dict": {f"module.{n}": v for n, v in module.state_dict().items()}}, tmp_path / "w.pt")
    found = read_weights(tmp_path / "w.pt")
    assert (found.head, found.embedding_dim, found.parts) == ("projected", 32, ("module.encoder_k",))
    with torch.no_grad():
        for part, right in (("", module.encoder_q(IMAGES)), ("module.encoder_k", module.encoder_k(IMAGES))):
            spec = shaped(ModelSpec("resnet8", weights=str(tmp_path / "w.pt"), part=part), 12)
            read = build_model(spec, 1, 12, 4, 0, "moco").eval()
            torch.testing.assert_close(read.outputs(IMAGES).raw, right, atol=1e-5, rtol=0)
    spec = dataclasses.replace(spec, part="")
    with pytest.raises(CheckpointError, match="those of an encoder, without a last layer"):
        build_model(spec, 1, 12, 4, 0)
    assert build_model(dataclasses.replace(spec, train_on=True), 1, 12, 4, 0).num_outputs == 4


def test_a_part_can_be_chosen(tmp_path: Path) -> None:
    torch.save({"model": state(), "model_ema": {f"module.{n}": v for n, v in other().items()}}, tmp_path / "w.pt")
    plain, averaged = read_weights(tmp_path / "w.pt"), read_weights(tmp_path / "w.pt", part="model_ema")
    assert torch.equal(plain.state["conv1.weight"], state()["conv1.weight"])
    assert torch.equal(averaged.state["conv1.weight"], other()["conv1.weight"])
    assert plain.parts == ("model_ema",) and averaged.parts == ("model",)
    with pytest.raises(CheckpointError, match="no part 'model_em'.*did you mean model_ema") as caught:
        read_weights(tmp_path / "w.pt", part="model_em")
    assert caught.value.field == "model.part" and caught.value.allowed == ("model", "model_ema")


MISFITS: dict[str, tuple[Callable[[], nn.Module], str, tuple[int, int], str]] = {
    "classes": (lambda: Small(7), "resnet8", (1, 4), "answer for 7 classes, and the dataset has 4"),
    "channels": (lambda: Small(4), "resnet8", (3, 4), r"images of one channel \(grey\), and these have 3 channels"),
    "backbone": (lambda: Residual((3, 4, 6, 3), 4), "resnet18", (3, 4), "a resnet34: model.backbone=resnet34"),
    "no residual network": (lambda: Small(4), "tiny-cnn", (1, 4), "a resnet8: model.backbone=resnet8"),
    "CIFAR's ResNet-20": (
        lambda: Residual((3, 3, 3), 4, width=16), "resnet18", (3, 4), "residual network with 3-3-3 basic blocks"),
    "a small stem for timm's network": (
        lambda: Residual(classes=4), "timm:resnet18", (3, 4), "small stem: model.backbone=resnet18"),
    "last layers": (
        lambda: TwoParts(encoder=Small(0), fc=nn.Sequential(nn.Linear(64, 9), nn.ReLU(), nn.Linear(9, 4))),
        "resnet8", (1, 4), "without a last layer for classes"),
}  # fmt: skip


@pytest.mark.parametrize("misfit", [some(name, "backbone" in name or "stem" in name) for name in MISFITS])
def test_what_does_not_fit_is_said_with_what_would(misfit: str, tmp_path: Path) -> None:
    make, backbone, (channels, classes), words = MISFITS[misfit]
    torch.save(make().state_dict(), tmp_path / "w.pt")
    with pytest.raises(CheckpointError, match=words):
        build_model(shaped(ModelSpec(backbone, weights=str(tmp_path / "w.pt")), 16), channels, 16, classes, 0)


def test_the_shape_of_a_file_is_that_of_all_networks(tmp_path: Path) -> None:
    torch.save(trained(Small(large=True)).state_dict(), tmp_path / "large.pt")
    torch.save(state(), tmp_path / "small.pt")
    usual = ModelSpec("resnet8")
    large, small = (
        shaped(dataclasses.replace(usual, weights=str(tmp_path / f"{n}.pt")), 12) for n in ("large", "small")
    )
    assert (large.head, large.stem, small.head, small.stem) == ("plain", "large", "plain", "auto")
    assert shaped(large, 12) == large
    assert shaped(dataclasses.replace(large, weights=""), 96).stem == "auto", "it is the usual one there"
    run = spec_from_json({})
    networks = (large, small, usual, shaped(dataclasses.replace(usual, head="plain", stem="small"), 12))
    without = [dataclasses.replace(run, model=dataclasses.replace(network, weights="")) for network in networks]
    keys = {train_key(spec, "d", np.arange(3), 0, "cpu") for spec in without}
    assert len(keys) == 3, "two of one architecture share their references, others do not"
    fresh = build_model(dataclasses.replace(large, weights=""), 1, 12, 4, 0)
    assert fresh.trunk.conv1.kernel_size == (7, 7) and isinstance(fresh.trunk.maxpool, nn.MaxPool2d)
    with pytest.raises(Incompatible, match="one stem"):
        build_model(ModelSpec("tiny-cnn", stem="large"), 1, 8, 4, 0)


@pytest.mark.filterwarnings("ignore")
def test_several_normalisations_are_none(tmp_path: Path) -> None:
    pairs = {f"{name}.{kind}": torch.ones(1) for name in ("a", "b") for kind in ("mean", "std")}
    torch.save(pairs | state(), tmp_path / "w.pt")
    assert read_weights(tmp_path / "w.pt").mean is None
    torch.save(
        {"norm.mean": torch.full((1, 3, 1, 1), 127.5), "norm.std": torch.full((1, 3, 1, 1), 51.0)} | state(),
        tmp_path / "w.pt",
    )
    found = read_weights(tmp_path / "w.pt")
    assert found.mean == (0.5,) * 3 and found.std == pytest.approx((0.2,) * 3)


def test_reasons_are_those_of_the_file(tmp_path: Path) -> None:
    weights = build_model(ModelSpec("tiny-cnn", head="plain"), 1, 12, 4, seed=0).state_dict()

    def reason(changed: dict[str, Any]) -> str:
        torch.save(changed, tmp_path / "w.pt")
        with pytest.raises(CheckpointError) as error:
            outputs(tmp_path / "w.pt", "tiny-cnn")
        return str(error.value)

    without = {name: value for name, value in weights.items() if name != "trunk.layers.0.weight"}
    torch.save(without, tmp_path / "w.pt")
    with pytest.raises(CheckpointError, match=r"missing: trunk\.layers\.0\.weight$"):
        build_model(ModelSpec("tiny-cnn", head="plain", weights=str(tmp_path / "w.pt")), 1, 12, 4, seed=0)
    for kind in (torch.int8, torch.complex64):
        name = str(kind).removeprefix("torch.")
        assert f"of type {name}" in reason(weights | {"head.weight": weights["head.weight"].to(kind)})


def test_a_last_layer_without_biases_has_zeros_and_it_is_said(tmp_path: Path) -> None:
    weights = build_model(ModelSpec("tiny-cnn", head="plain"), 1, 12, 4, seed=0).state_dict()
    del weights["head.bias"]
    torch.save(weights, tmp_path / "w.pt")
    assert "biases of the last layer are 0" in read_weights(tmp_path / "w.pt").told
    assert not outputs(tmp_path / "w.pt", "tiny-cnn").head.bias.any()
