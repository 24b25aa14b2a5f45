"""People as they are remembered at login: whoever vouched for them, here is what was said."""

from dataclasses import dataclass

import sqlalchemy as sa

from timApp.database.dialects.functions import SEPARATOR, Joined
from timApp.database.driver.read import QuickRead
from timApp.database.engine import begin_write
from timApp.database.work import UnitOfWork
from timApp.user.factor.passkey import Passkey
from timApp.user.user import User, create_user, no_user
from timApp.user.usergroup import (
    Member,
    UserGroup,
    membership,
    require_real_group,
)
from timApp.util.folded import folded
from timApp.util.names import key_of
from timApp.util.text import check_text, is_storable


@dataclass(frozen=True)
class Identity:
    """Who somebody is, as their password, another program or an identity provider vouches for it.

    Names are compared as RFC 8265 says (`timApp.util.names`); the one that was given first is
    shown. None means that nothing is said of it: what is remembered stays.
    """

    name: str
    real_name: str | None = None
    email: str | None = None
    groups: frozenset[str] | None = None


@dataclass(frozen=True)
class Person(Member):
    """A person who is remembered, as they were when they were looked up."""

    id: int
    name: str
    real_name: str
    email: str
    #: Their groups, without the personal one, which has their name.
    groups: frozenset[str]
    #: None for people whose passwords are not this site's matter.
    password_hash: str | None
    #: Whether their account is closed, so that no session of theirs begins.
    is_disabled: bool = False
    #: Whether it was deleted: then nothing is remembered of them any more.
    is_deleted: bool = False
    #: Whether they have a passkey, without which they do not log in.
    has_passkey: bool = False

    def is_as(self, identity: Identity) -> bool:
        """Tell whether there is nothing new in what is said of them."""
        return all(
            said is None or said == known
            for said, known in (
                (identity.real_name, self.real_name),
                (identity.email, self.email),
                (identity.groups, self.groups),
            )
        )


def group_names(user_id: sa.ColumnElement[int]) -> sa.ColumnElement[str]:
    """Return the names of a user's groups, without the personal one, as one text.

    It is for `read_groups`.
    """
    # Looked up one by one: a join is planned for more groups than anybody has.
    name = sa.select(UserGroup.name).where(
        UserGroup.id == membership.c.usergroup_id, UserGroup.personal_user_id.is_(None)
    )
    names = (
        sa.select(name.scalar_subquery())
        .select_from(membership)
        .where(membership.c.user_id == user_id)
    )
    return Joined(names.scalar_subquery())


def read_groups(text: str | None) -> frozenset[str]:
    """Return the groups that `group_names` has brought."""
    return frozenset(text.split(SEPARATOR)) if text else frozenset()


def _person_where(condition: sa.ColumnElement[bool]) -> QuickRead:
    return QuickRead(
        sa.select(
            User.id,
            User.name,
            User.real_name,
            User.email,
            User.password_hash,
            User.disabled_at.is_not(None).label("is_disabled"),
            User.deleted_at.is_not(None).label("is_deleted"),
            sa.exists().where(Passkey.user_id == User.id).label("has_passkey"),
            group_names(User.__table__.c.id).label("groups"),
        ).where(condition)
    )


_by_letters = _person_where(User.name == sa.bindparam("name"))
_by_key = _person_where(User.name_key == sa.bindparam("key"))


def find_person(work: UnitOfWork, name: str) -> Person | None:
    """Return the person whose name that is, as names are compared, or None.

    It is one statement for somebody who is named as they are shown, and two for others.
    """
    if not is_storable(name):
        return None
    row = _by_letters.first(work, {"name": name}) or _by_key.first(work, {"key": key_of(name)})
    if row is None:
        return None
    return Person(
        id=row.id,
        name=row.name,
        real_name=row.real_name,
        email=row.email,
        groups=read_groups(row.groups),
        password_hash=row.password_hash,
        is_disabled=bool(row.is_disabled),
        is_deleted=bool(row.is_deleted),
        has_passkey=bool(row.has_passkey),
    )


def require_person(work: UnitOfWork, name: str, field: str = "user") -> Person:
    """Return the person whose name that is; `NotFound` for the field if there is none."""
    person = find_person(work, name)
    if person is None:
        raise no_user(name, field)
    return person


def remember(work: UnitOfWork, identity: Identity) -> Person:
    """Return the person of that name, made or brought up to date with what is said of them.

    Nothing is written if there is nothing new, or of somebody whose account was deleted. The
    personal group stays, whatever groups are named. `BadInput` and `Conflict` as in `create_user`:
    for a name that is a group's, say, and for one that somebody else is just adding; the
    transaction is of no use then.
    """
    known = find_person(work, identity.name)
    if known is not None and (known.is_deleted or known.is_as(identity)):
        return known
    if known is None:
        create_user(
            work,
            identity.name,
            None,
            real_name=identity.real_name or "",
            email=identity.email or "",
            groups=sorted(identity.groups or ()),  # those who add the same wait in one order
        )
    else:
        _update(work, known, identity)
    work.session.flush()
    person = find_person(work, identity.name)
    assert person is not None  # noqa: S101 - we have just written it down
    return person


def _update(work: UnitOfWork, known: Person, identity: Identity) -> None:
    # Two who have read the same groups would both take them away.
    begin_write(work.session.connection())
    user = work.session.get_one(User, known.id)
    work.session.refresh(user, with_for_update={"key_share": True})
    if user.deleted_at is not None:
        return
    if identity.real_name is not None:
        user.real_name = check_text("real_name", identity.real_name)
    if identity.email is not None:
        user.email = check_text("email", identity.email)
    if identity.groups is not None:
        groups = [
            require_real_group(work, check_text("group", name, required=True))
            for name in sorted(identity.groups)
        ]
        personal = [group for group in user.groups if group.personal_user_id is not None]
        user.groups = personal + groups
    user.search_text = folded(user.name, user.real_name, user.email)
