"""Liars: ways of only seeming to unlearn, each of which the verdict has to see; and the tasks that they are given."""

from __future__ import annotations

from benchmarks.liars.filtered import FILTERED
from benchmarks.liars.half_done import HALF_DONE
from benchmarks.liars.relabelled import RELABELLED
from benchmarks.liars.same_function import SAME_FUNCTION

LIARS = {liar.id: liar for liar in (*SAME_FUNCTION, *RELABELLED, *HALF_DONE, *FILTERED)}
