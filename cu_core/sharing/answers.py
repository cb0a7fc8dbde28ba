"""Answers of the door: plain words, or a page with one link that begins a login. They load nothing."""

from __future__ import annotations

import html
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
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
    (b"content-security-policy", b"frame-ancestors 'self'"),
)


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
        *((name, value) for name, value in HARDENING if name != b"content-security-policy"),
        (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
        *more,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else content})


def hardened(send: Send) -> Send:
    """Adds headers that keep other sites from framing pages and browsers from guessing types."""

    async def sent(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            present = {name.lower() for name, _ in message.get("headers", [])}
            added = [(name, value) for name, value in HARDENING if name not in present]
            message = {**message, "headers": [*message.get("headers", []), *added]}
        await send(message)

    return sent
