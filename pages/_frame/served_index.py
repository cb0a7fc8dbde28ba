"""Tells Streamlit's own page in the browser below which path this server answers, so that it need not guess.

Of a page's address (``/drift``) Streamlit's script in the browser takes the last part for a path that the server lies
below, asks there first, and logs two answers "404" before it asks in the right place. It also looks for its files
beside the address, which fails below an address of several parts. The served page says both here.
"""

from __future__ import annotations

import html
from base64 import b64encode
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

# What was asked for is the end of the address in the browser. What stands before it is the way to the server: its own
# base path, and behind some proxies a path that the server never sees.
SCRIPT = """(() => {
  const { path } = document.currentScript.dataset
  const { origin, pathname } = window.location
  if (pathname.endsWith(path)) {
    window.__streamlit = { BACKEND_BASE_URL: origin + pathname.slice(0, pathname.length - path.length) + "/" }
  }
})()"""
SCRIPT_HASH = f"'sha256-{b64encode(sha256(SCRIPT.encode()).digest()).decode()}'"
_FIRST = b"<script"
# Asked with these, Streamlit would send a page packed, or not at all because the browser has it without the script.
_WHOLE = (b"accept-encoding", b"if-none-match", b"if-modified-since")
# They would vouch for a page without the script, and for one of an earlier version.
_STALE = (b"etag", b"last-modified", b"content-length")


@dataclass
class ServedIndex:
    """ASGI middleware that writes the script into every page.

    Attributes:
        app: everything behind it.
        base: path that all pages begin with, without a slash at its end; empty for none.
    """

    app: App
    base: Callable[[], str]

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Passes everything on but the whole pages that are asked for by GET."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        raw = scope.get("raw_path") or str(scope["path"]).encode()
        path = raw.decode("latin-1").partition("?")[0]
        if (base := self.base()) and (path == base or path.startswith(f"{base}/")):
            path = path[len(base) :]
        if any(name.lower() == b"accept" and b"text/html" in value for name, value in scope["headers"]):
            scope = {**scope, "headers": [pair for pair in scope["headers"] if pair[0].lower() not in _WHOLE]}
        await self.app(scope, receive, _Rewritten(send, path))


@dataclass
class _Rewritten:
    """What is sent for one answer; a page is held back until it is whole."""

    send: Send
    path: str
    start: Message | None = None
    body: list[bytes] = field(default_factory=list)

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            kinds = [value for name, value in message.get("headers", []) if name.lower() == b"content-type"]
            if message["status"] == 200 and kinds and kinds[0].startswith(b"text/html"):
                self.start = message
                return
        if self.start is None or message["type"] not in ("http.response.body", "http.response.start"):
            await self.send(message)
            return
        self.body.append(message.get("body", b""))
        if message.get("more_body"):
            return
        content = with_script(b"".join(self.body), self.path)
        headers = [pair for pair in self.start.get("headers", []) if pair[0].lower() not in _STALE]
        await self.send({**self.start, "headers": [*headers, (b"content-length", str(len(content)).encode())]})
        await self.send({"type": "http.response.body", "body": content})


def with_script(content: bytes, path: str) -> bytes:
    """A page that knows which path was asked for; one without any script as it is.

    Args:
        content: the page.
        path: that was asked for, below the server's base path, as it stood in the request.
    """
    if _FIRST not in content:
        return content
    # The page names its own files beside itself: from a deeper address the way up is longer.
    up = "../" * max(path.count("/") - 1, 0)
    if up:
        content = content.replace(b'"./', f'"{up}'.encode())
    tag = f'<script data-path="{html.escape(path, quote=True)}">{SCRIPT}</script>\n    '
    return content.replace(_FIRST, tag.encode() + _FIRST, 1)
