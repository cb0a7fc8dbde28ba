"""The launch form's door for a model that was unlearned elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from cu_core.base.home import Home
from cu_core.catalogue.presets import DEFAULT_PRESET
from cu_core.catalogue.spec import MethodSpec
from cu_core.catalogue.spec_parts import DataSpec
from cu_core.jobs import dispatcher
from cu_core.jobs.foreign import audit_spec
from cu_core.runstore.reader import list_runs, open_run
from pages._launch import form_draft
from tests.madeup import write_dataset
from tests.pages.page_helpers import open_page, texts


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch, home: Home) -> None:
    monkeypatch.setattr(dispatcher, "ensure_dispatcher", lambda where: True)
    monkeypatch.setattr("cu_core.jobs.background.start_check", lambda *arguments: None, raising=False)
    write_dataset(home, DataSpec())


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name in ("before", "epoch_2", "epoch_10", "after", "again_1"):
        (tmp_path / f"{name}.pt").write_bytes(name.encode())
    return tmp_path


def enter(app: AppTest) -> AppTest:
    app = app.get_by_key("enter_foreign").click().run()
    assert not app.exception, app.exception
    return app


def fill(app: AppTest, values: dict[str, str]) -> AppTest:
    for name, value in values.items():
        app.get_by_key(f"new:{name}").set_value(value)
    app = app.run()
    assert not app.exception, app.exception
    return app


def test_the_door_asks_for_files_and_makes_an_ordinary_run(home: Home, files: Path) -> None:
    app = enter(open_page("launch.py"))
    # That nothing was named yet is no fault.
    assert "Bring two files: the weights before and after unlearning." in texts(app) and ":red[" not in texts(app)
    assert app.title[0].value == "Look at my model"
    (launch,) = [b for b in app.button if b.label == "Launch"]
    assert launch.disabled
    app = fill(app, {"model.weights": str(files / "before.pt")})
    assert "One more file: the weights after unlearning." in texts(app) and ":red[" not in texts(app)
    app = fill(
        app,
        {
            "model.weights": str(files / "before.pt"),
            "method.given.rounds": str(files / "epoch_*.pt"),
            "given.after": str(files / "after.pt"),
            "reference_files": str(files / "again_1.pt"),
            "method.given.label": "SCRUB (theirs)",
        },
    )
    assert "3 files: epoch\\_2.pt, epoch\\_10.pt, after.pt" in texts(app).replace("epoch_", "epoch\\_")
    launched: Any = next(b for b in app.button if b.label == "Launch")
    app = launched.click().run()
    assert not app.exception, app.exception
    (row,) = list_runs(home)
    spec = open_run(home, row.run_id).spec
    assert [Path(path).name for path in spec.method.params.rounds] == ["epoch_2.pt", "epoch_10.pt", "after.pt"]
    assert spec.reference_files == (str(files / "again_1.pt"),)
    assert (spec.stop.rule, spec.max_rounds, row.method) == ("none", 3, "SCRUB (theirs)")


def test_what_is_missing_is_said_beside_its_field(files: Path) -> None:
    app = fill(
        enter(open_page("launch.py")),
        {
            "model.weights": str(files / "before.pt"),
            "method.given.rounds": f"{files / 'gone_1.pt'}\n{files / 'gone_2.pt'}",
            "given.after": str(files / "after.pt"),
        },
    )
    assert "2 of 4 files cannot be found" in texts(app) and "gone" in texts(app)


def test_the_ordinary_list_of_methods_has_no_dead_entry() -> None:
    app = open_page("launch.py")
    assert "A model unlearned elsewhere" not in app.get_by_key("new:method.id").options
    app = enter(app)
    app = app.get_by_key("leave_foreign").click().run()
    assert not app.exception and app.get_by_key("new:method.id").value == MethodSpec().id


def test_the_way_back_leads_to_the_form_as_it_was() -> None:
    app = open_page("launch.py")
    before = {name: app.session_state[f"new:{name}"] for name in ("reference", "stop.max_rounds", "stop.rule")}
    assert before["reference"] == DEFAULT_PRESET.spec.reference > 0
    app.get_by_key("new:method.id").set_value("ssd").run()
    app = enter(app).get_by_key("leave_foreign").click().run()
    assert not app.exception and app.get_by_key("new:method.id").value == "ssd"
    assert {name: app.session_state[f"new:{name}"] for name in before} == before


def test_an_audit_passes_through_the_form_unchanged(files: Path) -> None:
    spec = audit_spec(
        dataset="digits",
        model="tiny-cnn",
        forget="class:5",
        before=str(files / "before.pt"),
        rounds=str(files / "epoch_*.pt"),
        after=str(files / "after.pt"),
        references=[str(files / "again_1.pt")],
        retrain=2,
        recipe="epochs=3",
        method_name="theirs",
    )
    assert form_draft.spec_of(form_draft.from_spec(spec)) == spec
