"""Settings of a cluster launcher, and the command of a worker on its nodes.

Workers on other machines need the home on a shared directory, at the same path. A file in it holds a random mark;
a worker gets the mark with its command and reads it back from the file before it takes an attempt.
"""

from __future__ import annotations

import os
import shlex
import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cu_core.base.errors import BadInput
from cu_core.base.files import read_json, write_json
from cu_core.base.home import Home
from cu_core.base.installation import dashboard_folder
from cu_core.jobs.command import processes_of
from cu_core.jobs.slots import SLOTS_VARIABLE, Slot
from cu_core.runstore import layout
from cu_core.runstore.rows import optional_json

LAUNCHERS = ("local", "ray", "slurm")
MARK_VARIABLE = "CU_SHARED_MARK"
CLUSTER_SLOTS = 16
_VARIABLES = {
    "launcher": "CU_LAUNCHER",
    "address": "CU_LAUNCHER_ADDRESS",
    "python": "CU_LAUNCHER_PYTHON",
    "project": "CU_LAUNCHER_PROJECT",
    "slots": SLOTS_VARIABLE,
    "gpus": "CU_LAUNCHER_GPUS",
    "cpus": "CU_LAUNCHER_CPUS",
    "sbatch": "CU_LAUNCHER_SBATCH",
}


@dataclass(frozen=True)
class ClusterSettings:
    """Where runs work.

    Attributes:
        launcher: one of `LAUNCHERS`.
        address: of Ray's head, e.g. ``http://head:8265``; for Slurm empty, or ``local`` to try it out without Slurm.
        python: the program on the nodes; this one by default.
        project: folder of the project on the nodes; the same as here by default.
        slots: how many runs are handed over at once; the cluster's own queue decides which of them work.
        gpus: GPUs of a run, or of each process of a run of several; None finds out whether the cluster has any.
        cpus: cores of a run, or of each of its processes.
        sbatch: further options of ``sbatch`` by name, such as ``partition`` or ``time`` (minutes).
    """

    launcher: str = "local"
    address: str = ""
    python: str = sys.executable
    project: str = str(dashboard_folder())
    slots: int = CLUSTER_SLOTS
    gpus: int | None = None
    cpus: int = 1
    sbatch: Mapping[str, str] | None = None

    @property
    def words(self) -> str:
        """Launcher and address, for people."""
        return f"{self.launcher.capitalize()} {self.address}".strip()


def read_settings(options: Mapping[str, Any] | None = None) -> ClusterSettings:
    """The settings from options, and where they are missing from the environment.

    Args:
        options: launcher, address, python, project, slots, gpus, cpus (texts) and sbatch (``NAME=VALUE`` texts).

    Raises:
        BadInput: one of them cannot be used.
    """
    given = {name: value for name, value in (options or {}).items() if value}
    found = {name: given.get(name) or os.environ.get(variable, "").strip() for name, variable in _VARIABLES.items()}
    launcher = found["launcher"] or "local"
    if launcher not in LAUNCHERS:
        raise BadInput("launcher", f"{launcher!r} is none", LAUNCHERS, given=launcher)
    if launcher == "local":
        for name in given.keys() & (_VARIABLES.keys() - {"launcher"}):
            raise BadInput(name, "means nothing without a cluster", ("--launcher ray", "--launcher slurm"))
        return ClusterSettings()
    address = found["address"].rstrip("/")
    if launcher == "ray" and not address.startswith(("http://", "https://")):
        raise BadInput("address", f"{address!r} is not where a Ray head listens", ("http://HOST:8265",))
    if launcher == "slurm" and address not in ("", "local"):
        raise BadInput("address", f"{address!r} means nothing to Slurm", ("none", "local"))
    sbatch = found["sbatch"]
    return ClusterSettings(
        launcher,
        address,
        found["python"] or sys.executable,
        found["project"] or str(dashboard_folder()),
        _number("slots", found["slots"], CLUSTER_SLOTS, 1, 10_000),
        _number("gpus", found["gpus"], 0, 0, 64) if found["gpus"] else None,
        _number("cpus", found["cpus"], 1, 1, 1024),
        _sbatch(sbatch.split() if isinstance(sbatch, str) else sbatch),
    )


def cluster_slots(settings: ClusterSettings) -> list[Slot]:
    """One slot per run that is handed to the cluster at once; the nodes themselves decide which GPU it sees."""
    return [Slot(f"{settings.launcher}-{n}", None, settings.cpus) for n in range(settings.slots)]


@dataclass(frozen=True)
class Wants:
    """What a run asks of a cluster: cores and GPUs, and its number of processes."""

    cpus: int
    gpus: int
    processes: int


def wants_of(home: Home, run_id: str, settings: ClusterSettings, has_gpus: bool) -> Wants:
    """What a run asks for, by the device and the number of processes in its specification.

    Args:
        home: where the run lives.
        run_id: of the run.
        settings: how many cores and GPUs a process gets.
        has_gpus: whether the cluster has any GPU, for runs that take one if there is one.
    """
    run_dir = home.runs / run_id
    device = str(optional_json(run_dir / layout.SPEC).get("device", "auto"))
    processes = processes_of(run_dir)
    if device in ("cpu", "mps"):
        gpus = 0
    elif settings.gpus is not None:
        gpus = settings.gpus
    else:
        gpus = 1 if has_gpus or device.startswith("cuda") else 0
    return Wants(settings.cpus * processes, gpus * processes, processes)


def node_command(
    home: Home, settings: ClusterSettings, command: Sequence[str], threads: int, project: str | None = None
) -> str:
    """A worker's command on a node, as a line for the shell.

    Args:
        home: becomes CU_HOME; must be at this path on every node.
        settings: whose program and folder the node uses.
        command: of the worker here.
        threads: CPU threads of each process.
        project: where it starts; the settings' folder by default.
    """
    words = [settings.python if word == sys.executable else word for word in command]
    environment = {
        "CU_HOME": str(home.root),
        MARK_VARIABLE: home_mark(home),
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "PYTHONUNBUFFERED": "1",
    }
    given = " ".join(f"{name}={shlex.quote(value)}" for name, value in environment.items())
    return f"cd {shlex.quote(project or settings.project)} && exec env {given} {shlex.join(words)}"


def home_mark(home: Home) -> str:
    """The mark by which nodes recognise the home; made where it is missing."""
    path = home.root / layout.SHARED
    mark = optional_json(path).get("mark")
    if isinstance(mark, str):
        return mark
    mark = uuid.uuid4().hex
    write_json(path, {"mark": mark})
    return mark


def check_mark(home: Home, mark: str, host: str) -> None:
    """Checks on a node that the home is the one from which the run was handed over.

    Raises:
        BadInput: it is not there, or another.
    """
    path = home.root / layout.SHARED
    wanted = "mount the same shared directory at the same path on every node"
    try:
        found = read_json(path)
    except (OSError, ValueError) as error:
        raise BadInput("CU_HOME", f"the node {host} does not see {path} ({_short(error)}); {wanted}") from error
    if not isinstance(found, dict) or found.get("mark") != mark:
        raise BadInput("CU_HOME", f"{home.root} on the node {host} is not the dispatcher's folder; {wanted}")


def _short(error: Exception) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else "it is damaged"


def _number(field: str, text: Any, default: int, least: int, most: int) -> int:
    if text in (None, ""):
        return default
    if not str(text).isdecimal() or not least <= int(text) <= most:
        raise BadInput(field, f"{str(text)!r} is not a number that can be used", (f"{least} to {most}",))
    return int(text)


def _sbatch(texts: Sequence[str] | None) -> dict[str, str]:
    found = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        name = name.strip().lstrip("-").replace("-", "_")
        if not equals or not name.isidentifier() or not value.strip():
            raise BadInput("sbatch", f"{text!r} is not NAME=VALUE", ("partition=gpu", "time=120", "gres=gpu:1"))
        found[name] = value.strip()
    if not found.get("time", "1").isdecimal():
        raise BadInput("sbatch", f"time={found['time']} is not a number of minutes", ("time=120",))
    return found
