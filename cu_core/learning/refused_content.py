"""What a file holds in which there are no weights that can be used, and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cu_core.learning.checkpoint_parts import BESIDE, WeightPart
from cu_core.learning.inert_pickle import PickledName, PickledObject
from cu_core.learning.stored_tensors import tensor_in

SAVE = "save the weights alone: torch.save(model.state_dict(), FILE)"
_REMEDIES = {
    "_rebuild_sparse_tensor": ("sparse", "call .to_dense() on them before saving"),
    "_rebuild_qtensor": ("quantised", "call .dequantize() on them, or save the model before it is quantised"),
}
_AS_DEEP = 40
_LOOKED_AT = 100_000


def special_tensors(content: Any, part: WeightPart | None = None) -> str:
    """Why the entry of a file cannot be used, where some of its tensors are not stored as plain numbers.

    Args:
        content: as `cu_core.learning.stored_tensors.opened` gives it.
        part: the entry; None for the whole file.

    Returns:
        In words, to be put behind "it cannot be read"; empty where there is none.
    """
    before = tuple(part.name.split(".")) if part and part.name else ()
    for way, thing in _things(content):
        kind = thing.kind if isinstance(thing, PickledObject) else None
        remedy = _REMEDIES.get(kind.name) if isinstance(kind, PickledName) else None
        # A part's own tensors, or tuples of them; what an optimizer keeps lies deeper.
        mine = not part or (way[: len(before)] == before and len(way) <= len(before) + 2)
        if remedy and mine:
            return f"it holds {remedy[0]} tensors ({'.'.join(way)[:80] or 'one alone'}): {remedy[1]}"
    return ""


def held(content: Any) -> str:
    """What is in a file without named tensors that could be used, and what to do, to be put behind "but"."""
    if isinstance(content, list | tuple):
        states = sum(_is_state(thing) for thing in content)
        of = f", {states} of them state dicts" if states else ""
        one = "save one of them" if states > 1 else "save it" if states else "save the weights"
        return f"a {type(content).__name__} of {len(content)}{of}; {one} alone: torch.save(model.state_dict(), FILE)"
    if not isinstance(content, Mapping):
        kind = "one tensor" if tensor_in(content) is not None else f"a value of type {type(content).__name__}"
        return f"{kind}; {SAVE}"
    keys = f"a dict of {', '.join(str(key)[:40] for key in list(content)[:4]) or 'nothing'}"
    for way, thing in _things(content):
        if _is_state(thing):
            return f"{keys}, in which weights lie {len(way)} deep ({'.'.join(way)[:80]}); {SAVE}"
    return f"{keys}; {SAVE}"


def _is_state(thing: Any) -> bool:
    if isinstance(thing, PickledObject):
        return isinstance(thing.state, Mapping) and "_modules" in thing.state
    return isinstance(thing, Mapping) and any(
        isinstance(key, str) and tensor_in(value) is not None for key, value in thing.items()
    )


def _things(content: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Everything in a file with the keys on the way to it, the outermost first."""
    waiting: list[tuple[tuple[str, ...], Any]] = [((), content)]
    for place in range(_LOOKED_AT):  # a file may hold itself
        if place >= len(waiting):
            return
        way, thing = waiting[place]
        yield way, thing
        inner = thing.state if isinstance(thing, PickledObject) else thing
        if len(way) >= _AS_DEEP or (way and BESIDE.search(way[-1])):
            continue
        if isinstance(inner, Mapping):
            waiting += [((*way, str(key)), value) for key, value in inner.items()]
        elif isinstance(inner, list | tuple):
            waiting += [((*way, str(number)), value) for number, value in enumerate(inner)]
