"""Checkpoints after a round: model, optimizer and random state, for a bit-exact resume."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from cu_core.base.errors import CheckpointError
from cu_core.learning.weights import load_safely
from cu_core.methods.context import Context
from cu_core.runstore.attempt import Attempt
from cu_core.runstore.snapshot import damage


def write_checkpoint(
    attempt: Attempt,
    context: Context,
    round_number: int,
    seconds: dict[str, float],
    stopped_by: str,
    cpu_seconds: Mapping[str, float | None] | None = None,
) -> None:
    """Stores weights, kept state and all random states; the file of the round before is replaced.

    Args:
        attempt: who writes.
        context: model, generator and what the method keeps.
        round_number: the round that is complete.
        seconds: time spent so far.
        stopped_by: why unlearning ended, or empty if it goes on.
        cpu_seconds: seconds of the processor or the device so far.
    """
    state = {
        "round": round_number,
        "model": context.model.state_dict(),
        "kept": {name: thing.state_dict() for name, thing in context.kept.items()},
        "generator": context.generator.get_state(),
        "random": torch.get_rng_state(),
        "cuda_random": torch.cuda.get_rng_state_all() if context.device.type == "cuda" else [],
        "seconds": seconds,
        "cpu_seconds": dict(cpu_seconds or {}),
        "stopped_by": stopped_by,
        "precision": context.precision.name,
        "device": context.device.type,
    }
    attempt.write(attempt.checkpoint_path.name, lambda file: torch.save(state, file))


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Reads what `write_checkpoint` wrote, without unpickling code.

    Raises:
        CheckpointError: the file is damaged.
    """
    try:
        state = load_safely(path)
    except Exception as error:  # damaged bytes make the reader fail in many ways
        raise CheckpointError("checkpoint", f"{path} cannot be read: {error}") from error
    if not isinstance(state, dict):
        raise CheckpointError("checkpoint", f"{path} holds no state")
    missing = {"round", "model", "kept", "generator", "random", "seconds", "stopped_by"} - set(state)
    if missing:
        raise CheckpointError("checkpoint", f"{path} lacks {', '.join(sorted(missing))}")
    return dict(state)


def saved_state(attempt: Attempt) -> dict[str, Any] | None:
    """The latest checkpoint; None where it or a round before it is missing or damaged: the run starts over."""
    path = attempt.checkpoint_path
    if not path.exists():
        return None
    try:
        if not attempt.is_sound(path.name):
            raise CheckpointError("checkpoint", "has changed since it was written")
        state = read_checkpoint(path)
        for number in range(state["round"] + 1):
            if reasons := damage(attempt.run_dir / "rounds" / str(number)):
                raise CheckpointError("checkpoint", f"round {number} is damaged: {reasons[0]}")
        return state
    except CheckpointError as error:
        attempt.event("prepare", 0, 0, message=f"starting unlearning again: {error}")
        return None


def restore(context: Context, state: dict[str, Any]) -> None:
    """Puts a checkpoint's state into a fresh context; the method picks up its own through `Context.keep`.

    Raises:
        CheckpointError: it is the state of something else.
    """
    try:
        context.model.load_state_dict(state["model"])
        context.saved = dict(state["kept"])
        context.first_round = int(state["round"]) + 1
        context.generator.set_state(state["generator"])
        torch.set_rng_state(state["random"])
    except (RuntimeError, TypeError, ValueError, AttributeError, KeyError) as error:
        raise CheckpointError("checkpoint", f"does not fit this run: {error}") from error
    if state.get("cuda_random") and context.device.type == "cuda":
        torch.cuda.set_rng_state_all(state["cuda_random"])
