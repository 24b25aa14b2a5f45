"""How a login begins by each policy, as pure decisions."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timApp.guard.rules.admission import Admission, Situation, admit
from timApp.guard.rules.lifetime import Event
from timApp.guard.rules.policy import AfterEnd, DeviceRule, OverLimit, Policy
from timApp.guard.vocabulary import Cause, State

POLICIES = [Policy(*values) for values in product(OverLimit, AfterEnd, DeviceRule)]
ACTIVE, EXPIRED = State.ACTIVE, State.EXPIRED

situations = st.builds(
    Situation,
    active=st.integers(0, 4),
    limit=st.sampled_from([None, 1, 2, 3]),
    continues=st.booleans(),
    returns=st.booleans(),
    was_ended=st.booleans(),
    was_blocked=st.booleans(),
    device=st.sampled_from([None, "a", "b"]),
    devices=st.lists(st.sampled_from(["a", "b", "c"]), unique=True, max_size=3),
)


@pytest.mark.parametrize("policy", POLICIES)
def test_the_first_login_of_all_is_free(policy: Policy) -> None:
    """Whatever the policy, somebody who has never logged in is let in."""
    for device in (None, "a"):
        assert admit(Situation(0, 1, device=device), policy).state is ACTIVE


@given(situation=situations, policy=st.sampled_from(POLICIES))
def test_a_browser_whose_session_goes_on_is_let_in(situation: Situation, policy: Policy) -> None:
    """Whatever else there is, nobody is blocked by their own browser."""
    assert admit(replace(situation, continues=True), policy) == Admission(ACTIVE)


@given(situation=situations, policy=st.sampled_from(POLICIES))
def test_hold_lets_in_nobody_who_is_not_settled(situation: Situation, policy: Policy) -> None:
    """With `hold`, an end or a block of before blocks, but for browsers that never were ended."""
    assert not admit(situation, policy).settles or not (
        policy.after_end is AfterEnd.HOLD and situation.has_ends
    )
    newcomer = replace(situation, continues=False, returns=False)
    if policy.after_end is AfterEnd.HOLD and newcomer.has_ends:
        assert admit(newcomer, policy) == Admission(EXPIRED, Cause.HELD)


@given(situation=situations, policy=st.sampled_from(POLICIES))
def test_same_lets_in_no_strange_browser(situation: Situation, policy: Policy) -> None:
    """With `same`, whoever is let in has had a slot, or there is one that nobody had."""
    newcomer = replace(situation, continues=False, returns=False)
    is_in = admit(newcomer, policy).state is ACTIVE
    if policy.device is DeviceRule.SAME and is_in and newcomer.limit is not None:
        assert newcomer.device in newcomer.devices or len(newcomer.devices) < newcomer.limit


@given(situation=situations, policy=st.sampled_from(POLICIES))
def test_the_limit_holds_unless_it_is_observed(situation: Situation, policy: Policy) -> None:
    """A newcomer is let in below the limit, or by making room, or as one that is recorded."""
    newcomer = replace(situation, continues=False, returns=False)
    admission = admit(newcomer, policy)
    if admission.state is ACTIVE and newcomer.limit is not None:
        left = newcomer.active
        if admission.others is Event.DISPLACED:
            left = min(left, admission.kept)
        is_observed = policy.over_limit is OverLimit.OBSERVE
        assert left < newcomer.limit or (is_observed and admission.cause is Cause.OVER_LIMIT)


@given(situation=situations, policy=st.sampled_from(POLICIES))
def test_whoever_is_blocked_is_told_why(situation: Situation, policy: Policy) -> None:
    """A blocked login has a cause, and changes nobody else's unless all are to be blocked."""
    admission = admit(situation, policy)
    if admission.state is EXPIRED:
        assert admission.cause in {Cause.OVER_LIMIT, Cause.HELD, Cause.OTHER_DEVICE}
        assert not admission.settles
        assert admission.others in {None, Event.ALL_BLOCKED}


@pytest.mark.parametrize(
    ("over_limit", "admission"),
    [
        (OverLimit.BLOCK_NEW, Admission(EXPIRED, Cause.OVER_LIMIT)),
        (
            OverLimit.EXPIRE_OLDEST,
            Admission(ACTIVE, Cause.OVER_LIMIT, Event.DISPLACED, kept=1, settles=True),
        ),
        (OverLimit.BLOCK_ALL, Admission(EXPIRED, Cause.OVER_LIMIT, Event.ALL_BLOCKED)),
        (OverLimit.OBSERVE, Admission(ACTIVE, Cause.OVER_LIMIT, settles=True)),
    ],
)
def test_beyond_the_limit_the_policy_decides(over_limit: OverLimit, admission: Admission) -> None:
    """Of two that may be active, a third one does what the option says."""
    assert admit(Situation(2, 2), Policy(over_limit)) == admission


def test_nobody_makes_room_where_nobody_may_be() -> None:
    """A limit of none at all is one, whatever gives way elsewhere."""
    assert admit(Situation(0, 0), Policy(OverLimit.EXPIRE_OLDEST)).state is EXPIRED
