"""The verb ``map``: computes projections of embeddings over rounds."""

from __future__ import annotations

import argparse
import importlib
import sys

from cu_core.base.errors import BadInput
from cu_core.base.home import Home
from cu_core.catalogue.projection_record import PROJECTIONS
from cu_core.cli.completion import offer, offer_found, run_ids
from cu_core.cli.output import print_json
from cu_core.projections.map_request import MapRequest
from cu_core.projections.map_store import read_picture_manifest


def add_map_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of ``map``."""
    add = parser.add_argument
    offer_found(add("run_id", metavar="RUN", nargs="?", help="the run whose rounds to draw"), run_ids())
    offer_found(add("--beside", metavar="RUN", default="", help="a second run on the same axes"), run_ids())
    projections = f"one of {', '.join(PROJECTIONS)}; default %(default)s"
    offer(add("--projection", default="reference-map", help=projections), PROJECTIONS)
    add("--axes", type=int, default=2, metavar="N", help="2 or 3; default %(default)s")
    add("--seed", type=int, default=0, help="seed of the layout; default %(default)s")
    add("--remove-motion", action="store_true", help="take out what a common rotation explains")
    add("--refit", action="store_true", help="fit anew on all rounds instead of placing new ones")
    add("--serve", action="store_true", help="work off what pages ask for, until nothing more comes")


def draw_map(options: argparse.Namespace, home: Home) -> int:
    """Draws one picture, or works off what pages have asked for."""
    if options.serve:
        importlib.import_module("cu_core.projections.serve").serve(home)
        return 0
    if not options.run_id:
        raise BadInput("run", "no run is named", ("RUN", "--serve"))
    request = MapRequest(
        options.run_id, options.beside, options.projection, options.axes, options.remove_motion, options.seed
    )

    def tell(message: str) -> None:
        print(message, file=sys.stderr)

    importlib.import_module("cu_core.projections.draw").draw(home, request, refit=options.refit, tell=tell)
    manifest = read_picture_manifest(request.folder(home)) or {}
    if options.json:
        print_json(manifest)
        return 0
    numbers = manifest.get("fidelity", {})
    for name in ("trustworthiness", "continuity", "displacement_rank_correlation", "unmoved_motion"):
        value = numbers.get(name)
        print(f"{name}: {'not defined' if value is None else format(value, '.3f')}")
    print(f"seconds: {manifest.get('seconds', 0):.1f}")
    return 0
