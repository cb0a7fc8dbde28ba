"""What to run, as people name it in a shell or in Python, turned into a validated specification."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cu_core.analysis.tuning.own_setting import class_names
from cu_core.base.errors import BadInput
from cu_core.base.files import read_plain
from cu_core.base.home import Home
from cu_core.base.named_path import named_path
from cu_core.base.parameters import describe, parse
from cu_core.catalogue.method_record import method
from cu_core.catalogue.named_recipes import NamedRecipe, recipe_named, refuse_where_tuned
from cu_core.catalogue.presets import PRESETS, preset
from cu_core.catalogue.recipes import recipe, unlearning_recipe
from cu_core.catalogue.selections import parse_selection
from cu_core.catalogue.spec import PARTS, RunSpec, spec_from_json, top_level_fields
from cu_core.catalogue.spec_files import absolute_paths
from cu_core.catalogue.spec_parts import DataSpec
from cu_core.jobs.adopt import adopt_index_file

Setting = str | tuple[str, Any]
"""``NAME=VALUE`` as one text, or name and value."""

SINGLE = (int, float, str, bool)
LISTS = tuple(d.name for d in describe(RunSpec) if d.type not in SINGLE)
"""Fields of several values, of which each setting adds one."""
DIGITS_BACKBONE = "tiny-cnn"
BACKBONE = "resnet18"


@dataclass(frozen=True)
class Wishes:
    """What was named; None is what was not.

    Attributes:
        preset: start from this one instead of the defaults.
        spec: start from this file with a specification in JSON.
        dataset: the images.
        model: the backbone.
        objective: how the model is trained.
        recipe: name of the training recipe, where there are several for dataset, backbone and objective.
        method: how it is unlearned.
        method_recipe: name of a tuned recipe of this home, whose method and hyper-parameters are taken.
        forget: which samples.
        seed: of training, draws and unlearning.
        reference: how many models are retrained beside.
        device: where it is computed.
        processes: how many divide each step.
        name: shown in lists.
        settings: fields of the specification or hyper-parameters of the method, in order; they win over the rest.
    """

    preset: str | None = None
    spec: str | None = None
    dataset: str | None = None
    model: str | None = None
    objective: str | None = None
    recipe: str | None = None
    method: str | None = None
    method_recipe: str | None = None
    forget: str | None = None
    seed: Any = None
    reference: Any = None
    device: str | None = None
    processes: Any = None
    name: str | None = None
    settings: Sequence[Setting] = ()


def spec_of(wishes: Wishes, home: Home) -> RunSpec:
    """Builds the specification from preset or file, names and settings, later ones winning.

    Training and unlearning values that nobody named follow the recipes of dataset, backbone and objective.

    Args:
        wishes: what was named.
        home: an index file is copied there, so that the run does not change with the file.

    Raises:
        BadInput: names the field and the allowed values.
    """
    return _read(wishes, home, _start(wishes))


def specs_of(wishes: Wishes, home: Home) -> list[RunSpec]:
    """The same for presets of several runs: names and settings hold for each of them.

    Runs that become the same by that are listed once. Their training recipes belong to the preset, so they stay as
    they are where the dataset or the backbone is named.

    Raises:
        BadInput: see `spec_of`.
    """
    chosen = PRESETS.get(wishes.preset) if wishes.preset is not None else None
    if chosen is None or not chosen.grid:
        return [spec_of(wishes, home)]
    specs: dict[str, RunSpec] = {}
    for start in chosen.grid:
        spec = spec_on(wishes, home, start)
        specs.setdefault(spec.content_hash(), spec)
    return list(specs.values())


def spec_on(wishes: Wishes, home: Home, start: RunSpec) -> RunSpec:
    """Names and settings on top of a specification, which keeps its training recipe; see `spec_of`."""
    return _read(wishes, home, _plain(start), keep_recipe=True)


def _read(wishes: Wishes, home: Home, content: dict[str, Any], *, keep_recipe: bool = False) -> RunSpec:
    start = _place(content)
    for named, part, field in (
        (wishes.dataset, "data", "dataset"),
        (wishes.model, "model", "backbone"),
        (wishes.forget, "forget", "select"),
    ):
        if named is not None:
            content.setdefault(part, {})[field] = named
    for name in ("seed", "reference", "device", "processes", "name"):
        if (value := getattr(wishes, name)) is not None:
            content[name] = value
    chosen = content.setdefault("method", {"id": "contrastive", "params": {}})
    tuned = None if wishes.method_recipe is None else _recipe(wishes, home)
    if tuned is not None:
        chosen = content["method"] = {"id": tuned.method, "params": dict(tuned.values)}
    elif wishes.method is not None and wishes.method != chosen.get("id"):
        chosen = content["method"] = {"id": wishes.method, "params": {}}
    settings = [_pair(setting, chosen) for setting in wishes.settings]
    before = content.get("train", {}).get("objective")
    wanted = dict(settings).get("train.objective", wishes.objective or before)
    if wanted != before or wishes.recipe or (not keep_recipe and _place(content) != start):
        # The recipe of another dataset, backbone or objective fits better than what was there. Named again, they are
        # no others.
        content.pop("train", None)
    if wanted is not None:
        content.setdefault("train", {})["objective"] = wanted
    for name, value in settings:
        _apply(content, name, value, chosen)
    _follow_recipes(content, chosen, wishes.recipe or "")
    spec = spec_from_json(content)
    if tuned is not None:
        refuse_where_tuned(tuned, spec, class_names(spec, home))
    return adopt_index_file(absolute_paths(spec), home)


def _place(content: Mapping[str, Any]) -> tuple[str, str]:
    """Images and network of a specification that may leave them out."""
    dataset = str(content.get("data", {}).get("dataset", DataSpec().dataset))
    usual = DIGITS_BACKBONE if dataset == "digits" else BACKBONE
    return dataset, str(content.get("model", {}).get("backbone", usual))


def _recipe(wishes: Wishes, home: Home) -> NamedRecipe:
    found = recipe_named(home, str(wishes.method_recipe))
    if wishes.method not in (None, found.method):
        raise BadInput("method", f"{found.name} is a recipe of {found.method}, not of {wishes.method}", (found.method,))
    return found


def _plain(spec: RunSpec) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(json.dumps(spec.to_json()))
    return content


def _start(wishes: Wishes) -> dict[str, Any]:
    if wishes.preset is not None:
        return _plain(preset(wishes.preset).spec)
    return {} if wishes.spec is None else _read_file(named_path(wishes.spec, "--spec"))


def _read_file(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(read_plain(path).decode())
    except OSError as error:
        raise BadInput("spec", f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # besides its own errors: bytes that are no text, endless numbers
        raise BadInput("spec", f"{path} is not JSON: {error}") from error
    return _plain(spec_from_json(content))


def _follow_recipes(content: dict[str, Any], chosen: dict[str, Any], name: str) -> None:
    """Fills in what was not named: backbone, training recipe and hyper-parameters."""
    data = parse(PARTS["data"], content.get("data", {}), "data.")
    model = content.setdefault("model", {})
    backbone = model.setdefault("backbone", _place(content)[1])
    named = content.get("train", {})
    objective = str(named.get("objective", "supervised"))
    trained = vars(recipe(data.dataset, str(backbone), data.label_noise, objective, name))
    content["train"] = {**trained, **named}
    forget = parse(PARTS["forget"], content.get("forget", {}), "forget.")
    task = parse_selection(forget.select).task
    unlearned = vars(unlearning_recipe(str(chosen.get("id")), data.dataset, str(backbone), task, objective))
    chosen["params"] = {**unlearned, **chosen.get("params", {})}


def _params(chosen: dict[str, Any]) -> dict[str, bool]:
    """Hyper-parameters by name, with whether one takes several values, of which each setting adds one."""
    return {d.name: d.type not in SINGLE for d in describe(method(str(chosen.get("id"))).params)}


def _pair(setting: Setting, chosen: dict[str, Any]) -> tuple[str, Any]:
    if not isinstance(setting, str):
        return setting
    name, equals, value = setting.partition("=")
    if not equals or not name.strip():
        raise BadInput("--set", f"{setting!r} is not NAME=VALUE", [f"{n}=…" for n in _params(chosen)])
    return name.strip(), value


def _apply(content: dict[str, Any], name: str, value: Any, chosen: dict[str, Any]) -> None:
    params = _params(chosen)
    part, dot, field = name.partition(".")
    if dot and part in PARTS:
        content.setdefault(part, {})[field] = value
    elif dot and part == "method":
        _add(chosen.setdefault("params", {}), field, value, several=params.get(field, False))
    elif name in params and name in top_level_fields():
        allowed = (f"--{name} {value}", f"method.{name}={value}")
        raise BadInput("--set", f"{name!r} is a setting of the run and one of {chosen['id']}", allowed)
    elif name in params:
        _add(chosen.setdefault("params", {}), name, value, several=params[name])
    elif name in LISTS:
        _add(content, name, value, several=True)
    elif name in top_level_fields():
        content[name] = value
    else:
        parts = [f"{p}.{d.name}" for p, cls in PARTS.items() for d in describe(cls)]
        raise BadInput("--set", f"no setting named {name!r}", [*params, *parts, *top_level_fields()], given=name)


def _add(content: dict[str, Any], name: str, value: Any, *, several: bool) -> None:
    if several and isinstance(value, str | list | tuple):
        content[name] = [*content.get(name, ()), *([value] if isinstance(value, str) else value)]
    else:
        content[name] = value


WISHES = tuple(field.name for field in dataclasses.fields(Wishes))
"""The names of `Wishes`."""
