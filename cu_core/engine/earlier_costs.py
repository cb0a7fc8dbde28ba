"""What earlier runs took besides training, and which models they left trained: estimates rest on both.

Loads no torch: pages ask here.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from cu_core.base.errors import BadInput
from cu_core.base.files import read_json, write_json
from cu_core.base.home import Home
from cu_core.base.parameters import contents
from cu_core.catalogue.spec import RunSpec, digest
from cu_core.data.prepared import dataset_key
from cu_core.engine.base_knowledge import forget_key

SLOWER_SHARE = 0.3
"""How far what is kept follows a run that took longer: other work may have slowed it. A faster one is believed."""


def remember_rest(spec: RunSpec, home: Home, seconds: float) -> None:
    """Keeps what a run took besides training, for the estimate of others like it.

    Args:
        spec: of the run.
        home: where that is kept.
        seconds: from prepared images to the result, without the training of base model and references.
    """
    for path in _rest_paths(spec, home):
        with contextlib.suppress(OSError):
            write_json(path, {"seconds": believed(_number(path, "seconds"), seconds)})


def believed(before: float | None, now: float) -> float:
    """What to keep of a time that was measured again."""
    return now if before is None or now < before else before + SLOWER_SHARE * (now - before)


def known_rest(spec: RunSpec, home: Home) -> float | None:
    """Seconds that a run takes besides training, by earlier ones with the same method, or else with another.

    Raises:
        BadInput: no such dataset; a folder that is missing.
    """
    found = (_number(path, "seconds") for path in _rest_paths(spec, home))
    return next((seconds for seconds in found if seconds is not None), None)


def remember_trained(spec: RunSpec, home: Home, key: str, seed: int, *, reference: bool) -> None:
    """Keeps under which key a model of a run lies among the trained ones."""
    with contextlib.suppress(OSError):
        write_json(_model_path(spec, home, seed, reference=reference), {"key": key})


def known_trained(spec: RunSpec, home: Home, seed: int, *, reference: bool) -> bool:
    """Whether a model of a run needs no training, because an earlier run has left it.

    Args:
        spec: of the run.
        home: where trained models are.
        seed: of the training.
        reference: whether it is a reference, and not the base model.

    Raises:
        BadInput: no such dataset; a folder that is missing.
    """
    try:
        key = str(read_json(_model_path(spec, home, seed, reference=reference))["key"])
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return (home.models / f"{key}.json").is_file() and (home.models / f"{key}.pt").is_file()


def _rest_paths(spec: RunSpec, home: Home) -> list[Path]:
    """Files of what is kept: of runs with the same method and end, and of any with the same models and recording."""
    audit = contents(spec.audit)
    for name in ("of_run", "first_shadow", "seed"):
        audit.pop(name, None)
    alike: list[Any] = [
        dataset_key(spec.data),
        contents(spec.model),
        spec.train.content(),
        contents(spec.probe),
        audit,
        [spec.references, spec.task, spec.device, spec.precision, spec.processes],
    ]
    method = [spec.method.id, contents(spec.method.params), contents(spec.stop)]
    return [home.root / "speeds" / f"rest-{digest(kind)[:24]}.json" for kind in ([*alike, method], alike)]


def _model_path(spec: RunSpec, home: Home, seed: int, *, reference: bool) -> Path:
    left_out = [forget_key(spec, home), spec.forget_seed] if reference else None
    kind = [dataset_key(spec.data), contents(spec.model), spec.train.content(), seed, left_out]
    return home.root / "speeds" / f"trained-{digest([*kind, spec.device, spec.precision])[:24]}.json"


def _number(path: Path, name: str) -> float | None:
    try:
        return float(read_json(path)[name])
    except (OSError, ValueError, KeyError, TypeError, BadInput):
        return None
