"""Groups of users; rights are given to groups only."""

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy import orm

from timApp.database.model import Model, conflict_insert
from timApp.database.work import UnitOfWork
from timApp.util.errors import Conflict, NotFound
from timApp.util.names import key_of
from timApp.util.text import is_storable, quoted

ADMIN_GROUP = "Administrators"
SUPERVISOR_GROUP = "Session supervisors"


class Member:
    """Somebody of whom the names of their groups are known, without the personal one."""

    groups: Collection[str]

    @property
    def is_admin(self) -> bool:
        """Whether they are a member of the group `Administrators`."""
        return ADMIN_GROUP in self.groups

    @property
    def is_supervisor(self) -> bool:
        """Whether they are a member of the group `Session supervisors`."""
        return SUPERVISOR_GROUP in self.groups


membership = sa.Table(
    "usergroupmember",
    Model.metadata,
    sa.Column("user_id", sa.ForeignKey("useraccount.id"), primary_key=True),
    sa.Column("usergroup_id", sa.ForeignKey("usergroup.id"), primary_key=True, index=True),
)


# The class of people is not there yet: they have groups, so groups do not import it.
_owner = sa.table("useraccount", sa.column("id"), sa.column("name_key"))


class UserGroup(Model):
    """A named set of users.

    Each user has a personal group of the same name, so that rights can be given to one person in
    the same way as to many, and the names of users and groups never collide.
    """

    __tablename__ = "usergroup"

    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str] = orm.mapped_column(unique=True)
    #: The one user whose personal group this is; None for a real group.
    personal_user_id: orm.Mapped[int | None] = orm.mapped_column(
        sa.ForeignKey("useraccount.id"), unique=True
    )

    @classmethod
    def get_by_name(cls, work: UnitOfWork, name: str) -> "UserGroup | None":
        """Return the group of that name, or else the personal group of that user, or None.

        Names of groups are compared to the letter, those of users as `timApp.util.names` says.
        """
        if not is_storable(name):
            return None
        found = work.session.scalar(sa.select(cls).where(cls.name == name))
        if found is None:
            of_user = (
                sa.select(cls)
                .join(_owner, _owner.c.id == cls.personal_user_id)
                .where(_owner.c.name_key == key_of(name))
            )
            found = work.session.scalar(of_user)
        return found


def require_group(work: UnitOfWork, name: str) -> UserGroup:
    """Return the group of that name, or the personal group of that user; else `NotFound`."""
    group = UserGroup.get_by_name(work, name)
    if group is None:
        raise NotFound(
            "There is no user or group named %(name)s.", field="group", name=quoted(name)
        )
    return group


def require_real_group(work: UnitOfWork, name: str) -> UserGroup:
    """Return the group of that name, made now if there was none.

    `Conflict` (field ``group``) if it is a user's personal group, of which nobody else is a member.
    """
    group = UserGroup.get_by_name(work, name)
    if group is None:
        # Somebody else may just be adding it: then this waits for them, and finds theirs.
        insert = conflict_insert(work.session.connection(), UserGroup).values(name=name)
        work.session.execute(insert.on_conflict_do_nothing())
        group = UserGroup.get_by_name(work, name)
        assert group is not None  # noqa: S101 - somebody has added it
    if group.personal_user_id is not None:
        raise Conflict("%(name)s is a user, not a group.", field="group", name=repr(name))
    return group
