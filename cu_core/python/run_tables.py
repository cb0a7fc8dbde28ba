"""The numbers of a run as tables: rounds, references, samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from cu_core.analysis.seen_images import images_of
from cu_core.base.home import Home
from cu_core.catalogue.metric_record import METRICS
from cu_core.python.moments import RecordedMoment
from cu_core.runstore.reader import RunView

COLUMNS = {
    "top3": ("top1", "top2", "top3"),
    "output_top3": ("output_top1", "output_top2", "output_top3"),
    "top3_class": ("predicted", "second", "third"),
    "coordinates": ("x", "y"),
}
"""Arrays of several columns that a table takes, with the names of these; others are too wide for one."""


def metrics_table(view: RunView) -> pd.DataFrame:
    """One row a metric by its id: title, before, after, reference (their mean); empty without a result."""
    measured = (view.result() or {}).get("metrics") or {}
    known = [name for name in METRICS if any(name in (values or {}) for values in measured.values())]
    columns = {name: [(measured.get(name) or {}).get(metric) for metric in known] for name in _MODELS}
    titles = pd.Series([METRICS[metric].title for metric in known], dtype=object)
    table = pd.DataFrame({"title": titles} | {k: pd.Series(v, dtype=float) for k, v in columns.items()})
    return table.set_index(pd.Index(known, name="metric", dtype=object))


_MODELS = ("before", "after", "reference")


def rounds_table(view: RunView) -> pd.DataFrame:
    """One row a round: metrics, what the stopping rule saw, the method's own numbers, images drawn and seconds."""
    rows = []
    for number in view.rounds():
        manifest = view.manifest(number)
        rule = manifest.get("rule") or {}
        row: dict[str, Any] = {"round": number, **manifest["metrics"]}
        row |= {f"rule_{key}": rule.get(key) for key in ("value", "threshold")}
        row |= {f"own_{key}": value for key, value in (manifest.get("diagnostics") or {}).items()}
        row |= {f"drawn_{key}": value for key, value in (manifest.get("served") or {}).items()}
        row |= {f"seconds_{key}": value for key, value in (manifest.get("seconds") or {}).items()}
        rows.append(row)
    return _numbers(rows, "round")


def references_table(view: RunView) -> pd.DataFrame:
    """One row a retrained model, by its seed: metrics, and the seconds of its training."""
    rows = []
    for seed in view.references():
        manifest = view.reference_manifest(seed)
        seconds = {f"seconds_{key}": value for key, value in (manifest.get("seconds") or {}).items()}
        rows.append({"seed": seed, **manifest["metrics"]} | seconds)
    return _numbers(rows, "seed")


def _numbers(rows: list[dict[str, Any]], first: str) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=None if rows else [first])
    return table.astype({name: float for name in table.columns if name != first} | {first: "int64"})


def samples_table(view: RunView, home: Home, moments: Sequence[RecordedMoment]) -> pd.DataFrame:
    """One row per moment and recorded sample.

    Returns:
        Columns ``round`` or, of a retrained model, ``reference`` (its seed); those of the probe; ``class``,
        ``true_class`` and ``predicted_class`` in words, ``name`` (the file) where it is known; and every recorded
        number of a sample.
    """
    probe = view.probe()
    data = images_of(home, view)
    classes = data.classes if data is not None else ()
    who = probe.assign(row=np.arange(len(probe)))
    for column, label in (("class", "label"), ("true_class", "true_label")):
        who[column] = _named(who[label].to_numpy(), classes)
    if data is not None and (names := _names(data, probe)) is not None:
        who["name"] = names
    first = ["row", *probe.columns, "class", "true_class", *(["name"] if "name" in who else [])]
    parts = []
    for moment in moments:
        columns = _signals(view, moment)
        if "predicted" in columns:
            columns = {"predicted_class": _named(columns["predicted"], classes), **columns}
        of = ("round", moment.number) if moment.number is not None else ("reference", moment.seed)
        parts.append(pd.DataFrame({of[0]: of[1], **who[first], **columns}))
    return pd.concat(parts, ignore_index=True) if parts else who[first].iloc[:0].assign(round=[])


def _signals(view: RunView, moment: RecordedMoment) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    rows = len(view.probe())
    for name, entry in moment.manifest(view)["arrays"].items():
        shape = entry["shape"]
        if shape[:1] != [rows] or (len(shape) > 1 and name not in COLUMNS):
            continue
        array = moment.array(view, name)
        if array.ndim == 1:
            found[name] = array
        else:
            found |= {column: array[:, k] for k, column in enumerate(COLUMNS[name])}
    return found


def _named(labels: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    names = [str(classes[label]) if 0 <= label < len(classes) else str(label) for label in labels]
    return np.array(names, dtype=object)


def _names(data: Any, probe: pd.DataFrame) -> list[str] | None:
    names = {split: data.names(split) for split in ("train", "test")}
    if not any(names.values()):
        return None
    pairs = zip(probe["split"], probe["sample"], strict=True)
    return [names[split][k] if k < len(names[split]) else "" for split, k in pairs]
