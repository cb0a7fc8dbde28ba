"""Runs that differ by seed alone become one line; labels tell lines apart; unlike runs are told."""

from __future__ import annotations

import statistics
from dataclasses import replace

import pytest

from cu_core.analysis.compare.columns import COLUMNS, DEFAULT_ATTACK, columns_named, default_columns
from cu_core.analysis.compare.comparable import configuration_of, set_of, warnings
from cu_core.analysis.compare.compared import Compared
from cu_core.analysis.compare.lines import lines_of, summary
from cu_core.analysis.compare.table import make_table
from cu_core.base.errors import BadInput
from cu_core.catalogue.spec_parts import DataSpec, ForgetSpec, TrainSpec
from tests.analysis.runs_in_memory import BASE, run_of, spec_of


def test_mean_and_sd_over_seeds_with_every_value_kept() -> None:
    values = {2: 0.3, 0: 0.5, 1: 0.1}
    runs = [run_of(spec_of(seed=seed), after={"forget_acc": v}) for seed, v in values.items()]
    (line,) = lines_of(runs, over_seeds=True)
    found = summary(line, COLUMNS["forget_acc"], DEFAULT_ATTACK)
    assert line.seeds == (0, 1, 2) and found.values == (0.5, 0.1, 0.3) and found.n == 3
    assert found.mean == pytest.approx(statistics.mean(values.values()))
    assert found.sd == pytest.approx(statistics.stdev(values.values()))
    assert len(lines_of(runs, over_seeds=False)) == 3


def test_a_seed_without_the_number_is_left_out_with_its_reason() -> None:
    runs = [run_of(spec_of(seed=0), after={"forget_acc": 0.5}), run_of(spec_of(seed=1), after={"forget_acc": None})]
    found = summary(lines_of(runs, over_seeds=True)[0], COLUMNS["forget_acc"], DEFAULT_ATTACK)
    assert (found.mean, found.sd, found.n) == (0.5, None, 1)
    assert found.why == ("no sample to measure it on",)


def test_settings_seeds_and_names_decide_what_belongs_together() -> None:
    base = run_of(spec_of(seed=0))
    same = run_of(spec_of(seed=4, name="x", group="g", reference=5))
    hotter = run_of(spec_of(params={"lr": 0.5}))
    assert configuration_of(base) == configuration_of(same) != configuration_of(hotter)
    assert set_of(base) == set_of(hotter)
    for unlike in (
        spec_of(data=DataSpec(train_limit=100)),
        spec_of(train=TrainSpec(epochs=3)),
        spec_of(forget=ForgetSpec("class:1")),
    ):
        assert set_of(run_of(unlike)) != set_of(base)
    assert set_of(run_of(spec_of(train=replace(BASE.train, seed=3)))) == set_of(base)


def test_labels_say_what_tells_lines_of_a_method_apart() -> None:
    runs = [
        run_of(spec_of("contrastive", params={"temperature": 0.3})),
        run_of(spec_of("contrastive", params={"temperature": 0.7})),
        run_of(spec_of("retrain")),
    ]
    labels = [line.label for line in lines_of(runs, over_seeds=True)]
    assert labels[2] == "Retrain"
    assert labels[:2] == ["Contrastive unlearning · temperature τ 0.3", "Contrastive unlearning · temperature τ 0.7"]
    other = [run_of(spec_of(forget=ForgetSpec("class:1"))), run_of(spec_of())]
    assert [line.label.split(" · ")[1] for line in lines_of(other, over_seeds=True)] == ["class:1", "class:5"]


def test_labels_are_never_the_same() -> None:
    runs = [run_of(spec_of(seed=s), run_id=f"run-{s}-{k}") for s in (0, 1) for k in "ab"]
    labels = [line.label for line in lines_of(runs, over_seeds=False)]
    assert len(set(labels)) == 4 and all("seed" in label for label in labels)


def besides_membership(runs: list[Compared]) -> list[str]:
    """What is said, but for the caution that these runs' ten unseen samples of the class deserve."""
    return [said for said in warnings(runs) if not said.startswith("Membership AUCs rest on 40 forget and 10 unseen")]


def test_runs_that_did_not_do_the_same_are_named() -> None:
    runs = [run_of(spec_of(seed=0)), run_of(spec_of(seed=1)), run_of(spec_of(train=replace(BASE.train, epochs=3)))]
    (said,) = besides_membership(runs)
    assert f"Epochs: {BASE.train.epochs} epochs (2 runs), 3 epochs (1 run)" in said
    assert besides_membership(runs[:2]) == []
    (said,) = besides_membership([run_of(spec_of()), run_of(spec_of(), result={"data_sha256": "other"})])
    assert "sha256" in said
    (said,) = besides_membership([run_of(spec_of()), run_of(spec_of(seed=1), state="running")])
    assert said.startswith("1 run has no result")


def test_columns_follow_the_tasks() -> None:
    assert "probe_recovery" in default_columns([run_of()])
    sample = run_of(replace(BASE, forget=ForgetSpec("random:10")))
    assert {"test_acc", "tow"} <= set(default_columns([sample])) and "probe_recovery" not in default_columns([sample])
    with pytest.raises(BadInput, match="no column named 'nonsense'"):
        columns_named(["nonsense"])


def test_base_and_references_stand_below_each_once() -> None:
    references = [{"forget_acc": v} for v in (0.1, 0.3)]
    runs = [run_of(spec_of(m, reference=2), references=references, before={"forget_acc": 0.99})
            for m in ("contrastive", "finetune")]  # fmt: skip
    table = make_table(runs, columns_named(["forget_acc", "time_share"]), attack="loss", over_seeds=True)
    assert [row.kind for row in table.rows] == ["runs", "runs", "before", "reference"]
    before, reference = table.rows[2].cells["forget_acc"], table.rows[3].cells["forget_acc"]
    assert (before.mean, before.n) == (0.99, 1)
    assert (reference.mean, reference.n) == (pytest.approx(0.2), 2)
    assert reference.sd == pytest.approx(statistics.stdev([0.1, 0.3]))
    assert table.rows[3].cells["time_share"].mean == 1.0


def test_flags_of_lines() -> None:
    hot = run_of(spec_of("gradient_ascent"), result={"stopped_by": "collapse"})
    table = make_table([hot, run_of(spec_of(), state="running")], columns_named(["forget_acc"]), attack="loss",
                       over_seeds=True)  # fmt: skip
    assert [row.flags for row in table.rows[:2]] == [("collapsed",), ("unfinished",)]
