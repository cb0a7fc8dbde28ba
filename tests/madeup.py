"""Writes a complete run directory, in the documented format and without training anything.

The numbers are invented but consistent: forget samples walk away from their class over the rounds,
their loss rises, and the reference has them elsewhere from the start. Of an encoder's run the views of
members agree more than those of others, and forget samples lose that over the rounds. The images carry the
sample's index in their pixels, so that a test can tell which one it sees.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from cu_core.base.files import write_json
from cu_core.base.home import Home
from cu_core.base.process import identity
from cu_core.catalogue.spec import RunSpec
from cu_core.catalogue.spec_parts import DataSpec, ForgetSpec
from cu_core.data import prepared
from cu_core.metrics.boundary import signed_distances
from cu_core.metrics.drift.per_round import FixedSamples, Start, cka_by_group, drift_report
from cu_core.metrics.drift.seed_noise import seed_difference
from cu_core.runstore import layout
from tests.madeup_audit import write_audit
from tests.madeup_comparison import comparison_keys
from tests.written_arrays import write_array

CLASSES = tuple(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])
SUBMITTED = 1_700_000_000.0
DIMENSIONS = 16


@dataclass(frozen=True)
class MadeUp:
    """What to write.

    Attributes:
        select: the forget set; decides the task.
        rounds: recorded rounds besides round 0.
        references: seeds of the references.
        counts: probe samples in forget, retain, unseen.
        state: state of the run; ``running`` claims that this very process is its worker.
        views: rounds with a two-view cosine (of encoders: with all pairs of views); all if None.
        images: whether the dataset lies prepared in the home.
        channels: of the images.
        demo: marks the run as one that ships with the project.
        trustworthiness: of round 0; falls by 0.03 a round.
        seed: of all invented numbers.
        objective: how the model was trained; all but ``supervised`` make the run of an encoder.
        audit_views: views of each sample behind the pairs of an encoder's run.
        audited: samples a side that membership attacks were made on (of one class at most 20); 0 writes no audit.
        spec: changes to the specification.
        older: leaves out what early versions did not record: comparisons in the result, distances to the boundary and
            what belongs to them in rounds and references.
        result: changes to the result.
    """

    select: str = "class:5"
    rounds: int = 5
    references: tuple[int, ...] = (0,)
    counts: tuple[int, int, int] = (40, 90, 70)
    state: str = "succeeded"
    views: tuple[int, ...] | None = None
    images: bool = True
    channels: int = 1
    demo: bool = False
    trustworthiness: float = 0.97
    seed: int = 0
    objective: str = "supervised"
    audit_views: int = 4
    audited: int = 30
    spec: dict = field(default_factory=dict)
    older: bool = False
    result: dict = field(default_factory=dict)

    @property
    def task(self) -> str:
        return "class" if self.select.startswith("class:") else "sample"

    @property
    def encoder(self) -> bool:
        return self.objective != "supervised"


def write_run(home: Home, run_id: str = "madeup-1", made: MadeUp | None = None) -> Path:
    """Writes a run, and its dataset unless that is there, into a home; returns the run directory."""
    made = made or MadeUp()
    spec = replace(
        RunSpec(), forget=ForgetSpec(made.select), reference=len(made.references), seed=made.seed, **made.spec
    )
    if made.encoder:
        train, audit = replace(spec.train, objective=made.objective), replace(spec.audit, views=made.audit_views)
        spec = replace(spec, train=train, audit=audit)
    if made.images:
        write_dataset(home, spec.data, made.channels)
    run_dir = home.runs / run_id
    write_json(run_dir / layout.SPEC, spec.to_json())
    info = {
        "schema": layout.SCHEMA,
        "run_id": run_id,
        "token": None,
        "submitted": SUBMITTED,
        "spec_hash": spec.content_hash(),
        "title": spec.title,
        "group": spec.group,
        "demo": made.demo,
    }
    write_json(run_dir / layout.INFO, info)
    probe = make_probe(made)
    probe.to_parquet(run_dir / layout.PROBE, index=False)
    for number in range(made.rounds + 1):
        write_round(run_dir, made, probe, number)
    for seed in made.references:
        _write_snapshot(run_dir / "reference" / str(seed), made, probe, _reference(made, probe, seed), 0, seed=seed)
    _write_attempt(run_dir, made)
    if made.state == "succeeded":
        attacks = _write_audit(run_dir, made) if made.audited else None
        _write_result(run_dir, run_id, made, attacks)
    return run_dir


def _write_audit(run_dir: Path, made: MadeUp) -> dict:
    return write_audit(
        run_dir,
        kind="self-supervised" if made.encoder else "supervised",
        classes=(5,) if made.task == "class" else (),
        size=made.audited,
        reference=made.references[0] if made.references else None,
        views=made.audit_views,
        seed=made.seed,
    )


def image_of(index: int, *, test: bool, channels: int = 1) -> np.ndarray:
    """(channels, 8, 8) uint8: the index in 16 pixels of black and white, above a flat shade made from it."""
    image = np.full((channels, 8, 8), (index * 37 + 128 * test) % 256, np.uint8)
    bits = [255 * (index >> place & 1) for place in range(16)]
    image[:, 0], image[:, 1] = bits[:8], bits[8:]
    return image


def write_dataset(home: Home, spec: DataSpec, channels: int = 1) -> Path:
    """Writes a prepared dataset of 600 training and 200 test images where the store looks for it."""
    folder = home.datasets / prepared.dataset_key(spec)
    if folder.exists():
        return folder
    folder.mkdir(parents=True)
    labels = np.arange(600, dtype=np.int64) % len(CLASSES)
    arrays = {
        "train_images": np.stack([image_of(i, test=False, channels=channels) for i in range(600)]),
        "train_labels": labels,
        "test_images": np.stack([image_of(i, test=True, channels=channels) for i in range(200)]),
        "test_labels": labels[:200],
        "true_labels": labels,
    }
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    meta = {
        "schema": prepared.SCHEMA,
        "classes": CLASSES,
        "mean": [0.5] * channels,
        "std": [0.25] * channels,
        "sha256": hashlib.sha256(b"madeup").hexdigest(),
        "arrays": {name: [str(a.dtype), list(a.shape)] for name, a in arrays.items()},
    }
    write_json(folder / "meta.json", meta)
    return folder


def make_probe(made: MadeUp) -> pd.DataFrame:
    """The probe's table: forget samples of class 5 (or of all classes), then retain, then unseen."""
    rng = np.random.default_rng(made.seed)
    all_train = np.arange(600)
    pool = all_train[all_train % 10 == 5] if made.task == "class" else all_train
    forget = np.sort(rng.permutation(pool)[: made.counts[0]])
    rest = np.setdiff1d(all_train, pool if made.task == "class" else forget)
    retain = np.sort(rng.permutation(rest)[: made.counts[1]])
    unseen = np.sort(rng.permutation(200)[: made.counts[2]])
    sample = np.concatenate([forget, retain, unseen]).astype(np.int64)
    group = np.repeat(["forget", "retain", "unseen"], [len(forget), len(retain), len(unseen)])
    true = sample % 10
    label = np.where((group == "forget") & (made.select == "mislabelled"), (true + 1) % 10, true)
    rule = np.zeros(len(sample), bool)
    if made.task == "class":
        rule[np.flatnonzero((group == "unseen") & (label == 5))[::2]] = True
    return pd.DataFrame(
        {
            "sample": sample,
            "split": np.where(group == "unseen", "test", "train"),
            "group": group,
            "label": label,
            "true_label": true,
            "rule": rule,
        }
    )


def write_round(run_dir: Path, made: MadeUp, probe: pd.DataFrame, number: int) -> None:
    """Writes one round of a run, arrays first."""
    embedding = _embedding(made, probe, number / max(made.rounds, 1))
    _write_snapshot(run_dir / "rounds" / str(number), made, probe, embedding, number)


def _centres(made: MadeUp) -> np.ndarray:
    return np.random.default_rng(made.seed + 1).normal(size=(10, DIMENSIONS)) * np.linspace(2, 0.3, DIMENSIONS)


def _embedding(made: MadeUp, probe: pd.DataFrame, progress: float) -> np.ndarray:
    """Class centres with noise; forget samples have gone `progress` of the way to the next class."""
    noise = np.random.default_rng(made.seed + 2).normal(size=(len(probe), DIMENSIONS)) * 0.25
    label = probe["label"].to_numpy()
    centres = _centres(made)
    leaving = progress * (0.05 + 0.95 * (probe["group"] == "forget").to_numpy())[:, None]
    return (1 - leaving) * centres[label] + leaving * centres[(label + 3) % 10] + noise


def _reference(made: MadeUp, probe: pd.DataFrame, seed: int) -> np.ndarray:
    jitter = np.random.default_rng(1000 + seed).normal(size=(len(probe), DIMENSIONS)) * 0.1
    return _embedding(made, probe, 0.9) + jitter


def _memory(made: MadeUp, probe: pd.DataFrame, progress: float) -> np.ndarray:
    """(n,) how well the model knows each sample: 1 for retain, 0 for unseen, falling to 0 for forget samples."""
    group = probe["group"].to_numpy()
    return np.select([group == "retain", group == "forget"], [1.0, 1.0 - progress], 0.0)


def _encoder_arrays(made: MadeUp, probe: pd.DataFrame, memory: np.ndarray, number: int) -> dict[str, np.ndarray]:
    """What is recorded of encoders alone, or means something else there."""
    rng = np.random.default_rng([made.seed, 7])
    agreement = np.clip(0.55 + 0.25 * memory + 0.1 * rng.normal(size=len(probe)), -1, 1)
    pairs = made.audit_views * (made.audit_views - 1) // 2
    pair_cosines = np.clip(agreement[:, None] + 0.05 * rng.normal(size=(len(probe), pairs)), -1, 1)
    top1 = 0.1 + 0.15 * memory + 0.02 * rng.random(len(probe))
    arrays = {
        "loss": (4.0 - 3.0 * agreement).astype(np.float32),
        "output_top3": (top1[:, None] * [1.0, 0.6, 0.4]).astype(np.float32),
        "two_view_cosine": pair_cosines[:, 0].astype(np.float32),
    }
    if made.views is None or number in made.views:
        arrays["pair_cosines"] = pair_cosines.astype(np.float16)
    return arrays


def _own_centroid_cosine(probe: pd.DataFrame, embedding: np.ndarray) -> np.ndarray:
    """Cosine to the mean of the unit embeddings of the label's other retain samples; NaN without any."""
    unit = embedding / np.linalg.norm(embedding, axis=1, keepdims=True)
    label, retain = probe["label"].to_numpy(), (probe["group"] == "retain").to_numpy()
    found = np.full(len(probe), np.nan, np.float32)
    for row in range(len(probe)):
        others = retain & (label == label[row])
        others[row] = False
        if others.any():
            centroid = unit[others].mean(0)
            found[row] = unit[row] @ centroid / np.linalg.norm(centroid)
    return found


def _write_snapshot(
    folder: Path, made: MadeUp, probe: pd.DataFrame, embedding: np.ndarray, number: int, seed: int | None = None
) -> None:
    start = _embedding(made, probe, 0.0)
    centres, label = _centres(made), probe["label"].to_numpy()
    logits = -0.3 * ((embedding[:, None] - centres) ** 2).sum(2)
    probability = np.exp(logits - logits.max(1, keepdims=True))
    probability /= probability.sum(1, keepdims=True)
    order = np.argsort(-probability, axis=1)[:, :3]
    rows = np.arange(len(probe))
    own = probability[rows, label]
    others = probability.copy()
    others[rows, label] = -1
    axes = np.linalg.svd(start - start.mean(0), full_matrices=False)[2][:2]
    norms = np.linalg.norm(embedding, axis=1) * np.linalg.norm(start, axis=1)
    arrays = {
        "embedding": embedding.astype(np.float16),
        "logits": logits.astype(np.float16),
        "top3": probability[rows[:, None], order].astype(np.float32),
        "top3_class": order.astype(np.int16),
        "loss": -np.log(np.maximum(own, 1e-30)).astype(np.float32),
        "margin": (own - others.max(1)).astype(np.float32),
        "own_centroid_cosine": _own_centroid_cosine(probe, embedding),
        "coordinates": ((embedding - start.mean(0)) @ axes.T).astype(np.float32),
    }
    if made.encoder:
        progress = 1.0 if seed is not None else number / max(made.rounds, 1)
        arrays |= _encoder_arrays(made, probe, _memory(made, probe, progress), number)
        arrays["logits"] = np.log(np.maximum(probability, 1e-6)).astype(np.float16)
    elif made.views is None or number in made.views:
        arrays["two_view_cosine"] = (1 - 0.3 / (1 + own)).astype(np.float32)
    if not made.older:
        # The logits are linear in the embedding, up to a term that all classes share.
        weight, bias = 0.6 * centres, -0.3 * np.square(centres).sum(1)
        arrays["boundary"] = signed_distances(embedding @ weight.T + bias, weight, label)
        arrays["head"] = np.column_stack([weight, bias]).astype(np.float32)
    if seed is None:
        arrays["cosine_to_start"] = ((embedding * start).sum(1) / norms).astype(np.float32)
        arrays["moved"] = np.linalg.norm(embedding - start, axis=1).astype(np.float32)
        if not made.older:
            motion = _origin(made, probe).motion(embedding)
            arrays["moved_relative"] = motion["relative"].astype(np.float16)
    elif not made.older:
        arrays["aligned_cosine"] = ((embedding * start).sum(1) / norms).astype(np.float32)
    manifest = {
        "schema": 1,
        "round": number,
        "attempt": 1,
        "arrays": {name: write_array(folder / f"{name}.npy", array) for name, array in arrays.items()},
        "metrics": _metrics(made, probe, order[:, 0]) | _means(made, probe, arrays),
        "scope": "probe",
        "counts": {g: int(((probe["group"] == g) & ~probe["rule"]).sum()) for g in ("forget", "retain", "unseen")},
        "rule": _verdict(made, probe, order[:, 0]) if seed is None else None,
        "diagnostics": {"unlearn_loss": 3.0 - number / 4} if number else {},
        "served": {"forget": made.counts[0], "retain": made.counts[0], "unseen": 0} if number else {},
        "seconds": {"unlearn": 0.2 if number else 0.0, "evaluate": 0.1},
        "fidelity": {
            "trustworthiness": made.trustworthiness - 0.03 * number,
            "continuity": 0.98 - 0.01 * number,
            "samples": float(len(probe)),
            "explained_variance": 0.62,
            "neighbours": 15,
            "basis": "pca of round 0",
        },
    }
    if not made.older:
        manifest["boundary"] = {
            "kind": "centroid" if made.encoder else "head",
            "unit": "distance between unit embeddings" if made.encoder else "distance in the space of the embedding",
            "reads": "unit" if made.encoder else "embedding",
        }
    if not made.older:
        origin = _origin(made, probe)
        manifest["drift"] = drift_report(origin, embedding, origin.motion(embedding), arrays["boundary"])
        if seed is None:
            manifest["drift_scale"] = {"neighbours": origin.neighbours.shape[1], "spread": origin.spread}
    elif seed is None:
        manifest["drift"] = {
            group: {
                "cosine": float(arrays["cosine_to_start"][probe["group"] == group].mean()),
                "euclidean": float(arrays["moved"][probe["group"] == group].mean()),
            }
            for group in ("forget", "retain", "unseen")
        }
    if seed is not None:
        manifest["seed"] = seed
        if not made.older:
            manifest |= _reference_drift(made, probe, seed, embedding)
        manifest["fidelity"]["procrustes_residual"] = 0.31
    write_json(folder / layout.MANIFEST, manifest)


def _origin(made: MadeUp, probe: pd.DataFrame) -> Start:
    """Round 0, from which motion is measured."""
    group = probe["group"].to_numpy()
    samples = FixedSamples(probe["label"].to_numpy(), {name: group == name for name in ("forget", "retain", "unseen")})
    return Start(_embedding(made, probe, 0.0), samples)


def _reference_drift(made: MadeUp, probe: pd.DataFrame, seed: int, embedding: np.ndarray) -> dict:
    """How far a reference is from the rounds, and from those with smaller seeds; all share their axes here."""
    samples = _origin(made, probe).samples
    numbers = list(range(made.rounds + 1))
    rounds = [_embedding(made, probe, number / max(made.rounds, 1)) for number in numbers]
    cka = [cka_by_group(samples, embedding, other) for other in rounds]
    earlier = [other for other in made.references if other < seed]
    return {
        "cka": {"rounds": numbers} | {group: [found[group] for found in cka] for group in samples.groups},
        "noise": [
            {"with": other, "residual": 0.1}
            | {"groups": seed_difference(_reference(made, probe, other), embedding, samples)}
            for other in earlier
        ],
    }


def _metrics(made: MadeUp, probe: pd.DataFrame, predicted: np.ndarray) -> dict[str, float | None]:
    table = probe.assign(right=predicted == probe["label"], truly=predicted == probe["true_label"])
    table = table[~table["rule"]]
    by_group = table.groupby("group")["right"].mean()
    metrics: dict[str, float | None] = {
        "forget_acc": float(by_group["forget"]),
        "retain_acc": float(by_group["retain"]),
        "test_acc": float(by_group["unseen"]),
        "mia_auc": 0.5,
        "own_centroid_cosine": 0.4,
        "other_centroid_cosine": 0.6,
    }
    if made.task == "class":
        unseen = table[table["group"] == "unseen"]
        metrics["test_acc_forgotten"] = float(unseen[unseen["label"] == 5]["right"].mean())
        metrics["test_acc_retained"] = float(unseen[unseen["label"] != 5]["right"].mean())
    if made.select == "mislabelled":
        metrics["true_label_acc"] = float(table[table["group"] == "forget"]["truly"].mean())
    return {name: None if value is None or np.isnan(value) else value for name, value in metrics.items()}


def _means(made: MadeUp, probe: pd.DataFrame, arrays: dict[str, np.ndarray]) -> dict[str, float | None]:
    """Metrics that are means of a recorded array over a group."""
    top = arrays["output_top3" if made.encoder else "top3"][:, 0]
    found: dict[str, float | None] = {}
    for group in ("forget", "unseen"):
        rows = ((probe["group"] == group) & ~probe["rule"]).to_numpy()
        found[f"{group}_top1"] = float(top[rows].mean())
        found[f"{group}_loss"] = float(arrays["loss"][rows].mean())
        views = arrays.get("two_view_cosine")
        found[f"{group}_two_view"] = None if views is None else float(views[rows].mean())
    return found


def _verdict(made: MadeUp, probe: pd.DataFrame, predicted: np.ndarray) -> dict:
    right = predicted == probe["label"].to_numpy()
    forget, unseen = (probe["group"] == "forget").to_numpy(), (probe["group"] == "unseen").to_numpy()
    value = float(right[forget].mean())
    threshold = 1 / len(CLASSES) if made.task == "class" else float(right[unseen].mean())
    return {"name": made.task, "value": value, "threshold": threshold, "met": value <= threshold}


def _write_attempt(run_dir: Path, made: MadeUp) -> None:
    if made.state == "queued":
        return
    folder = layout.attempt_dir(run_dir, 1)
    # A dispatcher ends a worker of its own that gives no sign of life, and this process would be taken for one.
    launcher = "foreground" if made.state == "running" else "local"
    write_json(folder / layout.LAUNCH, {"launcher": launcher, "attempt": 1, "first": 1, "t": SUBMITTED + 1})
    # Only a running run may name a process that lives: whoever tidies up after a test ends such processes.
    gone = {"pid": 1, "started": 0.0, "boot": "madeup", "host": "madeup"}
    worker = identity() if made.state == "running" else gone
    write_json(folder / layout.PID, worker | {"t": SUBMITTED + 2})
    events = [
        {"t": SUBMITTED + 3 + k, "phase": "unlearn", "done": k, "total": made.rounds, "seconds_left": None}
        | {"metrics": None, "message": f"round {k}"}
        for k in range(made.rounds + 1)
    ]
    (folder / layout.EVENTS).write_text("".join(json.dumps(event) + "\n" for event in events))
    (folder / layout.LOG).write_text("made up\n")
    if made.state in ("succeeded", "failed", "cancelled"):
        finish(run_dir, made.state)


def finish(run_dir: Path, state: str) -> None:
    """Gives the run's only attempt its outcome."""
    error = {"kind": "MadeUp", "message": "invented failure", "hint": "none"} if state == "failed" else None
    outcome = {"state": state, "error": error, "t": time.time()}
    write_json(layout.attempt_dir(run_dir, 1) / layout.OUTCOME, outcome)


def _write_result(run_dir: Path, run_id: str, made: MadeUp, attacks: dict | None) -> None:
    def metrics(folder: str) -> dict:
        found = json.loads((run_dir / folder / layout.MANIFEST).read_text())["metrics"]
        return found | ({"linear_acc": found["test_acc"]} if made.encoder else {})

    references = [metrics(f"reference/{seed}") for seed in made.references]
    band = {
        name: [float(np.mean(values)), float(np.std(values, ddof=1))]
        for name in (references[0] if references else {})
        if len(values := [r[name] for r in references if r[name] is not None]) > 1
    }
    result = {
        "run_id": run_id,
        "state": "succeeded",
        "rounds": made.rounds,
        "stopped_by": made.task,
        "metrics": {
            "before": metrics("rounds/0"),
            "after": metrics(f"rounds/{made.rounds}"),
            "reference": references[0] if references else None,
        },
        "reference_band": band or None,
        "seconds": {"train": 4.0, "unlearn": 1.0, "evaluate": 0.6, "reference": 4.0},
        "weights_sha256": hashlib.sha256(run_id.encode()).hexdigest(),
        "forget_count": made.counts[0],
        "versions": {"unlearnscope": "0"},
        "hardware": {"device": "cpu"},
        "data_sha256": hashlib.sha256(b"madeup").hexdigest(),
        "base_key": "madeup",
        "base_cached": False,
        "reference_cached": False,
        "attacks": attacks,
        "notes": [],
    }
    if not made.older:
        probe = make_probe(made)
        reported = probe[~probe["rule"]]
        counts = {g: int((reported["group"] == g).sum()) for g in ("forget", "retain", "unseen")}
        forgotten = (reported["group"] == "unseen") & (reported["label"] == 5) & (made.task == "class")
        result |= {"counts": counts | {"unseen_forgotten": int(forgotten.sum()), "probe": len(probe)}}
        result |= comparison_keys(
            references,
            seeds=made.references,
            task=made.task,
            attacks=attacks,
            rounds=made.rounds,
            counts=counts,
            seed=made.seed,
        )
        if made.task == "class":
            result["metrics"]["after"]["probe_recovery"] = 0.8
    write_json(run_dir / layout.RESULT, result | made.result)
