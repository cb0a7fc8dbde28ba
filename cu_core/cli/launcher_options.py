"""Options of ``dispatch`` that say where runs work."""

from __future__ import annotations

import argparse

from cu_core.cli.completion import FILES, FOLDERS, offer_found
from cu_core.jobs.cluster import CLUSTER_SLOTS, LAUNCHERS


def add_launcher_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options; each has an environment variable for a dispatcher that the dashboard starts."""
    add = parser.add_argument
    add("--launcher", choices=LAUNCHERS, help="this machine (the default), a Ray cluster or a Slurm cluster")
    add("--address", metavar="URL", help="of the Ray head, e.g. http://head:8265")
    python = add("--python", metavar="PATH", help="the Python on the nodes; by default at the same path as here")
    offer_found(python, FILES)
    project = "folder of the project on the nodes; by default the same path as here"
    offer_found(add("--project", metavar="PATH", help=project), FOLDERS)
    add("--slots", metavar="N", help=f"how many runs are handed to the cluster at once; default {CLUSTER_SLOTS}")
    add("--gpus", metavar="N", help="GPUs of a run; by default 1 where the cluster has any")
    add("--cpus", metavar="N", help="cores of a run; default 1")
    add(
        "--sbatch",
        action="append",
        metavar="NAME=VALUE",
        help="an option of sbatch, e.g. partition=gpu, time=120 (minutes) or gres=gpu:1; repeatable",
    )
