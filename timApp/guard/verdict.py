"""What the guard answers: how it stands with somebody, and the session that has begun."""

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from timApp.guard.visitor import Visitor
from timApp.guard.vocabulary import State
from timApp.user.people import Person


class Standing(Enum):
    """How it stands with whoever asks."""

    #: Nobody is logged in.
    ANONYMOUS = "anonymous"
    #: Their session is active, or they need none.
    VALID = "valid"
    #: Their session is expired, and waits for a verification.
    BLOCKED = "blocked"


class Verdict(NamedTuple):
    """What the guard says of a cookie."""

    standing: Standing
    #: None for nobody.
    visitor: Visitor | None = None
    #: What the browser is to send from now on, by the name `Cookies.name`; None if what it has is
    #: good.
    cookie: str | None = None


@dataclass(frozen=True)
class Begun:
    """A session that has begun."""

    person: Person
    session_id: str
    #: Expired from birth if the person has too many.
    state: State
    #: What the browser is to send with each request from now on, by the name `Cookies.name`.
    cookie: str
    #: The number of that cookie.
    token: int = 0
