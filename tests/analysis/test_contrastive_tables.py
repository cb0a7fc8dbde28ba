"""Tables of the contrastive-unlearning paper: what is known of them, the runs at each scale, effort."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from cu_core.analysis.papers.filled_table import Finished, Waiting, fill
from cu_core.analysis.papers.paper_list import ALL_TABLES, PAPERS, scales_of, table_named, usual_scale
from cu_core.analysis.papers.paper_runs import belongs, rows_at, spec_of, specs_of
from cu_core.analysis.papers.quantities import QUANTITIES, value_in
from cu_core.analysis.papers.scales_lee import DIGITS, LAPTOP, PAPER
from cu_core.analysis.papers.table_text import lines
from cu_core.analysis.papers.tables_lee import NOT_REACHED, TABLES
from cu_core.catalogue.compatibility import check
from cu_core.catalogue.presets import PRESETS
from cu_core.catalogue.recipes import PAPER as RECIPE
from cu_core.catalogue.recipes import TRANSFORMER

LAPTOPS = (LAPTOP, DIGITS)


def test_nothing_but_the_known_numbers_is_printed_and_every_table_says_so() -> None:
    known = [v for table in TABLES.values() for row in table.rows for v in row.values.values() if v is not None]
    assert sorted(known) == [71.8, 76.04, 85.79]
    assert all(NOT_REACHED in table.notes for table in TABLES.values())
    anchor = next(row for row in TABLES["C1"].rows if row.values)
    assert (anchor.title, anchor.values) == ("CIFAR-10 · ResNet-18 · Contrastive", {"remain_test": 85.79})


def test_papers_share_no_table_and_no_preset() -> None:
    assert len(ALL_TABLES) == sum(len(paper.tables) for paper in PAPERS.values())
    names = [f"paper-{t.id.lower()}{s.suffix}" for t in ALL_TABLES.values() for s in scales_of(t).values()]
    assert len(set(names)) == len(names) and set(names) <= set(PRESETS)
    assert table_named(" cd10 ") is TABLES["CD10"] and table_named("C4") is None
    assert usual_scale(TABLES["C1"]) is DIGITS and usual_scale(TABLES["CD7"]) is PAPER


def test_columns_and_rows_are_unique_and_exist() -> None:
    for table in TABLES.values():
        assert {c.quantity for c in table.columns} <= set(QUANTITIES)
        for scale in scales_of(table).values():
            rows = rows_at(table, scale)
            assert len({row.id for row in rows}) == len({row.title for row in rows}) == len(rows)


def test_the_papers_scale_is_what_the_released_code_states(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mini-imagenet").mkdir()
    monkeypatch.chdir(tmp_path)
    specs = specs_of(TABLES["C1"], PAPER)
    assert {s.model.backbone for s in specs} == {"resnet18", "resnet34", "resnet50", "resnet101", "vit-small"}
    assert {s.data.dataset for s in specs} == {"cifar10", "svhn"} and len(specs) == 2 * 5 * 6
    for spec in [*specs, *specs_of(TABLES["CD7"], PAPER)]:
        check(spec)
        vit = spec.model.backbone == "vit-small"
        assert (spec.train == RECIPE) is not vit
        if vit:
            assert (spec.train.optimizer, spec.train.lr, spec.train.schedule) == ("adamw", TRANSFORMER.lr, "one-cycle")
        assert (spec.forget.select, spec.stop.protocol, spec.data.train_limit) == ("class:5", "paper", 0)
    contrastive = next(s for s in specs if s.method.id == "contrastive").method.params
    assert (contrastive.lr, contrastive.temperature, contrastive.unlearn_weight) == (1e-3, 0.7, 3.0)
    assert (contrastive.retain_batches, contrastive.batch_size) == (4, 128)
    assert {s.data.image_size for s in specs_of(TABLES["CD7"], PAPER)} == {84}


def test_sample_tables_have_five_seeds_and_five_hundred_samples() -> None:
    specs = specs_of(TABLES["C3"], PAPER)
    assert {s.seed for s in specs} == {0, 1, 2, 3, 4} and {s.forget.select for s in specs} == {"random:500"}
    assert {s.method.params.queue for s in specs if s.method.id == "contrastive"} == {0, 2000}
    assert {s.seed for s in specs_of(TABLES["C3"], LAPTOP)} == {0, 1}
    assert {s.seed for s in specs_of(TABLES["C1"], PAPER)} == {0}


@pytest.mark.parametrize("scale", LAPTOPS, ids=lambda s: s.id)
def test_laptop_scales_have_one_network_and_say_that_they_are_reduced(scale) -> None:
    for table in TABLES.values():
        if scale.id not in scales_of(table):
            continue
        specs = specs_of(table, scale)
        assert {s.model.backbone for s in specs} == {scale.classifier.backbone}
        assert {s.data for s in specs} == {scale.data}
        filled = fill(table, scale, [])
        assert "laptop scale, reduced" in filled.title
        assert all(cell.paper is None for row in filled.rows for cell in row.cells.values())
        for spec in specs:
            check(spec)
    titles = [row.title for row in rows_at(TABLES["C1"], scale)]
    assert titles == ["Retrain", "Contrastive", "Boundary Shrink", "Boundary Expanding", "SCRUB", "UNSIR"]
    assert rows_at(TABLES["C3"], scale)[-1].title == "Contrastive · queue of 2,000 (here 400)"


def test_ablations_change_their_own_setting_and_nothing_else() -> None:
    for table, name in (("CD10", "batch_size"), ("CD4", None)):
        for scale in (PAPER, *LAPTOPS):
            specs = specs_of(TABLES[table], scale)
            assert len({dataclasses.replace(s, name="", group="") for s in specs}) == len(TABLES[table].rows)
            params = [dict(vars(s.method.params)) for s in specs]
            for other in params:
                other.pop(name, None)
            assert all(other == params[0] for other in params)
    assert [s.method.params.batch_size for s in specs_of(TABLES["CD10"], PAPER)] == [64, 128, 256]
    assert [s.method.params.batch_size for s in specs_of(TABLES["CD10"], LAPTOP)] == [16, 32, 64]
    assert [r.title for r in rows_at(TABLES["CD10"], LAPTOP)] == ["64 (here 16)", "128 (here 32)", "256 (here 64)"]
    assert [s.forget.select for s in specs_of(TABLES["CD4"], LAPTOP)][:3] == ["random:20", "random:50", "random:100"]
    rows = {row.id: spec_of(TABLES["CA"], row, PAPER).method.params for row in rows_at(TABLES["CA"], PAPER)}
    assert rows["normalize-False"].normalize is False and rows["temperature-0.3"].temperature == 0.3
    assert rows["retain_batches-2"].retain_batches == 2 and rows["unlearn_weight-10.0"].unlearn_weight == 10
    # Three of its rows are the recipe itself, so they share a run.
    assert len(specs_of(TABLES["CA"], PAPER)) == len(rows) - 3


def run(spec, name: str, seconds: float = 2.0, **changes) -> Finished:
    result = {
        "metrics": {
            "after": {"test_acc": 0.5, "forget_acc": 0.25, "test_acc_retained": 0.6, "test_acc_forgotten": 0.1}
        },
        "rounds": 7,
        "seconds": {"unlearn": seconds},
        "references": [{"seed": 0, "seconds": 30.0}, {"seed": 1, "seconds": 50.0}],
        "counts": {},
    }
    return Finished(name, spec, result | changes)


def test_effort_is_seconds_and_their_share_of_a_mean_retraining() -> None:
    result = run(None, "any").result

    def got(name: str, **changes) -> float | None:
        return value_in(result | changes, QUANTITIES[name], "after", False)

    assert got("seconds") == pytest.approx(2.0) and got("rounds") == pytest.approx(7)
    assert got("share") == pytest.approx(100 * 2 / 40)
    assert got("share", references=[]) is None and got("share", references=None) is None
    assert got("share", seconds={}) is None
    assert got("share", references=[{"seconds": None}, {"seconds": 20.0}]) == pytest.approx(10)


def test_one_run_fills_the_accuracy_table_and_the_time_table() -> None:
    (spec,) = [s for s in specs_of(TABLES["C1"], DIGITS) if s.method.id == "contrastive"]
    for table, column, wanted in (("C1", "remain_test", 60), ("C1", "unlearn_test", 10), ("C2", "share", 5)):
        filled = fill(TABLES[table], DIGITS, [run(spec, "one")])
        assert [row.row.title for row in filled.rows if row.runs] == ["Contrastive"]
        assert next(row for row in filled.rows if row.runs).cells[column].mean == pytest.approx(wanted)
    header, rows = lines(fill(TABLES["C2"], DIGITS, [run(spec, "one")]))
    assert header[1:4] == ["Seconds, ours", "Share of retraining (%), ours", "Rounds, ours"]
    assert rows[1][1:4] == ["2.0", "5.0", "7.0"]


def test_a_row_of_five_seeds_lacks_those_that_are_neither_done_nor_on_their_way() -> None:
    table = TABLES["C5"]
    first = spec_of(table, rows_at(table, DIGITS)[0], DIGITS)
    done = [run(dataclasses.replace(first, seed=n), f"r{n}") for n in (0, 7)]
    filled = fill(table, DIGITS, done, [Waiting("w", dataclasses.replace(first, seed=2), "queued")])
    mine = [s.seed for s in filled.missing if s.method == first.method]
    # Seed 7 is as good as one of the table's own.
    assert mine == [1, 3]
    assert [s.seed for s in filled.without([0, 1]) if s.method == first.method] == [1]
    assert len(filled.missing) == 2 + 5 * (len(filled.rows) - 1)


def test_the_protocol_decides_only_where_there_is_a_rule() -> None:
    spec = specs_of(TABLES["C1"], DIGITS)[1]
    held_out = dataclasses.replace(spec, stop=dataclasses.replace(spec.stop, protocol="held-out"))
    assert belongs(spec, spec) and not belongs(held_out, spec)


def test_a_folder_of_ones_own_fills_mini_imagenet_by_its_name() -> None:
    spec = specs_of(TABLES["CD7"], PAPER)[0]
    own = dataclasses.replace(spec, data=dataclasses.replace(spec.data, dataset="folder:/x/Mini-ImageNet.zip"))
    other = dataclasses.replace(spec, data=dataclasses.replace(spec.data, dataset="folder:/x/imagenet"))
    assert belongs(own, spec) and not belongs(other, spec)
