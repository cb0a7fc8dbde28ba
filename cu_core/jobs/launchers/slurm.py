"""Workers as jobs of a Slurm cluster, through submitit, which is imported only here.

What Slurm calls a job is kept beside the attempt (job.json), so that a new dispatcher finds the jobs of an earlier one.
"""

from __future__ import annotations

import importlib
import shlex
import time
from collections.abc import Mapping, Sequence
from typing import Any

from typing_extensions import override

from cu_core.base.errors import BadInput
from cu_core.base.files import tail
from cu_core.base.home import Home
from cu_core.jobs.cluster import ClusterSettings, node_command, wants_of
from cu_core.jobs.command import COMMAND, worker_command
from cu_core.jobs.launchers.launcher import Ending, Launcher, Pause, Unreachable
from cu_core.jobs.slots import Slot
from cu_core.runstore import layout
from cu_core.runstore.checksums import write_sealed
from cu_core.runstore.rows import optional_json

# A site's own default may be minutes. A run that takes longer goes on from its last round in its next attempt.
DEFAULT_MINUTES = 24 * 60
POLL_SECONDS = 10.0
_GOING = ("PENDING", "CONFIGURING", "RUNNING", "COMPLETING", "SUSPENDED", "RESIZING", "REQUEUED", "READY", "STAGE_OUT")
_LOG_BYTES = 8000
_LINE_LENGTH = 300


class SlurmLauncher(Launcher):
    """Hands workers to the queue of a Slurm cluster.

    Args:
        home: whose runs; on a directory that all nodes share.
        settings: what a run asks for; the address ``local`` starts processes here instead, to try it out.
        command: what ``worker RUN --attempt N`` is appended to.

    Raises:
        BadInput: submitit is not installed, or Slurm is not there.
    """

    name = "slurm"

    def __init__(self, home: Home, settings: ClusterSettings, command: Sequence[str] | None = None) -> None:
        self._submitit = _load()
        self.where = settings.words
        self._home = home
        self._settings = settings
        self._command = tuple(command or COMMAND)
        self._jobs: dict[tuple[str, int], Any] = {}
        self._polled = -POLL_SECONDS
        self._pause = Pause()
        cluster = settings.address or "slurm"
        # The nodes run submitit, too: with the same Python as the worker.
        python = {} if cluster == "local" else {"slurm_python": shlex.quote(settings.python)}
        try:
            self._executor = self._submitit.AutoExecutor(folder=home.root / layout.SLURM, cluster=cluster, **python)
        except RuntimeError as error:
            raise BadInput("launcher", f"Slurm cannot be used here: {error}") from error

    @override
    def waits(self) -> str:
        # Whether Slurm takes a job shows when it is handed over.
        return self._pause.words()

    @override
    def launch(self, home: Home, run_id: str, number: int, slot: Slot) -> None:
        wants = wants_of(home, run_id, self._settings, has_gpus=False)
        run_dir = home.runs / run_id
        command = worker_command(run_dir, run_id, number, wants.processes, command=self._command)
        # Slurm and submitit announce the end of the time with a signal that would kill the worker at once.
        line = f"trap '' USR2; {node_command(home, self._settings, command, slot.threads)}"
        try:
            self._executor.update_parameters(**self._parameters(run_id, wants.cpus, wants.gpus))
            job = self._executor.submit(self._submitit.helpers.CommandFunction(["/bin/sh", "-c", line]))
        except Exception as error:  # submitit raises what sbatch, srun and pickle make it raise
            reason = f"Slurm does not take jobs: {' '.join(str(error).split())[-_LINE_LENGTH:]}"
            self._pause.begin(reason)
            raise Unreachable(reason) from error
        self._pause.end()
        self._jobs[run_id, number] = job
        folder = layout.attempt_dir(run_dir, number)
        write_sealed(folder / layout.JOB, {"job": str(job.job_id), "t": time.time()})

    @override
    def exit_code(self, run_id: str, number: int) -> int | None:
        # Slurm's word is in `ending`.
        return None

    @override
    def ending(self, run_id: str, number: int) -> Ending | None:
        job = self._job(run_id, number)
        if job is None:
            return Ending("the dispatcher ended before Slurm had taken the job", certain=False, began=False)
        found = job.get_info(mode="cache")
        # As in "CANCELLED by 1000"; the local executor uses another key, and its own words where it knows nothing.
        words = str(found.get("State") or found.get("jobState") or "").split()
        if not words or words[0] in (*_GOING, "NO"):
            return None
        return Ending(f"its job {job.job_id} ended (Slurm: {words[0]}){self._keep_log(run_id, number, job)}")

    @override
    def tend(self) -> None:
        # Slurm is asked for all jobs at once, every `POLL_SECONDS`.
        for key in [key for key in self._jobs if not (self._home.runs / key[0]).is_dir()]:
            del self._jobs[key]
        now = time.monotonic()
        if self._jobs and now - self._polled >= POLL_SECONDS:
            self._polled = now
            next(iter(self._jobs.values())).get_info(mode="force")

    @override
    def stop(self, run_id: str, number: int, process: Mapping[str, Any], *, force: bool) -> None:
        # Slurm sends SIGTERM, and SIGKILL after its own KillWait.
        if (job := self._job(run_id, number)) is not None:
            job.cancel(check=False)

    def _parameters(self, run_id: str, cpus: int, gpus: int) -> dict[str, Any]:
        wished = dict(self._settings.sbatch or {})
        found: dict[str, Any] = {
            "name": f"unlearnscope-{run_id}",
            "timeout_min": int(wished.pop("time", DEFAULT_MINUTES)),
            "cpus_per_task": cpus,
            "slurm_srun_args": [f"--cpus-per-task={cpus}"],
        }
        if gpus and "gres" not in wished:
            found["gpus_per_node"] = gpus
        # Requeued by Slurm, a job would find its attempt taken; the dispatcher makes a new attempt instead.
        more: dict[str, Any] = {"no-requeue": True}
        for name, value in wished.items():
            if name in ("partition", "qos", "account", "constraint", "gres", "exclude", "nodelist", "mem"):
                found[f"slurm_{name}"] = value
            else:
                more[name.replace("_", "-")] = value
        return found | {"slurm_additional_parameters": more}

    def _job(self, run_id: str, number: int) -> Any:
        known = self._jobs.get((run_id, number))
        if known is None:
            folder = layout.attempt_dir(self._home.runs / run_id, number)
            name = optional_json(folder / layout.JOB).get("job")
            if not isinstance(name, str):
                return None
            kind = self._submitit.LocalJob if self._settings.address == "local" else self._submitit.SlurmJob
            known = self._jobs[run_id, number] = kind(folder=self._home.root / layout.SLURM, job_id=name)
        return known

    def _keep_log(self, run_id: str, number: int, job: Any) -> str:
        """Where the worker never came to write a log, keeps what Slurm has of it; returns its last line in words."""
        folder = layout.attempt_dir(self._home.runs / run_id, number)
        log = folder / layout.LOG
        if (folder / layout.PID).exists() or not folder.is_dir():
            return ""
        if not log.exists() or not log.stat().st_size:
            text = tail(job.paths.stdout, _LOG_BYTES) + tail(job.paths.stderr, _LOG_BYTES)
            log.write_text(text, encoding="utf-8")
        # submitit adds a traceback of its own; what the worker said stands before it.
        said = [line for line in tail(log, _LOG_BYTES).splitlines() if line.startswith(("nothing done:", "/bin/sh:"))]
        return f"; its log says: {said[-1][:_LINE_LENGTH]}" if said else ""


def _load() -> Any:
    """The module submitit, an optional package: only who sends runs to Slurm needs it."""
    try:
        return importlib.import_module("submitit")
    except ImportError:
        raise BadInput(
            "launcher", "slurm needs submitit; install it with: .venv/bin/pip install -r requirements-cluster.txt"
        ) from None
