"""HTTP responses of the door: plain text, or a page with a link to the login."""

from __future__ import annotations

import html
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

ALIVE = '{"status":"ok"}'
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Unlearnscope</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;display:grid;place-items:center;min-height:90vh;margin:0;
color-scheme:light dark}}a{{display:inline-block;padding:.6em 1.4em;border-radius:.5em;background:#5b4bc4;color:#fff;
text-decoration:none}}</style></head>
<body><main><h1>Unlearnscope</h1><p>{words}</p><p><a href="{address}">{label}</a></p></main></body></html>"""
HARDENING = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
# The door's own pages: words and a link.
OWN_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@dataclass(eq=False)
class Refused(Exception):
    """A request that goes no further.

    Attributes:
        status: HTTP status of the answer.
        words: that it says.
        link: label and address that a page offers; None for plain words.
        to: address to go to instead.
    """

    status: int
    words: str
    link: tuple[str, str] | None = None
    to: str | None = None


async def answer(
    send: Send,
    status: int,
    words: str,
    *,
    head: bool = False,
    link: tuple[str, str] | None = None,
    more: Sequence[tuple[bytes, bytes]] = (),
) -> None:
    """Sends a whole answer.

    Args:
        send: of the request.
        status: HTTP status.
        words: to say; `ALIVE` goes out as JSON.
        head: leave out the body.
        link: label and address of the one link of a page that is sent in place of plain words.
        more: headers besides the usual ones.
    """
    if link:
        label, address = (html.escape(text, quote=True) for text in link)
        body, kind = PAGE.format(words=html.escape(words), label=label, address=address), "text/html"
    else:
        body, kind = words, "application/json" if words == ALIVE else "text/plain"
    content = body.encode()
    headers = [
        (b"content-type", f"{kind}; charset=utf-8".encode()),
        (b"content-length", str(len(content)).encode()),
        (b"cache-control", b"no-store"),
        (b"connection", b"close"),
        *more,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else content})


def policy(scripts: Sequence[str], sockets: Sequence[str]) -> str:
    """What the dashboard's pages may load and do: what comes from this server, and nothing else.

    Args:
        scripts: of the page itself, as ``'sha256-…'``; all others are files.
        sockets: addresses of this server's websockets; some browsers do not count them as ``'self'``.
    """
    return "; ".join((
        "default-src 'none'",
        # Streamlit imports the code of components from blobs; Plotly's WebGL charts compile theirs from texts.
        f"script-src 'self' blob: 'unsafe-eval' {' '.join(scripts)}".rstrip(),
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' blob: data:",
        # Plotly brings a font of its own along.
        "font-src 'self' data:",
        f"connect-src 'self' {' '.join(sockets)}",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ))  # fmt: skip


@dataclass
class Hardened:
    """What is sent for an answer, with what keeps other sites from framing, embedding and reading it.

    Attributes:
        send: of the request.
        policy: of its content.
        started: whether an answer has begun.
    """

    send: Send
    policy: str = OWN_POLICY
    started: bool = False

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        """Sends a message of the answer."""
        if message["type"] == "http.response.start":
            self.started = True
            # Streamlit lets pages of any port of this machine read its answers; pages of this place need no leave.
            kept = [pair for pair in message.get("headers", []) if not pair[0].lower().startswith(b"access-control-")]
            present = {name.lower() for name, _ in kept}
            wanted = (*HARDENING, (b"content-security-policy", self.policy.encode()))
            message = {**message, "headers": [*kept, *(pair for pair in wanted if pair[0] not in present)]}
        await self.send(message)
