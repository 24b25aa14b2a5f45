"""Carries out what a class list says: all of it in one transaction, whoever is in it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import sqlalchemy as sa

from timApp.database.engine import begin_write
from timApp.database.model import conflict_insert
from timApp.database.work import UnitOfWork
from timApp.user.roster.plan import Entry, Known, Line, Outcome, Present, plan
from timApp.user.roster.slip import FirstPassword, Slip, first_passwords, slip_of
from timApp.user.user import User
from timApp.user.usergroup import UserGroup, membership
from timApp.util.folded import folded
from timApp.util.lookalikes import look_of, looks_to_find
from timApp.util.names import key_of
from timApp.util.turns import turn_given

_T = TypeVar("_T")

#: Values of one statement: SQLite has at most 32,766, PostgreSQL twice as many.
_CHUNK = 2_000


@dataclass(frozen=True)
class Enrolled:
    """What has come of a list."""

    lines: Sequence[Line]
    #: Of those who have a new password; empty if nothing was changed.
    slips: Sequence[Slip] = ()

    def count(self, outcome: Outcome) -> int:
        """Return of how many lines that is the outcome."""
        return sum(line.outcome is outcome for line in self.lines)

    @property
    def wrong(self) -> Sequence[Line]:
        """The lines because of which nothing was changed."""
        return [line for line in self.lines if line.outcome is Outcome.WRONG]


def look_at_list(work: UnitOfWork, entries: Sequence[Entry]) -> Enrolled:
    """Return what the list would change; nothing is changed."""
    return Enrolled(plan(entries, _present(work, entries)))


def enroll(work: UnitOfWork, entries: Sequence[Entry], *, renews: bool = False) -> Enrolled:
    """Carry the list out, or nothing of it if a line is wrong; see `timApp.user.roster.plan.plan`.

    Whoever is new has the password of the list, or a made-up one; groups that are missing are made.
    If it `renews`, so has whoever is there and has never logged in, as when their slips were lost.
    Nobody else adds people meanwhile, and readers do not wait. Nothing is committed.
    """
    # Before anybody has to wait.
    looked = look_at_list(work, entries).lines
    passwords = first_passwords(one.entry for one in looked if renews or one.outcome is Outcome.NEW)
    _lock_names(work)
    found = look_at_list(work, entries)
    if found.wrong:
        return found
    slips = _add_people(
        work, [one.entry for one in found.lines if one.outcome is Outcome.NEW], passwords
    )
    ids = {key_of(slip.name): slip.user_id for slip in slips}
    if renews:
        slips += _renew(work, found.lines, passwords)
    for line in found.lines:
        if line.known is not None:
            ids[key_of(line.known.name)] = line.known.id
            if line.outcome is Outcome.CHANGED:
                _change(work, line.entry, line.known)
    _add_to_groups(work, [(ids[key_of(one.entry.name)], one.entry.groups) for one in found.lines])
    work.session.expire_all()
    return Enrolled(found.lines, slips)


def _lock_names(work: UnitOfWork) -> None:
    """Wait until nobody else adds people, and keep others from it until the end."""
    connection = work.session.connection()
    begin_write(connection)
    if connection.dialect.name == "postgresql":
        # Rows may be read and locked, as logins do, and none is added.
        with turn_given():
            connection.execute(sa.text("LOCK TABLE useraccount IN SHARE ROW EXCLUSIVE MODE"))


def _present(work: UnitOfWork, entries: Sequence[Entry]) -> Present:
    groups = {group for entry in entries for group in entry.groups}
    names = {entry.name for entry in entries}
    keys = {key_of(name) for name in names | groups}
    looks = {look for name in names for look in looks_to_find(name)}
    columns = (User.id, User.name, User.real_name, User.email, User.deleted_at)
    rows: dict[int, sa.Row[Any]] = {}
    for column, values in ((User.name_key, keys), (User.name_look, looks)):
        for chunk in _chunks(values):
            query = sa.select(*columns).where(column.in_(chunk))
            rows |= {row.id: row for row in work.session.execute(query)}
    groups_of = _groups_of(work, rows)
    found_looks: dict[str, list[str]] = {}
    for row in rows.values():
        found_looks.setdefault(look_of(row.name), []).append(row.name)
    known_groups: set[str] = set()
    for chunk in _chunks(names | groups):
        is_meant = (UserGroup.name.in_(chunk), UserGroup.personal_user_id.is_(None))
        known_groups |= set(work.session.scalars(sa.select(UserGroup.name).where(*is_meant)))
    return Present(
        people={
            key_of(row.name): Known(
                row.id,
                row.name,
                row.real_name,
                row.email,
                frozenset(groups_of.get(row.id, ())),
                row.deleted_at is not None,
            )
            for row in rows.values()
        },
        looks=found_looks,
        groups=frozenset(known_groups),
    )


def _groups_of(work: UnitOfWork, user_ids: Iterable[int]) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    for chunk in _chunks(user_ids):
        query = (
            sa.select(membership.c.user_id, UserGroup.name)
            .join(UserGroup, UserGroup.id == membership.c.usergroup_id)
            .where(membership.c.user_id.in_(chunk), UserGroup.personal_user_id.is_(None))
        )
        for user_id, group in work.session.execute(query):
            found.setdefault(user_id, set()).add(group)
    return found


def _renew(
    work: UnitOfWork, lines: Sequence[Line], passwords: Mapping[Entry, FirstPassword]
) -> list[Slip]:
    """Give a new password to whoever of the list was there, and has never logged in."""
    there = [(line.known, line.entry) for line in lines if line.known is not None]
    unused: set[int] = set()
    for chunk in _chunks(known.id for known, _ in there):
        query = sa.select(User.id).where(
            User.id.in_(chunk),
            User.password_hash.is_not(None),
            User.disabled_at.is_(None),
            ~User.sessions.any(),
        )
        unused |= set(work.session.scalars(query))
    renewed = [(known, entry) for known, entry in there if known.id in unused]
    passwords = _completed(passwords, [entry for _, entry in renewed])
    slips = [
        slip_of(known.id, known.name, entry, entry.real_name or known.real_name, passwords[entry])
        for known, entry in renewed
    ]
    for some in _chunks(slips):
        work.session.execute(
            sa.update(User), [{"id": one.user_id, "password_hash": one.quick_hash} for one in some]
        )
    return slips


def _completed(
    passwords: Mapping[Entry, FirstPassword], entries: Sequence[Entry]
) -> Mapping[Entry, FirstPassword]:
    """Return passwords of all of these, also of those who have come to need one meanwhile."""
    missing = [entry for entry in entries if entry not in passwords]
    return {**passwords, **first_passwords(missing)} if missing else passwords


def _add_people(
    work: UnitOfWork, entries: Sequence[Entry], passwords: Mapping[Entry, FirstPassword]
) -> list[Slip]:
    passwords = _completed(passwords, entries)
    for chunk in _chunks(range(len(entries))):
        work.session.execute(
            sa.insert(User),
            [
                {
                    "name": entries[place].name,
                    "real_name": entries[place].real_name or "",
                    "email": entries[place].email or "",
                    "password_hash": passwords[entries[place]].quick_hash,
                    "name_key": key_of(entries[place].name),
                    "name_look": look_of(entries[place].name),
                    "search_text": folded(
                        entries[place].name,
                        entries[place].real_name or "",
                        entries[place].email or "",
                    ),
                }
                for place in chunk
            ],
        )
    ids: dict[str, int] = {}
    for names in _chunks(entry.name for entry in entries):
        query = sa.select(User.name, User.id).where(User.name.in_(names))
        ids |= {row.name: row.id for row in work.session.execute(query)}
    for pairs in _chunks(ids.items()):
        personal = [{"name": name, "personal_user_id": id_} for name, id_ in pairs]
        work.session.execute(sa.insert(UserGroup), personal)
    for numbers in _chunks(ids.values()):
        own = sa.select(UserGroup.personal_user_id, UserGroup.id).where(
            UserGroup.personal_user_id.in_(numbers)
        )
        columns = [membership.c.user_id, membership.c.usergroup_id]
        work.session.execute(sa.insert(membership).from_select(columns, own))
    return [
        slip_of(ids[one.name], one.name, one, one.real_name or "", passwords[one])
        for one in entries
    ]


def _change(work: UnitOfWork, entry: Entry, known: Known) -> None:
    real_name = known.real_name if entry.real_name is None else entry.real_name
    email = known.email if entry.email is None else entry.email
    if (real_name, email) != (known.real_name, known.email):
        work.session.execute(
            sa.update(User)
            .where(User.id == known.id)
            .values(
                real_name=real_name,
                email=email,
                search_text=folded(known.name, real_name, email),
            )
        )


def _add_to_groups(work: UnitOfWork, wanted: Sequence[tuple[int, frozenset[str]]]) -> None:
    names = sorted({name for _, groups in wanted for name in groups})
    if not names:
        return
    connection = work.session.connection()
    for chunk in _chunks(names):
        insert = conflict_insert(connection, UserGroup).values([{"name": one} for one in chunk])
        work.session.execute(insert.on_conflict_do_nothing())
    ids: dict[str, int] = {}
    for chunk in _chunks(names):
        query = sa.select(UserGroup.name, UserGroup.id).where(UserGroup.name.in_(chunk))
        ids |= {row.name: row.id for row in work.session.execute(query)}
    rows = [
        {"user_id": user_id, "usergroup_id": ids[name]}
        for user_id, groups in wanted
        for name in groups
    ]
    for some in _chunks(rows):
        insert = conflict_insert(connection, membership).values(some)
        work.session.execute(insert.on_conflict_do_nothing())


def _chunks(values: Iterable[_T]) -> Iterator[list[_T]]:
    all_values = list(values)
    for start in range(0, len(all_values), _CHUNK):
        yield all_values[start : start + _CHUNK]
