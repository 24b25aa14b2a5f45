"""The limit of sessions that a person may have at once."""

import pytest

from timApp.guard.options import GuardOptions
from timApp.guard.rules.admission import Situation, admit, limit_of
from timApp.guard.rules.policy import Policy
from timApp.guard.vocabulary import State
from timApp.user.usergroup import ADMIN_GROUP, SUPERVISOR_GROUP


@pytest.mark.parametrize(
    ("groups", "limit"),
    [([], 1), (["other"], 1), (["two"], 2), (["two", "three"], 3), (["two", "any"], None)],
)
def test_the_most_generous_limit_of_a_persons_groups_counts(
    groups: list[str], limit: int | None
) -> None:
    """Groups without a limit of their own leave the default."""
    assert limit_of(groups, {"two": 2, "three": 3, "any": None}, 1) == limit


@pytest.mark.parametrize(
    ("active", "limit", "state"),
    [
        (0, 1, State.ACTIVE),
        (1, 1, State.EXPIRED),
        (2, 1, State.EXPIRED),
        (2, 3, State.ACTIVE),
        (3, 3, State.EXPIRED),
        (1_000_000, None, State.ACTIVE),
    ],
)
def test_a_session_begins_active_below_the_limit_and_expired_at_it(
    active: int, limit: int | None, state: State
) -> None:
    """Whoever has as many active sessions as the limit allows, or more, gets no other."""
    assert admit(Situation(active, limit), Policy()).state is state


def test_a_limit_may_be_said_of_one_person_by_their_name() -> None:
    """Each person is a group of their own, so a limit for that group is theirs alone."""
    options = GuardOptions(limits_of_groups={"alice": 3, "Course": 2})
    assert options.limit_for("alice", {"Course"}) == 3
    assert options.limit_for("bob", {"Course"}) == 2
    assert options.limit_for("carol", set()) == 1


def test_whoever_is_called_like_the_supervisors_group_is_no_supervisor() -> None:
    """The limit of a group of the site is its members', not that of a person of its name."""
    options = GuardOptions(limits_of_groups={SUPERVISOR_GROUP: None, ADMIN_GROUP: 7})
    assert options.limit_for(SUPERVISOR_GROUP, set()) == 1
    assert options.limit_for(ADMIN_GROUP, set()) == 1
    assert options.limit_for("sam", {SUPERVISOR_GROUP}) is None
