"""Login through Streamlit's own routes (``st.login``), seen from the door: whose cookie is this?"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from streamlit import auth_util, config
from streamlit.errors import StreamlitAuthError
from streamlit.file_util import get_static_dir
from streamlit.runtime.secrets import secrets_singleton
from streamlit.web.server.server_util import get_cookie_secret
from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

from cu_core.base.errors import BadInput
from cu_core.sharing.config import SHORTEST_SECRET, Oidc
from cu_core.sharing.door import Server
from cu_core.sharing.requests import Headers, cookies
from pages._frame.served_index import SCRIPT_HASH

LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")


class StreamlitLogin:
    """What the door needs of ``st.login``: `cu_core.sharing.door.Login`."""

    def check(self, oidc: Oidc) -> None:
        """Whether a login can work.

        Raises:
            BadInput: a package or a setting is missing; says which.
        """
        if not auth_util.is_authlib_installed():
            raise BadInput("way", "oidc needs a package", [".venv/bin/pip install 'Authlib>=1.3.2' httpx"])
        try:
            auth_util.validate_auth_credentials(oidc.provider)
        except StreamlitAuthError as error:
            raise BadInput("secrets.toml", " ".join(str(error).split())) from error
        if len(get_cookie_secret()) < SHORTEST_SECRET:
            raise BadInput(
                "secrets.toml", "[auth] cookie_secret is too short", [f"{SHORTEST_SECRET} characters or more"]
            )

    def claims(self, headers: Headers) -> dict[str, Any] | None:
        """What the provider said of the visitor, from the cookie that Streamlit signed; None for a stranger."""
        jar = cookies(headers)

        def one(name: str) -> bytes | None:
            value = jar.get(name)
            return None if value is None else decode_signed_value(get_cookie_secret(), name, value.encode("latin-1"))

        content = auth_util.get_cookie_with_chunks(one, USER_COOKIE_NAME)
        try:
            claims = json.loads(content or b"null")
        except ValueError:
            return None
        # The cookie belongs to the address that the login ended at.
        ours = isinstance(claims, dict) and claims.get("origin") == auth_util.get_origin_from_redirect_uri()
        return claims if ours and claims.get("is_logged_in") is True else None

    def address(self, oidc: Oidc) -> str:
        """Path that begins a login."""
        token = auth_util.encode_provider_token(oidc.provider)
        return f"{base_path()}/auth/login?provider={quote(token, safe='')}"

    def scheme(self) -> str:
        """That of the address that a login ends at."""
        return urlsplit(auth_util.get_origin_from_redirect_uri() or "").scheme


def inline_scripts() -> tuple[str, ...]:
    """Hashes of the scripts that stand in the served page: Streamlit's own, and what `ServedIndex` adds."""
    page = Path(get_static_dir(), "index.html").read_text(encoding="utf-8")
    found = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    own = (f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" for text in found)
    return (*own, SCRIPT_HASH)


def base_path() -> str:
    """Path that all pages begin with; empty for none."""
    path = str(config.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{path}" if path else ""


def server() -> Server:
    """How this server was started."""
    # Secrets are read late; the door asks for them before the first visitor does.
    secrets_singleton.load_if_toml_exists()
    return Server(
        config.get_option("server.address"),
        tuple(host.lower() for host in config.get_option("server.allowedHosts")) or LOOPBACK_HOSTS,
        base_path(),
        lambda hosts: config.set_option("server.allowedHosts", list(hosts), "sharing.toml"),
        inline_scripts(),
    )
