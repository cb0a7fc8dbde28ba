"""The file of numbers that the page is made from: what hours of runs have shown, in a few hundred kilobytes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.results.encoder_rows import encoder_rows
from benchmarks.results.result_plan import Place, Study, method_specs
from benchmarks.results.result_queue import run_of
from benchmarks.results.result_rows import Row, base_rows, made_with, row_of, settings_of
from cu_core.base.errors import BadInput
from cu_core.base.home import Home
from cu_core.catalogue.method_record import METHODS, method
from cu_core.catalogue.spec import RunSpec, short
from cu_core.runstore.reader import RunView

KEPT = Path(__file__).with_name("kept.json")
MOST_BYTES = 300_000
SCHEMA = 1


def keep(
    home: Home, study: Study, out: Path, growth: Mapping[str, Any] | None = None, *, replace: bool = False
) -> dict[str, Any]:
    """Reads the finished runs of a study and writes their numbers.

    What was kept before stays where this home has nothing newer: the runs may have been made elsewhere, a seed or a
    forget set at a time. So does growth where none is given. Runs of methods that start from other values by now are
    left out, as runs that are still to be made: in one table they would be two methods.

    Args:
        home: where the runs live.
        study: what was run.
        out: the file.
        growth: what ``benchmarks.growth`` has measured.
        replace: whether numbers of another study may be lost.

    Returns:
        What was written, as `read_kept` reads it.

    Raises:
        BadInput: the file holds numbers of another study.
        ValueError: the file would be larger than `MOST_BYTES`.
    """
    content: dict[str, Any] = {"schema": SCHEMA, "study": study.to_json() | {"dataset": short(study.dataset)}}
    content["methods"] = _methods(home, study)
    content["encoders"] = encoder_rows(home, study)
    content["growth"] = growth
    if out.exists():
        before = read_kept(out)
        content["growth"] = growth or before["growth"]
        if other := _differing(before["study"], content["study"]):
            if not replace:
                raise BadInput(
                    "study",
                    f"{out.name} holds numbers of another study, which would be lost: {'; '.join(other)}",
                    ("--replace to lose them", "--kept with another file"),
                )
        else:
            content["methods"] = joined(current(before["methods"], study), content["methods"])
            content["encoders"] |= joined_rows(before["encoders"], content["encoders"], _row_of_table)
            asked = before["study"]
            content["study"]["seeds"] = sorted({*asked["seeds"], *study.seeds})
            content["study"]["tasks"] = list(dict.fromkeys([*asked["tasks"], *study.tasks]))
    write_kept(content, out)
    return read_kept(out)


def _differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """In what two studies differ, so that their runs may not stand in one table; which were asked for is no part."""
    names = [name for name in {**one, **other} if name not in ("seeds", "methods", "tasks")]
    return [
        f"{name} {one.get(name)} there, {other.get(name)} here" for name in names if one.get(name) != other.get(name)
    ]


def current(methods: Mapping[str, Any], study: Study) -> dict[str, Any]:
    """Numbers of methods without the runs whose settings are no longer those that the method starts from."""
    whole = dataclasses.replace(study, methods=(), seeds=study.seeds[:1], tasks=_tasks(methods))
    now = {
        f"{model} {spec.method.id} {spec.forget.select}": settings_of(spec)["values"]
        for model in (study.model, study.larger)
        for spec in method_specs(whole, model)[0]
    }

    def old(row: Row) -> bool:
        name = f"{row['model']} {row['method']} {row['task']}"
        values = (methods["settings"].get(name) or {}).get("values", {})
        # Fields that came later have values that change nothing.
        return name in now and any(now[name].get(field) != value for field, value in values.items())

    gone = [row for row in methods["rows"] if old(row)]
    waiting = [{name: row[name] for name in ("model", "method", "task", "seed")} for row in gone]
    rows = [row for row in methods["rows"] if row not in gone]
    return dict(methods) | {"rows": rows, "waiting": [*methods["waiting"], *waiting]}


def _tasks(methods: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(row["task"] for row in methods["rows"]))


def kept_places(path: Path, study: Study) -> set[Place]:
    """The runs of methods whose numbers a file has, if it is of the same study; those that failed may be tried anew."""
    if not path.exists():
        return set()
    content = read_kept(path)
    if _differing(content["study"], study.to_json() | {"dataset": short(study.dataset)}):
        return set()
    return {_place(row) for row in current(content["methods"], study)["rows"] if row["state"] != "failed"}


def joined(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers of methods that were kept before and those of a home; where both have a run, the home's."""
    found = dict(now) | joined_rows(before, now, _place)
    for name in ("base", "references"):
        mine = {_trained(row) for row in now[name]}
        found[name] = [*now[name], *(row for row in before[name] if _trained(row) not in mine)]
    for name in ("settings", "records"):
        found[name] = {**before[name], **now[name]}
    found["left_out"] = list({(o["method"], o["task"]): o for o in [*before["left_out"], *now["left_out"]]}.values())
    there = {_place(row) for row in found["rows"]}
    # A home that was asked for fewer seeds does not know what is missing of the others.
    waiting = {_place(row): row for row in [*now["waiting"], *before["waiting"]]}
    found["waiting"] = [row for place, row in waiting.items() if place not in there]
    return found


def joined_rows(
    before: Mapping[str, Any], now: Mapping[str, Any], of: Callable[[Row], tuple[Any, ...]]
) -> dict[str, Any]:
    """``rows`` of both, and ``made``, on what they were made, to which they point; ``of`` names the run of a row."""
    have = {of(row) for row in now["rows"]}
    rows, made = list(now["rows"]), list(now["made"])
    for row in before["rows"]:
        if of(row) in have:
            continue
        if row.get("made") is not None:
            told = before["made"][row["made"]]
            if told not in made:
                made.append(told)
            row = row | {"made": made.index(told)}
        rows.append(row)
    return {"rows": rows, "made": made}


def _row_of_table(row: Row) -> tuple[str, str, str, int]:
    return row["table"], row["row"], row["encoder"], row["seed"]


def _place(row: Row) -> Place:
    return row["model"], row["task"], row["method"], row["seed"]


def _trained(row: Row) -> tuple[str, str, int]:
    return row["model"], row["task"], row["seed"]


def write_kept(content: Mapping[str, Any], out: Path) -> None:
    """Writes what `read_kept` reads: tables with the names of their columns once, and a line for each row.

    Raises:
        ValueError: the file would be larger than `MOST_BYTES`.
    """
    packed = dict(content) | {
        name: {key: _packed(value) if _is_table(value) else value for key, value in content[name].items()}
        for name in ("methods", "encoders")
    }
    text = json.dumps(packed, separators=(",", ":"), ensure_ascii=False)
    # What a later run changes is what a comparison of two versions shows.
    text = text.replace("],[", "],\n[").replace('},"', '},\n"') + "\n"
    if len(text.encode()) > MOST_BYTES:
        raise ValueError(f"the numbers take {len(text.encode()):,} bytes, more than {MOST_BYTES:,}")
    out.write_text(text, encoding="utf-8")


def read_kept(path: Path) -> dict[str, Any]:
    """What a file of numbers holds: ``study``, ``methods``, ``encoders`` and ``growth``, tables as lists of rows."""
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    for name in ("methods", "encoders"):
        content[name] = {
            key: _unpacked(value) if isinstance(value, dict) and set(value) == {"columns", "cells"} else value
            for key, value in content[name].items()
        }
    return content


def _methods(home: Home, study: Study) -> dict[str, Any]:
    rows: list[Row] = []
    bases: list[Row] = []
    references: list[Row] = []
    settings: dict[str, dict[str, Any]] = {}
    made: list[dict[str, Any]] = []
    waiting: list[Row] = []
    left_out: list[Row] = []
    records: dict[str, Row] = {}
    for model in dict.fromkeys((study.model, study.larger)):
        specs, left = method_specs(study, model) if model == study.model else (_made_on(home, study, model), [])
        left_out += [{"method": one.method, "task": one.forget, "reason": one.reason} for one in left]
        views: list[tuple[RunSpec, RunView]] = []
        for spec in specs:
            records.setdefault(spec.method.id, _record(spec.method.id))
            row = row_of(home, spec, model)
            if row is None:
                waiting.append(
                    {"model": model, "method": spec.method.id, "task": spec.forget.select, "seed": spec.seed}
                )
                continue
            settings.setdefault(f"{model} {spec.method.id} {spec.forget.select}", settings_of(spec))
            view = run_of(home, spec)
            assert view is not None
            result = view.result()
            if result is not None:
                views.append((spec, view))
                told = made_with(view, result)
                if told not in made:
                    made.append(told)
                row["made"] = made.index(told)
            rows.append(row)
        some, retrained = base_rows(views, model)
        bases += some
        references += retrained
    return {
        "records": records,
        "rows": rows,
        "base": bases,
        "references": references,
        "settings": settings,
        "made": made,
        "waiting": waiting,
        "left_out": left_out,
    }


def _made_on(home: Home, study: Study, model: str) -> list[RunSpec]:
    """The runs of a network that were asked for, whichever methods were best when they were."""
    specs, _ = method_specs(study, model)
    asked = {spec.method.id for spec in specs if run_of(home, spec) is not None}
    return [spec for spec in specs if spec.method.id in asked]


def _record(method_id: str) -> Row:
    """What a table says of a method, so that the page needs no registry."""
    record = method(method_id)
    return {
        "title": record.title,
        "retain_data": record.retain_data,
        "starts_anew": record.starts_anew,
        "built_in": method_id in METHODS,
    }


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


def _packed(rows: Sequence[Row]) -> dict[str, Any]:
    """Rows as a head and lists of cells: the names of the columns once."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    return {"columns": columns, "cells": [[row.get(name) for name in columns] for row in rows]}


def _unpacked(table: Mapping[str, Any]) -> list[Row]:
    return [dict(zip(table["columns"], cells, strict=True)) for cells in table["cells"]]
