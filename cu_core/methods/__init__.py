"""Unlearning methods: the explicit list. Plug-ins come through the entry-point group ``unlearnscope.methods``."""

from __future__ import annotations

from cu_core.catalogue.method_record import METHODS
from cu_core.methods.ascent import GRADIENT_ASCENT, NEGGRAD_PLUS
from cu_core.methods.bad_teacher import METHOD as BAD_TEACHER
from cu_core.methods.boundary_expanding import METHOD as BOUNDARY_EXPANDING
from cu_core.methods.boundary_shrink import METHOD as BOUNDARY_SHRINK
from cu_core.methods.clip_contrastive import METHOD as CLIP_CONTRASTIVE
from cu_core.methods.contrastive import CONTRASTIVE_QUEUE
from cu_core.methods.contrastive import METHOD as CONTRASTIVE
from cu_core.methods.finetune import FINETUNE, L1_FINETUNE
from cu_core.methods.fisher import METHOD as FISHER
from cu_core.methods.gradient_penalty import GRADIENT_PENALTY, GRADIENT_PENALTY_MEMBERS
from cu_core.methods.last_blocks import CF_K, EU_K
from cu_core.methods.lcodec import METHOD as LCODEC
from cu_core.methods.output_filter import METHOD as OUTPUT_FILTER
from cu_core.methods.random_label import METHOD as RANDOM_LABEL
from cu_core.methods.retrain import METHOD as RETRAIN
from cu_core.methods.salun import METHOD as SALUN
from cu_core.methods.scrub import SCRUB, SCRUB_R
from cu_core.methods.sisa import METHOD as SISA
from cu_core.methods.ssd import METHOD as SSD
from cu_core.methods.unsir import METHOD as UNSIR

METHODS.add(
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
