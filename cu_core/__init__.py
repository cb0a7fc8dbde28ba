"""Backend of Unlearnscope: datasets, models, unlearning methods, runs and figures.

Nothing in this package imports streamlit. The parts that a page reads (records, specifications,
`cu_core.runstore`, `cu_core.figures`) import neither torch nor scikit-learn nor umap.

Importing it, or anything in it, fills the registries: the packages named here add their entries to them, from the
lowest floor upwards: presets are made of methods.

For Python and notebooks it offers `run`, `audit`, `runs` and `open` (docs/python.md)::

    import cu_core as us

    run = us.run(dataset="digits", forget="class:5", reference=2)
    run.rounds, run.samples(), run.figure("boundary")

They are loaded when they are first asked for, so that importing stays light.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

import cu_core.data.forget_kinds
import cu_core.metrics.attacks
import cu_core.metrics.questions
import cu_core.learning.backbones
import cu_core.learning.objectives
import cu_core.methods
import cu_core.projections
import cu_core.analysis.papers

from cu_core.base.errors import BadInput as BadInput
from cu_core.base.home import Home as Home
from cu_core.base.version import __version__ as __version__

if TYPE_CHECKING:
    from cu_core.python.python_run import Run as Run
    from cu_core.python.session import audit as audit
    from cu_core.python.session import open as open
    from cu_core.python.session import run as run
    from cu_core.python.session import runs as runs

_OFFERED = {"Run": "python_run", "audit": "session", "open": "session", "run": "session", "runs": "session"}
"""Names that are loaded when they are asked for, and the module of `cu_core.python` that has each."""


def __getattr__(name: str) -> Any:
    if name not in _OFFERED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"cu_core.python.{_OFFERED[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_OFFERED})
