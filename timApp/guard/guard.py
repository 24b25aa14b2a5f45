"""The guard of a site: one object that every program in front of the database asks."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import TYPE_CHECKING

import sqlalchemy as sa
import uuid_utils

from timApp.database.engine import open_engine
from timApp.database.migrating.names import fill_in_names
from timApp.database.work import UnitOfWork, Work
from timApp.guard.changes.apply import apply
from timApp.guard.changes.change import Change, OnePerson, Receipt
from timApp.guard.changes.copied import Copy, part_bearers
from timApp.guard.changes.lock import lock_people
from timApp.guard.cookie import Claims, Cookies
from timApp.guard.exams.running import RunningExams
from timApp.guard.keeping.retention import Retention
from timApp.guard.keeping.worker import start_tidying
from timApp.guard.logins.begin import Beginning, begin_session
from timApp.guard.logins.devices import began_in
from timApp.guard.logins.outcome import account_closed
from timApp.guard.options import GuardOptions
from timApp.guard.rules.validity import needs_active_session
from timApp.guard.seen import Here
from timApp.guard.verdict import Begun, Standing, Verdict
from timApp.guard.visitor import UNDECIDED, Undecided, Visitor, Visitors
from timApp.guard.vocabulary import Action, Actor, ActorKind, Place, State
from timApp.user.people import Identity, Person, find_person, remember
from timApp.user.user import User
from timApp.util.deferred import DeferredModule
from timApp.util.errors import Conflict, NotFound, TimError

if TYPE_CHECKING:
    from timApp.database import migrate
else:
    migrate = DeferredModule("timApp.database.migrate")

#: Told of each change in its transaction, before the commit.
Listener = Callable[[UnitOfWork, Receipt], object]


_NOBODY = Verdict(Standing.ANONYMOUS)


class Guard:
    """Tracks, limits, checks and changes the sessions of a site; knows no web framework.

    One serves all threads of a process. What writes takes a unit of work, and is part of its
    transaction, which the caller commits; without one it is a transaction of its own, and committed
    when the method returns.
    """

    def __init__(
        self, engine: sa.Engine, cookies: Cookies, options: GuardOptions | None = None
    ) -> None:
        self.engine = engine
        self.cookies = cookies
        self.options = options or GuardOptions()
        self.listeners: list[Listener] = []

    @classmethod
    def at(cls, url: str, keys: Sequence[str], options: GuardOptions | None = None) -> "Guard":
        """Return the guard of the database at an SQLAlchemy URL; nothing is asked of it yet.

        `keys` sign the cookies: the last one, and each is taken.
        """
        return cls(open_engine(url), Cookies(keys), options)

    def upgrade_database(self) -> None:
        """Make the tables, or bring them up to date; see `timApp.database.migrate`.

        What is missing of people whom an older program has added is filled in.
        """
        migrate.upgrade_database(self.engine)
        with self.engine.begin() as connection:
            fill_in_names(connection)

    @cached_property
    def visitors(self) -> Visitors:
        """Says who the bearer of a cookie is."""
        options = self.options
        renewal = options.token_renewal if options.tracks_sessions else None
        seconds = None if renewal is None else renewal.total_seconds()
        return Visitors(
            self.engine,
            options.clocks,
            seconds,
            self._part_bearers,
            options.second_factor_groups,
        )

    @cached_property
    def running_exams(self) -> RunningExams:
        """Says which exams run."""
        return RunningExams(self.engine)

    @property
    def retention(self) -> Retention | None:
        """For how long sessions are kept; None for ever."""
        period = self.options.retention
        return None if period is None else Retention(period, self.cookies.max_age)

    def keep_tidy(self) -> None:
        """Let go what has been kept for long enough, in a thread, until the process ends.

        Nothing happens if sessions are kept for ever.
        """
        if self.retention is not None:
            start_tidying(self.engine, self.retention)

    def check(self, cookie: str | None, here: Here | None = None) -> Verdict:
        """Say how it stands with the bearer of a cookie, by one look into the database.

        A cookie that is not signed by us, is too old, or whose session is logged out is nobody's.
        Now and then there is a new one in the verdict: whoever does not send it to the browser has
        copies that nobody notices. `here` says where the bearer asks from, and is called only where
        that is written down.
        """
        claims = self.cookies.claims(cookie) if cookie else None
        if claims is None or cookie is None:
            return _NOBODY
        visitor = self.visitors.find(claims, Visitor, here)
        if visitor is None:
            return _NOBODY
        standing = self.standing_of(visitor)
        if visitor.renewed is None:
            return Verdict(standing, visitor)
        return Verdict(standing, visitor, self.cookies.renew(cookie, visitor.renewed))

    def check_in_passing(self, claims: Claims, here: Here | None = None) -> Verdict:
        """Say how it stands with the bearer of a cookie that was read, where none can be sent back.

        As `check`, but the cookie keeps its number.
        """
        visitor = self.visitors.find(claims, Visitor, here, renews=False)
        return _NOBODY if visitor is None else Verdict(self.standing_of(visitor), visitor)

    def check_all(
        self, claims: Sequence[Claims], renews: Sequence[bool] | None = None
    ) -> list[Verdict | None]:
        """Say how it stands with each of many whose cookies were read, in few looks.

        `renews` says for each whether a new cookie can be sent back (all can, if it does not), see
        `check_in_passing`.
        None for those for whom something has to be written of their cookies: `check` says it. So it
        does of somebody whose session is over, and who may have another one after a copy.
        """
        return [self.verdict_on(one) for one in self.visitors.find_all(claims, renews)]

    def check_at_once(self, claims: Claims, *, renews: bool = True) -> Verdict | None:
        """Say what `check_all` does of one cookie, if nobody has to be waited for.

        None if that is not so. On SQLite it mostly is, on PostgreSQL never.
        """
        return self.verdict_on(self.visitors.at_once(claims, renews=renews))

    def verdict_on(self, visitor: Visitor | Undecided | None) -> Verdict | None:
        """Say how it stands with somebody who was looked up; None if that is undecided."""
        if visitor is None:
            return _NOBODY
        if visitor is UNDECIDED:
            return None
        return Verdict(self.standing_of(visitor), visitor)

    def standing_of(self, visitor: Visitor | None) -> Standing:
        """Say how it stands with a visitor; None is nobody."""
        if visitor is None:
            return Standing.ANONYMOUS
        return Standing.VALID if self.passes(visitor) else Standing.BLOCKED

    def _part_bearers(self, visitor: Visitor, claims: Claims, here: Here | None) -> None:
        """End a session whose cookie was copied, in a transaction of its own."""
        renewal = self.options.token_renewal
        if renewal is None or claims.session_id is None:
            return
        copy = Copy(
            visitor.id,
            visitor.name,
            claims.session_id,
            claims.token,
            Place("") if here is None else here(),
            passes_blocked=visitor.is_admin,
        )
        options = self.options
        with self.transaction() as work:
            part_bearers(work, copy, renewal.total_seconds(), options.policy, options.clocks)

    def passes(self, visitor: Visitor) -> bool:
        """Tell whether a visitor's session is valid: is active, or need not be."""
        return visitor.session_is_active or not needs_active_session(
            tracking_enabled=self.options.tracks_sessions, is_admin=visitor.is_admin
        )

    def begin(
        self,
        identity: Identity | Person,
        origin: str,
        *,
        actor: Actor | None = None,
        former: Claims | None = None,
        device: str | None = None,
        seat: str | None = None,
        session_id: str | None = None,
        proof: str | None = None,
        work: UnitOfWork | None = None,
    ) -> Begun:
        """Let a session begin for somebody who has proved who they are; remember them.

        `origin` is any information on where they are; `actor` is who lets it begin, they themselves
        if nobody is given. `former` is whom this browser was logged in as, and `device` what it is
        known by, both None if it is not: the sessions that it had end for good, as no cookie leads
        to them any more, and the person's own leave their slots to this one, so that nobody is
        blocked by themselves. `seat` is where the browser was told that it stands, None if it was
        not; then it is the seat of the address that `origin` begins with in brackets. A former
        session that began in another browser is that one's still: its cookie is a copy. The id is
        made up unless it is given. While sessions are not tracked, none is added, and the state is
        EXPIRED. Without a unit of work the person is remembered in one transaction, and the session
        begins in the next. `BadInput` or `Conflict` for an identity that cannot be remembered,
        `BadInput` for an id that was used before, `AccountClosed` and `PasswordChanged` for
        somebody whose account is closed, or whose password is another than that by now.
        """
        if work is not None:
            return self._begin(
                work, identity, origin, actor, former, device, seat, session_id, proof
            )
        person = identity if isinstance(identity, Person) else self.remember(identity)
        with self.transaction() as own:
            return self._begin(own, person, origin, actor, former, device, seat, session_id, proof)

    def remember(self, identity: Identity) -> Person:
        """Remember somebody, in a transaction of its own, and return them; errors are `remember`'s.

        The race it settles: two that both find nobody of that name, and both add them.
        """
        with suppress(Conflict, sa.exc.IntegrityError), self.transaction() as work:
            return remember(work, identity)
        with self.transaction() as work:
            return remember(work, identity)

    def _begin(  # noqa: PLR0917 - those of `begin`
        self,
        work: UnitOfWork,
        identity: Identity | Person,
        origin: str,
        actor: Actor | None,
        former: Claims | None,
        device: str | None,
        seat: str | None,
        session_id: str | None,
        proof: str | None,
    ) -> Begun:
        if former is not None:
            # In one order: two browsers that swap two users must not wait for each other.
            known = identity if isinstance(identity, Person) else find_person(work, identity.name)
            lock_people(work, {former.user_id} if known is None else {former.user_id, known.id})
        person = identity if isinstance(identity, Person) else remember(work, identity)
        if person.is_disabled:
            raise account_closed()
        actor = actor or Actor(ActorKind.USER, person.name)
        continued = None
        if former is not None and former.user_id == person.id and self.options.tracks_sessions:
            if began_in(work, former, device):
                continued = former.session_id
        elif former is not None:
            self._log_out_former(work, former, actor.address)
        session_id = str(uuid_utils.uuid7()) if session_id is None else session_id
        state, token = State.EXPIRED, 0
        if self.options.tracks_sessions:
            beginning = Beginning(
                person.id,
                person.name,
                session_id,
                origin,
                self.options.limit_for(person.name, person.groups),
                actor,
                device=device,
                former=continued,
                linked_seat=seat,
                proof=proof,
                policy=self.options.policy,
                clocks=self.options.clocks,
                sits_exams=not person.is_admin,
            )
            started = begin_session(work, beginning)
            state, session_id, token = started.state, started.session_id, started.token
        return Begun(person, session_id, state, token, self.cookies)

    def _log_out_former(self, work: UnitOfWork, former: Claims, address: str | None) -> None:
        name = work.session.scalar(sa.select(User.name).where(User.id == former.user_id))
        if name is not None and former.session_id is not None:
            scope = OnePerson(name, former.user_id, former.session_id)
            actor = Actor(ActorKind.USER, name, address)
            self.apply(Change(Action.LOGOUT, scope, actor), work)

    def apply(self, change: Change, work: UnitOfWork | None = None) -> Receipt:
        """Make a change, and tell the listeners; see `timApp.guard.changes.apply`."""
        if work is None:
            with self.transaction() as own:
                return self.apply(change, own)
        receipt = apply(work, change, self.options.clocks)
        for listener in self.listeners:
            listener(work, receipt)
        return receipt

    def apply_each(
        self, changes: Sequence[Change], work: UnitOfWork
    ) -> tuple[list[Receipt], list[TimError]]:
        """Make changes, each of one person who is known; return what they came to.

        And why others of them were refused, which changed nothing: the error of each. All people
        are locked at once, so that two who change many never wait for each other in a ring.
        """
        scopes = [one.scope for one in changes if isinstance(one.scope, OnePerson)]
        lock_people(work, {one.user_id for one in scopes if one.user_id is not None})
        receipts: list[Receipt] = []
        refused: list[TimError] = []
        for change in changes:
            try:
                with work.session.begin_nested():
                    receipts.append(self.apply(change, work))
            except (Conflict, NotFound) as error:
                refused.append(error)
        return receipts, refused

    def person(self, name: str) -> Person | None:
        """Return who is remembered by that name, as names are compared, or None."""
        return find_person(Work(self.engine), name)

    @contextmanager
    def transaction(self) -> Iterator[Work]:
        """Yield a unit of work that is committed at the end, and undone after an error."""
        with Work(self.engine) as work:
            yield work
            work.commit()
