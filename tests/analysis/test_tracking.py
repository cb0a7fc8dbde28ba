"""Runs in MLflow and trackio, read back by their own clients; words where one is not installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cu_core.analysis.exports import tracking
from cu_core.analysis.exports.tracking import log_run, logged
from cu_core.base.errors import BadInput, UnlearnscopeError
from cu_core.base.home import Home
from cu_core.runstore.reader import RunView, open_run
from tests.madeup import MadeUp, write_run


@pytest.fixture
def view(home: Home) -> RunView:
    return open_run(home, write_run(home, made=MadeUp(rounds=2, audited=0, spec={"group": "mine"})).name)


def test_what_is_told_is_what_was_recorded(view: RunView) -> None:
    told = logged(view)
    assert sorted(told.rounds) == [0, 1, 2] and told.parameters["forget.select"] == "class:5"
    assert told.rounds[1][0]["forget_acc"] == view.manifest(1)["metrics"]["forget_acc"]
    assert told.outcome["after.forget_acc"] == (view.result() or {})["metrics"]["after"]["forget_acc"]
    assert {path.name for path in told.files} == {"spec.json", "result.json"}


def test_a_missing_package_is_named_with_its_extra(
    view: RunView, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for to, at in (("mlflow", f"sqlite:///{tmp_path}/m.db"), ("trackio", "")):
        monkeypatch.setitem(sys.modules, to, None)
        with pytest.raises(UnlearnscopeError, match=rf"{to} is not installed: pip install 'unlearnscope\[exports\]'"):
            log_run(view, to, at)
    with pytest.raises(BadInput, match="no tracker named"):
        log_run(view, "wandb")
    with pytest.raises(BadInput, match="does not exist"):
        log_run(view, "mlflow", "sqlite:////no/where/m.db")


@pytest.mark.thorough
def test_mlflow_holds_it(view: RunView, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = pytest.importorskip("mlflow", reason="mlflow is not installed")
    pytest.importorskip("sqlalchemy", reason="mlflow's store of SQLite is not installed")
    monkeypatch.chdir(tmp_path)
    address = f"sqlite:///{tmp_path}/m.db"
    log_run(view, "mlflow", address)
    client = mlflow.MlflowClient(tracking_uri=address)
    experiment = client.get_experiment_by_name("unlearnscope")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.data.tags["unlearnscope.run"] == view.run_id and run.info.status == "FINISHED"
    assert run.data.params["forget.select"] == "class:5" and run.data.params["method.id"] == "contrastive"
    history = client.get_metric_history(run.info.run_id, "forget_acc")
    assert [(m.step, m.value) for m in sorted(history, key=lambda m: m.step)] == [
        (number, pytest.approx(view.manifest(number)["metrics"]["forget_acc"])) for number in (0, 1, 2)
    ]
    assert {f.path for f in client.list_artifacts(run.info.run_id)} == {"spec.json", "result.json"}
    with pytest.raises(BadInput, match="knows madeup-1 already"):
        log_run(view, "mlflow", address)
    log_run(view, "mlflow", address, replace=True)
    assert len(client.search_runs([experiment.experiment_id])) == 1
    assert not (tmp_path / "mlruns").exists(), "files lie beside the database"


_READ = """
import json, sys, trackio
(run,) = trackio.Api().runs("unlearnscope")
from trackio.sqlite_storage import SQLiteStorage
print(json.dumps([run.name, SQLiteStorage.get_logs("unlearnscope", run.name), run.config]))
"""


@pytest.mark.thorough
def test_trackio_holds_it(view: RunView, home: Home, tmp_path: Path) -> None:
    pytest.importorskip("trackio", reason="trackio is not installed")
    env = os.environ | {"TRACKIO_DIR": str(tmp_path / "t"), "TRACKIO_SPACE_ID": "nobody/nothing"}
    words = [sys.executable, "-m", "cu_core", "log", view.run_id, "--to", "trackio", "--at", str(tmp_path / "t")]
    first = subprocess.run(words, env=env, capture_output=True, text=True, timeout=300)
    assert first.returncode == 0, first.stderr
    assert first.stdout.splitlines() == [f"{tmp_path / 't'}, project unlearnscope, run madeup-1"]
    again = subprocess.run(words, env=env, capture_output=True, text=True, timeout=300)
    assert again.returncode == 2 and "--force" in again.stderr
    env.pop("TRACKIO_SPACE_ID")
    done = subprocess.run([sys.executable, "-c", _READ], env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    name, logs, config = json.loads(done.stdout.splitlines()[-1])
    assert name == view.run_id and [entry["step"] for entry in logs] == [0, 1, 2]
    assert logs[1]["forget_acc"] == pytest.approx(view.manifest(1)["metrics"]["forget_acc"])
    assert config["forget.select"] == "class:5"
    assert tracking.PROJECT == "unlearnscope"
