"""What a record does not say, and what remains: true of the run whose record it stands in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from cu_core.analysis.compare.compared import Compared
from cu_core.analysis.erasure.forgotten_scope import Scope
from cu_core.analysis.erasure.left_out import Reader
from cu_core.analysis.erasure.own_copies import KeptCopy
from cu_core.analysis.erasure.verdict_claims import NOT_TESTED, Judgement
from cu_core.catalogue.question_record import CANNOT_TELL, LEAST_REFERENCES
from cu_core.metrics.membership import few_words
from cu_core.runstore.reader import RunView

ALWAYS = (
    "Everything here is evidence from the tests that are listed, made on the samples that were measured. A test that "
    "finds nothing says that this test found nothing; the weights may still hold what another test would show.",
    "It is one run with its seeds. Another seed, network, dataset or forget set may come out otherwise.",
    "Weights alone do not tell how a model was made. That the recorded steps were taken is the word of whoever ran "
    "the program and made this record.",
    "It is no statement about any law.",
)


def limits_of(
    view: RunView,
    run: Compared,
    scope: Scope,
    copies: Sequence[KeptCopy],
    verdict: Judgement,
    reader: Reader,
    *,
    known: bool,
) -> dict[str, Any]:
    """The sentences of the section, and the run's own cautions and notes.

    Args:
        view: the run.
        run: its numbers.
        scope: of the record.
        copies: what this home still holds.
        verdict: of the record.
        reader: leaves out of notes what is not asked for.
        known: whether the names of the classes are; notes are left out where nobody could tell names in them.
    """
    said = [
        *ALWAYS,
        *_origin(view),
        *_references(len(run.references), run.asked_references),
        *_open(verdict),
        *_files(view),
        *_remaining(scope, copies),
    ]
    if not run.result.get("deep_audit"):
        said.append("No attack with shadow models that were unlearned by the same method was made in this run.")
    if few := few_words(run.result.get("counts") or {}):
        said.append(few)
    notes = [*(run.result.get("cautions") or ()), *(run.result.get("notes") or ())]
    # What is said of copies stands among the run's notes as well.
    notes = [note for note in dict.fromkeys(map(str, notes)) if note not in said]
    if notes and not (known or reader.asked.names):
        said.append(
            f"{len(notes)} notes of the run are left out: the images are not here, so names in them cannot be told."
        )
        notes = []
    return {"sentences": said, "notes": [reader.text(note) for note in notes]}


def _origin(view: RunView) -> Iterator[str]:
    if view.info.get("demo"):
        yield "The run came with the program as a demonstration: it was not made in this home."
    elif view.info.get("imported"):
        yield "The run was taken in from another home: what is said of copies is said of this home, not of that one."


def _references(count: int, asked: int) -> Iterator[str]:
    if count == 0 and asked:
        yield "Models were retrained, but the run is older than their single numbers, so there is no band."
    elif count == 0:
        yield "No model was retrained without the samples, so nothing here says how such a model would answer."
    elif count == 1:
        yield "One model was retrained. One gives no band: any difference from it may be chance."
    else:
        few = f" A verdict needs {LEAST_REFERENCES} or more." if count < LEAST_REFERENCES else ""
        yield (
            f"{count} models were retrained. A band is where one more would lie in 19 of 20 cases, number by number: "
            f"of twenty numbers about one lies outside by chance alone. Only the verdict corrects for that.{few}"
        )


def _open(verdict: Judgement) -> Iterator[str]:
    if verdict.state == NOT_TESTED:
        yield "The run has no verdict: whether it differs from retraining was not tested."
    unanswered = [c.title.lower() for c in verdict.claims if c.applies and c.state == CANNOT_TELL]
    if unanswered:
        yield f"Not tested or cannot tell: {', '.join(unanswered)}."
    elsewhere = [c.title.lower() for c in verdict.claims if not c.applies]
    if elsewhere:
        yield f"Questions that do not exist for this run: {', '.join(elsewhere)}."


def _files(view: RunView) -> Iterator[str]:
    wrong = len(view.damage())
    if wrong:
        yield (
            f"{wrong} of the run's files {'is' if wrong == 1 else 'are'} not as the program wrote "
            f"{'it' if wrong == 1 else 'them'}: the numbers here may rest on files that were changed."
        )


def _remaining(scope: Scope, copies: Sequence[KeptCopy]) -> Iterator[str]:
    if scope.why_not:
        yield f"Not known of the forget set: {scope.why_not}."
    yield from scope.copies_words
    kept = [copy.what for copy in copies if copy.files]
    if kept:
        yield f"This home still holds {len(kept)} kinds of files with the samples or made from them; see Copies."
