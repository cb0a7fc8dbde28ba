"""The rule that ends where a round is like one more reference, and the nearness that a result tells."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats

from cu_core.base.errors import Incompatible
from cu_core.base.home import Home
from cu_core.catalogue.compatibility import check
from cu_core.catalogue.spec import RunSpec, spec_from_json
from cu_core.engine.setup import RunSetup, set_up
from cu_core.engine.verdict.verdict_samples import verdict_samples
from cu_core.jobs import submission
from cu_core.learning.model_cache import cached_weights
from cu_core.methods.context import Context
from cu_core.runstore.attempt import Attempt
from cu_core.runstore.reader import RunView
from tests.real_runs import submit_changed, work, work_to_the_end

REFERENCES = 5
USUAL: dict[str, Any] = {
    "data": {"dataset": "digits", "train_limit": 400},
    "train": {"epochs": 4, "batch_size": 32, "lr": 0.1},
    "forget": {"select": "class:5"},
    "method": {"params": {"lr": 0.002, "batch_size": 32}},
    "probe": {"size": 300, "tsne": False},
    "stop": {"max_rounds": 4, "rule": "like-reference", "collapse_drop": 1.0},
    "audit": {"attacks": "none", "verdict": False},
    "reference": REFERENCES,
    "device": "cpu",
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("like") / "home").create()


@pytest.fixture(scope="module")
def untouched(home: Home) -> tuple[RunView, dict[str, Any]]:
    """A run whose method does nothing, so that the rule is never met."""
    with pytest.MonkeyPatch.context() as patch:
        use(patch, lambda model, number: None)
        return work_to_the_end(home, submit_changed(home, USUAL, {"stop": {"max_rounds": 2}}))


@pytest.fixture(scope="module")
def retrained(home: Home, untouched: tuple[RunView, dict[str, Any]]) -> dict[str, torch.Tensor]:
    """The weights of a reference."""
    found = cached_weights(home, untouched[1]["references"][0]["key"])
    assert found is not None
    return found


def use(patch: pytest.MonkeyPatch, change: Callable[[torch.nn.Module, int], None]) -> None:
    """Puts a made-up method in the place of the real one; it gets the model and the round's number."""

    def unlearn(context: Context, params: object) -> Iterator[dict[str, float]]:
        for number in context.rounds():
            context.check()
            with torch.no_grad():
                change(context.model, number)
            yield {"loss": 0.0}

    patch.setattr(importlib.import_module("cu_core.methods.contrastive"), "unlearn", unlearn)


def towards(retrained: dict[str, torch.Tensor]) -> Callable[[torch.nn.Module, int], None]:
    """Half of the way to a retrained model in every round, and all of it in the third."""

    def change(model: torch.nn.Module, number: int) -> None:
        state = model.state_dict()
        share = 1.0 if number >= 3 else 0.5
        model.load_state_dict(
            {k: v + share * (retrained[k] - v) if v.is_floating_point() else v for k, v in state.items()}
        )

    return change


def rules(view: RunView) -> list[dict[str, Any]]:
    return [view.manifest(number)["rule"] for number in view.rounds()]


def setup_of(home: Home, **parts: Any) -> RunSetup:
    content = USUAL | {name: USUAL.get(name, {}) | part for name, part in parts.items()}
    return set_up(spec_from_json(content), home, lambda *_: None)


def test_it_runs_all_rounds_where_it_is_never_met(untouched: tuple[RunView, dict[str, Any]]) -> None:
    view, result = untouched
    assert (result["stopped_by"], result["rounds"]) == ("max_rounds", 2)
    assert all(rule["name"] == "like-reference" and rule["threshold"] == 1 and not rule["met"] for rule in rules(view))
    assert len({rule["value"] for rule in rules(view)}) == 1 and rules(view)[0]["value"] > 3


def test_it_ends_at_the_first_round_that_is_like_a_reference(
    home: Home, retrained: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, towards(retrained))
    view, result = work_to_the_end(home, submit_changed(home, USUAL, {}))
    assert (result["stopped_by"], result["rounds"]) == ("like-reference_rule", 3)
    values = [rule["value"] for rule in rules(view)]
    assert values[0] > 1 and values[1] > 1 and values[2] > 1 >= values[3]
    near = result["nearness"]
    assert near["rounds"] == [0, 1, 2, 3] and near["nearest"] == 3 and 3 in near["inside"] and 0 not in near["inside"]
    assert near["position"][0] == pytest.approx(1.0) and abs(near["position"][3]) < 0.2
    assert near["distance"] != values, "what is reported is not what it stopped on"


def test_references_come_before_unlearning_and_are_recorded_once(
    home: Home, retrained: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, towards(retrained))
    # Another recipe, of which no model lies in the cache.
    changes = {"train": {"lr": 0.09}, "stop": {"max_rounds": 1}}
    view, result = work_to_the_end(home, submit_changed(home, USUAL, changes))
    phases = [event["phase"] for event in view.events()]
    assert phases.index("reference") < phases.index("unlearn") < len(phases) - 1 - phases[::-1].index("reference")
    assert view.references() == [r["seed"] for r in result["references"]] == list(range(REFERENCES))
    assert not any(r["cached"] for r in result["references"]), "they were trained for this run"
    assert result["seconds"]["reference"] == pytest.approx(sum(r["seconds"] for r in result["references"]))
    done = [(e["done"], e["total"]) for e in view.events() if e["phase"] == "reference"]
    assert all(reached <= total for reached, total in done) and done[-1] == (20, 20)


class Cancelling(Attempt):
    """Is cancelled in the middle of the second round."""

    def event(self, at: str, reached: int, *details: Any, **named: Any) -> None:
        super().event(at, reached, *details, **named)
        if (at, reached) == ("unlearn", 1):
            submission.cancel(self.home, self.run_id)


def test_a_resumed_run_ends_as_one_that_was_not_interrupted(
    home: Home, retrained: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, towards(retrained))
    whole, expected = work_to_the_end(home, submit_changed(home, USUAL, {}))
    first = submit_changed(home, USUAL, {})
    assert work(home, first, kind=Cancelling).state == "cancelled"
    view = work(home, first, submission.resume_here(home, first))
    result = view.result()
    assert view.state == "succeeded" and result is not None
    assert result["stopped_by"] == expected["stopped_by"] and result["weights_sha256"] == expected["weights_sha256"]
    assert rules(view) == rules(whole) and result["nearness"] == expected["nearness"]


def test_nearness_is_that_of_the_recorded_arrays(untouched: tuple[RunView, dict[str, Any]]) -> None:
    """Position and odds, in half widths, from the files alone."""
    view, result = untouched
    probe = view.probe()
    rows = np.flatnonzero((probe["group"] == "forget") & ~probe["rule"])
    labels = probe["label"].to_numpy()[rows]

    def odds(logits: np.ndarray) -> float:
        z = logits.astype(np.float64)[rows]
        own = z[np.arange(len(rows)), labels]
        return float(np.log((np.exp(z - own[:, None]).sum(1) - 1).mean()))

    null = np.array([odds(view.reference_array(seed, "logits")) for seed in view.references()])
    half = stats.t.ppf(0.975, len(null) - 1) * null.std(ddof=1) * np.sqrt(1 + 1 / len(null))
    near = result["nearness"]
    expected = abs(odds(view.array(1, "logits")) - null.mean()) / half
    assert near["farthest"][1] != "odds" or near["distance"][1] == pytest.approx(expected, rel=1e-6)
    assert near["distance"][1] >= expected * (1 - 1e-6)
    assert near["samples"] == len(rows) and near["references"] == REFERENCES


def test_the_stop_of_an_accuracy_rule_stands_beside(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def scramble(model: torch.nn.Module, number: int) -> None:
        if number == 2:
            for weights in model.parameters():
                weights.mul_(0.0)

    use(monkeypatch, scramble)
    _, own = work_to_the_end(home, submit_changed(home, USUAL, {"stop": {"rule": "class"}}))
    assert own["stopped_by"] == "class_rule" and own["nearness"]["accuracy_rule"] == own["rounds"] == 2
    _, other = work_to_the_end(home, submit_changed(home, USUAL, {"stop": {"rule": "none", "max_rounds": 3}}))
    assert other["rounds"] == 3 and other["nearness"]["accuracy_rule"] == 2, "where it would have ended"
    assert other["nearness"]["accuracy_rule_name"] == "class"


def test_one_reference_has_no_nearness(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, lambda model, number: None)
    changes = {"reference": 1, "stop": {"rule": "none", "max_rounds": 1}}
    assert work_to_the_end(home, submit_changed(home, USUAL, changes))[1]["nearness"] is None


def test_the_verdict_asks_other_samples_than_the_rule_looked_at(home: Home) -> None:
    setup = setup_of(home)
    looked_at = setup.rule_samples.forget
    assert len(looked_at) and not np.isin(verdict_samples(setup).forget, looked_at).any()
    assert setup.probe.rule[setup.probe.group == 0].sum() > 0
    (note,) = [n for n in setup.notes if "like-reference" in n]
    assert "reported on nowhere" in note
    accuracy = setup_of(home, stop={"rule": "sample"}, forget={"select": "random:40"})
    assert np.isin(accuracy.rule_samples.forget, verdict_samples(accuracy).forget).all(), "all were to go"


def test_too_few_samples_for_it_are_said(home: Home) -> None:
    setup = setup_of(home, forget={"select": "random:12"})
    assert any("cannot end this run" in note for note in setup.notes)
    assert any("paper" in note for note in setup_of(home, stop={"protocol": "paper"}).notes)


def test_fewer_than_five_references_are_refused() -> None:
    content = USUAL | {"reference": 4}
    with pytest.raises(Incompatible, match="at least 5 retrained models, and 4 are asked for") as refused:
        check(spec_from_json(content))
    assert refused.value.field == "reference"
    check(spec_from_json(USUAL))
    check(RunSpec())


@pytest.mark.thorough
def test_an_encoder_ends_by_it_too(home: Home) -> None:
    changes = {
        "train": {"epochs": 2, "objective": "simclr"},
        "method": {"id": "finetune", "params": {}},
        "stop": {"max_rounds": 2},
    }
    view, result = work_to_the_end(home, submit_changed(home, USUAL, changes))
    assert all(rule["value"] >= 0 for rule in rules(view))
    near = result["nearness"]
    assert set(near["farthest"]) <= {"margin", "position"} and near["accuracy_rule"] is None
