"""The queue of the results on digits: compute, kill, go on, keep, write the page."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.results import encoder_rows, result_queue
from benchmarks.results.__main__ import main
from benchmarks.results.kept_numbers import current, joined, joined_rows, read_kept
from benchmarks.results.result_page import PAGE
from benchmarks.results.result_plan import ENCODERS, METHODS, Study, encoder_specs, method_specs, steps
from benchmarks.results.result_queue import Worker, capped, folder_of, run_of
from benchmarks.results.result_rows import row_of, settings_of
from cu_core.base.home import Home
from cu_core.catalogue.method_record import methods_here
from cu_core.learning import model_cache
from cu_core.runstore import layout
from cu_core.runstore.layout import run_ids
from cu_core.runstore.reader import open_run

TOY = [
    *("--dataset", "digits", "--model", "tiny-cnn", "--larger", "tiny-cnn", "--scale", "digits"),
    *("--methods", "gradient_ascent", "output_filter", "--tasks", "class:5", "random:100"),
    *("--references", "2", "--rounds", "1", "--epochs", "1", "--only", "methods"),
]


def toy(**changes: object) -> Study:
    usual = {"dataset": "digits", "model": "tiny-cnn", "larger": "tiny-cnn", "scale": "digits", "seeds": (0,)}
    usual |= {"methods": ("gradient_ascent",), "tasks": ("random:100",), "references": 2, "rounds": 1}
    return Study(**(usual | {"train": {"epochs": 1}} | changes))


def test_a_study_from_runs_to_page_and_nothing_is_done_twice(home: Home, tmp_path: Path, monkeypatch) -> None:
    trained = []
    whole = model_cache.train
    monkeypatch.setattr(model_cache, "train", lambda *a, **k: trained.append(a) or whole(*a, **k))
    words = ["compute", "--home", str(home.root), *TOY, "--seeds", "0", "1", "--workers", "1"]
    assert main(words) == 0
    # Two bases; seeds 0 to 2 of the references of each forget set.
    assert len(trained) == 2 + 2 * 3
    runs = run_ids(home.runs)
    assert len(runs) == 6, "the output filter cannot forget samples"
    assert main(words) == 0 and len(trained) == 8 and sorted(run_ids(home.runs)) == sorted(runs)
    kept, page = tmp_path / "kept.json", tmp_path / "page.md"
    page.write_text(PAGE.read_text())
    assert main(["keep", "--home", str(home.root), "--kept", str(kept)]) == 0
    numbers = read_kept(kept)["methods"]
    assert len(numbers["rows"]) == 6 and not numbers["waiting"]
    assert {(row["task"], row["seed"]) for row in numbers["references"]} == {
        (task, seed) for task in ("class:5", "random:100") for seed in (0, 1, 2)
    }
    spec = method_specs(toy(seeds=(0, 1)), "tiny-cnn")[0][0]
    result = run_of(home, spec).result()
    row = next(row for row in numbers["rows"] if row["task"] == "random:100" and row["seed"] == 0)
    assert row["forget"] == pytest.approx(result["metrics"]["after"]["forget_acc"], rel=1e-4)
    assert row["forget_ref"] == pytest.approx(result["metrics"]["reference"]["forget_acc"], rel=1e-4)
    assert row["cpu"] == pytest.approx(result["cpu_seconds"]["unlearn"], rel=1e-4)
    assert row["distance"] == pytest.approx(result["nearness"]["distance"][-1], rel=1e-4)
    assert main(["docs", "--kept", str(kept), "--page", str(page)]) == 0
    assert "Gradient ascent" in page.read_text() and "output_filter on random:100" in page.read_text()
    assert str(home.root) not in kept.read_text()


def test_numbers_of_one_study_may_come_from_several_homes(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept, other = tmp_path / "kept.json", Home(tmp_path / "other")
    words = [*TOY, "--workers", "1", "--kept", str(kept)]
    assert main(["compute", "--home", str(home.root), *words, "--seeds", "0"]) == 0
    assert main(["keep", "--home", str(home.root), "--kept", str(kept)]) == 0
    first = read_kept(kept)["methods"]

    assert main(["compute", "--home", str(other.root), *words, "--seeds", "0", "1"]) == 0
    assert {open_run(other, run_id).spec.seed for run_id in run_ids(other.runs)} == {1}
    assert main(["keep", "--home", str(other.root), "--kept", str(kept)]) == 0
    content = read_kept(kept)
    both = content["methods"]
    assert content["study"]["seeds"] == [0, 1] and not both["waiting"]
    assert {row["seed"] for row in both["rows"]} == {0, 1}
    for row in first["rows"]:
        (again,) = [r for r in both["rows"] if all(r[k] == row[k] for k in ("task", "method", "seed"))]
        assert {k: v for k, v in again.items() if k != "made"} == {k: v for k, v in row.items() if k != "made"}
        assert both["made"][again["made"]] == first["made"][row["made"]]
    assert len(both["base"]) == 2 * 2 and len(both["references"]) == 2 * 3

    # A home with one of the forget sets leaves the other where it is.
    third = Home(tmp_path / "third")
    assert main(["compute", "--home", str(third.root), *words, "--seeds", "0", "--tasks", "class:5"]) == 0
    assert main(["keep", "--home", str(third.root), "--kept", str(kept)]) == 0
    assert read_kept(kept)["study"]["tasks"] == ["class:5", "random:100"]
    assert read_kept(kept)["methods"]["rows"] and read_kept(kept)["methods"]["left_out"] == both["left_out"]

    # Another study has a page of its own.
    assert main(["compute", "--home", str(other.root), *words, "--seeds", "1", "--rounds", "2"]) == 0
    there = kept.read_text()
    assert main(["keep", "--home", str(other.root), "--kept", str(kept)]) == 1 and kept.read_text() == there
    assert "rounds 1 there, 2 here" in capsys.readouterr().err
    assert main(["keep", "--home", str(other.root), "--kept", str(kept), "--replace"]) == 0
    assert {row["seed"] for row in read_kept(kept)["methods"]["rows"]} == {1}


def test_runs_with_settings_that_nobody_starts_from_any_more_are_made_anew() -> None:
    study = toy(seeds=(0, 1), tasks=("class:5", "random:100"))
    specs, _ = method_specs(study, "tiny-cnn")
    rows = [
        {"model": "tiny-cnn", "task": s.forget.select, "method": s.method.id, "seed": s.seed, "state": "succeeded"}
        for s in specs
    ]
    settings = {f"tiny-cnn {s.method.id} {s.forget.select}": settings_of(s) for s in specs}
    kept = {"rows": rows, "settings": settings, "waiting": []}
    assert current(kept, study)["rows"] == rows
    values = settings["tiny-cnn gradient_ascent class:5"]["values"]
    values["lr"] *= 2
    found = current(kept, study)
    assert {row["task"] for row in found["rows"]} == {"random:100"}
    assert [(row["task"], row["seed"]) for row in found["waiting"]] == [("class:5", 0), ("class:5", 1)]
    values["lr"] /= 2
    del values["batch_size"]
    assert current(kept, study)["rows"] == rows, "a field that came later changes no value"


def test_a_run_that_kept_the_base_model_has_no_numbers(home: Home) -> None:
    study = toy()
    spec = method_specs(study, "tiny-cnn")[0][0]
    assert Worker(home, study).work(steps(study, METHODS))
    path = run_of(home, spec).run_dir / layout.RESULT
    result = json.loads(path.read_text())
    path.write_text(json.dumps(result | {"stopped_by": "not_a_number"}))
    assert row_of(home, spec, "tiny-cnn")["state"] == "succeeded", "an earlier round is the method's own"
    path.write_text(json.dumps(result | {"stopped_by": "not_a_number", "rounds": 0}))
    row = row_of(home, spec, "tiny-cnn")
    assert row["state"] == "failed" and "no longer numbers in round 1" in row["reason"] and "forget" not in row


def test_rows_of_two_homes_point_to_what_they_were_made_on() -> None:
    def row(seed: int, value: float, made: int) -> dict[str, object]:
        return {"seed": seed, "value": value, "made": made}

    before = {"rows": [row(0, 1.0, 0), row(1, 2.0, 1)], "made": ["old", "older"], "tables": 1}
    now = {"rows": [row(1, 3.0, 0)], "made": ["new"]}
    found = joined_rows(before, now, lambda row: (row["seed"],))
    assert {r["seed"]: (r["value"], found["made"][r["made"]]) for r in found["rows"]} == {
        0: (1.0, "old"),
        1: (3.0, "new"),
    }
    assert "tables" not in found
    again = joined_rows(found, now, lambda row: (row["seed"],))
    assert again == found, "kept twice, nothing is added"


def test_a_home_with_fewer_seeds_does_not_hide_what_is_missing_of_the_others() -> None:
    def place(seed: int) -> dict[str, object]:
        return {"model": "net", "task": "class:5", "method": "a", "seed": seed}

    lists = {name: [] for name in ("base", "references", "made", "left_out")} | {"settings": {}, "records": {}}
    before = lists | {"rows": [], "waiting": [place(0), place(1), place(2)]}
    now = lists | {"rows": [place(0)], "waiting": [place(1)]}
    assert joined(before, now)["waiting"] == [place(1), place(2)]


def test_a_killed_queue_goes_on_where_it_was(home: Home, python_env: dict[str, str]) -> None:
    words = [sys.executable, "-m", "benchmarks.results", "compute", "--home", str(home.root), *TOY, "--seeds", "0"]
    process = subprocess.Popen([*words, "--workers", "2"], env=python_env, start_new_session=True)
    notes = folder_of(home) / "runs"
    began = time.monotonic()
    while not (notes.exists() and list(notes.iterdir())):
        assert process.poll() is None and time.monotonic() - began < 300
        time.sleep(0.2)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    before = run_ids(home.runs)
    assert subprocess.run([*words, "--workers", "1"], env=python_env, timeout=600).returncode == 0
    after = run_ids(home.runs)
    assert set(before) <= set(after) and len(after) == 3


def test_the_time_of_the_queue_and_the_cap_of_a_run_end_it(home: Home) -> None:
    study = toy()
    plan = steps(study, "methods")
    said: list[str] = []
    assert not Worker(home, study, deadline=time.monotonic() - 1, tell=said.append).work(plan) and not said
    short = toy(cap=0.0)
    assert Worker(home, short, tell=said.append).work(steps(short, "methods"))
    assert any("capped" in words for words in said)
    view = run_of(home, plan[-1].spec)
    assert view.state == "cancelled" and capped(home, view.run_id) == {"minutes": 0.0, "rounds": 0}
    said.clear()
    assert Worker(home, short, tell=said.append).work(steps(short, "methods")) and not said, "it is not tried again"


def test_failed_runs_are_tried_again_only_when_asked(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    study = toy()
    plan = [step for step in steps(study, "methods") if step.trains is None]

    def fails(attempt: object) -> None:
        raise RuntimeError("the power went out")

    whole = result_queue.execute
    monkeypatch.setattr(result_queue, "execute", fails)
    said: list[str] = []
    worker = Worker(home, study, tell=said.append)
    assert worker.work(plan) and "the power went out" in said[0]
    assert worker.work(plan) and len(said) == 1
    monkeypatch.setattr(result_queue, "execute", whole)
    assert Worker(home, study, retry=True, tell=said.append).work(plan) and "succeeded" in said[1]


def test_rows_of_encoders_stand_in_their_tables(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    attack = {"auc": [0.7, 0.6, 0.8], "accuracy": [0.66, 0.6, 0.7]}
    attacks = {
        "encoder_mi_t": {"before": {"refitted": attack}, "after": dict.fromkeys(("refitted", "transferred"), attack)}
    }
    metrics = {"before": {"linear_acc": 0.7, "test_acc": 0.6}, "after": {"linear_acc": 0.5, "test_acc": 0.4}}

    class Told:
        def result(self) -> dict[str, object]:
            return {"attacks": attacks, "metrics": metrics, "cpu_seconds": {"train": 9.0}}

    study = Study("digits", scale="digits", seeds=(0, 1))
    missing = encoder_specs(study)["V"][0].content_hash()
    monkeypatch.setattr(encoder_rows, "run_of", lambda home, spec: None if spec.content_hash() == missing else Told())
    found = encoder_rows.encoder_rows(home, study)
    of = {name: [row for row in found["rows"] if row["table"] == name] for name in found["tables"]}
    assert {name: len({row["row"] for row in rows}) for name, rows in of.items()} == {
        "III": 3,
        "IV": 6,
        "V": 2,
        "VI": 5,
    }
    assert len(of["V"]) == 3
    row = of["III"][0]
    assert row["acc_b"] == 70.0 and row["acc_a"] == 50.0 and row["attack_refitted"] == 66.0
    published = {row_id: values for row_id, _, values in found["tables"]["IV"]["published"]}
    assert published["nyy"]["mia"] == 50 and published["yny"]["mia"] == 94


def test_order_is_seed_by_seed_models_first_and_all_methods_are_asked() -> None:
    study = Study("digits", model="tiny-cnn", tasks=("class:5", "random:100"), references=5)
    plan = steps(study, "methods")
    assert [step.spec.seed for step in plan] == sorted(step.spec.seed for step in plan)
    of_first = [step for step in plan if step.spec.seed == 0]
    kinds = [step.trains is None for step in of_first]
    assert kinds == sorted(kinds), "models before runs"
    # A base and five references of each forget set; then one base and the reference of the next seed.
    assert [sum(s.trains is not None for s in plan if s.spec.seed == seed) for seed in (0, 1, 2)] == [11, 3, 3]
    assert {step.spec.forget_seed for step in plan} == {0}
    specs, left_out = method_specs(study, "tiny-cnn")
    asked = {spec.method.id for spec in specs} | {left.method for left in left_out}
    assert asked == set(methods_here()) - {"retrain"}
    encoders = steps(Study("digits", scale="digits"), ENCODERS)
    assert len({step.key for step in encoders if step.trains is not None}) == 9, "three encoders, three seeds"
