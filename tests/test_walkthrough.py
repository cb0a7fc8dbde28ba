"""The notebook of the docs runs from top to bottom, and is kept without outputs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cu_core.base.home import Home

NOTEBOOK = Path(__file__).resolve().parent.parent / "docs" / "walkthrough.ipynb"


def test_it_is_kept_without_outputs() -> None:
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)


@pytest.mark.thorough
def test_it_runs_from_top_to_bottom(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed; requirements-dev.txt names it")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed; requirements-dev.txt names it")
    nbformat = pytest.importorskip("nbformat")
    monkeypatch.setenv("PYTHONPATH", str(NOTEBOOK.parent.parent))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbclient.NotebookClient(notebook, timeout=900, resources={"metadata": {"path": str(home.root)}}).execute()
    shown = json.dumps(notebook)
    assert shown.count("application/vnd.plotly.v1+json") == 5 and "<table>" in shown
    assert len(list(home.runs.iterdir())) == 2
