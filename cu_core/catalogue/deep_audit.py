"""Which runs a deep audit can be made of, and how many shadow models it needs at least."""

from __future__ import annotations

import dataclasses

from cu_core.base.errors import Incompatible
from cu_core.catalogue.method_record import method
from cu_core.catalogue.spec import RunSpec

FEWEST_SHADOWS = 12
"""Four worlds of each kind in thirds: two would be left of each beside the one that is judged, and one to spare."""
USUAL_SHADOWS = 64
_PREFIX = "Deep audit of "


def why_no_deep_audit(spec: RunSpec) -> str | None:
    """Why no shadow models can be made of a run, in words; None if they can."""
    record = method(spec.method.id)
    if record.from_files:
        return (
            "shadow models are unlearned by the method that is audited, and of a model that was unlearned elsewhere "
            "only files are here"
        )
    if spec.self_supervised:
        return "shadow models are asked how sure they are of a label, and an encoder has none"
    if spec.train.sharded:
        return (
            "models in shards are unlearned by training shards anew, which never see the samples again; shadow models "
            "in shards are not made"
        )
    if spec.train.epochs == 0:
        return "shadow models are trained from scratch and need a recipe of at least one epoch (train.epochs)"
    if spec.processes > 1:
        return "shadow models are made by one process each; several runs can share them instead (audit.first_shadow)"
    return None


def check_deep_audit(spec: RunSpec) -> None:
    """Refuses a run whose deep audit cannot be made.

    Raises:
        Incompatible: says why.
    """
    if spec.audit.shadows:
        _check(spec, spec.audit.shadows, ("0",))


def _check(spec: RunSpec, shadows: int, otherwise: tuple[str, ...] = ()) -> None:
    if reason := why_no_deep_audit(spec):
        raise Incompatible("audit.shadows", reason, otherwise)
    if shadows < FEWEST_SHADOWS:
        words = f"{shadows} shadow model{' tells' if shadows == 1 else 's tell'} nothing apart"
        raise Incompatible("audit.shadows", words, (*otherwise, f"{FEWEST_SHADOWS} or more"))


def deep_audit_of(spec: RunSpec, run_id: str, shadows: int, spread: int = 1) -> list[RunSpec]:
    """The runs that audit a run: one, or several that share the shadow models between them.

    Each is the run once more, which ends with the shadow models; those of several begin at different ones and take
    from each other what is there.

    Args:
        spec: of the run.
        run_id: of the run.
        shadows: how many models.
        spread: over how many runs.
    """
    _check(spec, shadows)
    if not 1 <= spread <= shadows:
        raise Incompatible(
            "--spread", f"{shadows} shadow models cannot be spread over {spread} runs", (f"1 to {shadows}",)
        )
    # Of a run that is a deep audit itself, the one that it audits.
    run_id = spec.audit.of_run or run_id
    found = []
    for number in range(spread):
        part = f" ({number + 1} of {spread})" if spread > 1 else ""
        audit = dataclasses.replace(spec.audit, shadows=shadows, first_shadow=number * shadows // spread, of_run=run_id)
        title = spec.title.removeprefix(_PREFIX)
        name = f"{_PREFIX}{title}{part}"
        found.append(dataclasses.replace(spec, audit=audit, name=name, group=""))
    return found
