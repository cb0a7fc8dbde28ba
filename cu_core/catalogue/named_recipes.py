"""Named recipes: hyper-parameters of a method that were tuned, with the record of how; kept in the home."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cu_core.base.errors import BadInput, os_errors_in_words
from cu_core.base.files import read_json, write_json
from cu_core.base.home import Home
from cu_core.base.parameters import parse
from cu_core.catalogue.method_record import METHODS, method
from cu_core.catalogue.selections import parse_selection
from cu_core.catalogue.spec import RunSpec, short

SCHEMA = 1
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")


@dataclass(frozen=True)
class NamedRecipe:
    """Values of a method, and how they were found.

    Attributes:
        name: of its file.
        method: id.
        values: field to value, all fields of the method.
        made_for: dataset, backbone, objective and task that it was tuned for.
        tuned_on: forget set, seeds and images on which its trials were judged; see `tuned_on`.
        reported: forget set and seed that were set aside for results.
        distance: ``before``, of the first trial, which had the values that the method started from; ``after``, of these
            values; ``among_references``, the distances of the retrained models from each other.
        budget: ``trials`` and ``minutes`` that were granted, ``made``, how many trials ran, and ``failed``.
        trials: of each its values, distance, parts of that, state, rounds, seconds and run.
        version: of the program.
        made: unix time.
    """

    name: str
    method: str
    values: Mapping[str, Any]
    made_for: Mapping[str, str]
    tuned_on: Mapping[str, Any]
    reported: Mapping[str, Any]
    distance: Mapping[str, Any]
    budget: Mapping[str, Any]
    trials: Sequence[Mapping[str, Any]]
    version: str
    made: float

    @property
    def id(self) -> str:
        """Its name, for lists."""
        return self.name

    @property
    def title(self) -> str:
        """The method, for lists."""
        return METHODS[self.method].title if self.method in METHODS else self.method

    @property
    def summary(self) -> str:
        """What it was tuned on and what that brought, in one sentence."""
        place, on, before = self.made_for, self.tuned_on, self.distance["before"]
        return (
            f"{place['dataset']}, {place['backbone']}, {place['task']} forgetting: distance to retraining "
            f"{'none' if before is None else f'{before:.3f}'} to {self.distance['after']:.3f} in "
            f"{self.budget['made']} trials on {on['forget']}, seed {on['seed']}."
        )

    @property
    def params(self) -> Any:
        """The values as the method takes them.

        Raises:
            BadInput: the method is gone, or does not take them any more.
        """
        return parse(method(self.method).params, self.values, "method.")


def tuned_on(spec: RunSpec) -> dict[str, Any]:
    """What decides which samples are forgotten and which models are compared, as a recipe keeps it of its trials."""
    return {
        "dataset": short(spec.data.dataset),
        "train_limit": spec.data.train_limit,
        "split_seed": spec.data.split_seed,
        "forget": spec.forget.select,
        "forget_seed": spec.forget_seed,
        "seed": spec.seed,
        "references": spec.reference,
    }


def folder_of(home: Home) -> Path:
    """Where a home keeps its recipes."""
    return home.root / "recipes"


def checked_name(name: str) -> str:
    """The name, if a file may have it.

    Raises:
        BadInput: it may not.
    """
    if not NAME.fullmatch(name):
        raise BadInput("name", f"{name!r} is no name of a recipe", ("a-z, 0-9, dots, hyphens, at most 100",))
    return name


@os_errors_in_words()
def keep_recipe(recipe: NamedRecipe, home: Home) -> None:
    """Stores a recipe under its name; one of the same name is replaced."""
    write_json(folder_of(home) / f"{checked_name(recipe.name)}.json", {"schema": SCHEMA} | dataclasses.asdict(recipe))


def recipe_from_json(content: Any) -> NamedRecipe:
    """Reads what `keep_recipe` wrote.

    Raises:
        BadInput: it is no such thing.
    """
    try:
        values = {field.name: content[field.name] for field in dataclasses.fields(NamedRecipe)}
        found = NamedRecipe(**values)
        checked_name(found.name)
        found.summary  # noqa: B018  # a file in which something is missing is no recipe
        return found
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadInput("recipe", f"is not a stored recipe: {error}") from error


def recipes_of(home: Home) -> dict[str, NamedRecipe]:
    """The recipes of a home by name; damaged files are left out."""
    found = {}
    for path in sorted(folder_of(home).glob("*.json")):
        try:
            recipe = recipe_from_json(read_json(path))
        except (OSError, ValueError, BadInput):
            continue
        found[recipe.name] = recipe
    return found


def recipe_named(home: Home, name: str) -> NamedRecipe:
    """The recipe of a name.

    Raises:
        BadInput: there is none; names those that there are.
    """
    known = recipes_of(home)
    if name not in known:
        raise BadInput("method-recipe", f"no recipe named {name!r}", list(known) or ["none yet"], given=name)
    return known[name]


def refuse_where_tuned(recipe: NamedRecipe, spec: RunSpec, classes: Sequence[str] = ()) -> None:
    """Refuses a recipe on the very samples and seed that its values were chosen on: that would report the choice.

    Args:
        recipe: the recipe.
        spec: the run that takes it.
        classes: names of the dataset's classes, as far as they are known: a class may be named or numbered.

    Raises:
        BadInput: forget set and seed are those of its trials.
    """
    if _same_samples(recipe, spec, classes) and recipe.tuned_on["seed"] == spec.seed:
        raise BadInput(
            "method-recipe",
            f"{recipe.name} was tuned on {spec.forget.select} with seed {spec.seed}, so a result on these would be the "
            "best of its trials and no measurement",
            ("another forget set and another seed",),
        )


def recipe_cautions(recipe: NamedRecipe, spec: RunSpec, classes: Sequence[str] = ()) -> list[str]:
    """What should be known of a recipe where it is used, in words; empty where nothing speaks against it."""
    found = []
    if _same_samples(recipe, spec, classes):
        found.append(f"{recipe.name} was tuned on these samples ({spec.forget.select})")
    elif recipe.tuned_on["seed"] == spec.seed and recipe.tuned_on["dataset"] == short(spec.data.dataset):
        found.append(f"{recipe.name} was tuned with this seed ({spec.seed})")
    here = made_for(spec)
    if other := [f"{name} {recipe.made_for[name]}" for name in here if recipe.made_for.get(name) != here[name]]:
        found.append(f"{recipe.name} was tuned for {', '.join(other)}")
    return found


def made_for(spec: RunSpec) -> dict[str, str]:
    """What a recipe is made for: images, network, objective and task."""
    return {
        "dataset": short(spec.data.dataset),
        "backbone": spec.model.backbone,
        "objective": spec.train.objective,
        "task": spec.task,
    }


def _same_samples(recipe: NamedRecipe, spec: RunSpec, classes: Sequence[str]) -> bool:
    own, theirs = tuned_on(spec), recipe.tuned_on
    pick, other = parse_selection(own["forget"]), parse_selection(theirs["forget"])
    # Classes may be named here and numbered there.
    labels = set(pick.labels(classes))
    alike = own["forget"] == theirs["forget"] or (bool(labels) and labels == set(other.labels(classes)))
    decisive = ["dataset", "train_limit", "split_seed", *(["forget_seed"] if pick.record.drawn else [])]
    return alike and all(own[name] == theirs[name] for name in decisive)
