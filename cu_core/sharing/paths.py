"""Files of the server that people may name: their uploads, and the folders that were opened to them.

Who works on the machine itself may name any file. Somebody in a browser elsewhere could otherwise read
files of the server through messages that quote them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cu_core.base.errors import BadInput, NotAllowed
from cu_core.base.home import Home
from cu_core.base.named_path import named_path
from cu_core.catalogue.file_lists import REFERENCES, ROUNDS, expanded
from cu_core.catalogue.spec import RunSpec
from cu_core.catalogue.spec_files import all_files
from cu_core.sharing.config import sharing_of
from cu_core.sharing.rights import HOME, User


def check_path(user: User, home: Home, path: str, field: str) -> None:
    """Checks that a user may name a file or folder; an empty text, which nothing opens, names none.

    Raises:
        BadInput: it lies elsewhere; names the field and the folders that are open.
    """
    if user.role == HOME or not path:
        return
    sharing = sharing_of(home)
    if sharing is None:
        raise NotAllowed("the dashboard is not shared any more")
    roots = (home.uploads.resolve(), *sharing.data_folders)
    try:
        found = named_path(path, field)
    except BadInput:
        # What exactly is wrong would tell who has a home folder here.
        found = None
    if found is None or not any(found.is_relative_to(root) for root in roots):
        raise BadInput(field, "only uploaded files and the folders opened in sharing.toml can be used here",
                       ["an upload", *map(str, sharing.data_folders)])  # fmt: skip


# Fields of the launch form that hold a path, with the field of the specification that it becomes.
FORM_PATHS = {
    "data.path": "data.dataset",
    "model.weights": "model.weights",
    "forget.file": "forget.select",
    "method.given.rounds": ROUNDS,
    "given.after": ROUNDS,
    "reference_files": REFERENCES,
}


LISTS = (ROUNDS, REFERENCES)
"""Fields with a file a line."""


def foreign_paths(user: User, home: Home, values: Mapping[str, Any]) -> dict[str, BadInput]:
    """The fields of a form that name files which a user may not name, each with what is said about it."""
    found = {}
    for name, field in FORM_PATHS.items():
        try:
            text = str(values.get(name) or "")
            for path in text.splitlines() if field in LISTS else [text]:
                check_path(user, home, path, field)
        except BadInput as error:
            found[name] = error
    return found


def check_paths(user: User, home: Home, spec: RunSpec) -> None:
    """Checks every file that a specification names.

    Raises:
        BadInput: one of them lies elsewhere, or the forget set has no known form.
    """
    for field, text in all_files(spec):
        check_path(user, home, text, field)
    if user.role != HOME:
        # A pattern in an open folder may stand for links to elsewhere.
        for field, text in all_files(expanded(spec)):
            check_path(user, home, text, field)
