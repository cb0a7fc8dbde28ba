"""What ``sharing.toml`` says: the way people log in, who they are, and how much they may take.

Without that file the dashboard is not shared. Its place is ``CU_HOME/sharing.toml``, or the path in
``CU_SHARING``. Every key is checked, and an unknown one is refused: a misspelled limit would be none.
"""

from __future__ import annotations

import ipaddress
import os
import re
import stat
import threading
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from cu_core.base.errors import BadInput
from cu_core.base.home import Home
from cu_core.base.named_path import named_path
from cu_core.sharing.origins import PORTS
from cu_core.sharing.rights import ADMIN, ROLES, User

FILE = "sharing.toml"
VARIABLE = "CU_SHARING"
WAYS = ("proxy", "oidc")
NO_ROLE = "none"
SHORTEST_SECRET = 16
LONGEST_NAME = 254

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class Proxy:
    """A reverse proxy that logs people in and names them in a header.

    Attributes:
        addresses: networks that the proxy may call from; the header is refused from all others.
        header: that holds the person's name.
        secret_header: that must hold `secret`; empty if none is asked for.
        secret: known to the proxy and to this server.
        scheme: that the address bar shows, whatever the proxy speaks to this server.
    """

    addresses: tuple[Network, ...]
    header: str
    secret_header: str = ""
    secret: str = ""
    scheme: str = "https"

    def named(self, address: str) -> bool:
        """Whether the proxy may call from an address."""
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return False
        if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
            found = found.ipv4_mapped
        return any(found.version == network.version and found in network for network in self.addresses)


@dataclass(frozen=True)
class Oidc:
    """Login through an OpenID Connect provider, configured in ``.streamlit/secrets.toml``.

    Attributes:
        provider: section of ``[auth]`` there; ``default`` for the keys of ``[auth]`` itself.
        claim: of the identity token that names a person.
        hours: how long a login holds.
        verified: whether an address counts only where the provider says ``email_verified``.
    """

    provider: str = "default"
    claim: str = "email"
    hours: float = 12.0
    verified: bool = True


@dataclass(frozen=True)
class Quota:
    """What one operator may take; None is no limit. Admins have none.

    Attributes:
        active_runs: runs that wait or are at work.
        disk_gb: their runs with those in the bin, in 10⁹ bytes.
        upload_mb: one file, in 10⁶ bytes.
        uploads_mb: all files that are kept, and all that is sent within a day, in 10⁶ bytes.
        epochs: of training in one run, see `cu_core.catalogue.spec.planned_epochs`.
        rounds: of unlearning in one run.
    """

    active_runs: int | None = None
    disk_gb: float | None = None
    upload_mb: float | None = None
    uploads_mb: float | None = None
    epochs: int | None = None
    rounds: int | None = None


@dataclass(frozen=True)
class Sharing:
    """How the dashboard is shared.

    Attributes:
        way: one of `WAYS`.
        hosts: names that the address bar may show, lower case.
        people: name or ``*@domain`` to role.
        default_role: of everybody else who logs in; ``none`` refuses them.
        proxy: for that way.
        oidc: for that way.
        quota: of each operator.
        data_folders: where operators may read images, weights and lists of samples, besides the uploads.
        own_code: whether people in the browser may name networks of their own (``python:…``), which run on the server
            as its owner.
    """

    way: str
    hosts: tuple[str, ...]
    people: Mapping[str, str] = field(default_factory=dict)
    default_role: str = NO_ROLE
    proxy: Proxy | None = None
    oidc: Oidc = field(default_factory=Oidc)
    quota: Quota = field(default_factory=Quota)
    data_folders: tuple[Path, ...] = ()
    own_code: bool = False

    def role_of(self, name: str) -> str | None:
        """Role of a person who has logged in; None if they are not wanted here."""
        everyone = f"*@{name.rpartition('@')[2]}" if "@" in name else ""
        role = self.people.get(name) or self.people.get(everyone) or self.default_role
        return None if role == NO_ROLE else role

    def user(self, name: str) -> User | None:
        """The user of that name; None if they are not wanted here."""
        role = self.role_of(name)
        return User(name, role) if role else None

    def quota_of(self, name: str) -> Quota:
        """What a person may take."""
        return Quota() if self.role_of(name) == ADMIN else self.quota


def clean_name(text: object) -> str | None:
    """A person's name as it is compared and stored; None if it cannot be one. Case matters but in addresses.

    Two headers that something on the way has joined into one hold a comma, and would be a person of the second one's
    domain.
    """
    if not isinstance(text, str) or not 0 < len(text) <= LONGEST_NAME or not text.isprintable():
        return None
    if any(sign in text for sign in ", ") or text.startswith("*"):
        return None
    if "@" not in text:
        return text
    local, _, domain = text.partition("@")
    if not local or not domain or "@" in domain:
        return None
    # A foreign letter that becomes a plain one (the sign of the kelvin, k) would make it another person's address.
    return None if text.lower().isascii() and not text.isascii() else text.lower()


def sharing_path(home: Home) -> Path:
    """Where the file is looked for (environment variable ``CU_SHARING``)."""
    named = os.environ.get(VARIABLE, "").strip()
    return named_path(named, VARIABLE) if named else home.root / FILE


_cache: dict[Path, tuple[tuple[int, int, int], Sharing]] = {}
_cache_lock = threading.Lock()


def sharing_of(home: Home) -> Sharing | None:
    """How a home is shared; None if it is not. A changed file counts from the next question on.

    Raises:
        BadInput: the file cannot be used, or ``CU_SHARING`` names none.
    """
    path = sharing_path(home)
    try:
        found = path.stat()
    except FileNotFoundError:
        if os.environ.get(VARIABLE, "").strip():
            raise BadInput(VARIABLE, f"there is no file {path}") from None
        return None
    except OSError as error:
        raise BadInput(FILE, f"{path} cannot be read: {error.strerror}") from error
    stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
    with _cache_lock:
        known = _cache.get(path)
        if known is None or known[0] != stamp:
            known = _cache[path] = (stamp, _read(path, found.st_mode))
        return known[1]


def _read(path: Path, mode: int) -> Sharing:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInput(FILE, f"{path} cannot be read: {error}") from error
    sharing = parse_sharing(content)
    if sharing.proxy and sharing.proxy.secret and os.name == "posix" and mode & (stat.S_IROTH | stat.S_IWOTH):
        raise BadInput("proxy.secret", f"everybody on this machine can read {path}", ["after: chmod 600 " + str(path)])
    return sharing


def parse_sharing(content: Mapping[str, Any]) -> Sharing:
    """Checks the content of the file.

    Raises:
        BadInput: a key or a value that cannot be used; names it.
    """
    _known("", content, [f.name for f in fields(Sharing)])
    way = _choice("way", content.get("way"), WAYS)
    hosts = tuple(_host(host) for host in _texts("hosts", content.get("hosts", [])))
    if not hosts:
        raise BadInput("hosts", "name the hosts under which the dashboard is opened", ['["unlearn.example.org"]'])
    people = {}
    for person, role in _table("people", content).items():
        # Everybody of a domain: what remains of the address of one of them.
        everybody = clean_name(f"x{person[1:]}") if person.startswith("*@") else None
        name = f"*{everybody[1:]}" if everybody else clean_name(person)
        if name is None:
            raise BadInput("people", f"{person!r} is no name", ("name", "anna@example.org", "*@example.org"))
        people[name] = _choice(f'people."{person}"', role, ROLES)
    default_role = _choice("default_role", content.get("default_role", NO_ROLE), (NO_ROLE, *ROLES[:2]))
    for unused in set(WAYS) - {way}:
        if unused in content:
            raise BadInput(unused, f"belongs to the other way than way = {way!r}")
    own_code = content.get("own_code", False)
    if not isinstance(own_code, bool):
        raise BadInput("own_code", f"{own_code!r} cannot be chosen", ("true", "false"))
    return Sharing(
        way,
        hosts,
        people,
        default_role,
        _proxy(_table("proxy", content)) if way == "proxy" else None,
        _oidc(_table("oidc", content)),
        _quota(_table("quota", content)),
        tuple(_folder(text) for text in _texts("data_folders", content.get("data_folders", []))),
        own_code,
    )


def _proxy(table: Mapping[str, Any]) -> Proxy:
    _known("proxy.", table, [f.name for f in fields(Proxy)])
    addresses = []
    for text in _texts("proxy.addresses", table.get("addresses", [])):
        try:
            addresses.append(ipaddress.ip_network(text))
        except ValueError:
            raise BadInput("proxy.addresses", f"{text!r} is no address", ("127.0.0.1", "10.0.0.0/24")) from None
    if not addresses:
        raise BadInput("proxy.addresses", "name the addresses that the proxy calls from", ('["127.0.0.1"]',))
    header = _header("proxy.header", table.get("header"))
    secret_header, secret = table.get("secret_header", ""), table.get("secret", "")
    if bool(secret_header) != bool(secret):
        raise BadInput("proxy.secret", "secret_header and secret are given together or not at all")
    if secret and (not isinstance(secret, str) or len(secret) < SHORTEST_SECRET or not secret.isascii()):
        raise BadInput("proxy.secret", "is too short or not plain text", [f"{SHORTEST_SECRET} characters or more"])
    return Proxy(
        tuple(addresses),
        header,
        _header("proxy.secret_header", secret_header) if secret_header else "",
        secret,
        _choice("proxy.scheme", table.get("scheme", Proxy.scheme), tuple(PORTS)),
    )


def _oidc(table: Mapping[str, Any]) -> Oidc:
    _known("oidc.", table, [f.name for f in fields(Oidc)])
    hours = table.get("hours", Oidc.hours)
    if not _is_number(hours) or not 0 < hours <= 720:
        raise BadInput("oidc.hours", f"{hours!r} is no length of a login", ("0.1 to 720",))
    named = {}
    for key in ("provider", "claim"):
        named[key] = table.get(key, getattr(Oidc, key))
        if not isinstance(named[key], str) or not re.fullmatch(r"[A-Za-z0-9_.:/-]{1,80}", named[key]):
            raise BadInput(f"oidc.{key}", f"{named[key]!r} is no name")
    verified = table.get("verified", True)
    if not isinstance(verified, bool):
        raise BadInput("oidc.verified", f"{verified!r} cannot be chosen", ("true", "false"))
    return Oidc(named["provider"], named["claim"], float(hours), verified)


def _quota(table: Mapping[str, Any]) -> Quota:
    _known("quota.", table, [f.name for f in fields(Quota)])
    for key, value in table.items():
        whole = key in ("active_runs", "epochs", "rounds")
        if not _is_number(value) or value < 0 or value != value or (whole and not isinstance(value, int)):
            kind = "whole number" if whole else "number"
            raise BadInput(f"quota.{key}", f"{value!r} is no limit", (f"a {kind}, 0 or more; left out: no limit",))
    return Quota(**table)


def _known(prefix: str, table: Mapping[str, Any], allowed: Iterable[str]) -> None:
    allowed = list(allowed)
    for key in table:
        if key not in allowed:
            raise BadInput(f"{prefix}{key}", f"is no setting of {FILE}", allowed, given=key)


def _choice(key: str, value: object, allowed: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in allowed:
        given = value if isinstance(value, str) else None
        raise BadInput(key, "is missing" if value is None else f"{value!r} cannot be chosen", allowed, given=given)
    return value


def _table(key: str, content: Mapping[str, Any]) -> Mapping[str, Any]:
    table = content.get(key, {})
    if not isinstance(table, dict):
        raise BadInput(key, f"is a section, written [{key}]")
    return table


def _texts(key: str, value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
        raise BadInput(key, "is a list of texts", ('["…", "…"]',))
    return [item.strip() for item in value]


def _host(text: str) -> str:
    host = text.lower().rstrip(".")
    if not re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", host):
        try:
            ipaddress.IPv6Address(host)
        except ValueError:
            raise BadInput("hosts", f"{text!r} is no host", ("a name without port and path",)) from None
    return host


def _header(key: str, value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9-]{1,80}", value):
        raise BadInput(key, "is missing or no header", ("X-Forwarded-Email", "Remote-User"))
    return value.lower()


def _folder(text: str) -> Path:
    folder = named_path(text, "data_folders", ("/data/images",))
    if not Path(text.strip()).expanduser().is_absolute():
        raise BadInput("data_folders", f"{text!r} does not start at the root", ("/data/images",))
    return folder


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
