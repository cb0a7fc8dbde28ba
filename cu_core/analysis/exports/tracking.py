"""Runs as MLflow and trackio know them: parameters, metrics by round, tags, the result as a file."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from cu_core.base.errors import BadInput, UnlearnscopeError
from cu_core.base.named_path import named_path
from cu_core.runstore import layout
from cu_core.runstore.reader import RunView

PROJECT = "unlearnscope"
MLFLOW, TRACKIO = "mlflow", "trackio"
TRACKERS = (MLFLOW, TRACKIO)
DEFAULT_STORE = "sqlite:///mlflow.db"
EXTRA = "exports"
_RUN_TAG = "unlearnscope.run"
_SQLITE = "sqlite:///"
# MLflow takes no other letters in a name.
_UNFIT = re.compile(r"[^A-Za-z0-9_\-. /]")
_LONGEST_PARAMETER = 500
_AT_ONCE = 500
# By these trackio would send what it is given to a server.
_ELSEWHERE = ("TRACKIO_SPACE_ID", "TRACKIO_SERVER_URL")


@dataclasses.dataclass(frozen=True)
class Logged:
    """What a tracker is told of a run.

    Attributes:
        run_id: of the run.
        title: its name.
        group: shared by the runs of a grid; may be empty.
        parameters: the specification, with dotted names.
        rounds: number of a round to its metrics, on the recorded samples, and the unix time at which it was written.
        outcome: metrics of the result on all samples, after a word and a dot: ``before``, ``after``, ``reference``,
            ``seconds``; and the tug of war.
        tags: what a list of runs filters by.
        files: that go along.
    """

    run_id: str
    title: str
    group: str
    parameters: dict[str, str]
    rounds: dict[int, tuple[dict[str, float], float]]
    outcome: dict[str, float]
    tags: dict[str, str]
    files: tuple[Path, ...]


def logged(view: RunView) -> Logged:
    """Reads what a tracker is told.

    Raises:
        BadInput: the run has no round that can be read.
    """
    numbers = view.rounds()
    if not numbers:
        raise BadInput("run", f"{view.run_id} has no round that can be read")
    spec, result, row = view.spec, view.result() or {}, view.row()
    rounds = {}
    for number in numbers:
        manifest = view.manifest(number)
        found = _numbers(manifest["metrics"]) | _numbers(manifest.get("diagnostics"), "method.")
        moment = os.stat(view.run_dir / "rounds" / str(number) / layout.MANIFEST).st_mtime
        rounds[number] = (found | _numbers(manifest.get("seconds"), "seconds."), moment)
    outcome: dict[str, float] = {}
    for name, values in (result.get("metrics") or {}).items():
        outcome |= _numbers(values, f"{name}.")
    outcome |= _numbers(result.get("seconds"), "seconds.total.")
    outcome |= _numbers(result.get("cpu_seconds"), "cpu_seconds.total.")
    outcome |= _numbers({"tow": (result.get("tow") or {}).get("value")})
    present = (view.run_dir / name for name in (layout.SPEC, layout.RESULT))
    return Logged(
        run_id=view.run_id,
        title=row.title,
        group=row.group,
        parameters=dict(_flat(spec.to_json())),
        rounds=rounds,
        outcome=outcome,
        tags={
            _RUN_TAG: view.run_id,
            "unlearnscope.spec_hash": spec.content_hash(),
            "unlearnscope.state": view.state,
            "unlearnscope.stopped_by": str(result.get("stopped_by") or ""),
            "method": spec.method.id,
            "group": row.group,
        },
        files=tuple(path for path in present if path.is_file()),
    )


def log_run(view: RunView, to: str, at: str = "", *, replace: bool = False) -> str:
    """Writes a run into a tracker.

    Args:
        view: the run.
        to: one of `TRACKERS`.
        at: of MLflow a tracking address such as ``sqlite:///mlflow.db``; of trackio a folder; by default its own.
        replace: what the tracker knows of this run already.

    Returns:
        Where it was written, in words.

    Raises:
        BadInput: the tracker knows the run already; the address cannot be used.
        UnlearnscopeError: the package is not installed, or it refuses.
    """
    if to not in TRACKERS:
        raise BadInput("--to", f"no tracker named {to!r}", TRACKERS, given=to)
    told = logged(view)
    # Both print what they do.
    with contextlib.redirect_stdout(sys.stderr):
        return _to_mlflow(told, at, replace) if to == MLFLOW else _to_trackio(told, at, replace)


def _to_mlflow(told: Logged, at: str, replace: bool) -> str:
    address = _store(at or os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT_STORE)
    mlflow = _package("mlflow", MLFLOW)
    try:
        client = mlflow.MlflowClient(tracking_uri=address)
        experiment = _experiment(client, address)
        query = f"tags.`{_RUN_TAG}` = '{told.run_id}'"
        for known in client.search_runs([experiment], query):
            if not replace:
                raise BadInput("--at", f"{address} knows {told.run_id} already; --force replaces it")
            client.delete_run(known.info.run_id)
        first = min(moment for _, moment in told.rounds.values())
        last = max(moment for _, moment in told.rounds.values())
        run = client.create_run(experiment, start_time=int(1000 * first), run_name=told.title, tags=told.tags)
        made, entities = run.info.run_id, mlflow.entities
        metrics = [
            entities.Metric(_UNFIT.sub("_", name), value, int(1000 * moment), number)
            for number, (values, moment) in told.rounds.items()
            for name, value in values.items()
        ]
        final = max(told.rounds)
        metrics += [
            entities.Metric(_UNFIT.sub("_", name), value, int(1000 * last), final)
            for name, value in told.outcome.items()
        ]
        parameters = [entities.Param(name, value) for name, value in told.parameters.items()]
        for start in range(0, len(metrics), _AT_ONCE):
            client.log_batch(made, metrics=metrics[start : start + _AT_ONCE])
        for start in range(0, len(parameters), 100):
            client.log_batch(made, params=parameters[start : start + 100])
        for path in told.files:
            client.log_artifact(made, str(path))
        state = "FINISHED" if told.tags["unlearnscope.state"] == "succeeded" else "KILLED"
        client.set_terminated(made, state, end_time=int(1000 * last))
    except UnlearnscopeError:
        raise
    except Exception as error:  # a database or a server of any kind may refuse in many ways
        raise UnlearnscopeError(f"MLflow refuses {address}: {error}") from error
    return f"{address}, experiment {PROJECT}, run {made}"


def _store(address: str) -> str:
    """An address of MLflow, a file of SQLite with its whole path."""
    if not address.startswith(_SQLITE):
        return address
    path = named_path(address.removeprefix(_SQLITE), "--at")
    if not path.parent.is_dir():
        raise BadInput("--at", f"the folder {path.parent} does not exist")
    return f"{_SQLITE}{path}"


def _experiment(client: Any, address: str) -> str:
    known = client.get_experiment_by_name(PROJECT)
    if known is not None:
        return str(known.experiment_id)
    files = None
    if address.startswith(_SQLITE):
        # Otherwise they would go below whatever folder the command was started in.
        path = Path(address.removeprefix(_SQLITE))
        files = path.with_name(f"{path.stem}-files").as_uri()
    return str(client.create_experiment(PROJECT, artifact_location=files))


def _to_trackio(told: Logged, at: str, replace: bool) -> str:
    if at:
        folder = named_path(at, "--at")
        if "trackio" in sys.modules and Path(str(sys.modules["trackio"].TRACKIO_DIR)) != folder:
            raise BadInput("--at", "trackio is loaded already and writes elsewhere; use a process of its own")
        os.environ["TRACKIO_DIR"] = str(folder)
    for name in _ELSEWHERE:
        os.environ.pop(name, None)
    trackio = _package("trackio", TRACKIO)
    try:
        for run in [run for run in _known(trackio) if run.name == told.run_id]:
            if not replace:
                raise BadInput("--at", f"the project {PROJECT} knows {told.run_id} already; --force replaces it")
            run.delete()
        trackio.init(
            project=PROJECT,
            name=told.run_id,
            group=told.group or None,
            config={**told.parameters, **told.tags, "title": told.title},
            embed=False,
            auto_log_gpu=False,
            auto_log_cpu=False,
        )
        for number, (values, _) in told.rounds.items():
            trackio.log(values | (told.outcome if number == max(told.rounds) else {}), step=number)
        trackio.finish()
    except UnlearnscopeError:
        raise
    except Exception as error:  # its database may refuse in many ways
        raise UnlearnscopeError(f"trackio refuses: {error}") from error
    return f"{trackio.TRACKIO_DIR}, project {PROJECT}, run {told.run_id}"


def _known(trackio: ModuleType) -> list[Any]:
    """The runs of our project; of a project that there is not, trackio complains."""
    try:
        return list(trackio.Api().runs(PROJECT))
    except ValueError:
        return []


def _package(module: str, name: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise UnlearnscopeError(
            f"{name} is not installed: pip install 'unlearnscope[{EXTRA}]', or pip install -r requirements-exports.txt "
            f"({error})"
        ) from error


def _numbers(values: Any, before: str = "") -> dict[str, float]:
    """What of a stored table is a number, under longer names."""
    items = values.items() if isinstance(values, Mapping) else ()
    return {
        f"{before}{name}": float(value)
        for name, value in items
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def _flat(content: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Nested settings by dotted names, each as a text that a tracker can keep."""
    for name, value in content.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", str(value)[:_LONGEST_PARAMETER]
