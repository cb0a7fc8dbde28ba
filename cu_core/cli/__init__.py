"""Command line of Unlearnscope. Exit codes: 0 done, 1 failed, 2 bad input."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Sequence

from cu_core.analysis.papers.paper_list import ALL_TABLES, SCALE_IDS
from cu_core.base.errors import BadInput, UnlearnscopeError, in_words
from cu_core.base.home import default_home, home_in_words
from cu_core.base.version import __version__
from cu_core.cli.arguments import add_spec_arguments
from cu_core.cli.audit_command import add_audit_arguments
from cu_core.cli.commands import COMMANDS
from cu_core.cli.compare_command import add_compare_arguments
from cu_core.cli.completion import SHELLS, offer, offer_found, run_ids
from cu_core.cli.deep_audit_command import add_deep_audit_arguments
from cu_core.cli.erasure_command import add_check_arguments, add_keygen_arguments, add_sign_arguments
from cu_core.cli.export_commands import (
    add_export_arguments,
    add_folder_arguments,
    add_import_arguments,
    add_log_arguments,
    add_samples_arguments,
    add_weights_arguments,
)
from cu_core.cli.launcher_options import add_launcher_arguments
from cu_core.cli.listing import RECIPES, REGISTRIES
from cu_core.cli.map_command import add_map_arguments
from cu_core.cli.output import Visible
from cu_core.cli.parser import Parser
from cu_core.cli.report_command import add_report_arguments
from cu_core.cli.site_command import add_site_arguments
from cu_core.cli.sweep_command import add_sweep_arguments
from cu_core.cli.tune_command import add_tune_arguments
from cu_core.cli.verdict_command import add_verdict_arguments
from cu_core.sharing.dashboard import USUAL_PORT

PROGRAM = "unlearnscope"


def main(words: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        words: the arguments; those of the process by default.

    Returns:
        The exit code.
    """
    options = build_parser().parse_args(words)
    with contextlib.redirect_stdout(Visible(sys.stdout)), contextlib.redirect_stderr(Visible(sys.stderr)):
        return _run(options)


def _run(options: argparse.Namespace) -> int:
    home = None
    try:
        home = default_home()
        return COMMANDS[options.command](options, home)
    except BadInput as error:
        print(f"bad input: {error}", file=sys.stderr)
        return 2
    except UnlearnscopeError as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Whoever reads has had enough, as in `... | head`; the rest of the output has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        print(f"failed: {home_in_words(error, home) if home else in_words(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 1


def build_parser() -> Parser:
    """The parser of all commands."""
    parser = Parser(prog=PROGRAM, description=__doc__, example="app\nrun --preset digit-5\nrun --help")
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, summary: str, example: str, *, run: bool = False, json: bool = False) -> Parser:
        added = commands.add_parser(name, help=summary, description=summary, example=f"{name} {example}".rstrip())
        if run:
            offer_found(added.add_argument("run_id", metavar="RUN", help="its id, as status lists it"), run_ids())
        if json:
            added.add_argument("--json", action="store_true", help="print JSON on stdout")
        return added

    app = command("app", "Start the dashboard.", "--port 8600")
    app.add_argument("--port", help=f"where it listens; by default PORT of the environment, or {USUAL_PORT}")
    app.add_argument("--headless", action="store_true", help="open no browser; HEADLESS=1 does the same")
    for name, summary, example in (
        ("run", "Run in the foreground, with a progress bar on stderr.", "--preset digit-5"),
        ("submit", "Put a run into the queue and print its id.", "--preset digit-5 --grid temperature=0.3,0.7"),
        (
            "estimate",
            "Time a few steps and say how long a run will take at most, and how much disk.",
            "--preset digit-5",
        ),
        ("prepare", "Read a dataset into the cache.", "--dataset digits"),
        (
            "check-weights",
            "Judge own weights: how right they are as they are read, and in the usual other ways.",
            "--dataset digits --set model.weights=own.pt",
        ),
    ):
        added = command(name, summary, example, json=True)
        add_spec_arguments(added)
        if name in ("submit", "run"):
            added.add_argument("--token", help="the same token never makes a second run")
        if name == "submit":
            added.add_argument("--grid", action="append", default=[], metavar="NAME=V1,V2", help="one run per value")
    add_audit_arguments(
        command(
            "audit",
            "Look at a model that was unlearned elsewhere: its files become the rounds of an ordinary run.",
            "--dataset digits --model tiny-cnn --forget class:5 --before base.pt --after unlearned.pt",
            json=True,
        )
    )
    add_deep_audit_arguments(
        command(
            "deep-audit",
            "Attack a run with shadow models that are trained and unlearned as its own was.",
            "RUN --shadows 64",
            run=True,
            json=True,
        )
    )
    add_sweep_arguments(
        command(
            "sweep",
            "Queue or do the missing runs of a sweep, and show how far it is.",
            "all-methods-digits --seeds 0 --run",
            json=True,
        )
    )
    add_tune_arguments(
        command(
            "tune",
            "Try hyper-parameters of methods on samples and a seed of their own, and keep the best as a recipe.",
            "scrub --preset digit-5 --trials 20",
            json=True,
        )
    )
    add_report_arguments(
        command(
            "report",
            "Write runs side by side into one HTML file that opens offline, or the erasure record of one run.",
            "--group all-methods-digits --out digits.html\nreport RUN --erasure record --sign erasure.key",
            json=True,
        )
    )
    add_keygen_arguments(command("keygen", "Make a pair of keys that sign erasure records.", "erasure.key"))
    add_sign_arguments(command("sign-report", "Sign an erasure record.", "record.html --key erasure.key"))
    add_check_arguments(
        command(
            "verify-report",
            "Check an erasure record, and say what was changed.",
            "record.html --key erasure.key.pub",
            json=True,
        )
    )
    dispatch = command("dispatch", "Work off the queue until stopped.", "--drain")
    dispatch.add_argument("--drain", action="store_true", help="end when nothing is queued or running")
    add_launcher_arguments(dispatch)
    command("status", "List all runs.", "--json", json=True)
    command("cancel", "Stop a run.", "RUN", run=True, json=True)
    resume = command(
        "resume",
        "Go on with a run that was cancelled, failed or lost, in the foreground.",
        "RUN",
        run=True,
        json=True,
    )
    resume.add_argument("--queue", action="store_true", help="leave it to the dispatcher instead")
    command("show", "Show one run.", "RUN --json", run=True, json=True)
    command("delete", "Move a run to the bin.", "RUN", run=True)
    command("restore", "Take a run out of the bin.", "RUN", run=True)
    add_export_arguments(command("export", "Write a run directory into a zip file.", "RUN run.zip", run=True))
    add_import_arguments(command("import", "Take an exported run into this home.", "run.zip", json=True))
    add_weights_arguments(
        command(
            "weights",
            "Write the weights of one of a run's models as safetensors.",
            "RUN --of round:3 weights.safetensors",
            run=True,
            json=True,
        )
    )
    add_samples_arguments(
        command(
            "samples",
            "Write the recorded samples over rounds as Parquet, for Embedding Atlas.",
            "RUN samples.parquet",
            run=True,
            json=True,
        )
    )
    add_folder_arguments(
        command("projector", "Write a folder for TensorBoard's projector.", "RUN projector", run=True, json=True)
    )
    add_folder_arguments(
        command(
            "hub", "Write the unlearned model and its card as a Hugging Face folder.", "RUN hub", run=True, json=True
        )
    )
    add_site_arguments(command("export-site", "Write runs as static pages that open from disk.", "RUN site", json=True))
    add_log_arguments(
        command("log", "Write a run into MLflow or trackio.", "RUN --to mlflow --at sqlite:///mlflow.db", run=True)
    )
    add_verdict_arguments(
        command(
            "verdict",
            "Make the verdict on a finished run anew: can it be told from models that never saw the data?",
            "RUN --references 8",
            run=True,
            json=True,
        )
    )
    verify = command("verify", "Check a run's files against their checksums.", "RUN --mend", run=True, json=True)
    verify.add_argument("--mend", action="store_true", help="derive or queue again what is damaged, as far as possible")
    command("reindex", "Rebuild the index from the run directories.", "")
    tables = command("paper", "Show a published table beside finished runs.", "C1 --scale laptop", json=True)
    offer(tables.add_argument("table", metavar="TABLE", help=f"one of {', '.join(ALL_TABLES)}"), ALL_TABLES)
    tables.add_argument("--scale", choices=SCALE_IDS, help="at which size; by default those that have runs")
    add_compare_arguments(
        command(
            "compare",
            "Show runs side by side, with their distance to retraining.",
            "--group all-methods-digits",
            json=True,
        )
    )
    add_map_arguments(
        command(
            "map",
            "Draw the embeddings of all rounds of a run on one map.",
            "RUN --projection aligned-umap --axes 3",
            json=True,
        )
    )
    listing = command("list", "List what there is to choose from.", "methods", json=True)
    listing.add_argument("what", choices=(*REGISTRIES, RECIPES), help="of which there is a list")
    shell = command("completion", "Print a script that lets a shell complete commands, options and names.", "bash")
    shell.add_argument("shell", choices=SHELLS, help="that reads the script")
    shell.set_defaults(parser=parser)
    worker = commands.add_parser("worker", description="Internal: does one attempt for the dispatcher.")
    worker.add_argument("run_id")
    worker.add_argument("--attempt", type=int, required=True)
    return parser
