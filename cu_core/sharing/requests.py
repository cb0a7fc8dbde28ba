"""Headers, host name, cookies and peer address of a request, as the server received it."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from typing import Any

Headers = Iterable[tuple[bytes, bytes]]

# What proxies, tunnels and content networks add to a request that they pass on; no browser does.
_PASSED_ON = (
    "via", "client-ip", "cdn-loop", "true-client-ip", "fastly-client-ip", "fly-client-ip", "do-connecting-ip",
    "incap-client-ip", "proxy-client-ip", "wl-proxy-client-ip", "x-client-ip", "x-cluster-client-ip", "x-host",
    "x-proxyuser-ip", "x-real-host", "x-real-ip", "x-real-port", "x-remote-addr", "x-remote-ip", "x-rewrite-url",
    "x-scheme",
)  # fmt: skip
_PASSED_ON_BEGINNINGS = (
    "forwarded", "x-forwarded", "x-original-", "x-appengine-", "x-arr-", "x-azure-", "x-envoy-", "x-proxy-", "cf-",
    "cloudfront-", "ngrok-", "tailscale-",
)  # fmt: skip


def header(headers: Headers, name: str) -> str | None:
    """A header's value; None where it is absent, given more than once, or no text."""
    found = [value for key, value in headers if key.decode("latin-1").lower() == name]
    if len(found) != 1:
        return None
    try:
        return found[0].decode("utf-8")
    except UnicodeDecodeError:
        return None


def has_header(headers: Headers, *names: str) -> bool:
    """Whether any of some headers is there."""
    return any(key.decode("latin-1").lower() in names for key, _ in headers)


def is_passed_on(headers: Headers) -> bool:
    """Whether a request says that something has passed it on."""
    names = (key.decode("latin-1").lower() for key, _ in headers)
    return any(name in _PASSED_ON or name.startswith(_PASSED_ON_BEGINNINGS) for name in names)


def cookies(headers: Headers) -> dict[str, str]:
    """Cookies by name; of two of the same name the first counts, as browsers send the nearest first."""
    found: dict[str, str] = {}
    for key, value in headers:
        if key.decode("latin-1").lower() == "cookie":
            for part in value.decode("latin-1").split(";"):
                name, equals, content = part.strip().partition("=")
                if equals:
                    found.setdefault(name, content.strip('"'))
    return found


def host_name(headers: Headers) -> str | None:
    """The name in the Host header without its port, lower case; None where it is missing or malformed."""
    value = header(headers, "host")
    if not value or any(sign in value for sign in "@/?#\\ "):
        return None
    if value.startswith("["):
        name, bracket, port = value[1:].partition("]")
        port = port.removeprefix(":") if bracket else "?"
    else:
        name, _, port = value.partition(":")
    if port and not (port.isascii() and port.isdigit()):
        return None
    return name.lower().rstrip(".") or None


def is_host_of(name: str | None, hosts: Iterable[str]) -> bool:
    """Whether a host is one of some names; ``*.example.org`` stands for all below it, ``*`` for all."""
    if name is None:
        return False
    return any(host in ("*", name) or (host.startswith("*.") and name.endswith(host[1:])) for host in hosts)


def is_loopback(address: str | None) -> bool:
    """Whether an address can be reached from this machine only."""
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address or "").is_loopback
    except ValueError:
        return False


def peer(receive: Callable[..., Any]) -> str | None:
    """Address of the machine at the other end of the connection.

    ``scope["client"]`` is no answer: uvicorn replaces it by what ``X-Forwarded-For`` says, which anybody on a
    machine that uvicorn trusts (this one, by default) can write. The socket itself cannot lie.

    Args:
        receive: as the server handed it to the application.

    Returns:
        None where the server does not show its socket; then nobody can be trusted.
    """
    transport = getattr(getattr(receive, "__self__", None), "transport", None)
    name = transport.get_extra_info("peername") if transport is not None else None
    return str(name[0]).partition("%")[0] if isinstance(name, tuple | list) and name else None
