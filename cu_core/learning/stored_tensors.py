"""Files of PyTorch and NumPy as plain containers, with tensors that are read from the file when they are wanted.

Read are what `torch.save` writes (the zip format, and the one before it), TorchScript archives, and plain pickles
and archives of NumPy arrays. Pickles go through `InertPickle`: nothing of the file is run.
"""

from __future__ import annotations

import io
import math
import struct
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from torch import Tensor

from cu_core.learning.foreign_kinds import foreign_archive
from cu_core.learning.inert_pickle import BUILTINS, InertPickle, NotWeights, PickledName, PickledObject

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_PROTOCOL = 1001
PACKED_AT_MOST = 20
"""How far a packed array of NumPy may grow: trained weights hardly shrink, zeros a thousand times."""

DTYPES: dict[str, torch.dtype] = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
    "ComplexFloatStorage": torch.complex64,
    "ComplexDoubleStorage": torch.complex128,
    "UntypedStorage": torch.uint8,
    # Of quantised tensors, which are refused by what they are; their bytes are never read.
    "QInt8Storage": torch.int8,
    "QUInt8Storage": torch.uint8,
    "QInt32Storage": torch.int32,
    "QUInt4x2Storage": torch.uint8,
    "QUInt2x4Storage": torch.uint8,
}
_WIDE = {"2": "int16", "4": "int32", "8": "int64"}
NUMPY_DTYPES: dict[str, torch.dtype] = {
    "f2": torch.float16,
    "f4": torch.float32,
    "f8": torch.float64,
    "b1": torch.bool,
    "u1": torch.uint8,
    "i1": torch.int8,
} | {f"i{size}": getattr(torch, name) for size, name in _WIDE.items()}


LARGE = 1_000_000
"""Numbers of a tensor that may say some of them more than once and still be written out."""


@dataclass(eq=False)
class StoredBytes:
    """A stretch of numbers in a file.

    Attributes:
        dtype: of the numbers.
        count: how many.
        fetch: reads their bytes.
    """

    dtype: torch.dtype
    count: int
    fetch: Callable[[], bytes]
    _read: dict[torch.dtype, Tensor] = field(default_factory=dict)

    def numbers(self, dtype: torch.dtype | None = None) -> Tensor:
        """All numbers in one row, those with fractions as float32; read and widened once for all tensors of them.

        Args:
            dtype: where they are to be read as others than they are stored as.

        Raises:
            NotWeights: the file holds fewer.
        """
        dtype = dtype or self.dtype
        if dtype not in self._read:
            size = self.dtype.itemsize * self.count
            body = self.fetch()
            if len(body) < size:
                raise NotWeights("it ends too early")
            count = size // dtype.itemsize
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # nobody writes into it
                row = torch.frombuffer(body, dtype=dtype, count=count) if count else torch.empty(0, dtype=dtype)
            self._read[dtype] = row.float() if row.is_floating_point() else row
        return self._read[dtype]


@dataclass(frozen=True, eq=False)
class StoredTensor:
    """A tensor in a file that has not been read yet.

    Attributes:
        data: its numbers, perhaps those of other tensors too.
        offset: of the first.
        shape: as of `Tensor`.
        stride: likewise.
        retyped: what its numbers are, where they are stored as bytes of any kind.
    """

    data: StoredBytes
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    retyped: torch.dtype | None = None

    @property
    def dtype(self) -> torch.dtype:
        """What its numbers are in the file."""
        return self.retyped or self.data.dtype

    def read(self) -> Tensor:
        """The tensor, as a view of the file's numbers; one with fractions as float32.

        One that says few numbers very often stays without values: writing it out could fill the memory, and no
        network has such a weight.

        Raises:
            NotWeights: it would reach beyond the numbers.
        """
        row, count = self.data.numbers(self.retyped), math.prod(self.shape)
        last = self.offset + sum((n - 1) * s for n, s in zip(self.shape, self.stride, strict=True))
        if min((self.offset, *self.shape, *self.stride)) < 0 or (count and last >= len(row)):
            raise NotWeights("a tensor reaches beyond its numbers")
        if count > max(len(row), LARGE):
            return torch.empty(self.shape, dtype=row.dtype, device="meta")
        return row.as_strided(self.shape, self.stride, self.offset)


class TensorPickle(InertPickle):
    """A pickle of PyTorch's or NumPy's; its tensors become `StoredTensor`.

    Args:
        storage: gives the bytes of a storage by its key.
        depth: of pickles inside pickles.
    """

    def __init__(self, storage: Callable[[str], bytes] | None = None, depth: int = 0) -> None:
        super().__init__()
        self.storages: dict[str, StoredBytes] = {}
        self._storage, self._depth = storage, depth

    def stored(self, key: Any) -> Any:
        """The bytes behind ``("storage", type, key, device, count)``, or the class of a whole pickled module."""
        if isinstance(key, tuple) and key and key[0] == "module":
            return key[1]
        if not isinstance(key, tuple) or len(key) < 5 or key[0] != "storage" or self._storage is None:
            raise NotWeights("it refers to something outside")
        _, kind, name, _, count, *view = key
        if view and view[0] is not None:
            raise NotWeights("it was written by a very old PyTorch; save it anew with a present one")
        name, dtype = str(name), DTYPES.get(kind.name) if isinstance(kind, PickledName) else None
        if dtype is None or not isinstance(count, int) or count < 0:
            raise NotWeights(f"it stores numbers of an unknown kind, {kind}")
        if name not in self.storages:
            fetch = self._storage
            self.storages[name] = StoredBytes(dtype, count, lambda: fetch(name))
        return self.storages[name]

    def made(self, kind: PickledName, arguments: tuple[Any, ...]) -> Any:
        """Containers and tensors of known makers as such, all else as it is kept by default."""
        module, name = kind.module, kind.name
        if module in ("copyreg", "copy_reg") and name == "_reconstructor" and arguments:
            return PickledObject(arguments[0], ())
        if module == "_codecs" and name == "encode" and arguments and isinstance(arguments[0], str):
            return arguments[0].encode("latin-1")
        if module == "collections" and name in ("OrderedDict", "defaultdict", "Counter"):
            return _as_dict(arguments)
        if module in BUILTINS and name == "dict":
            return _as_dict(arguments)
        if module in BUILTINS and name in ("set", "frozenset", "list") or (module, name) == ("torch", "Size"):
            items = arguments[0] if arguments else ()
            return tuple(items) if name == "Size" and isinstance(items, list | tuple) else items
        if module == "torch.jit._pickle" and arguments:
            return arguments[0]
        if (module, name) == ("torch.storage", "_load_from_bytes") and isinstance(arguments[0], bytes):
            return _storage_in_a_pickle(arguments[0], self._depth)
        if module in ("torch._utils", "torch._tensor"):
            return self._tensor(kind, arguments)
        return super().made(kind, arguments)

    def _tensor(self, kind: PickledName, arguments: tuple[Any, ...]) -> Any:
        if kind.name in ("_rebuild_parameter", "_rebuild_parameter_with_state") and arguments:
            return arguments[0]
        if kind.name == "_rebuild_from_type_v2" and len(arguments) > 2 and isinstance(arguments[0], PickledName):
            return self.made(arguments[0], tuple(arguments[2]))
        if kind.name not in ("_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3"):
            return super().made(kind, arguments)
        data, offset, shape, stride = arguments[:4]
        numbers = (offset, *shape, *stride)
        if not (isinstance(data, StoredBytes) and all(isinstance(number, int) for number in numbers)):
            raise NotWeights("a tensor is not said as one")
        dtype = None
        if kind.name == "_rebuild_tensor_v3":
            dtype = getattr(torch, arguments[6].name, None) if isinstance(arguments[6], PickledName) else None
            if not isinstance(dtype, torch.dtype):
                raise NotWeights("it stores numbers of an unknown kind")
        return StoredTensor(data, offset, tuple(shape), tuple(stride), dtype)


def _as_dict(arguments: tuple[Any, ...]) -> dict[Any, Any]:
    filled = arguments[-1] if arguments else None
    if isinstance(filled, dict):
        return dict(filled)
    pairs = filled if isinstance(filled, list) else []
    return {pair[0]: pair[1] for pair in pairs if isinstance(pair[0], str | int)}


def _storage_in_a_pickle(body: bytes, depth: int) -> Any:
    if depth:
        raise NotWeights("it holds pickles within pickles")
    return _in_pickles(io.BytesIO(body), len(body), depth + 1)


def _array(state: Any) -> StoredTensor:
    _, shape, kind, fortran, body = state
    code = kind.arguments[0] if isinstance(kind, PickledObject) and kind.arguments else None
    order = kind.state[1] if isinstance(kind, PickledObject) and isinstance(kind.state, tuple) else "|"
    dtype = NUMPY_DTYPES.get(str(code))
    if dtype is None or order == ">" or not isinstance(body, bytes):
        raise NotWeights("it holds arrays of an unknown kind")
    if not all(isinstance(n, int) and n >= 0 for n in shape):
        raise NotWeights("a tensor is not said as one")
    sizes = shape if fortran else shape[::-1]
    steps = [math.prod(sizes[:i]) for i in range(len(sizes))]
    stride = steps if fortran else steps[::-1]
    return StoredTensor(StoredBytes(dtype, math.prod(shape), lambda: body), 0, tuple(shape), tuple(stride))


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """What a file of `torch.save`, TorchScript, `pickle` or `numpy.savez` holds; its tensors can be read inside.

    Raises:
        HoldsCode: it names what can do harm.
        NotWeights: it is of another kind, packed, or damaged.
        Exception: damaged bytes fail in many ways.
    """
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            yield _in_archive(archive)
    else:
        with path.open("rb") as file:
            yield _in_pickles(file, path.stat().st_size)


def tensor_in(value: Any) -> StoredTensor | Tensor | None:
    """The tensor that a value of `opened` is; None of everything else.

    Raises:
        NotWeights: an array that cannot be one.
    """
    if isinstance(value, StoredTensor | Tensor):
        return value
    if isinstance(value, PickledObject) and isinstance(value.kind, PickledName) and value.state is not None:
        kind = value.kind
        return _array(value.state) if kind.module.startswith("numpy") and kind.name == "_reconstruct" else None
    return None


def _in_archive(archive: zipfile.ZipFile) -> Any:
    """`torch.save` stores its parts as they are. A file whose parts were packed instead is made to fill the memory."""
    names = {part.filename for part in archive.infolist()}
    if names and all(name.endswith(".npy") for name in names):
        return _arrays(archive)
    start = next((name for name in sorted(names) if name.endswith("/data.pkl") and name.count("/") == 1), "")
    if not start:
        raise NotWeights(foreign_archive(sorted(names)))
    folder = start.removesuffix("data.pkl")

    def part(name: str) -> bytes:
        if archive.getinfo(name).compress_type != zipfile.ZIP_STORED:
            raise NotWeights("its parts are packed")
        return archive.read(name)  # compares the checksum: flipped bits would become weights

    if f"{folder}byteorder" in names and part(f"{folder}byteorder") == b"big":
        raise NotWeights("its numbers are in the order of another kind of machine")
    return TensorPickle(lambda key: part(f"{folder}data/{key}")).load(io.BytesIO(part(start)))


def _arrays(archive: zipfile.ZipFile) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in archive.infolist():
        if part.file_size > PACKED_AT_MOST * part.compress_size + 10_000:
            raise NotWeights("its parts are packed")
        with archive.open(part) as file:
            array = np.lib.format.read_array(file, allow_pickle=False)
        if array.dtype.kind not in "fiub" or array.dtype.name not in ("uint8", "bool") and array.dtype.kind == "u":
            raise NotWeights("it holds arrays of an unknown kind")
        flat = torch.from_numpy(np.asarray(array, dtype=array.dtype.newbyteorder("="), order="C"))
        found[part.filename.removesuffix(".npy")] = flat
    return found


def _in_pickles(file: IO[bytes], size: int, depth: int = 0) -> Any:
    """What `torch.save` wrote before it wrote zip files, or any other pickle."""
    first = TensorPickle(depth=depth).load(file)
    if first != LEGACY_MAGIC:
        return first
    if InertPickle().load(file) != LEGACY_PROTOCOL:
        raise NotWeights("it was written by a very old PyTorch; save it anew with a present one")
    system = InertPickle().load(file)
    if isinstance(system, dict) and system.get("little_endian") is False:
        raise NotWeights("its numbers are in the order of another kind of machine")
    places: dict[str, tuple[int, int]] = {}

    def fetch(key: str) -> bytes:
        start, length = places[key]
        file.seek(start)
        return file.read(length)

    pickle = TensorPickle(fetch, depth)
    content = pickle.load(file)
    keys = InertPickle().load(file)
    for key in map(str, keys):
        (count,) = struct.unpack("<q", file.read(8))
        start, length = file.tell(), count * pickle.storages[key].dtype.itemsize
        if count < 0 or start + length > size:
            raise NotWeights("it ends too early")
        places[key] = start, length
        file.seek(start + length)
    return content
