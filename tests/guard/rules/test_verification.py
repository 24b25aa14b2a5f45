"""Whether a change of sessions can be made as it was asked for."""

from itertools import product

import pytest

from timApp.guard.rules.verification import (
    FoundSession,
    LeftOut,
    WhyNot,
    require_changeable,
    require_some,
    sort_out,
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


ANYTHING = [*OTHERS, Action.END]


@pytest.mark.parametrize("states", list(product(ALIVE, repeat=2)))
def test_one_session_each_of_several_people_can_be_verified(states: tuple[State, State]) -> None:
    """Active ones too: that changes nothing."""
    picked = [found(states[0]), found(states[1], "one", BOB)]
    assert sort_out(VERIFY, keys(*picked), picked) == (keys(*picked), [])


@pytest.mark.parametrize("action", ANYTHING)
@pytest.mark.parametrize("states", list(product(State, repeat=2)))
def test_any_sessions_that_are_there_can_be_invalidated_or_ended(
    action: Action, states: tuple[State, State]
) -> None:
    """Several of one person, and those that are logged out."""
    picked = [found(states[0]), found(states[1], "two")]
    assert sort_out(action, keys(*picked), picked) == (keys(*picked), [])


@pytest.mark.parametrize("action", [VERIFY, *ANYTHING])
def test_a_picked_session_that_is_not_there_is_left_out(action: Action) -> None:
    """The others are changed all the same; those of somebody else by the same id are others."""
    picked = found(State.ACTIVE)
    wanted = keys(picked) | {(BOB, "one"), (ALICE, "z"), (ALICE, "y")}
    gone = [LeftOut(session_id, None, WhyNot.GONE) for session_id in ("y", "z", "one")]
    assert sort_out(action, wanted, [picked]) == (keys(picked), gone)


def test_a_picked_session_that_is_logged_out_is_not_verified() -> None:
    """It is left out, and another one of the person can be verified."""
    out, alive = found(State.LOGGED_OUT), found(State.EXPIRED, "two")
    left_out = [LeftOut("one", "alice", WhyNot.LOGGED_OUT)]
    for picked in ([out, alive], [alive, out]):
        assert sort_out(VERIFY, keys(*picked), picked) == (keys(alive), left_out)


def test_of_several_sessions_of_one_person_the_latest_is_verified() -> None:
    """As that expires the others, those are left out; of other people nothing is."""
    latest, other = found(State.EXPIRED), found(State.ACTIVE, "x", BOB)
    picked = [latest, found(State.ACTIVE, "three"), found(State.EXPIRED, "two"), other]
    left_out = [LeftOut(one, "alice", WhyNot.LATER_ONE) for one in ("three", "two")]
    assert sort_out(VERIFY, keys(*picked), picked) == (keys(latest, other), left_out)


def test_a_session_that_is_picked_twice_is_one() -> None:
    """A form that names it twice asks for no more."""
    picked = found(State.EXPIRED)
    assert sort_out(VERIFY, [(ALICE, "one"), (ALICE, "one")], [picked]) == (keys(picked), [])


def test_with_nothing_to_change_it_is_said_why() -> None:
    """That none was picked, that the first is not there, or that it is logged out."""
    gone = LeftOut("y", None, WhyNot.GONE)
    out = LeftOut("one", "alice", WhyNot.LOGGED_OUT)
    require_some(1, [gone])
    for left_out, text, said in (
        ([], "at least one", (BadInput, "session", {})),
        ([gone, out], "no session 'y' any more. Noth", (NotFound, "session", {"session": "'y'"})),
        (
            [out, gone],
            "'one' of 'alice' is logged out",
            (Conflict, "session", {"name": "'alice'", "session": "'one'"}),
        ),
    ):
        with pytest.raises(TimError, match=text) as caught:
            require_some(0, left_out)
        assert told(caught.value) == said
