"""Ray nodes on one machine: each in a network namespace, a host name and a temporary folder of its own.

The namespaces hang on one bridge, so a node can be cut off by taking its link down, while its processes go on.
Needs Linux, root, the program ``ip`` (iproute2) and Ray (``CU_TEST_RAY`` may name its program).
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PORT = 6379
DASHBOARD = 8265
# Quick to notice a dead node, since a test waits for it: three missed answers within half a second each.
_HEALTH = {
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 500,
    "health_check_timeout_ms": 500,
    "health_check_failure_threshold": 4,
}
_STORE_BYTES = 80_000_000
_START_SECONDS = 120.0


def missing() -> str:
    """Why no Ray nodes can be started here, in words; empty if they can."""
    if not sys.platform.startswith("linux"):
        return "network namespaces need Linux"
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "the program ip (package iproute2) is not installed"
    if ray_program() is None:
        return "Ray is not installed (requirements-cluster.txt), and CU_TEST_RAY names no program"
    name = f"cu-try-{os.getpid()}"
    tried = _ip("netns", "add", name, check=False)
    if tried.returncode:
        return f"this machine allows no network namespaces: {tried.stderr.strip()}"
    try:
        tried = _ip("netns", "exec", name, "unshare", "--mount", "--uts", "true", check=False)
        return f"this machine allows no namespaces for mounts: {tried.stderr.strip()}" if tried.returncode else ""
    finally:
        _ip("netns", "delete", name, check=False)


def ray_program() -> str | None:
    """Path of the program ``ray``: named by ``CU_TEST_RAY``, beside this Python, or on the path."""
    beside = Path(sys.executable).parent / "ray"
    named = os.environ.get("CU_TEST_RAY")
    return named or (str(beside) if beside.exists() else shutil.which("ray"))


@dataclass
class Node:
    """One Ray node; `name` is its host name, too."""

    name: str
    address: str
    link: str
    namespace: str
    process: subprocess.Popen[bytes] | None = field(default=None)


@dataclass
class Nodes:
    """A Ray cluster; the first node is its head."""

    nodes: list[Node]
    folder: Path

    @property
    def url(self) -> str:
        """Where the head's Jobs interface listens."""
        return f"http://{self.nodes[0].address}:{DASHBOARD}"

    def get(self, path: str) -> Any:
        """An answer of the head's HTTP interface."""
        with urllib.request.urlopen(f"{self.url}{path}", timeout=10) as answer:
            return json.load(answer)

    def cut(self, node: Node) -> None:
        """Takes a node's link down; its processes go on."""
        _ip("link", "set", node.link, "down")

    def mend(self, node: Node) -> None:
        """Brings a node's link up again."""
        _ip("link", "set", node.link, "up")

    def processes(self, node: Node) -> list[int]:
        """Ids of the processes of a node."""
        return [int(pid) for pid in _ip("netns", "pids", node.namespace, check=False).stdout.split()]

    def end(self, node: Node) -> None:
        """Ends a node with everything that runs on it."""
        for _ in range(20):
            left = self.processes(node)
            if not left:
                break
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)
        if node.process is not None:
            node.process.kill()
            node.process.wait()


@contextlib.contextmanager
def ray_nodes(count: int = 2, cpus: int = 1, gpus: int = 0) -> Iterator[Nodes]:
    """Starts a cluster and removes every trace of it afterwards.

    Args:
        count: how many nodes, with the head.
        cpus: what each of them declares.
        gpus: what each of them declares; no hardware needed.
    """
    tag = f"{os.getpid() % 100_000}"
    bridge = f"cub{tag}"
    # Outside the ranges that home routers and container runtimes give out.
    net = f"10.{77 + os.getpid() % 50}.{os.getpid() // 50 % 250}"
    folder = Path(tempfile.mkdtemp(prefix="cur"))
    made = Nodes([], folder)
    try:
        _ip("link", "add", bridge, "type", "bridge")
        _ip("addr", "add", f"{net}.254/24", "dev", bridge)
        _ip("link", "set", bridge, "up")
        for number in range(1, count + 1):
            node = Node(f"cu-node-{number}", f"{net}.{number}", f"cuv{tag}x{number}", f"cu-{tag}-{number}")
            made.nodes.append(node)
            _ip("netns", "add", node.namespace)
            _ip("link", "add", node.link, "type", "veth", "peer", "name", "eth0", "netns", node.namespace)
            _ip("link", "set", node.link, "master", bridge, "up")
            _ip("-n", node.namespace, "addr", "add", f"{node.address}/24", "dev", "eth0")
            _ip("-n", node.namespace, "link", "set", "eth0", "up")
            _ip("-n", node.namespace, "link", "set", "lo", "up")
        for node in made.nodes:
            _start(made, node, cpus, gpus)
        yield made
    finally:
        for node in made.nodes:
            made.end(node)
            _ip("netns", "delete", node.namespace, check=False)
            _ip("link", "delete", node.link, check=False)
        _ip("link", "delete", bridge, check=False)
        shutil.rmtree(folder, ignore_errors=True)


def _start(made: Nodes, node: Node, cpus: int, gpus: int) -> None:
    head = made.nodes[0]
    own = made.folder / node.name
    own.mkdir()
    # Every node sees its own folder under one name, so that none finds the sockets of another.
    shared = made.folder / "ray"
    shared.mkdir(exist_ok=True)
    words = [str(ray_program()), "start", "--block", "--disable-usage-stats", f"--node-ip-address={node.address}"]
    words += [f"--num-cpus={cpus}", f"--num-gpus={gpus}", f"--object-store-memory={_STORE_BYTES}"]
    if node is head:
        words += ["--head", f"--port={PORT}", f"--temp-dir={shared}", f"--system-config={json.dumps(_HEALTH)}"]
        words += [f"--dashboard-host={node.address}", f"--dashboard-port={DASHBOARD}"]
    else:
        words += [f"--address={head.address}:{PORT}"]
    script = 'mount --bind "$1" "$2" && hostname "$3" && shift 3 && exec "$@"'
    inside = ["unshare", "--mount", "--uts", "sh", "-c", script, "sh", str(own), str(shared), node.name, *words]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "PYTEST"))}
    environment |= {"RAY_enable_worker_prestart": "0", "RAY_DISABLE_DOCKER_CPU_WARNING": "1"}
    with (made.folder / f"{node.name}.log").open("wb") as log:
        node.process = subprocess.Popen(
            ["ip", "netns", "exec", node.namespace, *inside],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
    end = time.monotonic() + _START_SECONDS
    while not _is_up(made, node):
        if time.monotonic() > end or node.process.poll() is not None:
            said = (made.folder / f"{node.name}.log").read_text(errors="replace")
            raise RuntimeError(f"the Ray node {node.name} did not start:\n{said[-2000:]}")
        time.sleep(0.2)


def _is_up(made: Nodes, node: Node) -> bool:
    try:
        if node is made.nodes[0]:
            return bool(made.get("/api/version"))
        listed = made.get("/api/v0/nodes")["data"]["result"]["result"]
    except (OSError, urllib.error.URLError, ValueError, KeyError):
        return False
    return any(found["node_ip"] == node.address and found["state"] == "ALIVE" for found in listed)


def _die_with_parent() -> None:
    # A killed test runner cannot clean up; at least nothing of Ray stays behind then.
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def _ip(*words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(["ip", *words], capture_output=True, text=True)
    if check and done.returncode:
        raise RuntimeError(f"ip {' '.join(words)}: {done.stderr.strip()}")
    return done
