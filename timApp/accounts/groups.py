"""Groups by themselves: which there are, and how one is made and goes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from timApp.database.engine import begin_write
from timApp.database.work import UnitOfWork
from timApp.guard.tables.exam import exam_groups, exam_supervisors
from timApp.item.block import BlockAccess
from timApp.user.usergroup import (
    ADMIN_GROUP,
    SUPERVISOR_GROUP,
    UserGroup,
    membership,
    require_group,
    require_real_group,
)
from timApp.util.errors import Conflict
from timApp.util.text import check_text, quoted

_groups = UserGroup.__table__.c


@dataclass(frozen=True)
class ShownGroup:
    """A group, and what it is part of."""

    id: int
    name: str
    members: int
    #: Rights to documents, and exams that its members sit or supervise.
    rights: int
    exams: int


def all_groups(work: UnitOfWork) -> Sequence[ShownGroup]:
    """Return the groups in order of their names, without those that are one person each."""
    return [ShownGroup(*row) for row in work.session.execute(_shown().order_by(_groups.name))]


def add_group(work: UnitOfWork, name: str) -> bool:
    """Make a group; return whether there was none of that name.

    `BadInput` for what is no name, `Conflict` for that of a person. Nothing is committed.
    """
    check_text("group", name, required=True)
    begin_write(work.session.connection())
    is_new = UserGroup.get_by_name(work, name) is None
    require_real_group(work, name)
    return is_new


def remove_group(work: UnitOfWork, name: str, *, with_all: bool = False) -> ShownGroup:
    """Let a group go, and return what it was.

    `NotFound` (field ``group``) for no group. `Conflict` for a person, for the two groups that the
    site knows of, for one that sits or supervises an exam, and, unless `with_all` takes that
    away, for one that has members or rights. Nothing is committed.
    """
    begin_write(work.session.connection())
    group = require_group(work, name)
    if group.personal_user_id is not None:
        raise Conflict("%(name)s is a user, not a group.", field="group", name=quoted(name))
    if group.name in {ADMIN_GROUP, SUPERVISOR_GROUP}:
        raise Conflict("The site needs the group %(name)s.", field="group", name=quoted(group.name))
    lock = sa.select(_groups.id).where(_groups.id == group.id).with_for_update()
    work.session.execute(lock)
    shown = ShownGroup(*work.session.execute(_shown().where(_groups.id == group.id)).one())
    if shown.exams:
        raise Conflict(
            "The group %(name)s sits or supervises exams; take it out of them before.",
            field="group",
            name=quoted(group.name),
        )
    if (shown.members or shown.rights) and not with_all:
        raise Conflict(
            "The group %(name)s has members (%(members)s) or rights (%(rights)s).",
            field="group",
            name=quoted(group.name),
            members=shown.members,
            rights=shown.rights,
        )
    work.session.execute(sa.delete(BlockAccess).where(BlockAccess.usergroup_id == group.id))
    work.session.execute(sa.delete(membership).where(membership.c.usergroup_id == group.id))
    work.session.execute(sa.delete(UserGroup).where(UserGroup.id == group.id))
    work.session.expire_all()
    return shown


def _shown() -> sa.Select[*tuple[Any, ...]]:
    accesses = BlockAccess.__table__.c.usergroup_id
    return sa.select(
        _groups.id,
        _groups.name,
        _count(membership.c.usergroup_id),
        _count(accesses),
        _count(exam_groups.c.usergroup_id) + _count(exam_supervisors.c.usergroup_id),
    ).where(_groups.personal_user_id.is_(None))


def _count(column: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    """Return how many rows have the group in a column."""
    found = sa.select(sa.func.count(column)).where(column == _groups.id)
    return found.scalar_subquery()
