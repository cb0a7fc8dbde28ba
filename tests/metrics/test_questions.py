"""The questions of the verdict: each with a planted difference and without one, and their statistics beside others'."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score
from sklearn.metrics.pairwise import rbf_kernel

from cu_core.catalogue.question_record import CANNOT_TELL, DIFFERS, NO_DIFFERENCE, QUESTIONS
from cu_core.engine.verdict.verdict_pass import softmax
from cu_core.metrics.logit_margin import logit_margins
from cu_core.metrics.questions.answers_alike import along, mmd, relative_mmd
from cu_core.metrics.questions.hidden import compactness, mean_margins, membership_probe, ridge_scores
from cu_core.metrics.questions.judgement import ask_all, judge_evidence
from cu_core.metrics.questions.null_test import LEVEL
from cu_core.metrics.questions.shadow_scores import iam, label_probability, rmia
from cu_core.metrics.questions.unchanged import moves
from cu_core.metrics.questions.verdict_evidence import GroupSeen, ModelSeen, VerdictEvidence
from cu_core.metrics.questions.verdict_words import statistician_sentence
from tests.madeup_verdict import CLASSES, FORGOTTEN, evidence, with_after


def states(made: VerdictEvidence) -> dict[str, str]:
    return {c["id"]: c["state"] for c in judge_evidence(made)["claims"]}


def test_no_difference_is_found_on_a_retrained_model() -> None:
    for task in ("sample", "class"):
        for seed in (1, 2, 3):
            found = states(evidence(task, seed=seed))
            assert DIFFERS not in found.values(), (task, seed, found)


def test_the_model_before_unlearning_is_told_by_every_question_about_forgetting() -> None:
    for task in ("sample", "class"):
        made = evidence(task)
        found = states(with_after(made, made.base))
        # Features of made-up samples lie where those of their class do, forgotten or not.
        told = {"unchanged", "remembers", "answers", "comes-back", "attack"} | (
            {"hidden"} if task == "class" else set()
        )
        assert {q for q, state in found.items() if state == DIFFERS} == told, (task, found)


def test_half_of_the_forget_set_is_seen() -> None:
    for task in ("sample", "class"):
        verdict = judge_evidence(evidence(task, known=0.5))
        assert verdict["state"] == DIFFERS
        remembers = next(c for c in verdict["claims"] if c["id"] == "remembers")
        assert remembers["direction"] == "forgotten samples are still known"


def test_what_is_known_as_too_bad_differs_in_that_direction() -> None:
    made = evidence()
    worse = replace(made.after.forget, score=made.after.forget.score - 3)
    claim = judge_evidence(with_after(made, replace(made.after, forget=worse)))["claims"][2]
    assert (claim["id"], claim["state"]) == ("remembers", DIFFERS)
    assert claim["direction"] == "forgotten samples are known too badly"


def test_a_model_that_is_surer_of_all_training_images_is_no_member_of_them() -> None:
    made = evidence()
    surer = {g: replace(getattr(made.after, g), score=getattr(made.after, g).score + 2.0) for g in ("forget", "retain")}
    margin = judge_evidence(with_after(made, replace(made.after, **surer)))["claims"][2]["tests"][0]
    assert margin["id"] == "margin" and margin["p"] > 0.05


def test_a_question_that_the_base_model_passes_cannot_clear_anybody() -> None:
    made = evidence()
    nothing_to_forget = replace(made, base=made.references[0], references=made.references[1:])
    found = states(nothing_to_forget)
    for question, record in QUESTIONS.items():
        if record.about_forgetting:
            assert found[question] == CANNOT_TELL, question


def test_neurons_in_another_order_scaled_answers_and_dust_are_no_change() -> None:
    made = evidence()
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.normal(size=(8, 8)))[0]

    def disguised(group: GroupSeen) -> list[np.ndarray]:
        return [3 * group.embedding @ turn + rng.normal(0, 1e-6, group.embedding.shape)]

    base = made.base
    layers = {g: disguised(getattr(base, g)) for g in ("forget", "retain", "unseen")}
    assert max(moves(replace(base, layers=layers), base).values()) < 1e-3
    assert states(with_after(made, replace(base, layers=layers)))["unchanged"] == DIFFERS
    assert states(made)["unchanged"] == NO_DIFFERENCE


def test_stored_weights_that_answer_otherwise_are_no_integrity() -> None:
    made = evidence()
    assert states(made)["integrity"] == NO_DIFFERENCE
    assert states(replace(made, stored_gap=0.5))["integrity"] == DIFFERS
    assert states(replace(made, stored_gap=float("nan")))["integrity"] == DIFFERS
    assert states(replace(made, stored_gap=None))["integrity"] == CANNOT_TELL


def test_harm_to_others_is_seen_and_its_control_is_planted() -> None:
    made = evidence()
    claim = {c["id"]: c for c in judge_evidence(made)["claims"]}["others"]
    assert claim["state"] == NO_DIFFERENCE and claim["controlled"] and claim["tests"][0]["planted"]
    wrong = np.where(np.arange(240) % 10 == 0, (made.after.retain.labels + 1) % CLASSES, made.after.retain.predicted)
    harmed = replace(made.after, retain=replace(made.after.retain, predicted=wrong))
    claim = {c["id"]: c for c in judge_evidence(with_after(made, harmed))["claims"]}["others"]
    assert (claim["state"], claim["direction"]) == (DIFFERS, "retained samples are classified worse")


def test_what_comes_back_is_seen_though_it_was_gone() -> None:
    made = evidence()
    start, end = made.after.trained_on
    back = replace(made.after, trained_on=(start, replace(end, forget_score=end.forget_score + 2)))
    claim = {c["id"]: c for c in judge_evidence(with_after(made, back))["claims"]}["comes-back"]
    assert claim["state"] == DIFFERS
    # Going back up to where retrained models are is none.
    low = replace(start, forget_score=start.forget_score - 2)
    claim = {c["id"]: c for c in judge_evidence(with_after(made, replace(made.after, trained_on=(low, end))))["claims"]}
    assert claim["comes-back"]["state"] != DIFFERS


def test_fewer_than_five_references_give_numbers_and_no_verdict() -> None:
    for references in (0, 1, 2, 4):
        verdict = judge_evidence(evidence(references=references))
        assert verdict["state"] == CANNOT_TELL and "5 retrained models" in verdict["sentence"]
        by_tests = [c for c in verdict["claims"] if c["tests"]]
        assert all(c["state"] == CANNOT_TELL for c in by_tests)
        if references:
            assert all(t["value"] is not None for c in by_tests for t in c["tests"])


def test_an_unchanged_model_differs_without_any_reference() -> None:
    made = evidence(references=0)
    assert judge_evidence(with_after(made, made.base))["state"] == DIFFERS


def test_a_question_without_tests_says_what_holds() -> None:
    """'Did anything change? No difference found' was read as the opposite."""
    made = evidence(references=0)

    def said(**other: float) -> dict[str, str]:
        return {c["id"]: c["sentence"] for c in judge_evidence(replace(made, **other))["claims"]}

    assert said()["unchanged"].startswith("It changed: the largest change in any layer or answer is ")
    assert said(stored_gap=0.0)["integrity"].startswith("The stored weights give the recorded answers: ")
    assert said(stored_gap=3.0)["integrity"].startswith("The stored weights answer otherwise than what was measured: ")


def test_margins_are_logit_scaled_confidence() -> None:
    logits = np.random.default_rng(0).normal(0, 5, (50, 7))
    labels = np.arange(50) % 7
    p = torch.from_numpy(logits).softmax(1)[torch.arange(50), torch.from_numpy(labels)]
    assert logit_margins(logits, labels) == pytest.approx(torch.logit(p).numpy(), abs=1e-6)
    assert softmax(logits) == pytest.approx(torch.from_numpy(logits).softmax(1).numpy())
    assert label_probability(logit_margins(logits, labels)) == pytest.approx(p.numpy())
    assert np.isfinite(logit_margins(np.array([[300.0, 0.0, -300.0]]), np.array([2]))).all()


def test_mmd_is_that_of_the_kernel_matrix() -> None:
    rng = np.random.default_rng(0)
    x, y, base = rng.normal(size=(30, 4)), rng.normal(0.5, 1, (20, 4)), rng.normal(2, 1, (30, 4))
    gamma = 1 / 1.7
    expected = rbf_kernel(x, x, gamma).mean() + rbf_kernel(y, y, gamma).mean() - 2 * rbf_kernel(x, y, gamma).mean()
    assert mmd(x, y, 1.7) == pytest.approx(expected)
    other = rng.normal(0.2, 1, (30, 4))
    near, far = relative_mmd(x, [other], base), relative_mmd(base, [other], base)
    assert near is not None and far is not None and near < 0 < far


def test_the_position_is_a_projection() -> None:
    rng = np.random.default_rng(0)
    start, end = rng.normal(size=(10, 3)), rng.normal(size=(10, 3))
    assert along(0.7 * start + 0.3 * end, start, end) == pytest.approx(0.3)
    sideways = rng.normal(size=(10, 3))
    line = (end - start).ravel()
    sideways = (sideways.ravel() - line * (sideways.ravel() @ line) / (line @ line)).reshape(10, 3)
    assert along(start + sideways, start, end) == pytest.approx(0.0, abs=1e-12)
    assert along(start, start, start) is None


def test_rmia_ranks_as_its_score_over_a_population_does() -> None:
    rng = np.random.default_rng(0)
    model, references = rng.uniform(0.01, 0.9, 60), rng.uniform(0.01, 1, (4, 60))
    ratio = rmia(model, references, 0.3)
    expected = model / ((1.3 * references.mean(0) + 0.7) / 2)
    assert ratio == pytest.approx(expected)
    population = rng.uniform(0, 2, 20000)
    dominated = [(r / population > 1).mean() for r in ratio]
    assert stats.spearmanr(ratio, dominated).statistic > 0.999


def test_iam_is_a_sum_of_gumbel_distribution_functions() -> None:
    rng = np.random.default_rng(0)
    own, base, shadows = rng.uniform(0.1, 0.9, 5), rng.uniform(0.9, 0.99, 5), rng.uniform(0.2, 0.8, (6, 5))

    def signal(p: np.ndarray) -> np.ndarray:
        return -np.log(-np.log(p))

    s, b, k = signal(own), signal(base), signal(shadows)
    for i in range(5):
        alphas = np.linspace(0, 1, 101)
        total = 0.0
        for first, second in zip(alphas[:-1], alphas[1:], strict=True):
            interpolated = k[:, i] + first * (b[i] - k[:, i])
            scale = np.sqrt(6) / np.pi * interpolated.std(ddof=1)
            total += second * stats.gumbel_r.cdf(s[i], loc=interpolated.mean() - np.euler_gamma * scale, scale=scale)
        assert iam(own, base, shadows)[i] == pytest.approx(total / alphas[1:].sum(), rel=1e-6)


def test_a_refitted_head_is_ridge_regression_on_one_hot_labels() -> None:
    rng = np.random.default_rng(0)
    x, labels, rows = rng.normal(size=(80, 6)), rng.integers(0, 3, 80), rng.normal(size=(10, 6))
    fitted = Ridge(alpha=1.0).fit(x, np.eye(3)[labels])
    assert ridge_scores(x, labels, rows, 3) == pytest.approx(fitted.predict(rows))


def test_compactness_and_class_means_by_hand() -> None:
    square = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    group = GroupSeen(np.zeros(3, int), np.ones((3, 1)), np.zeros(3, int), np.zeros(3), square)
    assert compactness(group) == pytest.approx((2 * np.sqrt(0.5) + 0.0) / 3)
    found = mean_margins(square[:2], np.array([0, 1]), square, np.array([0, 0, 2]))
    assert found == pytest.approx([1.0, -1.0, -1.0])


def test_a_membership_probe_finds_a_direction_and_nothing_else() -> None:
    rng = np.random.default_rng(0)

    def group(shift: float) -> GroupSeen:
        rows = rng.normal(size=(200, 5)) + np.array([shift, 0, 0, 0, 0])
        return GroupSeen(np.zeros(200, int), np.ones((200, 1)), np.zeros(200, int), np.zeros(200), rows)

    assert membership_probe(group(2.0), group(0.0)) > 0.8
    assert 0.4 < membership_probe(group(0.0), group(0.0)) < 0.6


def test_calibrated_auc_is_that_of_sklearn() -> None:
    made = evidence()
    tests = {t["id"]: t for t in {c["id"]: c for c in judge_evidence(made)["claims"]}["remembers"]["tests"]}
    areas = []
    for out in range(len(made.references)):
        rest = [r for i, r in enumerate(made.references) if i != out]
        forget = made.after.forget.score - np.mean([r.forget.score for r in rest], axis=0)
        unseen = made.after.unseen.score - np.mean([r.unseen.score for r in rest], axis=0)
        weight = np.bincount(made.after.forget.labels) / np.bincount(made.after.unseen.labels)
        truth = np.repeat([1, 0], [len(forget), len(unseen)])
        weights = np.concatenate([np.ones(len(forget)), weight[made.after.unseen.labels]])
        areas.append(roc_auc_score(truth, np.concatenate([forget, unseen]), sample_weight=weights))
    assert tests["auc"]["value"] == pytest.approx(np.mean(areas))


def test_sentences_hold_no_word_that_promises_too_much() -> None:
    for task in ("sample", "class"):
        for known in (0.0, 0.5, 1.0):
            for references in (0, 1, 8):
                verdict = judge_evidence(evidence(task, references, known=known))
                text = " ".join(
                    [verdict["sentence"], verdict["statistician"], *[c["sentence"] for c in verdict["claims"]]]
                )
                for word in ("deleted", "proved", "safe", "guarantee", "anonymous", "compliant", "certified"):
                    assert word not in text.lower()
                assert "nan " not in text and " None" not in text, text


def test_a_number_of_which_one_side_counts_says_which() -> None:
    for task in ("sample", "class"):
        for seed in (1, 2, 3):
            for claim in judge_evidence(evidence(task, seed=seed))["claims"]:
                test = next((t for t in claim["tests"] if t["decisive"]), None)
                if test is None or claim["state"] != NO_DIFFERENCE:
                    continue
                words = {"both": "A difference of", "high": "a number above", "low": "a number below"}[test["sides"]]
                others = {"A difference of", "a number above", "a number below"} - {words}
                assert words in claim["sentence"], claim["sentence"]
                inside = claim["null_low"] <= claim["statistic"] <= claim["null_high"]
                assert ("This one lies" in claim["sentence"]) == (not inside), claim["sentence"]
                assert not any(other in claim["sentence"] for other in others), claim["sentence"]


def test_a_question_that_tells_the_model_before_but_not_half_of_it_does_not_say_that_it_cannot_tell_it() -> None:
    found = set()
    for known in np.linspace(0.1, 1.0, 10):
        made = evidence(known=0.0)
        gap = made.base.forget.score - np.mean([r.forget.score for r in made.references], axis=0)
        weak = replace(made.base, forget=replace(made.base.forget, score=made.base.forget.score - (1 - known) * gap))
        weak = replace(made, base=weak)
        asked = next(a for a in ask_all(weak) if a.question.id == "remembers")
        claim = next(c for c in judge_evidence(weak)["claims"] if c["id"] == "remembers")
        if claim["state"] == CANNOT_TELL and not claim["controlled"]:
            told = asked.positive_p is not None and asked.positive_p <= LEVEL
            assert ("tells the model before unlearning" in claim["sentence"]) == told, claim["sentence"]
            assert ("does not tell the model" in claim["sentence"]) == (not told)
            found.add(told)
    assert found == {True, False}, "both kinds are to be seen"


def test_few_samples_are_said_to_be_missing() -> None:
    made = evidence()

    def few(model: ModelSeen) -> ModelSeen:
        f = model.forget
        rows = slice(0, 4)
        small = GroupSeen(f.labels[rows], f.outputs[rows], f.predicted[rows], f.score[rows], f.embedding[rows])
        stages = tuple(
            replace(s, forget_score=s.forget_score[rows], forget_right=s.forget_right[rows]) for s in model.trained_on
        )
        return replace(model, forget=small, trained_on=stages)

    small = replace(made, base=few(made.base), after=few(made.after), references=tuple(map(few, made.references)))
    claims = {c["id"]: c for c in judge_evidence(small)["claims"]}
    for question in ("remembers", "answers", "hidden", "comes-back", "attack"):
        assert claims[question]["state"] == CANNOT_TELL and "10 forget samples" in claims[question]["sentence"]


def test_forgotten_classes_do_not_count_as_others() -> None:
    made = evidence("class")
    assert (made.after.forget.labels == FORGOTTEN).all()
    lost = np.where(made.after.unseen.labels == FORGOTTEN, 0, made.after.unseen.predicted)
    after = replace(made.after, unseen=replace(made.after.unseen, predicted=lost))
    assert states(with_after(made, after))["others"] == NO_DIFFERENCE


def test_references_that_answer_alike_count_once() -> None:
    made = evidence()
    verdict = judge_evidence(replace(made, references=made.references[:1] * 5))
    assert verdict["references"] == 1 and "there is 1" in verdict["sentence"]
    assert "4 more answer exactly as one that counts" in verdict["statistician"]
    assert not [c["id"] for c in verdict["claims"] if c["state"] == DIFFERS or c["p"] is not None]
    with_copies = judge_evidence(replace(made, references=(*made.references, made.references[0])))
    assert with_copies["claims"] == judge_evidence(made)["claims"]
    assert "1 more answers exactly as one that counts" in with_copies["statistician"]


def test_no_class_is_lost_where_retrained_models_answer_with_a_constant() -> None:
    made = evidence()

    def constant(model: ModelSeen, answer: int) -> ModelSeen:
        groups = {g: getattr(model, g) for g in ("forget", "retain", "unseen")}
        return replace(model, **{g: replace(s, predicted=np.full(len(s), answer)) for g, s in groups.items()})

    made = replace(made, after=constant(made.after, 1), references=tuple(constant(r, 0) for r in made.references))
    claim = next(c for c in judge_evidence(made)["claims"] if c["id"] == "others")
    assert claim["state"] == CANNOT_TELL and "little to harm" in claim["sentence"]


def test_weights_that_are_not_those_measured_are_called_that() -> None:
    made = evidence()
    told = judge_evidence(replace(made, stored_gap=2.0))
    assert told["state"] == DIFFERS and told["sentence"].startswith("The weights that are stored are not the model")


def test_no_test_for_want_of_numbers_is_not_blamed_on_the_references() -> None:
    assert statistician_sentence((0, 0), 8).startswith("No test was made: no number")
    assert "there is 1." in statistician_sentence((0, 0), 1)
    assert "1 statistic of 1 question against" in statistician_sentence((1, 1), 8)


def test_the_model_before_unlearning_is_no_reference() -> None:
    made = evidence()
    verdict = judge_evidence(replace(made, references=(made.base, *made.references)))
    assert verdict["references"] == len(made.references)
    assert verdict["claims"] == judge_evidence(made)["claims"]


def test_nothing_changed_is_not_said_where_retraining_changes_nothing_either() -> None:
    made = evidence()
    broken = replace(made, after=made.base, references=(made.base, *made.references))
    claim = ask_all(broken, {"unchanged": QUESTIONS["unchanged"]})[0]
    assert claim.state == CANNOT_TELL and "too" in claim.inquiry.missing
    same = ask_all(replace(broken, same_weights=True), {"unchanged": QUESTIONS["unchanged"]})[0]
    assert same.state == DIFFERS
