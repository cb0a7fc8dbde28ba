"""Copies a user's list of samples into the home, so that the run does not depend on the original."""

from __future__ import annotations

import dataclasses
import hashlib
import re

from cu_core.base.errors import BadInput
from cu_core.base.files import write_atomically
from cu_core.base.home import Home
from cu_core.base.named_path import named_path
from cu_core.catalogue.selections import parse_selection
from cu_core.catalogue.spec import RunSpec, bare_name
from cu_core.data.index_file import read_bounded

SHORT = 12
"""Digits of the checksum before a name, as uploads have them and `bare_name` takes them off."""
_LONGEST = 40


def adopt_index_file(spec: RunSpec, home: Home) -> RunSpec:
    """Copies the file of a forget set that names one, such as ``indices:FILE``, into the home.

    The copy is called by its content and the file's own name.

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
    digest = hashlib.sha256(content).hexdigest()[:SHORT]
    if path.parent == home.uploads.resolve() and path.name.startswith(digest):
        copy = path
    else:
        copy = home.uploads / f"{digest}-{_plain(bare_name(path.name))}"
    if not copy.exists():
        write_atomically(copy, lambda handle: handle.write(content) and None)
    return dataclasses.replace(spec, forget=dataclasses.replace(spec.forget, select=f"{selection.kind}:{copy}"))


def _plain(name: str) -> str:
    """A name of letters, digits, points and strokes; of a long one its end, which has the kind."""
    return re.sub(r"[^\w.-]+", "-", name)[-_LONGEST:].strip("-") or "file"
