"""How a login begins: by the sessions that a person has and may have, and the policy."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from timApp.guard.rules.lifetime import Event
from timApp.guard.rules.policy import AfterEnd, DeviceRule, OverLimit, Policy
from timApp.guard.vocabulary import Cause, State


def limit_of(
    groups: Collection[str], limits_of_groups: Mapping[str, int | None], default: int | None
) -> int | None:
    """Return how many active sessions a member of the groups may have; None means any number.

    The most generous limit of the groups that have one counts, or the default if none has.
    """
    limits = [limits_of_groups[group] for group in groups if group in limits_of_groups]
    if not limits:
        return default
    return None if None in limits else max(limit for limit in limits if limit is not None)


@dataclass(frozen=True)
class Situation:
    """What there is of a person when one of their logins begins, besides what this one continues.

    A login continues the open sessions of the same browser: they end, and leave their slots to it.
    """

    #: How many active sessions they have.
    active: int
    #: How many they may have; None means any number.
    limit: int | None
    #: Whether one of those that are continued is active, so that this is no newcomer.
    continues: bool = False
    #: Whether one of those that are continued was ended by a clock alone.
    returns: bool = False
    #: Whether somebody has ended an active session of theirs since the last verification.
    was_ended: bool = False
    #: Whether a login of theirs was blocked since, and not settled.
    was_blocked: bool = False
    #: Whether they have left the room, and nobody has verified them since.
    was_paused: bool = False
    #: The browser in which they log in; None if it has no name.
    device: str | None = None
    #: The browsers that had their slots last, as many as there are slots at most.
    devices: Collection[str] = ()

    @property
    def has_ends(self) -> bool:
        """Whether ends or blocked logins of before are not settled."""
        return self.was_ended or self.was_blocked


@dataclass(frozen=True)
class Admission:
    """How a session begins, and what becomes of the person's others."""

    state: State
    #: Why it is blocked, or what there is to say of one that is let in all the same.
    cause: Cause | None = None
    #: What happens to other active sessions of the person, but for the newest `kept`.
    others: Event | None = None
    kept: int = 0
    #: Whether ends and blocked logins of before count no more: they kept the slots free for it.
    settles: bool = False


def admit(situation: Situation, policy: Policy) -> Admission:
    """Return how a session begins."""
    has_slot = situation.limit is None or situation.active < situation.limit
    is_stopped = policy.after_end is AfterEnd.HOLD and situation.was_ended
    returns = situation.returns and has_slot and not (situation.was_paused or is_stopped)
    if situation.continues or returns:
        return Admission(State.ACTIVE)
    held_by = _held_by(situation, policy)
    if held_by is not None:
        return Admission(State.EXPIRED, held_by)
    if policy.device is DeviceRule.SAME and _is_strange(situation):
        return Admission(State.EXPIRED, Cause.OTHER_DEVICE if has_slot else Cause.OVER_LIMIT)
    if has_slot:
        return Admission(State.ACTIVE, settles=True)
    return _beyond_limit(situation.limit or 0, policy)


def _beyond_limit(limit: int, policy: Policy) -> Admission:
    match policy.over_limit:
        case OverLimit.OBSERVE:
            return Admission(State.ACTIVE, Cause.OVER_LIMIT, settles=True)
        case OverLimit.EXPIRE_OLDEST if limit:
            cause, others = Cause.OVER_LIMIT, Event.DISPLACED
            return Admission(State.ACTIVE, cause, others, limit - 1, settles=True)
        case OverLimit.BLOCK_ALL:
            return Admission(State.EXPIRED, Cause.OVER_LIMIT, Event.ALL_BLOCKED)
    return Admission(State.EXPIRED, Cause.OVER_LIMIT)


def _held_by(situation: Situation, policy: Policy) -> Cause | None:
    if situation.was_paused:  # whatever the policy
        return Cause.PAUSED
    # With `BLOCK_ALL` the next login would find the slots free, which all have just lost.
    is_blocked = policy.counts_blocked_logins and situation.was_blocked
    is_held = is_blocked or (policy.after_end is AfterEnd.HOLD and situation.was_ended)
    return Cause.HELD if is_held else None


def _is_strange(situation: Situation) -> bool:
    """Tell whether all slots were had by other browsers; of unlimited ones there is always one."""
    if situation.limit is None or situation.device in situation.devices:
        return False
    return bool(situation.devices) and len(situation.devices) >= situation.limit
