"""Puts people who are there into groups, and takes them out."""

from collections.abc import Collection
from dataclasses import dataclass

from timApp.database.engine import begin_write
from timApp.database.work import UnitOfWork
from timApp.user.naming import was_deleted
from timApp.user.user import require_user
from timApp.user.usergroup import (
    ADMIN_GROUP,
    SUPERVISOR_GROUP,
    UserGroup,
    require_group,
    require_real_group,
)
from timApp.util.errors import BadInput, Conflict
from timApp.util.text import quoted


@dataclass(frozen=True)
class Regrouped:
    """A person's groups, without the personal one, and whether they have changed."""

    name: str
    groups: list[str]
    has_changed: bool


def regroup(
    work: UnitOfWork, name: str, added: Collection[str], removed: Collection[str]
) -> Regrouped:
    """Add a person to groups and take them out of others; it counts from the commit on.

    Where they are already, or are not, nothing changes. `NotFound` for an unknown person (field
    ``user``) or group (``group``), `Conflict` (``group``) for the personal group of somebody,
    `BadInput` (``group``) for a group in both. Nothing is committed.
    """
    # Two who have read the same groups would both take them away.
    begin_write(work.session.connection())
    user = require_user(work, name)
    work.session.refresh(user, with_for_update={"key_share": True})
    if user.deleted_at is not None and (added or removed):
        raise was_deleted(user.name)
    new, gone = _groups(work, added), _groups(work, removed)
    for both in new.keys() & gone.keys():
        raise BadInput(
            "%(name)s is both to be added and to be taken away.",
            field="group",
            name=quoted(new[both].name),
        )
    before = {group.id: group for group in user.groups}
    after = {id_: group for id_, group in (before | new).items() if id_ not in gone}
    if after.keys() != before.keys():
        user.groups = list(after.values())
        work.session.flush()
    names = sorted(group.name for group in after.values() if group.personal_user_id is None)
    return Regrouped(user.name, names, after.keys() != before.keys())


def _groups(work: UnitOfWork, names: Collection[str]) -> dict[int, UserGroup]:
    # Those that the site knows of are there before anybody is in them.
    own = (ADMIN_GROUP, SUPERVISOR_GROUP)
    groups = [
        require_real_group(work, name) if name in own else require_group(work, name)
        for name in names
    ]
    for group in groups:
        if group.personal_user_id is not None:
            raise Conflict(
                "%(name)s is a user, not a group.", field="group", name=quoted(group.name)
            )
    return {group.id: group for group in groups}


def regrouped_words(added: Collection[str], removed: Collection[str]) -> str:
    """Return the words in which the record says how somebody's groups were changed."""
    signed = [f"+{one}" for one in sorted(added)] + [f"-{one}" for one in sorted(removed)]
    return f"groups: {' '.join(signed)}"
