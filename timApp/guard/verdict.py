"""What the guard answers: how it stands with somebody, and the session that has begun."""

from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import NamedTuple

from timApp.guard.cookie import Claims, Cookies
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
    #: The number of the cookie.
    token: int
    cookies: Cookies = field(repr=False)

    # Not before it is asked for: a site whose cookie holds more than that signs its own.
    @cached_property
    def cookie(self) -> str:
        """What the browser is to send with each request from now on, by the name `Cookies.name`."""
        return self.cookies.issue(Claims(self.person.id, self.session_id, self.token))
