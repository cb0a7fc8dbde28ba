"""The numbers of a run that are compared, each with its reference, its band, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Sequence

from cu_core.analysis.compare.compared import Compared, ComparedMetric
from cu_core.analysis.verdict_reading import verdict_of
from cu_core.catalogue.attack_record import ATTACKS
from cu_core.catalogue.method_record import METHODS
from cu_core.catalogue.metric_record import METRICS
from cu_core.catalogue.spec_parts import TrainSpec
from cu_core.catalogue.verdict_states import rank_of
from cu_core.metrics.band import band
from cu_core.metrics.own_interval import auc_interval, share_interval

UNFINISHED = "the run has not finished"
NO_REFERENCE = "no reference was retrained"
ONE_REFERENCE = "one reference gives no band"
OLDER = "the run is older than this number"
ELSEWHERE = "not known: it was unlearned elsewhere"
ALL_AGREE = "all references agree, so they give no width to measure with"
PROCESSOR, DEVICE, WALL = "processor time", "device time", "wall time"
SUBJECT = "the forget samples"
LESS_KNOWN = "less known than to retrained models"


def metric_measure(run: Compared, metric_id: str) -> ComparedMetric:
    """A metric after unlearning.

    Args:
        run: of which.
        metric_id: key in `cu_core.catalogue.metric_record.METRICS`.
    """
    values = [reference.metrics.get(metric_id) for reference in run.references]
    why_no_band = "" if len(run.references) > 1 else _why_no_band(run)
    counted = samples_behind(run, metric_id)
    found = band(values, counted)
    if found is None and not why_no_band:
        why_no_band = ALL_AGREE + one_sample(run, metric_id) if _agree(values) else "the references do not have it"
    value = run.after.get(metric_id)
    return ComparedMetric(
        value=value,
        why="" if value is not None else _why_no_metric(run, metric_id),
        reference=run.reference.get(metric_id),
        band=found,
        why_no_band="" if found else why_no_band,
        note=f"all agree; one sample is {_percent(1 / counted)}" if found and counted and _agree(values) else "",
    )


def _agree(values: Sequence[float | None]) -> bool:
    known = {value for value in values if value is not None}
    return len(known) == 1 and sum(value is not None for value in values) > 1


def _percent(share: float) -> str:
    """A small share with two digits that count."""
    return f"{100 * share:.2g} %"


def samples_behind(run: Compared, metric_id: str) -> int | None:
    """How many samples a share was counted on; None for what is no share, or where the result does not say."""
    counts = dict(run.result.get("counts") or {})
    if "unseen" in counts and "unseen_forgotten" in counts:
        counts["unseen_retained"] = counts["unseen"] - counts["unseen_forgotten"]
    return counts.get(METRICS[metric_id].counted_on) if METRICS[metric_id].percent else None


def one_sample(run: Compared, metric_id: str) -> str:
    """How much one forget sample can move an AUC, in words behind a comma; empty for others, or where n is unknown."""
    members, others = _ranked(run)
    if not METRICS[metric_id].ranks or not members or not others:
        return ""
    return f"; one forget sample is worth up to {1 / members:.3f}"


def own_interval(run: Compared, metric_id: str) -> tuple[float, float] | None:
    """The 95 % interval of a metric after unlearning from its own samples alone; None where it is not known.

    Args:
        run: of which.
        metric_id: of a share or an AUC; means of other numbers do not say how their samples spread.
    """
    value, samples = run.after.get(metric_id), samples_behind(run, metric_id)
    if value is None or run.partial:
        return None
    if METRICS[metric_id].ranks:
        members, others = _ranked(run)
        return auc_interval(value, members, others) if members and others else None
    return share_interval(value, samples) if samples else None


def tow_measure(run: Compared) -> ComparedMetric:
    """Tug of war with its bootstrap interval; 1 is like retraining, so it needs no band."""
    tow = run.result.get("tow")
    if not tow:
        return ComparedMetric(None, _why_no_reference(run))
    return ComparedMetric(tow["value"], low=tow.get("low"), high=tow.get("high"), reference=1.0)


def attack_measure(run: Compared, attack: str, way: str) -> ComparedMetric:
    """AUC of a membership attack after unlearning, beside that on the references.

    Args:
        run: of which.
        attack: key in `cu_core.catalogue.attack_record.ATTACKS`.
        way: how it was fitted, key in `cu_core.catalogue.attack_record.WAYS`.
    """
    attacks = run.result.get("attacks")
    if not attacks:
        return ComparedMetric(None, _why_no_attacks(run))
    made = attacks.get(attack) or {}
    numbers = (made.get("after") or {}).get(way) or {}
    auc = numbers.get("auc")
    if not auc:
        title = ATTACKS[attack].title if attack in ATTACKS else attack
        return ComparedMetric(None, str(numbers.get("reason") or f"the attack {title} was not made in this run"))
    kept = ((run.result.get("reference_attacks") or {}).get(attack) or {}).get(way) or {}
    values: Sequence[float | None] = kept.get("auc") or []
    first = ((made.get("reference") or {}).get(way) or {}).get("auc")
    if not values and first:
        values = [first[0]]
    known = [v for v in values if v is not None]
    found = band(values)
    why = "" if found else ALL_AGREE if len(known) > 1 else _why_no_band(run)
    mean = sum(known) / len(known) if known else None
    return ComparedMetric(auc[0], low=auc[1], high=auc[2], reference=mean, band=found, why_no_band=why)


def time_measure(run: Compared) -> ComparedMetric:
    """Time of the method as a share of the mean time of one retraining, both as `time_kind` says."""
    spent = seconds_measure(run).value
    if spent is None:
        return ComparedMetric(None, _why_no_cost(run))
    known = retraining_seconds(run)
    if not known:
        return ComparedMetric(None, "the time of retraining is not known" if run.references else _why_no_reference(run))
    return ComparedMetric(spent * len(known) / sum(known))


def seconds_measure(run: Compared) -> ComparedMetric:
    """Time of the method in seconds as `time_kind` says, evaluation not counted."""
    kind = "seconds" if time_kind(run) == WALL else "cpu_seconds"
    spent = (run.result.get(kind) or {}).get("unlearn")
    return ComparedMetric(spent, "" if spent is not None else _why_no_cost(run))


def retraining_seconds(run: Compared) -> list[float]:
    """Time of each reference's training in seconds as `time_kind` says, where it is known."""
    return _retraining(run, "seconds" if time_kind(run) == WALL else "cpu_seconds")


def time_kind(run: Compared) -> str:
    """What a run's times are: of the processor or the device where method and retraining tell, else what passed.

    Returns:
        `PROCESSOR`, `DEVICE` or `WALL`.
    """
    unlearning = (run.result.get("cpu_seconds") or {}).get("unlearn")
    if unlearning is None or (_retraining(run, "seconds") and not _retraining(run, "cpu_seconds")):
        return WALL
    device = str((run.result.get("hardware") or {}).get("device") or "cpu")
    return PROCESSOR if device == "cpu" else DEVICE


def _retraining(run: Compared, kind: str) -> list[float]:
    """What each reference took, where that is known."""
    values = [getattr(reference, kind) for reference in run.references]
    return [float(value) for value in values if value]


def images_measure(run: Compared) -> ComparedMetric:
    """Images that the method drew as a share of those that one retraining draws."""
    served, retain = run.result.get("served"), (run.result.get("counts") or {}).get("retain")
    if not served or not retain:
        return ComparedMetric(None, _why_no_cost(run))
    if _starts_anew(run) and not any(served.values()):
        return ComparedMetric(None, OLDER)  # which did not count what such a method draws
    recipe = run.spec.get("train") or {}
    train = TrainSpec(**{name: recipe[name] for name in ("epochs", "shards", "slices") if name in recipe})
    # A shard's stage sees the slices up to its own; all shards together see every sample once a stage's epoch.
    visits = sum(epochs * stage / train.slices for stage, epochs in enumerate(train.stage_epochs, start=1))
    if not visits:
        return ComparedMetric(None, "nothing was trained")
    return ComparedMetric(sum(served.values()) / (visits * retain))


def passes_measure(run: Compared, group: str) -> ComparedMetric:
    """How often the method drew the whole forget or retain set.

    Args:
        run: of which.
        group: ``"forget"`` or ``"retain"``.
    """
    served = run.result.get("served")
    size = run.result.get("forget_count") if group == "forget" else (run.result.get("counts") or {}).get("retain")
    if not served or not size:
        return ComparedMetric(None, _why_no_cost(run))
    return ComparedMetric(served[group] / size)


def verdict_measure(run: Compared) -> ComparedMetric:
    """State of the verdict as its rank, 0 for the worst."""
    verdict = verdict_of(run.result)
    if verdict is not None:
        rank = rank_of(verdict["state"])
        return ComparedMetric(None if rank is None else float(rank))
    if run.partial:
        return ComparedMetric(None, UNFINISHED)
    off = (run.spec.get("audit") or {}).get("verdict") is False
    return ComparedMetric(None, "no verdict was made: it was switched off" if off else "no verdict was made")


def _ranked(run: Compared) -> tuple[int, int]:
    """How many forget samples, and how many unseen ones of the same classes, an AUC tells apart; 0 if not known."""
    counts = run.result.get("counts") or {}
    others = counts.get("unseen_forgotten" if run.task == "class" else "unseen")
    return int(counts.get("forget") or 0), int(others or 0)


def rounds_measure(run: Compared) -> ComparedMetric:
    """Recorded rounds."""
    return ComparedMetric(float(run.rounds))


def over_unlearning(run: Compared) -> tuple[bool | None, str]:
    """Whether forget samples look less known than to retrained models, and that in words with their subject.

    Returns:
        None with the reason where it cannot be told.
    """
    if run.partial:
        return None, UNFINISHED
    if "over_unlearning" not in run.result:
        return None, OLDER
    found = run.result["over_unlearning"]
    if found is None:
        return None, _why_no_band(run)
    # A method that starts anew has learned too little before its end; older results judged its rounds as well.
    end_alone = _starts_anew(run)
    first, final = found.get("first_round"), bool(found.get("final"))
    if not final and (first is None or end_alone):
        return False, f"{SUBJECT} {'at the end do not' if end_alone else 'never'} look {LESS_KNOWN}"
    if not final:
        return False, f"{SUBJECT} look {LESS_KNOWN} in round {first} for the first time, but not at the end"
    named = ", ".join(METRICS[m].title if m in METRICS else m for m in found.get("metrics") or ())
    since = "at the end" if end_alone else f"in round {first} for the first time, and at the end"
    return True, f"{SUBJECT} look {LESS_KNOWN} {since} ({named})"


def _starts_anew(run: Compared) -> bool:
    return run.method in METHODS and METHODS[run.method].starts_anew


def _why_no_metric(run: Compared, metric_id: str) -> str:
    metric = METRICS[metric_id]
    if run.task not in metric.tasks:
        return f"not defined for {run.task} forgetting"
    if run.kind not in metric.objectives:
        return f"not defined for {'classifiers' if run.kind == 'supervised' else 'encoders'}"
    if metric_id not in run.after:
        return "not measured before the run has ended" if run.partial else OLDER
    return "no sample to measure it on"


def _why_no_cost(run: Compared) -> str:
    if run.elsewhere:
        return ELSEWHERE
    return UNFINISHED if run.partial else OLDER


def _why_no_reference(run: Compared) -> str:
    if run.asked_references == 0:
        return NO_REFERENCE
    return UNFINISHED if run.partial else OLDER


def _why_no_band(run: Compared) -> str:
    if run.asked_references != 1 or run.partial:
        return _why_no_reference(run)
    return ONE_REFERENCE


def _why_no_attacks(run: Compared) -> str:
    if run.partial:
        return UNFINISHED
    if (run.spec.get("audit") or {}).get("attacks") == "none":
        return "no membership attacks were made: they were switched off"
    notes = [str(note) for note in run.result.get("notes") or ()]
    said = next((note for note in notes if note.startswith("No membership attacks")), "no membership attacks were made")
    return (said[:1].lower() + said[1:]).rstrip(".")
