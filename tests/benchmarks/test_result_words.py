"""Kept numbers, the page made from them and its findings, with made-up rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr
from scipy.stats import t as student

from benchmarks.growth import PARTS, exponents
from benchmarks.results.encoder_words import encoder_words, gap_sentence, interval
from benchmarks.results.growth_words import growth_words
from benchmarks.results.kept_numbers import KEPT, MOST_BYTES, read_kept, write_kept
from benchmarks.results.method_tables import task_title
from benchmarks.results.published_ranges import published_words
from benchmarks.results.result_findings import (
    accuracies_tell,
    calibration_finds_more,
    cost_pays,
    findings,
    refitted_finds_more,
    retained_data_helps,
    spearman,
    tasks_agree,
)
from benchmarks.results.result_lines import Line, lines_of
from benchmarks.results.result_page import PAGE, finding_words, page_with
from benchmarks.results.result_rows import BESIDE, ranked
from benchmarks.results.result_tradeoff import points, tradeoff

TASKS = ("class:5", "random:500", "fraction:0.1")
NAMES = [f"m{number}" for number in range(16)]


def row(method: str, task: str, seed: int, **changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"model": "net", "task": task, "method": method, "seed": seed, "state": "succeeded"}
    for column in BESIDE:
        made |= {column: 0.5, f"{column}_ref": 0.5, f"{column}_half": 0.02}
    made |= {"distance": 1.0, "tow": 0.9, "rounds": 3, "stopped_by": "max_rounds", "cpu": 10.0, "cpu_retrain": 100.0}
    made |= {"verdict": "differs", "differing": 2, "asked": 8, "decides": "remembers", "made": 0}
    return made | {"passes_forget": 3.0, "passes_retain": 0.5, "over": False} | changes


def kept_of(rows: list[dict[str, Any]], waiting: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    methods = dict.fromkeys(r["method"] for r in [*rows, *(waiting or [])])
    usual = {"model": "net", "unseen": 0.88, "forget": 0.99, "cpu": 300.0}
    base = [usual | {"task": task, "seed": seed} for task in TASKS for seed in (0, 1)]
    made = {"name": "a processor", "cores": 2, "threads": 1, "memory_bytes": 2**33, "precision": "fp32"}
    return {
        "study": {
            "dataset": "cifar10.zip",
            "model": "net",
            "larger": "larger",
            "tasks": list(TASKS),
            "seeds": [0, 1],
            "rounds": 5,
            "references": 5,
            "cap": 15.0,
        },
        "methods": {
            "records": {n: {"title": n.upper(), "retain_data": "none" if n < "m3" else "all"} for n in methods},
            "rows": rows,
            "base": base,
            "references": base,
            "settings": {"net m0 class:5": {"values": {"lr": 0.01, "k": 2}, "tuned": ["lr"]}},
            "made": [made | {"torch": "2", "python": "3"}],
            "waiting": waiting or [],
            "left_out": [],
        },
        "encoders": {"tables": {}, "rows": [], "made": []},
        "growth": None,
    }


def lines(**columns: Any) -> list[Line]:
    """Sixteen methods on two forget sets; a column is given by a function of method's number and task."""
    found = []
    for task in TASKS[:2]:
        rows = [
            row(name, task, seed, **{c: of(number, task) for c, of in columns.items()})
            for number, name in enumerate(NAMES)
            for seed in (0, 1)
        ]
        found += lines_of(kept_of(rows)["methods"], "net", task)
    return found


def test_lines_are_sorted_by_distance_and_name_missing_seeds() -> None:
    rows = [row("b", "class:5", s, distance=d) for s, d in ((0, 1.0), (1, 3.0))]
    rows += [row("a", "class:5", 0, distance=5.0), {**row("a", "class:5", 1), "state": "capped", "rounds": 2}]
    waiting = [{"model": "net", "task": "class:5", "method": "c", "seed": 0}]
    found = lines_of(kept_of(rows, waiting)["methods"], "net", "class:5")
    assert [line.method for line in found] == ["b", "a", "c"]
    assert found[0].mean("distance") == 2.0 and found[0].spread("distance") == pytest.approx(np.std([1, 3], ddof=1))
    assert found[1].missing == {1: "cut off in round 3"} and found[2].missing == {0: "not run yet"}
    assert found[1].spread("distance") is None and found[2].mean("distance") is None


def test_page_says_what_the_rows_say_and_nothing_of_runs_that_are_missing() -> None:
    rows = [row("m0", task, seed, distance=2.0 + seed, forget=0.61) for task in TASKS for seed in (0, 1)]
    rows += [row("contrastive", "class:5", s, distance=d) for s, d in ((0, 1.0), (1, 9.0))]
    waiting = [{"model": "net", "task": "class:5", "method": "m9", "seed": 1}]
    text = page_with(kept_of(rows, waiting), PAGE.read_text())
    assert "| M0 | none | 2.50 ± 0.71 | 2.2 | 61.0 ± 0.0 [**+11.0**] |" in text
    assert "differs 2/2" in text and "| lr 0.01 |" in text
    assert "Without numbers: M9, seed 1 (not run yet)." in text
    later = [{"model": "net", "task": "class:5", "method": m, "seed": 2} for m in ("m0", "contrastive")]
    assert "Without numbers: every method of the table, seed 2 (not run yet)." in page_with(kept_of(rows, later), text)
    made = kept_of(rows) | {"methods": kept_of(rows)["methods"]}
    made["methods"]["made"] = [made["methods"]["made"][0] | {"day": day} for day in (1, 2)]
    assert page_with(made, text).count("Made on") == 1, "two days, one line"
    assert "CONTRASTIVE, class:5: place 2 of 2 (by single seeds 1 to 2)" in text
    assert "10.0 % of retraining" in text and "begin" not in text.split("one stopping rule for all")[1].split("\n")[0]
    anew = kept_of(rows)
    anew["methods"]["records"]["m0"]["starts_anew"] = True
    assert "M0 begins training anew: its rounds are the epochs of a whole training" in page_with(anew, text)
    assert page_with(kept_of(rows, waiting), text) == text, "writing it again changes nothing"
    empty = page_with(kept_of([]), text)
    assert "differs 2/2" not in empty and "No run is kept yet." in empty


def test_the_page_in_the_repository_is_made_from_the_numbers_in_it() -> None:
    kept = read_kept(KEPT)
    assert page_with(kept, PAGE.read_text()) == PAGE.read_text()
    assert KEPT.stat().st_size <= MOST_BYTES
    assert "/" not in kept["study"]["dataset"]


def test_accuracies_are_said_to_mislead_only_where_the_verdict_disagrees() -> None:
    told = accuracies_tell(lines())
    assert told is not None and told.title.startswith("Accuracies like those of retraining do not mean")
    assert "verdict still tells 16 from" in told.words
    fair = accuracies_tell(lines(verdict=lambda n, _: "no-difference-found"))
    assert fair is not None and fair.title.startswith("Where accuracies are those of retraining")
    assert accuracies_tell(lines(verdict=lambda n, _: "differs" if n % 2 else "cannot-tell")) is None
    assert accuracies_tell(lines(forget=lambda n, _: 0.9)) is None, "nobody is inside the band"


def test_the_refitted_attack_is_compared_in_both_directions() -> None:
    more = refitted_finds_more(lines(refitted=lambda n, _: 0.6 + 0.002 * n))
    assert more is not None and "flatters" in more.title and "11.5 % more" in more.words
    fewer = refitted_finds_more(lines(transferred=lambda n, _: 0.6 + 0.002 * n))
    assert fewer is not None and "stronger" in fewer.title and "11.5 % fewer" in fewer.words
    assert refitted_finds_more(lines(refitted=lambda n, _: 0.5 + 0.1 * (-1) ** n)) is None
    assert refitted_finds_more(lines(refitted=lambda n, _: None)) is None


def test_retained_data_is_judged_by_its_sign_and_left_out_with_few_methods() -> None:
    def none_read(found: list[Line], names: set[str]) -> list[Line]:
        return [Line(x.method, x.title, "none" if x.method in names else "all", x.task, x.rows, {}) for x in found]

    names = set(NAMES[:8])
    far = none_read(lines(distance=lambda n, _: 10.0 if n < 8 else 1.0), names)
    found = retained_data_helps(far)
    assert found is not None and "10.0 times as far" in found.words and found.title.startswith("Retain samples are")
    near = retained_data_helps(none_read(lines(distance=lambda n, _: 0.1 if n < 8 else 1.0), names))
    assert near is not None and "10.0 times as near" in near.words
    assert retained_data_helps(none_read(lines(distance=lambda n, _: 1.0 + n % 2), names)) is None
    assert retained_data_helps(none_read(far, set(NAMES[:3]))) is None


def test_tasks_and_cost_follow_rank_correlations() -> None:
    same = tasks_agree(lines(distance=lambda n, _: 1.0 + n))
    assert same is not None and same.title.startswith("The same methods") and "is 1.00" in same.words
    other = tasks_agree(lines(distance=lambda n, task: 1.0 + (n if task == "class:5" else 15 - n)))
    assert other is not None and other.title.startswith("Who forgets classes well")
    pays = cost_pays(lines(distance=lambda n, _: 20.0 - n, cpu=lambda n, _: 1.0 + n))
    assert pays is not None and "nearer" in pays.title
    first = lines(
        distance=lambda n, task: 20.0 - n if task == TASKS[0] else None,
        cpu=lambda n, task: 1.0 + n if task == TASKS[0] else 40.0 - 2 * n,
    )
    assert cost_pays(first) == pays, "costs of a forget set whose distances are not known do not count"
    wasted = cost_pays(lines(distance=lambda n, _: 1.0 + n, cpu=lambda n, _: 1.0 + n))
    assert wasted is not None and "farther" in wasted.title
    assert cost_pays(lines(cpu=lambda n, _: 1.0 + n, distance=lambda n, _: 1.0 + (7 * n) % 16)) is None


def test_calibration_is_asked_of_a_share_of_the_images_alone() -> None:
    def of_tenth(**columns: Any) -> list[Line]:
        rows = [
            row(name, TASKS[2], seed, **{c: of(number, seed) for c, of in columns.items()})
            for number, name in enumerate(NAMES)
            for seed in (0, 1)
        ]
        return lines_of(kept_of(rows)["methods"], "net", TASKS[2])

    more = calibration_finds_more(of_tenth(calibrated=lambda n, seed: 0.9 if n < 12 or seed else 0.5))
    assert more is not None and "show what they hide alone" in more.title
    # Twelve methods with both seeds, four with one of them.
    assert "in 88 % of the cases, the AUC of the loss alone in 0 % (difference 88 %" in more.words
    assert "over 16 methods" in more.words.lower()
    fewer = calibration_finds_more(of_tenth(auc=lambda n, _: 0.1))
    assert fewer is not None and "Losses alone" in fewer.title and "difference -100 %" in fewer.words
    assert calibration_finds_more(of_tenth(calibrated=lambda n, _: 0.9, auc=lambda n, _: 0.9)) is None
    assert calibration_finds_more(of_tenth(calibrated=lambda n, _: 0.9 if n < 3 else None)) is None, "three methods"
    assert calibration_finds_more(lines(calibrated=lambda n, _: 0.9)) is None, "what was known does not answer"


def test_rank_correlation_is_scipys() -> None:
    pairs = np.random.default_rng(0).integers(0, 5, (30, 2)).astype(float)
    assert spearman(pairs) == pytest.approx(spearmanr(pairs[:, 0], pairs[:, 1]).statistic)
    assert np.isnan(spearman(np.ones((5, 2))))


def test_no_more_findings_than_asked_for_and_none_from_nothing() -> None:
    assert len(findings(lines(refitted=lambda n, _: 0.6, distance=lambda n, _: 1.0 + n))) == 3
    assert "support none" in finding_words(kept_of([]))


def test_best_methods_are_ranked_over_tasks_and_do_all_of_them() -> None:
    rows = [row("a", t, 0, distance=1.0) for t in TASKS] + [row("b", t, 0, distance=2.0) for t in TASKS]
    rows += [row("c", TASKS[0], 0, distance=0.1), *(row("d", t, 0, distance=None) for t in TASKS)]
    assert ranked(rows) == ["a", "b", "d"]


def encoder_row(name: str, seed: int, transferred: float, refitted: float) -> dict[str, Any]:
    attacks = {"attack_transferred": transferred, "attack_refitted": refitted}
    return {"table": "III", "encoder": name, "seed": seed} | attacks


def test_first_sentence_on_encoders_is_chosen_by_the_numbers() -> None:
    there = [encoder_row("moco", s, 52.0 + s, 68.0 + s) for s in range(3)]
    assert gap_sentence(there).startswith("The gap persists:")
    gone = [encoder_row("simclr", s, 52.0, 52.2 + 0.1 * s) for s in range(3)]
    assert gap_sentence(gone).startswith("The gap is gone")
    assert gap_sentence(there + gone).startswith("The gap persists for MoCo, and is not established")
    unclear = [encoder_row("byol", s, 52.0, 52.0 + gap) for s, gap in enumerate((0.2, 0.6, 3.5))]
    assert gap_sentence(unclear).startswith("Whether the gap persists cannot be said")
    assert gap_sentence(there[:1]).startswith("Whether the gap persists cannot be said")
    assert gap_sentence([]).startswith("Whether a re-fitted")
    values = [1.0, 2.5, 3.0]
    low, high = student.interval(0.95, 2, np.mean(values), np.std(values, ddof=1) / np.sqrt(3))
    assert interval(values) == pytest.approx((high - low) / 2) and interval([1.0]) is None


def test_tables_of_encoders_count_what_is_missing() -> None:
    published = [["moco", "MoCo", {"acc_a": 60}], ["simclr", "SimCLR", {"acc_a": 60}]]
    about = {
        "title": "T",
        "heading": "Model",
        "scale": "small",
        "columns": [["acc_a", "ACC", 1]],
        "published": published,
    }
    rows = [encoder_row("moco", seed, 52.0, 60.0) | {"row": "moco", "acc_a": 40.0 + seed} for seed in (0, 1)]
    told = {"study": {"seeds": [0, 1]}, "encoders": {"tables": {"III": about}, "rows": rows, "made": []}}
    text = encoder_words(told)
    assert "Missing: 2 runs." in text and "| MoCo | 2 | 60 · 40.5 ± 0.7 |" in text
    told["study"] = {"seeds": [0]}
    told["encoders"] |= {"rows": [rows[0], rows[0] | {"encoder": "simclr", "row": "simclr"}]}
    assert "Missing" not in encoder_words(told)


def test_growth_says_what_is_steeper_than_linear() -> None:
    machine = {"name": "p", "cores": 2, "threads": 2, "memory_bytes": 2**33, "system": "s", "python": "3", "torch": "2"}
    points = [dict.fromkeys(PARTS, 1.0 * k) | {"attacks": 1.0 * k**2, "peak_memory": k * 2.0**30} for k in (1, 2, 4)]
    slopes = exponents([10, 20, 40], points)
    series = {"samples": {"sizes": [10, 20, 40], "points": points, "exponents": slopes}}
    told = {"machine": machine | {"load_average_at_start": 0.0}, "backbone": "net", "series": series}
    text = growth_words({"growth": told})
    assert "Steeper than linear over the last two points: attacks." in text
    assert "| attacks, s | 1.00 | 4.00 | 16.00 | 2.00 | 2.00 |" in text
    assert "| peak memory, GiB | 1.00 | 2.00 | 4.00 | 1.00 | 1.00 |" in text


def test_published_numbers_are_ranges_and_none_is_from_memory() -> None:
    rows = [row("finetune", "class:5", 0, unseen=0.81, unseen_others=0.9)]
    measured = lines_of(kept_of(rows)["methods"], "net", "class:5")
    beside = published_words(measured, [], {"before": [{"forget": 0.99}], "references": [{"forget": 0.91}]})
    assert "94.24 | 90.0 | 1 |" in beside, "of a class test images of the others"
    assert "| Before unlearning | 100 | 99.0 |" in beside and "| Retrained | 91 | 91.0 |" in beside
    text = published_words([], [])
    assert "| SCRUB | 32 to 100 | – | 31.7 to 100 | – | 31.9 to 93 | – | 2 |" in text
    assert "12.88" not in text and "Settings dominate" in text


def test_picture_has_single_seeds_and_bars_between_them() -> None:
    rows = [row("m0", t, s, unseen=0.48 + 0.01 * s, unseen_others=0.5, distance=2.0 + s) for t in TASKS for s in (0, 1)]
    kept = kept_of(rows)
    line = lines_of(kept["methods"], "net", "random:500")[0]
    assert points(line, "unseen") == [(pytest.approx(-2.0), 2.0), (pytest.approx(-1.0), 3.0)]
    figure = tradeoff(kept)
    means = [trace for trace in figure.data if trace.error_x.array is not None]
    assert len(means) == 3 and means[1].x[0] == pytest.approx(-1.5) and means[1].y[0] == 2.5
    assert means[1].error_x.array[0] == pytest.approx(0.5) and means[1].error_y.arrayminus[0] == 0.5
    without = [r | {"distance": None} if r["task"] == TASKS[2] else r for r in rows]
    titles = [note.text for note in tradeoff(kept_of(without)).layout.annotations]
    assert task_title(TASKS[1]) in titles and task_title(TASKS[2]) not in titles


def test_rows_survive_the_file(tmp_path: Path) -> None:
    rows = [row("a", "class:5", 0), {"method": "b", "only": 1}]
    write_kept(kept_of(rows), tmp_path / "kept.json")
    back = read_kept(tmp_path / "kept.json")["methods"]["rows"]
    assert {k: v for k, v in back[0].items() if v is not None} == {k: v for k, v in rows[0].items() if v is not None}
    assert back[1]["only"] == 1 and back[1]["task"] is None
