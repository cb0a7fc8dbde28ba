"""Published tables: the numbers as printed, the runs that fill them, and which runs belong to which cell."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from cu_core.analysis.papers.filled_table import Finished, Waiting, fill
from cu_core.analysis.papers.paper_runs import belongs, rows_at, same_images, spec_of, specs_of
from cu_core.analysis.papers.quantities import CLASSIFIER_ATTACK, ENCODER_ATTACK, QUANTITIES, value_in
from cu_core.analysis.papers.scales import DIGITS, PAPER, SCALES, SMALL
from cu_core.analysis.papers.table_text import as_json, facts, lines, state_text
from cu_core.analysis.papers.tables_wang_chen import TABLES
from cu_core.catalogue.compatibility import check
from cu_core.catalogue.presets import PRESETS, single_presets

# Read off the paper once more; every printed number is in one of the sums.
PRINTED = {
    ("II", "cifar10"): [70, 87, 87, 88, 60, 51, 52, 52],
    ("II", "svhn"): [76, 86, 87, 86, 73, 51, 51, 51],
    ("III", "byol"): [55, 70, 49, 50],
    ("IV", "yny"): [70, 87, 57, 94, 0.35, 1.23, 0.92],
    ("IV", "ynn"): [70, 87, 10, 50],
    ("V", "yn"): [70, 87, 51, 50, 0.23, 4.9, 0.54],
    ("VI", "4000"): [70, 87, 63, 52, 0.36, 3.3, 0.63],
    ("VII", "cifar100"): [32, 90, 0.997, 0.933, 28, 50, 0.944, 0.935, 29, 0.944, 0.935],
}
SUMS = {"II": 1594, "III": 740, "IV": 661.36 + 6 * 157, "V": 221.39 + 2 * 157, "VI": 706.71 + 6 * 157, "VII": 949.587}


def row_of(table: str, name: str):
    return next(row for row in TABLES[table].rows if row.id == name)


@pytest.mark.parametrize(("where", "numbers"), PRINTED.items())
def test_rows_hold_the_printed_numbers_in_the_order_of_the_columns(where: tuple[str, str], numbers: list) -> None:
    table, name = where
    values = row_of(table, name).values
    assert [values[c.id] for c in TABLES[table].columns if values.get(c.id) is not None] == numbers


@pytest.mark.parametrize("table", TABLES)
def test_tables_add_up(table: str) -> None:
    values = [v for row in TABLES[table].rows for v in row.values.values() if v is not None]
    assert sum(values) == pytest.approx(SUMS[table])


def test_columns_name_quantities_that_exist_and_are_unique() -> None:
    for table in TABLES.values():
        assert {c.quantity for c in table.columns} <= set(QUANTITIES)
        assert len({c.id for c in table.columns}) == len(table.columns)
        assert len({row.id for row in table.rows}) == len(table.rows)


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
def test_every_preset_is_a_group_of_runs_that_can_be_launched(table, scale) -> None:
    preset = PRESETS[f"paper-{table.id.lower()}{scale.suffix}"]
    assert preset.specs == tuple(specs_of(table, scale)) and preset.spec == preset.specs[0]
    assert {spec.group for spec in preset.specs} == {preset.id}
    assert len({spec.content_hash() for spec in preset.specs}) == len(preset.specs)
    assert preset.id not in single_presets()
    for spec in preset.specs:
        check(spec)
        assert (spec.stop.rule, spec.max_rounds) == ("none", 10)


def test_the_papers_scale_is_what_the_paper_states() -> None:
    for spec in PRESETS["paper-iii"].specs:
        assert (spec.train.epochs, spec.train.optimizer, spec.train.lr) == (1600, "adam", 0.01)
        assert (spec.data.dataset, spec.data.train_limit, spec.model.backbone) == ("cifar10", 10_000, "resnet18")
        assert spec.forget.select == "random:2000"
    assert [s.train.objective for s in PRESETS["paper-iii"].specs] == ["moco", "simclr", "byol"]
    assert [s.data.dataset for s in PRESETS["paper-ii"].specs] == ["cifar10", "cifar100", "svhn"]
    assert all(s.reference == 1 and not s.self_supervised for s in PRESETS["paper-vii"].specs)


def test_ablations_switch_off_exactly_the_terms_that_the_row_says() -> None:
    for row in TABLES["IV"].rows:
        spec = spec_of(TABLES["IV"], row, SMALL)
        params = spec.method.params
        weights = (params.gamma, params.beta, params.alpha)
        assert spec.method.id == "gradient_penalty"
        assert ["y" if w else "n" for w in weights] == list(row.id)
    for row in TABLES["V"].rows:
        spec = spec_of(TABLES["V"], row, SMALL)
        assert spec.method.id == "gradient_penalty_members"
        assert ["y" if w else "n" for w in (spec.method.params.beta, spec.method.params.alpha)] == list(row.id)


def test_forgotten_samples_shrink_with_the_scale_and_never_are_all() -> None:
    counts = {s.id: [spec.forget.select for spec in specs_of(TABLES["VI"], s)] for s in SCALES.values()}
    assert counts["paper"] == ["random:1000", "random:2000", "random:3000", "random:4000", "random:5000"]
    assert counts["small"] == ["random:200", "random:400", "random:600", "random:800", "random:1000"]
    assert counts["digits"][1] == "random:60"
    last = fill(TABLES["VI"], PAPER, []).rows[-1]
    assert last.row.id == "10000" and last.spec is None and "cannot be run" in state_text(last)
    assert last.cells["acc"].paper == 67


def test_a_table_of_datasets_has_one_row_of_its_own_where_the_images_are_others() -> None:
    (row,) = rows_at(TABLES["II"], DIGITS)
    assert row.title == "Digits (not in the paper)" and not row.values
    assert len(rows_at(TABLES["III"], DIGITS)) == 3


WANTED = spec_of(TABLES["V"], TABLES["V"].rows[0], SMALL)


def change(**parts):
    return dataclasses.replace(WANTED, **parts)


@pytest.mark.parametrize(
    "spec",
    [
        change(seed=7, name="anything", group="", device="cpu", precision="fp32", reference=2),
        change(train=dataclasses.replace(WANTED.train, seed=3)),
        change(forget=dataclasses.replace(WANTED.forget, seed=3)),
        change(data=dataclasses.replace(WANTED.data, split_seed=3)),
        change(probe=dataclasses.replace(WANTED.probe, size=50), audit=dataclasses.replace(WANTED.audit, size=40)),
        change(data=dataclasses.replace(WANTED.data, dataset="folder:/some/where/cifar10.zip", test_share=0.3)),
    ],
)
def test_seeds_names_and_places_do_not_decide_where_a_run_belongs(spec) -> None:
    assert belongs(spec, WANTED)


@pytest.mark.parametrize(
    "spec",
    [
        change(data=dataclasses.replace(WANTED.data, train_limit=4000)),
        change(data=dataclasses.replace(WANTED.data, dataset="cifar100")),
        change(model=dataclasses.replace(WANTED.model, backbone="resnet8")),
        change(train=dataclasses.replace(WANTED.train, epochs=10)),
        change(train=dataclasses.replace(WANTED.train, objective="byol")),
        change(forget=dataclasses.replace(WANTED.forget, select="random:100")),
        change(stop=dataclasses.replace(WANTED.stop, max_rounds=3)),
        change(
            method=dataclasses.replace(
                WANTED.method, params=dataclasses.replace(WANTED.method.params, variant="linear")
            )
        ),
        spec_of(TABLES["V"], TABLES["V"].rows[1], SMALL),
        spec_of(TABLES["V"], TABLES["V"].rows[0], DIGITS),
        spec_of(TABLES["V"], TABLES["V"].rows[0], PAPER),
        spec_of(TABLES["IV"], TABLES["IV"].rows[0], SMALL),
    ],
)
def test_what_shapes_the_outcome_decides_where_a_run_belongs(spec) -> None:
    assert not belongs(spec, WANTED)


def test_a_row_with_a_reference_needs_one() -> None:
    wanted = specs_of(TABLES["VII"], DIGITS)[0]
    assert belongs(wanted, wanted) and not belongs(dataclasses.replace(wanted, reference=0), wanted)


@pytest.mark.parametrize(
    ("dataset", "same"),
    [
        ("cifar10", True),
        ("folder:/x/cifar10.zip", True),
        ("folder:/x/CIFAR-10", True),
        ("folder:/x/0123456789ab-cifar10.zip", True),
        ("folder:/cifar10/other", False),
        ("folder:/x/cifar100.zip", False),
        ("cifar100", False),
    ],
)
def test_a_folder_counts_as_a_dataset_by_its_own_name(dataset: str, same: bool) -> None:
    assert same_images(dataset, "cifar10") is same


def result(shift: float = 0.0, attack: str = ENCODER_ATTACK) -> dict:
    moments = ("before", "after", "reference")
    metrics = {
        moment: {
            "linear_acc": 0.1 * place + shift,
            "test_acc": 0.2 + shift,
            "forget_top1": 0.3 + place / 100,
            "forget_loss": 2.0 + place,
            "forget_two_view": 0.5,
            "unseen_top1": 0.25,
        }
        for place, moment in enumerate(moments)
    }
    numbers = {"accuracy": [0.9 + shift, 0.8, 1.0], "precision": [0.7, 0, 1], "recall": [0.6, 0, 1]}
    low = {"accuracy": [0.5 + shift, 0.4, 0.6], "precision": [None, None, None], "recall": [0.4, 0, 1]}
    attacks = {attack: {"before": {"refitted": numbers}, "after": {"transferred": low, "refitted": numbers}}}
    return {
        "metrics": metrics,
        "attacks": attacks,
        "counts": {"forget": 400, "retain": 1600, "unseen": 9000},
        "hardware": {"device": "cpu", "name": "A processor"},
        "notes": ["said once"],
    }


def test_quantities_come_from_where_the_result_holds_them() -> None:
    def got(name: str, moment: str, encoder: bool = True, source: dict | None = None) -> float | None:
        return value_in(source or result(), QUANTITIES[name], moment, encoder)

    assert got("accuracy", "after") == pytest.approx(10)
    assert got("accuracy", "after", encoder=False) == pytest.approx(20)
    assert got("knn", "after") == pytest.approx(20) and got("knn", "after", encoder=False) is None
    assert got("mia", "before") == pytest.approx(90) and got("mia", "after") == pytest.approx(50)
    assert got("mia_refitted", "after") == pytest.approx(90)
    assert got("mia_precision", "after") is None and got("mia_recall", "after") == pytest.approx(40)
    assert got("mia", "after", encoder=False) is None
    assert got("mia", "after", encoder=False, source=result(attack=CLASSIFIER_ATTACK)) == pytest.approx(50)
    assert got("top1", "reference") == pytest.approx(0.32) and got("top1_unseen", "before") == pytest.approx(0.25)
    assert got("loss", "after") == pytest.approx(3) and got("cosine", "after") == pytest.approx(0.5)
    assert got("mia", "after", source={"metrics": {}, "attacks": None}) is None


def test_cells_are_means_over_seeds_and_a_repetition_is_no_seed() -> None:
    def run(name: str, seed: int, shift: float, when: float) -> Finished:
        return Finished(name, change(seed=seed), result(shift), when)

    runs = [run("new", 0, 0.02, 2), run("old", 0, 0.5, 1), run("other", 1, 0.04, 3)]
    runs.append(Finished("stranger", change(train=dataclasses.replace(WANTED.train, epochs=3)), result(0.7)))
    filled = fill(TABLES["V"], SMALL, runs)
    first, second = filled.rows
    assert set(first.runs) == {"new", "other"} and sorted(first.seeds) == [0, 1]
    cell = first.cells["acc"]
    assert cell.paper == 60 and cell.seeds == 2
    assert cell.mean == pytest.approx(np.mean([12, 14])) and cell.sd == pytest.approx(np.std([12, 14], ddof=1))
    assert not second.runs and second.cells["acc"].mean is None and filled.missing == [second.spec]
    header, rows = lines(filled)
    assert header[5:7] == ["ACC after, paper", "ACC after, ours"]
    assert rows[0][5:7] == ["60", "13.0 ± 1.4"] and rows[1][5:7] == ["51", "–"]
    assert rows[0][-1] == "2 seeds" and rows[1][-1] == "not run"
    words = "\n".join(facts(filled))
    assert "forget n = 400" in words and "A processor, cpu" in words and "--preset paper-v-small" in words


def test_scales_are_named_in_the_title_and_never_mixed() -> None:
    runs = [Finished("a", spec_of(TABLES["V"], TABLES["V"].rows[0], DIGITS), result())]
    assert fill(TABLES["V"], DIGITS, runs).rows[0].runs == ("a",)
    assert not fill(TABLES["V"], SMALL, runs).rows[0].runs and not fill(TABLES["V"], PAPER, runs).rows[0].runs
    for scale in (SMALL, DIGITS):
        title = fill(TABLES["V"], scale, []).title
        assert "reduced scale" in title and f"{scale.images:,}" in title and "epochs" in title
    assert "reduced" not in fill(TABLES["V"], PAPER, []).title


def test_one_seed_has_no_spread() -> None:
    cell = fill(TABLES["V"], SMALL, [Finished("a", WANTED, result())]).rows[0].cells["acc"]
    assert cell.sd is None and cell.seeds == 1


def test_runs_on_their_way_are_not_missing() -> None:
    filled = fill(TABLES["V"], SMALL, [], [Waiting("w", WANTED, "queued")])
    assert state_text(filled.rows[0]) == "queued" and len(filled.missing) == 1
    assert [spec.seed for spec in filled.without([0])] == [0]
    assert [spec.seed for spec in filled.without([5])] == [5, 5]
    assert [spec.seed for spec in filled.without([0, 5])] == [5, 0, 5]


def test_json_holds_every_cell() -> None:
    content = as_json(fill(TABLES["V"], SMALL, [Finished("a", WANTED, result())]))
    assert content["scale"] == "small" and content["rows"][0]["cells"]["mia"]["paper"] == 50
    assert content["rows"][0]["cells"]["mia"]["mean"] == pytest.approx(50)
    assert content["rows"][1]["state"] == "not run"
