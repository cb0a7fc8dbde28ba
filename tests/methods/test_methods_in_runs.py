"""Every method in a real run on digits, for classes and samples where it is defined, all from one base model."""

from __future__ import annotations

import math
from typing import Any

import pytest

from cu_core.base.home import Home
from cu_core.catalogue.method_record import Method, methods_here
from cu_core.runstore.reader import RunView
from tests.real_runs import submit_changed, work_to_the_end

SELECT = {"class": "class:5", "sample": "random:60"}
CASES = [
    # One task of each method in make test, the other in make test-all.
    pytest.param(m, task, id=f"{m.id}-{task}", marks=[pytest.mark.thorough] * (task != m.tasks[0]))
    for m in methods_here().values()
    if "supervised" in m.objectives and not m.needs_shards
    for task in m.tasks
]
ENDS = {"class_rule", "sample_rule", "max_rounds", "method_finished", "collapse"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("methods-in-runs") / "home").create()


def finished(home: Home, name: str, select: str, **parts: Any) -> tuple[RunView, dict[str, Any]]:
    content: dict[str, Any] = {
        "train": {"epochs": 6, "batch_size": 64, "lr": 0.1, "schedule": "one-cycle"},
        "forget": {"select": select},
        "method": {"id": name},
        "probe": {"size": 200, "tsne": False},
        "stop": {"max_rounds": 0 if name in ("retrain", "eu_k") else 3},
        "audit": {"attacks": "none"},
        "reference": 2,
        "device": "cpu",
    }
    return work_to_the_end(home, submit_changed(home, content, parts))


@pytest.mark.parametrize(("method", "task"), CASES)
def test_a_run_is_made_and_compared(home: Home, method: Method, task: str) -> None:
    view, result = finished(home, method.id, SELECT[task])
    assert result["stopped_by"] in ENDS and result["rounds"] >= 1
    assert len(view.rounds()) == result["rounds"] + 1
    assert len(result["references"]) == 2
    assert 0 <= result["tow"]["low"] <= result["tow"]["value"] <= result["tow"]["high"] <= 1
    after = result["metrics"]["after"]
    assert all(v is None or math.isfinite(v) for v in after.values())
    assert (result["served"]["forget"] > 0) == method.needs_forget
    assert method.needs_retain or result["served"]["retain"] == 0
    assert result["over_unlearning"] is not None
    if method.starts_anew:
        assert result["stopped_by"] in ("max_rounds", "method_finished"), "no rule looks at an unfinished model"


def test_the_output_filter_fools_accuracy_and_is_exposed(home: Home) -> None:
    view, result = finished(home, "output_filter", "class:5")
    before, after = result["metrics"]["before"], result["metrics"]["after"]
    assert before["forget_acc"] > 0.9 and after["forget_acc"] == after["test_acc_forgotten"] == 0
    assert after["probe_recovery"] == before["probe_recovery"]
    assert (view.array(1, "embedding") == view.array(0, "embedding")).all()
    assert view.manifest(result["rounds"])["drift"]["forget"]["euclidean"] == 0


def test_a_hot_gradient_ascent_trips_the_collapse_guard(home: Home) -> None:
    view, result = finished(
        home, "gradient_ascent", "random:60", method={"params": {"lr": 1.0}}, stop={"max_rounds": 20, "rule": "none"}
    )
    assert result["stopped_by"] in ("collapse", "not_a_number") and result["rounds"] < 20
    if result["stopped_by"] == "collapse":
        # The guard looks at the recorded samples.
        first, last = (view.manifest(number)["metrics"]["retain_acc"] for number in (0, result["rounds"]))
        assert last <= first - view.spec.stop.collapse_drop
