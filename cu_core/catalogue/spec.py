"""`RunSpec`, the specification of a run: frozen dataclasses, JSON round trip, content hash, validation."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cu_core.base.errors import BadInput
from cu_core.base.parameters import describe, param, parse
from cu_core.catalogue.dataset_record import DATASETS
from cu_core.catalogue.method_record import PER_EPOCH, PER_SHARD, method
from cu_core.catalogue.objective_record import OBJECTIVES, objective
from cu_core.catalogue.selections import FORGET_KINDS, forms, task_of
from cu_core.catalogue.stopping import STOPPING_RULES

SCHEMA = 1


def _either(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"


@dataclass(frozen=True)
class DataSpec:
    """Which images."""

    dataset: str = param("digits", "Dataset", lambda: f"{_either([d.form for d in DATASETS.values()])}.")
    label_noise: float = param(
        0.0,
        "Label noise",
        "Share of training labels replaced by a wrong class, drawn with the split seed.",
        low=0.0,
        high=0.5,
    )
    train_limit: int = param(
        0,
        "Training images",
        "Use only this many, drawn class by class; 0 uses all.",
        low=0,
        high=10_000_000,
        unit="images",
        special="0 = all",
    )
    image_size: int = param(
        0,
        "Image size",
        "Resize to this many pixels; 0 keeps the dataset's size (32 for folders).",
        low=0,
        high=512,
        unit="px",
        special="0 = as it is",
    )
    test_share: float = param(
        0.2, "Unseen share", "For folders without test/: share set apart as unseen.", low=0.05, high=0.5, advanced=True
    )
    split_seed: int = param(
        0, "Split seed", "Seed of splits, subsets and label noise.", low=0, high=2**31 - 1, advanced=True
    )


@dataclass(frozen=True)
class ModelSpec:
    """Which network."""

    backbone: str = param("tiny-cnn", "Backbone", "The trunk; timm:NAME takes any timm model.")
    head: str = param(
        "projected",
        "Head",
        "projected: MLP projector, L2-normalised embedding, linear classifier; plain: linear classifier on the trunk.",
        choices=("projected", "plain"),
    )
    embedding_dim: int = param(
        128, "Embedding size", "Width of the projected embedding.", low=2, high=4096, unit="dimensions", advanced=True
    )
    weights: str = param(
        "", "Own weights", "File with a state dict (.pt, .pth, .safetensors) to start from.", advanced=True
    )
    pretrained: bool = param(
        False, "Pretrained", "Start from published weights (timm models, needs network).", advanced=True
    )


@dataclass(frozen=True)
class TrainSpec:
    """How the base model and the reference are trained; zero epochs uses own weights as they are."""

    objective: str = param(
        "supervised",
        "Objective",
        "supervised trains a classifier on labels; moco, simclr and byol train an encoder without labels.",
        choices=lambda: OBJECTIVES,
    )
    epochs: int = param(10, "Epochs", "Passes over the training set.", low=0, high=10_000, unit="epochs")
    batch_size: int = param(128, "Batch size", "Images per step.", low=2, high=65_536, unit="images")
    optimizer: str = param("sgd", "Optimizer", "SGD with momentum, Adam or AdamW.", choices=("sgd", "adam", "adamw"))
    lr: float = param(0.1, "Learning rate", "Peak step size.", low=1e-7, high=10.0, log=True)
    momentum: float = param(0.9, "Momentum", "Momentum of SGD.", low=0.0, high=0.999, advanced=True)
    weight_decay: float = param(1e-4, "Weight decay", "L2 penalty.", low=0.0, high=1.0, log=True, advanced=True)
    schedule: str = param(
        "cosine", "Schedule", "Learning rate over time.", choices=("cosine", "one-cycle", "constant"), advanced=True
    )
    augment: str = param(
        "none",
        "Augmentation",
        "none, or random crop (4 px of 32 padded) with horizontal flip.",
        choices=("none", "crop", "crop-flip"),
    )
    temperature: float = param(
        0.0,
        "Temperature",
        "Divides the similarities of a self-supervised loss; 0 takes the objective's own (MoCo 0.1, SimCLR 0.5).",
        low=0.0,
        high=10.0,
        special="0 = the objective's",
        advanced=True,
    )
    queue: int = param(
        4096,
        "Queue length",
        "MoCo: embeddings of earlier images to contrast with, never more than training images.",
        low=16,
        high=1_048_576,
        unit="embeddings",
        advanced=True,
    )
    smallest_crop: float = param(
        0.2,
        "Smallest crop",
        "Smallest share of an image's area that a view of self-supervised training shows; larger crops make learning "
        "by heart quicker.",
        low=0.05,
        high=1.0,
        advanced=True,
    )
    key_momentum: float = param(
        0.99,
        "Key momentum",
        "MoCo and BYOL: share of the slow copy that stays in each step; BYOL raises it to 1 over the training.",
        low=0.0,
        high=1.0,
        advanced=True,
    )
    shards: int = param(
        1,
        "Shards",
        "Trains this many classifiers, each on a part of the training set, that answer together; 1 trains an ordinary "
        "model. Unlearned by SISA.",
        low=1,
        high=50,
        unit="shards",
        special="1 = an ordinary model",
        advanced=True,
    )
    slices: int = param(
        1,
        "Slices",
        "Shows each shard in this many growing parts, so that unlearning can go back to before a sample was seen.",
        low=1,
        high=20,
        unit="slices",
        special="1 = all at once",
        advanced=True,
    )
    seed: int = param(
        -1,
        "Training seed",
        "Seed of the base model; -1 follows the run's seed.",
        low=-1,
        high=2**31 - 1,
        special="-1 = the run's",
        advanced=True,
    )

    @property
    def sharded(self) -> bool:
        """Whether the model is trained in shards and slices; see `cu_core.learning.shards`."""
        return self.shards > 1 or self.slices > 1

    @property
    def members(self) -> int:
        """Classifiers of a model that is trained in shards; 0 for an ordinary model."""
        return self.shards if self.sharded else 0

    @property
    def stage_epochs(self) -> tuple[int, ...]:
        """Epochs of each stage of a shard; stage r sees slices 1 to r of R.

        2E/(R+1) on average (Bourtoule et al. 2021), so that a shard's samples are seen as often in all as E epochs
        would show them. Each stage is rounded to the whole number that brings the visits so far closest to that, and
        the last one has at least one epoch, because it alone sees every slice.
        """
        seen = 0.0
        found = []
        for stage in range(1, self.slices + 1):
            wanted = self.epochs * stage * (stage + 1) / (self.slices * (self.slices + 1))
            # Half an epoch counts as a whole one; what is too much now is taken from the next stage.
            epochs = max(0, math.floor((wanted - seen) * self.slices / stage + 0.5))
            found.append(epochs)
            seen += epochs * stage / self.slices
        found[-1] = max(found[-1], min(self.epochs, 1))
        return tuple(found)

    @property
    def work(self) -> int:
        """Epochs that a training reports: of all stages of all shards where there are such, each over its samples."""
        return self.shards * sum(self.stage_epochs) if self.sharded else self.epochs

    def content(self) -> dict[str, Any]:
        """All fields for hashes; of an ordinary model without shards and slices, as before there were any."""
        content = dataclasses.asdict(self)
        if not self.sharded:
            del content["shards"], content["slices"]
        return content


@dataclass(frozen=True)
class ForgetSpec:
    """Which training samples to unlearn."""

    select: str = param(
        "class:0",
        "Forget set",
        lambda: f"{_either(forms())}.",
    )
    seed: int = param(
        -1,
        "Selection seed",
        "Seed of random draws; -1 follows the run's seed.",
        low=-1,
        high=2**31 - 1,
        special="-1 = the run's",
    )


@dataclass(frozen=True)
class StopSpec:
    """When unlearning ends."""

    rule: str = param(
        "auto",
        "Stopping rule",
        lambda: " ".join(
            [f"{rule.id}: {rule.summary}" for rule in STOPPING_RULES.values()]
            + ["auto picks by forget set, and none for encoders."]
        ),
        choices=lambda: ("auto", *STOPPING_RULES),
    )
    protocol: str = param(
        "held-out",
        "Protocol",
        "held-out: the rule looks at other samples than the ones reported; paper: at all of them.",
        choices=("held-out", "paper"),
        paper="paper: rule on the reported test set",
    )
    max_rounds: int = param(
        0,
        "Most rounds",
        "Upper limit on rounds; 0 takes the method's default.",
        low=0,
        high=100_000,
        unit="rounds",
        special="0 = default",
    )
    collapse_drop: float = param(
        0.5,
        "Collapse guard",
        "Stop when retain accuracy has fallen by this much since round 0.",
        low=0.01,
        high=1.0,
        advanced=True,
    )


@dataclass(frozen=True)
class ProbeSpec:
    """Which samples are recorded each round, and what of them."""

    size: int = param(2000, "Probe size", "Samples recorded each round.", low=30, high=1_000_000, unit="samples")
    views_every: int = param(
        0,
        "Two-view cosine every",
        "Rounds between recordings of the two-view cosine (encoders: of all pairs of views, of two in every round); "
        "0 takes them as rarely as keeps recording within half of a round's work.",
        low=0,
        high=10_000,
        unit="rounds",
        special="0 = by itself",
        advanced=True,
    )
    tsne: bool = param(
        True,
        "t-SNE",
        "At the end, one t-SNE of the outputs over three rounds and the reference; takes seconds.",
        advanced=True,
    )
    seed: int = param(0, "Probe seed", "Seed of the draw.", low=0, high=2**31 - 1, advanced=True)


@dataclass(frozen=True)
class AuditSpec:
    """Which membership attacks are made on the finished run, and on how many samples."""

    attacks: str = param(
        "auto",
        "Membership attacks",
        "auto makes all that fit the model; none leaves them out.",
        choices=("auto", "none"),
    )
    size: int = param(
        2000,
        "Audit size",
        "Most forget samples, and as many unseen ones of the same classes.",
        low=20,
        high=100_000,
        unit="samples",
        advanced=True,
    )
    views: int = param(
        10,
        "Views",
        "Augmented views per sample for EncoderMI; n views give n(n-1)/2 similarities.",
        low=2,
        high=50,
        unit="views",
        paper="10 (Liu et al.)",
        advanced=True,
    )
    draws: int = param(
        500,
        "Bootstrap draws",
        "Redraws of the scored samples behind each 95 % interval.",
        low=20,
        high=10_000,
        unit="draws",
        advanced=True,
    )
    seed: int = param(0, "Audit seed", "Seed of draws, folds and views.", low=0, high=2**31 - 1, advanced=True)


@dataclass(frozen=True)
class MethodSpec:
    """Which unlearning method with which hyper-parameters (an instance of the record's dataclass)."""

    id: str = "contrastive"
    params: Any = None

    def __post_init__(self) -> None:
        if self.params is None:
            object.__setattr__(self, "params", method(self.id).params())


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
    name = re.sub(r"^[0-9a-f]{12}-", "", path.rstrip("/").rpartition("/")[2])
    return name if kind in DATASETS else f"{kind}:{name}"


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
        "auto uses mixed precision where the device gains from it.",
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
        advanced=True,
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
        """The run's name, or one made from its choices."""
        return (
            self.name
            or f"{short(self.data.dataset)} · {self.model.backbone} · {short(self.forget.select)} · {self.method.id}"
        )

    @property
    def train_seed(self) -> int:
        """Seed of the base model."""
        return self.seed if self.train.seed < 0 else self.train.seed

    @property
    def forget_seed(self) -> int:
        """Seed of random forget sets."""
        return self.seed if self.forget.seed < 0 else self.forget.seed

    @property
    def max_rounds(self) -> int:
        """Upper limit on rounds."""
        usual = method(self.method.id).rounds.get(self.task, 1)
        stands_for = {PER_EPOCH: max(self.train.epochs, 1), PER_SHARD: self.train.shards}
        return self.stop.max_rounds or stands_for.get(usual, usual)

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict with the schema version."""
        return {"schema": SCHEMA} | dataclasses.asdict(self)

    def content_hash(self) -> str:
        """SHA-256 over everything that decides the outcome (all but name and group)."""
        return content_hash(self.to_json())


def planned_epochs(spec: RunSpec) -> int:
    """Most epochs of training that a run may take: of base model, references and a method that trains anew.

    Models that are trained already are counted too, since nobody knows beforehand which are there. In shards every
    epoch of every stage of every shard counts, as progress tells them.
    """
    record = method(spec.method.id)
    anew = 0
    if record.needs_shards:
        anew = spec.train.work  # at most: every shard from its beginning
    elif record.starts_anew:
        anew = spec.max_rounds  # a round is an epoch
    return spec.train.work * (1 + spec.reference) + anew


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
    kept = {key: value for key, value in content.items() if key not in ("name", "group")}
    if kept.get("processes") == 1:
        # As before there could be several.
        del kept["processes"]
    return digest(kept)


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
