"""A deep audit in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cu_core.metrics.exchange_test import LEVEL

DIFFERS, CANNOT_TELL, NO_DIFFERENCE = "Differs", "Cannot tell", "No difference found"


def deep_state(deep: Mapping[str, Any]) -> str:
    """What the shadow models say of the method: `DIFFERS`, `CANNOT_TELL` or `NO_DIFFERENCE`.

    Judged by the exact test over shadow models at `cu_core.metrics.exchange_test.LEVEL`. Nothing was looked for where
    the attack does not even work before unlearning.

    Args:
        deep: ``deep_audit`` of a result.
    """
    over = deep.get("over_shadows") or {}
    after, before = (_number((over.get(name) or {}).get("p")) for name in ("ulira", "before"))
    if after is None or before is None:
        return CANNOT_TELL
    if after <= LEVEL:
        return DIFFERS
    return NO_DIFFERENCE if before <= LEVEL else CANNOT_TELL


def deep_sentences(deep: Mapping[str, Any]) -> list[str]:
    """What was found, a sentence or two per attack; the first says the state and for whom.

    Args:
        deep: ``deep_audit`` of a result.
    """
    ruli, controls = deep.get("ruli") or {}, deep.get("controls") or {}
    said = [_state_words(deep), _of_this_run(deep)]
    compared = {
        "the model before unlearning": controls.get("before"),
        "a model retrained without them": controls.get("reference"),
    }
    known = [f"{_area(told)} for {who}" for who, told in compared.items() if _area(told)]
    said.append(f"The same attack: {', '.join(known)}." if known else "")
    said.append(_rate_words(deep))
    said.append(
        _game_words("RULI, privacy leakage (unlearned or never seen, under the unlearned model)", ruli, "privacy", deep)
    )
    said.append(
        _game_words(
            "RULI, efficacy (unlearned, or never seen by a model that unlearned nothing; exact retraining may be told, "
            "too)",
            ruli,
            "efficacy",
            deep,
        )
    )
    said.append(_klom_words(deep.get("klom") or {}))
    return [text for text in said if text]


def triple(value: Any) -> tuple[float, float, float] | None:
    """A number with the ends of its interval; None where one is missing."""
    if isinstance(value, list) and len(value) == 3 and all(isinstance(v, int | float) for v in value):
        return float(value[0]), float(value[1]), float(value[2])
    return None


def _state_words(deep: Mapping[str, Any]) -> str:
    over = deep.get("over_shadows") or {}
    after, before = _tested(over.get("ulira")), _tested(over.get("before"))
    state = deep_state(deep)
    if not after or not before:
        return f"{state}: there are too few shadow models to attack each by the others."
    words = {
        DIFFERS: "an attacker with shadow models tells samples that this method unlearned from never seen ones",
        NO_DIFFERENCE: "to an attacker with shadow models, unlearned samples look like never seen ones",
        CANNOT_TELL: "the attack does not work before unlearning either, so it can say nothing of what is left",
    }
    return (
        f"{state}: {words[state]}. Over {over.get('models')} shadow models, mean area under the ROC curve {after} "
        f"after unlearning and {before} before it."
    )


def _tested(told: Any) -> str:
    """An area beside what chance gives."""
    if not isinstance(told, Mapping):
        return ""
    area, chance = _number(told.get("area")), chance_words(told)
    return f"{area:.3f} ({chance})" if area is not None and chance else ""


def chance_words(told: Mapping[str, Any]) -> str:
    """What exchanged roles give instead of an area, and how rarely they give as much; empty where that is not known."""
    low, high, p = (_number(told.get(name)) for name in ("low", "high", "p"))
    if low is None or high is None or p is None:
        return ""
    return f"chance: {low:.3f} to {high:.3f}, p = {p:.3f}"


def _of_this_run(deep: Mapping[str, Any]) -> str:
    area = _area(deep.get("ulira"))
    if not area:
        return ""
    spread = "a deviation of its own for each sample" if deep.get("own_spread") else "one deviation for all samples"
    return (
        f"U-LiRA on this run's model: area {area} over {deep.get('forget')} forgotten and {deep.get('unseen')} unseen "
        f"samples, from {deep.get('worlds')} models of either kind per sample and {spread}."
    )


def _rate_words(deep: Mapping[str, Any]) -> str:
    told = deep.get("ulira") or {}
    rate, false = told.get("tpr"), told.get("fpr")
    if not isinstance(rate, int | float) or not isinstance(false, int | float):
        return ""
    return (
        f"Accusing one unseen sample falsely ({false:.2%}, the smallest rate that {deep.get('unseen')} resolve), it "
        f"finds {rate:.1%} of the forgotten ones."
    )


def _game_words(title: str, ruli: Mapping[str, Any], name: str, deep: Mapping[str, Any]) -> str:
    told = ruli.get(name) or {}
    if why := told.get("why"):
        return f"{title}: not made, because {why}"
    area = _area(told)
    if not area:
        return ""
    over = _number((deep.get("over_shadows") or {}).get(name))
    published = _numbers((ruli.get("published_bandwidth") or {}).get(name))
    more = [
        "" if over is None else f"{over:.3f} over the shadow models",
        f"{published} with the published kernels" if published else "",
    ]
    tail = "".join(f"; {text}" for text in more if text)
    return f"{title}: {area}{tail}."


def _klom_words(found: Mapping[str, Any]) -> str:
    if why := found.get("why"):
        return str(why)
    values = [found.get(name) for name in ("p95", "p95_published", "pairs", "half_p95", "floor_p95", "half_pairs")]
    if not all(isinstance(value, int | float) for value in values):
        return ""
    whole, published, pairs, half, floor, half_pairs = values
    return (
        f"KLoM, 95th percentile over samples: {whole:.2f} from {pairs} models of either kind ({published:.2f} as the "
        f"public code counts). From {half_pairs} of either kind {half:.2f}, where retrained against retrained gives "
        f"{floor:.2f}."
    )


def _area(told: Any) -> str:
    return _numbers(told.get("auc")) if isinstance(told, Mapping) else ""


def _numbers(value: Any) -> str:
    found = triple(value)
    return "" if found is None else f"{found[0]:.3f} ({found[1]:.3f} to {found[2]:.3f})"


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None
