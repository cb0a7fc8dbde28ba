"""Roles and actions, and the function that decides who may do what.

Whoever uses the command line, or the dashboard on the machine itself, owns the home and may do everything.
"""

from __future__ import annotations

from dataclasses import dataclass

VIEWER, OPERATOR, ADMIN, HOME = "viewer", "operator", "admin", "home"
# What a person can be given, from least to most.
ROLES = (VIEWER, OPERATOR, ADMIN)

VIEW = "view"
# Actions that belong to nobody's run.
OWN_WORK = ("launch", "upload", "prepare")
# Actions on a run, for its owner and for admins.
ON_RUNS = ("cancel", "resume", "annotate", "delete", "restore", "erase")
WATCH_SERVER = "watch the server"
ACTIONS = (VIEW, *OWN_WORK, *ON_RUNS, WATCH_SERVER)

_WORDS = {
    "launch": "launch runs",
    "upload": "upload files",
    "prepare": "prepare datasets",
    WATCH_SERVER: "read the server's numbers",
}


@dataclass(frozen=True)
class User:
    """Somebody who is known.

    Attributes:
        name: as the login gave it; empty for the home's owner.
        role: one of `ROLES`, or ``home`` for the home's owner.
    """

    name: str
    role: str


HOME_OWNER = User("", HOME)


@dataclass(frozen=True)
class Permission:
    """Whether something may be done.

    Attributes:
        allowed: the answer.
        reason: why not, in words; empty if it is allowed.
    """

    allowed: bool
    reason: str = ""

    def __bool__(self) -> bool:
        return self.allowed


YES = Permission(True)


def may(user: User | None, action: str, owner: str = "") -> Permission:
    """Whether a user may do something.

    Args:
        user: who asks; None for somebody who is not known.
        action: one of `ACTIONS`.
        owner: of the run that it is done to; empty for runs of the home's owner.

    Raises:
        ValueError: no such action.
    """
    if action not in ACTIONS:
        raise ValueError(f"{action!r} is none of {', '.join(ACTIONS)}")
    if user is None:
        return Permission(False, "Only people who have logged in may see this.")
    if user.role in (HOME, ADMIN):
        return YES
    if user.role not in ROLES:
        return Permission(False, f"{user.name} has no role here.")
    if action == VIEW:
        return YES
    if action == WATCH_SERVER:
        return Permission(False, f"Only an admin may {_WORDS[action]}.")
    if user.role == VIEWER:
        return Permission(False, f"You are a viewer: only operators may {_WORDS.get(action, f'{action} runs')}.")
    if action in OWN_WORK or (owner and owner == user.name):
        return YES
    whose = owner or "the owner of this machine"
    return Permission(False, f"This run belongs to {whose}: only they or an admin may {action} it.")
