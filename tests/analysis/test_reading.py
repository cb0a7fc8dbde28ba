"""Runs on disk as a comparison reads them: finished ones, running ones, older ones, and those without numbers."""

from __future__ import annotations

import numpy as np
import pytest

from cu_core.analysis.compare.lines import lines_of
from cu_core.analysis.compare.measures import OLDER, metric_measure, time_measure, tow_measure
from cu_core.analysis.compare.outcome_data import layer_lines, pareto_lines, recovery_lines
from cu_core.analysis.compare.reading import group_ids, read_run, read_runs
from cu_core.analysis.compare.recorded_data import gap_lines, overlay_lines, prediction_panes, trajectory_lines
from cu_core.base.home import Home
from cu_core.catalogue.spec import MethodSpec
from cu_core.runstore.reader import open_run
from tests.madeup import MadeUp, write_run
from tests.madeup_comparison import LAYERS


def test_a_finished_run_is_read_from_its_result(home: Home) -> None:
    write_run(home, "one", MadeUp(references=(0, 1, 2), spec={"group": "g"}))
    run = read_run(open_run(home, "one"))
    result = open_run(home, "one").result()
    assert run.after == result["metrics"]["after"] and run.before == result["metrics"]["before"]
    assert [r.seed for r in run.references] == [0, 1, 2] and run.references[1].seconds == 21.0
    assert (run.group, run.task, run.forget, run.rounds, run.partial) == ("g", "class", "class:5", 5, False)
    assert metric_measure(run, "retain_acc").band is not None
    assert time_measure(run).value == pytest.approx(1.0 / 21.0)


def test_a_running_run_has_the_numbers_of_its_latest_round(home: Home) -> None:
    write_run(home, "busy", MadeUp(state="running", rounds=3))
    run = read_run(open_run(home, "busy"))
    assert run.partial and run.after == open_run(home, "busy").manifest(3)["metrics"]
    assert run.before == open_run(home, "busy").manifest(0)["metrics"]


def test_an_older_run_says_what_it_does_not_know(home: Home) -> None:
    write_run(home, "old", MadeUp(references=(0, 1), older=True))
    run = read_run(open_run(home, "old"))
    found = metric_measure(run, "retain_acc")
    assert found.value is not None and found.reference is not None and found.why_no_band == OLDER
    assert time_measure(run).why == tow_measure(run).why == OLDER


def test_runs_without_numbers_are_told_and_groups_are_found(home: Home) -> None:
    write_run(home, "one", MadeUp(spec={"group": "g"}))
    write_run(home, "two", MadeUp(seed=1, spec={"group": "g"}))
    write_run(home, "broken")
    (home.runs / "broken" / "spec.json").write_text("{")
    assert sorted(group_ids(home, "g")) == ["one", "two"]
    runs, problems = read_runs(home, ["one", "nosuch", "one", "broken"])
    assert [run.run_id for run in runs] == ["one"]
    assert len(problems) == 2 and "nosuch" in problems[0] and "broken" in problems[1]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Runs of two methods, the first with two seeds; only read."""
    home = Home(tmp_path_factory.mktemp("compared")).create()
    write_run(home, "a-0", MadeUp(references=(0, 1)))
    write_run(home, "a-1", MadeUp(references=(1, 2), seed=1))
    write_run(home, "b-0", MadeUp(references=(0, 1), spec={"method": MethodSpec("finetune")}))
    return home


@pytest.fixture
def two_methods(shared: Home) -> list:
    """The lines of these runs."""
    runs, problems = read_runs(shared, ["a-0", "a-1", "b-0"])
    assert problems == []
    return lines_of(runs, over_seeds=True)


def test_gaps_are_in_points_to_the_mean_of_the_references(two_methods: list, shared: Home) -> None:
    lines, boxes, left_out = pareto_lines(two_methods)
    metrics = open_run(shared, "a-0").result()["metrics"]
    first = lines[0].points[0]
    assert first.utility == pytest.approx(
        100 * (metrics["after"]["test_acc_retained"] - metrics["reference"]["test_acc_retained"])
    )
    assert first.forgetting == pytest.approx(
        100 * (metrics["after"]["forget_acc"] - metrics["reference"]["forget_acc"])
    )
    assert first.time_share == pytest.approx(1 / 20.5)
    assert [len(line.points) for line in lines] == [2, 1] and boxes and not left_out


def test_a_run_without_reference_is_left_out_of_the_trade_off_with_a_reason(home: Home) -> None:
    write_run(home, "lonely", MadeUp(references=()))
    lines, boxes, left_out = pareto_lines(lines_of(read_runs(home, ["lonely"])[0], over_seeds=True))
    assert lines[0].points == () and boxes == []
    assert left_out == ["Contrastive unlearning, seed 0: no reference was retrained"]


def test_class_gaps_by_hand(two_methods: list, shared: Home) -> None:
    lines, left_out = gap_lines(shared, two_methods, "unseen", 10)
    view = open_run(shared, "b-0")
    probe = view.probe()
    rows = ((probe["group"] == "unseen") & ~probe["rule"]).to_numpy()

    def accuracy(array: np.ndarray, label: int) -> float:
        inside = rows & (probe["label"] == label).to_numpy()
        return float((np.asarray(array)[inside, 0] == label).mean())

    for label in (2, 5):
        own = accuracy(view.array(5, "top3_class"), label)
        others = [accuracy(view.reference_array(seed, "top3_class"), label) for seed in (0, 1)]
        assert lines[1].gaps[label] == pytest.approx(own - sum(others) / 2)
        assert lines[1].counts[label] == (rows & (probe["label"] == label).to_numpy()).sum()
    assert len(lines) == 2 and not left_out


def test_every_reference_is_drawn_once(two_methods: list, shared: Home) -> None:
    lines, references, _ = overlay_lines(shared, two_methods, "top3", "forget")
    assert [len(line.values) for line in lines] == [2, 1]
    # Seeds 0 and 1 of the first run, 1 and 2 of the second: they have forget sets of their own seeds; the third run
    # shares those of the first.
    assert len(references) == 4
    assert all(values.ndim == 1 and len(values) == 40 for line in lines for values in line.values)
    panes, _ = prediction_panes(shared, two_methods, "forget", 10)
    assert [pane.kind for pane in panes] == ["round", "round", "reference"]
    assert panes[0].counts.sum() == pytest.approx(40)


def test_what_was_not_recorded_is_told(home: Home) -> None:
    write_run(home, "thin", MadeUp(views=(0,)))
    lines = lines_of(read_runs(home, ["thin"])[0], over_seeds=True)
    found, _, left_out = overlay_lines(home, lines, "two_view_cosine", "forget")
    assert not found[0].values and "was not recorded" in left_out[0]


def test_trajectories_hold_every_round_and_the_probes_band(two_methods: list, shared: Home) -> None:
    lines, bands = trajectory_lines(shared, two_methods, ["forget_acc", "mia_auc"])
    view = open_run(shared, "a-0")
    assert lines[0].runs[0].rounds == (0, 1, 2, 3, 4, 5)
    assert lines[0].runs[0].values["forget_acc"] == tuple(view.manifest(k)["metrics"]["forget_acc"] for k in range(6))
    # The invented AUC is the same everywhere and no share, so it gives no band.
    assert bands["forget_acc"] and bands["mia_auc"] == []


def test_layers_and_recovery(two_methods: list) -> None:
    lines, noise, left_out = layer_lines(two_methods, "forget")
    assert lines[0].names == LAYERS and len(lines[0].pairs["after_base"]) == 2 and not left_out
    assert len(noise.reference) == len(noise.base) == len(LAYERS)
    bars, left_out = recovery_lines(two_methods)
    assert [bar.found.mean for bar in bars] == [0.8, 0.8] and not left_out
    assert bars[0].found.reference is None or bars[0].found.half is not None


def test_another_network_shares_no_axis_of_layers(two_methods: list, home: Home) -> None:
    other = {"names": ["x"], "samples": 1, "pairs": {"after_base": {"forget": [1.0]}}}
    write_run(home, "c-0", MadeUp(result={"layers": other}, spec={"method": MethodSpec("retrain")}))
    lines = [*two_methods, *lines_of(read_runs(home, ["c-0"])[0], over_seeds=True)]
    found, _, left_out = layer_lines(lines, "forget")
    assert left_out == ["Retrain, seed 0: another network"] and all(line.names == LAYERS for line in found)
