"""What all items, such as documents, have in common."""

from typing import Protocol

import sqlalchemy as sa
from sqlalchemy import orm

from timApp.database.model import Model
from timApp.item.block import Block


class PlacedItem(Protocol):
    """What is asked of an item before it is shown: which one it is, and where."""

    @property
    def id(self) -> int:
        """The id, which is that of the block."""

    @property
    def path(self) -> str:
        """Where the item is found."""


class ItemBase(Model):
    """Something whose rights are those of its block."""

    __abstract__ = True

    @orm.declared_attr
    @classmethod
    def id(cls) -> orm.Mapped[int]:
        """The id, which is that of the block."""
        return orm.mapped_column(sa.ForeignKey("block.id"), primary_key=True)

    @orm.declared_attr
    @classmethod
    def block(cls) -> orm.Mapped[Block]:
        """The block that carries the rights."""
        return orm.relationship(Block)


class Item(ItemBase):
    """An item that is found by its path."""

    __abstract__ = True

    #: Where the item is found: segments separated by ``/``, without one at either end.
    path: orm.Mapped[str] = orm.mapped_column(unique=True)
    title: orm.Mapped[str]
