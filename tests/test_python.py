"""`import cu_core`: runs from Python, with the words, the errors and the numbers of the command line."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

import cu_core as us
from cu_core.base.errors import BadInput, Cancelled, UnlearnscopeError
from cu_core.base.home import Home
from cu_core.catalogue.method_record import METHODS
from cu_core.cli import main
from cu_core.engine import perform
from cu_core.jobs import foreground
from cu_core.python.run_figures import FIGURES
from cu_core.runstore.reader import open_run
from tests.madeup import CLASSES, MadeUp, write_run
from tests.madeup_claims import madeup_verdict
from tests.test_house import fresh

IMPORT = """
import json, sys
import cu_core
loaded = {name: "" for name in ("torch", "pandas", "plotly", "pyarrow", "sklearn") if name in sys.modules}
offered = sorted(name for name in ("audit", "open", "run", "runs", "BadInput", "Home") if name in dir(cu_core))
print(json.dumps({"loaded": loaded, "offered": offered}))
"""


AUDIT = {"dataset": "digits", "model": "tiny-cnn", "forget": "class:5", "before": __file__, "after": __file__}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A class run with two references and an encoder's; only read."""
    home = Home(tmp_path_factory.mktemp("python")).create()
    spec, verdict = {"group": "g", "name": "<b>one</b>"}, madeup_verdict("differs", references=2)
    write_run(home, "class-run", MadeUp(references=(0, 1), spec=spec, result={"verdict": verdict}))
    write_run(home, "encoder-run", MadeUp(select="random:40", objective="moco", references=(0,)))
    write_run(home, "failed-run", MadeUp(state="failed", references=(), audited=0))
    return home


@pytest.fixture
def run(made: Home) -> us.Run:
    return us.open("class-run", made)


def test_importing_loads_nothing_heavy(python_env: dict[str, str]) -> None:
    found = fresh(IMPORT, env=python_env)
    assert found == {"loaded": {}, "offered": ["BadInput", "Home", "audit", "open", "run", "runs"]}


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="nothing_like_it"):
        _ = us.nothing_like_it


def test_rounds_are_the_metrics_of_the_manifests(run: us.Run, made: Home) -> None:
    table, view = run.rounds, open_run(made, "class-run")
    assert list(table["round"]) == view.rounds() == list(range(6))
    for number in view.rounds():
        manifest = view.manifest(number)
        for metric, value in manifest["metrics"].items():
            cell = table.loc[number, metric]
            assert np.isnan(cell) if value is None else cell == value
        assert table.loc[number, "seconds_unlearn"] == manifest["seconds"]["unlearn"]


def test_samples_are_one_row_per_round_and_sample(run: us.Run, made: Home) -> None:
    view = open_run(made, "class-run")
    probe, table = view.probe(), run.samples()
    assert len(table) == len(probe) * len(view.rounds())
    for number in (0, 5):
        part = table[table["round"] == number].reset_index(drop=True)
        assert list(part["row"]) == list(range(len(probe)))
        pd.testing.assert_frame_equal(part[list(probe.columns)], probe)
        assert list(part["class"]) == [CLASSES[k] for k in probe["label"]]
        assert (part["loss"].to_numpy() == view.array(number, "loss")).all()
        assert (part["top2"].to_numpy() == view.array(number, "top3")[:, 1]).all()
        assert list(part["predicted_class"]) == [CLASSES[k] for k in view.array(number, "top3_class")[:, 0]]
    pd.testing.assert_frame_equal(run.samples("after"), run.samples(5))
    of_reference = run.samples("reference:1")
    assert set(of_reference["reference"]) == {1} and "moved" not in of_reference
    assert (of_reference["loss"].to_numpy() == view.reference_array(1, "loss")).all()


def test_samples_say_the_file_where_it_is_known(made: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    run = us.open("class-run", made)
    assert "name" not in run.samples(0)
    names = {"train": [f"a/{k}.png" for k in range(600)], "test": [f"b/{k}.png" for k in range(200)]}
    monkeypatch.setattr("cu_core.data.images.ImageData.names", lambda self, split: names[split])
    table = run.samples(0)
    assert list(table["name"]) == [names[s][k] for s, k in zip(table["split"], table["sample"], strict=True)]


def test_embeddings_are_those_of_the_round(run: us.Run, made: Home) -> None:
    view = open_run(made, "class-run")
    for named, stored in ((0, view.array(0, "embedding")), ("after", view.array(5, "embedding")),
                          (np.int64(2), view.array(2, "embedding")),
                          ("reference:1", view.reference_array(1, "embedding"))):  # fmt: skip
        found = run.embeddings(named)
        assert found.dtype == np.float32 and np.array_equal(found, stored.astype(np.float32))
        found += 1  # its own memory: a file is never changed through it


@pytest.mark.parametrize("word", FIGURES)
def test_every_figure_is_drawn(word: str, made: Home) -> None:
    if word in ("tsne", "map", "linear", "other"):
        pytest.skip("made-up runs hold no t-SNE, and projections take their time; test_a_run_from_python draws them")
    assert isinstance(us.open("class-run", made).figure(word), go.Figure)
    if word in ("confidence", "similarity", "attack", "boundary", "accuracy"):
        assert isinstance(us.open("encoder-run", made).figure(word, round=3), go.Figure)


def test_many_classes_are_ranked_and_no_table(run: us.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "heatmap" in {trace.type for trace in run.figure("predictions").data}
    monkeypatch.setattr("cu_core.python.run_figures.MOST_CLASSES", 3)
    assert {trace.type for trace in run.figure("predictions").data} == {"bar"}


def test_choices_of_a_figure_count(run: us.Run) -> None:
    first, second = run.figure("confidence"), run.figure("confidence", signal="loss", round=2, reference=1)
    assert first.to_json() != second.to_json()
    assert run.figure("attack", number="auc").to_json() != run.figure("attack").to_json()
    assert len(run.figure("boundary", reference=None).layout.annotations) < len(
        run.figure("boundary").layout.annotations
    )


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda run: run.figure("bondary"), "figure: no figure named 'bondary'; did you mean boundary? (allowed: acc"),
        (
            lambda run: run.figure("confidence", signal="los"),
            "signal: 'los' is none of the choices; did you mean loss?",
        ),
        (lambda run: run.figure("confidence", sinal="loss"), "no choice named 'sinal'; did you mean signal?"),
        (lambda run: run.figure("boundary", round=99), "round: 99 was not recorded in this run (allowed: 0, 1, 2"),
        (lambda run: run.figure("boundary", round="reference:1"), "is no round"),
        (
            lambda run: run.figure("boundary", reference=9),
            "reference: 9 is no recorded reference's seed (allowed: 0, 1",
        ),
        (lambda run: run.figure("tsne"), "was not recorded"),
        (lambda run: run.samples("reference:9"), "reference:0, reference:1"),
        (lambda run: run.embeddings(True), "True was not recorded"),
        (lambda run: run.embeddings(1.5), "1.5 was not recorded"),
        (lambda run: run.weights("rounds:1"), "before, after, round:N, reference:SEED"),
        (lambda run: run.weights(), "has no final weights: weights.pt is missing"),
    ],
)
def test_what_cannot_be_had_is_said(ask, said, run: us.Run) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(BadInput) as caught:
        ask(run)
    assert said in str(caught.value)


def test_html_escapes_and_shows_the_result(run: us.Run, made: Home) -> None:
    html = run._repr_html_()
    assert "&lt;b&gt;one&lt;/b&gt;" in html and "<b>one" not in html
    after = run.result["metrics"]["after"]["retain_acc"]
    assert f"{100 * after:.1f} %" in html
    listed = us.runs(made)._repr_html_()
    assert "3 runs" in listed and "<b>one" not in listed
    assert "failed" in us.open("failed-run", made)._repr_html_()


def test_runs_are_listed_and_opened(made: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert {run.id for run in us.runs(str(made.root))} == {"class-run", "encoder-run", "failed-run"}
    assert [run.id for run in us.runs(made.root, group="g")] == ["class-run"]
    assert [run.id for run in us.runs(made, state="failed")] == ["failed-run"]
    assert us.runs(made, group="g").table["forget_acc"].notna().all()
    monkeypatch.setenv("CU_HOME", str(made.root))
    by_id = us.open("class-run")
    for named in (made.runs / "class-run", str(made.runs / "class-run"), f"{made.runs}/class-run/"):
        assert us.open(named) == by_id and us.open(named).home == made
    elsewhere = tmp_path / "copied"
    os.symlink(made.runs / "class-run", elsewhere)
    assert us.open(elsewhere).rounds.equals(by_id.rounds)
    assert by_id.state == "succeeded" and by_id.spec.forget.select == "class:5"
    assert repr(by_id) == "<run class-run: succeeded, '<b>one</b>'>"


@pytest.mark.parametrize(
    ("words", "options"),
    [
        (["--dataset", "digitz"], {"dataset": "digitz"}),
        (["--preset", "digit5"], {"preset": "digit5"}),
        (["--method", "magic"], {"method": "magic"}),
        (["--forget", "class:"], {"forget": "class:"}),
        (["--seed", "one"], {"seed": "one"}),
        (["--reference", "99"], {"reference": 99}),
        (["--set", "tempreature=1"], {"tempreature": 1}),
        (["--set", "temperature=0"], {"settings": {"temperature": 0}}),
        (["--set", "train.epochs=1.5"], {"train.epochs": 1.5}),
        (["--set", "train.epochs=0"], {"settings": ["train.epochs=0"]}),
        (["--set", "heat"], {"settings": "heat"}),
        (["--spec", "/no/spec.json"], {"spec": Path("/no/spec.json")}),
        (["--set", "model.weights=/no/file.pt"], {"settings": {"model.weights": "/no/file.pt"}}),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else "",
)
def test_errors_are_those_of_the_command_line(words, options, home: Home, capsys) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(BadInput) as caught:
        us.run(home=home, progress=False, **options)
    assert main(["run", *words]) == 2
    assert capsys.readouterr().err == f"bad input: {caught.value}\n".replace(
        "1.5 is not a whole", "'1.5' is not a whole"
    )
    assert not list(home.runs.iterdir())


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda at: us.run(dataset=5, home=at), "dataset"),
        (lambda at: us.run(preset="digit-5", spec={}, home=at), "preset"),
        (lambda at: us.run(settings={5: 1}, home=at), "settings"),
        (lambda at: us.run(preset="paper-ii", home=at), "preset"),
        (lambda at: us.run(spec={"seed": "x"}, home=at), "seed"),
        (lambda at: us.audit(dataset="digits", home=at), "model"),
        (lambda at: us.audit(dataset="digits", befor="x.pt", home=at), "befor"),
        (
            lambda at: us.audit(
                dataset="digits", model="tiny-cnn", forget="class:5", before="no.pt", after=Path("no.pt"), home=at
            ),
            "model.weights",
        ),
        (lambda at: us.open("no-such-run", at), "run"),
        (lambda at: us.open("../x/y", at), "run"),
        (lambda at: us.runs(at, state="done"), "state"),
        (lambda at: us.runs(__file__), "home"),
        (lambda at: us.runs(""), "home"),
        (lambda at: us.runs(home=5), "home"),
        (lambda at: us.runs(home="/nope/x"), "home"),
        (lambda at: us.open(None), "run"),
        (lambda at: us.open(3, at), "run"),
        (lambda at: us.open(b"x", at), "run"),
        (lambda at: us.run(home=at, spec=3), "spec"),
        (lambda at: us.run(home=at, settings=3), "settings"),
        (lambda at: us.run(home=at, token=3), "token"),
        (lambda at: us.run(home=3), "home"),
        (lambda at: us.audit(**AUDIT, home=at, rounds=3), "rounds"),
        (lambda at: us.audit(**AUDIT, home=at, rounds=[3]), "rounds"),
        (lambda at: us.audit(**AUDIT, home=at, references=3), "references"),
        (lambda at: us.audit(**AUDIT, home=at, retrain="x", recipe=3), "recipe"),
        (lambda at: us.audit(**AUDIT, home=at, retrain="x", recipe="standard"), "reference"),
        (lambda at: us.audit(**AUDIT, home=at, settings=3), "settings"),
        (lambda at: us.audit(**AUDIT, home=at, settings=[3]), "settings"),
        (lambda at: us.audit(**AUDIT, home=at, settings={3: 4}), "settings"),
        (lambda at: us.audit(**AUDIT | {"forget": 5}, home=at), "forget"),
        (lambda at: us.audit(**AUDIT, home=at, name=5), "name"),
        (lambda at: us.audit(**AUDIT, home=at, seed=[]), "seed"),
        (lambda at: Home(""), "home"),
        (lambda at: Home(5), "home"),  # type: ignore[arg-type]
        (lambda at: Home(None), "home"),  # type: ignore[arg-type]
    ],
)
def test_wrong_arguments_are_named(call, field, home: Home) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(BadInput) as caught:
        call(home)
    assert caught.value.field == field


def test_a_home_may_be_a_text(made: Home) -> None:
    named = Home(str(made.root))  # type: ignore[arg-type]
    assert named == made and isinstance(named.root, Path)
    assert open_run(named, "class-run").state == "succeeded"


def stub(state: str, error: Exception | None = None):  # type: ignore[no-untyped-def]
    def run_attempt(attempt, execute):  # type: ignore[no-untyped-def]
        attempt.event("train", 1, 2, message="half")
        attempt.finish(state, perform.failure(error) if error else None)
        return state

    return run_attempt


@pytest.mark.parametrize(
    ("state", "error", "kind", "said"),
    [
        ("cancelled", None, Cancelled, "resume()"),
        ("failed", BadInput("train.lr", "is odd", ("0.1",)), BadInput, "train.lr: is odd (allowed: 0.1)"),
        ("failed", RuntimeError("boom"), UnlearnscopeError, "boom"),
    ],
)
def test_a_run_that_ends_badly_raises_in_words(state, error, kind, said, home, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(foreground, "run_attempt", stub(state, error))
    heard: list[dict] = []
    with pytest.raises(kind) as caught:
        us.run(preset="digit-5", home=home, progress=heard.append)
    assert said in str(caught.value)
    assert [event["message"] for event in heard] == ["half"]
    (left,) = us.runs(home)
    assert left.state == state


def test_settings_named_like_the_runs_own_are_told_apart(home: Home, monkeypatch: pytest.MonkeyPatch, capsys) -> None:  # type: ignore[no-untyped-def]
    """A method may have a setting called seed; which seed is meant is asked, and never guessed."""
    from dataclasses import dataclass, replace  # noqa: PLC0415

    from cu_core.base.parameters import param  # noqa: PLC0415

    @dataclass(frozen=True)
    class Params:
        seed: int = param(3, "Seed", "Of the method.")

    record = replace(METHODS["finetune"], id="seeded", params=Params)
    monkeypatch.setitem(METHODS._records, "seeded", record)  # type: ignore[arg-type]
    assert main(["submit", "--method", "seeded", "--set", "seed=7"]) == 2
    assert (
        "'seed' is a setting of the run and one of seeded (allowed: --seed 7, method.seed=7)" in capsys.readouterr().err
    )
    assert main(["submit", "--method", "seeded", "--seed", "1", "--set", "method.seed=7", "--json"]) == 0
    spec = us.open(json.loads(capsys.readouterr().out)["run_id"]).spec
    assert (spec.seed, spec.method.params.seed) == (1, 7)


@pytest.mark.thorough
def test_a_run_from_python_is_that_of_the_command_line(home: Home, capsys) -> None:  # type: ignore[no-untyped-def]
    words = {"train.epochs": 2, "stop.max_rounds": 2, "probe.size": 300, "batch_size": 64}
    made = us.run(dataset="digits", forget="class:5", reference=2, home=home.root, progress=False, **words)
    settings = [word for name, value in words.items() for word in ("--set", f"{name}={value}")]
    assert main(["run", "--dataset", "digits", "--forget", "class:5", "--reference", "2", *settings, "--json"]) == 0
    other = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert made.result["weights_sha256"] == other["weights_sha256"]
    from cu_core.learning.weights import weights_sha256  # noqa: PLC0415

    assert weights_sha256(made.weights()) == other["weights_sha256"]
    assert made.weights("before").keys() == made.weights("round:1").keys() == made.weights("reference:0").keys()
    for word in FIGURES:
        assert isinstance(made.figure(word), go.Figure)
    assert isinstance(made.figure("map", axes=3), go.Figure)
