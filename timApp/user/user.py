"""Accounts of people."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.engine.default import DefaultExecutionContext

from timApp.database.model import Model
from timApp.database.textlock import lock_text
from timApp.database.work import UnitOfWork
from timApp.user.naming import name_recorded, name_taken, require_distinct
from timApp.user.newpassword import check_new_password
from timApp.user.password import hash_password
from timApp.user.usergroup import (
    ADMIN_GROUP,
    SUPERVISOR_GROUP,
    UserGroup,
    membership,
    require_real_group,
)
from timApp.util.clock import now
from timApp.util.errors import NotFound
from timApp.util.folded import folded
from timApp.util.lookalikes import look_of, looks_to_find
from timApp.util.names import check_new_name, key_of
from timApp.util.text import check_text, is_storable, quoted

#: Largest id that a database holds.
ID_MAX = 2**31 - 1
_ID_MAX_LENGTH = len(str(ID_MAX))


def _made_of(make: Callable[..., str], *columns: str) -> Callable[[DefaultExecutionContext], str]:
    """Return the default of a column that is made of what others of a new row have."""

    def default(context: DefaultExecutionContext) -> str:
        values = context.get_current_parameters()  # type: ignore[no-untyped-call]
        return make(*(values.get(column) or "" for column in columns))

    return default


class User(Model):
    """A person who has been seen here: with an account of this site, or vouched for by others."""

    __tablename__ = "useraccount"

    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    #: What the person logs in with, as it was given.
    name: orm.Mapped[str] = orm.mapped_column(unique=True)
    real_name: orm.Mapped[str] = orm.mapped_column(default="")
    email: orm.Mapped[str] = orm.mapped_column(default="")
    #: None for people whose passwords are not this site's matter.
    password_hash: orm.Mapped[str | None]
    created_at: orm.Mapped[datetime] = orm.mapped_column(default=now)
    #: When the account was closed; None while it is open.
    disabled_at: orm.Mapped[datetime | None]
    #: When it was deleted; None if it was not. What is left then, always closed, is a name for what
    #: is recorded of the person: see `timApp.accounts.delete`.
    deleted_at: orm.Mapped[datetime | None]
    #: What the name is compared by, see `timApp.util.names`. This and the next ones are None for
    #: somebody whom an older program has added beside this one: they are found by their name to
    #: the letter, until `timapp db upgrade` fills in what is missing.
    name_key: orm.Mapped[str | None] = orm.mapped_column(
        default=_made_of(key_of, "name"), deferred=True
    )
    #: What names are found by that look the same, see `timApp.util.lookalikes`.
    name_look: orm.Mapped[str | None] = orm.mapped_column(
        default=_made_of(look_of, "name"), deferred=True
    )
    #: What searches look into: name, real name and email, see `timApp.util.folded`.
    search_text: orm.Mapped[str | None] = orm.mapped_column(
        default=_made_of(folded, "name", "real_name", "email"), deferred=True
    )

    __table_args__ = (
        sa.Index("ix_useraccount_name_key", "name_key", unique=True),
        sa.Index("ix_useraccount_name_look", "name_look"),
    )

    groups: orm.Mapped[list[UserGroup]] = orm.relationship(
        secondary=membership, order_by=UserGroup.name, backref="members"
    )
    # The class of a session is named by string only: it knows users, so users do not import it.
    sessions: orm.Mapped[list[Any]] = orm.relationship(
        "UserSession",
        back_populates="user",
        order_by="UserSession.logged_in_at, UserSession.session_id",
    )
    active_sessions: orm.Mapped[list[Any]] = orm.relationship(
        "UserSession",
        primaryjoin="and_(User.id == UserSession.user_id, ~UserSession.expired)",
        order_by="UserSession.logged_in_at, UserSession.session_id",
        viewonly=True,
    )

    @property
    def is_admin(self) -> bool:
        """Whether the user is a member of the group `Administrators`."""
        return self._is_member(ADMIN_GROUP)

    @property
    def is_supervisor(self) -> bool:
        """Whether the user is a member of the group `Session supervisors`."""
        return self._is_member(SUPERVISOR_GROUP)

    def _is_member(self, group_name: str) -> bool:
        # A user may be called like the group: their personal group gives none of its rights.
        return any(
            group.name == group_name and group.personal_user_id is None for group in self.groups
        )

    @classmethod
    def get_by_name(cls, work: UnitOfWork, name: str) -> "User | None":
        """Return the user whose name that is, as names are compared, or None."""
        if not is_storable(name):
            return None
        found = work.session.scalar(sa.select(cls).where(cls.name == name))
        if found is None:
            found = work.session.scalar(sa.select(cls).where(cls.name_key == key_of(name)))
        return found


def id_of(value: object) -> int | None:
    """Return the id that a text says, in digits; None if nobody could have such an id."""
    if not isinstance(value, str) or len(value) > _ID_MAX_LENGTH:
        return None
    number = int(value) if value.isascii() and value.isdecimal() else 0
    return number if 0 < number <= ID_MAX else None


def no_user(name: str, field: str = "user") -> NotFound:
    """Return the error for a name that is nobody's; `field` is that of the input that held it."""
    return NotFound("There is no user named %(name)s.", field=field, name=quoted(name))


def require_user(work: UnitOfWork, name: str, field: str = "user") -> User:
    """Return the user whose name that is; `NotFound` when there is none.

    `field` is what the error calls the input that held the name.
    """
    user = User.get_by_name(work, name)
    if user is None:
        raise no_user(name, field)
    return user


def create_user(
    work: UnitOfWork,
    name: str,
    password: str | None,
    *,
    real_name: str = "",
    email: str = "",
    groups: Iterable[str] = (),
) -> User:
    """Add a user, their personal group and their memberships; missing groups are made.

    Without a password nobody logs in as them with one. `Conflict` when a user or group of that
    name exists, or a user whose name looks the same; `BadInput` for a name that new people may not
    have (`check_new_name`), and for a real name, email or password that is too long, has control
    characters, or is a password that nobody may have (`check_new_password`).
    """
    check_new_name(name)
    check_text("real_name", real_name)
    check_text("email", email)
    group_names = [check_text("group", group, required=True) for group in groups]
    password_hash = None
    if password is not None:
        password_hash = hash_password(check_new_password(password, name, real_name, email))
    _require_free(work, name)
    user = User(name=name, real_name=real_name, email=email, password_hash=password_hash)
    work.session.add(user)
    try:
        work.session.flush()
    except sa.exc.IntegrityError as error:  # somebody else was faster
        raise name_taken(name) from error
    user.groups.append(UserGroup(name=name, personal_user_id=user.id))
    user.groups += [require_real_group(work, one) for one in dict.fromkeys(group_names)]
    work.session.flush()
    return user


def _require_free(work: UnitOfWork, name: str) -> None:
    """Raise `Conflict` if a user or group has the name, or a user's name looks the same.

    The race it prevents: two names that look the same, neither of which finds the other.
    """
    *_, look = looks = looks_to_find(name)
    lock_text(work.session.connection(), look)
    is_same = User.name_key == key_of(name)
    if work.session.scalar(sa.select(sa.exists().where(is_same, User.deleted_at.is_not(None)))):
        raise name_recorded(name)
    is_like = sa.or_(is_same, User.name_look.in_(looks))
    require_distinct(name, work.session.scalars(sa.select(User.name).where(is_like)))
    if UserGroup.get_by_name(work, name) is not None:
        raise name_taken(name)
