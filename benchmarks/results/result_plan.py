"""Which models are trained and which runs are made for the results, in an order that is useful wherever it stops."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from cu_core.analysis.papers.paper_runs import row_specs
from cu_core.analysis.papers.scales import SCALES
from cu_core.analysis.papers.tables_wang_chen import TABLES
from cu_core.analysis.sweeps.sweep import LeftOut, Sweep, expand
from cu_core.catalogue.method_record import methods_here
from cu_core.catalogue.recipes import recipe
from cu_core.catalogue.spec import RunSpec, digest
from cu_core.catalogue.spec_parts import DataSpec, ForgetSpec, ModelSpec
from cu_core.catalogue.spec_recording import AuditSpec, ProbeSpec, StopSpec

METHODS, LARGER, ENCODERS = PARTS = ("methods", "larger", "encoders")
CORE = ("contrastive", "gradient_penalty")
"""The methods that this project is about; run on the larger network whatever their place."""
BEST = 5
TABLE_IDS = ("III", "IV", "V", "VI")
GROUP = "results"

Place = tuple[str, str, str, int]
"""Network, forget set, method and seed of a run."""


@dataclass(frozen=True)
class Study:
    """What the results rest on.

    Attributes:
        dataset: of the methods and, where it is CIFAR-10, of the encoders.
        model: network of the methods.
        larger: network on which the best ones are repeated.
        tasks: forget sets.
        seeds: of the runs.
        forget_seed: of drawn forget sets, the same for all seeds of a run: so they share their references.
        rounds: most rounds of a method.
        references: retrained models beside each run, with seeds from the run's own on.
        cap: processor minutes that the rounds of a run may take, with what is recorded of them.
        methods: ids; empty for all that fit.
        train: changes to the training recipe, by field.
        scale: of the encoders' tables, as `cu_core.analysis.papers.scales.SCALES` names it.
        precision: as in `RunSpec.precision`; ``"auto"`` is decided once in a home, whatever else the machine does.
    """

    dataset: str
    model: str = "airbench-s"
    larger: str = "airbench-m"
    tasks: tuple[str, ...] = ("class:5", "random:500", "fraction:0.1")
    seeds: tuple[int, ...] = (0, 1, 2)
    forget_seed: int = 0
    rounds: int = 3
    references: int = 5
    cap: float = 15.0
    methods: tuple[str, ...] = ()
    train: dict[str, Any] = field(default_factory=dict)
    scale: str = "airbench"
    precision: str = "auto"

    def to_json(self) -> dict[str, Any]:
        """As kept beside the runs and with their numbers."""
        return dataclasses.asdict(self)


def study_from_json(content: dict[str, Any]) -> Study:
    """Reads what `Study.to_json` wrote."""
    listed = {name: tuple(content[name]) for name in ("tasks", "seeds", "methods")}
    return Study(**content | listed)


@dataclass(frozen=True)
class Step:
    """One thing to do.

    Attributes:
        part: of `PARTS`.
        spec: of the run.
        trains: None for the run itself; else the seed of a model that it needs, which is trained alone.
        retrained: whether that model is a reference.
    """

    part: str
    spec: RunSpec
    trains: int | None = None
    retrained: bool = False

    @property
    def key(self) -> str:
        """The same for steps that make the same thing."""
        if self.trains is None:
            return self.spec.content_hash()
        forget = (self.spec.forget.select, self.spec.forget_seed) if self.retrained else None
        parts = (vars(self.spec.data), vars(self.spec.model), self.spec.train.content(), forget, self.trains)
        return digest(parts)

    @property
    def name(self) -> str:
        """In a few words."""
        where = f"{self.spec.model.backbone} {self.spec.train.objective}"
        if self.trains is None:
            return f"{where} {self.spec.method.id} {self.spec.forget.select} seed {self.spec.seed}"
        kind = f"reference without {self.spec.forget.select}" if self.retrained else "base"
        return f"{where} {kind} seed {self.trains}"


def method_specs(study: Study, model: str, ids: Sequence[str] = ()) -> tuple[list[RunSpec], list[LeftOut]]:
    """The runs of the methods on a network: seed by seed, task by task.

    Training anew is no method here: it is what the others are compared with.

    Args:
        study: what to run.
        model: backbone.
        ids: of methods; empty for those of the study.

    Returns:
        The runs, and the methods that do not go together with a task, with the reason.
    """
    train = dataclasses.replace(recipe(study.dataset, model), **study.train)
    base = RunSpec(
        data=DataSpec(study.dataset),
        model=ModelSpec(model, head="plain"),
        train=train,
        forget=ForgetSpec(seed=study.forget_seed),
        stop=StopSpec(max_rounds=study.rounds),
        probe=ProbeSpec(tsne=False, keep_weights_mb=0),
        # Attacks on losses need no more samples for an interval of a point or two, and take half of a run otherwise.
        audit=AuditSpec(views=2, size=1000, draws=200),
        reference=study.references,
        device="cpu",
        precision=study.precision,
    )
    chosen = tuple(ids or study.methods or [name for name in methods_here() if name != "retrain"])
    found: list[RunSpec] = []
    left_out: dict[tuple[str, str], LeftOut] = {}
    for seed in study.seeds:
        for task in study.tasks:
            expanded = expand(Sweep(base, chosen, (task,), (seed,), group=f"{GROUP} {model}"))
            found += expanded.runs
            left_out |= {(left.method, left.forget): left for left in expanded.left_out}
    return found, list(left_out.values())


def encoder_specs(study: Study) -> dict[str, list[RunSpec]]:
    """The runs of each of the tables `TABLE_IDS`, by its id: all rows of a seed before the next seed."""
    scale = SCALES[study.scale]
    found: dict[str, list[RunSpec]] = {}
    for name in TABLE_IDS:
        for seed in study.seeds:
            for spec in row_specs(TABLES[name], scale):
                data = spec.data if study.dataset == "digits" else dataclasses.replace(spec.data, dataset=study.dataset)
                found.setdefault(name, []).append(
                    dataclasses.replace(
                        spec,
                        data=data,
                        forget=dataclasses.replace(spec.forget, seed=study.forget_seed),
                        probe=ProbeSpec(tsne=False, keep_weights_mb=0),
                        seed=seed,
                        name="",
                        group=f"{GROUP} encoders",
                        device="cpu",
                        precision=study.precision,
                    )
                )
    return found


def place_of(spec: RunSpec) -> Place:
    """Where a run stands in the tables: network, forget set, method, seed."""
    return spec.model.backbone, spec.forget.select, spec.method.id, spec.seed


def steps(study: Study, part: str, best: Sequence[str] = (), known: Collection[Place] = ()) -> list[Step]:
    """What a part consists of, in the order in which it is done.

    Args:
        study: what to run.
        part: of `PARTS`.
        best: methods for the larger network.
        known: runs of methods whose numbers are kept already, and for which no model is trained.
    """
    if part == ENCODERS:
        # A table's rows begin with those that need a model of their own.
        specs = [spec for table in encoder_specs(study).values() for spec in table]
        specs.sort(key=lambda spec: study.seeds.index(spec.seed))
    elif part == LARGER:
        specs, _ = method_specs(study, study.larger, best) if best else ([], [])
    else:
        specs, _ = method_specs(study, study.model)
    if part != ENCODERS:
        specs = [spec for spec in specs if place_of(spec) not in known]
    found: dict[str, Step] = {}
    for seed in study.seeds:
        of_seed = [spec for spec in specs if spec.seed == seed]
        # The models first: while one process trains the first, another trains the next.
        wanted = [step for spec in of_seed for step in _models(part, spec)] + [Step(part, spec) for spec in of_seed]
        for step in wanted:
            found.setdefault(step.key, step)
    return list(found.values())


def _models(part: str, spec: RunSpec) -> list[Step]:
    seeds = range(spec.train_seed, spec.train_seed + spec.reference)
    return [Step(part, spec, spec.train_seed), *(Step(part, spec, seed, retrained=True) for seed in seeds)]
