"""Who is at this page, and what they may do; every change that a page makes goes through `desk`."""

from __future__ import annotations

from typing import Any

import streamlit as st
from streamlit.runtime import Runtime, exists, get_instance

from cu_core.base.errors import UnlearnscopeError
from cu_core.sharing import door_state, logouts
from cu_core.sharing.config import sharing_of
from cu_core.sharing.desk import Desk
from cu_core.sharing.rights import HOME_OWNER, VIEW, Permission, User, may
from cu_core.sharing.seal import HEADER, unseal
from pages._shared.plain_text import plain
from pages._shared.server_home import home


def visitor() -> User | None:
    """Who has opened this page; None for a stranger.

    Asked again at every drawing and every click, so that a role that was taken away is gone at once.
    """
    if not door_state.is_served():
        # Drawn by a test, in no server at all. A server without the door serves nobody.
        in_server = exists() and type(get_instance()) is Runtime
        shared = in_server or sharing_of(home()) is not None
    else:
        shared = door_state.is_shared()
    if not shared:
        return HOME_OWNER
    visit = unseal(sealed())
    if visit is None or logouts.is_ended(home(), visit.login):
        return None
    sharing = sharing_of(home())
    return sharing.user(visit.name) if sharing else None


def sealed() -> str | None:
    """What the door wrote about the visitor."""
    return st.context.headers.get(HEADER)


def admit() -> User:
    """The visitor; ends the page in words for a stranger, before anything of it is drawn."""
    try:
        user = visitor()
    except UnlearnscopeError as error:
        st.error(plain(error), icon=":material/error:")
        st.stop()
    verdict = may(user, VIEW)
    if not verdict or user is None:
        st.error(
            f"{plain(verdict.reason)} Your login may have ended: reload the page.",
            title="Not shown",
            icon=":material/lock:",
        )
        st.stop()
    return user


def check_again() -> None:
    """In a part of a page that draws itself again: draws the whole page again once its visitor may not see it."""
    try:
        verdict = may(visitor(), VIEW)
    except UnlearnscopeError:
        st.rerun()
    if not verdict:
        st.rerun()


def desk() -> Desk:
    """Where the visitor changes things."""
    return Desk(home(), visitor())


def allowed(action: str, owner: str = "") -> Permission:
    """Whether the visitor may do something; see `cu_core.sharing.rights.may`."""
    return may(visitor(), action, owner)


def button(label: str, action: str, owner: str = "", **options: Any) -> bool:
    """A button for something that not everybody may do: disabled, with the reason as its help, where one may not.

    Args:
        label: of the button.
        action: that it does.
        owner: of the run that it is done to.
        options: of ``st.button``.
    """
    verdict = allowed(action, owner)
    if not verdict:
        options |= {"disabled": True, "help": plain(verdict.reason)}
    return st.button(label, **options)


def need(action: str) -> None:
    """Ends the page in words where the visitor may not do what it is for."""
    verdict = allowed(action)
    if not verdict:
        st.info(plain(verdict.reason), title="For operators", icon=":material/lock:")
        st.stop()


def whoami() -> None:
    """In the sidebar of a shared dashboard: who is logged in, as what, and the way out."""
    user = visitor()
    if user is None or user == HOME_OWNER:
        return
    st.caption(f":material/person: {plain(user.name)} · {user.role}")
    sharing = sharing_of(home())
    if sharing and sharing.way == "oidc":
        st.button("Log out", key="log_out", icon=":material/logout:", on_click=st.logout, type="tertiary")
