"""Writes the values that ship with the program from the recipes that `unlearnscope tune` kept in a home.

.venv/bin/python -m tools.make_tuned resnet8 --backbone resnet8
.venv/bin/python -m tools.make_tuned digits --backbone tiny-cnn --dataset digits
.venv/bin/python -m tools.make_tuned emoji-airbench --backbone airbench-s --dataset emoji --both

The home is that of CU_HOME. Recipes of it that were tuned for the backbone (and the dataset, where one is named)
replace the entries of the same method and task in cu_core/catalogue/tuned/NAME.json; the others stay. Each brings its
record: forget set and seeds, distances, budget and the table of all trials.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import cu_core  # noqa: F401  # fills the registries
from cu_core.base.files import read_json
from cu_core.base.home import default_home
from cu_core.catalogue.method_record import method
from cu_core.catalogue.named_recipes import NamedRecipe, recipes_of
from cu_core.catalogue.objective_record import objective
from cu_core.catalogue.search_space import axes_of
from cu_core.catalogue.tuned_values import FOLDER, SCHEMA, SUPERVISED

BOTH, BACKBONE = 5, 30
"""Precedence of files that name images and network, or a network alone."""
NUMBERS = ("distance", "rounds", "seconds")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="of the file")
    parser.add_argument("--backbone", required=True)
    parser.add_argument("--dataset", help="as the recipes have it: of a file or folder its name alone")
    parser.add_argument("--both", action="store_true", help="the file is for this network on these images alone")
    parser.add_argument("--title", help="what a new file is for, in words")
    options = parser.parse_args(arguments)
    chosen = [
        recipe
        for recipe in recipes_of(default_home()).values()
        if recipe.made_for["backbone"] == options.backbone and options.dataset in (None, recipe.made_for["dataset"])
    ]
    path = FOLDER / f"{options.name}.json"
    content = read_json(path) if path.exists() else new_file(options)
    path.write_text(text_of(content | {"recipes": merged(content["recipes"], chosen)}), encoding="utf-8")
    print(f"{path.name}: {len(chosen)} recipes")
    return 0 if chosen else 1


def new_file(options: argparse.Namespace) -> dict[str, Any]:
    """An empty file for the images and the network that the options name."""
    suits: dict[str, Any] = {"datasets": [options.dataset] if options.both else [], "backbones": [options.backbone]}
    if options.both:
        suits["both"] = True
    title = options.title or " on ".join(filter(None, (options.backbone, options.dataset if options.both else "")))
    return {
        "schema": SCHEMA,
        "title": title,
        "suits": suits,
        "precedence": BOTH if options.both else BACKBONE,
        "recipes": [],
    }


def merged(entries: Sequence[Mapping[str, Any]], recipes: Sequence[NamedRecipe]) -> list[Mapping[str, Any]]:
    """The entries of a file with those of recipes in place of older ones, by method, task and kind of training.

    An entry for both tasks stays for the other one.
    """
    new = {place_of(entry): entry for entry in map(entry_of, recipes)}
    kept = [entry for entry in entries if place_of(entry) not in new]
    return sorted([*kept, *new.values()], key=place_of)


def place_of(entry: Mapping[str, Any]) -> tuple[str, str, str]:
    """What an entry is for: method, task and kind of training."""
    return entry["method"], entry["task"], entry.get("objective", SUPERVISED)


def entry_of(recipe: NamedRecipe) -> dict[str, Any]:
    """The entry of a recipe: values that differ from the record's defaults, and the record of its trials."""
    usual = vars(method(recipe.method).params())
    axes = [axis.name for axis in axes_of(method(recipe.method))]
    on, kind = recipe.tuned_on, objective(recipe.made_for["objective"]).kind
    return {
        "method": recipe.method,
        "task": recipe.made_for["task"],
        **({} if kind == SUPERVISED else {"objective": kind}),
        "values": {name: value for name, value in recipe.values.items() if value != usual[name]},
        "found": {
            "how": "tuned",
            **{name: on[name] for name in ("seed", "forget", "forget_seed", "train_limit", "split_seed", "references")},
            "dataset": recipe.made_for["dataset"],
            "backbone": recipe.made_for["backbone"],
            **recipe.budget,
            **recipe.distance,
            "version": recipe.version,
            "columns": [*axes, *NUMBERS],
            "table": [
                [*(trial["values"][name] for name in axes), *(trial[name] for name in NUMBERS)]
                for trial in recipe.trials
            ],
        },
    }


def text_of(content: Mapping[str, Any]) -> str:
    """A file's text, with one entry a line, so that a change shows as such."""
    head = json.dumps({name: value for name, value in content.items() if name != "recipes"}, indent=1)
    entries = ",\n".join(f"  {json.dumps(entry)}" for entry in content["recipes"])
    return f'{head[:-2]},\n "recipes": [\n{entries}\n ]\n}}\n'


if __name__ == "__main__":
    sys.exit(main())
