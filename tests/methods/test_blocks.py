"""The blocks of every kind of network, by hand; switching gradients and modes of parts."""

from __future__ import annotations

import pytest

from cu_core.catalogue.spec_parts import ModelSpec
from cu_core.learning.build import build_model
from cu_core.learning.network_blocks import blocks
from cu_core.methods.trained_blocks import last_blocks, only, train_mode
from tests.methods.small import context_of

HEAD = [["projector.0"], ["projector.2"], ["head"]]
RESNET18 = [["conv1", "bn1"], *([f"layer{i}.{j}"] for i in range(1, 5) for j in range(2))]


def vit(patch: str, layer: str, norm: str) -> list[list[str]]:
    return [[patch], *([layer + str(i)] for i in range(11)), [f"{layer}11", norm]]


TRUNKS = {
    "tiny-cnn": [["layers.0", "layers.1"], ["layers.4", "layers.5"]],
    "wide-cnn": [["convolutions.0", "convolutions.1"], ["convolutions.3", "convolutions.4"], ["dense.0", "dense.1"]],
    "resnet8": [["conv1", "bn1"], ["layer1"], ["layer2"], ["layer3"]],
    "resnet18": RESNET18,
    "vit-small": vit("encoder.conv_proj", "encoder.encoder.layers.encoder_layer_", "encoder.encoder.ln"),
    "timm:resnet18": [[f"model.{name}" for name in block] for block in RESNET18],
    "timm:vit_tiny_patch16_224": vit("model.patch_embed", "model.blocks.", "model.norm"),
}


@pytest.mark.parametrize("name", TRUNKS)
def test_blocks_of_a_backbone(name: str) -> None:
    size = 224 if "224" in name else 32
    model = build_model(ModelSpec(backbone=name), 3, size, 10, seed=0)
    found = blocks(model)
    assert found == [[f"trunk.{part}" for part in block] for block in TRUNKS[name]] + HEAD
    inside = {id(p) for block in found for part in block for p in model.get_submodule(part).parameters()}
    outside = {n.rpartition(".")[2] for n, p in model.named_parameters() if id(p) not in inside}
    assert outside <= {"class_token", "pos_embedding", "cls_token", "pos_embed"}


def test_plain_heads_and_encoders_have_the_blocks_that_they_have() -> None:
    plain = build_model(ModelSpec(backbone="tiny-cnn", head="plain"), 1, 8, 10, seed=0)
    assert [block[0] for block in blocks(plain)] == ["trunk.layers.0", "trunk.layers.4", "head"]
    encoder = build_model(ModelSpec(backbone="tiny-cnn"), 1, 8, 10, seed=0, objective="byol")
    assert blocks(encoder)[2:] == [["projector.0"], ["projector.2"], ["predictor"]]


def test_the_last_blocks_are_the_whole_network_where_it_has_no_more() -> None:
    model = context_of(batch_norm=True).model
    assert last_blocks(model, 1) == ["head"]
    assert last_blocks(model, 3) == ["projector.0", "projector.2", "head"]
    assert last_blocks(model, 4) == last_blocks(model, 99) == [""]


def test_gradients_and_modes_of_the_other_parts_are_off() -> None:
    model = context_of(batch_norm=True).model
    model.projector[0].bias.requires_grad_(False)
    before = {name: p.requires_grad for name, p in model.named_parameters()}
    with pytest.raises(KeyError), only(model, ["projector.2", "head"]):
        now = [name for name, p in model.named_parameters() if p.requires_grad]
        assert now == ["projector.2.weight", "projector.2.bias", "head.weight", "head.bias"]
        raise KeyError
    assert {name: p.requires_grad for name, p in model.named_parameters()} == before
    train_mode(model, ["trunk.rest.0", "head"])
    assert {name for name, m in model.named_modules() if m.training} == {"trunk.rest.0", "head"}
    train_mode(model, [""])
    assert all(m.training for m in model.modules())
