"""Unlearning methods: the explicit list, extended through the entry-point group ``unlearnscope.methods``."""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points

from cu_core.errors import BadInput
from cu_core.methods.record import Method
from cu_core.methods.records.ascent import GRADIENT_ASCENT, NEGGRAD_PLUS
from cu_core.methods.records.bad_teacher import METHOD as BAD_TEACHER
from cu_core.methods.records.boundary import BOUNDARY_EXPANDING, BOUNDARY_SHRINK
from cu_core.methods.records.clip_contrastive import METHOD as CLIP_CONTRASTIVE
from cu_core.methods.records.contrastive import CONTRASTIVE_QUEUE
from cu_core.methods.records.contrastive import METHOD as CONTRASTIVE
from cu_core.methods.records.finetune import FINETUNE, L1_FINETUNE
from cu_core.methods.records.fisher import METHOD as FISHER
from cu_core.methods.records.gradient_penalty import GRADIENT_PENALTY, GRADIENT_PENALTY_MEMBERS
from cu_core.methods.records.last_blocks import CF_K, EU_K
from cu_core.methods.records.lcodec import METHOD as LCODEC
from cu_core.methods.records.output_filter import METHOD as OUTPUT_FILTER
from cu_core.methods.records.random_label import RANDOM_LABEL, SALUN
from cu_core.methods.records.retrain import METHOD as RETRAIN
from cu_core.methods.records.scrub import SCRUB, SCRUB_R
from cu_core.methods.records.sisa import METHOD as SISA
from cu_core.methods.records.ssd import METHOD as SSD
from cu_core.methods.records.unsir import METHOD as UNSIR

BUILT_IN: tuple[Method, ...] = (
    CONTRASTIVE,
    CONTRASTIVE_QUEUE,
    CLIP_CONTRASTIVE,
    BAD_TEACHER,
    BOUNDARY_EXPANDING,
    BOUNDARY_SHRINK,
    CF_K,
    EU_K,
    FINETUNE,
    FISHER,
    GRADIENT_ASCENT,
    GRADIENT_PENALTY,
    GRADIENT_PENALTY_MEMBERS,
    L1_FINETUNE,
    LCODEC,
    NEGGRAD_PLUS,
    OUTPUT_FILTER,
    RANDOM_LABEL,
    RETRAIN,
    SALUN,
    SCRUB,
    SCRUB_R,
    SISA,
    SSD,
    UNSIR,
)
ENTRY_POINTS = "unlearnscope.methods"


@cache
def methods() -> dict[str, Method]:
    """All methods by id: the built-in ones, then those of installed plug-ins.

    Raises:
        BadInput: a plug-in does not deliver a `Method`, or takes an id that is in use.
    """
    found = {m.id: m for m in BUILT_IN}
    for point in entry_points(group=ENTRY_POINTS):
        record = point.load()
        if not isinstance(record, Method):
            raise BadInput(f"plug-in {point.name}", "must point to a cu_core.methods.record.Method")
        if record.id in found:
            raise BadInput(f"plug-in {point.name}", f"method id {record.id!r} is in use already")
        found[record.id] = record
    return found


def method(method_id: str) -> Method:
    """The method of that id.

    Raises:
        BadInput: no such method; names the known ones.
    """
    try:
        return methods()[method_id]
    except KeyError:
        raise BadInput("method", f"no method named {method_id!r}", methods()) from None
