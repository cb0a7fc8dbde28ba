"""Copies a user's list of samples into the home, so that the run does not depend on the original."""

from __future__ import annotations

import dataclasses
import hashlib

from cu_core.base.errors import BadInput
from cu_core.base.files import write_atomically
from cu_core.base.home import Home
from cu_core.base.named_path import named_path
from cu_core.catalogue.selections import parse_selection
from cu_core.catalogue.spec import RunSpec
from cu_core.data.index_file import kind_of, read_bounded


def adopt_index_file(spec: RunSpec, home: Home) -> RunSpec:
    """Copies the file of a forget set that names one, such as ``indices:FILE``, to a name made of its content.

    Args:
        spec: any specification.
        home: its `uploads` folder takes the copy.

    Returns:
        The specification with the copy's path; unchanged for other forget sets.

    Raises:
        BadInput: the file cannot be read, is too large or no plain file.
    """
    selection = parse_selection(spec.forget.select)
    if not (file := selection.file):
        return spec
    path = named_path(file, "forget.select", selection.record.forms)
    try:
        content = read_bounded(path, "forget.select")
    except OSError as error:
        raise BadInput("forget.select", f"{file} cannot be read ({error})", selection.record.forms) from None
    copy = home.uploads / f"{hashlib.sha256(content).hexdigest()[:16]}.{kind_of(content)}"
    if not copy.exists():
        write_atomically(copy, lambda handle: handle.write(content) and None)
    return dataclasses.replace(spec, forget=dataclasses.replace(spec.forget, select=f"{selection.kind}:{copy}"))
