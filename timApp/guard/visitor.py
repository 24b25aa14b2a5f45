"""Who asks: the person and the session that a cookie stands for, as they are at this moment."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial
from typing import Any, TypeVar

import sqlalchemy as sa

from timApp.database.driver.read import ReadOutside
from timApp.database.driver.steps import SteppedRead
from timApp.database.work import Work
from timApp.guard.cookie import Claims
from timApp.guard.reading.bearer import many_bearers, one_bearer
from timApp.guard.reading.heir import find_heir
from timApp.guard.rules.clocks import Clocks
from timApp.guard.rules.exambrowser import KeyState
from timApp.guard.rules.token import AS_ANY, Ruling, Tokens, Use, is_as_any, judge
from timApp.guard.rules.validity import (
    SEEN_INTERVAL_ACTIVE,
    SEEN_INTERVAL_EXPIRED,
    is_seen_due,
)
from timApp.guard.seen import Here, note_seen, note_tokens, rewritten_token
from timApp.user.factor.passkey import has_passkey
from timApp.user.people import read_groups
from timApp.user.usergroup import ADMIN_GROUP, SUPERVISOR_GROUP, Member
from timApp.util.clock import current_second


# Not frozen: that would triple what it takes to make one, at each request.
@dataclass(eq=False)
class Visitor(Member):
    """A person who is logged in, and their session."""

    id: int
    name: str
    real_name: str
    email: str
    groups: frozenset[str]
    #: None for a login without a session: from before they were tracked.
    session_id: str | None
    #: Whether that session is active.
    session_is_active: bool
    #: When another login of theirs was blocked last while it was, in seconds since 1970; or None.
    attempted_at: int | None = None
    #: What the cookie has to say from now on; None if it may stay.
    renewed: Claims | None = None
    #: Whether they are in a group of which everybody has a passkey, and have none: until they have,
    #: they are in no group that may do anything on the site.
    owes_passkey: bool = False
    #: What is written down of the session's exam browser; None if nothing is.
    key_state: KeyState | None = None


class Undecided(Enum):
    """Stands for a visitor whose cookie has to be looked at alone."""

    UNDECIDED = "undecided"


UNDECIDED = Undecided.UNDECIDED
_Visitor = TypeVar("_Visitor", bound=Visitor)
#: A bearer who never takes the cookie that is left to them is led on as often, at each request.
_COPIES_MAX = 8


class Visitors:
    """Who asks, looked up in one database, outside of any transaction.

    A cookie that outlives its logout (a copy of it, say) is nobody's. It is written down now and
    then that a session was seen, as the same query tells when it is time; where that
    cannot be written, it is left out. So is the number of the cookie, of which a copy is known:
    `timApp.guard.rules.token`.
    """

    def __init__(
        self,
        engine: sa.Engine,
        clocks: Clocks,
        renewal: float | None = None,
        on_copy: Callable[[Visitor, Claims, Here | None], object] | None = None,
        second_factor_groups: frozenset[str] = frozenset(),
    ) -> None:
        """`renewal` is in seconds, and None if cookies are not renewed.

        `on_copy` is what ends the session of a cookie that was copied; it is called with who came
        with it.
        """
        self._engine = engine
        self._clocks = clocks
        self._renewal = None if on_copy is None else renewal
        self._on_copy = on_copy
        self._second_factor_groups = second_factor_groups
        self._seen_interval = clocks.seen_interval(SEEN_INTERVAL_ACTIVE)
        self._one = one_bearer(clocks).outside(engine)
        self._many = many_bearers(clocks).outside(engine)

    def find(
        self,
        claims: Claims,
        make: Callable[..., _Visitor],
        here: Here | None = None,
        *,
        renews: bool = True,
    ) -> _Visitor | None:
        """Return the visitor with that cookie, made by `make` with the fields of `Visitor`.

        None for an unknown person, for one whose account is closed, and when the session is logged
        out. If the cookie was copied, that is found out here: then the visitor is in the session
        that is left to this bearer, and so they are with the cookie of a session that ended like
        that. Unless `renews`, no new number is given to the cookie, for an answer that brings the
        browser none.
        """
        row = self._row(claims)
        if row is not None and self._needs_nothing(row, claims):
            return self._made(row, make)
        asked = claims
        for _ in range(_COPIES_MAX):
            if row is None:
                heir = find_heir(self._engine, claims.user_id, claims.session_id, claims.token)
                if heir is None:
                    return None
                claims = Claims(claims.user_id, heir)
            else:
                ruling = self._judged(row, claims, renews=renews)
                if ruling.use is not Use.COPY or self._on_copy is None:
                    renewed = self._renewed(row, claims, ruling, here)
                    return self._made(row, make, renewed or (None if claims is asked else claims))
                self._on_copy(self._made(row, Visitor), claims, here)
            row = self._row(claims)
        return None

    def find_all(
        self, asked: Sequence[Claims], renews: Sequence[bool] | None = None
    ) -> list[Visitor | Undecided | None]:
        """Return what `find` does for each of many, at the price of a few.

        `UNDECIDED` for those for whom there is something to be written of their cookies.
        """
        renews = [True] * len(asked) if renews is None else renews
        if self._engine.dialect.name == "sqlite":
            return [
                self._found(self._row(one), one, renews=is_renewed, waits=True)
                for one, is_renewed in zip(asked, renews, strict=True)
            ]
        return self._found_all(self._many.all(_keys_of(asked)), asked, renews, waits=True)

    def at_once(self, claims: Claims, *, renews: bool) -> Visitor | Undecided | None:
        """Return what `find_all` does for one, if nobody has to be waited for.

        `UNDECIDED` if it has to be asked, as where anything has to be written, or to be looked at
        in another table.
        """
        rows = self._one.at_once(_key_of(claims))
        if rows is None:
            return UNDECIDED
        return self._found(rows[0] if rows else None, claims, renews=renews, waits=False)

    def begin_look(self, asked: Sequence[Claims], renews: Sequence[bool]) -> "Look | None":
        """Begin a look at many, for whoever waits in an event loop.

        None if it has to be made in another way, as on SQLite.
        """
        parameters = _keys_of(asked)
        read = self._many.begin(parameters)
        if read is None:
            return None
        found = partial(self._found_all, asked=asked, renews=renews)
        return Look(self._many, read, parameters, found)

    def rewritten_token(self, claims: Claims, here: Here) -> int:
        """Return the number of a cookie that an answer sets for another reason."""
        if self._renewal is None or claims.session_id is None:
            return claims.token
        return rewritten_token(self._engine, claims, self._renewal, here)

    def _row(self, claims: Claims) -> Sequence[Any] | None:
        return self._one.first(_key_of(claims))

    def _needs_nothing(self, row: Sequence[Any], claims: Claims) -> bool:
        """Tell whether there is nothing to be decided or written: so it is at most requests."""
        session_id, is_active, _, issued, used, since = row[5:11]
        # A session that a clock has ended is over, whoever comes with it.
        if session_id is None or is_active is None:
            return True
        moment, renewal = current_second(), self._renewal
        if renewal is not None and not is_as_any(
            claims.token, issued, used, since, moment, renewal
        ):
            return False
        return not self._is_seen_due(row)

    def _is_seen_due(self, row: Sequence[Any]) -> bool:
        """Tell whether it is to be written down that a session was seen."""
        is_active, last_seen_at = row[6:8]
        interval = self._seen_interval if is_active else SEEN_INTERVAL_EXPIRED
        return is_seen_due(last_seen_at, current_second(), interval)

    def _judged(self, row: Sequence[Any], claims: Claims, *, renews: bool) -> Ruling:
        """Say what is to become of a cookie; unless it `renews`, it is given no new number."""
        session_id, is_active, tokens = row[5], row[6], row[8:11]
        # A session that a clock has ended is over, whoever comes with it.
        if self._renewal is None or session_id is None or is_active is None:
            return AS_ANY
        ruling = judge(claims.token, Tokens(*tokens), current_second(), self._renewal)
        return ruling if renews or ruling.use is Use.COPY or ruling.sent is None else AS_ANY

    def _found_all(
        self,
        found: Sequence[Sequence[Any]],
        asked: Sequence[Claims],
        renews: Sequence[bool],
        *,
        waits: bool,
    ) -> list[Visitor | Undecided | None]:
        rows = {number - 1: row for *row, number in found}
        return [
            self._found(rows.get(number), one, renews=renews[number], waits=waits)
            for number, one in enumerate(asked)
        ]

    def _found(
        self, row: Sequence[Any] | None, claims: Claims, *, renews: bool, waits: bool
    ) -> Visitor | Undecided | None:
        """Return who it is; `UNDECIDED` if more is to be done, and nobody `waits` for that."""
        if row is None:
            return None
        if not waits and not self._second_factor_groups.isdisjoint(read_groups(row[4])):
            return UNDECIDED
        if self._needs_nothing(row, claims):
            return self._made(row, Visitor)
        ruling = self._judged(row, claims, renews=renews)
        if ruling is not AS_ANY or (not waits and self._is_seen_due(row)):
            return UNDECIDED
        return self._made(row, Visitor, self._renewed(row, claims, ruling, None))

    def _renewed(
        self, row: Sequence[Any], claims: Claims, ruling: Ruling, here: Here | None
    ) -> Claims | None:
        """Write down what there is to write; return what the cookie has to say from now on."""
        # A session that a clock has ended must not come back by being seen.
        if row[5] is None or row[6] is None:
            return None
        if ruling.after is not None:
            before = Tokens(*row[8:11])
            is_noted = note_tokens(self._engine, claims, before, ruling.after, here)
            if is_noted and ruling.sent is not None:
                return replace(claims, token=ruling.sent)
        elif ruling.use is Use.GOOD and self._is_seen_due(row):
            note_seen(self._engine, claims, here)
        return None

    def _made(
        self, row: Sequence[Any], make: Callable[..., _Visitor], renewed: Claims | None = None
    ) -> _Visitor:
        number, name, real_name, email, groups, session_id, is_active = row[:7]
        is_active = session_id is not None and bool(is_active)
        groups, attempted_at = read_groups(groups), row[11]
        key_state = None if row[12] is None else KeyState(row[12])
        owes_passkey = False
        # Of most people and sites nothing more is asked.
        if self._second_factor_groups and not self._second_factor_groups.isdisjoint(groups):
            owes_passkey = not has_passkey(Work(self._engine), number)
            if owes_passkey:
                groups -= self._second_factor_groups | {ADMIN_GROUP, SUPERVISOR_GROUP}
        return make(
            number,
            name,
            real_name,
            email,
            groups,
            session_id,
            is_active,
            attempted_at,
            renewed,
            owes_passkey,
            key_state,
        )


class Look:
    """A look at many bearers that an event loop waits for, as for a `SteppedRead`."""

    def __init__(
        self,
        many: ReadOutside,
        read: SteppedRead,
        parameters: Mapping[str, object],
        found: Callable[..., list[Visitor | Undecided | None]],
    ) -> None:
        """Take what has begun with these parameters, and what makes visitors of the rows."""
        self._many, self._read, self._parameters, self._found = many, read, parameters, found
        self.fileno, self.go_on = read.fileno, read.go_on

    def visitors(self) -> list[Visitor | Undecided | None] | None:
        """Return what `Visitors.at_once` does of each, once it is over; None if it has failed."""
        values = self._many.values_of(self._read)
        return None if values is None else self._found(values, waits=False)

    def finish(self) -> list[Visitor | Undecided | None]:
        """Wait for the rest of it, and return what `Visitors.find_all` does."""
        return self._found(self._many.finish(self._read, self._parameters), waits=True)


def _key_of(claims: Claims) -> dict[str, object]:
    """Return the parameters of `one_bearer`."""
    return {"user_id": claims.user_id, "session_id": claims.session_id}


def _keys_of(asked: Sequence[Claims]) -> dict[str, object]:
    """Return the parameters of `many_bearers`."""
    return {
        "user_ids": [one.user_id for one in asked],
        "session_ids": [one.session_id for one in asked],
    }
