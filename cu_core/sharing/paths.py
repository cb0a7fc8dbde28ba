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
from cu_core.catalogue.backbone_record import BACKBONES
from cu_core.catalogue.file_lists import REFERENCES, ROUNDS, expanded
from cu_core.catalogue.own_code import FIELD as CODE
from cu_core.catalogue.own_code import KIND, SUFFIX, is_own_code
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


def may_bring_code(user: User | None, home: Home) -> bool:
    """Whether a user may name networks of their own: on the machine itself always, elsewhere where that was opened."""
    if user is None or user.role == HOME:
        return user is not None
    sharing = sharing_of(home)
    return sharing is not None and sharing.own_code


def check_code(user: User, home: Home, backbone: str) -> None:
    """Checks that a user may name this network, before anything of it is looked for.

    Raises:
        BadInput: it is code of their own, which this dashboard does not run.
    """
    if is_own_code(backbone) and not may_bring_code(user, home):
        known = [record.form for record in BACKBONES.values() if record.id != KIND]
        raise BadInput(CODE, "networks of one's own are code, which this dashboard does not run", known)


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
    if error := _foreign_code(user, home, values):
        found["model.timm"] = error
    for name, field in FORM_PATHS.items():
        try:
            text = str(values.get(name) or "")
            for path in text.splitlines() if field in LISTS else [text]:
                check_path(user, home, path, field)
        except BadInput as error:
            found[name] = error
    return found


def _foreign_code(user: User, home: Home, values: Mapping[str, Any]) -> BadInput | None:
    """What is said of a network that a user may not name."""
    backbone = f"{values.get('model.backbone') or ''}:{values.get('model.timm') or ''}"
    try:
        check_code(user, home, backbone)
        place = backbone.partition(":")[2].rpartition(":")[0].strip()
        if is_own_code(backbone) and place.endswith(SUFFIX):
            check_path(user, home, place, CODE)
    except BadInput as error:
        return error
    return None


def check_paths(user: User, home: Home, spec: RunSpec) -> None:
    """Checks every file that a specification names.

    Raises:
        BadInput: one of them lies elsewhere, the network is code that the user may not bring, or the forget set has no
            known form.
    """
    check_code(user, home, spec.model.backbone)
    for field, text in all_files(spec):
        check_path(user, home, text, field)
    if user.role != HOME:
        # A pattern in an open folder may stand for links to elsewhere.
        for field, text in all_files(expanded(spec)):
            check_path(user, home, text, field)
