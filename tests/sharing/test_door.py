"""The door, driven as a server drives it: who comes in, who does not, and what the pages are told."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from cu_core.base.errors import BadInput, UnlearnscopeError
from cu_core.base.home import Home
from cu_core.sharing import clock, deep_link, door_state
from cu_core.sharing.config import Oidc
from cu_core.sharing.door import HEALTH, LOGIN_PATHS, METRICS, Door, Server
from cu_core.sharing.requests import host_name, is_loopback
from cu_core.sharing.seal import HEADER, Visit, seal, unseal
from tests.loops import run

PROXY = """
way = "proxy"
hosts = ["unlearn.test", "::1"]
[people]
anna = "admin"
omar = "operator"
vera = "viewer"
[proxy]
addresses = ["10.0.0.5"]
header = "Remote-User"
[quota]
upload_mb = 0.1
uploads_mb = 0.15
"""
SECRET = 'secret_header = "X-Gate"\nsecret = "0123456789abcdef"\n[quota]'
OIDC = 'way = "oidc"\nhosts = ["unlearn.test"]\n[people]\n"vera@x.org" = "viewer"\n'
PATHS = ["/", "/runs", "/run", METRICS, "/media/x.png", "/component/a/b.js", "/static/js/index.js",
         "/_stcore/host-config", "/_stcore/bidi-components/x", "/app/static/x", "/nosuch", "//runs"]  # fmt: skip

PASSED_ON = [
    "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Server", "X-Forwarded-Port",
    "X-Forwarded-User", "Forwarded", "Via", "X-Real-IP", "CF-Connecting-IP", "CF-Ray", "True-Client-IP", "X-Client-IP",
    "X-Cluster-Client-IP", "Fastly-Client-IP", "X-Original-URL", "X-Envoy-External-Address", "Tailscale-User-Login",
    "CDN-Loop",
]  # fmt: skip


class Transport:
    """A socket's other end."""

    def __init__(self, address: str) -> None:
        self.address = address

    def get_extra_info(self, name: str) -> object:
        return (self.address, 4711) if name == "peername" else None


class Connection:
    """What uvicorn hands over: its ``receive`` belongs to the connection."""

    def __init__(self, address: str, body: list[bytes]) -> None:
        self.transport = Transport(address)
        self.body = body

    async def receive(self) -> dict[str, Any]:
        return {"type": "http.request", "body": self.body.pop(0) if self.body else b"", "more_body": bool(self.body)}


class FakeLogin:
    """Claims that a test sets."""

    given: dict[str, Any] | None = None

    def check(self, oidc: Oidc) -> None:
        if oidc.provider == "missing":
            raise BadInput("way", "no such provider")

    def claims(self, headers: object) -> dict[str, Any] | None:
        return self.given

    def address(self, oidc: Oidc) -> str:
        return f"/auth/login?provider={oidc.provider}"

    def scheme(self) -> str:
        return "https"


class House:
    """A door with something behind it that notes who came in."""

    def __init__(self, home: Home, address: str | None = "127.0.0.1") -> None:
        self.entered: list[dict[str, Any]] = []
        self.taken = 0
        self.last: tuple[int, str, dict[str, str]] = (0, "", {})
        self.agreed: tuple[str, ...] = ()
        facts = Server(address, ("127.0.0.1", "localhost"), "", self.agree)
        self.login = FakeLogin()
        self.door = Door(self.app, lambda: home, lambda: facts, self.login)

    def agree(self, hosts: tuple[str, ...]) -> None:
        self.agreed = hosts

    async def app(self, scope, receive, send) -> None:
        self.entered.append(scope)
        if scope["type"] == "http" and scope["method"] == "PUT":
            while True:
                message = await receive()
                self.taken += len(message["body"])
                if not message["more_body"]:
                    break
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"inside"})

    def ask(
        self, path: str = "/", headers: dict[str, str] | list[tuple[str, str]] | None = None, *, peer: str = "10.0.0.5",
        server: str = "10.0.0.1", method: str = "GET", kind: str = "http", body: list[bytes] | None = None,
        query: str = "", client: str | None = None, scheme: str = "http",
    ) -> tuple[int, str, dict[str, str]]:  # fmt: skip
        pairs = list(headers.items()) if isinstance(headers, dict) else headers or []
        scope = {
            "type": kind,
            "path": path,
            "query_string": query.encode(),
            "method": method,
            "scheme": scheme,
            "server": (server, 8501),
            "client": (client or peer, 4711),
            "headers": [(k.lower().encode(), v.encode("latin-1")) for k, v in pairs],
        }
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        try:
            run(self.door(scope, Connection(peer, list(body or [])).receive, send))
        finally:
            self.last = _answer(sent)
        return self.last

    def as_user(self, name: str, path: str = "/", **how: Any) -> tuple[int, str, dict[str, str]]:
        return self.ask(path, {"Host": "unlearn.test", "Remote-User": name, **how.pop("more", {})}, **how)

    def seen(self) -> list[str | None]:
        """Who the pages think came in."""
        found = []
        for scope in self.entered:
            values = [v.decode() for k, v in scope["headers"] if k.decode() == HEADER]
            assert len(values) <= 1
            found.append(getattr(unseal(values[0] if values else None), "name", None))
        return found


def _answer(sent: list[Any]) -> tuple[int, str, dict[str, str]]:
    if sent[0]["type"] == "websocket.close":
        return sent[0]["code"], sent[0]["reason"], {}
    headers = {k.decode().lower(): v.decode() for k, v in sent[0]["headers"]}
    return sent[0]["status"], sent[1]["body"].decode(), headers


@pytest.fixture(autouse=True)
def fresh_state(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(door_state, "_shared", None)
    yield


def shared(home: Home, text: str = PROXY) -> House:
    path = home.root / "sharing.toml"
    path.write_text(text)
    path.chmod(0o600)
    return House(home, "0.0.0.0")


def start(house: House) -> str | None:
    """What the server is told when it starts; None if all is well."""
    answers: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "lifespan.startup"}

    async def send(message: Any) -> None:
        answers.append(message)

    async def behind(scope, receive, send) -> None:
        await send({"type": "lifespan.startup.complete"})

    house.door.app = behind
    run(house.door({"type": "lifespan"}, receive, send))
    house.door.app = house.app
    return None if answers[0]["type"] == "lifespan.startup.complete" else answers[0]["message"]


@pytest.mark.parametrize("address", ["0.0.0.0", "::", None, "192.0.2.7", "10.0.0.1"])
def test_it_does_not_start_where_others_can_reach_it_unless_it_is_shared(home: Home, address: str | None) -> None:
    said = start(House(home, address))
    assert said is not None and "docs/sharing.md" in said
    assert start(House(home, "127.0.0.1")) is None and start(House(home, "localhost")) is None
    (home.root / "sharing.toml").write_text(PROXY)
    house = House(home, address)
    assert start(house) is None and house.agreed == ("unlearn.test", "::1")


def test_it_does_not_start_with_a_file_that_cannot_be_used(home: Home) -> None:
    assert "way" in (start(shared(home, "way = 3")) or "")
    assert "no such provider" in (start(shared(home, OIDC + '[oidc]\nprovider = "missing"\n')) or "")


@pytest.mark.parametrize("path", [*PATHS, HEALTH])
def test_a_dashboard_that_is_not_shared_answers_its_own_machine_only(home: Home, path: str) -> None:
    house = House(home)
    here = {"Host": "127.0.0.1:8501"}
    assert house.ask(path, here, server="127.0.0.1")[0] == 200
    assert house.ask(path, here, server="10.0.0.1")[0] == 403
    for forwarded in PASSED_ON:
        assert house.ask(path, here | {forwarded: "127.0.0.1"}, server="127.0.0.1")[0] == 403
    assert house.ask(path, {"Host": "rebound.test"}, server="127.0.0.1")[0] == 400
    assert house.ask(path, {}, server="127.0.0.1")[0] == 400
    assert len(house.entered) == 1


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize("path", [*PATHS, *sorted(LOGIN_PATHS)])
def test_strangers_come_to_nothing_behind_a_proxy(home: Home, path: str, kind: str) -> None:
    house = shared(home)
    host = {"Host": "unlearn.test"}
    known = {"Remote-User": "anna"}
    for headers, how in [
        (host, {}),
        (host | {"Remote-User": ""}, {}),
        (host | known, {"peer": "10.0.0.6"}),
        (host | known, {"peer": "127.0.0.1"}),
        (host | known | {"X-Forwarded-For": "10.0.0.5"}, {"peer": "127.0.0.1", "client": "10.0.0.5"}),
        (list((host | known).items()) + [("Remote-User", "omar")], {}),
        (list((host | known).items()) + [("Remote-User", "anna")], {}),
        (host | {"Remote-User": "mallory,anna"}, {}),
        (host | {"Remote-User": "mallory@y.org, vera@x.org"}, {}),
        (host | {"X-Forwarded-User": "anna", "X-Forwarded-Email": "anna"}, {}),
        (host | {HEADER: seal(Visit("anna", clock.elapsed() + 99))}, {}),
    ]:
        status, words, _ = house.ask(path, headers, kind=kind, **how)
        assert status == (401 if kind == "http" else 1008), (headers, how)
        assert "inside" not in words
    assert house.ask(path, host | {"Remote-User": "mallory"}, kind=kind)[0] in (403, 1008)
    for wrong in ("evil.test", "unlearn.test.evil.test", "unlearn.test@evil.test", "127.0.0.1"):
        assert house.ask(path, {"Host": wrong} | known, kind=kind)[0] in (400, 1008)
    assert house.entered == []


def test_people_come_in_under_their_own_name_only(home: Home) -> None:
    house = shared(home)
    forged = {HEADER: seal(Visit("anna", clock.elapsed() + 99)), "X-Unlearnscope-Visitor": "anna"}
    assert house.as_user("vera", "/runs", more=forged)[0] == 200
    assert house.ask("/runs", {"Host": "UNLEARN.test:443", "Remote-User": "omar"})[0] == 200
    assert house.ask("/_stcore/stream", {"Host": "[::1]:80", "Remote-User": "anna"}, kind="websocket")[0] == 200
    assert house.seen() == ["vera", "omar", "anna"]


def test_strangers_learn_of_the_health_that_there_is_some(home: Home) -> None:
    house = shared(home)
    for headers in ({"Host": "unlearn.test"}, {"Host": "10.0.0.1:8501"}, {"Remote-User": "anna"}):
        assert house.ask(HEALTH, headers)[:2] == (200, '{"status":"ok"}')
        assert house.ask("/_stcore/health", headers)[:2] == (200, "ok")
    assert house.entered == []
    assert house.as_user("vera", HEALTH)[1] == "inside"


def test_only_admins_read_the_servers_numbers(home: Home) -> None:
    house = shared(home)
    assert [house.as_user(name, METRICS)[0] for name in ("vera", "omar", "anna")] == [403, 403, 200]


def test_a_secret_is_asked_for_and_goes_no_further(home: Home) -> None:
    house = shared(home, PROXY.replace("[quota]", SECRET))
    assert house.as_user("anna")[0] == 401
    assert house.as_user("anna", more={"X-Gate": "0123456789abcdeF"})[0] == 401
    assert house.as_user("anna", more={"X-Gate": "0123456789abcdef"})[0] == 200
    assert not [k for k, _ in house.entered[0]["headers"] if k == b"x-gate"]


def test_a_role_that_is_taken_away_is_gone_at_once_and_so_is_everything_with_the_file(home: Home) -> None:
    house = shared(home)
    assert house.as_user("vera")[0] == 200
    path = home.root / "sharing.toml"
    path.write_text(PROXY.replace('vera = "viewer"\n', ""))
    assert house.as_user("vera")[0] == 403
    path.write_text("way = ")
    assert house.as_user("anna")[0] == 503
    path.unlink()
    assert house.as_user("anna")[0] == 503
    assert house.ask("/", {"Host": "127.0.0.1"}, server="127.0.0.1", peer="127.0.0.1")[0] == 503


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "PATCH"])
def test_viewers_send_nothing(home: Home, method: str) -> None:
    house = shared(home)
    assert house.as_user("vera", "/_stcore/upload_file/s/f", method=method, body=[b"x"])[0] == 403
    assert house.as_user("omar", "/_stcore/upload_file/s/f", method=method, body=[b"x"])[0] == 200


def test_uploads_are_counted_as_they_come_and_over_the_day(home: Home) -> None:
    house = shared(home)
    where = "/_stcore/upload_file/s/f"
    announced = house.as_user("omar", where, method="PUT", more={"Content-Length": "200000"}, body=[b"x"])
    assert announced[0] == 413 and house.taken == 0
    lied = house.as_user("omar", where, method="PUT", more={"Content-Length": "10"}, body=[bytes(60_000)] * 100)
    assert lied[0] == 413 and house.taken <= 120_000
    house.taken = 0
    assert house.as_user("omar", where, method="PUT", body=[bytes(60_000)] * 100)[0] == 413
    assert house.taken <= 60_000, "most of the day's share is spent"
    assert house.as_user("anna", where, method="PUT", body=[bytes(60_000)] * 10)[0] == 200


def test_uploads_at_once_spend_the_same_share(home: Home) -> None:
    house = shared(home)

    async def behind(scope, receive, send) -> None:
        house.door.intake.traffic.add("omar", 10_000_000)  # another one, let in at the same time
        await House.app(house, scope, receive, send)

    house.door.app = behind
    assert house.as_user("omar", "/_stcore/upload_file/s/f", method="PUT", body=[b"x", b"y"])[0] == 413
    assert house.taken == 0


def test_every_answer_says_that_others_may_neither_frame_nor_read_it(home: Home) -> None:
    async def broken(scope, receive, send) -> None:
        raise RuntimeError("no answer")

    async def shut(scope, receive, send) -> None:
        headers = [(b"Access-Control-Allow-Origin", b"http://localhost:3000"), (b"content-type", b"text/plain")]
        await send({"type": "http.response.start", "status": 404, "headers": headers})
        await send({"type": "http.response.body", "body": b"nothing"})

    answers: list[tuple[tuple[int, str, dict[str, str]], int]] = []

    def ask_all(house: House, headers: dict[str, str]) -> None:
        def ask(path: str, headers: dict[str, str], **how: str) -> tuple[int, str, dict[str, str]]:
            return house.ask(path, headers, server="127.0.0.1", **how)

        for path in ("/", HEALTH, "/_stcore/health", "/static/js/index.js"):
            answers.append((ask(path, headers), 200))
        answers.append((ask("/", {"Host": "evil.test"}), 400))
        answers.append((ask("/", headers | {"Origin": "http://evil.test"}, method="POST"), 403))
        house.door.app = shut
        answers.append((ask("/nosuch", headers), 404))
        house.door.app = broken
        with pytest.raises(RuntimeError):
            ask("/", headers)
        answers.append((house.last, 500))

    ask_all(House(home), {"Host": "127.0.0.1:8501"})
    door_state._shared = None
    ask_all(shared(home), {"Host": "unlearn.test", "Remote-User": "vera"})
    answers.append((shared(home).ask("/", {"Host": "unlearn.test"}), 401))
    assert len(answers) == 17
    for (status, _, headers), wanted in answers:
        assert status == wanted
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "same-origin"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert not [name for name in headers if name.startswith("access-control-")]


def test_oidc_offers_a_login_and_nothing_else(home: Home) -> None:
    house = shared(home, OIDC)
    headers = {"Host": "unlearn.test", "Accept": "text/html,*/*"}
    status, page, answer = house.ask("/run", headers, query="run=a-1&round=3")
    assert status == 401 and "/auth/login?provider=default" in page and "<script" not in page
    assert house.ask("/static/js/index.js", {"Host": "unlearn.test"})[0] == 401
    assert house.ask("/_stcore/stream", {"Host": "unlearn.test"}, kind="websocket")[0] == 1008
    assert house.ask("/auth/login", {"Host": "unlearn.test"}, kind="websocket")[0] == 1008
    assert house.entered == []
    for path in LOGIN_PATHS:
        assert house.ask(path, headers)[0] == 200
    assert house.seen() == [None, None, None]
    # After the login, which ends at the start page, the way leads on to what was asked for.
    house.login.given = {"email": "Vera@x.org", "email_verified": True, "iat": time.time()}
    cookie = answer["set-cookie"].split(";")[0]
    status, _, answer = house.ask("/", headers | {"Cookie": cookie})
    assert (status, answer["location"]) == (302, "/run?run=a-1&round=3") and "Max-Age=0" in answer["set-cookie"]
    assert house.ask("/run", headers)[0] == 200 and house.seen()[-1] == "vera@x.org"


@pytest.mark.parametrize(
    "claims",
    [
        None,
        {},
        {"email": "vera@x.org", "email_verified": True},
        {"email": "vera@x.org", "email_verified": True, "iat": 1.0},
        {"email": "vera@x.org", "email_verified": True, "iat": "now"},
        {"email": "vera@x.org", "email_verified": True, "iat": 2e10},
        {"email": "vera@x.org", "email_verified": False, "iat": 2e10},
        {"email": "vera@x.org", "iat": 2e10},
        {"email": 3, "email_verified": True, "iat": 2e10},
        {"sub": "vera@x.org", "email_verified": True, "iat": 2e10},
    ],
)
def test_claims_that_do_not_hold(home: Home, claims: dict[str, Any] | None) -> None:
    house = shared(home, OIDC)
    house.login.given = claims
    assert house.ask("/", {"Host": "unlearn.test"})[0] == 401
    house.login.given = {"email": "mallory@x.org", "email_verified": True, "iat": time.time()}
    assert house.ask("/", {"Host": "unlearn.test"})[0] == 403


def test_a_seal_ends_and_cannot_be_written_by_others() -> None:
    visit = Visit("anna", 100.0, "a-login")
    value = seal(visit)
    assert unseal(value, 99.0) == visit and unseal(value, 100.0) is None
    content, _, signature = value.partition(".")
    assert unseal(f"{content}.{'0' * len(signature)}", 1.0) is None
    assert unseal(f"{seal(Visit('omar', 100.0)).partition('.')[0]}.{signature}", 1.0) is None
    for nonsense in (None, "", ".", "anna", "é.ü"):
        assert unseal(nonsense) is None


@pytest.mark.parametrize(
    "link", ["//evil.test", "/\\evil.test", "https://evil.test", "/a\r\nSet-Cookie: x", "/%2f/evil", "evil", "/"]
)
def test_a_kept_link_leads_nowhere_else(link: str) -> None:
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "headers": [(b"cookie", f"{deep_link.COOKIE}={link}".encode())],
    }
    assert deep_link.wanted(scope, "/") is None
    assert deep_link.remember({"path": link, "query_string": b""}) == []


@pytest.mark.parametrize(
    ("value", "name"),
    [("A.test", "a.test"), ("a.test.:80", "a.test"), ("[::1]:80", "::1"), ("a@b", None), ("a/b", None), ("a:x", None),
     ("", None), ("[::1", None)],
)  # fmt: skip
def test_the_name_in_the_host_header(value: str, name: str | None) -> None:
    assert host_name([(b"host", value.encode())]) == name


def test_loopback() -> None:
    assert all(map(is_loopback, ["127.0.0.1", "127.9.9.9", "::1", "localhost"]))
    assert not any(map(is_loopback, ["0.0.0.0", "::", "10.0.0.1", "", None, "localhost.evil.test"]))


def test_an_error_at_a_late_start_lets_nobody_in(home: Home) -> None:
    house = House(home, "0.0.0.0")
    assert house.ask("/", {"Host": "127.0.0.1"}, server="127.0.0.1")[0] == 503
    with pytest.raises(UnlearnscopeError):
        house.door.start()
