"""The command that judges own weights, and what other commands say of them."""

from __future__ import annotations

import argparse
import importlib
import sys
from typing import Any

from cu_core.base.errors import BadInput
from cu_core.base.home import Home
from cu_core.catalogue.spec import RunSpec
from cu_core.cli.arguments import read_spec
from cu_core.cli.output import print_json
from cu_core.data.prepared import open_prepared
from cu_core.jobs.progress_bar import ProgressBar


def check_weights(options: argparse.Namespace, home: Home) -> int:
    """Judges own weights on retained and unseen samples, as they are read and in the usual other ways."""
    spec = read_spec(options, home)
    if not spec.takes_own_weights:
        raise BadInput("model.weights", "names no file with own weights that are taken as they are, to be judged")
    home.create()
    bar = ProgressBar()

    def report(done: int, total: int, message: str) -> None:
        bar.event({"phase": "prepare", "done": done, "total": total, "message": message})

    found = _judge(spec, home, report)
    bar.close()
    if options.json:
        print_json(found)
    else:
        print("\n".join(_sentences(found)))
    return 0


def say_own_weights(spec: RunSpec, home: Home) -> dict[str, Any] | None:
    """What is to be said of a run's own weights on stderr, where its dataset is prepared; returns what was found."""
    if not spec.takes_own_weights or open_prepared(spec.data, home) is None:
        return None
    found = _judge(spec, home, lambda *_: None)
    print("\n".join(f"note: {sentence}" for sentence in _sentences(found)), file=sys.stderr)
    return found


def _judge(spec: RunSpec, home: Home, report: Any) -> dict[str, Any]:
    found: dict[str, Any] = importlib.import_module("cu_core.engine.weight_check").check_weights(spec, home, report)
    return found


def _sentences(found: dict[str, Any]) -> list[str]:
    said = [f"Read: {found['read']}.", found["words"], *filter(None, [found["forget_words"]])]
    if best := found["best"]:
        chosen = found["chosen"]
        names = [name for name in ("normalisation", "class_order") if best[name] != chosen[name]]
        said.append(f"To read them so: {' '.join(f'--set model.{name}={best[name]}' for name in names)}")
    return said
