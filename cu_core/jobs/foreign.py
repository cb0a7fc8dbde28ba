"""The specification of a run about a model that was unlearned elsewhere, from files alone."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cu_core.base.errors import BadInput
from cu_core.base.home import Home
from cu_core.base.parameters import describe, parse
from cu_core.catalogue.file_lists import REFERENCES, files_of
from cu_core.catalogue.recipes import recipe as usual_recipe
from cu_core.catalogue.spec import PARTS, RunSpec, spec_from_json, top_level_fields
from cu_core.catalogue.spec_files import absolute_paths
from cu_core.catalogue.spec_parts import DataSpec, TrainSpec
from cu_core.jobs.adopt import adopt_index_file

STANDARD = "standard"
GIVEN = "given"


def audit_spec(
    *,
    dataset: str,
    model: str,
    forget: str,
    before: str,
    after: str,
    rounds: str | Iterable[str] = (),
    references: str | Iterable[str] = (),
    retrain: int | str = 0,
    recipe: str = "",
    objective: str = "",
    settings: Mapping[str, Any] | Sequence[str] = (),
    seed: int | str = 0,
    device: str = "auto",
    name: str = "",
    method_name: str = "",
    home: Home | None = None,
) -> RunSpec:
    """An ordinary run whose rounds are the given files.

    Args:
        dataset: images, as in `DataSpec.dataset`.
        model: backbone of all the files, as in `ModelSpec.backbone`.
        forget: what was to be forgotten, as in `ForgetSpec.select`.
        before: file with the weights before unlearning.
        after: file with the weights after it.
        rounds: files of the rounds between the two, in order; a pattern or folder stands for its files by number.
        references: files with weights of models retrained without the forget set, patterns and folders as well.
        retrain: how many more to retrain here.
        recipe: by which recipe: ``standard``, that of this program for dataset and backbone, or fields of `TrainSpec`
            on top of it: ``epochs=30,lr=0.05``. Needed where models are retrained.
        objective: of the training, as in `TrainSpec.objective`; encoders have another one than classifiers.
        settings: any other fields of a run by name, ``{"probe.size": 500}``, or as texts ``probe.size=500``.
        seed: of draws, and of the models retrained here.
        device: as in `RunSpec.device`.
        name: shown in lists.
        method_name: what unlearned the model, for tables and pictures.
        home: takes a copy of the forget set's file, where it is one, so that the run does not change with it.

    Returns:
        Its paths are absolute, and patterns are the files that they stood for.

    Raises:
        BadInput: a value that cannot be used, a pattern without a file.
    """
    texts = {"dataset": dataset, "model": model, "forget": forget, "before": before, "after": after, "recipe": recipe}
    texts |= {"objective": objective, "device": device, "name": name, "method_name": method_name}
    for field, value in texts.items():
        if not isinstance(value, str):
            raise BadInput(field, f"{value!r} is not text")
    chosen = _chosen(settings)
    steps = (*files_of(_texts(rounds, "rounds"), "rounds"), *_one(after, "after"))
    content: dict[str, Any] = {
        "data": {"dataset": dataset},
        "model": {"backbone": model, "weights": before},
        "forget": {"select": forget},
        "method": {"id": GIVEN, "params": {"rounds": list(steps), "label": method_name}},
        "stop": {"rule": "none"},
        REFERENCES: list(files_of(_texts(references, "references"), "references")),
        "reference": retrain,
        "seed": seed,
        "device": device,
        "name": name,
    }
    named = _place(content, chosen)
    if objective:
        content.setdefault("train", {})["objective"] = objective
    content["train"] = _training(content, recipe, retrained=str(content["reference"]).strip() != "0", named=named)
    spec = absolute_paths(spec_from_json(content))
    return adopt_index_file(spec, home) if home else spec


def _texts(given: object, field: str) -> list[str]:
    listed = list(given) if isinstance(given, Iterable) and not isinstance(given, str | bytes) else [given]
    found = []
    for path in listed:
        text = os.fspath(path) if isinstance(path, str | os.PathLike) else None
        if not isinstance(text, str):
            raise BadInput(field, f"{path!r} is no path of a file")
        found.append(text)
    return found


def _chosen(settings: object) -> dict[str, Any]:
    if isinstance(settings, Mapping):
        found = dict(settings)
    elif isinstance(settings, str) or not isinstance(settings, Iterable):
        found = dict([_pair(settings)])
    else:
        found = dict(_pair(text) for text in settings)
    for name in found:
        if not isinstance(name, str):
            raise BadInput("settings", f"{name!r} is not the name of a setting")
    return found


def _one(path: str, field: str) -> tuple[str, ...]:
    if not path.strip():
        raise BadInput(field, "names no file")
    found = files_of([path], field)
    if len(found) != 1:
        raise BadInput(field, f"{path!r} stands for {len(found)} files, and is one; rounds can be several")
    return found


def _pair(text: object) -> tuple[str, str]:
    if not isinstance(text, str):
        raise BadInput("settings", f"{text!r} is not NAME=VALUE", ("probe.size=500",))
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise BadInput("settings", f"{text!r} is not NAME=VALUE", ("probe.size=500",))
    return name.strip(), value


def _place(content: dict[str, Any], settings: Mapping[str, Any]) -> bool:
    """Puts settings into their parts; says whether one of them is of the training."""
    for name, value in settings.items():
        part, _, field = name.partition(".")
        if field and part in PARTS:
            content.setdefault(part, {})[field] = value
        elif not field and name in top_level_fields() and name != REFERENCES:
            content[name] = value
        else:
            known = [f"{p}.{d.name}" for p, cls in PARTS.items() for d in describe(cls)]
            raise BadInput("settings", f"no setting named {name!r}", [*known, *top_level_fields()], given=name)
    return any(name.startswith("train.") and name != "train.objective" for name in settings)


def _training(content: Mapping[str, Any], text: str, *, retrained: bool, named: bool) -> dict[str, Any]:
    """How references are retrained; zero epochs where none is, since nobody knows how the files were made."""
    said = dict(content.get("train", {}))
    objective = str(said.get("objective") or TrainSpec.objective)
    if not retrained:
        if text:
            raise BadInput("recipe", "nothing is retrained here that could follow a recipe; ask for --retrain K")
        return {"objective": objective, **said, "epochs": 0}
    if not text and not named:
        raise BadInput(
            "recipe",
            "say how the references are retrained; the files do not tell how they were made",
            (STANDARD, "epochs=30,lr=0.05"),
        )
    data = parse(DataSpec, content["data"], "data.")
    start = usual_recipe(data.dataset, str(content["model"]["backbone"]), data.label_noise, objective)
    return {**vars(start), **_changes(text), **said}


def _changes(text: str) -> dict[str, str]:
    if text in ("", STANDARD):
        return {}
    pairs = [_pair_of_recipe(piece) for piece in text.split(",")]
    return dict(pairs)


def _pair_of_recipe(piece: str) -> tuple[str, str]:
    name, equals, value = piece.partition("=")
    fields = [d.name for d in describe(TrainSpec)]
    if not equals:
        raise BadInput("recipe", f"{piece.strip()!r} is no recipe", (STANDARD, "epochs=30,lr=0.05"))
    if name.strip() not in fields:
        raise BadInput("recipe", f"no setting of the training is named {name.strip()!r}", fields, given=name.strip())
    return name.strip(), value.strip()
