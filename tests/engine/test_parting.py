"""However a run on several processes ends on purpose, each process parts from the others before it ends."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from cu_core.base.errors import Cancelled
from cu_core.base.home import Home
from cu_core.engine import follower, lead
from cu_core.learning.parallel.group import Order, Stopped


class FakeGroup:
    """Notes what rank 0 says and that a process parts; another process may be gone already."""

    size = 2

    def __init__(self, others_gone: bool = False) -> None:
        self.heard: list[str] = []
        self._others_gone = others_gone

    def tell(self, order: Order) -> None:
        if self._others_gone:
            raise RuntimeError("gloo: connection closed by peer")
        self.heard.append(order.name)

    def leave(self) -> None:
        self.heard.append("left")


def _nothing() -> None:
    pass


@pytest.mark.parametrize("others_gone", [False, True])
def test_rank_0_parts_when_it_is_cancelled(monkeypatch: pytest.MonkeyPatch, others_gone: bool) -> None:
    group = FakeGroup(others_gone)

    def cancelled(*_: Any) -> None:
        raise Cancelled("as asked")

    monkeypatch.setattr(lead, "end_with_parent", _nothing)
    monkeypatch.setattr(lead, "Group", lambda spec: group)
    monkeypatch.setattr(lead.loop, "execute", cancelled)
    with pytest.raises(Cancelled):
        lead.lead(SimpleNamespace(spec=None))  # type: ignore[arg-type]
    assert group.heard == (["left"] if others_gone else ["STOP", "left"])


@pytest.mark.parametrize("stopped", [False, True])
def test_the_others_part_when_rank_0_ends_the_run(monkeypatch: pytest.MonkeyPatch, home: Home, stopped: bool) -> None:
    group = FakeGroup()

    def run(_: follower.Follower) -> None:
        if stopped:
            raise Stopped("rank 0 ended the run")

    monkeypatch.setattr(follower, "end_with_parent", _nothing)
    monkeypatch.setattr(follower, "Attempt", lambda *_: SimpleNamespace(spec=None, folder=home.root))
    monkeypatch.setattr(follower, "Group", lambda spec: group)
    monkeypatch.setattr(follower.Follower, "run", run)
    assert follower.follow(home, "any", 1) == 0
    assert group.heard == ["left"]
