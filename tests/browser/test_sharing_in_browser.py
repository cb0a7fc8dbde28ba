"""A shared dashboard in a real browser: a viewer finds the launch closed, a stranger finds nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from streamlit.web.server.starlette.starlette_app_utils import create_signed_value
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

from cu_core.base.home import Home
from tests.browser.conftest import PATIENCE_MS
from tests.madeup import MadeUp, write_run
from tests.served import Server, serve

pytest.importorskip("authlib", reason="Authlib is not installed; the login through OpenID Connect needs it")

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]
COOKIE_SECRET = "a cookie secret that is long enough"


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    home = Home(tmp_path / "home").create()
    (home.root / "sharing.toml").write_text(
        'way = "oidc"\nhosts = ["127.0.0.1"]\n[people]\nvera = "viewer"\n[oidc]\nclaim = "sub"\n'
    )
    (tmp_path / "secrets.toml").write_text(
        f'[auth]\nredirect_uri = "http://127.0.0.1:{{port}}/oauth2callback"\ncookie_secret = "{COOKIE_SECRET}"\n'
        'client_id = "a"\nclient_secret = "b"\nserver_metadata_url = "http://127.0.0.1:9/never-asked"\n'
    )
    monkeypatch.setenv("STREAMLIT_SECRETS_FILES", str(tmp_path / "secrets.toml"))
    write_run(home, "shown", MadeUp())
    with serve(tmp_path) as running:
        yield running


def as_vera(page: Page, server: Server) -> None:
    """Puts in place what a login leaves behind."""
    claims = {"sub": "vera", "iat": time.time(), "origin": server.url, "is_logged_in": True, "provider": "default"}
    value = create_signed_value(COOKIE_SECRET, USER_COOKIE_NAME, json.dumps(claims)).decode()
    page.context.add_cookies([{"name": USER_COOKIE_NAME, "value": value, "url": server.url}])


def test_a_viewer_finds_the_launch_closed_and_a_stranger_finds_nothing(
    shared: Server, open_tab: Callable[..., Page], shoot: Callable[[Page, str], None]
) -> None:
    page = open_tab(f"{shared.url}/run?run=shown")
    expect(page.get_by_role("link", name="Log in")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_test_id("stApp")).to_have_count(0)
    shoot(page, "shared-login")
    as_vera(page, shared)
    # As after a login, which ends at the start page: the wanted page opens.
    page.goto(shared.url)
    expect(page).to_have_url(f"{shared.url}/run?run=shown", timeout=PATIENCE_MS)
    page.get_by_role("button", name="More").click()
    expect(page.get_by_role("button", name="Delete")).to_be_disabled(timeout=PATIENCE_MS)
    expect(page.get_by_text("vera · viewer")).to_be_visible()
    shoot(page, "shared-run-of-a-viewer")
    page.goto(f"{shared.url}/runs")
    expect(page.get_by_role("button", name="Launch a run")).to_be_disabled(timeout=PATIENCE_MS)
    expect(page.get_by_test_id("stException")).to_have_count(0)
    shoot(page, "shared-runs-of-a-viewer")
