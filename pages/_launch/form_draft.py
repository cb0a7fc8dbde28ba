"""The launch form as plain values: filled from a specification, turned into one, checked field by field.

A draft is a flat mapping of field names to values as widgets hold them. It knows no widgets, so that
it can be tested without a page.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cu_core.base.errors import BadInput
from cu_core.base.parameters import Described, coerce, describe
from cu_core.catalogue.backbone_record import BACKBONES
from cu_core.catalogue.compatibility import check
from cu_core.catalogue.dataset_record import DATASETS
from cu_core.catalogue.method_record import METHODS, method
from cu_core.catalogue.name_list import read_list
from cu_core.catalogue.named_classes import NUMBER, class_label, class_labels, class_text
from cu_core.catalogue.selections import FIELD, FORGET_KINDS, parse_selection
from cu_core.catalogue.spec import PARTS, RunSpec, spec_from_json

TOP = ("seed", "reference", "reference_files", "device", "precision", "processes", "name")
# The last of the files of a method whose rounds are files; it has a field of its own.
AFTER = "given.after"
# Fields that the form replaces with something easier than one line of text.
_BUILT = {"data.dataset", "model.backbone", "forget.select"}
# Registries name their field shortly; the form has these fields instead.
_ALIASES = {"dataset": "data.dataset", "model": "model.backbone", "method": "method.id"}


def described(part: str) -> list[Described]:
    """The described fields of one part of the specification, or of its top level."""
    if part == "top":
        return [d for d in describe(RunSpec) if d.name in TOP]
    return describe(PARTS[part])


def param_key(method_id: str, name: str) -> str:
    """Field of a hyper-parameter; every method has its own, so that switching loses nothing."""
    return f"method.{method_id}.{name}"


def from_spec(spec: RunSpec, classes: Sequence[str] = ()) -> dict[str, Any]:
    """The draft that shows a specification; methods not chosen show their defaults.

    Args:
        spec: what to show.
        classes: names of its dataset's classes, where that is prepared.
    """
    draft: dict[str, Any] = {}
    for part, cls in PARTS.items():
        values = getattr(spec, part)
        draft |= {f"{part}.{d.name}": typed(d, values) for d in describe(cls)}
    draft |= {d.name: typed(d, spec) for d in described("top")}
    draft["method.id"] = spec.method.id
    for record in METHODS.values():
        chosen = spec.method.params if record.id == spec.method.id else record.params()
        draft |= {param_key(record.id, d.name): typed(d, chosen) for d in describe(record.params)}
        if record.from_files:
            draft[param_key(record.id, "rounds")] = "\n".join(chosen.rounds[:-1])
            draft[AFTER] = "".join(chosen.rounds[-1:])
    draft["data.dataset"], _, draft["data.path"] = spec.data.dataset.partition(":")
    draft["model.backbone"], _, draft["model.timm"] = spec.model.backbone.partition(":")
    return draft | _forget_fields(spec.forget.select, classes)


def typed(d: Described, values: Any) -> Any:
    """The value as its widget wants it: whole or real numbers, and of a list its items line by line."""
    value = getattr(values, d.name)
    if isinstance(value, tuple):
        return "\n".join(value)
    return float(value) if d.type is float else value


def _forget_fields(text: str, classes: Sequence[str]) -> dict[str, Any]:
    fields = {f"forget.{i.name}": i.default for kind in FORGET_KINDS.values() for i in kind.inputs}
    fields = {name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()}
    selection = parse_selection(text)
    fields["forget.kind"] = selection.kind
    for widget, value in zip(selection.record.inputs, selection.values, strict=False):
        fields[f"forget.{widget.name}"] = widget.read(value)
    if selection.classes:
        named = [classes[label] for label in selection.labels(classes)] if classes else []
        fields["forget.classes"] = named or [pick for given in selection.classes for pick in _picks(given)]
    return fields | {"forget.known": tuple(classes)}


def _picks(text: str) -> list[str]:
    """A text with names of classes as picks: numbers one by one, anything else as it is until the names are known."""
    try:
        names = read_list(text, FIELD)
    except BadInput:
        return [text]
    return list(names) if all(NUMBER.fullmatch(name) for name in names) else [text]


def _classes_text(picks: Sequence[str], known: Sequence[str]) -> str:
    """Picks as they stand in a specification; a single one may be any text while the names are not known."""
    return str(picks[0]).strip() if len(picks) == 1 and not known else class_text([str(p) for p in picks], known)


def select_text(draft: Mapping[str, Any]) -> str:
    """The forget set that the builder's fields say, as the specification writes it.

    Raises:
        BadInput: the chosen kind lacks its value.
    """
    kind = FORGET_KINDS.named(draft["forget.kind"])
    values = []
    for widget in kind.inputs:
        value = draft[f"forget.{widget.name}"]
        if widget.kind == "classes" and not value:
            raise BadInput("forget.select", "choose at least one class")
        if widget.kind == "file" and not value:
            raise BadInput("forget.select", "upload a file that lists samples")
        if widget.kind == "text" and not value.strip():
            raise BadInput("forget.select", f"say which {widget.label.lower()}")
        values.append(_classes_text(value, draft["forget.known"]) if widget.kind == "classes" else widget.write(value))
    return ":".join([kind.id, *values])


def content_of(draft: Mapping[str, Any]) -> dict[str, Any]:
    """The draft as the JSON content of a specification, not yet checked.

    Raises:
        BadInput: a builder lacks its value.
    """
    content: dict[str, Any] = {
        part: {d.name: draft[f"{part}.{d.name}"] for d in describe(cls) if f"{part}.{d.name}" not in _BUILT}
        for part, cls in PARTS.items()
    }
    content |= {name: draft[name] for name in TOP}
    content["data"]["dataset"] = _with_detail(
        draft["data.dataset"], draft["data.path"], *(d.id for d in DATASETS.values() if d.needs_path)
    )
    content["model"]["backbone"] = _with_detail(
        draft["model.backbone"], draft["model.timm"], *(b.id for b in BACKBONES.values() if b.named)
    )
    content["forget"]["select"] = select_text(draft)
    record = method(draft["method.id"])
    params = {d.name: draft[param_key(record.id, d.name)] for d in describe(record.params)}
    if record.from_files:
        params["rounds"] = "\n".join(filter(None, [str(params["rounds"]), draft[AFTER]]))
    content["method"] = {"id": record.id, "params": params}
    return content


def _with_detail(name: str, detail: str, *need: str) -> str:
    return f"{name}:{detail.strip()}" if name in need else name


def errors_of(draft: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with each field, in words, beside the field's name; empty if a run can be made.

    Fields are checked one by one first, so that several errors show at once; then the whole.
    """
    errors: dict[str, str] = {}
    for part in (*PARTS, "top"):
        prefix = "" if part == "top" else f"{part}."
        for d in described(part):
            if f"{prefix}{d.name}" not in _BUILT:
                _collect(errors, lambda d=d, prefix=prefix: coerce(d, draft[f"{prefix}{d.name}"], prefix))
    record = method(draft["method.id"])
    for d in describe(record.params):
        _collect(errors, lambda d=d: coerce(d, draft[param_key(record.id, d.name)], "method."))
    if DATASETS[draft["data.dataset"]].needs_path and not str(draft["data.path"]).strip():
        errors["data.dataset"] = "Name a folder or a file on this machine, or upload one."
    if not errors:
        _collect(errors, lambda: check(spec_from_json(content_of(draft))))
    return errors


def _collect(errors: dict[str, str], action: Any) -> None:
    try:
        action()
    except BadInput as error:
        field, message = in_words(error)
        errors.setdefault(field, message)


def in_words(error: BadInput) -> tuple[str, str]:
    """Field of the form and message of an error."""
    message = re.sub(r"\b[0-9a-f]{12}-(?=\S)", "", error.reason)
    if message.split(" ", 1)[0].isalpha():  # and not the name of a file or a quoted value
        message = message[:1].upper() + message[1:]
    if error.allowed:
        message += f"{'' if message.endswith('?') else '.'} Allowed: {', '.join(error.allowed)}"
    return _ALIASES.get(error.field, error.field), message


def title_of(field: str) -> str:
    """Name of a form's field as its label says it; the field itself where it has none."""
    part, _, name = field.removeprefix("grid.").rpartition(".")
    if field.startswith("grid.") and not part and name not in TOP:
        part = "method"
    lists = {"method": [d for record in METHODS.values() for d in describe(record.params)]}
    known = lists.get(part) or (described(part or "top") if not part or part in PARTS else [])
    return next((d.param.label for d in known if d.name == name), field)


def spec_of(draft: Mapping[str, Any]) -> RunSpec:
    """The specification that a draft says.

    Raises:
        BadInput: see `errors_of`.
    """
    return spec_from_json(content_of(draft))


def class_names(picks: Sequence[str], classes: Sequence[str]) -> list[str]:
    """Class picks in terms of a dataset's names: numbers and lists become names, unknown picks are dropped."""
    labels = [class_label(pick, classes) for pick in picks]
    if len(picks) == 1 and labels == [None]:
        with contextlib.suppress(BadInput):
            labels = list(class_labels(picks[0], classes))
    return list(dict.fromkeys(classes[label] for label in labels if label is not None and label < len(classes)))


def file_name(path: str) -> str:
    """Name of an uploaded file without the part that makes it unique."""
    return re.sub(r"^[0-9a-f]{12}-", "", Path(path).name)
