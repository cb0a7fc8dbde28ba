"""The commands. Those that compute import their heavy parts only when they are called for."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import importlib
import sys
from collections.abc import Callable, Sequence

from cu_core.analysis.papers import table_text
from cu_core.analysis.papers.filled_table import fill, finished_runs
from cu_core.analysis.papers.paper_list import ALL_TABLES, scales_of, table_named, usual_scale
from cu_core.analysis.tuning.own_setting import class_names
from cu_core.base.errors import BadInput, UnlearnscopeError
from cu_core.base.home import Home
from cu_core.catalogue import grid
from cu_core.catalogue.named_recipes import recipe_cautions, recipe_named, recipes_of
from cu_core.catalogue.selections import parse_selection
from cu_core.catalogue.spec import RunSpec
from cu_core.cli import erasure_command, export_commands
from cu_core.cli.arguments import read_spec, read_specs
from cu_core.cli.audit_command import audit_of
from cu_core.cli.compare_command import compare
from cu_core.cli.completion import completion
from cu_core.cli.deep_audit_command import deep_audits
from cu_core.cli.listing import RECIPES, REGISTRIES, catalogue
from cu_core.cli.map_command import draw_map
from cu_core.cli.output import print_json, print_result, print_table
from cu_core.cli.report_command import report
from cu_core.cli.site_command import export_site
from cu_core.cli.sweep_command import sweep
from cu_core.cli.tune_command import tune
from cu_core.cli.verdict_command import verdict
from cu_core.cli.weights_command import check_weights, say_own_weights
from cu_core.data.copies import copies_in_words
from cu_core.data.forget import copies_of
from cu_core.engine.base_knowledge import known_base
from cu_core.engine.control_knowledge import before_launch
from cu_core.engine.estimate import estimate
from cu_core.jobs import dispatcher, foreground, submission
from cu_core.jobs.acceptance import accepted
from cu_core.jobs.cluster import read_settings
from cu_core.jobs.progress_bar import ProgressBar, drawn_progress
from cu_core.runstore import index, reader
from cu_core.runstore.mend import mend
from cu_core.runstore.verify import verify
from cu_core.sharing.dashboard import start_dashboard

Command = Callable[[argparse.Namespace, Home], int]


def app(options: argparse.Namespace, home: Home) -> int:
    """Starts the dashboard."""
    return start_dashboard(home, options.port, headless=options.headless)


def run(options: argparse.Namespace, home: Home) -> int:
    """Runs a new run in the foreground; those of a preset of several one after the other."""
    specs = read_specs(options, home)
    _say_recipe(options, specs, home)
    if len(specs) == 1:
        return _run(specs[0], options.token, home, options.json)[1]
    # One that cannot be made is told before hours have gone into the others.
    specs = [accepted(spec, home) for spec in specs]
    worst = 0
    for n, spec in enumerate(specs):
        state, code = _run(spec, options.token and f"{options.token}/{n}", home, options.json)
        worst = max(worst, code)
        if state == "cancelled":
            _note(f"{len(specs) - n - 1} of {len(specs)} runs were not begun")
            break
    return worst


def audit(options: argparse.Namespace, home: Home) -> int:
    """Looks at a model that was unlearned elsewhere, in the foreground or in the queue."""
    spec = audit_of(options, home)
    if options.queue:
        return _queue([spec], [options.token], home, options.json)
    return _run(spec, options.token, home, options.json)[1]


def deep_audit(options: argparse.Namespace, home: Home) -> int:
    """Makes a run once more with shadow models, in the foreground or, over several runs, in the queue."""
    specs = deep_audits(options, home)
    if options.queue or len(specs) > 1:
        tokens = [options.token and f"{options.token}/{n}" for n in range(len(specs))]
        return _queue(specs, tokens, home, options.json)
    return _run(specs[0], options.token, home, options.json)[1]


def _run(spec: RunSpec, token: str | None, home: Home, as_json: bool) -> tuple[str, int]:
    """Does a run; returns how it ended, and the exit code for that."""
    _say_bases([spec], home)
    with drawn_progress() as show:
        run_id, state = foreground.run_here(spec, home, token=token, show=show, tell=_note)
    return state, _tell(reader.open_run(home, run_id), state, as_json)


def resume(options: argparse.Namespace, home: Home) -> int:
    """Goes on with a run, here or in the queue."""
    if options.queue:
        submission.resume(home, options.run_id)
        if options.json:
            print_json({"run_id": options.run_id, "state": "queued", "error": None})
        else:
            print(options.run_id)
        return 0
    with drawn_progress() as show:
        state = foreground.resume_here(home, options.run_id, show=show, tell=_note)
    return _tell(reader.open_run(home, options.run_id), state, options.json)


def _say_recipe(options: argparse.Namespace, specs: list[RunSpec], home: Home) -> None:
    """What should be known of a tuned recipe that was named, on stderr."""
    if options.method_recipe is not None:
        recipe = recipe_named(home, options.method_recipe)
        for words in dict.fromkeys(
            words for spec in specs for words in recipe_cautions(recipe, spec, class_names(spec, home))
        ):
            _note(f"note: {words}")


def _say_beforehand(specs: list[RunSpec], home: Home) -> None:
    """What can be said of the verdict before runs start, on stderr."""
    for words in before_launch(specs, home):
        _note(f"note: {words}")


def _note(text: str) -> None:
    print(text, file=sys.stderr)


def _say_bases(specs: Sequence[RunSpec], home: Home) -> None:
    """Says before a run what an earlier one with the same base model has found out about it."""
    found = []
    for spec in specs:
        with contextlib.suppress(UnlearnscopeError):
            found.append(None if spec.takes_own_weights else known_base(spec, home))
    for words in dict.fromkeys(filter(None, found)):
        _note(f"note: an earlier run with the same model found: {words}")


def sweep_command(options: argparse.Namespace, home: Home) -> int:
    """Shows a sweep and works off what is missing of it."""

    def run_here(spec: RunSpec) -> str:
        with drawn_progress() as show:
            run_id, state = foreground.run_here(spec, home, show=show, tell=_note)
        if state != "succeeded":
            error = reader.open_run(home, run_id).error or {}
            print(f"{run_id} {state}: {error.get('message', 'no reason recorded')}", file=sys.stderr)
        return state

    return sweep(options, home, run_here)


def tune_command(options: argparse.Namespace, home: Home) -> int:
    """Tunes methods, and keeps a recipe of each."""

    def run_here(spec: RunSpec, known: str | None) -> str:
        with drawn_progress() as show:
            if known is None:
                return foreground.run_here(spec, home, show=show)[1]
            return foreground.resume_here(home, known, show=show)

    return tune(options, home, run_here)


def _tell(view: reader.RunView, state: str, as_json: bool) -> int:
    """Prints how a run ended, and gives the exit code for that."""
    result = view.result()
    if state == "succeeded" and result is not None:
        if as_json:
            print_json(result)
        else:
            print_result(result)
        return 0
    error = view.error or {}
    if as_json:
        print_json({"run_id": view.run_id, "state": state, "error": view.error})
    if state == "cancelled":
        print(f"cancelled; go on with: unlearnscope resume {view.run_id}", file=sys.stderr)
        return 1
    if state in ("queued", "running"):
        return 1
    print(f"{state}: {foreground.in_words(error)}", file=sys.stderr)
    return 2 if error.get("kind") == "bad-input" else 1


def submit(options: argparse.Namespace, home: Home) -> int:
    """Queues one run, those of a preset of several, or one per point of a grid on top of them."""
    bases = read_specs(options, home)
    _say_recipe(options, bases, home)
    axes = {}
    for text in options.grid:
        name, equals, values = text.partition("=")
        if not equals:
            raise BadInput("--grid", f"{text!r} is not NAME=V1,V2", ("temperature=0.1,0.7", "seed=0-4"))
        axes[name.strip()] = grid.parse_axis(values)
    specs = [spec for base in bases for spec in (grid.expand(base, axes) if axes else [base])]
    several = axes or len(specs) > 1
    tokens = [f"{options.token}/{n}" if options.token and several else options.token for n in range(len(specs))]
    return _queue(specs, tokens, home, options.json)


def _queue(specs: list[RunSpec], tokens: list[str | None], home: Home, as_json: bool) -> int:
    """Queues runs and prints their ids, and whether somebody is there to do them."""
    # All of them first: one that cannot run leaves none behind.
    specs = [accepted(spec, home) for spec in specs]
    _say_bases(specs, home)
    _say_beforehand(specs, home)
    ids = [submission.submit(spec, home, token=token) for spec, token in zip(specs, tokens, strict=True)]
    if as_json:
        print_json({"run_ids": ids} | ({"run_id": ids[0]} if len(ids) == 1 else {}))
    else:
        print("\n".join(ids))
    if not dispatcher.dispatcher_alive(home):
        print("no dispatcher is at work; start one with: unlearnscope dispatch", file=sys.stderr)
    elif words := dispatcher.dispatcher_words(home):
        print(f"the dispatcher waits: {words}", file=sys.stderr)
    return 0


def dispatch(options: argparse.Namespace, home: Home) -> int:
    """Works off the queue."""
    return dispatcher.serve(home, drain=options.drain, settings=read_settings(vars(options)))


def worker(options: argparse.Namespace, home: Home) -> int:
    """Does one attempt for the dispatcher."""
    code: int = importlib.import_module("cu_core.jobs.worker").main(home, options.run_id, options.attempt)
    return code


def status(options: argparse.Namespace, home: Home) -> int:
    """Lists all runs."""
    rows = reader.list_runs(home)
    if options.json:
        print_json([dataclasses.asdict(row) for row in rows])
        return 0
    print_table(
        ("run", "state", "phase", "rounds", "title"),
        [(r.run_id, r.state, r.phase, r.rounds, r.marked_title) for r in rows],
    )
    return 0


def cancel(options: argparse.Namespace, home: Home) -> int:
    """Asks a run to stop."""
    state = submission.cancel(home, options.run_id)
    if options.json:
        print_json({"run_id": options.run_id, "state": state})
    else:
        print(state)
    return 0


def show(options: argparse.Namespace, home: Home) -> int:
    """Shows one run."""
    view = reader.open_run(home, options.run_id)
    result = view.result()
    if options.json:
        content = {"run_id": options.run_id, "state": view.state, "error": view.error, "spec": view.spec.to_json()}
        rounds = [{"round": k} | view.manifest(k)["metrics"] for k in view.rounds()]
        print_json(content | {"rounds": rounds, "result": result})
    elif result is not None:
        print_result(result)
    else:
        row = view.row()
        print(f"run {row.run_id}: {row.state} {row.phase or ''}".rstrip())
        if view.error:
            print(foreground.in_words(view.error))
    return 0


def delete(options: argparse.Namespace, home: Home) -> int:
    """Moves a run to the bin."""
    submission.delete(home, options.run_id)
    print(f"{options.run_id} is in the bin; take it back with: unlearnscope restore {options.run_id}")
    return 0


def restore(options: argparse.Namespace, home: Home) -> int:
    """Takes a run out of the bin."""
    submission.restore(home, options.run_id)
    print(options.run_id)
    return 0


def check(options: argparse.Namespace, home: Home) -> int:
    """Checks a run against its checksums, mends it where asked to, and tells what is left."""
    done = mend(home, options.run_id) if options.mend else []
    if done:
        print("\n".join(f"mended: {one}" for one in done), file=sys.stderr if options.json else sys.stdout)
    problems = verify(home, options.run_id)
    if options.json:
        print_json([dataclasses.asdict(problem) for problem in problems])
    else:
        print(
            "\n".join(str(problem) for problem in problems) or f"{options.run_id}: all files are as they were written"
        )
    return 1 if problems else 0


def reindex(options: argparse.Namespace, home: Home) -> int:
    """Rebuilds the index."""
    print(f"{index.reindex(home)} runs indexed")
    return 0


def prepare(options: argparse.Namespace, home: Home) -> int:
    """Reads a dataset into the cache, and works out what its forget set needs beyond it."""
    spec = read_spec(options, home)
    home.create()
    bar = ProgressBar()

    def report(done: int, total: int, message: str) -> None:
        bar.event({"phase": "prepare", "done": done, "total": total, "message": message})
        if options.json:
            print_json({"done": done, "total": total, "message": message})

    data = importlib.import_module("cu_core.data.prepared").prepare(spec.data, home, report)
    summary = {
        "train": len(data.train_labels),
        "test": len(data.test_labels),
        "classes": list(data.classes),
        "shape": list(data.train_images.shape[1:]),
        "mislabelled": len(data.mislabelled),
    }
    if work_out := parse_selection(spec.forget.select).record.prepare:
        summary |= work_out(data, home.scores, report)
    # Of a forget set that nobody named nothing is asked.
    copies = copies_of(spec, home) if options.forget is not None else None
    bar.close()
    found = data.findings
    if options.json:
        summary |= {"findings": found.to_json()} if found else {}
        print_json(summary | ({"copies": copies_in_words(copies)} if copies else {}))
    else:
        print(", ".join(f"{name}: {value}" for name, value in summary.items()))
        for words in (*(found.lines(data.classes) if found else ()), *(copies_in_words(copies) if copies else ())):
            print(words)
    return 0


def estimate_run(options: argparse.Namespace, home: Home) -> int:
    """Says what a run will take, timing a few steps if nobody has."""
    spec = accepted(read_spec(options, home), home)
    found = estimate(spec, home)
    if found.seconds is None:
        found = estimate(spec, home, importlib.import_module("cu_core.engine.speed").measure_speed(spec, home))
    own_weights = say_own_weights(spec, home)
    _say_bases([spec], home)
    _say_beforehand([spec], home)
    if options.json:
        print_json(dataclasses.asdict(found) | ({"own_weights": own_weights} if own_weights else {}))
    else:
        seconds = "unknown (prepare the dataset first)" if found.seconds is None else f"at most {found.seconds:.0f} s"
        print(f"{seconds}, {found.disk / 1e6:.1f} MB; from {found.source or 'nothing measured'}")
    return 0


def paper(options: argparse.Namespace, home: Home) -> int:
    """Shows published tables beside finished runs, one scale at a time."""
    table = table_named(options.table)
    if table is None:
        raise BadInput("table", f"no table named {options.table!r}", ALL_TABLES, given=options.table)
    scales = scales_of(table)
    if options.scale not in (None, *scales):
        raise BadInput("--scale", f"Table {table.id} is not filled at {options.scale!r}", scales)
    runs = finished_runs(home, table, scales.values())
    filled = [fill(table, scale, runs) for scale in scales.values() if options.scale in (None, scale.id)]
    if options.scale is None:
        # Without a wish: what has runs, or else what a laptop can fill.
        usual = usual_scale(table)
        filled = [f for f in filled if any(row.runs for row in f.rows)] or [f for f in filled if f.scale is usual]
    if options.json:
        print_json([table_text.as_json(f) for f in filled])
        return 0
    for number, f in enumerate(filled):
        print("\n" * bool(number) + f"{f.title}\n{f.table.source}")
        print_table(*table_text.lines(f))
        for note in table_text.facts(f):
            print(note)
    return 0


def list_entries(options: argparse.Namespace, home: Home) -> int:
    """Lists one registry, or the recipes of the home."""
    if options.what == RECIPES:
        return _list_recipes(home, options.json)
    registry = REGISTRIES[options.what]
    broken = [{"id": name, "broken": reason} for name, reason in registry.broken.items()]
    if options.json:
        print_json([*catalogue(options.what), *broken])
        return 0
    if options.what == "methods":
        # Which retain samples a method may read decides whether it can be taken at all.
        print_table(
            ("id", "title", "retain", "summary"), [(e.id, e.title, e.retain_data, e.summary) for e in registry.values()]
        )
    else:
        print_table(("id", "title", "summary"), [(e.id, e.title, e.summary) for e in registry.values()])
    for plug_in in broken:
        print(f"plug-in {plug_in['id']} is broken: {plug_in['broken']}")
    return 0


def _list_recipes(home: Home, as_json: bool) -> int:
    recipes = recipes_of(home).values()
    if as_json:
        print_json([{"id": r.id, "title": r.title, "summary": r.summary} | dataclasses.asdict(r) for r in recipes])
    else:
        print_table(("id", "title", "summary"), [(r.id, r.title, r.summary) for r in recipes])
    return 0


COMMANDS: dict[str, Command] = {
    "app": app,
    "run": run,
    "audit": audit,
    "deep-audit": deep_audit,
    "submit": submit,
    "sweep": sweep_command,
    "tune": tune_command,
    "report": report,
    "keygen": erasure_command.keygen,
    "sign-report": erasure_command.sign_report,
    "verify-report": erasure_command.verify_report,
    "dispatch": dispatch,
    "worker": worker,
    "status": status,
    "cancel": cancel,
    "resume": resume,
    "show": show,
    "delete": delete,
    "restore": restore,
    "export": export_commands.export,
    "import": export_commands.import_zip,
    "weights": export_commands.weights,
    "samples": export_commands.samples,
    "projector": export_commands.projector,
    "hub": export_commands.hub,
    "export-site": export_site,
    "log": export_commands.log,
    "verdict": verdict,
    "verify": check,
    "reindex": reindex,
    "prepare": prepare,
    "estimate": estimate_run,
    "check-weights": check_weights,
    "paper": paper,
    "compare": compare,
    "map": draw_map,
    "list": list_entries,
    "completion": completion,
}
