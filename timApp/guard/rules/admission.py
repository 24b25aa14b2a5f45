"""Whether a login may be active: the limit of sessions that a person may have at once."""

from collections.abc import Collection, Mapping

from timApp.guard.vocabulary import State


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


def admitted(active: int, limit: int | None) -> State:
    """Return the state in which a session begins of a person who has `active` ones already."""
    return State.ACTIVE if limit is None or active < limit else State.EXPIRED
