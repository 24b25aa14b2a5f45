"""Accounts of people."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from timApp.database.model import Model
from timApp.database.work import UnitOfWork
from timApp.user.password import check_password, hash_password
from timApp.user.usergroup import (
    ADMIN_GROUP,
    SUPERVISOR_GROUP,
    UserGroup,
    membership,
    require_real_group,
)
from timApp.util.clock import now
from timApp.util.errors import Conflict, NotFound
from timApp.util.text import check_text, is_storable, quoted

#: Largest id that a database holds.
ID_MAX = 2**31 - 1
_ID_MAX_LENGTH = len(str(ID_MAX))


class User(Model):
    """A person who has been seen here: with an account of this site, or vouched for by others."""

    __tablename__ = "useraccount"

    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    #: What the person logs in with; compared to the letter.
    name: orm.Mapped[str] = orm.mapped_column(unique=True)
    real_name: orm.Mapped[str] = orm.mapped_column(default="")
    email: orm.Mapped[str] = orm.mapped_column(default="")
    #: None for people whose passwords are not this site's matter.
    password_hash: orm.Mapped[str | None]
    created_at: orm.Mapped[datetime] = orm.mapped_column(default=now)

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
        """Return the user of exactly that name, or None."""
        if not is_storable(name):
            return None
        return work.session.scalar(sa.select(cls).where(cls.name == name))


def id_of(value: object) -> int | None:
    """Return the id that a text says, in digits; None if nobody could have such an id."""
    if not isinstance(value, str) or len(value) > _ID_MAX_LENGTH:
        return None
    number = int(value) if value.isascii() and value.isdecimal() else 0
    return number if 0 < number <= ID_MAX else None


def require_user(work: UnitOfWork, name: str, field: str = "user") -> User:
    """Return the user of exactly that name; `NotFound` when there is none.

    `field` is what the error calls the input that held the name.
    """
    user = User.get_by_name(work, name)
    if user is None:
        raise NotFound("There is no user named %(name)s.", field=field, name=quoted(name))
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
    name exists; `BadInput` for a name, real name, email or password that is too long, has control
    characters, or (name, password) is empty.
    """
    check_text("name", name, required=True)
    check_text("real_name", real_name)
    check_text("email", email)
    group_names = [check_text("group", group, required=True) for group in groups]
    password_hash = None if password is None else hash_password(check_password(password))
    name_taken = Conflict(f"A user or group named {name!r} exists already.", field="name")
    if UserGroup.get_by_name(work, name) is not None:
        raise name_taken
    user = User(name=name, real_name=real_name, email=email, password_hash=password_hash)
    work.session.add(user)
    try:
        work.session.flush()
    except sa.exc.IntegrityError as error:  # somebody else was faster
        raise name_taken from error
    user.groups.append(UserGroup(name=name, personal_user_id=user.id))
    user.groups += [require_real_group(work, one) for one in dict.fromkeys(group_names)]
    work.session.flush()
    return user


def set_password(user: User, password: str) -> None:
    """Replace the user's password; `BadInput` for an empty or an overlong one.

    The user's sessions stay as they are.
    """
    user.password_hash = hash_password(check_password(password))
