"""The numbers of a deep audit as rows of a record: shadow models, trained and unlearned as the run was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cu_core.analysis import deep_words
from cu_core.analysis.erasure.measured_results import RecordedNumber
from cu_core.catalogue.question_record import CANNOT_TELL, DIFFERS, NO_DIFFERENCE

ONE_MODEL = "it is that of one model; the row over shadow models says what chance gives"
BLIND = "the attack does not work before unlearning either, so it says nothing of what is left"
FEW = "there are too few shadow models"
NO_FLOOR = "the spread of its floor, retrained against retrained, was not measured"
_STATES = {
    deep_words.DIFFERS: DIFFERS,
    deep_words.CANNOT_TELL: CANNOT_TELL,
    deep_words.NO_DIFFERENCE: NO_DIFFERENCE,
}
_GAMES = {
    "privacy": "RULI, privacy leakage: unlearned or never seen, AUC",
    "efficacy": "RULI, efficacy: unlearned, or never seen by a model that unlearned nothing, AUC",
}


def deep_results(deep: Mapping[str, Any] | None) -> list[RecordedNumber]:
    """The rows of ``deep_audit`` of a result; none where there is none. Who is most at risk is not among them."""
    return [*_over_shadows(deep), *_of_this_run(deep), *_klom(deep)] if deep else []


def _over_shadows(deep: Mapping[str, Any]) -> Iterator[RecordedNumber]:
    over = deep.get("over_shadows") or {}
    after, before = over.get("ulira") or {}, over.get("before") or {}
    state = _STATES[deep_words.deep_state(deep)]
    tested = after.get("p") is not None and before.get("p") is not None
    chance = deep_words.chance_words(after)
    yield RecordedNumber(
        id="deep.over_shadows",
        # What exchanged roles give is no band of retrained models, and the test looks at one side of it.
        title="U-LiRA, mean AUC over shadow models that were unlearned by the same method; difference where p ≤ 0.05"
        + (f" ({chance})" if chance else ""),
        unit="",
        before=before.get("area"),
        value=after.get("area"),
        interval=None,
        reference=None,
        band=None,
        references=0,
        n=_asked(deep),
        state=state,
        why="" if state != CANNOT_TELL else BLIND if tested else FEW,
    )


def _of_this_run(deep: Mapping[str, Any]) -> Iterator[RecordedNumber]:
    ulira, controls, n = deep.get("ulira") or {}, deep.get("controls") or {}, _count(deep, "forget")
    if found := deep_words.triple(ulira.get("auc")):
        before, reference = (_first(controls.get(who)) for who in ("before", "reference"))
        yield _row(
            "deep.ulira", "U-LiRA, AUC", found[0], n, ONE_MODEL, interval=found[1:], before=before, reference=reference
        )
    rate, false = ulira.get("tpr"), ulira.get("fpr")
    if rate is not None and false is not None:
        title = f"U-LiRA, forgotten samples found at {100 * false:.2f} % false accusations"
        yield _row("deep.ulira.tpr", title, rate, _count(deep, "unseen"), ONE_MODEL, unit="%")
    for name, title in _GAMES.items():
        told = (deep.get("ruli") or {}).get(name) or {}
        if found := deep_words.triple(told.get("auc")):
            yield _row(f"deep.ruli.{name}", title, found[0], n, ONE_MODEL, interval=found[1:])
        elif told.get("why"):
            yield _row(f"deep.ruli.{name}", title, None, n, str(told["why"]))


def _klom(deep: Mapping[str, Any]) -> Iterator[RecordedNumber]:
    klom, title = deep.get("klom") or {}, "KLoM, 95th percentile over samples"
    value, floor = klom.get("half_p95"), klom.get("floor_p95")
    if value is not None and floor is not None:
        title += f" (retrained against retrained: {floor:.2f})"
        yield _row("deep.klom", title, value, _asked(deep), NO_FLOOR, unit="nats")
    elif klom.get("why"):
        yield _row("deep.klom", title, None, _asked(deep), str(klom["why"]))


def _row(
    name: str,
    title: str,
    value: float | None,
    n: int | None,
    why: str,
    *,
    unit: str = "",
    interval: tuple[float, float] | None = None,
    before: float | None = None,
    reference: float | None = None,
) -> RecordedNumber:
    return RecordedNumber(
        name, title, unit, before, value, interval, reference, None, 0, n, CANNOT_TELL, why.rstrip(".")
    )


def _first(told: Mapping[str, Any] | None) -> float | None:
    found = deep_words.triple((told or {}).get("auc"))
    return found[0] if found else None


def _asked(deep: Mapping[str, Any]) -> int | None:
    """Forget samples that shadow models were asked about, also those that the run's stopping rule has looked at."""
    targets = _count(deep, "targets")
    return _count(deep, "forget") if targets is None else targets // 2


def _count(deep: Mapping[str, Any], name: str) -> int | None:
    return None if deep.get(name) is None else int(deep[name])
