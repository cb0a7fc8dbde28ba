"""A base model that knows what is to be forgotten no better than retrained ones: said before a launch and after it."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
from scipy.stats import binomtest, t

from cu_core.analysis.compare.provenance import command_of
from cu_core.base.home import Home
from cu_core.cli import main
from cu_core.engine.base_knowledge import known_base, nothing_to_forget, remember_base
from cu_core.runstore.reader import RunView
from tests.real_runs import submit_changed, work_to_the_end

NOTHING = "By accuracy there is nothing to forget"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("knowledge") / "home").create()


def finished(home: Home, select: str, references: int) -> tuple[RunView, dict[str, Any]]:
    content: dict[str, Any] = {
        "train": {"epochs": 4, "batch_size": 32, "lr": 0.1},
        "forget": {"select": select},
        "method": {"id": "finetune"},
        "probe": {"size": 60, "tsne": False},
        "stop": {"max_rounds": 1, "rule": "none"},
        "audit": {"attacks": "none"},
        "reference": references,
        "device": "cpu",
    }
    return work_to_the_end(home, submit_changed(home, content, {}))


def test_the_band_of_the_references_decides() -> None:
    references = [0.91, 0.93, 0.92]
    half = t.ppf(0.975, 2) * 0.01 * (4 / 3) ** 0.5
    assert 0.92 + half < 1
    said = nothing_to_forget(0.92 + half - 0.001, references, 100)
    assert said and NOTHING in said and "3 models retrained without them on 91 % to 93 %, one more on up to" in said
    assert nothing_to_forget(0.92 + half + 0.001, references, 100) is None
    assert nothing_to_forget(0.5, references, 100), "nor where it knows less than they do"


def test_one_reference_is_told_from_it_where_the_samples_can() -> None:
    high = binomtest(90, 100).proportion_ci(method="wilson").high
    assert NOTHING in str(nothing_to_forget(high - 0.001, [0.9], 100))
    assert "on so few samples that may be the same" in str(nothing_to_forget(0.93, [0.9], 100))
    assert nothing_to_forget(high + 0.001, [0.9], 100) is None


def test_without_numbers_nothing_is_said() -> None:
    assert nothing_to_forget(None, [0.5, 0.6], 100) is None
    assert nothing_to_forget(0.5, [], 100) is None and nothing_to_forget(0.5, [None], 100) is None
    assert nothing_to_forget(0.5, [0.5, 0.6], 0) is None


def test_said_in_the_result_and_before_the_next_launch(
    home: Home, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    view, result = finished(home, "random:40", 3)
    assert [NOTHING in caution for caution in result["cautions"]] == [True]
    assert known_base(view.spec, home) == result["cautions"][0]

    _, without = finished(home, "random:40", 0)
    assert without["cautions"] == [], "which this run cannot know"
    assert known_base(view.spec, home) == result["cautions"][0], "and it takes nothing from what is known"

    monkeypatch.setenv("CU_HOME", str(home.root))
    words = shlex.split(command_of(view.spec))
    assert main(["estimate", *words[2:]]) == 0
    assert f"note: an earlier run with the same model found: {result['cautions'][0]}" in capsys.readouterr().err


def test_a_class_that_only_the_base_has_seen_is_known(home: Home) -> None:
    view, result = finished(home, "class:5", 3)
    assert result["cautions"] == [] and known_base(view.spec, home) is None
    remember_base(view.spec, home, "It hardly knows it.")
    assert known_base(view.spec, home) == "It hardly knows it."
