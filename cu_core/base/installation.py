"""Where the program's own files lie: beside the package in the source tree, inside it where a wheel was installed."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]
# The wheel brings app.py, pages, assets and .streamlit here, so that no other project's `app` or `pages` is touched.
_SHIPPED = _PACKAGE / "_dashboard"


def from_wheel() -> bool:
    """Whether this is an installed wheel and no source tree."""
    return _SHIPPED.is_dir()


def dashboard_folder() -> Path:
    """The folder of ``app.py``, ``pages``, ``assets`` and ``.streamlit``.

    Processes of the program start here: in the source tree they find the package by that, and the folder is at the
    same place on every node of a cluster that has the same environment.
    """
    return _SHIPPED if from_wheel() else _PACKAGE.parent
