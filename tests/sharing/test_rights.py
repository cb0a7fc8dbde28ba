"""Who may do what, asked of every action and every kind of visitor."""

from __future__ import annotations

import pytest

from cu_core.sharing.rights import ACTIONS, HOME_OWNER, ON_RUNS, OWN_WORK, VIEW, WATCH_SERVER, User, may

VERA = User("vera", "viewer")
OMAR = User("omar", "operator")
ANNA = User("anna", "admin")


@pytest.mark.parametrize("owner", ["", "omar", "somebody"])
@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_of_every_role(action: str, owner: str) -> None:
    assert not may(None, action, owner)
    assert may(HOME_OWNER, action, owner)
    assert may(ANNA, action, owner)
    assert bool(may(VERA, action, owner)) == (action == VIEW)
    own = action in ON_RUNS and owner == "omar"
    assert bool(may(OMAR, action, owner)) == (action == VIEW or action in OWN_WORK or own)


@pytest.mark.parametrize("user", [None, VERA, OMAR])
@pytest.mark.parametrize("action", ACTIONS)
def test_a_refusal_says_why_and_a_permission_says_nothing(user: User | None, action: str) -> None:
    verdict = may(user, action, "somebody")
    assert bool(verdict.reason) != verdict.allowed


def test_nobody_owns_the_runs_of_the_home_by_having_no_name() -> None:
    assert not may(User("", "operator"), "delete", "")
    assert not may(User("omar", "stranger"), VIEW)


def test_an_action_that_does_not_exist_is_a_mistake() -> None:
    with pytest.raises(ValueError, match=WATCH_SERVER):
        may(ANNA, "fly")
