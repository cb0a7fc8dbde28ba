"""How long to fuzz: few examples by default, always the same ones; CU_FUZZ_EXAMPLES asks for more."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

EXAMPLES = int(os.environ.get("CU_FUZZ_EXAMPLES", "20"))

fuzzed = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
"""Decorates every fuzz test."""


def fewer(share: int) -> settings:
    """The same for examples that take long: one in `share`, three at least."""
    return settings(fuzzed, max_examples=max(3, EXAMPLES // share))
