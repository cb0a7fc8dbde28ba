"""Files handed in through the browser: checked on the server and kept under a name that cannot escape."""

from __future__ import annotations

import hashlib
import io
import os
import re
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from cu_core.base.errors import BadInput
from cu_core.base.files import write_json
from cu_core.base.home import Home
from cu_core.learning.foreign_kinds import foreign_kind
from cu_core.runstore import layout
from cu_core.runstore.disk import check_floor

CHUNK = 1 << 20
# Of the note beside a file that says who was the first to hand it in, and how many bytes it has.
OWNER_SUFFIX = ".owner.json"


@dataclass(frozen=True)
class Kind:
    """What may be uploaded for one purpose.

    Attributes:
        field: named in error messages.
        suffixes: allowed endings, lower case.
        limit: most bytes.
    """

    field: str
    suffixes: tuple[str, ...]
    limit: int


_IMAGES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".tbz2", ".xz", ".txz", ".npz", ".parquet")
IMAGES = Kind("data.dataset", _IMAGES, 2_000_000_000)
# What training programs call their files. It is their content that is judged.
_WEIGHTS = (".pt", ".pth", ".tar", ".ckpt", ".bin", ".safetensors", ".npz", ".pkl", ".model", ".t7")
WEIGHTS = Kind("model.weights", _WEIGHTS, 2_000_000_000)
INDICES = Kind("forget.select", (".csv", ".tsv", ".txt", ".json", ".npy", ".npz"), 20_000_000)


def file_of_indices(indices: np.ndarray, name: str) -> tuple[IO[bytes], str]:
    """Places in the training images as an `INDICES` file that ``indices:FILE`` reads, and the file's name.

    Args:
        indices: (k,) whole numbers.
        name: of what they are, for people.
    """
    text = "\n".join(["index", *map(str, indices.tolist())]) + "\n"
    return io.BytesIO(text.encode()), f"{name}.csv"


def keep(
    file: IO[bytes],
    name: str,
    kind: Kind,
    home: Home,
    owner: str = "",
    admit: Callable[[int], None] = lambda size: None,
) -> Path:
    """Stores an uploaded file below ``home.uploads``; the same content is stored once.

    Args:
        file: open at its start.
        name: as the user's computer called it; only its plain letters are kept.
        kind: what it is for.
        home: where uploads live.
        owner: who hands it in through a shared dashboard; empty for the home's owner.
        admit: given its bytes, asked before an owner's new file is kept, while no other can be; may raise to refuse it.

    Returns:
        Path of the stored file.

    Raises:
        BadInput: empty, too large, or not a file of that kind.
        OutOfDisk: too little free space.
    """
    suffix = Path(name.lower()).suffix
    if suffix not in kind.suffixes:
        raise BadInput(kind.field, f"{name!r} is not a file of the right kind", kind.suffixes)
    file.seek(0, os.SEEK_END)
    size = file.tell()
    file.seek(0)
    if size == 0:
        raise BadInput(kind.field, f"{name!r} is empty")
    if size > kind.limit:
        raise BadInput(kind.field, f"{name!r} has {size:,} bytes", [f"at most {kind.limit:,} bytes"])
    home.uploads.mkdir(parents=True, exist_ok=True)
    check_floor(home.uploads, size)
    handle, temporary = tempfile.mkstemp(dir=home.uploads, prefix=".upload-")
    digest = hashlib.sha256()
    try:
        with os.fdopen(handle, "wb") as target:
            while part := file.read(CHUNK):
                digest.update(part)
                target.write(part)
        if suffix == ".zip" and not zipfile.is_zipfile(temporary):
            raise BadInput(kind.field, f"{name!r} is not a zip file")
        if kind == WEIGHTS and (reason := foreign_kind(Path(temporary))):
            raise BadInput(kind.field, f"{name!r} holds no weights: {reason}")
        stem = re.sub(r"[^a-z0-9]+", "-", Path(name.lower()).stem).strip("-")[:40] or "file"
        stored = home.uploads / f"{digest.hexdigest()[:12]}-{stem}{suffix}"
        # Two uploads at once must not both find the last free place.
        with layout.submit_lock(home):
            if owner and not stored.exists():
                admit(size)
                write_json(stored.with_name(stored.name + OWNER_SUFFIX), {"owner": owner, "bytes": size})
            os.replace(temporary, stored)
    finally:
        Path(temporary).unlink(missing_ok=True)
    return stored
