"""`RunSpec`, the specification of a run: frozen dataclasses, JSON round trip, content hash, validation."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from cu_core.base.errors import BadInput
from cu_core.base.parameters import contents_of, describe, param, parse
from cu_core.catalogue.dataset_record import DATASETS
from cu_core.catalogue.method_record import METHODS, PER_EPOCH, PER_FILE, PER_HALF, PER_SHARD, method
from cu_core.catalogue.objective_record import objective
from cu_core.catalogue.own_code import short_code
from cu_core.catalogue.selections import FORGET_KINDS, task_of
from cu_core.catalogue.spec_parts import DataSpec, ForgetSpec, ModelSpec, TrainSpec
from cu_core.catalogue.spec_recording import AuditSpec, ProbeSpec, StopSpec

SCHEMA = 1


@dataclass(frozen=True)
class MethodSpec:
    """Which unlearning method with which hyper-parameters (an instance of the record's dataclass)."""

    id: str = "contrastive"
    params: Any = None

    def __post_init__(self) -> None:
        if self.params is None:
            object.__setattr__(self, "params", method(self.id).params())

    @property
    def title(self) -> str:
        """Name shown to people: what the user calls a method of their own, else its record's."""
        return getattr(self.params, "label", "") or method(self.id).title

    @property
    def word(self) -> str:
        """The same for lists, where our own methods go by their ids."""
        return getattr(self.params, "label", "") or self.id


def path_of(choice: str) -> str:
    """The user's path in the text of a dataset or forget set; empty where it holds none."""
    kind, _, path = choice.partition(":")
    named = kind in DATASETS and DATASETS[kind].needs_path
    return path if named or (kind in FORGET_KINDS and FORGET_KINDS[kind].file) else ""


def short(choice: str) -> str:
    """A dataset or forget set for lists: of a file its name alone, without what an upload put before it."""
    path = path_of(choice)
    if not path:
        return choice
    kind = choice.partition(":")[0]
    name = bare_name(path)
    return name if kind in DATASETS else f"{kind}:{name}"


def bare_name(path: str) -> str:
    """Name of a file for people: without its folder, and without what an upload put before it."""
    return re.sub(r"^[0-9a-f]{12}-", "", path.rstrip("/").rpartition("/")[2])


@dataclass(frozen=True)
class RunSpec:
    """Everything that decides the outcome of a run, plus its name and group."""

    data: DataSpec = field(default_factory=DataSpec)
    model: ModelSpec = field(default_factory=ModelSpec)
    train: TrainSpec = field(default_factory=TrainSpec)
    forget: ForgetSpec = field(default_factory=ForgetSpec)
    method: MethodSpec = field(default_factory=MethodSpec)
    stop: StopSpec = field(default_factory=StopSpec)
    probe: ProbeSpec = field(default_factory=ProbeSpec)
    audit: AuditSpec = field(default_factory=AuditSpec)
    seed: int = param(0, "Seed", "Seed of training, draws and unlearning.", low=0, high=2**31 - 1)
    reference: int = param(
        0,
        "References",
        "Models retrained without the forget set (seeds seed, seed+1, …).",
        low=0,
        high=20,
        unit="models",
    )
    device: str = param("auto", "Device", "auto, cpu, cuda, cuda:N or mps.")
    precision: str = param(
        "auto",
        "Precision",
        "auto uses mixed precision where the device gains from it; on a processor with bf16 a few steps are timed.",
        choices=("auto", "fp32", "bf16", "fp16"),
        advanced=True,
    )
    processes: int = param(
        1,
        "Processes",
        "Divides each training and unlearning step over this many processes, each with a GPU of its own; the numbers "
        "are those of one process but for rounding.",
        low=1,
        high=64,
        unit="processes",
        special="1 = not divided",
        otherwise=("several", 2),
        advanced=True,
        later=True,
    )
    reference_files: tuple[str, ...] = param(
        (),
        "Own references",
        "Files with weights of models retrained without the forget set; they stand before those trained here.",
        advanced=True,
        later=True,
    )
    name: str = param("", "Name", "Shown in lists; made from the choices if empty.")
    group: str = param("", "Group", "Shared by the runs of one grid.")

    @property
    def task(self) -> str:
        """``"class"`` if whole classes are forgotten, else ``"sample"``."""
        return task_of(self.forget.select)

    @property
    def self_supervised(self) -> bool:
        """Whether the model is an encoder that was trained without labels."""
        return objective(self.train.objective).self_supervised

    @property
    def title(self) -> str:
        """The run's name, or one made from its choices: first what tells runs beside each other apart."""
        choices = (
            self.method.word,
            short(self.forget.select),
            short(self.data.dataset),
            short_code(self.model.backbone),
        )
        return self.name or " · ".join(choices)

    @property
    def train_seed(self) -> int:
        """Seed of the base model."""
        return self.seed if self.train.seed < 0 else self.train.seed

    @property
    def base_recipe(self) -> TrainSpec:
        """How the base model is made: own weights are taken as they are, unless training on is asked for."""
        return dataclasses.replace(self.train, epochs=0) if self.takes_own_weights else self.train

    @property
    def takes_own_weights(self) -> bool:
        """Whether the base model is the user's own, as it is."""
        return bool(self.model.weights) and not self.model.train_on

    @property
    def references(self) -> int:
        """How many models stand for retraining: own files and those trained here."""
        return len(self.reference_files) + self.reference

    @property
    def forget_seed(self) -> int:
        """Seed of random forget sets."""
        return self.seed if self.forget.seed < 0 else self.forget.seed

    @property
    def max_rounds(self) -> int:
        """Upper limit on rounds."""
        usual = method(self.method.id).rounds.get(self.task, 1)
        epochs = self.train.epochs
        stands_for = {PER_EPOCH: max(epochs, 1), PER_HALF: max(epochs // 2, 1), PER_SHARD: self.train.shards}
        if usual == PER_FILE:
            return len(self.method.params.rounds)
        return self.stop.max_rounds or stands_for.get(usual, usual)

    @property
    def rewound_to(self) -> tuple[int, ...]:
        """The epoch of the base model's training that the method begins from; none for most methods."""
        return (self.base_recipe.epochs - self.max_rounds,) if method(self.method.id).needs_earlier else ()

    @property
    def kept_epochs(self) -> tuple[int, ...]:
        """After which epochs of the base model's training its weights are kept, sorted."""
        every, last = self.train.keep_every, self.base_recipe.epochs
        wanted = set(self.rewound_to) | set(range(every, last, every) if every else ())
        return tuple(sorted(epoch for epoch in wanted if 0 < epoch < last))

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict with the schema version."""
        content: dict[str, Any] = json.loads(json.dumps({"schema": SCHEMA} | dataclasses.asdict(self)))
        return content

    def content_hash(self) -> str:
        """SHA-256 over everything that decides the outcome (all but name and group)."""
        return self._content_hash

    @cached_property
    def _content_hash(self) -> str:
        # Sweeps compare each of their runs with all others many times over.
        return content_hash(self.to_json())


def planned_epochs(spec: RunSpec) -> int:
    """Most epochs of training that a run may take: of base model, references, shadows and a method that trains anew.

    Models that are trained already are counted too, since nobody knows beforehand which are there. In shards every
    epoch of every stage of every shard counts, as progress tells them.
    """
    record = method(spec.method.id)
    anew = 0
    if record.needs_shards:
        anew = spec.train.work  # at most: every shard from its beginning
    elif record.starts_anew:
        anew = spec.max_rounds  # a round is an epoch
    shadows = spec.audit.shadows * (spec.train.work + anew)
    return spec.base_recipe.work + spec.train.work * spec.reference + anew + shadows


PARTS: dict[str, type] = {
    "data": DataSpec,
    "model": ModelSpec,
    "train": TrainSpec,
    "forget": ForgetSpec,
    "stop": StopSpec,
    "probe": ProbeSpec,
    "audit": AuditSpec,
}


def content_hash(content: Mapping[str, Any]) -> str:
    """`RunSpec.content_hash` of a specification as `RunSpec.to_json` wrote it, perhaps in an earlier version."""
    kept = {key: value for key, value in contents_of(RunSpec, content).items() if key not in ("name", "group")}
    for name, cls in PARTS.items():
        if isinstance(kept.get(name), Mapping):
            kept[name] = contents_of(cls, kept[name])
    if "method" in kept:
        kept["method"] = _chosen_method(kept["method"])
    model = kept.get("model")
    if isinstance(model, dict) and model.pop("train_on", False) is False and _taken_as_they_are(content["model"]):
        model["train_on"] = False
    return digest(kept)


def _chosen_method(chosen: Any) -> Any:
    """A stored method without its later hyper-parameters; as it is where it is not installed here."""
    match chosen:
        case {"id": str(name), "params": Mapping() as params} if name in METHODS:
            return {**chosen, "params": contents_of(method(name).params, params)}
    return chosen


def _taken_as_they_are(model: Mapping[str, Any]) -> bool:
    # Where no word of it is stored, the run is older than the choice, and own weights were trained on.
    return bool(model.get("weights")) and "train_on" in model and model["train_on"] is False


def digest(content: Any) -> str:
    """SHA-256 of the canonical JSON of `content`."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def spec_from_json(content: Mapping[str, Any]) -> RunSpec:
    """Reads a specification from untrusted JSON.

    Args:
        content: as `RunSpec.to_json` writes it; missing parts and fields take their defaults.

    Raises:
        BadInput: unknown fields, wrong types, values out of range, a newer schema.
    """
    if not isinstance(content, Mapping):
        raise BadInput("spec", "must be a JSON object", list(PARTS))
    values = dict(content)
    schema = values.pop("schema", SCHEMA)
    if schema != SCHEMA:
        raise BadInput("schema", f"{str(schema)[:40]!r} is not a version that this program reads", [str(SCHEMA)])
    model = values.get("model")
    if "schema" in content and isinstance(model, Mapping) and model.get("weights") and "train_on" not in model:
        values["model"] = {**model, "train_on": True}  # written before there was a choice
    parts = {name: parse(cls, values.pop(name, {}), f"{name}.") for name, cls in PARTS.items()}
    chosen = values.pop("method", {})
    if isinstance(chosen, str):
        chosen = {"id": chosen}
    if not isinstance(chosen, Mapping) or set(chosen) - {"id", "params"}:
        raise BadInput("method", "must be an object with id and params")
    method_id = chosen.get("id", "contrastive")
    if not isinstance(method_id, str):
        raise BadInput("method.id", f"{method_id!r} is not text")
    params = parse(method(method_id).params, chosen.get("params") or {}, "method.")
    top = parse(RunSpec, values)
    return dataclasses.replace(top, **parts, method=MethodSpec(method_id, params))


def top_level_fields() -> list[str]:
    """Names of the described fields of `RunSpec` itself."""
    return [d.name for d in describe(RunSpec)]
