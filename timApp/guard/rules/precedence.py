"""Which of a person's changes still count, whichever order they arrive in.

A host hears of changes late, twice, or never; the one that was made last has to hold on every host.
So each change has a stamp. Logins and logouts happen on one host only, and are not ordered.
"""

from collections.abc import Collection
from dataclasses import dataclass

from timApp.guard.vocabulary import Action
from timApp.util.stamp import Stamp


def is_whole(action: Action, session_id: str | None) -> bool:
    """Tell whether a change settles the state of all of a person's sessions, not of one only."""
    return action is not Action.INVALIDATE or session_id is None


@dataclass(frozen=True)
class OrderedChange:
    """One change of a person's sessions, and when it was made."""

    stamp: Stamp
    action: Action
    session_id: str | None

    @property
    def is_whole(self) -> bool:
        """Whether the change settles the state of all sessions; see `is_whole`."""
        return is_whole(self.action, self.session_id)

    def overwrites(self, other: "OrderedChange") -> bool:
        """Return whether nothing is left of `other`, a change of the same person, after this."""
        return self.is_whole or (not other.is_whole and other.session_id == self.session_id)


@dataclass(frozen=True)
class Placement:
    """What becomes of a change."""

    stamp: Stamp
    #: False for one that is known already, and for one that a later change overwrites.
    takes_effect: bool
    #: Whether the session that is verified becomes active; False if a later change invalidated it.
    may_activate: bool


def placement_of(change: OrderedChange, known: Collection[OrderedChange]) -> Placement:
    """Return what becomes of a change after the `known` ones of the same person.

    One that arrives again is overwritten by itself, or by what has overwritten it before.
    """
    later = [one for one in known if one.stamp >= change.stamp]
    takes_effect = not any(one.overwrites(change) for one in later)
    # What is later, and yet does not overwrite the change, invalidates one session each.
    may_activate = takes_effect and all(one.session_id != change.session_id for one in later)
    return Placement(change.stamp, takes_effect=takes_effect, may_activate=may_activate)
