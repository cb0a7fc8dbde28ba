"""Deep audits: who is asked, what a shadow model does, real runs with cancel, resume and shared work."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from cu_core.base.errors import BadInput, Cancelled, Incompatible
from cu_core.base.home import Home
from cu_core.catalogue.compatibility import check
from cu_core.catalogue.deep_audit import FEWEST_SHADOWS, deep_audit_of
from cu_core.catalogue.spec import MethodSpec, RunSpec, spec_from_json
from cu_core.data.batches import ImageSource, Split
from cu_core.data.joined_source import JoinedSource
from cu_core.engine.deep.deep_result import Asked, deep_numbers
from cu_core.engine.deep.deep_targets import Role, ShadowTargets, shadow_targets
from cu_core.engine.deep.shadow_models import SEED, ShadowMaker, ShadowMargins
from cu_core.engine.setup import RunSetup, set_up
from cu_core.engine.signals import forward
from cu_core.jobs import submission
from cu_core.learning.build import build_for
from cu_core.learning.training import train
from cu_core.runstore.attempt import Attempt
from cu_core.runstore.reader import open_run
from cu_core.runstore.verify import verify
from tests.real_runs import work, work_to_the_end

SHADOWS = FEWEST_SHADOWS
SMALL: dict[str, Any] = {
    "data": {"dataset": "digits", "train_limit": 300},
    "train": {"epochs": 2, "batch_size": 64},
    "forget": {"select": "random:40"},
    "method": {"id": "finetune", "params": {}},
    "stop": {"rule": "none", "max_rounds": 2},
    "probe": {"size": 60, "tsne": False},
    "audit": {"attacks": "none", "draws": 50, "shadows": SHADOWS},
    "reference": 1,
    "device": "cpu",
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("deep") / "home").create()


def small(**changes: Any) -> RunSpec:
    content = SMALL | {k: SMALL.get(k, {}) | v if isinstance(v, dict) else v for k, v in changes.items()}
    return spec_from_json(content)


def setup_of(spec: RunSpec, home: Home) -> RunSetup:
    return set_up(spec, home, lambda *_: None)


def targets_of(spec: RunSpec, home: Home) -> ShadowTargets:
    return shadow_targets(setup_of(spec, home))


def test_a_joined_source_gives_what_one_array_would(home: Home) -> None:
    setup = setup_of(small(), home)
    rows = np.array([7, 3, 50])
    joined = JoinedSource(setup.train, setup.test, rows, np.array([1, 2, 3]))
    images = np.concatenate([setup.data.train_images, setup.data.test_images[rows]])
    labels = np.concatenate([setup.data.train_labels, [1, 2, 3]])
    whole = ImageSource(images, labels, setup.data.mean, setup.data.std, torch.device("cpu"))
    for index in (torch.tensor([0, 299, 300, 301, 302, 5]), torch.tensor([4, 2]), torch.tensor([302, 300])):
        for ours, expected in zip(joined.take(index), whole.take(index), strict=True):
            assert torch.equal(ours, expected)
    assert len(joined) == len(whole)


def test_unseen_targets_are_of_the_same_classes(home: Home) -> None:
    setup = setup_of(small(), home)
    targets = shadow_targets(setup)
    forgotten, unseen = setup.data.train_labels[targets.forget], setup.data.test_labels[targets.unseen]
    assert np.bincount(forgotten, minlength=10).tolist() == np.bincount(unseen, minlength=10).tolist()
    assert len(targets) == 80
    assert targets.source.labels[targets.place].tolist() == targets.label.tolist()
    assert np.intersect1d(targets.retain, setup.forget.indices).size == 0


def test_unseen_targets_get_wrong_labels_where_the_forgotten_ones_have_them(home: Home) -> None:
    setup = setup_of(small(data={"label_noise": 0.2}, forget={"select": "mislabelled"}), home)
    targets = shadow_targets(setup)
    half = len(targets) // 2
    truth = [setup.data.true_labels[targets.forget], setup.data.test_labels[targets.unseen]]
    pairs = [
        sorted(zip(true.tolist(), given.tolist(), strict=True))
        for true, given in zip(truth, (targets.label[:half], targets.label[half:]), strict=True)
    ]
    assert pairs[0] == pairs[1]
    assert all(true != given for true, given in pairs[0])


def test_each_target_takes_each_role_once_in_a_block(home: Home) -> None:
    targets = targets_of(small(), home)
    roles = np.stack([targets.drawn(shadow) for shadow in range(30)])
    for block in range(10):
        assert (np.sort(roles[3 * block : 3 * block + 3], axis=0) == np.arange(3)[:, None]).all()
    # Drawn, not dealt out: about a third of all targets in each shadow.
    assert np.bincount(roles.ravel()).tolist() == [800, 800, 800]
    assert len({tuple(row) for row in roles}) == 30


def test_methods_share_their_draws_and_forget_sets_do_not(home: Home) -> None:
    first = targets_of(small(), home)
    other = targets_of(small(method={"id": "gradient_ascent"}, seed=0), home)
    assert first.identity == other.identity
    assert first.drawn(5).tolist() == other.drawn(5).tolist()
    assert targets_of(small(forget={"seed": 3}), home).identity != first.identity


def test_no_target_is_a_sample_that_the_method_reads(home: Home) -> None:
    setup = setup_of(small(method={"id": "gradient_penalty"}), home)
    assert len(setup.spare) > 0
    assert np.intersect1d(shadow_targets(setup).unseen, setup.spare).size == 0


def test_of_a_class_nothing_is_kept(home: Home) -> None:
    setup = setup_of(small(forget={"select": "class:5"}), home)
    targets = shadow_targets(setup)
    roles = np.stack([targets.drawn(shadow) for shadow in range(6)])
    assert set(roles.ravel()) == {Role.OUT, Role.UNLEARN}
    assert (setup.data.train_labels[targets.retain] != 5).all()
    assert np.array_equal(np.union1d(targets.always, targets.forget), setup.forget.indices)


def test_a_shadow_is_a_model_that_was_trained_and_unlearned_so(home: Home) -> None:
    """The same by hand, on one array of images, without cache and engine."""
    spec = small()
    setup = setup_of(spec, home)
    targets = shadow_targets(setup)
    found = ShadowMaker(setup, targets, home, 2, lambda: None).make(1, lambda _: None)
    assert found is not None

    images = np.concatenate([setup.data.train_images, setup.data.test_images[targets.unseen]])
    labels = np.concatenate([setup.data.train_labels, targets.label[40:]])
    source = ImageSource(images, labels, setup.data.mean, setup.data.std, torch.device("cpu"))
    roles, place = targets.drawn(1), targets.place
    seen = np.sort(np.concatenate([setup.retain, place[roles != Role.OUT]]))
    model = build_for(spec, setup.data, SEED + 1)
    train(
        model,
        Split(source, seen, torch.Generator()),
        spec.train,
        seed=SEED + 1,
        device=torch.device("cpu"),
        precision=setup.precision,
        checkpoint=None,
        on_epoch=lambda _: None,
    )
    model.eval()
    assert margins_of(model, source, targets) == pytest.approx(found.trained, abs=1e-5)

    generator = torch.Generator().manual_seed(SEED + 1 + 1_000_003)
    kept = np.setdiff1d(seen, place[roles == Role.UNLEARN])
    params = spec.method.params
    optimizer = torch.optim.SGD(
        model.parameters(), lr=params.lr, momentum=params.momentum, weight_decay=params.weight_decay
    )
    retain = Split(source, kept, generator)
    model.train()
    for _ in range(2):
        for x, y, _ in retain.epoch(params.batch_size):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
    model.eval()
    assert margins_of(model, source, targets) == pytest.approx(found.unlearned, abs=1e-3)


def margins_of(model: Any, source: ImageSource, targets: ShadowTargets) -> np.ndarray:
    logits = torch.from_numpy(forward(model, source, targets.place).logits).double()
    labels = torch.from_numpy(targets.label)
    own = logits.gather(1, labels[:, None])[:, 0]
    return (own - logits.scatter(1, labels[:, None], -torch.inf).logsumexp(1)).numpy()


def planted(targets: ShadowTargets, trace: float, shadows: int) -> tuple[list[tuple[int, ShadowMargins]], Asked]:
    """Margins of invented shadows: unlearned samples stick out by `trace` deviations, known ones by two."""
    rng = np.random.default_rng(0)
    hard = rng.normal(2, 3, len(targets))
    member = np.arange(len(targets)) < len(targets.forget)

    def asked(plus: np.ndarray) -> np.ndarray:
        return hard + rng.normal(0, 1, len(targets)) + plus

    found = []
    for shadow in range(shadows):
        roles = targets.drawn(shadow)
        before = asked(2.0 * (roles != Role.OUT))
        found.append((shadow, ShadowMargins(before, asked(trace * (roles == Role.UNLEARN)), 1.0)))
    return found, Asked(asked(2.0 * member), asked(trace * member), asked(0.0 * member))


def test_targets_do_not_depend_on_the_rule_and_its_samples_are_left_out_where_enough_remain(home: Home) -> None:
    def both(forget: str) -> tuple[Any, ShadowTargets]:
        setup = setup_of(small(forget={"select": forget}, stop={"rule": "sample", "max_rounds": 2}), home)
        return setup, shadow_targets(setup)

    setup, targets = both("random:80")
    reported = targets.reported_by(setup)
    own = np.concatenate(
        [np.isin(targets.forget, setup.rule_samples.forget), np.isin(targets.unseen, setup.rule_samples.unseen)]
    )
    assert (reported == ~own).all() and 0 < own[:80].sum() < 80 and own[80:].any()
    free = setup_of(small(forget={"select": "random:80"}), home)
    assert shadow_targets(free).identity == targets.identity and targets.reported_by(free).all()
    setup, few = both("random:30")
    assert few.reported_by(setup).all(), "fewer than twenty would be left"


def test_a_planted_trace_is_found_and_none_where_there_is_none(home: Home) -> None:
    targets = targets_of(small(forget={"select": "random:80"}), home)
    shadows, asked = planted(targets, 1.5, 48)
    found = deep_numbers(targets, shadows, asked, draws=100, seed=0)
    assert found["over_shadows"]["ulira"]["area"] > 0.75
    assert found["over_shadows"]["ulira"]["p"] == pytest.approx(1 / 400)
    assert found["ulira"]["auc"][1] > 0.6
    assert found["controls"]["before"]["auc"][1] > 0.7
    low, high = found["controls"]["reference"]["auc"][1:]
    assert low < 0.5 < high
    assert found["own_spread"] and found["worlds"] == 16
    assert {entry["sample"] for entry in found["at_risk"]} <= set(targets.forget.tolist())
    scores = [entry["score"] for entry in found["at_risk"]]
    assert scores == sorted(scores, reverse=True)

    # Whom the stopping rule has looked at says nothing of the run's own model.
    half = np.arange(len(targets)) % 2 == 0
    asked.after[~half] += 100.0
    part = deep_numbers(targets, shadows, asked, draws=100, seed=0, reported=half)
    assert (part["forget"], part["unseen"], part["targets"]) == (40, 40, 160)
    assert {entry["sample"] for entry in part["at_risk"]} <= set(targets.forget[::2].tolist())
    assert part["ulira"]["auc"][1] > 0.6 and part["over_shadows"] == found["over_shadows"]

    shadows, asked = planted(targets, 0.0, 48)
    nothing = deep_numbers(targets, shadows, asked, draws=100, seed=0)["over_shadows"]
    assert nothing["ulira"]["p"] > 0.05
    for area in (nothing["ulira"]["area"], nothing["privacy"], nothing["efficacy"]):
        assert area == pytest.approx(0.5, abs=0.04)
    assert nothing["before"]["area"] > 0.8 and nothing["before"]["p"] < 0.05


def test_klom_needs_fifty_pairs_and_tells_its_floor(home: Home) -> None:
    targets = targets_of(small(), home)
    shadows, asked = planted(targets, 3.0, 150)
    few = deep_numbers(targets, shadows[:147], asked, draws=20, seed=0, exchanges=19)["klom"]
    assert few["pairs"] == 49 and "150 shadow models" in few["why"]
    found = deep_numbers(targets, shadows, asked, draws=20, seed=0, exchanges=19)["klom"]
    assert found["pairs"] == 50 and found["half_pairs"] == 25
    assert found["p95"] > found["floor_p95"] > 0.3
    same = deep_numbers(targets, *planted(targets, 0.0, 150), draws=20, seed=0, exchanges=19)["klom"]
    assert same["half_p95"] == pytest.approx(same["floor_p95"], rel=0.3)


def test_a_shadow_that_diverged_is_left_out(home: Home) -> None:
    targets = targets_of(small(), home)
    shadows, asked = planted(targets, 1.5, 30)
    lost = ShadowMargins(shadows[4][1].trained, np.full(len(targets), np.nan), 1.0)
    found = deep_numbers(targets, [*shadows[:4], (4, lost), *shadows[5:]], asked, draws=20, seed=0, exchanges=19)
    without = deep_numbers(targets, [*shadows[:4], *shadows[5:]], asked, draws=20, seed=0, exchanges=19)
    assert (found["shadows"], found["sound"]) == (30, 29)
    assert found["ulira"] == without["ulira"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"train": {"objective": "moco"}, "method": {"id": "gradient_penalty_members"}}, "an encoder has none"),
        ({"train": {"shards": 2}, "method": {"id": "sisa"}}, "shards"),
        ({"audit": {"shadows": FEWEST_SHADOWS - 1}}, f"{FEWEST_SHADOWS} or more"),
        ({"processes": 2}, "one process"),
    ],
)
def test_what_cannot_be_audited_says_why(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(Incompatible, match=words):
        check(small(**changes))


def test_a_model_that_was_unlearned_elsewhere_has_no_method_for_shadows() -> None:
    given = dataclasses.replace(small(), method=MethodSpec("given"))
    with pytest.raises(Incompatible, match="unlearned elsewhere only files are here"):
        deep_audit_of(given, "a-run", 30)


def test_too_few_unseen_samples_are_refused_before_anything_is_trained(home: Home) -> None:
    setup = setup_of(small(forget={"select": "random:19"}), home)
    with pytest.raises(BadInput, match="there are 19"):
        shadow_targets(setup)


def test_a_deep_audit_is_the_run_once_more() -> None:
    spec = small(name="Mine", audit={"shadows": 0})
    (one,) = deep_audit_of(spec, "a-run", 30)
    assert (one.name, one.audit.shadows, one.audit.of_run) == ("Deep audit of Mine", 30, "a-run")
    parts = deep_audit_of(one, "the-audit", 30, 3)
    assert [part.audit.first_shadow for part in parts] == [0, 10, 20]
    assert {part.audit.of_run for part in parts} == {"a-run"}
    assert parts[2].name == "Deep audit of Mine (3 of 3)"
    with pytest.raises(BadInput, match="cannot be spread"):
        deep_audit_of(spec, "a-run", 30, 31)
    assert spec.content_hash() == spec_from_json({k: v for k, v in spec.to_json().items()}).content_hash()


class StopsAt(Attempt):
    """Is cancelled once so many shadows are done."""

    done = 3

    def event(self, phase: str, done: int, *details: Any, **named: Any) -> None:
        super().event(phase, done, *details, **named)
        if phase == "shadows" and done >= self.done:
            raise Cancelled("here")


@pytest.mark.thorough
def test_a_cancelled_audit_goes_on_and_ends_alike(home: Home, tmp_path: Any) -> None:
    elsewhere = Home(tmp_path / "elsewhere").create()
    whole = audit_in(elsewhere, submission.submit(small(), elsewhere, foreground=True))
    assert whole["made"] == SHADOWS

    run_id = submission.submit(small(), home, foreground=True)
    trained = len(list(home.models.glob("*.pt")))
    assert work(home, run_id, kind=StopsAt).state == "cancelled"
    number = submission.resume_here(home, run_id)
    view = work(home, run_id, number)
    resumed = (view.result() or {})["deep_audit"]
    assert view.state == "succeeded", view.error
    # One shadow of this home is from the test above, where it was made by hand.
    assert resumed["made"] < SHADOWS - 2
    assert told(resumed) == told(whole)
    assert verify(home, run_id) == []
    events = [event for event in view.events() if event["phase"] == "shadows"]
    assert events[-1]["done"] == events[-1]["total"] == SHADOWS

    # Another run of the same finds everything made; another method shares what was trained.
    models = len(list(home.models.glob("*.pt")))
    assert models >= trained + SHADOWS - 1
    again = audit_in(home, submission.submit(small(audit={"first_shadow": 7, "of_run": run_id}), home, foreground=True))
    assert (again["made"], again["same_weights"]) == (0, True)
    assert told(again) == told(resumed)
    other = small(method={"id": "retrain"}, audit={"of_run": run_id})
    found = audit_in(home, submission.submit(other, home, foreground=True))
    assert found["made"] == SHADOWS
    assert len(list(home.models.glob("*.pt"))) == models
    assert found["same_weights"] is False
    assert any("did not end with the weights" in note for note in found["notes"])


def audit_in(home: Home, run_id: str) -> dict[str, Any]:
    found: dict[str, Any] = work_to_the_end(home, run_id)[1]["deep_audit"]
    return found


def told(found: dict[str, Any]) -> dict[str, Any]:
    """What does not depend on who made the shadows, and when."""
    free = ("made", "seconds", "processor_seconds", "shadow_seconds", "of_run", "same_weights", "notes")
    return {name: value for name, value in found.items() if name not in free}


@pytest.mark.thorough
def test_a_class_is_audited_without_games_that_it_does_not_have(home: Home) -> None:
    spec = small(data={"train_limit": 0}, forget={"select": "class:5"}, train={"epochs": 1}, stop={"max_rounds": 1})
    found = audit_in(home, submission.submit(spec, home, foreground=True))
    assert found["ulira"]["auc"][0] is not None
    assert "whole classes" in found["ruli"]["efficacy"]["why"] and "whole classes" in found["klom"]["why"]
    assert found["over_shadows"]["efficacy"] is None


def test_a_run_without_shadows_is_as_before(home: Home) -> None:
    run_id = submission.submit(small(audit={"shadows": 0}), home, foreground=True)
    result = work_to_the_end(home, run_id)[1]
    assert "deep_audit" not in result
    assert not [e for e in open_run(home, run_id).events() if e["phase"] == "shadows"]
