"""Blocks: what rights are attached to."""

import sqlalchemy as sa
from sqlalchemy import orm

from timApp.database.driver.read import QuickRead
from timApp.database.model import Model, enum_column
from timApp.database.work import UnitOfWork
from timApp.item.accesstype import AccessType
from timApp.user.usergroup import UserGroup, membership


class Block(Model):
    """Something that groups of users have rights to, such as a document."""

    __tablename__ = "block"

    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    #: What the block is the handle of, e.g. ``document``.
    kind: orm.Mapped[str]

    accesses: orm.Mapped[list["BlockAccess"]] = orm.relationship(back_populates="block")


class BlockAccess(Model):
    """A right of one group to one block."""

    __tablename__ = "blockaccess"

    block_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("block.id"), primary_key=True)
    usergroup_id: orm.Mapped[int] = orm.mapped_column(
        sa.ForeignKey("usergroup.id"), primary_key=True, index=True
    )
    access_type: orm.Mapped[AccessType] = orm.mapped_column(
        enum_column(AccessType, check="access_type"), primary_key=True
    )

    block: orm.Mapped[Block] = orm.relationship(back_populates="accesses")
    usergroup: orm.Mapped[UserGroup] = orm.relationship()


def grant_access(work: UnitOfWork, block: Block, group: UserGroup, access_type: AccessType) -> bool:
    """Give the group the right; returns False, and changes nothing, if it had it already."""
    key = (block.id, group.id, access_type)
    if work.session.get(BlockAccess, key) is not None:
        return False
    work.session.add(BlockAccess(block=block, usergroup=group, access_type=access_type))
    work.session.flush()
    return True


def revoke_access(work: UnitOfWork, block: Block, group: UserGroup) -> set[AccessType]:
    """Take all rights to the block from the group; return which those were, none if it had none."""
    is_its = (BlockAccess.block_id == block.id, BlockAccess.usergroup_id == group.id)
    had = set(work.session.scalars(sa.select(BlockAccess.access_type).where(*is_its)))
    work.session.execute(sa.delete(BlockAccess).where(*is_its))
    return had


def accessible_blocks(user_id: int, access_type: AccessType) -> sa.Select[int]:
    """Return a query of the ids of the blocks to which one of the user's groups has the right."""
    return (
        sa.select(BlockAccess.block_id)
        .join(membership, membership.c.usergroup_id == BlockAccess.usergroup_id)
        .where(
            membership.c.user_id == user_id,
            BlockAccess.access_type.in_(access_type.sufficient()),
        )
    )


def may(
    user_id: sa.ColumnElement[int], block_id: sa.ColumnElement[int], access_type: AccessType
) -> sa.ColumnElement[bool]:
    """Return the condition that one of the user's groups has the right to the block."""
    return (
        sa.exists()
        .where(
            BlockAccess.block_id == block_id,
            BlockAccess.access_type.in_(access_type.sufficient()),
            membership.c.usergroup_id == BlockAccess.usergroup_id,
            membership.c.user_id == user_id,
        )
        .correlate_except(BlockAccess, membership)
    )


def has_access(work: UnitOfWork, user_id: int, block_id: int, access_type: AccessType) -> bool:
    """Tell whether one of the user's groups has the right; unknown ids have none.

    Administrators' right to everything is not asked here.
    """
    key = {"user_id": user_id, "block_id": block_id}
    return _access_queries[access_type].first(work, key) is not None


def _access_query(access_type: AccessType) -> QuickRead:
    sufficient = (BlockAccess.access_type == kind for kind in access_type.sufficient())
    return QuickRead(
        sa.select(BlockAccess.block_id)
        .join(membership, membership.c.usergroup_id == BlockAccess.usergroup_id)
        .where(
            membership.c.user_id == sa.bindparam("user_id"),
            BlockAccess.block_id == sa.bindparam("block_id"),
            sa.or_(*sufficient),
        )
        .limit(1)
    )


_access_queries = {access_type: _access_query(access_type) for access_type in AccessType}
