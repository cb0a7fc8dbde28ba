"""The launch form says how right own weights are, and takes the reading that fits better at one click."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from cu_core.base.home import Home
from cu_core.catalogue.spec import RunSpec
from cu_core.catalogue.spec_parts import DataSpec, ForgetSpec, ModelSpec
from cu_core.engine.base_knowledge import remember_base
from cu_core.jobs import background, dispatcher, submission
from cu_core.jobs.background import Background
from tests.madeup import write_dataset
from tests.pages.page_helpers import open_page, texts

SAID = "Own weights are right on 11 % of 500 unseen samples; with [0, 1] inputs on 98 % of the unseen ones."
BEST = {"normalisation": "unit", "class_order": "dataset", "title": "[0, 1] inputs", "unseen": 0.98}
CHOSEN = {"normalisation": "auto", "class_order": "dataset", "title": "this dataset's mean and deviation"}
FOUND = {"words": SAID, "loud": True, "best": BEST, "chosen": CHOSEN, "forget_words": "It hardly knows it."}
RIGHT = {"words": "They are right.", "loud": False, "best": None, "chosen": BEST, "forget_words": None}


@pytest.fixture
def form(home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AppTest:
    """A copy of a run with own weights, which a stand-in for the process judges by their normalisation."""
    asked: list[RunSpec] = []

    def judged(spec: RunSpec, where: Home) -> Any:
        return RIGHT if spec.model.normalisation == "unit" else FOUND

    def start(spec: RunSpec, where: Home) -> bool:
        asked.append(spec)
        return True

    monkeypatch.setattr(dispatcher, "ensure_dispatcher", lambda where: True)
    monkeypatch.setattr(background, "start_check", start)
    monkeypatch.setattr(background, "check_status", lambda spec, where: Background(False) if asked else None)
    monkeypatch.setattr(background, "check_found", judged)
    write_dataset(home, DataSpec())
    (tmp_path / "own.pt").write_bytes(b"looked at by nobody here")
    spec = RunSpec(model=ModelSpec(head="plain", weights=str(tmp_path / "own.pt")), forget=ForgetSpec("class:1"))
    return open_page("launch.py", clone=submission.submit(spec, home))


def test_the_better_reading_is_taken_at_one_click(form: AppTest) -> None:
    warnings = [str(warning.value) for warning in form.warning]
    assert any("right on 11 %" in text for text in warnings) and any("hardly knows" in text for text in warnings)
    offer = form.get_by_key("take_reading")
    assert "0, 1" in offer.label
    form = offer.click().run()
    assert not form.exception, form.exception
    assert form.get_by_key("new:model.normalisation").value == "unit"
    assert "They are right." in texts(form) and not any("right on 11 %" in str(w.value) for w in form.warning)


def test_what_an_earlier_run_found_is_said_before_the_next(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatcher, "ensure_dispatcher", lambda where: True)
    write_dataset(home, DataSpec())
    spec = dataclasses.replace(RunSpec(), forget=ForgetSpec("class:1"))
    run = submission.submit(spec, home)
    assert "hardly knows" not in texts(open_page("launch.py", clone=run))
    remember_base(spec, home, "The model hardly knows it.")
    assert "An earlier run with the same model found: The model hardly knows it." in texts(
        open_page("launch.py", clone=run)
    )
