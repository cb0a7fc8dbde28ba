"""A model unlearned elsewhere: rounds that are files with weights, shown like those of our own methods."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cu_core.base.parameters import param
from cu_core.catalogue.method_record import METHODS, PER_FILE, Method
from cu_core.catalogue.objective_record import KINDS
from cu_core.methods.context import Context


@dataclass(frozen=True)
class GivenParams:
    """The files, and what the method behind them is called."""

    rounds: tuple[str, ...] = param(
        (),
        "Rounds",
        "Files with weights in the order in which they were made; the last one is the unlearned model.",
    )
    label: str = param("", "Name of the method", "What unlearned them, for tables and pictures, e.g. SCRUB (theirs).")


METHOD = Method(
    id="given",
    title="A model unlearned elsewhere",
    summary="Shows weights that other code has unlearned: each file is a round, the last one the result.",
    paper="no paper: the files are the user's",
    params=GivenParams,
    implementation=lambda: unlearn,
    objectives=KINDS,
    needs_forget=False,
    retain_data="none",
    needs_labels=False,
    from_files=True,
    needs="A file with the model before unlearning (model.weights), and one or more with it afterwards.",
    fails="Nothing is known of what made the files: neither time, settings and samples drawn, nor whether the model "
    "before unlearning has seen the forget set at all. That is the user's word.",
    rounds={"class": PER_FILE, "sample": PER_FILE},
)
METHODS.add(METHOD)


def unlearn(context: Context, params: GivenParams) -> Iterator[dict[str, float]]:
    """One round puts the weights of one file into the model.

    Args:
        context: model, and what reads a file.
        params: the files.

    Yields:
        Nothing that is known of the method.
    """
    for number in context.rounds():
        context.check()
        context.load(params.rounds[number - 1])
        yield {}
