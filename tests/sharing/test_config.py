"""sharing.toml: what it may say, and that anything else is refused by name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from cu_core.base.errors import BadInput
from cu_core.base.home import Home
from cu_core.sharing.config import Quota, clean_name, parse_sharing, sharing_of
from cu_core.sharing.rights import User

GOOD: dict[str, Any] = {
    "way": "proxy",
    "hosts": ["Unlearn.Example.org"],
    "people": {"Anna@x.org": "admin", "omar": "operator", "*@x.org": "viewer"},
    "proxy": {"addresses": ["127.0.0.1", "10.0.0.0/8"], "header": "X-Forwarded-Email"},
    "quota": {"active_runs": 2},
}


def test_people_and_their_roles() -> None:
    sharing = parse_sharing(GOOD)
    assert sharing.hosts == ("unlearn.example.org",)
    assert sharing.user("anna@x.org") == User("anna@x.org", "admin")
    assert sharing.user("omar") == User("omar", "operator")
    assert sharing.user("vera@x.org") == User("vera@x.org", "viewer")
    assert sharing.user("vera@y.x.org") is None, "a domain is no ending"
    assert sharing.user("Omar") is None and sharing.user("x.org") is None
    assert parse_sharing(GOOD | {"default_role": "viewer"}).user("anyone") == User("anyone", "viewer")


def test_quota_is_for_operators_and_not_for_admins() -> None:
    sharing = parse_sharing(GOOD)
    assert sharing.quota_of("omar") == Quota(active_runs=2)
    assert sharing.quota_of("anna@x.org") == Quota()


def test_the_proxy_is_known_by_its_address() -> None:
    proxy = parse_sharing(GOOD).proxy
    assert proxy is not None and proxy.header == "x-forwarded-email"
    assert all(map(proxy.named, ["127.0.0.1", "10.1.2.3", "::ffff:10.1.2.3"]))
    assert not any(map(proxy.named, ["127.0.0.2", "11.0.0.1", "::1", "", "unix", "10.1.2.3, 127.0.0.1"]))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"way": "open"}, "way"),
        ({"way": None}, "way"),
        ({"hosts": []}, "hosts"),
        ({"hosts": "unlearn.example.org"}, "hosts"),
        ({"hosts": ["*"]}, "hosts"),
        ({"hosts": ["https://unlearn.example.org"]}, "hosts"),
        ({"hosts": ["unlearn.example.org:443"]}, "hosts"),
        ({"people": {"anna": "root"}}, 'people."anna"'),
        ({"people": {"*": "viewer"}}, "people"),
        ({"people": {"": "viewer"}}, "people"),
        ({"people": ["anna"]}, "people"),
        ({"people": {"*@": "viewer"}}, "people"),
        ({"people": {"*@x.org,y.org": "viewer"}}, "people"),
        ({"people": {"*@y.org@x.org": "viewer"}}, "people"),
        ({"default_role": "admin"}, "default_role"),
        ({"poeple": {}}, "poeple"),
        ({"oidc": {}}, "oidc"),
        ({"proxy": {}}, "proxy.addresses"),
        ({"proxy": {"addresses": ["127.0.0.1"]}}, "proxy.header"),
        ({"proxy": {"addresses": ["localhost"], "header": "Remote-User"}}, "proxy.addresses"),
        ({"proxy": {"addresses": ["127.0.0.1"], "header": "Remote User"}}, "proxy.header"),
        ({"proxy": GOOD["proxy"] | {"secret": "0123456789abcdef"}}, "proxy.secret"),
        ({"proxy": GOOD["proxy"] | {"secret_header": "X-S", "secret": "short"}}, "proxy.secret"),
        ({"proxy": GOOD["proxy"] | {"trust": True}}, "proxy.trust"),
        ({"proxy": GOOD["proxy"] | {"scheme": "ftp"}}, "proxy.scheme"),
        ({"quota": {"runs": 3}}, "quota.runs"),
        ({"quota": {"active_runs": -1}}, "quota.active_runs"),
        ({"quota": {"active_runs": 1.5}}, "quota.active_runs"),
        ({"quota": {"disk_gb": float("nan")}}, "quota.disk_gb"),
        ({"quota": {"epochs": True}}, "quota.epochs"),
        ({"data_folders": ["images"]}, "data_folders"),
        ({"own_code": "yes"}, "own_code"),
        ({"way": "oidc", "proxy": None}, "proxy"),
        ({"way": "oidc", "oidc": {"hours": 0}}, "oidc.hours"),
        ({"way": "oidc", "oidc": {"claim": ""}}, "oidc.claim"),
        ({"way": "oidc", "oidc": {"verified": "no"}}, "oidc.verified"),
    ],
)
def test_what_cannot_be_used_is_named(changes: dict[str, Any], field: str) -> None:
    content = GOOD | changes
    if changes.get("way") == "oidc" and "proxy" not in changes:
        content.pop("proxy")
    with pytest.raises(BadInput) as caught:
        parse_sharing(content)
    assert caught.value.field == field


@pytest.mark.parametrize(
    "text",
    ["", " ", "*@x.org", "a\nb", "a" * 255, "a\x00", None, 3, "\u212aay@x.org",
     # Two headers that something has joined, and other ways to end in somebody else's domain.
     "mallory,vera@x.org", "mallory@y.org,vera@x.org", "mallory@y.org, vera@x.org", "mallory,vera", "a,", ",",
     "a@b@x.org", "@x.org", "a@", "@",
     "a b", " a", "a ", "a\t", "a\u00a0b@x.org", "a\u200b@x.org", "a\u2028b", "a\x7f"],
)  # fmt: skip
def test_what_is_no_name(text: object) -> None:
    assert clean_name(text) is None


def test_addresses_are_compared_without_case_and_other_names_with_it() -> None:
    assert clean_name("Anna@X.org") == "anna@x.org"
    assert clean_name("JÜRGEN@X.org") == "jürgen@x.org"
    assert clean_name("auth0|AbC") == "auth0|AbC"


def test_a_home_without_the_file_is_not_shared_and_a_changed_file_counts(home: Home) -> None:
    assert sharing_of(home) is None
    path = home.root / "sharing.toml"
    path.write_text('way = "oidc"\nhosts = ["a.org"]\n')
    first = sharing_of(home)
    assert first is not None and first.hosts == ("a.org",)
    path.write_text('way = "oidc"\nhosts = ["b.org", "c.org"]\n')
    second = sharing_of(home)
    assert second is not None and second.hosts == ("b.org", "c.org")
    path.write_text("way = ")
    with pytest.raises(BadInput, match="cannot be read"):
        sharing_of(home)


def test_a_file_that_is_named_and_missing_is_an_error(home: Home, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("CU_SHARING", str(tmp_path / "none.toml"))
    with pytest.raises(BadInput, match="there is no file"):
        sharing_of(home)


@pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX")
def test_a_secret_that_everybody_can_read_is_none(home: Home) -> None:
    path = home.root / "sharing.toml"
    path.write_text(
        'way = "proxy"\nhosts = ["a.org"]\n[proxy]\naddresses = ["127.0.0.1"]\nheader = "Remote-User"\n'
        'secret_header = "X-Gate"\nsecret = "0123456789abcdef"\n'
    )
    path.chmod(0o644)
    with pytest.raises(BadInput, match="chmod 600"):
        sharing_of(home)
    path.chmod(0o600)
    assert sharing_of(home) is not None
