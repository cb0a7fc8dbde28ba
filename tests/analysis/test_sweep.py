"""Sweeps: which runs they stand for, what they leave out, and which of them need not be made again."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from cu_core.analysis.sweeps.done import key_of, matching, missing
from cu_core.analysis.sweeps.made_on import unlike_most
from cu_core.analysis.sweeps.named import SWEEPS
from cu_core.analysis.sweeps.sweep import Sweep, expand, fitting, sweep_from_json
from cu_core.analysis.sweeps.sweep_matrix import key_value, lines, tally
from cu_core.analysis.sweeps.sweep_store import path_of, recall, remember
from cu_core.base.errors import BadInput
from cu_core.base.files import read_json, write_json
from cu_core.base.home import Home
from cu_core.catalogue.compatibility import check
from cu_core.catalogue.method_record import METHODS, methods_here
from cu_core.catalogue.recipes import unlearning_recipe
from cu_core.catalogue.spec import RunSpec
from cu_core.catalogue.spec_parts import DataSpec, ModelSpec, TrainSpec
from cu_core.catalogue.spec_recording import StopSpec
from cu_core.runstore import layout
from cu_core.runstore.layout import INFO, SPEC
from cu_core.runstore.reader import list_runs, open_run
from tests.madeup import MadeUp, write_run

BASE = RunSpec(train=TrainSpec(epochs=2))
TWO = Sweep(BASE, ("contrastive", "retrain"), ("class:5", "random:50"), (0, 1))


def write(home: Home, name: str, spec: RunSpec, **made) -> None:
    """A made-up run of exactly this specification."""
    parts = {p: getattr(spec, p) for p in ("data", "model", "train", "method", "group", "name")}
    write_run(home, name, MadeUp(spec.forget.select, references=(), seed=spec.seed, spec=parts, images=False, **made))
    assert open_run(home, name).spec.content_hash() == spec.content_hash()


def test_every_method_meets_every_forget_set_and_seed_with_its_own_recipe() -> None:
    runs = expand(TWO).runs
    cells = [(r.method.id, r.forget.select, r.seed) for r in runs]
    assert cells == [(m, f, s) for m in ("contrastive", "retrain") for f in ("class:5", "random:50") for s in (0, 1)]
    for run in runs:
        task = "class" if run.forget.select == "class:5" else "sample"
        assert run.method.params == unlearning_recipe(run.method.id, "digits", "tiny-cnn", task)
        assert (run.train, run.data, run.group) == (BASE.train, BASE.data, TWO.name)


def test_hyper_parameters_vary_for_their_own_method_alone() -> None:
    sweep = dataclasses.replace(TWO, varied={"contrastive": {"temperature": ("0.3", "0.7"), "retain_batches": ("2",)}})
    runs = expand(sweep).runs
    assert len(runs) == 2 * 2 * 2 + 2 * 2
    mine = [r.method.params for r in runs if r.method.id == "contrastive" and r.seed == 0]
    assert {(p.temperature, p.retain_batches) for p in mine} == {(0.3, 2), (0.7, 2)}
    assert sweep.name != TWO.name


def test_a_limit_on_rounds_does_not_leave_a_retraining_half_done() -> None:
    base = RunSpec(stop=StopSpec(max_rounds=2))
    runs = expand(Sweep(base, methods=("contrastive", "retrain", "eu_k"), forget=("class:5",))).runs
    assert {run.method.id: run.max_rounds for run in runs} == {
        "contrastive": 2,
        "retrain": base.train.epochs,
        "eu_k": base.train.epochs,
    }


def test_what_does_not_go_together_is_left_out_with_the_reason() -> None:
    classes_only = [m.id for m in METHODS.values() if m.tasks == ("class",) and "supervised" in m.objectives]
    sweep = Sweep(BASE, forget=("class:5", "mislabelled"))
    found = expand(sweep)
    assert {left.method for left in found.left_out if left.forget == "mislabelled"} == set(methods_here())
    reasons = {left.method: left.reason for left in found.left_out if left.forget == "mislabelled"}
    assert all(reasons.values()) and "label noise" in reasons["contrastive"]
    assert set(classes_only) <= {run.method.id for run in found.runs}
    samples = expand(Sweep(BASE, forget=("random:50",)))
    assert set(classes_only) <= {left.method for left in samples.left_out}
    assert {left.method for left in samples.left_out}.isdisjoint(run.method.id for run in samples.runs)
    assert fitting(BASE, ["random:50"]) == list(dict.fromkeys(run.method.id for run in samples.runs))


@pytest.mark.parametrize(
    "change",
    [
        {"methods": ("nonsense",)},
        {"varied": {"finetune_not_in_it": {"lr": ("1",)}}},
        {"varied": {"contrastive": {"nonsense": ("1",)}}},
        {"varied": {"contrastive": {"temperature": ("-3",)}}},
        {"forget": ()},
        {"seeds": ()},
        {"forget": ("everything",)},
        {"seeds": tuple(range(600))},
    ],
)
def test_what_names_nothing_or_asks_for_far_too_much_is_refused(change: dict) -> None:
    with pytest.raises(BadInput):
        expand(dataclasses.replace(TWO, **change))


@pytest.mark.parametrize("named", SWEEPS.values(), ids=SWEEPS)
def test_ready_made_sweeps_can_be_launched(named) -> None:
    found = expand(named.sweep)
    assert {run.group for run in found.runs} == {named.id}
    assert {run.method.id for run in found.runs} | {left.method for left in found.left_out} == set(methods_here())
    assert {"contrastive", "retrain"} <= {run.method.id for run in found.runs}
    for run in found.runs:
        check(run)


def test_the_cifar10_sweep_is_of_the_size_that_its_name_promises() -> None:
    runs = expand(SWEEPS["all-methods-cifar10"].sweep).runs
    assert {(r.data, r.model.backbone, r.reference) for r in runs} == {
        (DataSpec("cifar10", train_limit=10_000), "resnet8", 5)
    }
    assert {r.forget.select for r in runs} == {"class:5", "random:500"} and {r.seed for r in runs} == {0, 1, 2}


def test_a_sweep_survives_being_stored_and_damage_is_no_sweep(home: Home) -> None:
    sweep = dataclasses.replace(TWO, varied={"contrastive": {"temperature": ["0.3"]}})
    assert sweep_from_json(sweep.to_json()) == sweep
    remember(sweep, home)
    back = recall(home, sweep.name)
    assert back is not None and expand(back) == expand(sweep)
    assert recall(home, "another") is None
    write_json(path_of(home, sweep.name), {"base": 3})
    assert recall(home, sweep.name) is None


def test_runs_that_are_done_or_on_their_way_are_not_made_again(home: Home) -> None:
    specs = expand(TWO).runs
    write(home, "done", dataclasses.replace(specs[0], group="another", name="mine"))
    write(home, "coming", specs[1], state="queued")
    write(home, "broken", specs[2], state="failed")
    found = matching(specs, home)
    assert [found[key_of(s)].run_id for s in specs[:3]] == ["done", "coming", "broken"]
    assert missing(specs, found) == list(specs[2:])
    write(home, "again", specs[2], state="queued")
    assert missing(specs, matching(specs, home)) == list(specs[3:])


def test_a_finished_run_counts_before_one_that_waits(home: Home) -> None:
    spec = expand(TWO).runs[0]
    for name, state in (("a", "queued"), ("b", "succeeded"), ("c", "failed")):
        write(home, name, spec, state=state)
    assert matching([spec], home)[key_of(spec)].run_id == "b"


def test_a_run_that_is_older_than_a_setting_counts_by_what_it_did(home: Home) -> None:
    spec = expand(TWO).runs[0]
    write(home, "old", spec)
    folder = home.runs / "old"
    content = open_run(home, "old").spec.to_json()
    del content["audit"]
    write_json(folder / SPEC, content)
    write_json(folder / INFO, open_run(home, "old").info | {"spec_hash": "of another version"})
    assert matching([spec], home)[key_of(spec)].run_id == "old"


def test_a_relative_path_is_the_same_run_as_the_absolute_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pictures").mkdir()
    monkeypatch.chdir(tmp_path)
    relative = dataclasses.replace(BASE, data=DataSpec("folder:pictures"), model=ModelSpec("resnet8"))
    absolute = dataclasses.replace(relative, data=DataSpec(f"folder:{tmp_path}/pictures"))
    assert key_of(relative) == key_of(absolute)


def test_a_line_sums_up_its_seeds(home: Home) -> None:
    sweep = dataclasses.replace(TWO, seeds=(0, 1, 2), varied={"contrastive": {"temperature": ("0.3", "0.7")}})
    specs = expand(sweep).runs
    for spec in specs[:2]:
        write(home, f"seed-{spec.seed}", spec)
    found = matching(specs, home)
    shown = lines(specs, found)
    assert [(line.title, line.forget) for line in shown][:3] == [
        ("Contrastive unlearning · Temperature τ 0.3", "class:5"),
        ("Contrastive unlearning · Temperature τ 0.7", "class:5"),
        ("Contrastive unlearning · Temperature τ 0.3", "random:50"),
    ]
    assert shown[-1].title == "Retrain" and list(shown[0].cells) == [0, 1, 2] and shown[0].cells[2] is None
    values = [open_run(home, f"seed-{n}").result()["metrics"]["after"] for n in (0, 1)]
    mean, deviation = shown[0].mean("forget_acc")
    a, b = (v["forget_acc"] for v in values)
    assert mean == pytest.approx((a + b) / 2) and deviation == pytest.approx(abs(a - b) / 2**0.5)
    # Of class forgetting, unseen means the classes that stay.
    assert key_value(shown[0].cells[0], "test_acc") == values[0]["test_acc_retained"]
    assert shown[1].mean("forget_acc") == (None, None)
    assert tally(specs, found) == {"succeeded": 2, "missing": len(specs) - 2}


def test_runs_that_another_machine_made_are_named(home: Home) -> None:
    usual = {"hardware": {"device": "cpu", "name": "A", "threads": 2}, "versions": {"torch": "2.8"}}
    others = {
        "machine": usual | {"hardware": usual["hardware"] | {"name": "B"}},
        "threads": usual | {"hardware": usual["hardware"] | {"threads": 4}},
        "torch": usual | {"versions": {"torch": "2.7"}},
        "nothing": {"hardware": {"device": "cpu"}, "versions": {}},
        "damaged": {"hardware": ["A"], "versions": 3},
    }
    for name, made in ({"same": usual, "other": usual} | others).items():
        write_run(home, name, MadeUp(result=made, images=False))
    rows = list_runs(home)
    assert unlike_most(rows, home, "") == {
        "machine": ["other machine: B"],
        "threads": ["4 threads instead of 2"],
        "torch": ["torch 2.7 instead of 2.8"],
    }
    # What fixed the threads of all attempts counts, and not what the last one noted.
    write_json(home.runs / "same" / layout.THREADS, {"threads": 1})
    path = home.runs / "same" / layout.RESULT
    write_json(path, read_json(path))
    assert unlike_most(rows, home, "")["same"] == ["1 thread instead of 2"]


def test_of_as_many_runs_on_two_machines_those_of_the_sweep_are_the_usual_ones(home: Home) -> None:
    for name, group in (("a", ""), ("b", "mine")):
        made = {"hardware": {"device": "cuda:0", "name": name, "threads": 8}, "versions": {"torch": "2.8"}}
        write_run(home, name, MadeUp(result=made, images=False, spec={"group": group}))
    assert unlike_most(list_runs(home), home, "mine") == {"a": ["other machine: a"]}
