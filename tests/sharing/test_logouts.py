"""Logins end: by a logout, wherever their cookie has got to, and by time, whatever the clock is set to."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from cu_core.base.home import Home
from cu_core.sharing import clock, door_state, logouts
from cu_core.sharing.config import Quota
from cu_core.sharing.quota import DAY_SECONDS, Traffic
from cu_core.sharing.seal import Visit, seal, unseal
from tests.sharing.test_door import OIDC, shared

HOST = {"Host": "unlearn.test"}
HOUR = 3600.0


@pytest.fixture(autouse=True)
def fresh_state(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(door_state, "_shared", None)
    monkeypatch.setattr(logouts, "_ended", set())
    yield


class Hands:
    """The machine's clock, to be set, and time, to pass."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall, self.passed = time.time(), clock.elapsed()
        monkeypatch.setattr(clock, "_OFFSET", self.wall - self.passed)
        monkeypatch.setattr(clock.time, "time", lambda: self.wall)
        monkeypatch.setattr(clock, "elapsed", lambda: self.passed)

    def set(self, by: float) -> None:
        self.wall += by

    def wait(self, seconds: float) -> None:
        self.wall += seconds
        self.passed += seconds


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> Hands:
    return Hands(monkeypatch)


def claims(begun: float, **more: object) -> dict[str, object]:
    return {"email": "vera@x.org", "email_verified": True, "iat": begun} | more


def test_a_copy_of_a_cookie_is_worth_nothing_after_the_logout(home: Home) -> None:
    house = shared(home, OIDC)
    house.login.given = copy = claims(time.time(), nonce="1")
    assert house.ask("/runs", HOST)[0] == 200
    [header] = [value.decode() for name, value in house.entered[-1]["headers"] if name == b"x-unlearnscope-visitor"]
    visit = unseal(header)
    assert visit is not None and not logouts.is_ended(home, visit.login)
    assert house.ask("/auth/logout", HOST)[0] == 200
    assert logouts.is_ended(home, visit.login), "open tabs learn of it"
    assert house.ask("/runs", HOST)[0] == 401 and house.ask("/_stcore/stream", HOST, kind="websocket")[0] == 1008
    house.login.given = dict(reversed(copy.items()))
    assert house.ask("/runs", HOST)[0] == 401
    # Another login of the same person, begun in the same second, is another login.
    house.login.given = copy | {"nonce": "2"}
    assert house.ask("/runs", HOST)[0] == 200


def test_a_logout_outlives_the_server(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    house = shared(home, OIDC)
    house.login.given = claims(time.time())
    house.ask("/auth/logout", HOST)
    monkeypatch.setattr(logouts, "_ended", set())  # as after a start, or in another server of this home
    assert shared(home, OIDC).ask("/runs", HOST)[0] == 401
    assert house.ask("/runs", HOST)[0] == 401


def test_whoever_has_no_role_can_end_their_login_too(home: Home) -> None:
    house = shared(home, OIDC)
    house.login.given = claims(time.time(), email="mallory@x.org")
    assert house.ask("/runs", HOST)[0] == 403
    assert house.ask("/auth/logout", HOST)[0] == 200
    assert house.ask("/runs", HOST)[0] == 401


def test_a_logout_holds_although_it_cannot_be_written(home: Home) -> None:
    home.logouts.write_text("no folder")
    logouts.end(home, "a-login")
    assert logouts.is_ended(home, "a-login") and not logouts.is_ended(home, "another")
    assert not logouts.is_ended(home, "")


def test_logouts_do_not_pile_up(home: Home) -> None:
    logouts.end(home, "old")
    long_ago = time.time() - 40 * DAY_SECONDS
    os.utime(home.logouts / "old", (long_ago, long_ago))
    logouts.end(home, "new")
    assert [path.name for path in home.logouts.iterdir()] == ["new"]


@pytest.mark.parametrize("by", [-30 * 24 * HOUR, -HOUR, HOUR, 30 * 24 * HOUR])
def test_an_open_page_ends_after_its_hours_whatever_the_clock_is_set_to(hands: Hands, by: float) -> None:
    value = seal(Visit("vera", clock.elapsed() + 12 * HOUR))
    hands.set(by)
    assert unseal(value) is not None
    hands.wait(12 * HOUR - 1)
    assert unseal(value) is not None
    hands.wait(2)
    assert unseal(value) is None


def test_setting_the_clock_back_wakes_no_old_login(home: Home, hands: Hands) -> None:
    house = shared(home, OIDC)
    house.login.given = claims(hands.wall)
    assert house.ask("/", HOST)[0] == 200
    hands.wait(12 * HOUR + 1)
    assert house.ask("/", HOST)[0] == 401
    for back in (6 * HOUR, 24 * HOUR):
        hands.set(-back)
        assert house.ask("/", HOST)[0] == 401
        hands.set(back)
    # Set forward and right again: nobody is kept out any longer than the clock is wrong.
    house.login.given = claims(hands.wall)
    hands.set(24 * HOUR)
    assert house.ask("/", HOST)[0] == 401
    hands.set(-24 * HOUR)
    assert house.ask("/", HOST)[0] == 200


def test_a_login_from_the_future_counts_only_as_far_as_clocks_differ(home: Home, hands: Hands) -> None:
    house = shared(home, OIDC)
    house.login.given = claims(hands.wall + 300)
    assert house.ask("/", HOST)[0] == 200
    house.login.given = claims(hands.wall + HOUR)
    assert house.ask("/", HOST)[0] == 401


def test_a_days_share_is_a_day_whatever_the_clock_is_set_to(hands: Hands) -> None:
    quota, traffic = Quota(uploads_mb=1.0), Traffic()
    traffic.add("omar", 600_000)
    for by in (-48 * HOUR, 96 * HOUR):
        hands.set(by)
        assert traffic.left("omar", quota) == 400_000
    hands.wait(25 * HOUR)
    assert traffic.left("omar", quota) == 1_000_000
