"""A browser's side of Streamlit's protocol without a browser: opens a page, follows it, presses buttons.

It does what the real one does on the wire: asks for a page by name and query, keeps the elements that the server
sends, reruns fragments at their interval, and sends the state of widgets.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect

LARGEST = 200_000_000


@dataclass
class Client:
    """One tab.

    Attributes:
        socket: its connection.
        page: file name of the page without its ending.
        query: of its address.
        elements: what is shown, by place.
        runs: scripts that have ended.
        received: bytes that came.
        redirect: where a login or a logout wants the browser to go.
        page_hash: what the server calls the page.
        session_id: of the server.
    """

    socket: ClientConnection
    page: str
    query: str
    elements: dict[tuple[int, ...], Element] = field(default_factory=dict)
    runs: int = 0
    received: int = 0
    redirect: str | None = None
    page_hash: str = ""
    session_id: str = ""
    _drawn: dict[tuple[int, ...], int] = field(default_factory=dict)
    _run: int = 0
    _fragments: set[str] = field(default_factory=set)
    _inside: dict[tuple[int, ...], str] = field(default_factory=dict)
    _timers: dict[str, tuple[float, float]] = field(default_factory=dict)

    async def rerun(self, *, fragment: str = "", trigger: str = "") -> None:
        """Asks for the page to be drawn, or a fragment of it; `trigger` is the id of a pressed button."""
        message = BackMsg()
        state = message.rerun_script
        state.query_string = self.query
        # A page is asked for by name once, and is then known by what the server called it.
        state.page_name = "" if self.page_hash else self.page
        state.page_script_hash = self.page_hash
        state.fragment_id = fragment
        state.is_auto_rerun = bool(fragment)
        if trigger:
            state.widget_states.widgets.add(id=trigger, trigger_value=True)
        await self.socket.send(message.SerializeToString())

    async def until(self, condition: Callable[[Client], bool], seconds: float) -> None:
        """Follows the page until a condition holds.

        Raises:
            TimeoutError: it did not hold in time; shows what is on the page.
        """
        end = time.monotonic() + seconds
        while not condition(self):
            now = time.monotonic()
            if now > end:
                raise TimeoutError(f"after {seconds:.0f} s the page says:\n{self.text()}")
            for fragment, (interval, due) in list(self._timers.items()):
                if due <= now:
                    self._timers[fragment] = (interval, now + interval)
                    await self.rerun(fragment=fragment)
            next_due = min((due for _, due in self._timers.values()), default=end)
            try:
                data = await asyncio.wait_for(self.socket.recv(), max(0.001, min(next_due, end) - now))
            except TimeoutError:
                continue
            assert isinstance(data, bytes)
            self.take(data)

    async def drawn(self, seconds: float = 60.0) -> None:
        """Waits until one more script has ended."""
        before = self.runs
        await self.until(lambda tab: tab.runs > before, seconds)

    async def press(self, label: str, seconds: float = 60.0) -> None:
        """Presses a button as a browser would that does not care whether it is disabled."""
        await self.rerun(trigger=self.button(label).id)
        await self.drawn(seconds)

    def take(self, data: bytes) -> None:
        """Takes over one message of the server."""
        self.received += len(data)
        message = ForwardMsg()
        message.ParseFromString(data)
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self._run += 1
            self._fragments = set(message.metadata.run.fragment_ids)
            self.session_id = message.new_session.initialize.session_id
            if not self._fragments:
                self._timers.clear()
        elif kind == "delta":
            place = tuple(message.metadata.delta_path)
            for path in [p for p in self.elements if p[: len(place)] == place]:
                # Another block, or an element in the place of a block.
                if message.delta.WhichOneof("type") == "new_element" or self._drawn[path] != self._run:
                    self.elements.pop(path)
            if message.delta.WhichOneof("type") == "new_element":
                self.elements[place] = message.delta.new_element
                self._drawn[place] = self._run
                self._inside[place] = message.delta.fragment_id
        elif kind == "auto_rerun":
            interval = float(message.auto_rerun.interval)
            self._timers[message.auto_rerun.fragment_id] = (interval, time.monotonic() + interval)
        elif kind == "stop_auto_rerun":
            self._timers.pop(message.stop_auto_rerun.fragment_id, None)
        elif kind == "navigation":
            self.page_hash = message.navigation.page_script_hash
        elif kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        elif kind == "auth_redirect":
            self.redirect = message.auth_redirect.url
        elif kind == "script_finished":
            self.runs += 1
            # What this drawing could have drawn, and did not, is gone.
            old = [p for p in self.elements if self._drawn[p] < self._run]
            for path in old:
                if not self._fragments or self._inside[path] in self._fragments:
                    self.elements.pop(path)

    @property
    def rests(self) -> bool:
        """Whether nothing on the page asks the server again soon: the sidebar alone looks up every ten seconds."""
        return all(interval >= 5.0 for interval, _ in self._timers.values())

    def of(self, kind: str) -> list[Any]:
        """All elements of one kind, in the order of the page."""
        found = [self.elements[place] for place in sorted(self.elements)]
        return [getattr(element, kind) for element in found if element.WhichOneof("type") == kind]

    def button(self, label: str) -> Any:
        """The button of that label."""
        return next(button for button in self.of("button") if button.label == label)

    def text(self) -> str:
        """What the page says in words."""
        words = [h.body for h in self.of("heading")] + [m.body for m in self.of("markdown")]
        words += [f"{a.title} {a.body}" for a in self.of("alert")] + [p.text for p in self.of("progress")]
        return "\n".join(words + self.errors())

    def errors(self) -> list[str]:
        """Exceptions that the page shows."""
        return [f"{e.type}: {e.message}" for e in self.of("exception")]


async def open_tab(
    url: str, page: str, query: str = "", *, headers: Mapping[str, str] | None = None, origin: str | None = None,
    xsrf: str = "",
) -> Client:  # fmt: skip
    """Connects as a tab does and asks for a page.

    Args:
        url: of the server, ``http://…``.
        page: file name of the page without its ending.
        query: of the address.
        headers: to send along, such as Cookie; Host replaces the usual one.
        origin: that the browser names; the server's own by default.
        xsrf: token of the cookie of that name.

    Raises:
        websockets.exceptions.InvalidStatus: the server refuses the connection.
    """
    named = dict(headers or {})
    host = named.pop("Host", None)
    address = f"ws{url.removeprefix('http')}/_stcore/stream"
    place = url.partition("://")[2]
    socket = await connect(
        address if host is None else f"ws://{host}/_stcore/stream",
        host=place.partition(":")[0],
        port=int(place.partition(":")[2]),
        origin=origin or (url if host is None else f"http://{host}"),  # type: ignore[arg-type]
        additional_headers=named,
        subprotocols=["streamlit", *([xsrf] if xsrf else [])],  # type: ignore[list-item]
        max_size=LARGEST,
        proxy=None,
        open_timeout=300,
        # The server asks whether the other side lives; a busy machine must not end connections from both sides.
        ping_interval=None,
    )
    tab = Client(socket, page, query)
    await tab.rerun()
    return tab
