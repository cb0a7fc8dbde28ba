"""A real server with a login through OpenID Connect, from a stranger's cold link to the page and out again."""

from __future__ import annotations

import http.cookiejar
import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from html import unescape

import pytest
from streamlit.web.server.starlette.starlette_app_utils import create_signed_value
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME, XSRF_COOKIE_NAME
from websockets.exceptions import InvalidStatus

from cu_core.base.home import Home
from pages._shared.plain_text import plain
from tests.loops import run
from tests.madeup import MadeUp, write_run
from tests.served import Server, serve
from tests.streamlit_client import open_tab

pytest.importorskip("authlib", reason="Authlib is not installed; the login through OpenID Connect needs it")
pytest.importorskip("httpx", reason="httpx is not installed; the login through OpenID Connect needs it")

from tests.sharing.oidc_provider import CLIENT, CLIENT_SECRET, Provider, provider

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(900)]
PATIENCE = 300.0
COOKIE_SECRET = "a cookie secret that is long enough"
PAGE = {"Accept": "text/html"}


@pytest.fixture(scope="module")
def issuer() -> Iterator[Provider]:
    with provider() as running:
        yield running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, issuer: Provider) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("oidc")
    home = Home(folder / "home").create()
    (home.root / "sharing.toml").write_text(
        'way = "oidc"\nhosts = ["127.0.0.1"]\n[people]\n"vera@x.org" = "viewer"\n"omar@x.org" = "operator"\n'
    )
    write_run(home, "shown", MadeUp())
    (folder / "secrets.toml").write_text(
        f'[auth]\nredirect_uri = "http://127.0.0.1:{{port}}/oauth2callback"\ncookie_secret = "{COOKIE_SECRET}"\n'
        f'client_id = "{CLIENT}"\nclient_secret = "{CLIENT_SECRET}"\n'
        f'server_metadata_url = "{issuer.url}/.well-known/openid-configuration"\n'
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STREAMLIT_SECRETS_FILES", str(folder / "secrets.toml"))
        with serve(folder) as running:
            yield running


class Browser:
    """Follows redirects and keeps cookies."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.jar = http.cookiejar.CookieJar()
        handlers = urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(self.jar)
        self.opener = urllib.request.build_opener(*handlers)

    def get(self, path: str) -> tuple[int, str, str]:
        """Status, final address and body."""
        request = urllib.request.Request(self.server.url + path, headers=PAGE)
        try:
            with self.opener.open(request, timeout=60) as answer:
                return answer.status, answer.url, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.url or "", error.read().decode()

    def log_in(self, path: str = "/") -> tuple[int, str, str]:
        """From a stranger's first request to wherever the login ends."""
        status, _, page = self.get(path)
        assert status == 401
        link = re.search(r'href="([^"]+)"', page)
        assert link is not None
        return self.get(unescape(link[1]))

    def cookies(self) -> dict[str, str]:
        return {cookie.name: cookie.value or "" for cookie in self.jar}

    def headers(self) -> dict[str, str]:
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies().items())}


def as_(issuer: Provider, email: str, **more: object) -> None:
    issuer.claims = {"email": email, "email_verified": True} | more


def test_from_a_cold_link_through_the_login_to_the_page_and_out_again(server: Server, issuer: Provider) -> None:
    as_(issuer, "Vera@x.org")
    browser = Browser(server)
    status, address, page = browser.log_in("/run?run=shown")
    assert (status, address) == (200, f"{server.url}/run?run=shown") and "<script" in page
    assert browser.get("/_stcore/health")[0] == 200
    assert json.loads(browser.get("/api/health")[2])["home"] == str(server.home.root)
    assert browser.get("/_stcore/metrics")[0] == 403

    async def look() -> None:
        xsrf = browser.cookies()[XSRF_COOKIE_NAME].strip('"')
        tab = await open_tab(server.url, "run", "run=shown", headers=browser.headers(), xsrf=xsrf)
        await tab.until(lambda tab: tab.runs > 0 and "succeeded]" in tab.text(), PATIENCE)
        assert tab.errors() == [] and f"{plain('vera@x.org')} · viewer" in "\n".join(m.body for m in tab.of("markdown"))
        assert tab.button("Delete").disabled
        await tab.press("Log out", PATIENCE)
        assert tab.redirect == "/auth/logout"
        await tab.socket.close()

    run(look())
    browser.get("/auth/logout")
    assert USER_COOKIE_NAME not in browser.cookies()
    assert browser.get("/run?run=shown")[0] == 401


def test_a_cookie_opens_nothing_for_a_page_of_another_port_and_nothing_at_all_after_the_logout(
    server: Server, issuer: Provider
) -> None:
    as_(issuer, "omar@x.org")
    browser, thief = Browser(server), Browser(server)
    assert browser.log_in("/runs")[0] == 200
    headers = browser.headers()

    async def tries() -> None:
        tab = await open_tab(server.url, "runs", headers=headers)
        await tab.until(lambda tab: tab.runs > 0 and plain("omar@x.org") in tab.text(), PATIENCE)
        for origin in ("http://localhost:3000", server.url.replace("127.0.0.1", "localhost"), "http://0.0.0.0:3000"):
            with pytest.raises(InvalidStatus):
                await open_tab(server.url, "runs", headers=headers, origin=origin)
        for cookie in browser.jar:
            thief.jar.set_cookie(cookie)
        assert thief.get("/runs")[0] == 200
        browser.get("/auth/logout")
        assert thief.get("/runs")[0] == 401
        with pytest.raises(InvalidStatus):
            await open_tab(server.url, "runs", headers=headers)
        # The tab that is still open shows nothing any more.
        await tab.until(lambda tab: "Your login may have ended" in tab.text(), PATIENCE)
        await tab.socket.close()

    run(tries())


def test_whoever_is_not_wanted_or_not_verified_stays_outside(server: Server, issuer: Provider) -> None:
    as_(issuer, "mallory@x.org")
    status, _, page = Browser(server).log_in()
    assert status == 403 and "mallory@x.org may not see" in page and "/auth/logout" in page
    as_(issuer, "vera@x.org", email_verified=False)
    assert Browser(server).log_in()[0] == 401
    as_(issuer, "vera@x.org", aud="another-client")
    assert Browser(server).log_in()[0] == 401


def test_a_cookie_that_was_made_elsewhere_or_is_old_opens_nothing(server: Server) -> None:
    def status(secret: str, **changes: object) -> int:
        claims = {"email": "omar@x.org", "email_verified": True, "iat": time.time(), "origin": server.url,
                  "is_logged_in": True, "provider": "default"} | changes  # fmt: skip
        value = create_signed_value(secret, USER_COOKIE_NAME, json.dumps(claims)).decode()
        request = urllib.request.Request(server.url + "/runs", headers={"Cookie": f"{USER_COOKIE_NAME}={value}"})
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    assert status(COOKIE_SECRET) == 200
    assert status("another secret that is long enough") == 401
    assert status(COOKIE_SECRET, origin="http://127.0.0.1:1") == 401
    assert status(COOKIE_SECRET, iat=time.time() - 13 * 3600) == 401
    assert status(COOKIE_SECRET, is_logged_in=False) == 401


def test_a_connection_needs_the_cookie_and_ways_to_a_login_show_no_page(server: Server) -> None:
    async def tries() -> None:
        with pytest.raises(InvalidStatus):
            await open_tab(server.url, "run", "run=shown")

    run(tries())
    assert Browser(server).get("/static/js/index.js")[0] == 401
    for path in ("run", "auth/login", "oauth2callback"):
        assert "<script" not in Browser(server).get(f"/{path}")[2]
