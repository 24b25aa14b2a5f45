"""Whether a change of sessions can be made as it was asked for."""

from itertools import product

import pytest

from timApp.guard.rules.verification import (
    FoundSession,
    require_all_changeable,
    require_changeable,
)
from timApp.guard.vocabulary import Action, SessionKey, State
from timApp.util.errors import BadInput, Conflict, NotFound, TimError

VERIFY, INVALIDATE, LOGOUT = Action.VERIFY, Action.INVALIDATE, Action.LOGOUT
OTHERS = [INVALIDATE, LOGOUT]
ALIVE = [State.ACTIVE, State.EXPIRED]

ALICE, BOB = 1, 2
NAMES = {ALICE: "alice", BOB: "bob"}


def found(state: State, session_id: str = "one", user_id: int = ALICE) -> FoundSession:
    """Return a session as it was found."""
    return FoundSession(user_id, session_id, NAMES[user_id], state)


def told(error: TimError) -> tuple[type[TimError], str | None, dict[str, object]]:
    """Return what an error says: its kind, the field, and the evidence."""
    return type(error), error.field, error.evidence


# One person's


@pytest.mark.parametrize(("action", "state"), [*product([VERIFY], ALIVE), *product(OTHERS, State)])
@pytest.mark.parametrize("named", ["one", None])
def test_a_session_that_is_there_can_be_changed(
    action: Action, state: State, named: str | None
) -> None:
    """Whether it was named or is the latest; only a verification minds that it is logged out."""
    require_changeable(action, "alice", named, found(state))


@pytest.mark.parametrize("action", OTHERS)
def test_all_of_somebody_who_has_none_can_be_ended(action: Action) -> None:
    """Where no session is named, there is nothing that would have to be there."""
    require_changeable(action, "alice", None, None)


@pytest.mark.parametrize("action", [VERIFY, *OTHERS])
@pytest.mark.parametrize("named", ["one", ""])
def test_a_named_session_that_is_not_there_is_not_found(action: Action, named: str) -> None:
    """It is said whose, and which."""
    with pytest.raises(NotFound, match=r"^'alice' has no session '(one)?'\.$") as caught:
        require_changeable(action, "alice", named, None)
    evidence = {"name": "'alice'", "session": repr(named)}
    assert told(caught.value) == (NotFound, "session_id", evidence)


def test_a_verification_needs_a_session_to_verify() -> None:
    """Where none is named, and the person has none, it is said what they have to do."""
    with pytest.raises(NotFound, match="no session to verify: they have to log in") as caught:
        require_changeable(VERIFY, "alice", None, None)
    assert told(caught.value) == (NotFound, "session_id", {"name": "'alice'"})


@pytest.mark.parametrize("named", ["one", None])
def test_a_session_that_is_logged_out_is_not_verified(named: str | None) -> None:
    """It is there, but over for good."""
    with pytest.raises(Conflict, match="'one' is logged out; 'alice' has to log in") as caught:
        require_changeable(VERIFY, "alice", named, found(State.LOGGED_OUT))
    evidence = {"name": "'alice'", "session": "'one'"}
    assert told(caught.value) == (Conflict, "session_id", evidence)


def test_a_long_name_is_cut_off_in_what_is_said() -> None:
    """What somebody wrote is repeated in quotes, escaped, and not at length."""
    with pytest.raises(NotFound) as caught:
        require_changeable(VERIFY, "a\n" * 100, "x" * 1000, None)
    assert len(caught.value.message) < 250
    assert "\n" not in caught.value.message


# Those that were picked


def keys(*sessions: FoundSession) -> set[SessionKey]:
    """Return what names the sessions."""
    return {(one.user_id, one.session_id) for one in sessions}


@pytest.mark.parametrize("states", list(product(ALIVE, repeat=2)))
def test_one_session_each_of_several_people_can_be_verified(states: tuple[State, State]) -> None:
    """Active ones too: that changes nothing."""
    picked = [found(states[0]), found(states[1], "one", BOB)]
    require_all_changeable(VERIFY, keys(*picked), picked)


@pytest.mark.parametrize("states", list(product(State, repeat=2)))
def test_any_sessions_that_are_there_can_be_invalidated(states: tuple[State, State]) -> None:
    """Several of one person, and those that are logged out."""
    picked = [found(states[0]), found(states[1], "two")]
    require_all_changeable(INVALIDATE, keys(*picked), picked)


@pytest.mark.parametrize("action", [VERIFY, INVALIDATE])
def test_picking_none_is_no_change(action: Action) -> None:
    """A form that was sent without a choice is told so."""
    with pytest.raises(BadInput, match="at least one") as caught:
        require_all_changeable(action, [], [])
    assert told(caught.value) == (BadInput, "session", {})


@pytest.mark.parametrize("action", [VERIFY, INVALIDATE])
def test_a_picked_session_that_is_not_there_is_not_found(action: Action) -> None:
    """Of several the first by person and id is named; those that are there do not help."""
    picked = found(State.ACTIVE, "there")
    wanted = keys(picked) | {(BOB, "a"), (ALICE, "z"), (ALICE, "y")}
    with pytest.raises(NotFound, match=r"no session 'y' any more\. Nothing was changed") as caught:
        require_all_changeable(action, wanted, [picked])
    assert told(caught.value) == (NotFound, "session", {"session": "'y'"})


def test_a_session_of_somebody_else_by_the_same_id_is_another_one() -> None:
    """An id names a session of a person, and not one of another."""
    with pytest.raises(NotFound):
        require_all_changeable(VERIFY, {(BOB, "one")}, [found(State.ACTIVE)])


def test_a_picked_session_that_is_logged_out_is_not_verified() -> None:
    """It is said which, and whose."""
    picked = [found(State.ACTIVE, "two", BOB), found(State.LOGGED_OUT)]
    with pytest.raises(Conflict, match="'one' of 'alice' is logged out") as caught:
        require_all_changeable(VERIFY, keys(*picked), picked)
    evidence = {"name": "'alice'", "session": "'one'"}
    assert told(caught.value) == (Conflict, "session", evidence)


def test_two_sessions_of_one_person_are_not_verified() -> None:
    """Verifying one expires the other, so it is not clear which is wanted."""
    picked = [found(State.ACTIVE), found(State.EXPIRED, "two"), found(State.ACTIVE, "x", BOB)]
    with pytest.raises(BadInput, match="Only one session of a person") as caught:
        require_all_changeable(VERIFY, keys(*picked), picked)
    assert told(caught.value) == (BadInput, "session", {"name": "'alice'"})


def test_a_session_that_is_picked_twice_is_one() -> None:
    """A form that names it twice asks for no more."""
    picked = found(State.EXPIRED)
    require_all_changeable(VERIFY, [(ALICE, "one"), (ALICE, "one")], [picked])
