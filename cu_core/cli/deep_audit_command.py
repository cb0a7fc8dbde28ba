"""The verb ``deep-audit``: a run once more, with shadow models that are unlearned as it was."""

from __future__ import annotations

import argparse

from cu_core.base.errors import BadInput
from cu_core.base.home import Home
from cu_core.catalogue.deep_audit import FEWEST_SHADOWS, USUAL_SHADOWS, deep_audit_of
from cu_core.catalogue.spec import RunSpec
from cu_core.runstore.reader import open_run


def add_deep_audit_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of ``deep-audit``."""
    add = parser.add_argument
    shadows = f"how many shadow models, {FEWEST_SHADOWS} or more; default %(default)s"
    add("--shadows", default=str(USUAL_SHADOWS), metavar="N", help=shadows)
    spread = "queue J runs that share the shadow models and end alike; default %(default)s"
    add("--spread", default="1", metavar="J", help=spread)
    add("--token", help="the same token never makes a second run")
    add("--queue", action="store_true", help="leave it to the dispatcher, and print its id")


def deep_audits(options: argparse.Namespace, home: Home) -> list[RunSpec]:
    """The runs that the options of ``deep-audit`` ask for.

    Raises:
        BadInput: no such run, one that cannot be audited so, or a number that is none.
    """
    spec = open_run(home, options.run_id).spec
    return deep_audit_of(spec, options.run_id, _whole("--shadows", options.shadows), _whole("--spread", options.spread))


def _whole(option: str, text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 5:
        raise BadInput(option, f"{text[:40]!r} is no such number", ("1 to 99999",))
    return int(text)
