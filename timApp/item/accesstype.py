"""Kinds of rights."""

from enum import Enum


class AccessType(Enum):
    """What a right allows; each kind includes the ones before it."""

    VIEW = "view"
    EDIT = "edit"
    MANAGE = "manage"

    def sufficient(self) -> list["AccessType"]:
        """Return the kinds of rights of which each allows this one."""
        kinds = list(AccessType)
        return kinds[kinds.index(self) :]
