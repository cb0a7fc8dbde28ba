"""The verdict of a run on its page: state and sentence, then every question with its answer and what it rests on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from cu_core.analysis.site.claim_strip import claim_strip
from cu_core.analysis.site.html_frame import said, shown
from cu_core.analysis.verdict_reading import (
    answer_state,
    decisive_test,
    heading_of_test,
    meaning,
    question_title,
    verdict_of,
    why_no_verdict,
    worst_first,
)
from cu_core.catalogue.question_record import QUESTIONS
from cu_core.catalogue.verdict_states import state_words
from cu_core.figures.verdict_rows import row_of_test
from cu_core.runstore.reader import RunView

LEGEND = (
    "▼ this model · △ the control: the model before unlearning, or a planted difference, which a question has to see · "
    "■ retrained models · shaded: where one more of them would lie in 19 of 20 cases. The axis counts half widths of "
    "the shaded band, beyond 1 by powers of ten."
)


def state_block(view: RunView, result: Mapping[str, Any]) -> str:
    """State and sentence of the verdict, or why there is none."""
    verdict = verdict_of(result)
    if verdict is None:
        return f'<div class="state"><b>No verdict</b><p>{said(_lacking(view))}</p></div>'
    return (
        f'<div class="state {verdict["state"]}"><b>{shown(state_words(verdict["state"]))}</b>'
        f"<p>{said(verdict['sentence'])}</p></div>"
    )


def verdict_section(view: RunView, result: Mapping[str, Any]) -> Iterator[str]:
    """Every question of the verdict, those that differ first."""
    yield '<section aria-labelledby="verdict"><h2 id="verdict">Verdict</h2>'
    verdict = verdict_of(result)
    if verdict is None:
        yield f"<p>{said(_lacking(view))}</p></section>"
        return
    count = verdict["references"]
    many = f"{count or 'no'} retrained model{'' if count == 1 else 's'}"
    yield f"<p>Whether this model can be told from {many} that never saw the data, question by question.</p>"
    if any(row_of_test(test) for claim in verdict["claims"] for test in claim["tests"]):
        yield f'<p class="note">{LEGEND}</p>'
    for claim in worst_first(verdict["claims"]):
        yield claim_block(claim)
    yield f"<details><summary>For statisticians</summary><p>{said(verdict['statistician'])}</p></details></section>"


def claim_block(claim: Mapping[str, Any], heading: Callable[[Mapping[str, Any]], str] = heading_of_test) -> str:
    """One question with its answer and the test that it rests on.

    Args:
        claim: of a verdict as `verdict_of` gives it.
        heading: what a test measures, in words.
    """
    question = QUESTIONS.get(claim["id"])
    state = answer_state(claim) if claim["applies"] else "does not apply"
    kind = claim["state"] if claim["applies"] else ""
    parts = [f'<div class="claim {kind}"><h3>{shown(question_title(claim))}: {shown(state)}</h3>']
    if question is not None:
        parts.append(f"<p><i>{said(question.question)}</i></p>")
    parts.append(f"<p>{said(claim['sentence'])}</p>")
    test = decisive_test(claim)
    row = row_of_test(test) if test is not None else None
    if test is not None and row is not None:
        parts.append(f"<figure><figcaption>{shown(heading(test))}</figcaption>{claim_strip(row)}</figure>")
    if question is not None:
        lead, means = meaning(claim, question)
        parts.append(f'<p class="note">{said(lead)} {said(means)} {said(question.means_not)}</p>')
    parts += [f'<p class="note">{said(note)}</p>' for note in claim["notes"]]
    return "".join(parts) + "</div>"


def _lacking(view: RunView) -> str:
    """Why there is no verdict; what to do about it is for the owner of the run."""
    spec = view.spec
    why = why_no_verdict(
        view.run_id,
        view.state,
        spec.references,
        wanted=spec.audit.verdict,
        demo=bool(view.info.get("demo")),
        deep=spec.audit.shadows > 0,
    )
    return why.reason
