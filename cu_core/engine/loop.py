"""The loop of a run: base model, unlearning round by round, references, audit, result."""

from __future__ import annotations

import copy
import dataclasses
import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import numpy as np
import torch

from cu_core.base.errors import BadInput, CheckpointError, Diverged, UnlearnscopeError
from cu_core.base.files import read_json
from cu_core.catalogue.attack_record import REFERENCE
from cu_core.catalogue.file_lists import REFERENCES, ROUNDS
from cu_core.catalogue.method_record import method
from cu_core.catalogue.spec import bare_name
from cu_core.catalogue.stopping import STOPPING_RULES, collapsed
from cu_core.engine.audit.plan import AuditPlan
from cu_core.engine.base_knowledge import base_words, beside_words, met_before, remember_base, remember_beside
from cu_core.engine.checkpoint import read_checkpoint, restore, saved_state, write_checkpoint
from cu_core.engine.deep.deep_phase import DeepAudit
from cu_core.engine.earlier_costs import remember_rest
from cu_core.engine.evaluation import Metrics
from cu_core.engine.evaluation_cache import EvaluationCache
from cu_core.engine.given_files import GivenModels
from cu_core.engine.kept_arithmetic import KeptArithmetic
from cu_core.engine.likeness import Likeness
from cu_core.engine.probe import recorded_probe
from cu_core.engine.progress import Progress
from cu_core.engine.recorded_models import nearness_report
from cu_core.engine.recorder import Recorder
from cu_core.engine.reference_comparison import Comparison
from cu_core.engine.result import build_result, known_seconds
from cu_core.engine.run_references import RunReference, RunReferences
from cu_core.engine.run_training import RunTraining
from cu_core.engine.setup import RunSetup, set_up
from cu_core.engine.tsne_record import record_tsne
from cu_core.engine.unlearning import method_rounds, unlearning_context
from cu_core.engine.verdict.verdict_step import verdict_step
from cu_core.engine.weight_check import judge
from cu_core.learning.device import keep_freed_memory, memory_errors
from cu_core.learning.model_cache import Trained
from cu_core.learning.network import Network
from cu_core.learning.parallel.team import ALONE, Team
from cu_core.learning.precision_trial import InForce
from cu_core.learning.weights import save_weights, weights_sha256
from cu_core.learning.work_clock import WorkClock, total
from cu_core.methods.context import Context
from cu_core.runstore import layout
from cu_core.runstore.attempt import Attempt
from cu_core.runstore.reader import RunView
from cu_core.runstore.rows import optional_json

Timed = TypeVar("Timed")


def execute(attempt: Attempt, team: Team = ALONE) -> dict[str, Any]:
    """Runs one attempt from where the last one ended.

    Args:
        attempt: the run directory, its specification and the way to write into it.
        team: the processes that divide the work between them.

    Returns:
        The result, to be stored as ``result.json``.

    Raises:
        UnlearnscopeError: anything that a user can act on.
    """
    spec = attempt.spec
    if spec.processes != team.size:
        raise BadInput("processes", f"the run wants {spec.processes}, and its worker was started as {team.size}")
    arithmetic = KeptArithmetic(attempt)
    arithmetic.fix_threads()
    keep_freed_memory()
    hint = f"train.batch_size (now {spec.train.batch_size}), the method's batch size or the image size"
    with memory_errors(hint):
        return _Execution(attempt, team, arithmetic).run()


class _Execution:
    """One attempt's working state; the steps are its methods in order."""

    def __init__(self, attempt: Attempt, team: Team, arithmetic: KeptArithmetic) -> None:
        self.attempt = attempt
        self.team = team
        self.arithmetic = arithmetic
        self.spec = attempt.spec
        self.method = method(self.spec.method.id)
        # Who takes the method's steps.
        self.unlearners: Team = team if self.method.divided(self.spec.method.params) else ALONE
        self.progress = Progress(attempt)
        self.seconds = {"train": 0.0, "unlearn": 0.0, "evaluate": 0.0, "reference": 0.0, "audit": 0.0}
        self.cpu_seconds: dict[str, float | None] = dict(self.seconds)
        self.before: Metrics = {}
        self.own_weights: dict[str, Any] | None = None
        # Seconds of trainings that took place here and now.
        self.trained_for = 0.0
        self.resumed = False

    def run(self) -> dict[str, Any]:
        """All steps."""
        self.setup = self._prepare()
        began = time.perf_counter()
        # From here on with the network as its own weights have it.
        self.spec = self.setup.spec
        self.team.set_up(torch.get_num_threads(), self.setup.precision.name)
        self.attempt.write_json(layout.DATASET, {"key": self.setup.data_key, "sha256": self.setup.data.sha256})
        self.given = GivenModels(self.setup, self.attempt)
        self.given.check()
        self._judge_own_weights()
        self.recorder = Recorder(self.setup, self.attempt)
        self.comparison = Comparison(self.recorder, EvaluationCache(self.attempt.home, self.setup))
        self.audit = AuditPlan(self.setup)
        self.training = RunTraining(self.setup, self.attempt, self.progress, self.audit, self.team)
        self.training.plan()
        self.deep = DeepAudit(self.setup, self.attempt, self.progress)
        retrain = partial(self.training.train, self.setup.retain, phase="reference")
        self.references = RunReferences(self.setup, self.given, self.progress, retrain)
        base = self.training.train(np.arange(len(self.setup.data.train_labels)), self.spec.train_seed, "train")
        self.seconds["train"], self.cpu_seconds["train"] = base.seconds, base.cpu_seconds
        self.trained_for = 0.0 if base.cached else base.seconds
        self._compare_rounds(base.model)
        context, stopped_by = self._start_or_resume(base)
        if not stopped_by:
            stopped_by = self._unlearn(context)
        self.progress.finish("unlearn")
        after = self._timed(lambda: self.comparison.finished(base, context.model))
        self.attempt.write("weights.pt", lambda file: save_weights(file, context.model))
        for reference in self.references.each():
            self._reference(reference)
        remember_beside(self.spec, self.attempt.home, self._beside())
        audit = self._audit(base.model, context.model)
        verdict = self._verdict(base, context.model, context.first_round - 1)
        self._picture(context.first_round - 1)
        weights = weights_sha256(context.model.state_dict())
        retrained = next((r.trained.model for r in self.comparison.references), None)
        deep_audit = self.deep.make(base.model, context.model, retrained, context.first_round - 1, weights)
        self.progress.start("finish", "writing the result")
        if not self.resumed:
            rest = time.perf_counter() - began - self.trained_for
            remember_rest(self.attempt.spec, self.attempt.home, rest)
        return build_result(
            setup=self.setup,
            run_id=self.attempt.run_id,
            base=base,
            rounds=context.first_round - 1,
            stopped_by=stopped_by,
            before=self.before,
            after=after,
            comparison=self.comparison.report(),
            cautions=self._cautions(),
            notes=self._cautions() + self.setup.notes + self.training.notes + self.audit.notes,
            own_weights=self.own_weights,
            audit=audit,
            verdict=verdict,
            nearness=nearness_report(self.setup, RunView(self.attempt.run_dir)),
            seconds=known_seconds(self.spec, self.seconds),
            cpu_seconds=known_seconds(self.spec, self.cpu_seconds),
            given=self.given.told,
            weights_sha256=weights,
            deep_audit=deep_audit,
        )

    def _prepare(self) -> RunSetup:
        def report(done: int, total: int, message: str) -> None:
            self.attempt.check()
            self.attempt.event("prepare", done, total, message=message)

        setup = set_up(self.spec, self.attempt.home, report, self.arithmetic.precision)
        self.arithmetic.keep(InForce(setup.precision, setup.bf16_gain, setup.precision_told))
        if self.attempt.is_sound(layout.PROBE):
            setup = dataclasses.replace(setup, probe=recorded_probe(RunView(self.attempt.run_dir).probe()))
        return setup

    def _judge_own_weights(self) -> None:
        if self.spec.takes_own_weights:
            self.attempt.event("prepare", 0, 0, message="judging own weights")
            self.own_weights = judge(self.setup, self.attempt.home, self.attempt.check)
            found = self.own_weights
            self.attempt.event("prepare", 0, 0, message=found["words"], loud=found["loud"])

    def _cautions(self) -> list[str]:
        """What nobody who reads the numbers should miss; complete once the base model was looked at."""
        own = self.own_weights["words"] if self.own_weights and self.own_weights["loud"] else None
        rule = read_json(self.attempt.run_dir / "rounds" / "0" / "manifest.json").get("rule")
        base = base_words(self.setup, self.before) or self._beside() or met_before(rule)
        return [*filter(None, (own, base))]

    def _beside(self) -> str | None:
        references = [reference.evaluated.metrics for reference in self.comparison.references]
        return beside_words(self.setup, self.before, references)

    def _start_or_resume(self, base: Trained) -> tuple[Context, str]:
        check = self.unlearners.check(self.attempt.check)
        context = unlearning_context(self.setup, copy.deepcopy(base.model), check, base.shards, base.kept)
        context.load = lambda path: self.given.load(context.model, path)
        state = saved_state(self.attempt)
        # Rounds that no checkpoint vouches for are done again, and then may end elsewhere.
        self.recorder.drop_rounds_after(state["round"] if state else -1)
        if state is None:
            self._record_start(context, base)
            return context, ""
        self._take_start(base)
        self.resumed = True
        restore(context, state)
        self.seconds = dict(state["seconds"]) | {"train": self.seconds["train"]}
        # Checkpoints of earlier versions do not tell.
        kept = state.get("cpu_seconds") or dict.fromkeys(self.cpu_seconds)
        self.cpu_seconds = dict(kept) | {"train": self.cpu_seconds["train"]}
        self.recorder.resume()
        self.progress.works["unlearn"].done = state["round"]
        return context, state["stopped_by"]

    def _take_start(self, base: Trained) -> None:
        """What an earlier attempt has written of the base model, worked out again where it is damaged."""
        if not self.attempt.is_sound(layout.PROBE):
            self.recorder.write_probe()
        if self.attempt.is_sound(layout.BEFORE):
            self.before = optional_json(self.attempt.run_dir / layout.BEFORE)
        if not self.before:
            self.before = self._timed(lambda: self.comparison.base(base))
            self.attempt.write_json(layout.BEFORE, self.before)

    def _record_start(self, context: Context, base: Trained) -> None:
        self.recorder.write_probe()
        self.before = self._timed(lambda: self.comparison.base(base))
        self.attempt.write_json(layout.BEFORE, self.before)
        mark = self.clock.mark()
        recorded = self.recorder.record(context.model, 0, {}, 0.0, images_drawn={})
        self._worked("evaluate", mark)
        if recorded is None:
            raise self._not_finite("The base model", self.spec.model.weights, "model.weights")
        self.seconds["evaluate"] += recorded.seconds
        self._checkpoint(context, 0, "")

    def _unlearn(self, context: Context) -> str:
        retain_before = read_json(self.attempt.run_dir / "rounds" / "0" / "manifest.json")["metrics"]["retain_acc"]
        rounds = self.unlearners.rounds(context, lambda context: method_rounds(self.spec, context))
        # The first optimizer of a process makes torch import its compiler, which takes seconds. Where the base
        # model came from the cache, the method would make that one, and its first round would seem slow.
        torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.0)
        doing = "reading the rounds" if self.method.from_files else "unlearning"
        self.progress.start("unlearn", ". ".join([doing, *(note.rstrip(".") for note in self.setup.notes)]))
        words = base_words(self.setup, self.before)
        remember_base(self.spec, self.attempt.home, words)
        if words:
            self.attempt.event("unlearn", 0, self.spec.max_rounds, message=words, loud=True)
        healthy = context.first_round - 1
        stopped_by = ""
        while not stopped_by:
            drawn = _images_drawn(context)
            mark, began = self.clock.mark(), time.perf_counter()
            diagnostics = next(rounds, None)
            seconds = time.perf_counter() - began
            if diagnostics is None:
                if not healthy:
                    raise BadInput("method", f"{self.method.id} ended before its first round: nothing was unlearned")
                told_to = healthy >= self.spec.max_rounds and not self.method.from_files
                stopped_by = "max_rounds" if told_to else "method_finished"
                self._checkpoint(context, healthy, stopped_by)
                break
            self.seconds["unlearn"] += seconds
            self._worked("unlearn", mark, by=self.unlearners)
            mark, recorded = self.clock.mark(), None
            if not collapsed(diagnostics, None, None, 1.0):
                images_drawn = {group: now - drawn[group] for group, now in _images_drawn(context).items()}
                recorded = self.recorder.record(
                    context.model,
                    healthy + 1,
                    diagnostics,
                    None if self.method.from_files else seconds,
                    images_drawn=images_drawn,
                )
            if recorded is None and self.method.from_files:
                path = self.spec.method.params.rounds[healthy]
                raise self._not_finite(f"Round {healthy + 1}", path, ROUNDS)
            if recorded is None:
                # The weights are useless now: go back to the last round that has numbers.
                restore(context, read_checkpoint(self.attempt.checkpoint_path))
                stopped_by = "not_a_number"
                self._checkpoint(context, healthy, stopped_by)
                break
            healthy += 1
            self.seconds["evaluate"] += recorded.seconds
            self._worked("evaluate", mark)
            # First the guard: a model that has lost everything meets every rule.
            guarded = None if self.method.unguarded else retain_before
            stopped_by = collapsed(diagnostics, guarded, recorded.metrics["retain_acc"], self.spec.stop.collapse_drop)
            if not stopped_by and recorded.verdict and recorded.verdict.met:
                stopped_by = f"{recorded.verdict.name}_rule"
            context.first_round = healthy + 1
            self._checkpoint(context, healthy, stopped_by)
            self.progress.step("unlearn", recorded.metrics, f"round {healthy}")
        rounds.close()
        context.first_round = healthy + 1
        return stopped_by

    def _not_finite(self, who: str, path: str, field: str) -> UnlearnscopeError:
        """What is wrong where a model's outputs are no numbers: the file of the user, or the training."""
        if path and (field != "model.weights" or self.spec.base_recipe.work == 0):
            return CheckpointError(field, f"{bare_name(path)} gives outputs that are not finite numbers")
        return Diverged(f"{who} gives outputs that are not finite numbers. Lower train.lr.")

    def _reference(self, found: RunReference) -> None:
        self.seconds["reference"] += found.seconds or 0.0
        if not found.file and not found.trained.cached:
            self.trained_for += found.seconds or 0.0
        if not found.file:
            self.cpu_seconds["reference"] = total(self.cpu_seconds["reference"], found.trained.cpu_seconds)
        if not self.recorder.record_reference(found.trained.model, found.number, found.seconds, file=found.name):
            if found.file:
                raise self._not_finite("The reference", found.file.path, found.file.field)
            raise self._not_finite(f"The reference (seed {found.number})", "", REFERENCES)
        named = {"file": found.name, "sha256": found.sha256}
        self._timed(lambda: self.comparison.reference(found.trained, found.number, **named))

    def _compare_rounds(self, base: Network) -> None:
        """References before unlearning, for a rule that compares every round with them."""
        if not STOPPING_RULES.named(self.setup.rule).references:
            return
        models = [found.trained.model for found in self.references.each(keep=True)]
        self.recorder.likeness = Likeness(self.setup, self.recorder.signal_pass)
        self.recorder.likeness.compare_with(base, models)

    def _audit(self, before: Network, after: Network) -> dict[str, Any] | None:
        """Membership attacks on the finished run; done again by an attempt that was interrupted after them."""
        if self.audit.samples is None:
            return None
        references = [r.trained.model for r in self.comparison.references]
        models = {"before": before, "after": after}
        if references:
            models[REFERENCE] = references[0]

        def step(message: str) -> None:
            self.attempt.check()
            self.progress.step("audit", message=message)

        self.progress.start("audit", "membership attacks")
        mark = self.clock.mark()
        found = self.audit.make(models, step, self.attempt.check, references[1:])
        self._worked("audit", mark)
        self.attempt.promote(layout.AUDIT, found.arrays, found.manifest)
        self.seconds["audit"] = found.manifest["seconds"]
        return found.manifest

    def _verdict(self, base: Trained, after: Network, last: int) -> dict[str, Any] | None:
        if not self.spec.audit.verdict:
            return None
        references = [r.trained.model for r in self.comparison.references]
        passes = self.recorder.signal_pass
        return verdict_step(
            self.attempt,
            self.setup,
            passes,
            self.progress,
            before=base.model,
            after=after,
            references=references,
            last=last,
            keys=[base.key, *(r.trained.key for r in self.comparison.references)],
        )

    def _picture(self, last: int) -> None:
        if not self.spec.probe.tsne:
            return
        self.progress.start("finish", "drawing t-SNE")
        reference = self.spec.train_seed if self.spec.references else None
        self._timed(lambda: record_tsne(self.attempt, self.setup.probe, last, reference))

    def _timed(self, evaluate: Callable[[], Timed]) -> Timed:
        mark, began = self.clock.mark(), time.perf_counter()
        found = evaluate()
        self.seconds["evaluate"] += time.perf_counter() - began
        self._worked("evaluate", mark)
        return found

    @property
    def clock(self) -> WorkClock:
        """Reads what processor or device have done."""
        return WorkClock(self.setup.device)

    def _worked(self, phase: str, mark: Any, by: Team = ALONE) -> None:
        """Adds the work since a mark to a phase; what the other processes of a team did is not known here."""
        spent = self.clock.since(mark) if by.size == 1 else None
        self.cpu_seconds[phase] = total(self.cpu_seconds.get(phase, 0.0), spent)

    def _checkpoint(self, context: Context, number: int, stopped_by: str) -> None:
        write_checkpoint(self.attempt, context, number, self.seconds, stopped_by, self.cpu_seconds)


def _images_drawn(context: Context) -> dict[str, int]:
    """Images that the method has drawn so far, by group."""
    splits = {"forget": context.forget, "retain": context.retain, "unseen": context.unseen}
    return {group: split.images_drawn for group, split in splits.items() if split is not None}
