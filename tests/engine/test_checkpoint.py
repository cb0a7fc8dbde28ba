"""Checkpoints: all random states and kept things come back, damage is said in words."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from cu_core.base.errors import CheckpointError
from cu_core.engine.checkpoint import read_checkpoint, restore, write_checkpoint
from cu_core.learning.device import Precision


class Folder:
    """Writes where an attempt would."""

    def __init__(self, path: Path) -> None:
        self.checkpoint_path = path / "checkpoint.pt"

    def write(self, name, write):
        with (self.checkpoint_path.parent / name).open("wb") as file:
            write(file)


def context_of(seed: int) -> SimpleNamespace:
    torch.manual_seed(seed)
    model = nn.Linear(3, 2)
    return SimpleNamespace(
        model=model,
        kept={"optimizer": torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)},
        saved={},
        generator=torch.Generator().manual_seed(seed),
        device=torch.device("cpu"),
        precision=Precision("fp32", "cpu", channels_last=False),
        first_round=1,
    )


def test_everything_random_goes_on_where_it_was(tmp_path):
    folder, first = Folder(tmp_path), context_of(1)
    first.model(torch.ones(1, 3)).sum().backward()
    first.kept["optimizer"].step()
    write_checkpoint(folder, first, 4, {"unlearn": 2.5}, "")
    want = torch.rand(3), torch.rand(3, generator=first.generator)
    second = context_of(2)
    state = read_checkpoint(folder.checkpoint_path)
    restore(second, state)
    assert (torch.rand(3) == want[0]).all() and (torch.rand(3, generator=second.generator) == want[1]).all()
    assert (second.model.weight == first.model.weight).all()
    assert second.first_round == 5 and state["seconds"] == {"unlearn": 2.5} and state["stopped_by"] == ""
    second.kept["optimizer"].load_state_dict(second.saved["optimizer"])
    buffers = [list(c.kept["optimizer"].state.values())[0]["momentum_buffer"] for c in (first, second)]
    assert (buffers[0] == buffers[1]).all() and buffers[0].abs().sum() > 0


@pytest.mark.parametrize("kept", [0, 10, 500])
def test_a_torn_checkpoint_is_named(tmp_path, kept):
    folder = Folder(tmp_path)
    write_checkpoint(folder, context_of(1), 1, {}, "")
    folder.checkpoint_path.write_bytes(folder.checkpoint_path.read_bytes()[:kept])
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_checkpoint(folder.checkpoint_path)


def test_a_checkpoint_of_something_else_is_named(tmp_path):
    path = tmp_path / "checkpoint.pt"
    torch.save({"model": {}, "round": 1}, path)
    with pytest.raises(CheckpointError, match="lacks generator"):
        read_checkpoint(path)
    torch.save([1, 2], path)
    with pytest.raises(CheckpointError):
        read_checkpoint(path)
