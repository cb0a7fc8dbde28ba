"""Bodies that do not come, come slowly, or come in crowds hold no server."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cu_core.base.home import Home
from cu_core.sharing import door_state
from cu_core.sharing.answers import Refused
from cu_core.sharing.intake import Intake
from tests.loops import run
from tests.sharing.test_door import House


@pytest.fixture(autouse=True)
def fresh_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door_state, "_shared", None)


def drip(parts: int, size: int, pause: float) -> Any:
    """A client that sends so many parts, one after each pause."""
    left = parts

    async def receive() -> dict[str, Any]:
        nonlocal left
        await asyncio.sleep(pause)
        left -= 1
        return {"type": "http.request", "body": bytes(size), "more_body": left > 0}

    return receive


async def take(receive: Any) -> int:
    came = 0
    while True:
        message = await receive()
        came += len(message["body"])
        if not message["more_body"]:
            return came


def test_a_byte_now_and_then_is_given_up_and_a_slow_line_is_not() -> None:
    intake = Intake(slowest=1000.0, patience=0.3)
    with pytest.raises(Refused) as caught:
        run(asyncio.wait_for(take(intake.paced(drip(10_000, 1, 0.01))), 5))
    assert caught.value.status == 408
    with pytest.raises(Refused):
        run(asyncio.wait_for(take(intake.paced(drip(1, 1, 60.0))), 5))
    assert run(take(intake.paced(drip(60, 40, 0.01)))) == 2400, "slower than the patience lasts, but it comes"


def test_what_the_server_does_meanwhile_does_not_count() -> None:
    async def work() -> int:
        receive = Intake(slowest=1000.0, patience=0.2).paced(drip(5, 1, 0.0))
        for _ in range(4):
            await receive()
            await asyncio.sleep(0.1)
        return len((await receive())["body"])

    assert run(work()) == 1


def test_one_person_sends_so_many_at_once_and_others_still_can() -> None:
    intake = Intake(at_once=2)
    with intake.one_more("anna"), intake.one_more("anna"):
        with pytest.raises(Refused) as caught, intake.one_more("anna"):
            pass
        assert caught.value.status == 429
        with intake.one_more("omar"):
            pass
    with intake.one_more("anna"):
        pass


def test_the_door_of_a_dashboard_that_is_not_shared_gives_up_slow_bodies_too(home: Home) -> None:
    house = House(home)
    house.door.intake = Intake(patience=0.05)
    scope = {"type": "http", "path": "/_stcore/upload_file/s/f", "query_string": b"", "method": "PUT",
             "server": ("127.0.0.1", 8501), "headers": [(b"host", b"localhost:8501")]}  # fmt: skip
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    run(asyncio.wait_for(house.door(scope, drip(10_000, 1, 0.01), send), 5))
    assert sent[0]["status"] == 408 and (b"connection", b"close") in sent[0]["headers"]
