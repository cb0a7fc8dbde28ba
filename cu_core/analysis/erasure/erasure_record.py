"""The record of one run, put together from its files and from what was typed in."""

from __future__ import annotations

import dataclasses
import datetime
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cu_core.analysis.compare.compared import Compared
from cu_core.analysis.compare.provenance import command_of
from cu_core.analysis.compare.reading import read_run
from cu_core.analysis.erasure.deep_results import deep_results
from cu_core.analysis.erasure.forgotten_scope import Scope, scope_of
from cu_core.analysis.erasure.left_out import Included, Reader, reader_of
from cu_core.analysis.erasure.lineage import Lineage, RetrainedModels, lineage_of, retrained_of, stop_words
from cu_core.analysis.erasure.measured_results import RecordedNumber, measured
from cu_core.analysis.erasure.own_copies import own_copies
from cu_core.analysis.erasure.remaining_limits import limits_of
from cu_core.analysis.erasure.stated_fields import Stated
from cu_core.analysis.erasure.verdict_claims import Judgement, judgement
from cu_core.analysis.exports.run_images import images_of
from cu_core.base.errors import BadInput
from cu_core.base.files import plain
from cu_core.base.home import Home
from cu_core.base.version import __version__
from cu_core.catalogue.method_record import method
from cu_core.data.images import ImageData
from cu_core.runstore.reader import RunView
from cu_core.runstore.verify import how_to_mend

FORMAT = "unlearnscope-erasure-record"
SCHEMA = 1


@dataclass(frozen=True)
class ErasureRecord:
    """Everything that a record holds; each attribute is a section with a hash of its own.

    Attributes:
        about: format, version, program, when it was made, which run, what was asked to be included.
        request: id, date, basis, pseudonymous subject and operator, as typed in.
        scope: what was to be forgotten.
        copies: what people state of copies, and what this home still holds.
        model: before and after unlearning.
        method: method, settings, why it ended, versions, seeds, hardware, duration.
        references: the retrained models.
        results: every number with band, interval, samples and state.
        verdict: of the run.
        limits: what is not said, what remains, when it is to be tested again.
        review: reviewer and sign-off.
        commands: that repeat the run, and check its files and this record.
    """

    about: Mapping[str, Any]
    request: Mapping[str, str]
    scope: Scope
    copies: Mapping[str, Any]
    model: Lineage
    method: Mapping[str, Any]
    references: RetrainedModels
    results: list[RecordedNumber]
    verdict: Judgement
    limits: Mapping[str, Any]
    review: Mapping[str, str]
    commands: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """The record as JSON: finite numbers, texts, lists and objects."""
        content: dict[str, Any] = plain(dataclasses.asdict(self))
        return content


SECTIONS = tuple(field.name for field in dataclasses.fields(ErasureRecord))


def record_of(
    home: Home,
    view: RunView,
    stated: Stated | None = None,
    asked: Included | None = None,
    *,
    salt: str = "",
    made: datetime.datetime | None = None,
) -> ErasureRecord:
    """The record of a run that has ended.

    Args:
        home: where it lives.
        view: the run or audit.
        stated: what was typed in.
        asked: what is not left out.
        salt: of the hash of the forgotten samples; a new one by default.
        made: when the record is made; now by default.

    Raises:
        BadInput: the run has no result.
    """
    stated, asked = stated or Stated(), asked or Included()
    result = view.result()
    if result is None:
        if view.state == "succeeded":
            raise BadInput("run", f"the result of {view.run_id} cannot be read. {how_to_mend(view.run_id)}")
        raise BadInput("run", f"{view.run_id} is {view.state}: only a finished run has what a record tells")
    spec, run, data = view.spec, read_run(view), _images(home, view)
    reader = reader_of(asked, spec, data.classes if data is not None else (), result.get("given") or ())
    scope = scope_of(home, view, result, data, asked, salt or secrets.token_hex(16))
    copies = own_copies(home, view, result, places=asked.names)
    verdict = judgement(result, scope.samples, len(run.references), reader.text)
    made = made or datetime.datetime.now(datetime.UTC)
    return ErasureRecord(
        about=_about(view, run, asked, reader, made),
        request=_some(stated, "request_id", "request_date", "basis", "subject", "operator"),
        scope=scope,
        copies={"stated": _some(stated, "backups", "caches", "derived_models"), "here": copies},
        model=lineage_of(home, view, result, data, reader),
        method=_method(view, result, reader),
        references=retrained_of(home, spec, result, reader),
        results=[*measured(run, (view.audit() or {}).get("members")), *deep_results(result.get("deep_audit"))],
        verdict=verdict,
        limits=limits_of(view, run, scope, copies, verdict, reader, known=data is not None)
        | _some(stated, "residual_risk", "retest"),
        review=_some(stated, "reviewer", "sign_off"),
        commands=_commands(view, reader),
    )


def _images(home: Home, view: RunView) -> ImageData | None:
    data = images_of(home, view)
    noted = (view.result() or {}).get("data_sha256")
    return data if data is not None and noted in (None, data.sha256) else None


def _some(stated: Stated, *names: str) -> dict[str, str]:
    return {name: getattr(stated, name) for name in names}


def _about(view: RunView, run: Compared, asked: Included, reader: Reader, made: datetime.datetime) -> dict[str, Any]:
    ended = None if run.finished is None else datetime.datetime.fromtimestamp(run.finished, datetime.UTC)
    return {
        "format": FORMAT,
        "schema": SCHEMA,
        "program": "Unlearnscope",
        "version": __version__,
        "made": made.isoformat(timespec="seconds"),
        "kind": "audit" if run.elsewhere else "run",
        "run": reader.run_id(view.run_id),
        "title": run.title if asked.names else None,
        "ended": None if ended is None else ended.isoformat(timespec="seconds"),
        "included": asked.words,
    }


def _method(view: RunView, result: Mapping[str, Any], reader: Reader) -> dict[str, Any]:
    spec = view.spec
    return {
        "id": spec.method.id,
        "title": spec.method.title if reader.asked.names else method(spec.method.id).title,
        "settings": reader.settings(spec),
        "specification_sha256": spec.content_hash(),
        "rounds": result.get("rounds"),
        "stopped_by": result.get("stopped_by"),
        "why_stopped": stop_words(str(result.get("stopped_by") or ""), elsewhere=method(spec.method.id).from_files),
        "images_drawn": result.get("served"),
        "seconds": result.get("seconds") or {},
        "cpu_seconds": result.get("cpu_seconds") or {},
        "seeds": {
            "run": spec.seed,
            "model before": spec.train_seed,
            "forget set": spec.forget_seed,
            "split": spec.data.split_seed,
        },
        "versions": result.get("versions") or {},
        "hardware": result.get("hardware") or {},
    }


def _commands(view: RunView, reader: Reader) -> dict[str, Any]:
    hidden, run_id = reader.hidden(view.spec), reader.run_id(view.run_id)
    return {
        "repeat": command_of(view.spec, hidden),
        "complete": not hidden,
        "check_files": f"unlearnscope verify {run_id}",
        "show_numbers": f"unlearnscope show {run_id} --json",
        "check_record": "unlearnscope verify-report FILE --key KEY.pub",
    }
