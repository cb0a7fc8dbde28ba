"""The command `sweep`: methods × hyper-parameters × forget sets × seeds, here or through the queue."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cu_core.analysis.sweeps.done import key_of, matching, missing
from cu_core.analysis.sweeps.made_on import unlike_most
from cu_core.analysis.sweeps.named import SWEEPS
from cu_core.analysis.sweeps.sweep import Expanded, Sweep, expand
from cu_core.analysis.sweeps.sweep_matrix import KEY_METRICS, SeedRuns, key_value, lines, tally
from cu_core.analysis.sweeps.sweep_store import recall, remember
from cu_core.analysis.tuning.own_setting import class_names
from cu_core.base.errors import BadInput
from cu_core.base.home import Home
from cu_core.base.parameters import describe
from cu_core.catalogue import grid
from cu_core.catalogue.method_record import METHODS
from cu_core.catalogue.named_recipes import NamedRecipe, recipe_named, refuse_where_tuned
from cu_core.catalogue.spec import RunSpec
from cu_core.cli.arguments import add_spec_arguments, read_on, read_spec
from cu_core.cli.completion import offer
from cu_core.cli.output import print_json, print_table
from cu_core.jobs import dispatcher, submission
from cu_core.jobs.acceptance import accepted

ALL = "all"
RunHere = Callable[[RunSpec], str]


def add_sweep_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of the command."""
    add = parser.add_argument
    offer(add("sweep", nargs="?", metavar="SWEEP", help=f"start from a ready-made sweep: {', '.join(SWEEPS)}"), SWEEPS)
    add_spec_arguments(parser)
    add("--methods", metavar="A,B", help=f"methods, each from its own recipe; {ALL} takes every one that fits")
    add("--seeds", metavar="S1,S2", help="seeds of the runs, e.g. 0-2; by default the base's own")
    add(
        "--vary",
        action="append",
        default=[],
        metavar="METHOD.NAME=V1,V2",
        help="values of one method's hyper-parameter; repeatable",
    )
    add("--group", help="name of the sweep; without any other choice, the stored sweep of that name")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--run", action="store_true", help="do the missing runs here, one after the other")
    how.add_argument("--submit", action="store_true", help="queue the missing runs")


def sweep(options: argparse.Namespace, home: Home, run_here: RunHere) -> int:
    """Shows a sweep, queues what is missing of it, or does that here.

    Args:
        options: parsed options of `add_sweep_arguments`.
        home: where runs live.
        run_here: does one run in the foreground and returns the state in which it ended.
    """
    wanted = read_sweep(options, home)
    expanded = expand(wanted)
    for recipe in _recipes(options, home):
        for spec in (spec for spec in expanded.runs if spec.method.id == recipe.method):
            refuse_where_tuned(recipe, spec, class_names(spec, home))
    found = matching(expanded.runs, home)
    todo = missing(expanded.runs, found)
    if not options.json:
        _tell(wanted, expanded, len(todo))
    ids: list[str] = []
    failed = False
    if options.run or options.submit:
        # All of them first: one that cannot run leaves none behind.
        todo = [accepted(spec, home) for spec in todo]
        remember(wanted, home.create())
    if options.submit:
        ids = [submission.submit(spec, home) for spec in todo]
        if ids and not dispatcher.dispatcher_alive(home):
            print("no dispatcher is at work; start one with: unlearnscope dispatch", file=sys.stderr)
    if options.run:
        for number, spec in enumerate(todo, 1):
            print(f"{number} of {len(todo)}: {spec.title}, seed {spec.seed}", file=sys.stderr)
            state = run_here(spec)
            failed = failed or state != "succeeded"
            if state == "cancelled":
                print("the sweep ends here; the same command goes on with what is missing", file=sys.stderr)
                break
    if options.run or options.submit:
        found = matching(expanded.runs, home)
    unlike = unlike_most(found.values(), home, wanted.name)
    if options.json:
        print_json(as_json(wanted, expanded, found, unlike) | {"queued": ids})
    else:
        print_lines(lines(expanded.runs, found))
        if foreign := sorted({f"{row.run_id} ({row.origin})" for row in found.values() if row.origin}):
            print(f"not made here, so machine and seed may both differ: {', '.join(foreign)}")
        for run_id, said in unlike.items():
            print(f"made otherwise than most: {run_id} ({'; '.join(said)})")
    return int(failed)


def read_sweep(options: argparse.Namespace, home: Home) -> Sweep:
    """The sweep that the options describe.

    Raises:
        BadInput: names the option and the allowed values.
    """
    named, recipes = _named(options), _recipes(options, home)
    if named is None and options.group and not _changed(options):
        stored = recall(home, options.group)
        if stored is None:
            raise BadInput("--group", f"no sweep named {options.group!r} was queued here; say what it consists of")
        return stored
    # Of a list of forget sets the first one stands for all where a single specification is read.
    forget = tuple(grid.parse_axis(options.forget)) if options.forget else ()
    single = argparse.Namespace(**vars(options) | {"forget": forget[0] if forget else None, "method_recipe": None})
    if named is None:
        base = read_spec(single, home)
        start = Sweep(base, (base.method.id,), (base.forget.select,), (base.seed,))
    else:
        base = read_on(single, home, named.base)
        start = dataclasses.replace(named, base=base)
        if options.method is not None:
            start = dataclasses.replace(start, methods=(base.method.id,))
        if options.seed is not None:
            start = dataclasses.replace(start, seeds=(base.seed,))
    _refuse_own_settings(options, base)
    chosen = _methods(options.methods) if options.methods else start.methods
    if recipes and not options.methods and named is None and options.method is None:
        chosen = tuple(recipe.method for recipe in recipes)
    swept = Sweep(
        base,
        chosen,
        forget or start.forget,
        tuple(_seed(text) for text in grid.parse_axis(options.seeds)) if options.seeds else start.seeds,
        _varied(options.vary, chosen),
        options.group or "",
        {recipe.method: recipe.values for recipe in recipes},
    )
    if named is None or options.group:
        return swept
    if dataclasses.replace(swept, group=named.group) == named:
        return named
    # Runs of the ready-made sweep and of a changed one are not to be taken for each other.
    return dataclasses.replace(swept, group=f"{named.group} {swept.name.rpartition(' ')[2]}")


def as_json(
    swept: Sweep, expanded: Expanded, found: dict[str, Any], unlike: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """A sweep and how far it is as one JSON object."""
    runs = []
    for spec in expanded.runs:
        row = found.get(key_of(spec))
        runs.append(
            {
                "run_id": row.run_id if row else None,
                "state": row.state if row else "missing",
                "origin": row.origin if row else "",
                "made_otherwise": list(unlike.get(row.run_id, ())) if row else [],
                "method": spec.method.id,
                "params": dataclasses.asdict(spec.method.params),
                "forget": spec.forget.select,
                "seed": spec.seed,
                "metrics": {name: key_value(row, name) if row else None for name in KEY_METRICS},
            }
        )
    return {
        "group": swept.name,
        "runs": runs,
        "states": tally(expanded.runs, found),
        "left_out": [dataclasses.asdict(left) for left in expanded.left_out],
    }


def print_lines(shown: list[SeedRuns]) -> None:
    """One line per method and forget set: how many seeds are done, and the key numbers."""
    rows = []
    for line in shown:
        numbers = []
        for metric in KEY_METRICS:
            mean, deviation = line.mean(metric)
            spread = "" if deviation is None else f" ± {deviation:.3f}"
            numbers.append("n/a" if mean is None else f"{mean:.3f}{spread}")
        rows.append([line.title, line.forget, f"{len(line.succeeded)}/{len(line.cells)}", *numbers])
    print_table(["method", "forget", "done", *KEY_METRICS], rows)


def _tell(swept: Sweep, expanded: Expanded, todo: int) -> None:
    total = len(expanded.runs)
    print(f"{swept.name}: {total} runs, {total - todo} done or on their way, {todo} missing")
    for left in expanded.left_out:
        print(f"left out: {left.method}, {left.forget}: {left.reason}")


def _named(options: argparse.Namespace) -> Sweep | None:
    if options.sweep is None:
        return None
    if options.preset or options.spec:
        raise BadInput("sweep", "a ready-made sweep has its own base; leave out --preset and --spec")
    return SWEEPS.named(options.sweep).sweep


def _recipes(options: argparse.Namespace, home: Home) -> list[NamedRecipe]:
    """The tuned recipes that methods start from, one of each at most."""
    names = grid.parse_axis(options.method_recipe) if options.method_recipe else []
    found = [recipe_named(home, name) for name in dict.fromkeys(names)]
    for recipe in found:
        if sum(other.method == recipe.method for other in found) > 1:
            raise BadInput("--method-recipe", f"names several recipes of {recipe.method}; a sweep starts from one")
    return found


def _changed(options: argparse.Namespace) -> bool:
    """Whether any option says what the sweep is."""
    names = (
        "preset",
        "spec",
        "dataset",
        "model",
        "objective",
        "recipe",
        "method",
        "method_recipe",
        "methods",
        "forget",
        "settings",
        "seed",
    )
    return any(getattr(options, name) for name in (*names, "seeds", "reference", "device", "processes", "vary"))


def _refuse_own_settings(options: argparse.Namespace, base: RunSpec) -> None:
    """A sweep's methods start from their recipes, so a hyper-parameter has to say whose it is."""
    own = {d.name for d in describe(type(base.method.params))}
    for setting in options.settings:
        part, _, name = setting.partition("=")[0].strip().rpartition(".")
        if part == "method" or (not part and name in own):
            raise BadInput("--set", f"{name!r} is a method's own setting", [f"--vary METHOD.{name}=VALUE"])


def _methods(text: str) -> tuple[str, ...]:
    if text.strip() == ALL:
        return ()
    chosen = tuple(dict.fromkeys(grid.parse_axis(text)))
    for method_id in chosen:
        if method_id not in METHODS:
            raise BadInput("--methods", f"no method named {method_id!r}", [ALL, *METHODS], given=method_id)
    return chosen


def _varied(texts: list[str], chosen: tuple[str, ...]) -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = {}
    for text in texts:
        name, equals, values = text.partition("=")
        method_id, dot, field = name.strip().partition(".")
        if not dot and len(chosen) == 1:
            method_id, field = chosen[0], name.strip()
        if not equals or not field:
            raise BadInput("--vary", f"{text!r} is not METHOD.NAME=V1,V2", ("contrastive.temperature=0.3,0.7",))
        found.setdefault(method_id, {})[field] = grid.parse_axis(values)
    return found


def _seed(text: str) -> int:
    if not (text.isdecimal() and len(text) < 19):
        raise BadInput("--seeds", f"{text!r} is not a whole number", ("0", "0-2", "0,3"))
    return int(text)
