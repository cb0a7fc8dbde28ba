"""The numbers of one finished run as a flat row, of its base model and of its references."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.results.result_plan import Study, method_specs
from benchmarks.results.result_queue import capped, run_of
from cu_core.analysis.compare.reading import read_run
from cu_core.analysis.verdict_reading import decisive_test, verdict_of, worst_first
from cu_core.base.errors import BadInput
from cu_core.base.home import Home
from cu_core.catalogue.spec import RunSpec
from cu_core.metrics.band import band
from cu_core.runstore.reader import RunView

Row = dict[str, Any]

ACCURACIES = {
    "forget": "forget_acc",
    "retain": "retain_acc",
    "unseen": "test_acc",
    "unseen_forgotten": "test_acc_forgotten",
    "unseen_others": "test_acc_retained",
    "probe": "probe_recovery",
}
"""Column to metric."""
ATTACK = "loss"
"""Membership attack of the columns ``transferred``, ``refitted`` and ``auc``: who has a model has its losses."""
BESIDE = (*ACCURACIES, "margin", "transferred", "refitted", "auc", "calibrated")
"""Columns that have the references' mean (``_ref``) and the half width of their 95 % band (``_half``) beside them."""
DIGITS = 5


def row_of(home: Home, spec: RunSpec, model: str) -> Row | None:
    """One run; None where the queue has not come to it, or it has not ended.

    Args:
        home: where it lives.
        spec: what was asked for.
        model: its network, as the study names it.
    """
    view = run_of(home, spec)
    if view is None:
        return None
    row: Row = {"model": model, "task": spec.forget.select, "method": spec.method.id, "seed": spec.seed}
    cut = capped(home, view.run_id)
    result = view.result()
    if result is None:
        if cut is None and view.state != "failed":
            return None
        row |= {"state": "capped" if cut else "failed", "rounds": (cut or {}).get("rounds")}
        return row | ({} if cut else {"reason": str((view.error or {}).get("message", ""))[:160]})
    if result["stopped_by"] == "not_a_number" and not result["rounds"]:
        # What such a run has kept is the base model, which no method has touched.
        return row | {"state": "failed", "rounds": 0, "reason": "its weights were no longer numbers in round 1"}
    run = read_run(view)
    row |= {"state": "succeeded", "rounds": result["rounds"], "stopped_by": result["stopped_by"]}
    for column, metric in ACCURACIES.items():
        references = [reference.metrics.get(metric) for reference in run.references]
        row |= _beside(column, run.after.get(metric), references)
    row |= _margin(view) | _attacks(result) | _verdict(result) | _cost(result)
    near = result.get("nearness") or {}
    row["distance"] = (near.get("distance") or [None])[-1]
    row["farthest"] = (near.get("farthest") or [None])[-1]
    tow = result.get("tow") or {}
    row |= {"tow": tow.get("value"), "tow_low": tow.get("low"), "tow_high": tow.get("high")}
    row["over"] = bool((result.get("over_unlearning") or {}).get("final"))
    return _short(row)


def base_rows(views: Sequence[tuple[RunSpec, RunView]], model: str) -> tuple[list[Row], list[Row]]:
    """The base models and the references behind some runs, each once: by task and seed of its training.

    Methods that need unseen samples of their own leave slightly others to report on; the first run decides.
    """
    bases: dict[tuple[str, int], Row] = {}
    references: dict[tuple[str, int], Row] = {}
    for spec, view in views:
        result = view.result()
        if result is None:
            continue
        named: Row = {"model": model, "task": spec.forget.select}
        key = (spec.forget.select, spec.train_seed)
        if key not in bases:
            before = result["metrics"]["before"]
            row = named | {"seed": spec.train_seed, "cpu": (result.get("cpu_seconds") or {}).get("train")}
            row |= {column: before.get(metric) for column, metric in ACCURACIES.items()}
            row |= {name: _attacked(result, "before", "refitted", name) for name in ("accuracy", "auc")}
            bases[key] = _short(row)
        attacked = {name: _on_references(result, "refitted", name) for name in ("accuracy", "auc")}
        for k, reference in enumerate(result["references"]):
            key = (spec.forget.select, int(reference["seed"]))
            row = named | {"seed": reference["seed"], "cpu": reference.get("cpu_seconds")}
            row |= {column: reference["metrics"].get(metric) for column, metric in ACCURACIES.items()}
            row |= {name: values[k] if k < len(values) else None for name, values in attacked.items()}
            references.setdefault(key, _short(row))
    return list(bases.values()), list(references.values())


def made_with(view: RunView, result: Mapping[str, Any]) -> dict[str, Any]:
    """On what a run was made: hardware, precision, threads and versions."""
    hardware, versions = dict(result.get("hardware") or {}), dict(result.get("versions") or {})
    names = ("name", "cores", "memory_bytes", "precision")
    return {name: hardware.get(name) for name in names} | {
        "threads": hardware.get("threads"),
        "torch": versions.get("torch"),
        "python": versions.get("python"),
        "unlearnscope": versions.get("unlearnscope"),
    }


def settings_of(spec: RunSpec) -> dict[str, Any]:
    """The hyper-parameters of a run, and which of them are not the method's own defaults."""
    params = spec.method.params
    usual = type(params)()
    values = {field.name: getattr(params, field.name) for field in dataclasses.fields(params)}
    tuned = sorted(name for name, value in values.items() if value != getattr(usual, name))
    return {"values": values, "tuned": tuned}


def best_methods(home: Home, study: Study, most: int) -> list[str]:
    """The methods that came nearest to retraining over all tasks that they can do: by mean rank of their distance.

    Args:
        home: where the runs live.
        study: what was run.
        most: how many; methods that miss a run of any seed of a task are no candidates, nor are half-done tables:
            empty as long as less than a seed of every task is done.
    """
    specs, _ = method_specs(study, study.model)
    rows = [row for spec in specs if (row := row_of(home, spec, study.model)) is not None]
    wanted = {(spec.method.id, spec.forget.select, spec.seed) for spec in specs if spec.seed == study.seeds[0]}
    if wanted - {(row["method"], row["task"], row["seed"]) for row in rows}:
        return []
    return ranked(rows)[:most]


def ranked(rows: Sequence[Row]) -> list[str]:
    """Methods by the mean over tasks of the place of their mean distance, as a share of the places there are."""
    places: dict[str, list[float]] = {}
    for task in dict.fromkeys(row["task"] for row in rows):
        means: dict[str, float] = {}
        for name in dict.fromkeys(row["method"] for row in rows if row["task"] == task):
            own = [row.get("distance") for row in rows if row["task"] == task and row["method"] == name]
            # A run without a number is as far as can be.
            means[name] = float(np.mean([np.inf if d is None else d for d in own]))
        order = sorted(means, key=lambda name: means[name])
        for place, name in enumerate(order):
            places.setdefault(name, []).append(place / max(len(order) - 1, 1))
    tasks = max(map(len, places.values()), default=0)
    whole = {name: found for name, found in places.items() if len(found) == tasks}
    return sorted(whole, key=lambda name: (float(np.mean(whole[name])), name))


def _beside(column: str, value: float | None, references: Sequence[float | None], samples: int | None = None) -> Row:
    known = [r for r in references if r is not None]
    found = band(known, samples)
    return {
        column: value,
        f"{column}_ref": float(np.mean(known)) if known else None,
        f"{column}_half": found.half if found else None,
    }


def _margin(view: RunView) -> Row:
    """Mean margin of the recorded forget samples that no rule looked at, in the last round and of each reference."""
    try:
        probe = view.probe()
        rows = np.flatnonzero((probe["group"] == "forget").to_numpy() & ~probe["rule"].to_numpy())
        if not len(rows):
            return {}
        after = float(np.mean(view.array(view.rounds()[-1], "margin")[rows]))
        references = [float(np.mean(view.reference_array(seed, "margin")[rows])) for seed in view.references()]
    except (BadInput, IndexError):
        return {}
    return _beside("margin", after, references)


def _attacked(result: Mapping[str, Any], model: str, way: str, number: str) -> float | None:
    ways = ((result.get("attacks") or {}).get(ATTACK) or {}).get(model) or {}
    found = (ways.get(way) or {}).get(number)
    return found[0] if found else None


def _on_references(result: Mapping[str, Any], way: str, number: str) -> list[float | None]:
    kept = ((result.get("reference_attacks") or {}).get(ATTACK) or {}).get(way) or {}
    return list(kept.get(number) or [])


def _attacks(result: Mapping[str, Any]) -> Row:
    """Accuracy of the loss attack as fitted before and on the unlearned model; AUCs, plain and calibrated.

    The order of the losses is the same however the attack was fitted, so there is one AUC.
    """
    found: Row = {}
    for way in ("transferred", "refitted"):
        found |= _beside(way, _attacked(result, "after", way, "accuracy"), _on_references(result, way, "accuracy"))
    found |= _beside("auc", _attacked(result, "after", "refitted", "auc"), _on_references(result, "refitted", "auc"))
    verdict = verdict_of(result)
    claims = [claim for claim in (verdict or {}).get("claims", ()) if claim["id"] == "remembers"]
    test = next((t for claim in claims for t in claim["tests"] if t["id"] == "auc"), None)
    if test is not None:
        found |= _beside("calibrated", test["value"], list(test["references"] or []))
    return found


def _verdict(result: Mapping[str, Any]) -> Row:
    verdict = verdict_of(result)
    if verdict is None:
        return {}
    claims = [claim for claim in worst_first(verdict["claims"]) if claim["applies"]]
    if not claims:
        return {"verdict": verdict["state"]}
    worst = [claim for claim in claims if claim["state"] == verdict["state"]]
    # Of several that differ, the one that is hardest to explain by chance.
    decides = min(worst or claims, key=lambda claim: 1.0 if claim["p"] is None else claim["p"])
    test = decisive_test(decides) or {}
    return {
        "verdict": verdict["state"],
        "differing": sum(claim["state"] == "differs" for claim in claims),
        "asked": len(claims),
        "decides": decides["id"],
        "decides_by": test.get("id"),
        "p": decides["p"],
    }


def _cost(result: Mapping[str, Any]) -> Row:
    spent = (result.get("cpu_seconds") or {}).get("unlearn")
    known = [seconds for r in result["references"] if (seconds := r.get("cpu_seconds"))]
    served, retain = result.get("served") or {}, (result.get("counts") or {}).get("retain")
    return {
        "cpu": spent,
        "cpu_retrain": float(np.mean(known)) if known else None,
        "passes_forget": served["forget"] / result["forget_count"] if served else None,
        "passes_retain": served["retain"] / retain if served and retain else None,
    }


def _short(row: Row) -> Row:
    """Numbers with as many digits as tables and bands need."""
    return {name: float(f"{v:.{DIGITS}g}") if isinstance(v, float) else v for name, v in row.items()}
