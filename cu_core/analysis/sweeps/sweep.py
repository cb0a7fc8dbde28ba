"""The specification of a sweep, and its expansion into ordinary runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cu_core.base.errors import BadInput, Incompatible
from cu_core.base.parameters import parse
from cu_core.catalogue import compatibility, grid
from cu_core.catalogue.method_record import method, methods_here
from cu_core.catalogue.recipes import unlearning_recipe
from cu_core.catalogue.selections import parse_selection
from cu_core.catalogue.spec import MethodSpec, RunSpec, digest, spec_from_json

Varied = Mapping[str, Mapping[str, Sequence[str]]]


@dataclass(frozen=True)
class Sweep:
    """Methods × hyper-parameters × forget sets × seeds on one base.

    Attributes:
        base: images, network, training, references and everything else that the runs share.
        methods: method ids; empty stands for all that there are.
        forget: forget sets, as in ``forget.select``.
        seeds: of the runs.
        varied: method id to hyper-parameter to its values as text; the others start from the method's recipe.
        group: shared by the runs; made from the content if empty.
        recipes: method id to hyper-parameters that it starts from instead of its own recipe, such as tuned ones.
    """

    base: RunSpec
    methods: tuple[str, ...] = ()
    forget: tuple[str, ...] = ("class:0",)
    seeds: tuple[int, ...] = (0,)
    varied: Varied = field(default_factory=dict)
    group: str = ""
    recipes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown = set(self.varied) - set(self.ids)
        if unknown:
            raise BadInput(
                "vary",
                f"{', '.join(sorted(unknown))} is not among the methods of this sweep",
                self.ids,
                given=min(unknown),
            )
        if not self.forget or not self.seeds:
            raise BadInput("forget" if not self.forget else "seeds", "give at least one value")

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the methods, each once."""
        return tuple(dict.fromkeys(self.methods or methods_here()))

    @property
    def name(self) -> str:
        """The group of the runs."""
        if self.group:
            return self.group
        content = self.to_json() | {"group": "", "methods": list(self.ids)}
        return f"sweep {digest(content)[:6]}"

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict."""
        return {
            "base": self.base.to_json(),
            "methods": list(self.methods),
            "forget": list(self.forget),
            "seeds": list(self.seeds),
            "varied": {name: {p: list(values) for p, values in axes.items()} for name, axes in self.varied.items()},
            "group": self.group,
            # Names that were made from the content stay what they were.
            **({"recipes": {name: dict(values) for name, values in self.recipes.items()}} if self.recipes else {}),
        }


def sweep_from_json(content: Any) -> Sweep:
    """Reads what `Sweep.to_json` wrote.

    Raises:
        BadInput: it is no such thing.
    """
    try:
        return Sweep(
            spec_from_json(content["base"]),
            tuple(map(str, content["methods"])),
            tuple(map(str, content["forget"])),
            tuple(map(int, content["seeds"])),
            {str(name): {str(p): list(map(str, v)) for p, v in a.items()} for name, a in content["varied"].items()},
            str(content["group"]),
            {str(name): dict(values) for name, values in content.get("recipes", {}).items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadInput("sweep", f"is not a stored sweep: {error}") from error


@dataclass(frozen=True)
class LeftOut:
    """A method and a forget set that do not go together on the sweep's base.

    Attributes:
        method: id.
        forget: the forget set.
        reason: why not, in words.
    """

    method: str
    forget: str
    reason: str


@dataclass(frozen=True)
class Expanded:
    """A sweep's runs.

    Attributes:
        runs: specifications in the order methods, forget sets, hyper-parameters, seeds; no two are the same.
        left_out: what cannot run, with the reason.
    """

    runs: tuple[RunSpec, ...]
    left_out: tuple[LeftOut, ...]


def expand(sweep: Sweep, *, limit: int = grid.MOST_RUNS) -> Expanded:
    """The runs of a sweep, all in its group.

    Args:
        sweep: what to expand.
        limit: most runs.

    Raises:
        BadInput: a name or value that does not exist or is out of range, or more runs than `limit`.
    """
    seeds = [str(seed) for seed in sweep.seeds]
    starts, left_out = [], []
    wanted = 0
    for method_id in sweep.ids:
        axes = {f"method.{name}": list(values) for name, values in sweep.varied.get(method_id, {}).items()}
        for forget in sweep.forget:
            start = _start(sweep, method_id, forget)
            try:
                compatibility.check(start)
            except Incompatible as error:
                left_out.append(LeftOut(method_id, forget, error.reason))
                continue
            starts.append((start, axes | {"seed": seeds}))
            wanted += grid.count(start, starts[-1][1])
    if wanted > limit:
        raise BadInput("sweep", f"these values make {wanted:,} runs", (f"at most {limit:,} runs",))
    found = {spec.content_hash(): spec for start, axes in starts for spec in grid.expand(start, axes)}
    return Expanded(tuple(found.values()), tuple(left_out))


def fitting(base: RunSpec, forget: Sequence[str]) -> list[str]:
    """Ids of the methods that can do at least one of these forget sets on this base."""
    runs = expand(Sweep(base, forget=tuple(forget))).runs
    return list(dict.fromkeys(run.method.id for run in runs))


def _start(sweep: Sweep, method_id: str, forget: str) -> RunSpec:
    """One method on one forget set, with the method's recipe; the name is left to the choices."""
    base = dataclasses.replace(sweep.base, forget=dataclasses.replace(sweep.base.forget, select=forget), name="")
    params = unlearning_recipe(
        method(method_id).id,
        base.data.dataset,
        base.model.backbone,
        parse_selection(forget).task,
        base.train.objective,
    )
    if (tuned := sweep.recipes.get(method_id)) is not None:
        params = parse(method(method_id).params, tuned, "method.")
    if method(method_id).starts_anew:
        # A limit on rounds is meant for methods that go on from the trained model; these would end half trained.
        base = dataclasses.replace(base, stop=dataclasses.replace(base.stop, max_rounds=0))
    return dataclasses.replace(base, method=MethodSpec(method_id, params), group=sweep.name)
