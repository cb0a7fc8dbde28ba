"""Weights of a run's models, as tensors by name."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

from cu_core.base.errors import BadInput
from cu_core.base.home import Home
from cu_core.runstore import layout
from cu_core.runstore.reader import RunView

OF = ("after", "before")
# A content hash; anything else in a result that came from elsewhere could name another file.
_KEY = re.compile(r"[0-9a-f]{64}")


def weights_of(view: RunView, home: Home, of: Any) -> dict[str, Any]:
    """The weights of a model of a run.

    Args:
        view: the run.
        home: whose cache holds base models.
        of: one of `OF`.

    Raises:
        BadInput: no such model, or its weights are not kept here.
        CheckpointError: the file is damaged.
    """
    if of not in OF:
        raise BadInput("of", f"{of!r} names no model whose weights are kept", OF, given=str(of))
    path = view.run_dir / layout.WEIGHTS if of == "after" else _base(view, home)
    if not path.is_file():
        why = f"it is {view.state}" if of == "after" else "the base model is not in this home's cache any more"
        raise BadInput("of", f"the weights {of} unlearning of {view.run_id} are not there: {why}")
    state: dict[str, Any] = importlib.import_module("cu_core.learning.weights").read_state_dict(path)
    return state


def _base(view: RunView, home: Home) -> Path:
    key = str((view.result() or {}).get("base_key") or "")
    if not _KEY.fullmatch(key):
        raise BadInput("of", f"nothing tells which base model {view.run_id} began from: it is {view.state}")
    return home.models / f"{key}.pt"
