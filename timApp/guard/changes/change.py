"""A change of sessions as it is asked for, and what came of it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from timApp.guard.reading.filter import SessionFilter
from timApp.guard.rules.verification import LeftOut
from timApp.guard.vocabulary import Action, Actor, SessionKey
from timApp.net.network import Host
from timApp.util.stamp import Stamp


@dataclass(frozen=True)
class OnePerson:
    """One person's sessions: the named one or, if none is named, the latest or all of them.

    A verification without a session means the latest that is not logged out, anything else all of
    them.
    """

    name: str
    #: None for somebody whom this server does not know: then nothing changes here, and the hosts
    #: are told all the same.
    user_id: int | None
    session_id: str | None = None
    #: Whether the session has to be one of this server's that can be changed. If not, one that is
    #: not here lives on another host, and a verification expires the ones that are here.
    must_be_here: bool = False


@dataclass(frozen=True)
class AllButOne:
    """All of a person's sessions but one; with None, all."""

    name: str
    user_id: int
    kept: str | None


@dataclass(frozen=True)
class Picked:
    """Sessions that somebody has picked, of whichever people."""

    sessions: Collection[SessionKey]


@dataclass(frozen=True)
class Everybody:
    """The sessions of all people; a verification means the latest of each."""


@dataclass(frozen=True)
class Matching:
    """The sessions that a filter means, and how many whoever asks has seen: no more are changed."""

    which: SessionFilter
    at_most: int


Scope = OnePerson | AllButOne | Picked | Matching | Everybody


@dataclass(frozen=True)
class Change:
    """What is to be done to which sessions, by whom and why.

    The action is VERIFY or INVALIDATE, END of `OnePerson`, `Picked` or `Matching`, LOGOUT of
    `OnePerson` or `AllButOne`, NEW_CREDENTIALS of `AllButOne`, or PAUSE, DISABLE, ENABLE or
    DELETE of `OnePerson`: all of the person's sessions, whichever is named.
    """

    action: Action
    scope: Scope
    actor: Actor
    reason: str = ""
    #: When another host made the change; None for one that is made here, now.
    stamp: Stamp | None = None
    #: The hosts that are to be told.
    audience: Sequence[Host] = ()
    #: The number of the last decision about the person that whoever asks has seen, 0 if there was
    #: none (`timApp.guard.reading.decision`); None if they do not say. Of `OnePerson`.
    seen: int | None = None
    #: Whether what was before is kept, for `timApp.guard.changes.undo`. Of `OnePerson`.
    can_be_undone: bool = False


@dataclass(frozen=True)
class Receipt:
    """What a change came to, as it is true when it is committed."""

    change: Change
    #: When it was made; None for a logout, which no other host hears of.
    stamp: Stamp | None = None
    #: The session that was changed; None for all of them, or if there is none.
    session_id: str | None = None
    #: How many sessions changed their state.
    changed: int = 0
    #: How many of them became active; None where that is not counted, of everybody's.
    activated: int | None = 0
    #: The number of its last entry in the record; None if nothing was recorded.
    number: int | None = None
    #: False for a change of another host that has arrived before, or that a later one overwrites,
    #: for a pause of somebody who is paused, and where an account is closed, open, or deleted,
    #: already.
    takes_effect: bool = True
    #: Of `Picked` and `Matching`: how many were changed, or were so already, and the others.
    picked: int = 0
    left_out: Sequence[LeftOut] = ()

    @property
    def ended(self) -> int | None:
        """How many sessions are active no more, or open no more; None where it is not counted."""
        return None if self.activated is None else self.changed - self.activated
