"""Kinds of forget sets: the explicit list. Plug-ins come through the group ``unlearnscope.forget_kinds``."""

from __future__ import annotations

from cu_core.catalogue.selections import FORGET_KINDS
from cu_core.data.forget_kinds.classes import CLASSES
from cu_core.data.forget_kinds.drawn import FRACTION, RANDOM
from cu_core.data.forget_kinds.indices import INDICES
from cu_core.data.forget_kinds.memorised import MEMORISED
from cu_core.data.forget_kinds.mislabelled import MISLABELLED
from cu_core.data.forget_kinds.names import NAMED
from cu_core.data.forget_kinds.near_duplicates import NEAR_DUPLICATES
from cu_core.data.forget_kinds.one_of_two import ONE_OF_TWO

FORGET_KINDS.add(CLASSES, RANDOM, FRACTION, INDICES, NAMED, MISLABELLED, MEMORISED, NEAR_DUPLICATES, ONE_OF_TWO)
