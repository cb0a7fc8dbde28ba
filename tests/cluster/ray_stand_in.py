"""A small server that speaks the part of Ray's Jobs interface that the launcher uses, and does the jobs itself.

Nodes are names; each does one job at a time. A node can be lost as in a network that was cut: its jobs count as
failed, and their processes go on.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


@dataclass
class Job:
    """One job; `request` is what was posted."""

    request: dict[str, Any]
    log: Path
    status: str = "PENDING"
    message: str = "Job has not started yet."
    exit_code: int | None = None
    error_type: str | None = None
    node: str = ""
    process: subprocess.Popen[bytes] | None = None


@dataclass
class StandIn:
    """The cluster; used as a context, it ends everything that it started.

    Attributes:
        nodes: names of the nodes that take jobs.
        gpus: how many the cluster says it has.
        environment: added to what the jobs on a node get, by node.
        refuse: what the next submissions are answered with; empty to take them.
        forgets_answers: how many submissions are taken without the answer reaching whoever asked.
    """

    nodes: list[str]
    gpus: int = 0
    environment: dict[str, dict[str, str]] = field(default_factory=dict)
    refuse: str = ""
    forgets_answers: int = 0
    jobs: dict[str, Job] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def __enter__(self) -> StandIn:
        self.folder = tempfile.TemporaryDirectory(prefix="stand-in-")
        self.lock = threading.RLock()
        self.processes: list[subprocess.Popen[bytes]] = []
        self.port = 0
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.die()
        for process in self.processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.folder.cleanup()

    @property
    def url(self) -> str:
        """Where it listens; the same after it has died and come back."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Answers from now on."""
        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), self._handler())
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def die(self) -> None:
        """Answers nothing any more; jobs go on."""
        self.server.shutdown()
        self.server.server_close()

    def lose(self, node: str) -> None:
        """Declares a node dead, with what runs there; the processes go on."""
        with self.lock:
            self.nodes.remove(node)
            for job in self.jobs.values():
                if job.node == node and job.status == "RUNNING":
                    job.status, job.message = "FAILED", "The actor died because its node has died."

    def lose_patience(self) -> None:
        """Fails all jobs that have waited for a node, as Ray does after a quarter of an hour."""
        with self.lock:
            for job in self.jobs.values():
                if job.status == "PENDING":
                    job.status, job.message = "FAILED", "Job supervisor actor failed to start within 900.0 seconds."
                    job.error_type = "JOB_SUPERVISOR_ACTOR_START_TIMEOUT"

    def bury_unborn(self) -> None:
        """Fails all jobs that have not started, as Ray does with those that it gave to a node that was gone."""
        with self.lock:
            for job in self.jobs.values():
                if job.status == "PENDING":
                    job.status, job.error_type = "FAILED", "JOB_SUPERVISOR_ACTOR_DIED"
                    job.message = (
                        "Job supervisor actor died: The actor died unexpectedly before finishing this task. The actor "
                        "died because its node has died. The actor never ran - it was cancelled before it started "
                        "running."
                    )

    def look(self) -> None:
        """Starts jobs on free nodes, and takes note of those that ended."""
        with self.lock:
            for job in self.jobs.values():
                if job.status == "RUNNING" and job.process is not None and job.process.poll() is not None:
                    job.exit_code = job.process.returncode
                    job.status = "FAILED" if job.exit_code else "SUCCEEDED"
                    job.message = f"Job entrypoint command failed with exit code {job.exit_code}"
            busy = {job.node for job in self.jobs.values() if job.status == "RUNNING"}
            free = [node for node in self.nodes if node not in busy]
            for job in self.jobs.values():
                if job.status == "PENDING" and free:
                    self._run(job, free.pop(0))

    def _run(self, job: Job, node: str) -> None:
        job.node, job.status = node, "RUNNING"
        environment = os.environ | job.request["runtime_env"]["env_vars"] | {"STUB_HOST": node}
        with job.log.open("wb") as log:
            job.process = subprocess.Popen(
                ["/bin/sh", "-c", job.request["entrypoint"]],
                env=environment | self.environment.get(node, {}),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.processes.append(job.process)

    def _submit(self, request: dict[str, Any]) -> tuple[int, Any]:
        name = request["submission_id"]
        if self.refuse:
            return 500, self.refuse
        if name in self.jobs:
            return 500, f"ValueError: Job with submission_id {name} already exists."
        self.jobs[name] = Job(request, Path(self.folder.name) / f"{len(self.jobs)}.log")
        return 200, {"submission_id": name}

    def _stop(self, job: Job) -> tuple[int, Any]:
        if job.status in ("PENDING", "RUNNING"):
            if job.process is not None and job.process.poll() is None:
                os.killpg(job.process.pid, signal.SIGTERM)
            job.status, job.message = "STOPPED", "Job was intentionally stopped."
        return 200, {"stopped": True}

    def answer(self, method: str, path: str, content: Any) -> tuple[int, Any]:
        """Status and content of an answer."""
        self.look()
        with self.lock:
            self.asked.append(f"{method} {path}")
            if path == "/api/version":
                return 200, {"version": "4"}
            if path == "/api/cluster_status":
                usage = {"CPU": [0.0, 1.0]} | ({"GPU": [0.0, float(self.gpus)]} if self.gpus else {})
                return 200, {"data": {"clusterStatus": {"loadMetricsReport": {"usage": usage}}}}
            if method == "POST" and path == "/api/jobs/":
                return self._submit(content)
            name, _, what = path.removeprefix("/api/jobs/").partition("/")
            job = self.jobs.get(name)
            if job is None:
                return 404, f"Job {name} does not exist"
            if what == "stop":
                return self._stop(job)
            if what == "logs":
                return 200, {"logs": job.log.read_text() if job.log.exists() else ""}
            found = {"status": job.status, "message": job.message, "driver_exit_code": job.exit_code}
            return 200, found | {"error_type": job.error_type}

    def _handler(cluster: StandIn) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._reply("GET", None)

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                self._reply("POST", json.loads(self.rfile.read(length) or "null"))

            def _reply(self, method: str, content: Any) -> None:
                path = urlsplit(self.path).path
                status, found = cluster.answer(method, path, content)
                if path == "/api/jobs/" and cluster.forgets_answers:
                    cluster.forgets_answers -= 1
                    self.close_connection = True
                    return
                body = json.dumps(found).encode() if status == 200 else str(found).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                return

        return Handler
