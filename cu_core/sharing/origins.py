"""Same-origin check of requests, by the header ``Origin``.

A browser lets any page open a websocket to any server, and send forms to it; it only tells which page it was.
Cookies do not keep ports apart, so a page of another port is as strange as one of another machine.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from cu_core.sharing.requests import Headers, has_header, header

PORTS = {"http": 80, "https": 443}
_ADDRESS = re.compile(r"(https?)://(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::([0-9]{1,5}))?")
# What a browser says of a request that no other site has caused.
_OWN_SITES = ("same-origin", "none")


@dataclass(frozen=True)
class Place:
    """What makes two addresses one site for a browser.

    Attributes:
        scheme: ``http`` or ``https``.
        host: name, or address as it stands in links, lower case.
        port: also where the address leaves out the usual one.
    """

    scheme: str
    host: str
    port: int


def place(address: str | None) -> Place | None:
    """The place that a scheme with a host and perhaps a port means; None for anything else, such as ``null``."""
    found = _ADDRESS.fullmatch((address or "").lower())
    return Place(found[1], found[2], int(found[3] or PORTS[found[1]])) if found else None


def asked(headers: Headers, scheme: str) -> Place | None:
    """The place that a request came to by its Host header; None where that is missing or malformed."""
    host = header(headers, "host")
    return place(f"{scheme}://{host}") if host else None


def from_here(headers: Headers, here: Place | None) -> bool:
    """Whether a request was made by a page of this very place, or by no page at all."""
    if has_header(headers, "origin"):
        return here is not None and place(header(headers, "origin")) == here
    return not has_header(headers, "sec-fetch-site") or header(headers, "sec-fetch-site") in _OWN_SITES


def sockets(headers: Headers) -> list[str]:
    """Addresses of the websockets of the server that a request came to."""
    places = [found for scheme in PORTS if (found := asked(headers, scheme))]
    return [f"{found.scheme.replace('http', 'ws')}://{found.host}:{found.port}" for found in places]
