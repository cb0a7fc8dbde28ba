"""Command-line arguments turned into a validated specification."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from cu_core.base.errors import BadInput
from cu_core.base.files import read_plain
from cu_core.base.home import Home
from cu_core.base.named_path import named_path
from cu_core.base.parameters import describe, parse
from cu_core.catalogue.backbone_record import BACKBONES
from cu_core.catalogue.dataset_record import DATASETS
from cu_core.catalogue.method_record import METHODS, method
from cu_core.catalogue.objective_record import OBJECTIVES
from cu_core.catalogue.presets import PRESETS, preset
from cu_core.catalogue.recipes import recipe, unlearning_recipe
from cu_core.catalogue.selections import FORGET_KINDS, forms, parse_selection
from cu_core.catalogue.spec import PARTS, RunSpec, spec_from_json, top_level_fields
from cu_core.catalogue.spec_files import absolute_paths
from cu_core.cli.completion import FILES, offer, offer_found
from cu_core.jobs.adopt import adopt_index_file

DEVICES = ("auto", "cpu", "cuda", "mps")
SINGLE = (int, float, str, bool)
LISTS = tuple(d.name for d in describe(RunSpec) if d.type not in SINGLE)
"""Fields of several values, of which each `--set` adds one."""
DIGITS_BACKBONE = "tiny-cnn"
BACKBONE = "resnet18"


def add_spec_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options that say what to run."""
    add = parser.add_argument
    start = parser.add_mutually_exclusive_group()
    preset = f"start from a preset instead of the defaults: {', '.join(PRESETS)}"
    offer(start.add_argument("--preset", help=preset), PRESETS)
    file = "start from a specification in JSON instead of the defaults"
    offer_found(start.add_argument("--spec", metavar="FILE", help=file), FILES)
    usual = RunSpec()
    dataset = f"images: {', '.join(d.form for d in DATASETS.values())}; default {usual.data.dataset}"
    offer(add("--dataset", help=dataset), DATASETS)
    model = f"backbone: {', '.join(b.form for b in BACKBONES.values())}"
    offer(add("--model", help=f"{model}; default {DIGITS_BACKBONE} for digits, else {BACKBONE}"), BACKBONES)
    objective = f"how the model is trained: {', '.join(OBJECTIVES)}; default {usual.train.objective}"
    offer(add("--objective", help=objective), OBJECTIVES)
    offer(add("--method", help=f"unlearning method; default {usual.method.id}"), METHODS)
    forget = f"which samples to forget: {' | '.join(forms())}; default {usual.forget.select}"
    offer(
        add("--forget", help=forget),
        [kind.id + (":" if kind.forms[0] != kind.id else "") for kind in FORGET_KINDS.values()],
    )
    settings = add(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        dest="settings",
        help="a hyper-parameter of the method (temperature=0.7) or any field (train.epochs=5); repeatable",
    )
    offer(settings, [f"{part}.{d.name}=" for part, cls in PARTS.items() for d in describe(cls)])
    add("--seed", help=f"seed of training, draws and unlearning; default {usual.seed}")
    references = f"also retrain K models (1) without the forget set; default {usual.reference}"
    add("--reference", nargs="?", const="1", metavar="K", help=references)
    offer(add("--device", help=f"auto, cpu, cuda, cuda:N or mps; default {usual.device}"), DEVICES)
    processes = f"processes that divide each step between them, e.g. one per GPU; default {usual.processes}"
    add("--processes", help=processes)
    add("--name", help="name shown in lists; made from the choices by default")


def read_spec(options: argparse.Namespace, home: Home) -> RunSpec:
    """Builds the specification from preset or file, options and settings, later ones winning.

    Training and unlearning values that nobody named follow the recipes of dataset, backbone and objective.

    Args:
        options: parsed options of `add_spec_arguments`.
        home: an index file is copied there, so that the run does not change with the file.

    Raises:
        BadInput: names the field and the allowed values.
    """
    return _read(options, home, _start(options))


def read_specs(options: argparse.Namespace, home: Home) -> list[RunSpec]:
    """The same for presets of several runs: options and settings hold for each of them.

    Runs that become the same by that are listed once. Their training recipes belong to the preset, so they stay as
    they are where the dataset or the backbone is named.

    Raises:
        BadInput: see `read_spec`.
    """
    chosen = PRESETS.get(options.preset)
    if chosen is None or not chosen.grid:
        return [read_spec(options, home)]
    specs: dict[str, RunSpec] = {}
    for start in chosen.grid:
        spec = read_on(options, home, start)
        specs.setdefault(spec.content_hash(), spec)
    return list(specs.values())


def read_on(options: argparse.Namespace, home: Home, start: RunSpec) -> RunSpec:
    """Options and settings on top of a specification, which keeps its training recipe; see `read_spec`."""
    content: dict[str, Any] = json.loads(json.dumps(start.to_json()))
    return _read(options, home, content, keep_recipe=True)


def _read(options: argparse.Namespace, home: Home, content: dict[str, Any], *, keep_recipe: bool = False) -> RunSpec:
    for option, part, field in (
        ("dataset", "data", "dataset"),
        ("model", "model", "backbone"),
        ("forget", "forget", "select"),
    ):
        if (value := getattr(options, option)) is not None:
            content.setdefault(part, {})[field] = value
    for option in ("seed", "reference", "device", "processes", "name"):
        if (value := getattr(options, option)) is not None:
            content[option] = value
    chosen = content.setdefault("method", {"id": "contrastive", "params": {}})
    if options.method is not None and options.method != chosen.get("id"):
        chosen = content["method"] = {"id": options.method, "params": {}}
    before = content.get("train", {}).get("objective")
    wanted = options.objective or before
    for setting in options.settings:
        name, _, value = setting.partition("=")
        if name.strip() == "train.objective":
            wanted = value
    if wanted != before or (not keep_recipe and (options.dataset or options.model)):
        # The recipe of another dataset, backbone or objective fits better than what was there.
        content.pop("train", None)
    if wanted is not None:
        content.setdefault("train", {})["objective"] = wanted
    for setting in options.settings:
        _apply(content, setting, chosen)
    _follow_recipes(content, chosen)
    spec = spec_from_json(content)
    return adopt_index_file(absolute_paths(spec), home)


def _start(options: argparse.Namespace) -> dict[str, Any]:
    if options.preset is not None:
        content: dict[str, Any] = json.loads(json.dumps(preset(options.preset).spec.to_json()))
        return content
    if options.spec is not None:
        return _read_file(named_path(options.spec, "--spec"))
    return {}


def _read_file(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(read_plain(path).decode())
    except OSError as error:
        raise BadInput("spec", f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # besides its own errors: bytes that are no text, endless numbers
        raise BadInput("spec", f"{path} is not JSON: {error}") from error
    spec = spec_from_json(content)
    normal: dict[str, Any] = json.loads(json.dumps(spec.to_json()))
    return normal


def _follow_recipes(content: dict[str, Any], chosen: dict[str, Any]) -> None:
    """Fills in what was not named: backbone, training recipe and hyper-parameters."""
    data = parse(PARTS["data"], content.get("data", {}), "data.")
    model = content.setdefault("model", {})
    backbone = model.setdefault("backbone", DIGITS_BACKBONE if data.dataset == "digits" else BACKBONE)
    named = content.get("train", {})
    objective = str(named.get("objective", "supervised"))
    trained = vars(recipe(data.dataset, str(backbone), data.label_noise, objective))
    content["train"] = {**trained, **named}
    forget = parse(PARTS["forget"], content.get("forget", {}), "forget.")
    task = parse_selection(forget.select).task
    unlearned = vars(unlearning_recipe(str(chosen.get("id")), data.dataset, str(backbone), task, objective))
    chosen["params"] = {**unlearned, **chosen.get("params", {})}


def _apply(content: dict[str, Any], setting: str, chosen: dict[str, Any]) -> None:
    name, equals, value = setting.partition("=")
    name = name.strip()
    # Whether a hyper-parameter takes several values, of which each setting adds one.
    params = {d.name: d.type not in SINGLE for d in describe(method(str(chosen.get("id"))).params)}
    if not equals or not name:
        raise BadInput("--set", f"{setting!r} is not NAME=VALUE", [f"{n}=…" for n in params])
    part, dot, field = name.partition(".")
    if dot and part in PARTS:
        content.setdefault(part, {})[field] = value
    elif (dot and part == "method") or name in params:
        own = chosen.setdefault("params", {})
        field = field if dot else name
        own[field] = [*own.get(field, ()), value] if params.get(field) else value
    elif name in LISTS:
        content[name] = [*content.get(name, ()), value]
    elif name in top_level_fields():
        content[name] = value
    else:
        parts = [f"{p}.{d.name}" for p, cls in PARTS.items() for d in describe(cls)]
        raise BadInput("--set", f"no setting named {name!r}", [*params, *parts, *top_level_fields()], given=name)
