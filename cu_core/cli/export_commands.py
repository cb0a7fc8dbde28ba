"""The verbs that take things out of a run, and runs in: weights, samples, projector, hub, log, export, import."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path
from typing import Any

from cu_core.base.home import Home
from cu_core.base.named_path import named_path
from cu_core.cli.completion import FILES, FOLDERS, offer, offer_found
from cu_core.cli.output import print_json
from cu_core.cli.overwrite import add_force, target
from cu_core.runstore.export import export_run
from cu_core.runstore.import_run import import_run
from cu_core.runstore.reader import open_run

TRACKERS = ("mlflow", "trackio")
OF_FORMS = ("before", "after", "round:N", "reference:SEED")


def add_weights_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds which model's weights are written, and where to."""
    of = f"which model's: {', '.join(OF_FORMS)}; default %(default)s"
    offer(parser.add_argument("--of", metavar="MODEL", default="after", help=of), OF_FORMS[:2])
    _file(parser, "file", "FILE", "a name that ends in .safetensors")


def add_samples_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds which rows and columns the table has, and where it is written."""
    parser.add_argument("--round", type=int, metavar="N", help="one round alone; by default all, and the references")
    parser.add_argument("--no-images", action="store_true", help="leave the images out")
    _file(parser, "file", "FILE", "a name that ends in .parquet")


def add_folder_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the folder that is written."""
    _file(parser, "folder", "FOLDER", "the folder; a name that ends in .zip makes one file of it")


def add_log_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds which tracker is told, and where it keeps that."""
    add = parser.add_argument
    offer(add("--to", required=True, choices=TRACKERS, help="which tracker; both are optional packages"), TRACKERS)
    at = "mlflow: a tracking address, by default sqlite:///mlflow.db; trackio: a folder, by default its own"
    add("--at", metavar="WHERE", default="", help=at)
    add_force(parser, "replace what the tracker knows of this run already")


def add_export_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the zip that is written."""
    _file(parser, "file", "FILE", "the zip file")


def add_import_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the zip that is read."""
    offer_found(parser.add_argument("file", metavar="FILE", help="a zip file that export has written"), FILES)


def _file(parser: argparse.ArgumentParser, name: str, metavar: str, words: str) -> None:
    offer_found(parser.add_argument(name, metavar=metavar, help=words), FOLDERS if metavar == "FOLDER" else FILES)
    add_force(parser)


def weights(options: argparse.Namespace, home: Home) -> int:
    """Writes the weights of one of a run's models."""
    view = open_run(home, options.run_id)
    file = target(options.file, options.force)
    export = _later("weights_export")
    found = export.export_weights(home, view, export.which_model(options.of), file)
    told = {"file": options.file, "bytes": file.stat().st_size, "tensors": len(found.state)} | found.told
    if options.json:
        print_json(told)
        return 0
    lacking = (
        "" if "classes" in told else "; the dataset is not prepared here, so classes and normalisation are not in it"
    )
    print(f"{_written(options.file, file)}: {options.of} of {view.run_id}{lacking}")
    return 0


def samples(options: argparse.Namespace, home: Home) -> int:
    """Writes the recorded samples over rounds."""
    view = open_run(home, options.run_id)
    file = target(options.file, options.force)
    images = not options.no_images
    found = _later("sample_table").write_samples(home, view, file, only=options.round, images=images)
    if options.json:
        print_json({"file": options.file, "bytes": file.stat().st_size} | vars(found))
        return 0
    print(f"{_written(options.file, file)}: {found.rows:,} rows, {found.moments} rounds and references")
    print(f"x and y: {found.picture}")
    if images and not found.images:
        print("no images: the dataset is not prepared on this machine")
    shown = "--x x --y y" + " --neighbors neighbors" * found.neighbours + " --image image" * found.images
    print(f"open it with: embedding-atlas {options.file} {shown}")
    return 0


def projector(options: argparse.Namespace, home: Home) -> int:
    """Writes a folder for TensorBoard's projector."""
    view = open_run(home, options.run_id)
    folder = target(options.folder, options.force, "folder")
    size, moments, images = _later("projector_folder").write_projector(home, view, folder)
    if options.json:
        print_json({"folder": options.folder, "bytes": size, "moments": moments, "images": images})
        return 0
    print(f"{options.folder}: {size / 1e6:.1f} MB, {moments} rounds and references")
    if not images:
        print("no images: the dataset is not prepared on this machine")
    print(f"open it with: tensorboard --logdir {options.folder}")
    return 0


def hub(options: argparse.Namespace, home: Home) -> int:
    """Writes the unlearned model as a folder for the Hugging Face hub."""
    view = open_run(home, options.run_id)
    folder = target(options.folder, options.force, "folder")
    size, loadable = _later("hub_folder").write_hub_folder(home, view, folder)
    if options.json:
        print_json({"folder": options.folder, "bytes": size, "loadable": loadable})
        return 0
    print(f"{options.folder}: {size / 1e6:.1f} MB. Nothing was sent anywhere; choose a licence in README.md first.")
    if not loadable:
        print("the dataset is not prepared on this machine, so config.json lacks classes and normalisation")
    return 0


def log(options: argparse.Namespace, home: Home) -> int:
    """Writes a run into a tracker of experiments."""
    view = open_run(home, options.run_id)
    print(_later("tracking").log_run(view, options.to, options.at, replace=options.force))
    return 0


def export(options: argparse.Namespace, home: Home) -> int:
    """Writes a run into a zip file."""
    open_run(home, options.run_id)
    file = target(options.file, options.force)
    export_run(home, options.run_id, file)
    print(_written(options.file, file))
    return 0


def import_zip(options: argparse.Namespace, home: Home) -> int:
    """Takes an exported run into this home."""
    found = import_run(home, named_path(options.file, "file"))
    if options.json:
        print_json(vars(found))
        return 0
    print(found.run_id)
    for note in found.notes:
        print(note, file=sys.stderr)
    return 0


def _later(module: str) -> Any:
    """A module that loads torch, scikit-learn or a tracker, or takes its time."""
    return importlib.import_module(f"cu_core.analysis.exports.{module}")


def _written(name: str, file: Path) -> str:
    return f"{name}: {file.stat().st_size / 1e6:.1f} MB"
