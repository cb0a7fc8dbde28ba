"""The loop over rounds: how it ends, what it leaves behind, and that an interruption changes nothing."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

from cu_core.base.home import Home
from cu_core.catalogue.spec import spec_from_json
from cu_core.data.batches import ImageSource
from cu_core.engine import loop, setup
from cu_core.engine.checkpoint import read_checkpoint
from cu_core.engine.earlier_costs import known_rest, known_trained
from cu_core.engine.estimate import START_SECONDS, estimate
from cu_core.engine.setup import set_up
from cu_core.jobs import submission
from cu_core.learning.build import build_model
from cu_core.learning.weights import load_weights, read_state_dict, save_weights
from cu_core.methods.context import Context
from cu_core.runstore.attempt import Attempt
from cu_core.runstore.reader import RunView
from tests.real_runs import submit_changed, work, work_to_the_end

Round = Callable[[Context, int], dict[str, float]]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """One home for all: the base model is trained once."""
    return Home(tmp_path_factory.mktemp("engine") / "home").create()


def submit(home: Home, **parts: Any) -> str:
    content: dict[str, Any] = {
        "train": {"epochs": 3, "batch_size": 32, "lr": 0.1},
        "forget": {"select": "class:5"},
        "method": {"params": {"lr": 0.002, "batch_size": 32}},
        "probe": {"size": 150, "tsne": False},
        "stop": {"max_rounds": 3, "rule": "none", "collapse_drop": 1.0},
        # What attacks leave behind is tested with them.
        "audit": {"attacks": "none"},
        "device": "cpu",
    }
    return submit_changed(home, content, parts)


def finished(home: Home, **parts: Any) -> tuple[RunView, dict[str, Any]]:
    return work_to_the_end(home, submit(home, **parts))


@pytest.fixture
def method(monkeypatch: pytest.MonkeyPatch) -> Callable[[Round], None]:
    """Puts a made-up method in the place of the real one; it gets the context and the round's number."""

    def use(change: Round, rounds: int | None = None) -> None:
        def unlearn(context: Context, params: object) -> Iterator[dict[str, float]]:
            for number in context.rounds():
                if rounds is not None and number > rounds:
                    return
                with torch.no_grad():
                    numbers = change(context, number)
                yield numbers

        monkeypatch.setattr(importlib.import_module("cu_core.methods.contrastive"), "unlearn", unlearn)

    return use


def cancelling(phase: str, done: int) -> type[Attempt]:
    """An attempt that is cancelled when its progress has come this far, in the middle of the next unit."""

    class Cancelling(Attempt):
        def event(self, at: str, reached: int, *details: Any, **named: Any) -> None:
            super().event(at, reached, *details, **named)
            if (at, reached) == (phase, done):
                submission.cancel(self.home, self.run_id)

    return Cancelling


def spoil(context: Context, number: int) -> dict[str, float]:
    """Harmless in round 1; after round 2 the weights are no numbers, though what it tells looks healthy."""
    if number == 2:
        context.model.head.weight.fill_(float("nan"))
    return {"loss": 1.0}


def report_nan(context: Context, number: int) -> dict[str, float]:
    if number == 2:
        context.model.head.bias.add_(1.0)
    return {"loss": float("nan") if number == 2 else 1.0}


@pytest.mark.parametrize("change", [spoil, report_nan])
def test_a_run_that_leaves_the_numbers_ends_at_its_last_healthy_round(home, method, change):
    method(change)
    view, result = finished(home)
    assert (result["stopped_by"], result["rounds"], view.rounds()) == ("not_a_number", 1, [0, 1])
    assert result["metrics"]["after"] == result["metrics"]["before"]
    weights = read_state_dict(home.runs / view.run_id / "weights.pt")
    assert all(torch.isfinite(value).all() for value in weights.values())


def test_embeddings_beyond_half_precision_are_recorded(home, method):
    def blow_up(context: Context, number: int) -> dict[str, float]:
        for parameter in context.model.trunk.parameters():
            parameter.mul_(100)
        return {"loss": 1.0}

    method(blow_up)
    view, result = finished(home, model={"head": "plain"}, stop={"max_rounds": 2})
    assert result["rounds"] == 2
    embedding = view.array(2, "embedding")
    assert np.isfinite(embedding).all() and embedding.max() == 65504
    assert np.isfinite(view.array(2, "coordinates")).all()


def always_zero(context: Context, number: int) -> dict[str, float]:
    context.model.head.weight.zero_()
    context.model.head.bias.copy_(-torch.arange(10.0))
    return {"loss": 1.0}


@pytest.mark.parametrize(("drop", "reason"), [(0.5, "collapse"), (1.0, "class_rule")])
def test_collapse_is_said_even_where_the_rule_is_met(home, method, drop, reason):
    method(always_zero)
    view, result = finished(home, stop={"rule": "auto", "collapse_drop": drop})
    assert view.manifest(1)["rule"]["met"]
    assert (result["stopped_by"], result["rounds"]) == (reason, 1)


@pytest.mark.parametrize(("rounds", "reason", "number"), [(None, "max_rounds", 3), (2, "method_finished", 2)])
def test_a_method_may_end_by_itself(home, method, rounds, reason, number):
    method(lambda context, k: {"loss": 1.0}, rounds)
    view, result = finished(home)
    assert (result["stopped_by"], result["rounds"], view.rounds()) == (reason, number, list(range(number + 1)))


def test_a_method_without_any_round_fails(home, method):
    """Its base model would pass for the unlearned one."""
    method(lambda context, k: {"loss": 1.0}, 0)
    run_id = submit(home)
    view = work(home, run_id)
    assert view.state == "failed" and view.result() is None
    assert "contrastive ended before its first round: nothing was unlearned" in str(view.error)


def test_models_of_another_number_of_threads_are_not_shared_and_the_notes_say_so(home, monkeypatch):
    data = {"dataset": "digits", "train_limit": 300}
    spec = {"data": data, "train": {"epochs": 1, "seed": 78}, "reference": 2, "stop": {"max_rounds": 1}}
    # What the key is made of; really two threads wait for each other wherever processors are busy.
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    _, first = finished(home, **spec)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    _, second = finished(home, **spec)
    (note,) = set(second["notes"]) - set(first["notes"])
    assert note.startswith("Trained once more") and set(first["notes"]) < set(second["notes"])
    assert "base model (1), reference of seed 78 (1), reference of seed 79 (1). This run has 2." in note
    assert (second["base_cached"], second["reference_cached"]) == (False, False)


def test_a_rule_without_samples_is_said(home, tmp_path):
    path = tmp_path / "one.csv"
    path.write_text("7\n")
    _, result = finished(home, forget={"select": f"indices:{path}"}, stop={"rule": "auto", "max_rounds": 1})
    (note,) = result["notes"]
    assert "sample rule" in note and "forget samples" in note and "stop.protocol=paper" in note
    assert result["metrics"]["after"]["forget_acc"] is not None
    _, whole = finished(
        home, forget={"select": f"indices:{path}"}, stop={"rule": "auto", "max_rounds": 1, "protocol": "paper"}
    )
    assert whole["notes"] == []


def test_the_result_says_what_came_from_the_cache(home):
    spec = {"train": {"epochs": 2, "seed": 77}, "reference": 1, "stop": {"max_rounds": 1}}
    _, first = finished(home, **spec)
    view, second = finished(home, **spec)
    assert (first["base_cached"], first["reference_cached"]) == (False, False)
    assert (second["base_cached"], second["reference_cached"]) == (True, True)
    assert second["data_sha256"] == json.loads((home.runs / view.run_id / "dataset.json").read_text())["sha256"]
    assert finished(home)[1]["reference_cached"] is False


VARIANTS = {
    "batch": {},
    "queue": {"method": {"params": {"lr": 0.002, "batch_size": 32, "queue": 100}}},
    "plain": {"model": {"head": "plain"}, "method": {"params": {"lr": 0.0005, "normalize": False}}},
    "samples": {"forget": {"select": "random:60"}},
    "encoder": {
        "train": {"objective": "moco", "epochs": 1, "queue": 64},
        "forget": {"select": "random:60"},
        "method": {"id": "gradient_penalty", "params": {"lr": 0.002, "batch_size": 32}},
    },
}


@pytest.mark.parametrize("parts", VARIANTS.values(), ids=VARIANTS)
def test_an_interrupted_run_ends_like_an_uninterrupted_one(home, parts):
    whole_view, whole = finished(home, **parts)
    run_id = submit(home, **parts)
    assert work(home, run_id, kind=cancelling("unlearn", 2)).state == "cancelled"
    view = work(home, run_id, submission.resume_here(home, run_id))
    result = view.result()
    assert result["weights_sha256"] == whole["weights_sha256"]
    assert result["metrics"] == whole["metrics"] and result["rounds"] == 3
    for number in view.rounds():
        assert view.manifest(number)["metrics"] == whole_view.manifest(number)["metrics"]
        assert (view.array(number, "coordinates") == whole_view.array(number, "coordinates")).all()
    told = [view.manifest(number)["seconds"]["unlearn"] for number in view.rounds()]
    assert result["seconds"]["unlearn"] == pytest.approx(sum(told)), "time of both attempts, each round once"
    assert result["cpu_seconds"]["unlearn"] > 0


def test_a_resumed_run_keeps_the_samples_that_it_began_with(home, monkeypatch):
    drawn = setup.choose_probe
    with monkeypatch.context() as earlier:
        # As if an earlier version had drawn them in another way.
        earlier.setattr(setup, "choose_probe", lambda *args, seed, **named: drawn(*args, seed=seed + 1, **named))
        whole, _ = finished(home)
        run_id = submit(home)
        assert work(home, run_id, kind=cancelling("unlearn", 2)).state == "cancelled"
    view = work(home, run_id, submission.resume_here(home, run_id))
    assert (view.probe() == whole.probe()).all(axis=None)
    for number in view.rounds():
        assert (view.array(number, "margin") == whole.array(number, "margin")).all()


def test_a_rule_that_the_base_model_meets_is_no_success_of_the_method(home, monkeypatch):
    parts = {"train": {"epochs": 1, "lr": 1e-6, "seed": 5}, "stop": {"rule": "class"}}
    monkeypatch.setattr(loop, "base_words", lambda setup, before: None)
    view, result = finished(home, **parts)
    assert result["stopped_by"] == "class_rule" and "met by the model before unlearning" in result["cautions"][0]
    assert finished(home, stop={"rule": "class"})[1]["cautions"] == []


def test_a_run_leaves_the_next_estimate_what_it_took_and_trained(home):
    view, _ = finished(home, reference=1)
    spec = view.spec
    assert known_trained(spec, home, spec.train_seed, reference=False)
    assert known_trained(spec, home, spec.train_seed, reference=True)
    rest = known_rest(spec, home)
    assert rest is not None and rest > 0
    found = estimate(spec, home)
    assert found.expected_training == 0 and found.expected == pytest.approx(START_SECONDS + rest)


def test_what_a_run_took_of_the_processor_is_told_by_phase(home):
    _, result = finished(home, reference=1)
    assert set(result["cpu_seconds"]) == set(result["seconds"])
    assert all(result["cpu_seconds"][phase] > 0 for phase in ("train", "unlearn", "evaluate", "reference"))
    assert result["references"][0]["cpu_seconds"] == result["cpu_seconds"]["reference"]


def test_a_checkpoint_of_an_earlier_version_leaves_the_work_before_it_unknown(home, monkeypatch):
    run_id = submit(home)
    assert work(home, run_id, kind=cancelling("unlearn", 2)).state == "cancelled"

    def older(path):
        state = read_checkpoint(path)
        del state["cpu_seconds"]
        return state

    monkeypatch.setattr("cu_core.engine.checkpoint.read_checkpoint", older)
    result = work(home, run_id, submission.resume_here(home, run_id)).result()
    assert result["cpu_seconds"]["unlearn"] is None and result["cpu_seconds"]["train"] > 0
    assert result["seconds"]["unlearn"] > 0


def test_interrupted_while_a_reference_trains(home, monkeypatch):
    monkeypatch.setattr("cu_core.learning.training.CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr("cu_core.learning.training.CHECKPOINT_RATIO", 0.0)
    parts = {"reference": 2, "train": {"epochs": 4, "seed": 5}}
    run_id = submit(home, **parts)
    stopped = work(home, run_id, kind=cancelling("reference", 6))
    assert stopped.state == "cancelled" and stopped.references() == [5]
    before = (home.runs / run_id / "rounds" / "3" / "manifest.json").read_bytes()
    view = work(home, run_id, submission.resume_here(home, run_id))
    assert view.state == "succeeded" and view.references() == [5, 6]
    assert (home.runs / run_id / "rounds" / "3" / "manifest.json").read_bytes() == before, "not unlearned again"
    lines = (home.runs / run_id / "attempt-2" / "events.jsonl").read_text().splitlines()
    events = [e for e in map(json.loads, lines) if e["phase"] == "reference" and "epoch" in e["message"]]
    assert [e["done"] for e in events] == [7, 8]
    assert "3 of 4" in events[0]["message"] and "4 of 4" in events[1]["message"]


def test_rounds_without_a_checkpoint_do_not_outlive_a_new_start(home):
    run_id = submit(home)
    assert work(home, run_id, kind=cancelling("unlearn", 2)).state == "cancelled"
    folder = home.runs / run_id
    (folder / "rounds" / "2").rename(folder / "rounds" / "9")
    (folder / "checkpoint.pt").write_bytes((folder / "checkpoint.pt").read_bytes()[:1000])
    view = work(home, run_id, submission.resume_here(home, run_id))
    assert view.state == "succeeded"
    assert view.rounds() == [0, 1, 2, 3] and not (folder / "rounds" / "9").exists()
    assert view.result()["weights_sha256"] == finished(home)[1]["weights_sha256"]


@pytest.mark.parametrize("protocol", ["held-out", "paper"])
@pytest.mark.parametrize(("select", "rule"), [("random:60", "sample"), ("class:5", "class")])
def test_the_rule_looks_at_other_samples_than_the_reported_ones(home, select, rule, protocol):
    view, result = finished(
        home, forget={"select": select}, stop={"rule": "auto", "max_rounds": 1, "protocol": protocol}
    )
    setup = set_up(view.spec, home, lambda done, total, message: None)
    model = build_model(view.spec.model, 1, 8, 10, seed=0)
    load_weights(model, read_state_dict(home.runs / view.run_id / "weights.pt"))
    data = setup.data

    def right(source: ImageSource, index: np.ndarray) -> float:
        with torch.no_grad():
            x, y = source.take(torch.from_numpy(index))
            return float((model.eval()(x).argmax(1) == y).float().mean())

    everything = np.arange(len(data.test_labels))
    looked = setup.rule_samples
    inside = np.flatnonzero(data.test_labels == 5)
    forget, unseen = setup.forget.indices, everything
    if protocol == "held-out":
        forget, unseen = np.setdiff1d(forget, looked.forget), np.setdiff1d(everything, looked.unseen)
        assert 0 < len(looked.unseen) < len(inside) if rule == "class" else len(looked.forget) == 30
    after = result["metrics"]["after"]
    assert after["forget_acc"] == pytest.approx(right(setup.train, forget))
    assert after["retain_acc"] == pytest.approx(right(setup.train, setup.retain))
    assert after["test_acc"] == pytest.approx(right(setup.test, unseen))
    verdict = view.manifest(1)["rule"]
    assert verdict["name"] == rule
    if rule == "class":
        assert after["test_acc_forgotten"] == pytest.approx(right(setup.test, np.intersect1d(unseen, inside)))
        assert verdict["value"] == pytest.approx(right(setup.test, looked.unseen))
    else:
        assert verdict["value"] == pytest.approx(right(setup.train, looked.forget))
        assert verdict["threshold"] == pytest.approx(right(setup.test, looked.unseen))


def test_seeds_of_unlearning_and_training_are_apart(home):
    _, first = finished(home, train={"seed": 0})
    _, other = finished(home, train={"seed": 0}, seed=1)
    assert first["base_key"] == other["base_key"]
    assert first["weights_sha256"] != other["weights_sha256"]


def test_a_reference_starts_from_scratch_even_where_the_base_model_does_not(home, tmp_path):
    _, plain = finished(home, reference=1, stop={"max_rounds": 1})
    weights = tmp_path / "own.pt"
    save_weights(weights, build_model(spec_from_json({}).model, 1, 8, 10, seed=8))
    _, own = finished(home, reference=1, stop={"max_rounds": 1}, model={"weights": str(weights)})
    assert own["metrics"]["before"] != plain["metrics"]["before"]
    assert own["metrics"]["reference"] == plain["metrics"]["reference"]


def test_second_views_are_taken_as_often_as_recording_stays_cheap_and_at_both_ends(home):
    # 131 forget samples, twice as many retain samples: 1,179 forward passes' worth of training, half of which recording
    # may take; 150 are for what every round records, 300 for second views.
    often, _ = finished(home, method={"params": {"retain_batches": 2}})
    assert all("two_view_cosine" in often.manifest(k)["arrays"] for k in range(4))
    # As many retain samples: 243 are left of half of 786, enough for second views every other round.
    fewer, _ = finished(home, method={"params": {"retain_batches": 1}})
    assert ["two_view_cosine" in fewer.manifest(k)["arrays"] for k in range(4)] == [True, False, True, True]
    # 20 forget samples: half of 120 against 150; nothing is left for views in between.
    rarely, _ = finished(home, forget={"select": "random:20"}, method={"params": {"retain_batches": 1}})
    assert ["two_view_cosine" in rarely.manifest(k)["arrays"] for k in range(4)] == [True, False, False, True]
    asked, _ = finished(home, forget={"select": "random:20"}, probe={"views_every": 2})
    assert ["two_view_cosine" in asked.manifest(k)["arrays"] for k in range(4)] == [True, False, True, True]


FRESH = """
import importlib
import sys
from cu_core.base.home import Home
from cu_core.runstore.attempt import Attempt
from cu_core.engine.checkpoint import read_checkpoint
from cu_core.engine.earlier_costs import known_rest, known_trained
from cu_core.engine.estimate import START_SECONDS, estimate
from cu_core.engine.setup import set_up
from cu_core.data.batches import ImageSource
from cu_core.engine.loop import execute

contrastive = importlib.import_module("cu_core.methods.contrastive")
real = contrastive.unlearn

def watched(context, params):
    rounds = real(context, params)
    before = len(sys.modules)
    first = next(rounds)
    print("imported in the first round:", len(sys.modules) - before)
    yield first

contrastive.unlearn = watched
execute(Attempt.claim(Home(__import__("pathlib").Path(sys.argv[1])), sys.argv[2], 1))
"""


@pytest.mark.thorough
def test_the_first_round_is_not_charged_with_imports(home, python_env):
    finished(home)
    run_id = submit(home)
    done = subprocess.run(
        [sys.executable, "-c", FRESH, str(home.root), run_id],
        env=python_env,
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout.split()[-1]) < 20
