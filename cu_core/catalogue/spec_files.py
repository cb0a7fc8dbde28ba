"""Files and folders that a specification names, and the same specification with absolute paths."""

from __future__ import annotations

import dataclasses

from cu_core.base.named_path import absolute_choice, named_path
from cu_core.catalogue.file_lists import expanded, file_lists, with_lists
from cu_core.catalogue.own_code import absolute_code, is_own_code, own_code
from cu_core.catalogue.selections import parse_selection
from cu_core.catalogue.spec import RunSpec


def named_files(spec: RunSpec) -> dict[str, str]:
    """The text of each file or folder that a specification names, by the field that it stands in.

    Raises:
        BadInput: the forget set has no known form.
    """
    # Taken apart as it will be read: a space before the kind, say, must not make another kind of it.
    selection = parse_selection(spec.forget.select)
    texts = {
        "data.dataset": spec.data.dataset.partition(":")[2],
        "model.backbone": _code_file(spec.model.backbone),
        "model.weights": spec.model.weights,
        "forget.select": selection.file,
    }
    return {field: text for field, text in texts.items() if text}


def _code_file(backbone: str) -> str:
    """The file of a network of the user's own; empty of all others, and of one in a module."""
    if not is_own_code(backbone):
        return ""
    code = own_code(backbone)
    return code.place if code.is_file else ""


def all_files(spec: RunSpec) -> list[tuple[str, str]]:
    """Field and text of each file or folder that a specification names, those of its lists included.

    Raises:
        BadInput: the forget set has no known form.
    """
    listed = [(field, text) for field, texts in file_lists(spec).items() for text in texts]
    return [*named_files(spec).items(), *listed]


def absolute_paths(spec: RunSpec) -> RunSpec:
    """The same specification with paths that do not depend on the present folder, and files in place of patterns.

    Raises:
        BadInput: a path is none, see `cu_core.base.named_path.named_path`; a pattern fits no file; the forget set has
            no known form.
    """
    given, spec = spec, expanded(spec)
    lists = file_lists(spec)
    spec = with_lists(
        spec, {field: tuple(str(named_path(text, field)) for text in texts) for field, texts in lists.items()}
    )
    files = named_files(spec)
    if "data.dataset" in files:
        dataset = absolute_choice(spec.data.dataset, "data.dataset")
        spec = dataclasses.replace(spec, data=dataclasses.replace(spec.data, dataset=dataset))
    if is_own_code(spec.model.backbone):
        backbone = absolute_code(spec.model.backbone)
        spec = dataclasses.replace(spec, model=dataclasses.replace(spec.model, backbone=backbone))
    if "model.weights" in files:
        weights = str(named_path(spec.model.weights, "model.weights"))
        spec = dataclasses.replace(spec, model=dataclasses.replace(spec.model, weights=weights))
    if "forget.select" in files:
        kind = parse_selection(spec.forget.select).kind
        select = f"{kind}:{named_path(files['forget.select'], 'forget.select')}"
        spec = dataclasses.replace(spec, forget=dataclasses.replace(spec.forget, select=select))
    # The same object where nothing changes: it may know its hash already.
    return given if spec == given else spec
