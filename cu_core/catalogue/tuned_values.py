"""Values that ship with the program: hyper-parameters for networks and images that the papers do not cover.

Each file of the folder ``tuned`` beside this one holds those for some images or networks, with how each was found.
``python -m tools.make_tuned`` writes them from the recipes that ``unlearnscope tune`` keeps in a home.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cu_core.base.files import read_json

FOLDER = Path(__file__).parent / "tuned"
SCHEMA = 1
SUPERVISED = "supervised"


@dataclass(frozen=True)
class TunedFile:
    """One file of the folder.

    Attributes:
        name: of the file.
        title: what it is for, in words.
        datasets: it is for these, whatever the network; with `backbones` and `both` for these networks on them.
        backbones: it is for these, whatever the images.
        both: whether images and network must both be listed.
        precedence: of several files that are for a setting, the one with the smallest number counts, and no other.
        recipes: ``method``, ``task`` (empty for both), ``objective`` (a kind of `objective_record.KINDS`, supervised
            where it is missing), ``values`` (those that differ from the record's defaults) and ``found``: how, with
            which seed, and for those that `tune` found the record of its trials.
    """

    name: str
    title: str
    datasets: tuple[str, ...]
    backbones: tuple[str, ...]
    both: bool
    precedence: int
    recipes: tuple[Mapping[str, Any], ...]

    def suits(self, dataset: str, backbone: str) -> bool:
        """Whether it is for these images and this network."""
        places = (dataset in self.datasets, backbone in self.backbones)
        return all(places) if self.both else any(places)

    def recipe(self, method: str, task: str, kind: str = SUPERVISED) -> Mapping[str, Any] | None:
        """The entry of a method for a task and a kind of training; None where it has none."""
        of_kind = [r for r in self.recipes if r.get("objective", SUPERVISED) == kind]
        fitting = [r for r in of_kind if r["method"] == method and r["task"] in ("", task)]
        return max(fitting, key=lambda r: len(r["task"]), default=None)


@functools.cache
def tuned_files() -> tuple[TunedFile, ...]:
    """All files of the folder, in the order in which they count."""
    found = []
    for path in sorted(FOLDER.glob("*.json")):
        content = read_json(path)
        suits = content["suits"]
        found.append(
            TunedFile(
                path.stem,
                content["title"],
                tuple(suits["datasets"]),
                tuple(suits["backbones"]),
                bool(suits.get("both")),
                int(content["precedence"]),
                tuple(content["recipes"]),
            )
        )
    return tuple(sorted(found, key=lambda file: (file.precedence, file.name)))


def tuned_entry(
    method: str, dataset: str, backbone: str, task: str, kind: str = SUPERVISED
) -> Mapping[str, Any] | None:
    """The entry of a method in the file that counts for a setting; None where nothing was tuned for it.

    What suits a classifier says nothing of an encoder on the same network, so kinds of training do not share entries.

    Args:
        method: id.
        dataset: as in `DataSpec.dataset`.
        backbone: as in `ModelSpec.backbone`.
        task: ``"class"`` or ``"sample"``.
        kind: of the training, one of `cu_core.catalogue.objective_record.KINDS`.
    """
    file = next((file for file in tuned_files() if file.suits(dataset, backbone)), None)
    return None if file is None else file.recipe(method, task, kind)


def found_words(found: Mapping[str, Any]) -> str:
    """How values were found, in a few words."""
    words = f"{found['how']}, seed {found['seed']}"
    if "table" not in found:
        return words
    before = "none" if found["before"] is None else f"{found['before']:.3f}"
    return f"{words}, {found['made']} trials on {found['forget']}: distance {before} to {found['after']:.3f}"
