"""One run on two machines, which here are two network namespaces with nothing but a cable between them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from cu_core.base.home import Home
from cu_core.catalogue.spec import spec_from_json
from cu_core.jobs import submission
from cu_core.jobs.command import worker_command
from cu_core.runstore import layout
from cu_core.runstore.state import read_state

PORT = 29_511
PATIENCE = 500.0

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(1200)]


def ip(*words: str) -> None:
    subprocess.run(("ip", *words), check=True, capture_output=True)


@pytest.fixture
def machines() -> Iterator[list[tuple[str, str]]]:
    """Two namespaces: the name of each, and of its network interface."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("network namespaces need root and the command ip")
    names = [(f"unlearn-{os.getpid()}-{n}", f"cable{n}") for n in range(2)]
    with ExitStack() as undo:
        for name, _ in names:
            try:
                ip("netns", "add", name)
            except subprocess.CalledProcessError as error:
                pytest.skip(f"no network namespaces here: {error.stderr.decode(errors='replace').strip()}")
            undo.callback(ip, "netns", "del", name)
        (first, one), (second, other) = names
        ip("link", "add", one, "netns", first, "type", "veth", "peer", "name", other, "netns", second)
        for n, (name, cable) in enumerate(names):
            ip("-n", name, "addr", "add", f"10.79.0.{n + 1}/24", "dev", cable)
            ip("-n", name, "link", "set", cable, "up")
            ip("-n", name, "link", "set", "lo", "up")
        yield names


def test_a_run_on_two_machines_is_recorded_by_the_first(machines: list[tuple[str, str]], tmp_path: Path) -> None:
    home = Home(tmp_path / "home").create()
    spec = spec_from_json(
        {
            "data": {"dataset": "digits", "train_limit": 200},
            "model": {"backbone": "tiny-cnn"},
            "train": {"epochs": 1},
            "forget": {"select": "class:5"},
            "stop": {"rule": "none", "max_rounds": 2, "collapse_drop": 1.0},
            "probe": {"size": 30, "tsne": False},
            "audit": {"attacks": "none"},
            "device": "cpu",
            "processes": 2,
        }
    )
    run_id = submission.submit(spec, home, foreground=True)
    run_dir = home.runs / run_id
    where = ("--nnodes=2", "--master-addr=10.79.0.1", f"--master-port={PORT}")
    started, logs = [], [tmp_path / "0.log", tmp_path / "1.log"]
    for n, (name, cable) in enumerate(machines):
        command = worker_command(run_dir, run_id, 1, 1, where=(*where, f"--node-rank={n}"))
        environment = os.environ | {"CU_HOME": str(home.root), "GLOO_SOCKET_IFNAME": cable}
        with logs[n].open("wb") as log:
            inside = ("ip", "netns", "exec", name, *command)
            started.append(subprocess.Popen(inside, env=environment, stdout=log, stderr=log))
    try:
        codes = [process.wait(PATIENCE) for process in started]
    finally:
        for process in started:
            process.kill()
    assert codes == [0, 0], "\n".join(log.read_text()[-3000:] for log in logs)
    assert read_state(run_dir).state == "succeeded"
    assert layout.numbered(run_dir / "rounds") == [0, 1, 2]
