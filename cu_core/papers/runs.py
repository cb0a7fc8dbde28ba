"""Which run fills which row of a table at which scale."""

from __future__ import annotations

import dataclasses
import re
from pathlib import PurePath
from typing import Any

from cu_core.methods import method
from cu_core.papers.record import PaperTable, Row
from cu_core.papers.scales import PAPER_IMAGES, UNLEARNING_EPOCHS, Scale
from cu_core.papers.tables import TABLES
from cu_core.recipes import unlearning_recipe
from cu_core.records import describe
from cu_core.spec import ForgetSpec, MethodSpec, RunSpec, StopSpec

FORGOTTEN = 2000
"""Forgotten samples at the paper's scale, where a table does not say otherwise."""


def preset_id(table: PaperTable, scale: Scale) -> str:
    """Name of the preset that fills a table at a scale."""
    return f"paper-{table.id.lower()}{scale.suffix}"


def rows_at(table: PaperTable, scale: Scale) -> tuple[Row, ...]:
    """The rows of a table at a scale: a table of datasets has one row of its own where the images are none of them."""
    if scale.own_dataset and any("data.dataset" in row.settings for row in table.rows):
        name = scale.data.dataset
        return (Row(name, f"{name.capitalize()} (not in the paper)", {}),)
    return table.rows


def spec_of(table: PaperTable, row: Row, scale: Scale) -> RunSpec | None:
    """The run of a row at a scale; None where no run can fill it.

    Args:
        table: that holds the row.
        row: one of `rows_at`.
        scale: at which to run.
    """
    if row.why_not:
        return None
    settings: dict[str, Any] = {**table.settings, **row.settings}
    objective = settings["train.objective"]
    forgotten = round(settings.get("forget.count", FORGOTTEN) * scale.images / PAPER_IMAGES)
    record = method(settings["method.id"])
    known = {d.name for d in describe(record.params)}
    model = scale.classifier if objective == "supervised" else scale.model
    params = dict(vars(unlearning_recipe(record.id, scale.data.dataset, model.backbone, "sample", objective)))
    params |= {name.removeprefix("method."): v for name, v in settings.items() if name.removeprefix("method.") in known}
    dataset = scale.data.dataset if scale.own_dataset else settings.get("data.dataset", scale.data.dataset)
    return RunSpec(
        data=dataclasses.replace(scale.data, dataset=dataset),
        model=model,
        train=scale.train[objective],
        forget=ForgetSpec(f"random:{forgotten}"),
        method=MethodSpec(record.id, record.params(**params)),
        stop=StopSpec(rule="none", max_rounds=UNLEARNING_EPOCHS),
        reference=settings.get("reference", 0),
        name=f"Table {table.id}: {row.title}",
        group=preset_id(table, scale),
    )


def specs_of(table: PaperTable, scale: Scale) -> list[RunSpec]:
    """The runs that fill a table at a scale; rows that need the same run share it."""
    found: dict[str, RunSpec] = {}
    for row in rows_at(table, scale):
        spec = spec_of(table, row, scale)
        if spec is not None:
            found.setdefault(spec.content_hash(), spec)
    return list(found.values())


def objectives_of(table: PaperTable) -> tuple[str, ...]:
    """The objectives that a table's rows use."""
    return tuple(dict.fromkeys(str((dict(table.settings) | dict(r.settings))["train.objective"]) for r in table.rows))


def belongs(spec: RunSpec, wanted: RunSpec) -> bool:
    """Whether a run is one of those that a row asks for, whatever its name, seeds and place of work.

    Everything that shapes the outcome has to be the same: images, network, training, forget set, method with all
    hyper-parameters and stopping. Free are seeds, device and precision, what is recorded and audited, and how many
    references are made, as long as there are as many as the row needs.
    """
    return _core(spec, wanted) == _core(wanted, wanted) and spec.reference >= wanted.reference


def _core(spec: RunSpec, wanted: RunSpec) -> tuple[Any, ...]:
    dataset = wanted.data.dataset if same_images(spec.data.dataset, wanted.data.dataset) else spec.data.dataset
    return (
        dataclasses.replace(spec.data, dataset=dataset, split_seed=0, test_share=wanted.data.test_share),
        spec.model,
        dataclasses.replace(spec.train, seed=-1),
        spec.forget.select,
        spec.method,
        (spec.stop.rule, spec.max_rounds, spec.stop.collapse_drop),
    )


def same_images(dataset: str, wanted: str) -> bool:
    """Whether a run's images are those of a dataset: by its id, or a folder or zip that carries its name."""
    if dataset == wanted:
        return True
    kind, _, path = dataset.partition(":")
    # What an upload puts before the name is no part of it.
    name = re.sub(r"^[0-9a-f]{12}-", "", PurePath(path).name).lower()
    return kind == "folder" and re.sub(r"\.(zip|tar\.gz|tgz)$", "", name).replace("-", "").replace("_", "") == wanted


def table_named(name: str) -> PaperTable | None:
    """A table by its number, in any letter case; None if there is none."""
    return TABLES.get(name.strip().upper())
