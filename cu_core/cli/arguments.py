"""Command-line arguments turned into a validated specification."""

from __future__ import annotations

import argparse

from cu_core.base.home import Home
from cu_core.base.parameters import describe
from cu_core.catalogue.backbone_record import BACKBONES
from cu_core.catalogue.dataset_record import DATASETS
from cu_core.catalogue.method_record import METHODS
from cu_core.catalogue.objective_record import OBJECTIVES
from cu_core.catalogue.presets import PRESETS
from cu_core.catalogue.selections import FORGET_KINDS, forms
from cu_core.catalogue.spec import PARTS, RunSpec
from cu_core.cli.completion import FILES, offer, offer_found
from cu_core.jobs.wishes import BACKBONE, DIGITS_BACKBONE, WISHES, Wishes, spec_of, spec_on, specs_of

DEVICES = ("auto", "cpu", "cuda", "mps")


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
    recipe = "how the model is trained, where a backbone has several recipes: paper or modern; default the first one"
    offer(add("--recipe", help=recipe), ("paper", "modern"))
    offer(add("--method", help=f"unlearning method; default {usual.method.id}"), METHODS)
    add(
        "--method-recipe",
        metavar="NAME",
        help="method and hyper-parameters of a tuned recipe (list recipes); not on what it was tuned on",
    )
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
    """The specification that parsed options of `add_spec_arguments` name; see `cu_core.jobs.wishes.spec_of`."""
    return spec_of(wishes_of(options), home)


def read_specs(options: argparse.Namespace, home: Home) -> list[RunSpec]:
    """The same for presets of several runs; see `cu_core.jobs.wishes.specs_of`."""
    return specs_of(wishes_of(options), home)


def read_on(options: argparse.Namespace, home: Home, start: RunSpec) -> RunSpec:
    """Options and settings on top of a specification; see `cu_core.jobs.wishes.spec_on`."""
    return spec_on(wishes_of(options), home, start)


def wishes_of(options: argparse.Namespace) -> Wishes:
    """What parsed options of `add_spec_arguments` name."""
    return Wishes(**{name: getattr(options, name) for name in WISHES})
