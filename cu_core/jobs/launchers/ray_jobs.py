"""Workers as jobs of a Ray cluster, over its Jobs interface; nothing of Ray is needed here.

A job runs once: what is to be done when it is lost is decided by the dispatcher, as for every other worker. The id of
a job follows from home, run and attempt, so a new dispatcher finds the jobs of an earlier one, and a request that is
repeated because its answer was lost starts nothing twice.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import requests
from typing_extensions import override

from cu_core.base.home import Home
from cu_core.jobs.cluster import ClusterSettings, home_mark, node_command, wants_of
from cu_core.jobs.command import COMMAND, worker_command
from cu_core.jobs.launchers.launcher import Ending, Launcher, Pause, Unreachable
from cu_core.jobs.slots import Slot
from cu_core.runstore import layout

POLL_SECONDS = 2.0
# A head that does not answer is left alone for a while, so that the dispatcher can look after everything else.
AWAY_SECONDS = 5.0
# How long Ray waits between asking a worker to stop and ending it: a batch may take a while.
STOP_SECONDS = 30
_TIMEOUT = (3.0, 10.0)
_ENDED = ("SUCCEEDED", "FAILED", "STOPPED")
_NEVER_BEGAN = "JOB_SUPERVISOR_ACTOR_START_TIMEOUT"
# Of a job that Ray gave to a node which was gone already: until it notices, by its own defaults a minute, a node that
# does not answer has free places.
_NEVER_RAN = "The actor never ran"
_MESSAGE_LENGTH = 300
_LOG_LENGTH = 8000


@dataclass
class _Job:
    asked: float = -POLL_SECONDS
    ending: Ending | None = None


class RayLauncher(Launcher):
    """Hands workers to the queue of a Ray cluster.

    Args:
        home: whose runs; on a directory that all nodes share.
        settings: address of the head, and what a run asks for.
        command: what ``worker RUN --attempt N`` is appended to.
    """

    name = "ray"

    def __init__(self, home: Home, settings: ClusterSettings, command: Sequence[str] | None = None) -> None:
        self.where = settings.address
        self._home = home
        self._settings = settings
        self._command = tuple(command or COMMAND)
        self._http = requests.Session()
        if token := os.environ.get("RAY_AUTH_TOKEN"):
            self._http.headers["Authorization"] = f"Bearer {token}"
        self._jobs: dict[tuple[str, int], _Job] = {}
        self._away = ""
        self._next_try = 0.0
        self._seen = -AWAY_SECONDS
        self._pause = Pause(AWAY_SECONDS)

    @override
    def waits(self) -> str:
        now = time.monotonic()
        if now >= self._next_try and (self._away or now - self._seen >= AWAY_SECONDS):
            try:
                self._ask("GET", "/api/version")
            except Unreachable:
                pass
            except (LookupError, ValueError) as error:
                self._leave_alone(self._no_head(error))
        return self._away or self._pause.words()

    @override
    def launch(self, home: Home, run_id: str, number: int, slot: Slot) -> None:
        wants = wants_of(home, run_id, self._settings, self._has_gpus())
        command = worker_command(home.runs / run_id, run_id, number, wants.processes, command=self._command)
        request = {
            "entrypoint": node_command(home, self._settings, command, slot.threads),
            "submission_id": self._id(run_id, number),
            # Without a wish for a core, Ray starts every job on the head.
            "entrypoint_num_cpus": wants.cpus,
            "entrypoint_num_gpus": wants.gpus,
            "runtime_env": {"env_vars": {"RAY_JOB_STOP_WAIT_TIME_S": str(STOP_SECONDS)}},
            "metadata": {"run": run_id, "attempt": str(number), "home": str(home.root)},
        }
        try:
            self._ask("POST", "/api/jobs/", request)
        except Unreachable as error:
            self._pause.begin(str(error))
            raise
        except LookupError as error:
            reason = self._no_head(error)
            self._pause.begin(reason)
            raise Unreachable(reason) from error
        except ValueError as error:
            if "already exists" not in str(error):
                self._jobs[run_id, number] = _Job(ending=Ending(f"Ray refused the job: {_short(str(error))}"))
        self._pause.end()

    @override
    def exit_code(self, run_id: str, number: int) -> int | None:
        # Ray's word is in `ending`.
        return None

    @override
    def ending(self, run_id: str, number: int) -> Ending | None:
        # Ray is asked at most every `POLL_SECONDS`.
        job = self._jobs.setdefault((run_id, number), _Job())
        now = time.monotonic()
        # Between two questions the last answer stands, also that Ray does not know the job.
        is_over = job.ending is not None and job.ending.certain
        if is_over or now - job.asked < POLL_SECONDS or self._is_away():
            return job.ending
        job.asked = now
        try:
            answer = self._ask("GET", f"/api/jobs/{self._id(run_id, number)}")
        except Unreachable:
            job.ending = None
        except LookupError:
            words = "Ray does not know the job; its head may have been started anew"
            job.ending = Ending(words, certain=False, began=False)
        except ValueError as error:
            print(f"dispatcher: {run_id}: Ray says: {_short(str(error))}", file=sys.stderr, flush=True)
        else:
            job.ending = self._read(run_id, number, answer)
        return job.ending

    @override
    def tend(self) -> None:
        # What is known of deleted runs is forgotten.
        for run_id, number in [key for key in self._jobs if not (self._home.runs / key[0]).is_dir()]:
            del self._jobs[run_id, number]

    @override
    def stop(self, run_id: str, number: int, process: Mapping[str, Any], *, force: bool) -> None:
        # Ray sends SIGTERM, and SIGKILL after `STOP_SECONDS`.
        if self._is_away():
            return
        try:
            self._ask("POST", f"/api/jobs/{self._id(run_id, number)}/stop")
        except (Unreachable, LookupError, ValueError):
            # A job on a lost node cannot be stopped; the fence keeps it from writing.
            return

    def _read(self, run_id: str, number: int, answer: Any) -> Ending | None:
        status = answer.get("status") if isinstance(answer, dict) else None
        if status not in _ENDED:
            return None
        said = _short(str(answer.get("message") or ""))
        if status == "SUCCEEDED":
            said = "the worker ended with exit code 0 and wrote no outcome"
        elif answer.get("driver_exit_code") not in (None, 0):
            said = f"the worker ended with exit code {answer['driver_exit_code']}"
        if answer.get("error_type") == _NEVER_BEGAN:
            # Ray keeps a job for a quarter of an hour (RAY_JOB_START_TIMEOUT_SECONDS) until a node must be free for it.
            return Ending(f"it did not get a node in time (Ray: {status})", began=False)
        if _NEVER_RAN in str(answer.get("message") or ""):
            return Ending(f"the node that it was given to was gone (Ray: {status})", began=False)
        return Ending(f"{said} (Ray: {status}){self._keep_log(run_id, number)}")

    def _keep_log(self, run_id: str, number: int) -> str:
        """Where the worker never came to write a log, keeps what Ray has of it; returns its last line in words."""
        folder = layout.attempt_dir(self._home.runs / run_id, number)
        log = folder / layout.LOG
        if (log.exists() and log.stat().st_size) or (folder / layout.PID).exists() or not folder.is_dir():
            return ""
        try:
            answer = self._ask("GET", f"/api/jobs/{self._id(run_id, number)}/logs")
        except (Unreachable, LookupError, ValueError):
            return ""
        text = str(answer.get("logs") or "")[-_LOG_LENGTH:]
        log.write_text(text, encoding="utf-8", errors="backslashreplace")
        lines = [line for line in text.splitlines() if line.strip()]
        return f"; its log ends with: {_short(lines[-1])}" if lines else ""

    def _id(self, run_id: str, number: int) -> str:
        return f"unlearnscope-{home_mark(self._home)[:8]}-{run_id}-{number}"

    def _has_gpus(self) -> bool:
        if self._settings.gpus is not None:
            return self._settings.gpus > 0
        try:
            answer = self._ask("GET", "/api/cluster_status?format=0")
            usage = answer["data"]["clusterStatus"]["loadMetricsReport"]["usage"]
            return bool(usage.get("GPU", [0, 0])[1])
        except (LookupError, ValueError, TypeError):
            return False

    def _is_away(self) -> bool:
        return self._away != "" and time.monotonic() < self._next_try

    def _no_head(self, error: Exception) -> str:
        return f"{self.where} answers, but not as a Ray head does: {_short(str(error))}"

    def _leave_alone(self, reason: str) -> None:
        self._away = reason
        self._next_try = time.monotonic() + AWAY_SECONDS

    def _ask(self, method: str, path: str, content: Any = None) -> Any:
        """The answer of the head.

        Raises:
            Unreachable: there is none.
            LookupError: the head does not know what is asked after.
            ValueError: the head refuses, or the answer is no JSON; the text says why.
        """
        try:
            answer = self._http.request(method, self.where + path, json=content, timeout=_TIMEOUT)
        except requests.RequestException as error:
            self._leave_alone(f"the Ray head at {self.where} does not answer ({type(error).__name__})")
            raise Unreachable(self._away) from error
        self._seen = time.monotonic()
        if answer.status_code in (401, 403):
            self._leave_alone(f"the Ray head at {self.where} wants a token (RAY_AUTH_TOKEN)")
            raise Unreachable(self._away)
        if answer.status_code in (502, 503, 504):
            self._leave_alone(f"the Ray head at {self.where} is not ready ({answer.status_code})")
            raise Unreachable(self._away)
        if answer.status_code == 404:
            raise LookupError(f"there is no {path}")
        if not answer.ok:
            raise ValueError(answer.text)
        self._away = ""
        return answer.json()


def _short(text: str) -> str:
    """The end of a message in one line: after a traceback, what went wrong stands last."""
    line = " ".join(text.split())
    return line if len(line) <= _MESSAGE_LENGTH else f"…{line[-_MESSAGE_LENGTH:]}"
