"""The command `tune`: trials of hyper-parameters, here or through the queue, and the recipes that come of them."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Callable, Sequence
from typing import Any

from cu_core.analysis.tuning.own_setting import REFERENCES, SEED, class_names
from cu_core.analysis.tuning.trial_results import Trial, best_of, spent_seconds, trials_of, waiting
from cu_core.analysis.tuning.tuned_record import recipe_of
from cu_core.analysis.tuning.tuning_plan import TRIALS, Tuning, begun, drawn, fitting_methods, remember_tuning
from cu_core.base.errors import BadInput
from cu_core.base.home import Home
from cu_core.base.parameters import describe
from cu_core.catalogue.method_record import method, methods_here
from cu_core.catalogue.named_recipes import NamedRecipe, keep_recipe
from cu_core.catalogue.search_space import axes_of
from cu_core.catalogue.spec import RunSpec
from cu_core.cli.arguments import add_spec_arguments, read_spec
from cu_core.cli.completion import offer
from cu_core.cli.output import print_json, print_table
from cu_core.jobs import dispatcher, submission
from cu_core.jobs.acceptance import accepted

ALL = "all"
RunHere = Callable[[RunSpec, str | None], str]
"""Does a run here, or goes on with that of an id; returns the state in which it ended."""


def add_tune_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of the command."""
    add = parser.add_argument
    what = f"methods, one after the other; {ALL} takes every one that fits and has something to tune"
    offer(add("methods", nargs="+", metavar="METHOD", help=what), (ALL, *methods_here()))
    add_spec_arguments(parser)
    add("--trials", help=f"of each method, the first with the values that it starts from; default {TRIALS}")
    add("--minutes", help="of each method: no trial begins after so many minutes of trials; by default no limit")
    on = "forget set of the trials; by default another draw, or the next classes, of what --forget names"
    add("--on", metavar="FORGET", help=on)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--submit", action="store_true", help="queue the trials instead of making them here")
    how.add_argument("--show", action="store_true", help="only show what would be done, and what is there")


def tune(options: argparse.Namespace, home: Home, run_here: RunHere) -> int:
    """Makes the missing trials of each method and keeps a recipe of each that is over.

    Args:
        options: parsed options of `add_tune_arguments`.
        home: where runs live.
        run_here: does one run in the foreground.
    """
    tunings, left_out = read_tunings(options, home)
    told: list[dict[str, Any]] = []
    failed = False
    for tuning in tunings:
        trials = trials_of(tuning, home)
        if not options.json:
            _tell(tuning, trials)
        stopped, recipe = False, None
        if not options.show:
            for spec in tuning.specs:
                accepted(spec, home)
            remember_tuning(tuning, home.create())
        if options.submit:
            _queue(tuning, trials, home)
        elif not options.show:
            stopped = _make(tuning, home, run_here)
        trials = trials_of(tuning, home)
        if not options.show and not waiting(tuning, trials):
            recipe, failed = _kept(tuning, trials, home, failed)
        if options.json:
            told.append(_as_json(tuning, trials, recipe))
        else:
            print_trials(tuning, trials)
            _tell_recipe(recipe)
        if stopped:
            print("tuning ends here; the same command goes on where it was", file=sys.stderr)
            failed = True
            break
    if options.json:
        print_json({"tunings": told, "left_out": left_out})
    elif left_out:
        print("\n".join(f"left out: {name}: {reason}" for name, reason in left_out.items()))
    if options.submit and not dispatcher.dispatcher_alive(home):
        print("no dispatcher is at work; start one with: unlearnscope dispatch", file=sys.stderr)
    return int(failed)


def read_tunings(options: argparse.Namespace, home: Home) -> tuple[list[Tuning], dict[str, str]]:
    """The tunings that the options describe, and the methods that were left out of all, with the reason.

    Raises:
        BadInput: names the option and the allowed values.
    """
    if options.method is not None or options.method_recipe is not None:
        raise BadInput("--method", "the methods that are tuned are named without an option", ("tune METHOD",))
    # The seed is that of tuning; what is reported keeps its own.
    single = argparse.Namespace(**vars(options) | {"seed": None, "name": None})
    reported = read_spec(single, home)
    everything = ALL in options.methods
    wanted = list(dict.fromkeys(methods_here() if everything else options.methods))
    reasons: dict[str, str | None] = dict.fromkeys(wanted)
    # Of methods that were named, the first that does not fit ends it, with the field that is in the way.
    if everything:
        reasons = fitting_methods(reported, wanted)
        for name in wanted:
            reasons[name] = reasons[name] or (None if axes_of(method(name)) else "it has nothing to tune")
    chosen = [name for name in wanted if reasons[name] is None]
    own: dict[str, Any] = {
        "seed": SEED if options.seed is None else _whole("--seed", options.seed, 0),
        "forget": options.on or "",
        "references": REFERENCES if options.reference is None else _whole("--reference", options.reference, 1),
        "classes": class_names(reported, home),
    }
    trials = TRIALS if options.trials is None else _whole("--trials", options.trials, 1)
    minutes = 0.0 if options.minutes is None else _number("--minutes", options.minutes)
    tunings = [
        begun(reported, name, trials=trials, minutes=minutes, name=_named(options.name, name, chosen), **own)
        for name in chosen
    ]
    return [drawn(tuning, home) for tuning in tunings], {name: reason for name, reason in reasons.items() if reason}


def print_trials(tuning: Tuning, trials: Sequence[Trial]) -> None:
    """One line per trial that was begun: values that were drawn, its distance, and what that consists of."""
    names = [axis.name for axis in axes_of(method(tuning.method))]
    parts = next((list(t.judged.gap.parts) for t in trials if t.judged is not None and t.judged.gap is not None), [])
    best = best_of(trials)
    rows = []
    for trial in trials:
        if trial.row is None:
            continue
        gap = trial.judged.gap if trial.judged is not None else None
        rows.append(
            [
                f"{trial.number}{' *' if trial is best else ''}",
                *(f"{v:g}" if isinstance(v := trial.values[name], float) else v for name in names),
                "" if trial.distance is None else f"{trial.distance:.4f}",
                *("" if gap is None else f"{gap.parts[part]:.3f}" for part in parts),
                "" if trial.judged is None else f"{trial.judged.seconds:.1f}",
                trial.state if trial.state != "succeeded" else trial.judged.stopped_by if trial.judged else "",
                trial.reason,
            ]
        )
    if rows:
        print_table(["trial", *names, "distance", *parts, "s", "ended by", ""], rows)


def _make(tuning: Tuning, home: Home, run_here: RunHere) -> bool:
    """Makes the trials that are missing, one after the other; whether somebody stopped it."""
    while todo := waiting(tuning, trials := trials_of(tuning, home)):
        # One that is at work elsewhere is not taken away from there.
        mine = [trial for trial in todo if trial.state not in ("running", "starting")]
        if not mine:
            print(f"{len(todo)} trials are at work elsewhere", file=sys.stderr)
            return True
        trial = mine[0]
        spec = tuning.spec(trial.values)
        left = f", {spent_seconds(trials) / 60:.1f} of {tuning.minutes:g} minutes" if tuning.minutes else ""
        print(f"{tuning.method}, trial {trial.number} of {len(trials)}{left}", file=sys.stderr)
        state = run_here(spec, trial.row.run_id if trial.row is not None else None)
        if state not in ("succeeded", "failed"):
            return True
        if state == "failed" and not trials_of(tuning, home)[trial.number - 1].ended:
            return True  # the machine, not the values: another one would fail alike
    return False


def _queue(tuning: Tuning, trials: Sequence[Trial], home: Home) -> None:
    for trial in waiting(tuning, trials):
        if trial.row is None:
            submission.submit(tuning.spec(trial.values), home)
        elif trial.state in ("failed", "cancelled", "lost"):
            submission.resume(home, trial.row.run_id)


def _kept(tuning: Tuning, trials: Sequence[Trial], home: Home, failed: bool) -> tuple[NamedRecipe | None, bool]:
    try:
        recipe = recipe_of(tuning, trials)
    except BadInput as error:
        print(f"no recipe: {error.reason}", file=sys.stderr)
        return None, True
    keep_recipe(recipe, home)
    return recipe, failed


def _tell(tuning: Tuning, trials: Sequence[Trial]) -> None:
    base, reported = tuning.base, tuning.reported
    ended = sum(trial.ended for trial in trials)
    print(f"{tuning.name}: {len(trials)} trials, {ended} over")
    print(
        f"tuned on {base.forget.select}, seed {base.seed}, beside {base.reference} references"
        f"{f', images drawn with seed {base.data.split_seed}' if base.data != reported.data else ''}; "
        f"kept for results: {reported.forget.select}, seed {reported.seed}, and every other seed"
    )
    for axis in axes_of(method(tuning.method)):
        print(f"  {axis.name}: {axis.words}")
    if len(trials) < tuning.trials:
        print(f"  these ranges hold no more than {len(trials)} trials")


def _tell_recipe(recipe: NamedRecipe | None) -> None:
    if recipe is None:
        return
    usual = vars(method(recipe.method).params())
    labels = [d.name for d in describe(method(recipe.method).params)]
    changed = ", ".join(f"{name}={recipe.values[name]}" for name in labels if recipe.values[name] != usual[name])
    print(f"recipe {recipe.name}: {changed or 'the defaults of the record'}")
    print(recipe.summary)
    if among := recipe.distance["among_references"]:
        print(f"retrained models are {min(among):.3f} to {max(among):.3f} from each other")


def _as_json(tuning: Tuning, trials: Sequence[Trial], recipe: NamedRecipe | None) -> dict[str, Any]:
    return {
        "name": tuning.name,
        "method": tuning.method,
        "group": tuning.group,
        "tuned_on": {"forget": tuning.base.forget.select, "seed": tuning.base.seed},
        "trials": [
            {
                "number": trial.number,
                "values": dict(trial.values),
                "state": trial.state,
                "run_id": trial.row.run_id if trial.row is not None else None,
                "distance": trial.distance,
            }
            for trial in trials
        ],
        "recipe": None if recipe is None else dataclasses.asdict(recipe),
    }


def _named(name: str | None, method_id: str, chosen: Sequence[str]) -> str:
    if name is None:
        return ""
    return name if len(chosen) == 1 else f"{name}-{method_id}"


def _whole(option: str, text: str, low: int) -> int:
    if not (text.isdecimal() and len(text) < 10 and int(text) >= low):
        raise BadInput(option, f"{text!r} is no whole number of {low} or more")
    return int(text)


def _number(option: str, text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 < found < 1e6:
        raise BadInput(option, f"{text!r} is no number of minutes above 0")
    return found
