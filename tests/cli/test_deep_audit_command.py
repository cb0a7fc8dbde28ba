"""The verb deep-audit: which runs it makes, what it refuses, and several that share the work."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from cu_core.base.home import Home
from cu_core.catalogue.deep_audit import FEWEST_SHADOWS
from cu_core.cli import main
from cu_core.runstore.reader import list_runs, open_run
from tests.madeup import MadeUp, write_run
from tests.pages.test_deep_audit_page import deep

QUICK = [
    "--dataset",
    "digits",
    "--forget",
    "random:40",
    "--method",
    "finetune",
    *(
        word
        for setting in (
            "data.train_limit=300",
            "train.epochs=1",
            "stop.rule=none",
            "stop.max_rounds=1",
            "probe.size=60",
            "probe.tsne=false",
            "audit.attacks=none",
            "device=cpu",
        )
        for word in ("--set", setting)
    ),
]


def test_spread_over_three_runs(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(home, "audited", MadeUp())
    words = ["deep-audit", "audited", "--shadows", "30", "--spread", "3", "--token", "once", "--json"]
    assert main(words) == 0
    ids = json.loads(capsys.readouterr().out)["run_ids"]
    specs = [open_run(home, run_id).spec for run_id in ids]
    assert [spec.audit.first_shadow for spec in specs] == [0, 10, 20]
    assert {(spec.audit.shadows, spec.audit.of_run, spec.group) for spec in specs} == {(30, "audited", "")}
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out)["run_ids"] == ids, "the token makes no second runs"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["audited", "--shadows", "three"], "allowed: 1 to 99999"),
        (["audited", "--shadows", "5"], f"{FEWEST_SHADOWS} or more"),
        (["audited", "--shadows", "0"], f"{FEWEST_SHADOWS} or more"),
        (["audited", "--spread", "0"], "cannot be spread over 0 runs"),
        (["encoder"], "an encoder has none"),
        (["missing"], "does not exist"),
    ],
)
def test_what_cannot_be_is_refused(home: Home, capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
    write_run(home, "audited", MadeUp())
    write_run(home, "encoder", MadeUp(objective="moco"))
    before = len(list_runs(home))
    assert main(["deep-audit", *words, "--queue"]) == 2
    assert said in capsys.readouterr().err
    assert len(list_runs(home)) == before


def test_a_run_is_shown_with_what_was_found(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(home, "madeup-1", MadeUp(result={"deep_audit": deep()}))
    assert main(["show", "madeup-1"]) == 0
    printed = capsys.readouterr().out
    assert "deep audit: Differs: an attacker with shadow models" in printed
    assert "deep audit: A note on it." in printed


@pytest.mark.thorough
def test_two_runs_at_work_at_once_make_each_shadow_once(home: Home, python_env: dict[str, str]) -> None:
    env = python_env | {"CU_HOME": str(home.root), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "cu_core", "run", *QUICK, "--json", "--set", "audit.shadows=18"]
    running = [
        subprocess.Popen([*command, "--set", f"audit.first_shadow={first}"], env=env, stdout=subprocess.PIPE)
        for first in (0, 9)
    ]
    found: list[dict[str, Any]] = [json.loads(one.communicate(timeout=500)[0])["deep_audit"] for one in running]
    assert sum(one["made"] for one in found) == 18
    assert min(one["made"] for one in found) > 0
    assert found[0]["ulira"] == found[1]["ulira"]
    assert found[0]["over_shadows"] == found[1]["over_shadows"]
