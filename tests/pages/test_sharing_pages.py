"""What pages show to viewers, operators and strangers of a shared dashboard."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from cu_core.analysis.sweeps.sweep import Expanded
from cu_core.base.files import read_json, write_json
from cu_core.base.home import Home
from cu_core.catalogue.presets import DEFAULT_PRESET
from cu_core.jobs import submission
from cu_core.runstore import layout
from cu_core.runstore.reader import list_runs
from cu_core.sharing import clock, door_state, logouts
from cu_core.sharing.seal import Visit, seal
from pages._frame import gate
from pages._launch import form_fields
from pages._sweep import sweep_matrix
from tests.madeup import MadeUp, write_run
from tests.pages.page_helpers import SHELL, open_page, texts

SHARING = 'way = "oidc"\nhosts = ["a.org"]\n[people]\nomar = "operator"\nolga = "operator"\nvera = "viewer"\n'


@pytest.fixture
def enter(home: Home, monkeypatch: pytest.MonkeyPatch):
    """Lets somebody in as the door would; with two runs, one of them Omar's."""
    (home.root / "sharing.toml").write_text(SHARING)
    monkeypatch.setattr(door_state, "_shared", True)
    for run_id, owner in (("omars", "omar"), ("machines", "")):
        run_dir = write_run(home, run_id, MadeUp(seed=len(run_id)))
        info = {k: v for k, v in read_json(run_dir / layout.INFO).items() if k != "seal"}
        write_json(run_dir / layout.INFO, info | {"owner": owner})

    def entered(name: str, until: float = 0.0, login: str = "") -> None:
        value = seal(Visit(name, until or clock.elapsed() + 1000, login))
        monkeypatch.setattr(gate, "sealed", lambda: value)

    return entered


def button(app: AppTest, label: str):
    return next(b for b in app.button if b.label == label)


def nothing_shown(app: AppTest) -> bool:
    """Whether there is one message and nothing else."""
    return len(app.error) == 1 and not (app.title or app.button or app.markdown or app.caption or app.dataframe)


def test_a_stranger_sees_nothing_of_any_page(enter) -> None:
    enter("mallory")
    for page in sorted(path.name for path in SHELL.parent.glob("[!_]*.py")):
        assert nothing_shown(open_page(page, run="omars")), page


def test_a_login_that_has_ended_shows_nothing(enter) -> None:
    for name, until in (("vera", clock.elapsed() - 1.0), ("", 0.0)):
        enter(name, until)
        assert nothing_shown(open_page("runs.py"))


def test_a_tab_of_a_login_that_was_ended_elsewhere_shows_nothing(home: Home, enter) -> None:
    enter("vera", login="a-login")
    assert not nothing_shown(open_page("runs.py"))
    logouts.end(home, "a-login")
    assert nothing_shown(open_page("runs.py"))


def test_a_server_without_the_door_shows_nothing_where_the_home_is_shared(
    enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door_state, "_shared", None)
    monkeypatch.setattr(gate, "sealed", lambda: None)
    assert nothing_shown(open_page("runs.py"))


def test_a_viewer_sees_runs_and_finds_every_button_closed_with_its_reason(enter) -> None:
    enter("vera")
    app = open_page("runs.py")
    launch = button(app, "Launch a run")
    assert launch.disabled and "only operators may launch runs" in launch.help
    app = open_page("run.py", run="omars")
    for label in ("Clone", "Delete"):
        assert button(app, label).disabled and "viewer" in button(app, label).help
    assert [link.proto.disabled for link in app.get("page_link") if link.proto.label == "Drift"] == [False]
    app = open_page("launch.py", clone="omars")
    assert "only operators may launch runs" in texts(app) and not app.selectbox
    app = open_page("sweep.py")
    assert "only operators may launch runs" in texts(app) and not [b for b in app.button if b.key == "queue_sweep"]
    assert [b.disabled for b in open_page("papers.py").button if b.key == "queue_table"] == [True]


def test_an_operator_acts_on_own_runs_only(enter, home: Home) -> None:
    enter("omar")
    assert not button(open_page("runs.py"), "Launch a run").disabled
    closed = button(open_page("run.py", run="machines"), "Delete")
    assert closed.disabled and "the owner of this machine" in closed.help
    app = open_page("run.py", run="omars")
    assert "by omar" in texts(app)
    button(app, "Delete").click().run()
    assert [row.run_id for row in list_runs(home)] == ["machines"]
    enter("olga")
    app = open_page("runs.py")
    app.session_state["bin_box"] = True
    app.run()
    assert button(app, "Restore").disabled and "Nothing here is yours" in texts(app)


def test_a_click_that_should_not_have_been_possible_changes_nothing(enter, home: Home) -> None:
    enter("omar")
    app = open_page("run.py", run="omars")
    enter("vera")
    button(app, "Delete").click().run()
    assert len(list_runs(home)) == 2


def test_the_list_says_whose_runs_they_are_and_shows_only_mine(enter) -> None:
    enter("omar")
    app = open_page("runs.py")
    assert list(app.dataframe[0].value["owner"]) in (["omar", ""], ["", "omar"])
    next(t for t in app.toggle if t.label == "Mine").set_value(True).run()
    assert list(app.dataframe[0].value["owner"]) == ["omar"]
    assert "omar · operator" in texts(app)


def test_an_operator_cannot_point_the_form_at_a_file_of_the_server(enter, tmp_path) -> None:
    enter("omar")
    secret = tmp_path / "secret.csv"
    secret.write_text("1\nvery secret\n")
    app = open_page("launch.py")
    app.session_state[form_fields.key_of("forget.kind")] = "indices"
    app.session_state[form_fields.key_of("forget.file")] = str(secret)
    app.run()
    assert "only uploaded files" in texts(app).lower() and "very secret" not in texts(app)
    assert not app.exception


def test_an_open_tab_notices_that_its_visitor_may_not_see_it_any_more(enter, monkeypatch: pytest.MonkeyPatch) -> None:
    enter("vera")
    drawn_again: list[int] = []
    monkeypatch.setattr(gate.st, "rerun", lambda: drawn_again.append(1))
    gate.check_again()
    assert not drawn_again
    enter("vera", until=1.0)
    gate.check_again()
    assert drawn_again


def test_a_name_is_shown_as_it_was_written(enter, home: Home) -> None:
    (home.root / "sharing.toml").write_text(SHARING + '"v**era**" = "viewer"\n')
    enter("v**era**")
    assert any(r"v\*\*era\*\* · viewer" in caption.value for caption in open_page("runs.py").caption)


def test_a_sweep_leaves_the_stopped_runs_of_others_alone(enter, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = DEFAULT_PRESET.spec
    stopped = {owner: submission.submit(spec, home, owner=owner) for owner in ("omar", "olga")}
    for run_id in stopped.values():
        submission.cancel(home, run_id)
    monkeypatch.setattr("cu_core.jobs.dispatcher.ensure_dispatcher", lambda home: False)

    def queued() -> dict[str, str]:
        return {row.run_id: row.owner for row in list_runs(home) if row.state == "queued"}

    enter("omar")
    submission.delete(home, stopped["omar"])
    assert sweep_matrix.queue_missing(Expanded((spec,), ()), "token") == 1
    (made,) = queued()
    assert queued()[made] == "omar" and made not in stopped.values()
    submission.cancel(home, made)
    enter("olga")
    submission.delete(home, made)
    assert sweep_matrix.queue_missing(Expanded((spec,), ()), "token") == 1
    assert queued() == {stopped["olga"]: "olga"}
