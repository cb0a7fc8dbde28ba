"""ASGI middleware that checks every request and connection before Streamlit sees it.

An ASGI middleware around the whole application, so that a route that is added tomorrow lies behind it, too. On a
machine that is not shared it lets nothing in that came from elsewhere. On a shared one it wants to know who is
there, and tells the pages in a sealed header (`cu_core.sharing.seal`).
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from cu_core.base.errors import UnlearnscopeError
from cu_core.base.home import Home
from cu_core.sharing import answers, clock, deep_link, door_state, logouts, origins
from cu_core.sharing.answers import Refused
from cu_core.sharing.config import Oidc, Sharing, clean_name, sharing_of, sharing_path
from cu_core.sharing.intake import Intake
from cu_core.sharing.quota import quota_of
from cu_core.sharing.requests import Headers, has_header, header, host_name, is_host_of, is_loopback, is_passed_on, peer
from cu_core.sharing.rights import WATCH_SERVER, User, may
from cu_core.sharing.seal import HEADER, Visit, seal

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

HEALTH = "/api/health"
# What strangers learn: that the server lives. Probes ask under any name.
BARE = {HEALTH: answers.ALIVE, "/_stcore/health": "ok"}
METRICS = "/_stcore/metrics"
LOGOUT = "/auth/logout"
# All that a stranger may ask for on the way to a login.
LOGIN_PATHS = frozenset({"/auth/login", LOGOUT, "/oauth2callback"})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# Of a login that the proxy vouches for; the page then connects again and is asked again.
PROXY_HOURS = 12.0
# How far the provider's clock may be ahead.
LEEWAY_SECONDS = 600.0

log = logging.getLogger("unlearnscope.door")


class Login(Protocol):
    """Login through OpenID Connect, as far as the door needs it."""

    def check(self, oidc: Oidc) -> None:
        """Raises `BadInput` where it is not set up."""

    def claims(self, headers: Headers) -> dict[str, Any] | None:
        """What the provider said of the visitor; None for a stranger."""

    def address(self, oidc: Oidc) -> str:
        """Path that begins a login."""

    def scheme(self) -> str:
        """That of the address that a login ends at."""


@dataclass(frozen=True)
class Server:
    """How the server was started.

    Attributes:
        address: that it listens on; None for all.
        hosts: names that it answers to where it is not shared.
        base: path that all its pages begin with, like ``/lab``; empty for none.
        agree: told the hosts of a shared dashboard, so that the server's own check says the same.
        scripts: that stand in its pages themselves, as a content policy names them.
    """

    address: str | None
    hosts: tuple[str, ...]
    base: str = ""
    agree: Callable[[tuple[str, ...]], None] = lambda hosts: None
    scripts: tuple[str, ...] = ()


@dataclass
class Door:
    """The middleware.

    Attributes:
        app: everything behind it.
        home: whose ``sharing.toml`` counts.
        server: how the server was started; asked at the start.
        login: for the way ``oidc``.
    """

    app: App
    home: Callable[[], Home]
    server: Callable[[], Server]
    login: Login
    intake: Intake = field(default_factory=Intake)
    facts: Server | None = None

    def start(self) -> Server:
        """Decides once whether this server is shared.

        Raises:
            UnlearnscopeError: it may not start so; the message says what to do.
        """
        facts = self.server()
        home = self.home()
        sharing = sharing_of(home)
        if sharing is None:
            if not is_loopback(facts.address):
                raise UnlearnscopeError(
                    f"the dashboard would listen on {facts.address or 'all addresses'}, where others can reach it, but "
                    f"it is not shared. Start it on 127.0.0.1, or share it on purpose: write {sharing_path(home)} "
                    "(docs/sharing.md says how)"
                )
            door_state.served(shared=False)
        else:
            if sharing.way == "oidc":
                self.login.check(sharing.oidc)
            facts.agree(sharing.hosts)
            door_state.served(shared=True)
        self.facts = facts
        return facts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets a request through, or answers it in words."""
        if scope["type"] == "lifespan":
            try:
                self.start()
            except UnlearnscopeError as error:
                await receive()
                await send({"type": "lifespan.startup.failed", "message": f"Not started: {error}."})
                return
            await self.app(scope, receive, send)
            return
        sent = answers.Hardened(send)
        try:
            facts = self.facts or self._late_start()
            user = self.visitor(scope, receive, facts)
            sent.policy = answers.policy(facts.scripts, origins.sockets(scope["headers"]))
            if scope["type"] == "websocket" or scope["method"] in SAFE_METHODS:
                await self.app(scope, receive, sent)
                return
            name = user.name if user else ""
            with self.intake.one_more(name):
                await self.app(scope, self._body(scope, receive, user), sent)
        except Refused as refused:  # by the door, or while the body was read
            if sent.started:
                raise
            await _refuse(refused, scope, receive, sent)
        except Exception:
            # What catches it further out would answer without the headers.
            if scope["type"] == "http" and not sent.started:
                await answers.answer(sent, 500, "Something went wrong in the server; its log says what.")
            raise

    def visitor(self, scope: Scope, receive: Receive, facts: Server) -> User | None:
        """Who asks; a stranger (None) comes through only on the way to a login. Seals the name for the pages.

        Raises:
            Refused: this goes no further.
        """
        # Whatever a visitor says about who they are is forgotten first.
        headers = [pair for pair in scope["headers"] if pair[0].decode("latin-1").lower() != HEADER]
        scope["headers"] = headers
        path = _path(scope, facts.base)
        if not door_state.is_shared():
            self._check_local(scope, facts)
            _check_origin(scope, path, _spoken(scope))
            return None
        try:
            sharing = sharing_of(self.home())
        except UnlearnscopeError as error:
            log.error("Nobody is let in: %s", error)
            sharing = None
        if sharing is None:
            raise Refused(503, "This dashboard is not shared at the moment.")
        if not is_host_of(host_name(headers), sharing.hosts):
            if path in BARE:
                raise Refused(200, BARE[path])
            raise Refused(400, "This dashboard is not known under that name.")
        _check_origin(scope, path, sharing.proxy.scheme if sharing.proxy else self.login.scheme())
        visit = self._visit(scope, receive, sharing)
        if visit is None:
            if path in BARE:
                raise Refused(200, BARE[path])
            if sharing.way == "oidc" and path in LOGIN_PATHS and scope["type"] == "http":
                return None
            link = ("Log in", self.login.address(sharing.oidc)) if sharing.way == "oidc" else None
            raise Refused(401, "Log in to see this dashboard.", link)
        if path == LOGOUT and visit.login:
            logouts.end(self.home(), visit.login)
        user = sharing.user(visit.name)
        if user is None:
            if sharing.way == "oidc" and path in LOGIN_PATHS:
                return None
            link = ("Log out", f"{facts.base}{LOGOUT}") if sharing.way == "oidc" else None
            raise Refused(403, f"{visit.name} may not see this dashboard. Ask those who run it for a role.", link)
        if (wanted := deep_link.wanted(scope, path)) is not None:
            raise Refused(302, "", to=wanted)
        if path == METRICS and not (verdict := may(user, WATCH_SERVER)):
            raise Refused(403, verdict.reason)
        headers.append((HEADER.encode(), seal(visit).encode()))
        return user

    def _late_start(self) -> Server:
        """Where the server announces no start."""
        try:
            return self.start()
        except UnlearnscopeError as error:
            raise Refused(503, f"Not started: {error}.") from error

    def _check_local(self, scope: Scope, facts: Server) -> None:
        here = scope.get("server") or (None, None)
        if not is_loopback(here[0]) or is_passed_on(scope["headers"]):
            raise Refused(403, "This dashboard is not shared: it answers on its own machine only (docs/sharing.md).")
        if not is_host_of(host_name(scope["headers"]), facts.hosts):
            raise Refused(400, "This dashboard is not known under that name.")

    def _visit(self, scope: Scope, receive: Receive, sharing: Sharing) -> Visit | None:
        """Who has logged in; None for a stranger."""
        headers = scope["headers"]
        if sharing.proxy is None:
            visit = _claimed(self.login.claims(headers), sharing.oidc)
            return None if visit is None or logouts.is_ended(self.home(), visit.login) else visit
        proxy = sharing.proxy
        address = peer(receive)
        if address is None or not proxy.named(address):
            if has_header(headers, proxy.header):
                log.warning("%s from %s is refused: no proxy of ours calls from there", proxy.header, address)
            return None
        if proxy.secret:
            given = header(headers, proxy.secret_header) or ""
            if not hmac.compare_digest(given.encode(), proxy.secret.encode()):
                log.warning("%s from %s is refused: the secret is missing or wrong", proxy.header, address)
                return None
            # No page and no log needs it from here on.
            scope["headers"][:] = [pair for pair in headers if pair[0].decode("latin-1").lower() != proxy.secret_header]
        name = clean_name(header(scope["headers"], proxy.header))
        return Visit(name, clock.elapsed() + PROXY_HOURS * 3600) if name else None

    def _body(self, scope: Scope, receive: Receive, user: User | None) -> Receive:
        """The body of a request, bounded in time, and that of somebody known in size, too."""
        paced = self.intake.paced(receive)
        if user is None:
            return paced
        # Uploads are all that browsers send besides questions.
        if not (verdict := may(user, "upload")):
            raise Refused(403, verdict.reason)
        try:
            quota = quota_of(self.home(), user.name)
        except UnlearnscopeError as error:
            raise Refused(503, "This dashboard is not shared at the moment.") from error
        return self.intake.metered(paced, user.name, quota, header(scope["headers"], "content-length"))


def _spoken(scope: Scope) -> str:
    """The scheme that this server itself speaks on a connection."""
    return "https" if scope.get("scheme") in ("https", "wss") else "http"


def _check_origin(scope: Scope, path: str, scheme: str) -> None:
    """Refuses what a page of another place has made a browser ask for, where it could change something."""
    if scope["type"] == "http" and scope["method"] in SAFE_METHODS and path != LOGOUT:
        return
    here = origins.asked(scope["headers"], scheme)
    if not origins.from_here(scope["headers"], here):
        log.warning("A page of %r asked for %r of %s", header(scope["headers"], "origin"), path, here)
        raise Refused(403, "This was asked for by a page of another address.")


def _path(scope: Scope, base: str) -> str:
    path: str = scope["path"]
    return path[len(base) :] if base and path.startswith(f"{base}/") else path


async def _refuse(refused: Refused, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": refused.words})
        return
    if refused.to is not None:
        more = [(b"location", refused.to.encode("latin-1")), deep_link.forget()]
        await answers.answer(send, refused.status, refused.words, more=more)
        return
    is_page = refused.link and scope["method"] == "GET" and "text/html" in (header(scope["headers"], "accept") or "")
    more = deep_link.remember(scope) if is_page and refused.status == 401 else []
    link = refused.link if is_page else None
    await answers.answer(send, refused.status, refused.words, head=scope["method"] == "HEAD", link=link, more=more)


def _claimed(claims: dict[str, Any] | None, oidc: Oidc) -> Visit | None:
    """The login that the claims of an identity token stand for; None where they do not hold."""
    if not claims:
        return None
    begun, now = claims.get("iat"), clock.now()
    if isinstance(begun, bool) or not isinstance(begun, int | float) or begun > now + LEEWAY_SECONDS:
        return None
    left = begun + oidc.hours * 3600 - now
    # An address that the provider has not verified could be anybody's.
    unverified = oidc.verified and oidc.claim == "email" and claims.get("email_verified") not in (True, "true")
    name = clean_name(claims.get(oidc.claim))
    if name is None or unverified or left <= 0:
        return None
    return Visit(name, clock.elapsed() + left, logouts.login_id(claims))
