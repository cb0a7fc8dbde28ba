"""The record of an unlearning method, and its registry."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from cu_core.base.errors import BadInput
from cu_core.base.registry import Registry, imported

# Default numbers of rounds that stand for another number.
PER_EPOCH = 0
PER_SHARD = -1
PER_FILE = -2
PER_HALF = -3
RETAIN_DATA = ("none", "part", "all")
RETAINED = {"none": "no retain samples", "part": "a fixed part of the retain samples", "all": "all retain samples"}

Unlearn = Callable[..., Iterator[dict[str, float]]]
"""A method's generator: from context and hyper-parameters to its own numbers after each round."""


def by_one_process(params: Any) -> bool:
    """A method's steps are not divided."""
    return False


def by_all_processes(params: Any) -> bool:
    """A method's steps are divided, whatever its hyper-parameters."""
    return True


def any_network(network: Any) -> str | None:
    """A method asks nothing of the network."""
    return None


@dataclass(frozen=True)
class Method:
    """One unlearning method.

    Attributes:
        id: lower_snake name used on the command line and in run files.
        title: name shown to people.
        summary: one sentence.
        paper: source with equation numbers.
        params: frozen dataclass of hyper-parameters (see `cu_core.base.parameters`).
        implementation: gives the generator ``unlearn(context, params)``. It is asked where a run is executed, so the
            record can stand above the generator: ``lambda: unlearn``. A plug-in that keeps both apart may name it:
            ``"module:function"``.
        tasks: which forgetting tasks it is defined for: ``"class"``, ``"sample"``.
        objectives: which training objectives it can unlearn from.
        needs_forget: whether it reads forget samples.
        retain_data: which retain samples it may read, of `RETAIN_DATA`: ``"none"``; ``"part"``, a fixed part of them
            drawn once, as large as its hyper-parameter ``retain_share`` says; or ``"all"``. It is handed no others.
        needs_unseen: whether it reads samples outside the training set.
        needs_labels: whether it reads labels.
        needs_earlier: whether it begins from the base model's weights as many epochs before the end of its training
            as it has rounds (`cu_core.methods.context.Context.earlier`).
        needs_shards: whether it unlearns models that were trained in shards; all others cannot.
        one_shot: whether it has no natural rounds.
        starts_anew: whether it begins by throwing away what the model, or a part of it, has learned. Neither a stopping
            rule nor the guard against collapse can say anything of such a model before it is finished.
        from_files: whether its rounds are files with weights that were made elsewhere (``params.rounds``). What they
            took is not known then, nothing ends the run before the last of them, and the base model is a file, too.
        needs: what has to be there, in words.
        fails: where it fails or misleads, in words.
        why_not_network: why the method cannot unlearn from a network of this architecture, in words that follow its
            title; None if it can. It is asked before the training, with an untrained network.
        divided: whether the method's steps can be divided over processes, given its hyper-parameters: they run through
            the whole network in training mode and end in ``Tensor.backward``. The steps of others are taken by one
            process, which is always right.
        rounds: default number of rounds per task; `PER_EPOCH` stands for as many as the original training had epochs,
            `PER_HALF` for half of these, `PER_SHARD` for as many as it had shards, `PER_FILE` for as many as it names
            files.
    """

    id: str
    title: str
    summary: str
    paper: str
    params: type
    implementation: Callable[[], Unlearn] | str
    tasks: tuple[str, ...] = ("class", "sample")
    objectives: tuple[str, ...] = ("supervised",)
    needs_forget: bool = True
    retain_data: str = "all"
    needs_unseen: bool = False
    needs_labels: bool = True
    needs_earlier: bool = False
    needs_shards: bool = False
    one_shot: bool = False
    starts_anew: bool = False
    from_files: bool = False
    needs: str = ""
    fails: str = ""
    why_not_network: Callable[[Any], str | None] = any_network
    divided: Callable[[Any], bool] = by_one_process
    rounds: Mapping[str, int] = field(default_factory=lambda: {"class": 10, "sample": 30})

    def __new__(cls, *args: Any, **named: Any) -> Method:
        """Says of the keyword that plug-ins of earlier versions used what has taken its place."""
        if "needs_retain" in named:
            raise BadInput(
                "method", "needs_retain says too little now; say retain_data instead, True was all", RETAIN_DATA
            )
        return super().__new__(cls)

    def __post_init__(self) -> None:
        if self.retain_data not in RETAIN_DATA:
            raise BadInput("method", f"{self.id}: retain_data is {self.retain_data!r}", RETAIN_DATA)
        if self.retain_data == "part" and "retain_share" not in {f.name for f in fields(self.params)}:
            raise BadInput("method", f"{self.id}: a method that reads a part needs a hyper-parameter retain_share")

    @property
    def needs_retain(self) -> bool:
        """Whether it reads retain samples."""
        return self.retain_data != "none"

    @property
    def reads(self) -> str:
        """What it reads, in words."""
        kinds = (
            ("forget samples", self.needs_forget),
            (RETAINED[self.retain_data], True),
            ("unseen samples", self.needs_unseen),
            ("labels", self.needs_labels),
            ("earlier weights", self.needs_earlier),
            ("shards", self.needs_shards),
            ("the user's files", self.from_files),
        )
        return ", ".join(name for name, needed in kinds if needed)

    @property
    def unguarded(self) -> bool:
        """Whether neither a stopping rule nor the guard against collapse ends it."""
        return self.starts_anew or self.from_files

    def unlearn(self, context: Any, params: Any) -> Iterator[dict[str, float]]:
        """The method's rounds on a `cu_core.methods.context.Context`."""
        made = self.implementation
        generator: Unlearn = imported(made) if isinstance(made, str) else made()
        return generator(context, params)


METHODS: Registry[Method] = Registry("method", Method, group="unlearnscope.methods")


def methods_here() -> dict[str, Method]:
    """The methods that unlearn here, by id; rounds that are files have a door of their own."""
    return {name: record for name, record in METHODS.items() if not record.from_files}


def retain_words(method_ids: Iterable[str]) -> str:
    """Which retain samples methods may read, in a sentence; "" where none of them is known here."""
    known = [METHODS[name] for name in dict.fromkeys(method_ids) if name in METHODS]
    groups = {said: [m.title for m in known if m.retain_data == kind] for kind, said in RETAINED.items()}
    parts = [f"{said}: {', '.join(titles)}" for said, titles in groups.items() if titles]
    return f"May read {'; '.join(parts)}." if parts else ""


def method(method_id: str) -> Method:
    """The method of that id.

    Raises:
        BadInput: no such method; names the known ones.
    """
    return METHODS.named(method_id)
