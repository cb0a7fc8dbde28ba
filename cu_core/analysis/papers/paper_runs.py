"""Specifications of the runs that fill the rows of a published table at each scale."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from cu_core.analysis.papers.paper_table import PaperRow, PaperTable
from cu_core.analysis.papers.scales import Scale
from cu_core.base.parameters import describe
from cu_core.catalogue.method_record import method
from cu_core.catalogue.recipes import unlearning_recipe
from cu_core.catalogue.selections import parse_selection
from cu_core.catalogue.spec import PARTS, MethodSpec, RunSpec
from cu_core.catalogue.spec_parts import ForgetSpec
from cu_core.catalogue.spec_recording import StopSpec

# Of the data: their name, which `same_images` compares, how they are split, and the share of a split.
_FREE = ("dataset", "split_seed", "test_share")


def preset_id(table: PaperTable, scale: Scale) -> str:
    """Name of the preset that fills a table at a scale."""
    return f"paper-{table.id.lower()}{scale.suffix}"


def seeds_at(table: PaperTable, scale: Scale) -> tuple[int, ...]:
    """The seeds with which each row of a table is filled at a scale."""
    return table.seeds[: scale.most_seeds] if scale.most_seeds else table.seeds


def rows_at(table: PaperTable, scale: Scale) -> tuple[PaperRow, ...]:
    """The rows of a table at a scale: those that differ only in what the scale fixes become one, without numbers."""
    rows: dict[str, PaperRow] = {}
    for row in table.rows:
        if scale.fixed.isdisjoint(row.settings):
            rows[row.id] = row
            continue
        settings = {name: value for name, value in row.settings.items() if name not in scale.fixed}
        key = json.dumps(settings, sort_keys=True)
        words = [text for name, text in row.parts.items() if name in settings]
        title = " · ".join(words) or f"{scale.data.dataset.capitalize()} (not in the paper)"
        name = "-".join(str(settings[n]) for n in row.parts if n in settings) or scale.data.dataset
        rows.setdefault(key, PaperRow(name, title, {}, settings, row.why_not))
    return tuple(_shrunk(row, scale) for row in rows.values())


def _shrunk(row: PaperRow, scale: Scale) -> PaperRow:
    """The row with its smaller numbers, which its title then tells."""
    smaller = {name: _smaller(name, value, scale) for name, value in row.settings.items() if name in scale.shrunk}
    if not smaller:
        return row
    told = ", ".join(f"{value:,}" for value in smaller.values())
    return dataclasses.replace(row, title=f"{row.title} (here {told})")


def _smaller(name: str, value: Any, scale: Scale) -> Any:
    return max(1, round(value * scale.shrunk[name])) if name in scale.shrunk else value


def spec_of(table: PaperTable, row: PaperRow, scale: Scale) -> RunSpec | None:
    """The run of a row at a scale, with the first seed; None where no run can fill it.

    Args:
        table: that holds the row.
        row: one of `rows_at`.
        scale: at which to run.
    """
    if row.why_not:
        return None
    given = {**table.settings, **row.settings}
    given = {name: value for name, value in given.items() if name not in scale.fixed} | dict(scale.settings)
    settings: dict[str, Any] = {name: _smaller(name, value, scale) for name, value in given.items()}
    objective = settings["train.objective"]
    select = settings.get("forget.select") or f"random:{settings['forget.count']}"
    base = RunSpec(
        data=scale.data,
        model=scale.classifier if objective == "supervised" else scale.model,
        train=scale.train[objective],
        forget=ForgetSpec(select),
        stop=StopSpec(),
    )
    parts = {name: _part(getattr(base, name), name, settings) for name in PARTS if name != "forget"}
    base = dataclasses.replace(base, **parts)
    record = method(settings["method.id"])
    task = parse_selection(select).task
    start = unlearning_recipe(record.id, base.data.dataset, base.model.backbone, task, objective)
    return dataclasses.replace(
        base,
        method=MethodSpec(record.id, _part(start, "method", settings)),
        seed=seeds_at(table, scale)[0],
        reference=settings.get("reference", 0),
        name=f"Table {table.id}: {row.title}",
        group=preset_id(table, scale),
    )


def _part(start: Any, name: str, settings: Mapping[str, Any]) -> Any:
    """One part of a specification with the settings that belong to it."""
    own = {d.name: settings[f"{name}.{d.name}"] for d in describe(type(start)) if f"{name}.{d.name}" in settings}
    return dataclasses.replace(start, **own)


def row_specs(table: PaperTable, scale: Scale) -> list[RunSpec]:
    """What the rows of a table ask for at a scale, with one seed; without those that cannot be run."""
    return [spec for row in rows_at(table, scale) if (spec := spec_of(table, row, scale)) is not None]


def specs_of(table: PaperTable, scale: Scale) -> list[RunSpec]:
    """The runs that fill a table at a scale, all seeds of a row together; rows that need the same run share it."""
    # By what they ask for, whatever their names. All tables together are a thousand runs, which every program that
    # knows the presets goes through at its start; their content hashes would take the better part of a second.
    found: dict[RunSpec, RunSpec] = {}
    for spec in row_specs(table, scale):
        for seed in seeds_at(table, scale):
            seeded = dataclasses.replace(spec, seed=seed)
            found.setdefault(dataclasses.replace(seeded, name="", group=""), seeded)
    return list(found.values())


def belongs(spec: RunSpec, wanted: RunSpec) -> bool:
    """Whether a run is one of those that a row asks for, whatever its name, seeds and place of work.

    Everything that shapes the outcome has to be the same: images, network, training, forget set, method with all
    hyper-parameters and stopping. Free are seeds, device and precision, what is recorded and audited, and how many
    references are made, as long as there are as many as the row needs.
    """
    # The quick questions first: tables ask them of every run that there is.
    return (
        spec.forget.select == wanted.forget.select
        and spec.model == wanted.model
        and spec.method == wanted.method
        and spec.reference >= wanted.reference
        and _stop(spec) == _stop(wanted)
        and dataclasses.replace(spec.train, seed=wanted.train.seed) == wanted.train
        and same_images(spec.data.dataset, wanted.data.dataset)
        and dataclasses.replace(spec.data, **{name: getattr(wanted.data, name) for name in _FREE}) == wanted.data
    )


def _stop(spec: RunSpec) -> tuple[Any, ...]:
    """When a run stops; without a rule nothing asks which samples it looks at."""
    asked = spec.stop.protocol if spec.stop.rule != "none" else None
    return (spec.stop.rule, spec.max_rounds, spec.stop.collapse_drop, asked)


def same_images(dataset: str, wanted: str) -> bool:
    """Whether a run's images are those of a dataset: by its id, or a folder or zip that carries its name."""
    return dataset == wanted or (dataset.startswith("folder:") and _plain(dataset) == _plain(wanted))


def _plain(dataset: str) -> str:
    """The name of a dataset, folder or zip in lower case, without ending, dashes and underscores."""
    # What an upload puts before the name is no part of it.
    name = re.sub(r"^[0-9a-f]{12}-", "", PurePath(dataset.rpartition(":")[2]).name).lower()
    return re.sub(r"\.(zip|tar\.gz|tgz)$", "", name).replace("-", "").replace("_", "")
