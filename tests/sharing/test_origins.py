"""Pages of other places: another port, another scheme, another name are strange, whoever's cookies they bring."""

from __future__ import annotations

import time

import pytest

from cu_core.base.home import Home
from cu_core.sharing import door_state
from cu_core.sharing.origins import Place, asked, from_here, place
from tests.sharing.test_door import OIDC, PROXY, House, shared

WRITES = [
    ("http", "PUT"),
    ("http", "DELETE"),
    ("http", "POST"),
    ("http", "PATCH"),
    ("http", "get"),
    ("websocket", "GET"),
]
# Host of a request, scheme of the address bar, origins of the same place, and of others.
PLACES = [
    ("localhost:8501", "http", ["http://localhost:8501", "HTTP://LOCALHOST:8501"],
     ["http://localhost:28716", "http://localhost", "https://localhost:8501", "http://127.0.0.1:8501", "http://evil.test"]),
    ("127.0.0.1:8501", "http", ["http://127.0.0.1:8501"],
     ["http://127.0.0.1:3000", "http://0.0.0.0:8501", "http://localhost:8501", "http://127.0.0.1.evil.test:8501"]),
    ("127.0.0.1", "http", ["http://127.0.0.1", "http://127.0.0.1:80"], ["http://127.0.0.1:8501", "https://127.0.0.1"]),
    ("[::1]:8501", "http", ["http://[::1]:8501"], ["http://[::1]", "http://[::1]:3000", "http://::1:8501", "http://[::2]:8501"]),
    ("Unlearn.Test", "https", ["https://unlearn.test", "https://unlearn.test:443"],
     ["http://unlearn.test", "https://unlearn.test:8443", "https://unlearn.test.evil.test", "http://localhost:3000",
      "https://evil.test", "https://sub.unlearn.test"]),
    ("unlearn.test:8443", "https", ["https://unlearn.test:8443"], ["https://unlearn.test", "http://unlearn.test:8443"]),
]  # fmt: skip
NO_PLACES = ["null", "", "file://", "localhost:8501", "http://", "http://localhost:8501/", "http://localhost:x",
             "http://a@localhost:8501", "http://localhost:8501 http://localhost:8501", "http://localhost:8501,http://b.test",
             "ws://localhost:8501", "chrome-extension://abc", "http://localhost:8501\\.evil.test"]  # fmt: skip


@pytest.fixture(autouse=True)
def fresh_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door_state, "_shared", None)


@pytest.mark.parametrize(("host", "scheme", "own", "others"), PLACES)
def test_a_place_is_scheme_host_and_port(host: str, scheme: str, own: list[str], others: list[str]) -> None:
    headers = [(b"host", host.encode())]
    here = asked(headers, scheme)
    assert here is not None
    assert all(from_here([*headers, (b"origin", origin.encode())], here) for origin in own)
    for origin in [*others, *NO_PLACES]:
        assert not from_here([*headers, (b"Origin", origin.encode())], here), origin
    twice = [(b"origin", own[0].encode()), (b"origin", own[0].encode())]
    assert not from_here(headers + twice, here), "two origins are none"
    assert from_here(headers, here), "no page at all"
    for site, allowed in (("cross-site", False), ("same-site", False), ("same-origin", True), ("none", True)):
        assert from_here([*headers, (b"sec-fetch-site", site.encode())], here) is allowed


def test_no_place_is_nobodys() -> None:
    assert [place(text) for text in [*NO_PLACES, None]] == [None] * (len(NO_PLACES) + 1)
    assert place("https://A.test") == Place("https", "a.test", 443)
    assert asked([], "http") is None and asked([(b"host", b"a b")], "http") is None
    assert not from_here([(b"origin", b"null")], None)


def statuses(house: House, headers: dict[str, str], **how: str) -> set[int]:
    """What every way to change something is answered with, inside or not; a refused websocket counts as 403."""
    found = {
        house.ask("/_stcore/upload_file/s/f", headers, kind=kind, method=method, **how)[0] for kind, method in WRITES
    }
    return {403 if status == 1008 else status for status in found}


def test_another_port_drives_no_dashboard_of_this_machine(home: Home) -> None:
    house = House(home)
    for host, origin, wanted in [
        ("localhost:8501", "http://localhost:8501", 200),
        ("127.0.0.1:8501", "http://127.0.0.1:8501", 200),
        ("localhost:8501", "http://localhost:28716", 403),
        ("localhost:8501", "http://localhost:3000", 403),
        ("127.0.0.1:8501", "http://0.0.0.0:8501", 403),
        ("127.0.0.1:8501", "null", 403),
    ]:
        assert statuses(house, {"Host": host, "Origin": origin}, server="127.0.0.1") == {wanted}, origin
    here = {"Host": "localhost:8501"}
    assert statuses(house, here, server="127.0.0.1") == {200}, "no browser"
    assert statuses(house, here | {"Origin": "https://localhost:8501"}, server="127.0.0.1", scheme="https") == {200}
    assert statuses(house, here | {"Origin": "http://localhost:8501"}, server="127.0.0.1", scheme="https") == {403}
    # Questions change nothing; whether the answer can be read is for its headers to say.
    assert house.ask("/runs", here | {"Origin": "http://evil.test"}, server="127.0.0.1")[0] == 200


@pytest.mark.parametrize("scheme", ["https", "http"])
def test_behind_a_proxy_the_configuration_says_the_scheme(home: Home, scheme: str) -> None:
    text = PROXY.replace('header = "Remote-User"', f'header = "Remote-User"\nscheme = "{scheme}"')
    house = shared(home, text if scheme == "http" else PROXY)
    known = {"Host": "unlearn.test", "Remote-User": "anna"}
    other = {"http": "https", "https": "http"}[scheme]
    assert statuses(house, known) == {200}
    assert statuses(house, known | {"Origin": f"{scheme}://unlearn.test"}) == {200}
    # What the server itself speaks, or a header says that anybody can write, changes nothing.
    assert statuses(house, known | {"Origin": f"{other}://unlearn.test", "X-Forwarded-Proto": other}, scheme=other) == {
        403
    }
    for origin in (f"{scheme}://unlearn.test:3000", "http://localhost:3000", f"{scheme}://evil.test", "null"):
        assert statuses(house, known | {"Origin": origin}) == {403}, origin


def test_a_cookie_does_not_make_another_port_ones_own(home: Home) -> None:
    house = shared(home, OIDC.replace("viewer", "admin"))
    house.login.given = {"email": "vera@x.org", "email_verified": True, "iat": time.time()}
    host = {"Host": "unlearn.test"}
    assert statuses(house, host | {"Origin": "https://unlearn.test"}) == {200}
    for origin in ("http://localhost:3000", "https://unlearn.test:3000", "http://unlearn.test"):
        assert statuses(house, host | {"Origin": origin}) == {403}


def test_no_other_site_logs_anybody_out(home: Home) -> None:
    house = shared(home, OIDC)
    house.login.given = {"email": "vera@x.org", "email_verified": True, "iat": time.time()}
    host = {"Host": "unlearn.test"}
    for site in ("cross-site", "same-site"):
        assert house.ask("/auth/logout", host | {"Sec-Fetch-Site": site})[0] == 403
    assert house.ask("/oauth2callback", host | {"Sec-Fetch-Site": "cross-site"})[0] == 200, "from the provider"
    assert house.ask("/runs", host)[0] == 200, "still logged in"


def test_under_a_base_path_the_rule_is_the_same(home: Home) -> None:
    house = House(home)
    object.__setattr__(house.door.server(), "base", "/lab")
    for origin, wanted in (("http://localhost:8501", 200), ("http://localhost:3000", 1008)):
        headers = {"Host": "localhost:8501", "Origin": origin}
        assert house.ask("/lab/_stcore/stream", headers, server="127.0.0.1", kind="websocket")[0] == wanted
