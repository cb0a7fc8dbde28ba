"""Takes a user's index file into the home, so that a run does not change when the file does."""

from __future__ import annotations

import dataclasses
import hashlib

from cu_core.base.errors import BadInput
from cu_core.base.files import write_atomically
from cu_core.base.home import Home
from cu_core.base.named_path import named_path
from cu_core.catalogue.spec import RunSpec
from cu_core.catalogue.spec_files import named_files
from cu_core.data.index_file import read_bounded


def adopt_index_file(spec: RunSpec, home: Home) -> RunSpec:
    """Copies the file of an ``indices:FILE`` forget set to a name made of its content.

    Args:
        spec: any specification.
        home: its `uploads` folder takes the copy.

    Returns:
        The specification with the copy's path; unchanged for other forget sets.

    Raises:
        BadInput: the file cannot be read, is too large or no plain file.
    """
    file = named_files(spec).get("forget.select")
    if file is None:
        return spec
    path = named_path(file, "forget.select", ("indices:FILE.csv",))
    try:
        content = read_bounded(path, "forget.select")
    except OSError as error:
        raise BadInput("forget.select", f"{file} cannot be read ({error})", ("indices:FILE.csv",)) from None
    copy = home.uploads / f"{hashlib.sha256(content).hexdigest()[:16]}.csv"
    if not copy.exists():
        write_atomically(copy, lambda handle: handle.write(content) and None)
    return dataclasses.replace(spec, forget=dataclasses.replace(spec.forget, select=f"indices:{copy}"))
