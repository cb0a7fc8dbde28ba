"""Pickles that want to run something, by every instruction that can: nothing of them runs, and all are refused."""

from __future__ import annotations

import builtins
import io
import os
import pickle
import pickletools
import struct
import subprocess
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cu_core.base.errors import CheckpointError
from cu_core.learning.inert_pickle import HoldsCode, InertPickle, NotWeights, PickledName, PickledObject
from cu_core.learning.weight_file import read_weights
from tests.fuzz.profile import fewer


def word(value: str) -> bytes:
    """The instruction that puts a text on the stack."""
    body = value.encode()
    return b"X" + struct.pack("<I", len(body)) + body


SPRUNG: list[str] = []


def spring(*what: Any) -> None:
    """Shows that something of a file was called."""
    SPRUNG.append(str(what))


class Sprung:
    """Shows the same when it is made, filled or given attributes."""

    def __new__(cls, *what: Any) -> Sprung:
        spring("new")
        return super().__new__(cls)

    def __setstate__(self, state: Any) -> None:
        spring("state")

    def append(self, value: Any) -> None:
        spring("append")

    def __setitem__(self, key: Any, value: Any) -> None:
        spring("item")

    def __hash__(self) -> int:
        spring("hash")
        return 0


HERE = __name__.encode()
FUNCTION, CLASS = b"c" + HERE + b"\nspring\n", b"c" + HERE + b"\nSprung\n"
ARGUMENT = word("x") + b"\x85"
NESTED = pickle.dumps({"w": 1})
BODIES: dict[str, bytes] = {
    "os.system": b"cposix\nsystem\n" + ARGUMENT + b"R.",
    "eval": b"c__builtin__\neval\n" + ARGUMENT + b"R.",
    "exec by the new instruction": b"\x80\x04" + word("builtins") + word("exec") + b"\x93" + ARGUMENT + b"R.",
    "a function here": FUNCTION + ARGUMENT + b"R.",
    "a call within a call": FUNCTION + FUNCTION + ARGUMENT + b"R\x85R.",
    "a call of what a call gives": FUNCTION + ARGUMENT + b"R" + ARGUMENT + b"R.",
    "a class": CLASS + b")\x81.",
    "a class with names": CLASS + b")}\x92.",
    "attributes": CLASS + b")\x81}" + word("a") + b"K\x01sb.",
    "attributes of a function": FUNCTION + b"N}" + word("__code__") + b"K\x01s\x86b.",
    "attributes of a class": CLASS + b"N}" + word("__new__") + FUNCTION + b"s\x86b.",
    "INST": b"(" + word("x") + b"i" + HERE + b"\nspring\n.",
    "OBJ": b"(" + FUNCTION + word("x") + b"o.",
    "appended": CLASS + b")\x81K\x01a.",
    "items": CLASS + b")\x81K\x01K\x02s.",
    "as a key": b"}" + CLASS + b")\x81K\x01s.",
    "in a set": b"\x80\x04\x8f(" + CLASS + b")\x81\x90.",
    "getattr": b"cbuiltins\ngetattr\n" + FUNCTION + word("__call__") + b"\x86R.",
    "import": b"c__builtin__\n__import__\n" + word("os") + b"\x85R.",
    "operator": b"coperator\nmethodcaller\n" + ARGUMENT + b"R.",
    "functools": b"cfunctools\npartial\n" + FUNCTION + b"\x85R" + b")R.",
    "pickle in a pickle": b"cpickle\nloads\nC" + bytes([len(NESTED)]) + NESTED + b"\x85R.",
    "a dotted name": b"\x80\x04" + word("tests.fuzz.test_inert_pickle") + word("Sprung.append") + b"\x93)R.",
    "torch.load": b"ctorch\nload\n" + ARGUMENT + b"R.",
    "a hook of a tensor": b"ctorch._utils\n_rebuild_from_type_v2\n(" + FUNCTION + CLASS + ARGUMENT + b"NtR.",
    "a maker of tensors": b"ctorch._utils\n_import_dotted_name\n" + ARGUMENT + b"R.",
    "a default": b"ccollections\ndefaultdict\n" + FUNCTION + b"\x85R.",
    "reconstructor": b"ccopy_reg\n_reconstructor\n" + CLASS + CLASS + b"N\x87R.",
    "extension": b"\x82\x01.",
    "persistent": b"Phello\n.",
    "a persistent module": b"(" + word("module") + CLASS + word("f") + word("x") + b"tQ.",
}


@pytest.mark.parametrize("what", BODIES)
@pytest.mark.parametrize("where", ["alone", "beside", "zip"])
def test_nothing_of_a_pickle_runs(what: str, where: str, tmp_path: Path) -> None:
    SPRUNG.clear()
    body, path = BODIES[what], tmp_path / "w.pt"
    if where != "alone":
        start = b"\x80\x04" if body.startswith(b"\x80") else b""
        body = start + b"}" + word("more") + body.removeprefix(start)[:-1] + b"s."
    if where == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("w/data.pkl", body)
    else:
        path.write_bytes(body)
    with pytest.raises(CheckpointError) as caught:
        read_weights(path)
    assert caught.value.field == "model.weights"
    assert SPRUNG == []


def test_the_traps_are_sharp() -> None:
    """Python's own reader runs what the test above feeds to ours."""
    for what in ("a function here", "a class", "INST", "OBJ", "appended", "items", "as a key", "a dotted name"):
        SPRUNG.clear()
        try:
            pickle.loads(BODIES[what])
        except TypeError:
            continue  # the method of a class, called without an object
        assert SPRUNG, what


def test_names_stay_two_words() -> None:
    found = InertPickle().load(io.BytesIO(FUNCTION + ARGUMENT + b"R."))
    assert isinstance(found, PickledObject)
    assert found.kind == PickledName(__name__, "spring") and found.arguments == ("x",)
    with pytest.raises(HoldsCode, match="posix.system"):
        InertPickle().load(io.BytesIO(BODIES["os.system"]))


def test_what_python_writes_is_read_as_the_same() -> None:
    things = [None, True, -5, 2**70, 0.5, "ä", b"\0x", [1, [2]], (1,), (1, 2), (1, 2, 3), (1,) * 9, {"a": {1: 2}}, ()]
    for protocol in range(6):
        body = pickle.dumps(things, protocol)
        found = InertPickle().load(io.BytesIO(body))
        # Before there was an instruction for them, bytes were a call of an encoder.
        assert [found[i] for i in range(len(things)) if i != 6] == [t for i, t in enumerate(things) if i != 6]


def test_nothing_grows_and_nothing_hangs() -> None:
    laughing = b"K\x01" + b"2\x86" * 60 + b"."
    began = time.perf_counter()
    InertPickle().load(io.BytesIO(laughing))
    with pytest.raises(NotWeights, match="no single value"):
        InertPickle().load(io.BytesIO(b"}" + laughing[:-1] + b"K\x02s."))
    with pytest.raises(Exception, match="expected 1099511627776 bytes"):
        InertPickle().load(io.BytesIO(b"\x8e" + struct.pack("<Q", 2**40)))
    assert time.perf_counter() - began < 2


def test_shared_numbers_are_widened_once(tmp_path: Path) -> None:
    """A thousand names of one row of half precision take the memory of one."""
    row = torch.zeros(1000, 1000, dtype=torch.float16)
    torch.save({f"layer{i}.weight": row for i in range(1000)}, tmp_path / "w.pt")
    state = read_weights(tmp_path / "w.pt").state
    assert len(state) == 1000 and len({value.untyped_storage().data_ptr() for value in state.values()}) == 1
    products = {f"layer{i}.weight_{half}": row for i in range(9) for half in ("orig", "mask")}
    torch.save(products, tmp_path / "w.pt")
    with pytest.raises(CheckpointError, match="larger than what is stored"):
        read_weights(tmp_path / "w.pt")


@fewer(1)
@given(st.binary(max_size=200) | st.lists(st.sampled_from(sorted(op.code for op in pickletools.opcodes))).map(
    lambda codes: "".join(codes).encode("latin-1") + b"."))  # fmt: skip
def test_any_bytes_are_data_or_refused(body: bytes) -> None:
    def forbidden(*_: Any, **__: Any) -> None:
        raise AssertionError("something was called")

    kept = os.system, builtins.eval, subprocess.Popen.__init__
    try:
        os.system = builtins.eval = forbidden  # type: ignore[assignment]
        InertPickle().load(io.BytesIO(body))
    except AssertionError:
        raise
    except Exception as error:
        str(error).encode(errors="replace")
    finally:
        os.system, builtins.eval = kept[:2]
