"""Limits on request bodies: number at once, slowest rate, share per user."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from cu_core.sharing.answers import Refused
from cu_core.sharing.config import Quota
from cu_core.sharing.quota import Traffic

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

# What a form adds around a file.
FRAMING_BYTES = 10_000
# Of an announced length that are read: any number this long is too large.
DIGITS = 18
TOO_MUCH = "This is more than you may upload, in one file or in one day."


@dataclass
class Intake:
    """All bodies that one server takes in.

    Attributes:
        traffic: what each person has sent within the last day.
        at_once: bodies of one person; a browser opens six connections.
        slowest: bytes a second below which a body is given up.
        patience: seconds that this may take to count.
    """

    traffic: Traffic = field(default_factory=Traffic)
    at_once: int = 12
    slowest: float = 1000.0
    patience: float = 30.0
    _open: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def one_more(self, name: str) -> Iterator[None]:
        """Counts a body of a person while it lasts.

        Raises:
            Refused: there are too many of theirs.
        """
        if self._open[name] >= self.at_once:
            raise Refused(429, "You are sending too much at once: wait until something has arrived.")
        self._open[name] += 1
        try:
            yield
        finally:
            self._open[name] -= 1

    def paced(self, receive: Receive) -> Receive:
        """Gives up a body that comes so slowly that only the server's patience is meant; takes from `receive`."""
        came, waited = 0, 0.0

        async def next_part() -> MutableMapping[str, Any]:
            nonlocal came, waited
            begun = time.monotonic()
            try:
                message = await asyncio.wait_for(receive(), max(0.0, self.patience + came / self.slowest - waited))
            except TimeoutError:
                raise Refused(408, "This came too slowly.") from None
            waited += time.monotonic() - begun
            came += len(message.get("body", b""))
            return message

        return next_part

    def metered(self, receive: Receive, name: str, quota: Quota, announced: str | None) -> Receive:
        """Counts a body against a person's share as it comes; one that is announced as too large never comes.

        Args:
            receive: gives the parts.
            name: of the person.
            quota: theirs.
            announced: the request's Content-Length.

        Raises:
            Refused: more than is left.
        """
        left = self.traffic.left(name, quota)
        if left <= 0 or (
            announced is not None and announced[:DIGITS].isdecimal() and int(announced[:DIGITS]) > left + FRAMING_BYTES
        ):
            raise Refused(413, TOO_MUCH)
        came = 0

        async def counted() -> MutableMapping[str, Any]:
            nonlocal came
            message = await receive()
            size = len(message.get("body", b""))
            came += size
            self.traffic.add(name, size)
            # The second: several at once spend the same day's share.
            if came > left + FRAMING_BYTES or self.traffic.left(name, quota) < -FRAMING_BYTES:
                raise Refused(413, TOO_MUCH)
            return message

        return counted
