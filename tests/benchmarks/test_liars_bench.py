"""The benches of the verdict: what counts as a failure, what tables say, and that disguises do what they claim."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from benchmarks.liars import LIARS
from benchmarks.liars.disguise import disguised
from benchmarks.liars_bench import failures, summary
from benchmarks.true_retrains import summary as retrain_summary
from benchmarks.verdict_power import least_seen, rates
from cu_core.catalogue.spec_parts import ModelSpec
from cu_core.learning.build import build_model
from cu_core.learning.network import Outputs


def row(liar: str, task: str, state: str, told_by: tuple[str, ...] = (), seed: int = 0) -> dict[str, Any]:
    return {"task": task, "seed": seed, "liar": liar, "state": state, "told_by": list(told_by), "states": {}}


def test_there_are_sixteen_liars_and_more() -> None:
    assert len(LIARS) >= 17
    assert all(liar.fits and liar.title for liar in LIARS.values())


def test_what_counts_as_a_failure() -> None:
    fine = [
        row("identity", "class", "differs", ("unchanged",)),
        row("identity", "random", "cannot-tell"),
        row("identity", "memorising", "differs", ("others",)),
    ]
    assert failures(fine) == []
    assert failures([row("identity", "class", "cannot-tell")]) == ["identity on class, seed 0: cannot-tell"]
    assert failures([row("half", "random", "no-difference-found")]) == ["half on random, seed 0: no difference found"]
    other = failures([row("filter", "class", "differs", ("remembers",))])
    assert other == ["filter on class, seed 0: told by remembers, not by integrity"]


def test_the_table_counts_seeds_and_names_questions_by_frequency() -> None:
    rows = [
        row("half", "class", "differs", ("answers",)),
        row("half", "class", "differs", ("remembers", "answers"), seed=1),
        row("half", "class", "no-difference-found", seed=2),
    ]
    assert "2/3: answers, remembers (1 **no difference found**)" in summary(rows)


def test_retrains_are_counted_by_task_and_question() -> None:
    rows = [
        {"task": "class", "state": "differs", "states": {"answers": "differs"}},
        {"task": "random", "state": "cannot-tell", "states": {"answers": "cannot-tell"}},
    ]
    words = retrain_summary(rows)
    assert "| all | 2 | 1 | 1 | 0 |" in words
    assert "Accused: 1 of 2 (50.0%)." in words


def test_power_is_the_share_from_which_on_nearly_all_is_seen() -> None:
    found = {0.0: 1.0, 0.05: 0.9, 0.1: 0.5, 0.2: 0.85, 0.4: 1.0}
    assert least_seen(found) == 0.2
    assert least_seen({0.0: 0.0, 0.1: 0.79}) is None
    rows = [
        {"setting": "memorising", "samples": 50, "references": 5, "share": 0.1, "state": state}
        for state in ("differs", "cannot-tell")
    ]
    assert rates(rows, "memorising", 50, 5) == {0.1: 0.5}
    assert rates(rows, "memorising", 50, 8) == {}


def test_a_disguise_changes_answers_and_no_weight() -> None:
    spec = ModelSpec()
    model = build_model(spec, 1, 8, 10, 0, "supervised").eval()
    images = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))

    def none(images: torch.Tensor, outputs: Outputs) -> Outputs:
        return outputs._replace(logits=outputs.logits * 0)

    shown = disguised(model, none)
    assert shown(images).abs().max() == 0 and model(images).abs().max() > 0
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), shown.parameters(), strict=True))


@pytest.mark.parametrize("name", ["permuted", "rotated"])
def test_what_leaves_the_function_as_it_was_leaves_the_answers(name: str) -> None:
    spec = ModelSpec()
    model = build_model(spec, 1, 8, 10, 0, "supervised").eval()
    images = torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(0))

    class Start:
        def __init__(self) -> None:
            self.model, self.generator = model, torch.Generator().manual_seed(1)

    class Made:
        start = Start

    before = model.outputs(images)
    first = [p.clone() for p in model.parameters()]
    after = LIARS[name].pretend(Made()).live.outputs(images)  # type: ignore[arg-type]
    torch.testing.assert_close(before.logits, after.logits, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(before.embedding, after.embedding)
    moved = any(not torch.equal(a, b) for a, b in zip(first, model.parameters(), strict=True))
    assert moved == (name == "permuted")
