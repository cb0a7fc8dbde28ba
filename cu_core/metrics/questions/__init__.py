"""The verdict's questions: the explicit list, in the order in which they are asked."""

from __future__ import annotations

from cu_core.catalogue.question_record import QUESTIONS
from cu_core.metrics.questions.answers_alike import ANSWERS
from cu_core.metrics.questions.comes_back import COMES_BACK
from cu_core.metrics.questions.hidden import HIDDEN
from cu_core.metrics.questions.integrity import INTEGRITY
from cu_core.metrics.questions.others_harmed import OTHERS
from cu_core.metrics.questions.remembers import REMEMBERS
from cu_core.metrics.questions.strongest_attack import ATTACK
from cu_core.metrics.questions.unchanged import UNCHANGED

QUESTIONS.add(UNCHANGED, INTEGRITY, REMEMBERS, ANSWERS, HIDDEN, COMES_BACK, OTHERS, ATTACK)
