"""Weights files: round trips, hashes, and everything that may be wrong with a user's file."""

from __future__ import annotations

import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.models import resnet18

from cu_core.base.errors import CheckpointError
from cu_core.catalogue.spec_parts import ModelSpec
from cu_core.learning.build import build_model
from cu_core.learning.classifier import Classifier
from cu_core.learning.network import Network
from cu_core.learning.weights import load_weights, portable, read_state_dict, save_weights, weights_sha256

State = dict[str, torch.Tensor]


def tiny(seed: int = 0, head: str = "projected", backbone: str = "tiny-cnn", size: int = 8) -> Classifier:
    return build_model(ModelSpec(backbone=backbone, head=head, embedding_dim=8), 1, size, 3, seed)


def load(path: Path, seed: int = 1, head: str = "projected") -> Classifier:
    return build_model(ModelSpec(head=head, embedding_dim=8, weights=str(path)), 1, 8, 3, seed)


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".safetensors"])
def test_round_trip(tmp_path: Path, suffix: str) -> None:
    model = tiny()
    save_weights(tmp_path / f"w{suffix}", model)
    assert weights_sha256(load(tmp_path / f"w{suffix}").state_dict()) == weights_sha256(model.state_dict())


def test_memory_order_does_not_reach_file_or_hash(tmp_path: Path) -> None:
    model = tiny()
    plain = weights_sha256(model.state_dict())
    model.to(memory_format=torch.channels_last)
    assert weights_sha256(model.state_dict()) == plain
    assert all(value.is_contiguous() for value in portable(model).values())


def test_saving_into_an_open_file(tmp_path: Path) -> None:
    with (tmp_path / "w.pt").open("wb") as file:
        save_weights(file, tiny())
    assert weights_sha256(read_state_dict(tmp_path / "w.pt")) == weights_sha256(tiny().state_dict())


def encoder(seed: int = 0, objective: str = "byol", head: str = "projected", weights: Path | None = None) -> Network:
    spec = ModelSpec("resnet18", head=head, embedding_dim=8, weights=str(weights or ""))
    return build_model(spec, 3, 32, 3, seed, objective)


@pytest.mark.parametrize("head", ["projected", "plain"])
@pytest.mark.parametrize("last_layer", [True, False])
def test_a_bare_backbone_becomes_the_trunk_of_an_encoder(tmp_path: Path, head: str, last_layer: bool) -> None:
    bare = resnet18(num_classes=7)
    bare.conv1 = torch.nn.Conv2d(3, 64, 3, padding=1, bias=False)
    state = {name: value for name, value in bare.state_dict().items() if last_layer or not name.startswith("fc.")}
    torch.save(state, tmp_path / "bare.pt")
    model, plain = encoder(3, head=head, weights=tmp_path / "bare.pt"), encoder(3, head=head)
    assert torch.equal(model.trunk.layer1[0].conv1.weight, bare.layer1[0].conv1.weight)
    kept = {name: value for name, value in plain.state_dict().items() if not name.startswith("trunk.")}
    assert kept and all(torch.equal(model.state_dict()[name], value) for name, value in kept.items())


def test_weights_of_an_encoder_must_be_complete(tmp_path: Path) -> None:
    save_weights(tmp_path / "byol.pt", encoder(1))
    assert weights_sha256(encoder(2, weights=tmp_path / "byol.pt").state_dict()) == weights_sha256(
        encoder(1).state_dict()
    )
    with pytest.raises(CheckpointError, match=r"unexpected: predictor\."):
        encoder(2, "moco", weights=tmp_path / "byol.pt")
    save_weights(tmp_path / "moco.pt", encoder(1, "moco"))
    with pytest.raises(CheckpointError, match=r"missing: predictor\."):
        encoder(2, "byol", weights=tmp_path / "moco.pt")
    classifier = build_model(ModelSpec("resnet18", embedding_dim=8), 3, 32, 3, 0)
    save_weights(tmp_path / "classes.pt", classifier)
    with pytest.raises(CheckpointError, match=r"unexpected: head\."):
        encoder(2, "moco", weights=tmp_path / "classes.pt")
    torch.save({"conv1.weight": torch.zeros(64, 3, 3, 3)}, tmp_path / "part.pt")
    with pytest.raises(CheckpointError, match=r"missing: trunk\.bn1\.weight"):
        encoder(2, "moco", weights=tmp_path / "part.pt")


@given(st.randoms(use_true_random=False))
def test_the_hash_does_not_depend_on_order(random: Any) -> None:
    state = tiny().state_dict()
    names = list(state)
    random.shuffle(names)
    assert weights_sha256({name: state[name] for name in names}) == weights_sha256(state)


@given(st.data())
def test_one_bit_changes_the_hash(data: st.DataObject) -> None:
    state = portable(tiny())
    before = weights_sha256(state)
    name = data.draw(st.sampled_from(sorted(n for n in state if state[n].numel())))
    raw = state[name].reshape(-1).view(torch.uint8).numpy()
    raw[data.draw(st.integers(0, raw.size - 1))] ^= np.uint8(1 << data.draw(st.integers(0, 7)))
    assert weights_sha256(state) != before


def test_name_shape_and_type_change_the_hash() -> None:
    zeros = torch.zeros(2, 3)
    hashes = [
        weights_sha256({name: value})
        for name, value in (("a", zeros), ("b", zeros), ("a", zeros.reshape(3, 2)), ("a", zeros.to(torch.int32)))
    ]
    assert len(set(hashes)) == 4


WRAPPED: dict[str, Callable[[State], Any]] = {
    "state_dict": lambda s: {"state_dict": s, "epoch": 3},
    "model": lambda s: {"model": s, "optimizer": {"lr": 0.1}},
    "data parallel": lambda s: {f"module.{n}": v for n, v in s.items()},
    "compiled and parallel": lambda s: {"state_dict": {f"module._orig_mod.{n}": v for n, v in s.items()}},
    "lightning": lambda s: {"state_dict": {f"model.{n}": v for n, v in s.items()}},
    "half precision": lambda s: {n: v.half() if v.is_floating_point() else v for n, v in s.items()},
    "double precision": lambda s: {n: v.double() if v.is_floating_point() else v for n, v in s.items()},
    "no batch counters": lambda s: {n: v for n, v in s.items() if "num_batches" not in n},
}


@pytest.mark.parametrize("how", WRAPPED)
def test_common_wrappers_are_taken_off(tmp_path: Path, how: str) -> None:
    model = tiny()
    torch.save(WRAPPED[how](portable(model)), tmp_path / "w.pt")
    loaded = load(tmp_path / "w.pt")
    images = torch.randn(4, 1, 8, 8)
    tolerance = 2e-2 if how == "half precision" else 0
    torch.testing.assert_close(loaded.eval()(images), model.eval()(images), atol=tolerance, rtol=0)


@pytest.mark.parametrize(
    ("backbone", "inner", "outer"),
    [
        ("resnet8", "trunk.", "fc."),
        ("vit-small", "trunk.encoder.", "heads.head."),
        ("timm:test_resnet", "trunk.model.", "fc."),
    ],
)
def test_a_bare_backbone_fits_the_plain_head(backbone: str, inner: str, outer: str) -> None:
    model = tiny(0, "plain", backbone, 16)
    bare = {n.replace(inner, "").replace("head.", outer): v for n, v in portable(model).items()}
    other = tiny(1, "plain", backbone, 16)
    load_weights(other, bare)
    assert weights_sha256(other.state_dict()) == weights_sha256(model.state_dict())


class Explosive:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def test_code_in_a_file_is_refused_and_does_not_run(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(1), "b": Explosive(tmp_path / "ran")}, tmp_path / "zip.pt")
    (tmp_path / "plain.pt").write_bytes(pickle.dumps(Explosive(tmp_path / "ran")))
    for name in ("zip.pt", "plain.pt"):
        with pytest.raises(CheckpointError, match="cannot be read"):
            read_state_dict(tmp_path / name)
    with pytest.raises(CheckpointError, match="holds code"):
        read_state_dict(tmp_path / "zip.pt")
    assert not (tmp_path / "ran").exists()


def _bytes_of(suffix: str, tmp_path: Path) -> bytes:
    path = tmp_path / f"whole{suffix}"
    save_weights(path, tiny())
    return path.read_bytes()


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
@pytest.mark.parametrize("keep", [0, 1, 7, 100, -1, -1000])
def test_truncated_files(tmp_path: Path, suffix: str, keep: int) -> None:
    (tmp_path / f"w{suffix}").write_bytes(_bytes_of(suffix, tmp_path)[:keep])
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_state_dict(tmp_path / f"w{suffix}")


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".safetensors"])
@given(content=st.binary(max_size=300))
def test_random_bytes(suffix: str, content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("random") / f"w{suffix}"
    path.write_bytes(content)
    with pytest.raises(CheckpointError):
        read_state_dict(path)


def test_other_zip_and_other_suffix(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "w.pt", "w") as archive:
        archive.writestr("hello.txt", "hello")
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_state_dict(tmp_path / "w.pt")
    (tmp_path / "w.bin").write_bytes(b"")
    with pytest.raises(CheckpointError, match="it is empty"):
        read_state_dict(tmp_path / "w.bin")


@pytest.mark.parametrize(
    "content", [{}, [torch.zeros(1)], torch.zeros(1), {"a": 1}, {1: torch.zeros(1)}, {"a": {"b": 2}}]
)
def test_files_without_named_tensors(tmp_path: Path, content: Any) -> None:
    torch.save(content, tmp_path / "w.pt")
    with pytest.raises(CheckpointError, match="named tensors"):
        read_state_dict(tmp_path / "w.pt")


def test_a_folder_is_no_weights_file(tmp_path: Path) -> None:
    (tmp_path / "w.pt").mkdir()
    with pytest.raises(CheckpointError, match="no file"):
        read_state_dict(tmp_path / "w.pt")


def changed(**changes: torch.Tensor | None) -> State:
    state = portable(tiny()) | {name.replace("__", "."): value for name, value in changes.items() if value is not None}
    return {
        n: v
        for n, v in state.items()
        if not (n.replace(".", "__") in changes and changes[n.replace(".", "__")] is None)
    }


WRONG: dict[str, tuple[State, str]] = {
    "missing": (changed(head__bias=None), "missing: head.bias"),
    "unexpected": (changed(more=torch.zeros(1)), "unexpected: more"),
    "shape": (changed(head__bias=torch.zeros(4)), r"wrong shape: head.bias \(4,\) instead of \(3,\)"),
    "not a number": (changed(head__bias=torch.tensor([0.0, float("nan"), 0.0])), "no network can run with: head.bias"),
    "infinite": (changed(head__bias=torch.full((3,), float("inf"))), "head.bias"),
    "too large": (changed(head__bias=torch.full((3,), 1e300, dtype=torch.float64)), "head.bias"),
    "complex": (changed(head__bias=torch.zeros(3, dtype=torch.complex64)), "head.bias"),
    "whole numbers": (changed(head__bias=torch.zeros(3, dtype=torch.int64)), "head.bias"),
    "sparse": (changed(head__bias=torch.zeros(3).to_sparse()), "head.bias"),
    "no storage": (changed(head__bias=torch.zeros(3, device="meta")), "head.bias"),
    "negative variance": (changed(trunk__layers__1__running_var=torch.full((32,), -1.0)), "running_var"),
    # One number that claims to be 4 TB: comparing shapes must come before touching values.
    "huge": (changed(head__bias=torch.zeros(1).expand(10**12)), "wrong shape"),
}


@pytest.mark.parametrize("what", WRONG)
def test_weights_that_do_not_fit(what: str) -> None:
    state, message = WRONG[what]
    model = tiny(1)
    before = weights_sha256(model.state_dict())
    with pytest.raises(CheckpointError, match=message):
        load_weights(model, state)
    assert weights_sha256(model.state_dict()) == before


def test_another_architecture_is_named(tmp_path: Path) -> None:
    save_weights(tmp_path / "w.pt", tiny(0, "projected", "resnet8"))
    with pytest.raises(CheckpointError, match=r"those of a resnet8: model\.backbone=resnet8"):
        load(tmp_path / "w.pt")


def test_an_unknown_architecture_lists_only_the_first_few_names(tmp_path: Path) -> None:
    torch.save({f"layer_{i}.weight": torch.zeros(4, 3, 3, 3) for i in range(9)}, tmp_path / "w.pt")
    with pytest.raises(CheckpointError, match=r"missing: .* and \d+ more; unexpected: .* and \d+ more") as caught:
        load(tmp_path / "w.pt")
    assert len(str(caught.value)) < 500


def test_the_other_head_does_not_fit(tmp_path: Path) -> None:
    save_weights(tmp_path / "w.pt", tiny())
    with pytest.raises(CheckpointError, match="unexpected: projector"):
        load(tmp_path / "w.pt", head="plain")
