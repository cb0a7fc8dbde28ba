"""Every kind of file that somebody may name as weights, with what is to be said of it.

`KINDS` are files of one small network, so that all are made in a second; a table of inputs can be made from them.
"""

from __future__ import annotations

import argparse
import datetime
import io
import json
import pathlib
import pickle
import tarfile
import zipfile
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune

from tests.learning.foreign_networks import Small, TwoParts, trained

State = dict[str, torch.Tensor]


@dataclass(frozen=True)
class WeightKind:
    """A kind of file.

    Attributes:
        name: for people.
        file: how it is called.
        make: writes it; returns nothing where it is the network of `network`.
        told: words that stand in the line of what was done.
        refused: words that stand in the refusal; empty where it is read.
        close: how far outputs may lie from the original's.
    """

    name: str
    file: str
    make: Callable[[Path], None]
    told: tuple[str, ...] = ()
    refused: str = ""
    close: float = 1e-5


def network() -> Small:
    """The network that the files hold; every fifth weight of its first layer is zero."""
    module = trained(Small())
    assert isinstance(module, Small)
    with torch.no_grad():
        module.conv1.weight.view(-1)[::5] = 0
    return module


def state(prefix: str = "", rename: dict[str, str] | None = None) -> State:
    """Its weights, with other names."""
    found = {}
    for name, value in network().state_dict().items():
        for old, new in (rename or {}).items():
            name = name.replace(old, new)
        found[prefix + name] = value
    return found


def changed(how: Callable[[torch.Tensor], torch.Tensor]) -> State:
    """Its weights, the last layer's stored in another way."""
    return {name: how(value) if value.ndim == 2 else value for name, value in state().items()}


def quantised(value: torch.Tensor) -> torch.Tensor:
    """The same values in eight bits."""
    return torch.quantize_per_tensor(value, 0.1, 0, torch.qint8)


def wrapped(times: int) -> dict[str, Any]:
    """Its weights in wrappers inside of each other."""
    found: dict[str, Any] = state()
    for number in range(times):
        found = {f"w{number}": found}
    return found


def other() -> State:
    """Weights of the same shape that are not the network's."""
    return trained(Small(), 7).state_dict()


def saved(content: Callable[[], Any], **options: Any) -> Callable[[Path], None]:
    """Writes with `torch.save`."""
    return lambda path: torch.save(content(), path, **options)


def text(content: str | bytes | Callable[[], bytes]) -> Callable[[Path], None]:
    """Writes some bytes."""

    def write(path: Path) -> None:
        made = content() if callable(content) else content
        path.write_bytes(made.encode() if isinstance(made, str) else made)

    return write


def _npz(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, **{name: value.numpy() for name, value in state().items()})


def _packed_npz(path: Path) -> None:
    with path.open("wb") as file:
        np.savez_compressed(file, **{name: value.numpy() for name, value in state().items()})


def _zeros_npz(path: Path) -> None:
    with path.open("wb") as file:
        np.savez_compressed(file, weight=np.zeros(10**7, np.float32))


def _packed(path: Path) -> None:
    buffer = io.BytesIO()
    torch.save(state(), buffer)
    with zipfile.ZipFile(buffer) as whole, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for part in whole.infolist():
            packed.writestr(part.filename, whole.read(part))


def _zipped(path: Path) -> None:
    buffer = io.BytesIO()
    torch.save(state(), buffer)
    with zipfile.ZipFile(path, "w") as outer:
        outer.writestr("best/model.pth", buffer.getvalue())


def _tar(path: Path) -> None:
    with tarfile.open(path, "w") as archive:
        archive.addfile(tarfile.TarInfo("model.pth"), io.BytesIO())


def _flipped(path: Path) -> None:
    torch.save(state(), path)
    body = bytearray(path.read_bytes())
    place = body.index(state()["conv1.weight"].numpy().tobytes())
    body[place] ^= 1
    path.write_bytes(bytes(body))


def _cut(path: Path) -> None:
    torch.save(state(), path)
    path.write_bytes(path.read_bytes()[:-300])


def _link(path: Path) -> None:
    torch.save(state(), path.with_suffix(".real"))
    path.symlink_to(path.with_suffix(".real"))


def _script(path: Path) -> None:
    torch.jit.trace(network(), torch.zeros(1, 1, 8, 8)).save(str(path))


def _pruned() -> State:
    """Masked weights hold a number that would show if the mask were overlooked."""
    module = network()
    for layer in (module.conv1, module.layer1.conv1, module.fc):
        prune.custom_from_mask(layer, "weight", (layer.weight != 0).float())
    stored = module.state_dict()
    stored["conv1.weight_orig"] = torch.where(stored["conv1.weight_mask"] > 0, stored["conv1.weight_orig"], 9.0)
    return stored


def _weight_normalised(new: bool) -> State:
    module = network()
    if new:
        parametrizations.weight_norm(module.fc)
    else:
        nn.utils.weight_norm(module.fc)
    return module.state_dict()


def _spectral(new: bool) -> State:
    module = network()
    if new:
        parametrizations.spectral_norm(module.fc)
    else:
        nn.utils.spectral_norm(module.fc)
    module.eval()
    return module.state_dict()


def _optimizer() -> dict[str, Any]:
    module = Small()
    optimizer = torch.optim.SGD(module.parameters(), 0.1, momentum=0.9)
    module(torch.zeros(2, 1, 8, 8)).sum().backward()
    optimizer.step()
    return optimizer.state_dict()


def _objects() -> dict[str, Any]:
    return {
        "args": argparse.Namespace(lr=0.1, mask=np.ones(3)),
        "best": np.float64(0.93),
        "when": datetime.datetime(2025, 1, 2, tzinfo=datetime.UTC),
        "where": pathlib.PurePosixPath("/data/cifar"),
        "shape": torch.Size([3, 32, 32]),
        "seen": {1, 2},
        "log": defaultdict(list, loss=[1.0]),
        "device": torch.device("cpu"),
        "dtype": torch.float16,
    }


class Settings:
    """Some class that is nowhere to be found when the file is read."""

    def __init__(self) -> None:
        self.lr = 0.1


class EncoderMomentum(nn.Module):
    """MoCo's two encoders with its queue."""

    def __init__(self) -> None:
        super().__init__()
        head = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 32))
        self.encoder_q = Small(0)
        self.encoder_q.fc = head
        self.encoder_k = Small(0)
        self.encoder_k.fc = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 32))
        self.register_buffer("queue", torch.randn(32, 16))
        self.register_buffer("queue_ptr", torch.zeros(1, dtype=torch.long))


def momentum() -> EncoderMomentum:
    """Its encoder is called ``encoder_q``."""
    module = trained(EncoderMomentum())
    assert isinstance(module, EncoderMomentum)
    return module


SHARDS = {"metadata": {}, "weight_map": {"fc.weight": "model-00001-of-00002.safetensors"}}
MEAN = {"normalize.mean": torch.tensor([0.2]), "normalize.std": torch.tensor([0.3])}

KINDS: tuple[WeightKind, ...] = (
    WeightKind("state dict", "w.pt", saved(state), ("head plain", "stem small")),
    WeightKind(
        "state dict, .pth.tar",
        "model_best.pth.tar",
        saved(lambda: {"state_dict": state(), "epoch": 3}),
        ("read from 'state_dict'",),
    ),
    WeightKind(
        "state dict, .ckpt", "epoch=3.ckpt", saved(lambda: {"state_dict": state("model.")}), ("prefix model. removed",)
    ),
    WeightKind("state dict, .bin", "pytorch_model.bin", saved(state)),
    WeightKind("state dict, .model", "net.model", saved(state)),
    WeightKind("state dict, no ending", "checkpoint", saved(state)),
    WeightKind("state dict under a wrong ending", "w.safetensors", saved(state)),
    WeightKind("safetensors", "w.safetensors", lambda p: safetensors.torch.save_file(state(), p)),
    WeightKind("safetensors under another ending", "w.pth", lambda p: safetensors.torch.save_file(state(), p)),
    WeightKind("torch.save before zip files", "old.t7", saved(state, _use_new_zipfile_serialization=False)),
    WeightKind("torch.save with pickle protocol 4", "w.pt", saved(state, pickle_protocol=4)),
    WeightKind("plain pickle of tensors", "w.pkl", text(lambda: pickle.dumps(state()))),
    WeightKind(
        "plain pickle of arrays",
        "w.pkl",
        text(lambda: pickle.dumps({n: v.numpy() for n, v in state().items()})),
    ),
    WeightKind("NumPy archive", "w.npz", _npz),
    WeightKind("NumPy archive, packed", "w.npz", _packed_npz),
    WeightKind("TorchScript", "traced.pt", _script, ("taken out of a whole stored module",)),
    WeightKind("whole module", "model.pt", saved(network), ("taken out of a whole stored module",)),
    WeightKind("whole module, before zip files", "model.pt", saved(network, _use_new_zipfile_serialization=False)),
    WeightKind(
        "whole module, data-parallel",
        "model.pt",
        saved(lambda: {"net": nn.DataParallel(network()), "acc": 93.1}),
        ("read from 'net'", "prefix module. removed"),
    ),
    WeightKind("OrderedDict with metadata", "w.pt", saved(lambda: network().state_dict())),
    WeightKind(
        "model_state_dict and optimizer",
        "w.pt",
        saved(lambda: {"optimizer_state_dict": _optimizer(), "model_state_dict": state()}),
        ("read from 'model_state_dict'",),
    ),
    WeightKind("weights", "w.pt", saved(lambda: {"weights": state()}), ("read from 'weights'",)),
    WeightKind("params", "w.pt", saved(lambda: {"params": state()})),
    WeightKind(
        "student and teacher",
        "w.pt",
        saved(lambda: {"teacher": other(), "student": state()}),
        ("read from 'student'", "averaged copy 'teacher'"),
    ),
    WeightKind(
        "online and target", "w.pt", saved(lambda: {"target": other(), "online": state()}), ("read from 'online'",)
    ),
    WeightKind("an unknown name", "w.pt", saved(lambda: {"mine": state(), "epoch": 2}), ("read from 'mine'",)),
    WeightKind(
        "nested wrappers",
        "w.pt",
        saved(lambda: {"state_dict": {"model": state("module."), "optimizer": _optimizer()}}),
        ("read from 'state_dict.model'",),
    ),
    WeightKind(
        "model and model_ema",
        "w.pt",
        saved(lambda: {"model_ema": other(), "model": state()}),
        ("an averaged copy 'model_ema' is there, too (model.part=model_ema)",),
    ),
    WeightKind(
        "EMA copy alone",
        "w.pt",
        saved(lambda: {"state_dict_ema": state(), "epoch": 1}),
        ("read from 'state_dict_ema'",),
    ),
    WeightKind(
        "backbone and classifier apart",
        "w.pt",
        saved(
            lambda: {
                "backbone": {n: v for n, v in state().items() if n[:2] != "fc"},
                "classifier": {n[3:]: v for n, v in state().items() if n[:2] == "fc"},
            }
        ),
        ("head plain",),
    ),
    WeightKind("data-parallel", "w.pt", saved(lambda: state("module.")), ("prefix module. removed",)),
    WeightKind("compiled and data-parallel", "w.pt", saved(lambda: state("module._orig_mod."))),
    WeightKind("Opacus", "w.pt", saved(lambda: state("_module."))),
    WeightKind(
        "several prefixes", "w.pt", saved(lambda: state("model.net.backbone.")), ("prefix model.net.backbone. removed",)
    ),
    WeightKind(
        "encoder and outer head",
        "w.pt",
        saved(
            lambda: (
                state("encoder.", {"fc.": "XX."})
                and {n.replace("encoder.XX.", "classifier."): v for n, v in state("encoder.", {"fc.": "XX."}).items()}
            )
        ),
        ("last layer classifier",),
    ),
    WeightKind("averaged (swa_utils)", "w.pt", saved(lambda: state("module.") | {"n_averaged": torch.tensor(5)})),
    WeightKind(
        "profiler's counters",
        "w.pt",
        saved(lambda: state() | {"total_ops": torch.zeros(1), "conv1.total_params": torch.zeros(1)}),
    ),
    WeightKind(
        "objects of all kinds beside",
        "w.pt",
        saved(lambda: {"state_dict": state()} | _objects()),
        ("read from 'state_dict'",),
    ),
    WeightKind("an object of an unknown class beside", "w.pt", saved(lambda: {"model": state(), "config": Settings()})),
    WeightKind(
        "tensors and numbers side by side", "w.pt", saved(lambda: state() | {"epoch": 3}), ("epoch beside it left out",)
    ),
    WeightKind(
        "half precision",
        "w.pt",
        saved(lambda: {n: v.half() if v.is_floating_point() else v for n, v in state().items()}),
        ("fp16 made fp32",),
        close=0.05,
    ),
    WeightKind(
        "bfloat16",
        "w.pt",
        saved(lambda: {n: v.bfloat16() if v.is_floating_point() else v for n, v in state().items()}),
        ("bf16 made fp32",),
        close=0.3,
    ),
    WeightKind(
        "double precision",
        "w.pt",
        saved(lambda: {n: v.double() if v.is_floating_point() else v for n, v in state().items()}),
        ("fp64 made fp32",),
    ),
    WeightKind(
        "no batch counters", "w.pt", saved(lambda: {n: v for n, v in state().items() if "num_batches" not in n})
    ),
    WeightKind("pruned", "w.pt", saved(_pruned), ("3 pruned weights multiplied",)),
    WeightKind("weight norm", "w.pt", saved(lambda: _weight_normalised(False)), ("1 weight-normalised weight",)),
    WeightKind(
        "weight norm as parametrisation",
        "w.pt",
        saved(lambda: _weight_normalised(True)),
        ("1 weight-normalised weight",),
    ),
    WeightKind("spectral norm", "w.pt", saved(lambda: _spectral(False)), ("1 spectrally normalised weight",)),
    WeightKind(
        "spectral norm as parametrisation", "w.pt", saved(lambda: _spectral(True)), ("1 spectrally normalised weight",)
    ),
    WeightKind("normalisation buffers", "w.pt", saved(lambda: MEAN | state()), ("normalisation of the file",)),
    WeightKind(
        "Sequential of normalisation and network",
        "w.pt",
        saved(lambda: {n.replace("normalize", "0"): v for n, v in MEAN.items()} | state("1.")),
        ("prefix 1. removed", "normalisation of the file"),
    ),
    WeightKind(
        "a symbolic link",
        "link.pt",
        _link,
    ),
    WeightKind("large stem", "w.pt", saved(lambda: trained(Small(large=True)).state_dict()), ("stem large",)),
    WeightKind(
        "an encoder without last layer",
        "w.pt",
        saved(lambda: trained(TwoParts(encoder=Small(0))).state_dict()),
        ("no last layer",),
    ),
    WeightKind(
        "MoCo",
        "moco.pth.tar",
        saved(lambda: {"state_dict": {f"module.{n}": v for n, v in momentum().state_dict().items()}}),
        ("prefix module.encoder_q. removed", "taken as projector", "head projected"),
    ),
    WeightKind("empty file", "w.pt", text(b""), refused="it is empty"),
    WeightKind(
        "Git LFS pointer",
        "w.pt",
        text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n"),
        refused="git lfs pull",
    ),
    WeightKind("web page", "w.pt", text("\n<!DOCTYPE html><html>Sign in</html>"), refused="it is a web page"),
    WeightKind("text", "w.pt", text("accuracy of the model: 93 %\n"), refused="it is text"),
    WeightKind(
        "JSON index of shards", "model.safetensors.index.json", text(json.dumps(SHARDS)), refused="it is JSON text"
    ),
    WeightKind("gzip", "w.pt.gz", text(b"\x1f\x8b\x08\x00" + bytes(30)), refused="packed with gzip"),
    WeightKind("tar archive", "w.tar", _tar, refused="it is a tar archive"),
    WeightKind("zip file around weights", "w.zip", _zipped, refused="a zip file around 'model.pth'"),
    WeightKind("HDF5 of Keras", "w.h5", text(b"\x89HDF\r\n\x1a\n" + bytes(60)), refused="HDF5"),
    WeightKind("ONNX", "w.onnx", text(b"\x08\x08\x12\x07pytorch\x1a\x052.4.0" + bytes(60)), refused="ONNX"),
    WeightKind("GGUF", "w.gguf", text(b"GGUF\x03\x00\x00\x00" + bytes(60)), refused="GGUF"),
    WeightKind("TensorFlow Lite", "w.tflite", text(b"\x1c\x00\x00\x00TFL3" + bytes(60)), refused="TensorFlow Lite"),
    WeightKind("one array", "w.npy", lambda p: np.save(p, np.zeros(3)), refused="one array of NumPy"),
    WeightKind("one tensor", "w.pt", saved(lambda: torch.zeros(3)), refused="named tensors"),
    WeightKind(
        "optimizer alone",
        "w.pt",
        saved(lambda: {"optimizer": _optimizer(), "epoch": 4}),
        refused="a dict of optimizer, epoch",
    ),
    WeightKind("a sparse tensor", "w.pt", saved(lambda: changed(torch.Tensor.to_sparse)), refused="to_dense"),
    WeightKind("sparse rows", "w.pt", saved(lambda: changed(torch.Tensor.to_sparse_csr)), refused="to_dense"),
    WeightKind("a quantised tensor", "w.pt", saved(lambda: changed(quantised)), refused=r"call \.dequantize\(\)"),
    WeightKind("state dicts in a list", "w.pt", saved(lambda: [state(), state()]), refused="2 of them state dicts"),
    WeightKind("wrapped deep", "w.pt", saved(lambda: wrapped(6)), refused=r"6 deep .*torch\.save\(model\.state_dict"),
    WeightKind("an object without tensors", "w.pt", saved(Settings), refused=r"torch\.save\(model\.state_dict\(\)"),
    WeightKind("packed parts", "w.pt", _packed, refused="its parts are packed"),
    WeightKind("NumPy archive of zeros", "w.npz", _zeros_npz, refused="its parts are packed"),
    WeightKind("a flipped bit", "w.pt", _flipped, refused="damaged"),
    WeightKind(
        "cut off",
        "w.pt",
        _cut,
        refused="damaged",
    ),
    WeightKind(
        "one factor of a product",
        "w.pt",
        saved(lambda: {n + ("_orig" if n == "conv1.weight" else ""): v for n, v in state().items()}),
        refused="only one factor",
    ),
    WeightKind("a folder", "folder", lambda p: p.mkdir(), refused="it is a folder"),
    WeightKind("nothing there", "w.pt", lambda p: None, refused="no file"),
)
"""Ordered as a table of them reads."""

OTHER_OUTPUTS = {
    "spectral norm",
    "spectral norm as parametrisation",
    "large stem",
    "an encoder without last layer",
    "MoCo",
}
"""Kinds that are read, and hold another network than `network`."""
