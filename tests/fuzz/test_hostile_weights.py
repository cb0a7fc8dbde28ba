"""Weights and checkpoints that are made to harm: refused in words, no code runs, nothing grows."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cu_core.base.errors import CheckpointError
from cu_core.engine.checkpoint import read_checkpoint, restore
from cu_core.learning.training import read_sealed, write_sealed
from cu_core.learning.weights import load_weights, read_state_dict
from tests.fuzz.profile import fewer


class Trap:
    """Touches a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def saved(content: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, **options)
    return buffer.getvalue()


STATE = {"weight": torch.ones(3, 2), "bias": torch.zeros(3)}


def safetensors(header: Any, data: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def tensor(dtype: str, shape: list[int], ends: list[int]) -> dict[str, Any]:
    return {"a": {"dtype": dtype, "shape": shape, "data_offsets": ends}}


SAFETENSORS = {
    "empty": b"",
    "header longer than the file": safetensors(b"{}", length=2**40),
    "no header": safetensors(b""),
    "no JSON": safetensors(b"[" * 5000),
    "huge shape": safetensors(tensor("F32", [2**40, 2**40], [0, 8]), bytes(8)),
    "shape beyond the data": safetensors(tensor("F32", [10**9], [0, 4 * 10**9]), bytes(8)),
    "overlap": safetensors({**tensor("F32", [2], [0, 8]), "b": {"dtype": "F32", "shape": [2], "data_offsets": [4, 12]}},
                           bytes(12)),
    "negative shape": safetensors(tensor("F32", [-2], [0, 8]), bytes(8)),
    "unknown type": safetensors(tensor("OBJ", [2], [0, 8]), bytes(8)),
}  # fmt: skip


@pytest.mark.parametrize("kind", SAFETENSORS)
def test_safetensors_with_wrong_headers(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(SAFETENSORS[kind])
    with pytest.raises(CheckpointError) as caught:
        read_state_dict(path)
    assert caught.value.field == "model.weights"


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("wrapped", [False, True])
def test_no_pickle_runs_code(tmp_path: Path, legacy: bool, wrapped: bool) -> None:
    trap = Trap(tmp_path / "sprung")
    content = {"state_dict": STATE, "about": trap} if wrapped else STATE | {"more": trap}
    body = saved(content, _use_new_zipfile_serialization=not legacy)
    for suffix in (".pt", ".pth"):
        (tmp_path / f"w{suffix}").write_bytes(body)
        with pytest.raises(CheckpointError, match="holds code or objects besides tensors"):
            read_state_dict(tmp_path / f"w{suffix}")
    (tmp_path / "checkpoint.pt").write_bytes(body)
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_checkpoint(tmp_path / "checkpoint.pt")
    write_sealed(tmp_path / "sealed.pt", content)
    assert read_sealed(tmp_path / "sealed.pt") is None
    (tmp_path / "plain.pt").write_bytes(pickle.dumps(trap))
    with pytest.raises(CheckpointError):
        read_state_dict(tmp_path / "plain.pt")
    assert not trap.path.exists()


def test_weights_whose_parts_are_packed_are_refused(tmp_path: Path) -> None:
    """What `torch.save` writes is never packed; a thousand times its size could come out of one that is."""
    path = tmp_path / "w.pt"
    with zipfile.ZipFile(io.BytesIO(saved(STATE))) as whole, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for part in whole.infolist():
            packed.writestr(part.filename, whole.read(part))
    with pytest.raises(CheckpointError, match="damaged or of another kind"):
        read_state_dict(path)


@pytest.mark.parametrize(
    "content",
    [[1, 2], torch.ones(2), {}, {"state_dict": {}}, {1: torch.ones(2)}, {("a", "b"): torch.ones(1)}, {"a": 5}, "text"],
)
def test_files_that_hold_something_else(tmp_path: Path, content: Any) -> None:
    (tmp_path / "w.pt").write_bytes(saved(content))
    with pytest.raises(CheckpointError):
        read_state_dict(tmp_path / "w.pt")
    with pytest.raises(CheckpointError):
        read_checkpoint(tmp_path / "w.pt")


def test_a_tensor_that_is_one_number_said_a_million_times_does_not_fit(tmp_path: Path) -> None:
    endless = torch.zeros(1).expand(10**6, 10**6)
    (tmp_path / "w.pt").write_bytes(saved({"trunk.weight": endless, "trunk.bias": torch.zeros(3)}))
    model = torch.nn.Sequential(OrderedDict(trunk=torch.nn.Linear(2, 3)))
    with pytest.raises(CheckpointError, match="wrong shape"):
        load_weights(model, read_state_dict(tmp_path / "w.pt"))


def test_sealed_bytes_that_are_no_state_count_as_damaged(tmp_path: Path) -> None:
    write_sealed(tmp_path / "list.pt", [1])  # type: ignore[arg-type]
    assert read_sealed(tmp_path / "list.pt") is None
    (tmp_path / "short.pt").write_bytes(b"x" * 20)
    assert read_sealed(tmp_path / "short.pt") is None


class _Context:
    def __init__(self) -> None:
        self.model = torch.nn.Linear(2, 3)
        self.generator = torch.Generator()
        self.device = torch.device("cpu")


@pytest.mark.parametrize(
    "change",
    [
        {"model": {"weight": torch.ones(9)}},
        {"model": 5},
        {"kept": 5},
        {"round": "x"},
        {"generator": torch.ones(3)},
        {"random": [1]},
    ],
)
def test_the_checkpoint_of_something_else_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    sound = {
        "round": 1,
        "model": torch.nn.Linear(2, 3).state_dict(),
        "kept": {},
        "generator": torch.Generator().get_state(),
        "random": torch.get_rng_state(),
        "seconds": {},
        "stopped_by": "",
    }
    restore(_Context(), sound)  # type: ignore[arg-type]
    (tmp_path / "checkpoint.pt").write_bytes(saved(sound | change))
    with pytest.raises(CheckpointError, match="does not fit this run"):
        restore(_Context(), read_checkpoint(tmp_path / "checkpoint.pt"))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["zip", "legacy", "safetensors"])
@fewer(1)
@given(data=st.data())
def test_torn_and_flipped_files_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, kind: str, data: st.DataObject
) -> None:
    if kind == "safetensors":
        content = bytearray(safetensors(tensor("F32", [2], [0, 8]), bytes(8)))
    else:
        content = bytearray(saved(STATE, _use_new_zipfile_serialization=kind == "zip"))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3))
    path = tmp_path_factory.getbasetemp() / f"fuzzed.{'safetensors' if kind == 'safetensors' else 'pt'}"
    path.write_bytes(bytes(content[: data.draw(st.integers(1, len(content)))] if data.draw(st.booleans()) else content))
    try:
        load_weights(torch.nn.Linear(2, 3), read_state_dict(path))
    except CheckpointError as error:
        assert error.field == "model.weights"
        str(error).encode()
    try:
        read_checkpoint(path)
    except CheckpointError as error:
        str(error).encode()
