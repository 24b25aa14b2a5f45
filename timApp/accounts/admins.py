"""Keeps a site its administrators: nobody shuts themselves out, and the last one stays."""

import sqlalchemy as sa

from timApp.accounts.account import Account
from timApp.database.work import UnitOfWork
from timApp.guard.changes.lock import lock_people_who
from timApp.guard.vocabulary import PEOPLE, Actor
from timApp.user.user import User
from timApp.user.usergroup import ADMIN_GROUP, UserGroup, membership
from timApp.util.errors import Conflict
from timApp.util.names import key_of
from timApp.util.text import quoted

_users = User.__table__.c
_is_admin = sa.exists().where(
    membership.c.user_id == _users.id,
    UserGroup.id == membership.c.usergroup_id,
    UserGroup.name == ADMIN_GROUP,
    UserGroup.personal_user_id.is_(None),
)


def lock_with_admins(work: UnitOfWork, user_id: int) -> None:
    """Lock the person and all administrators, until the transaction ends.

    The race it prevents: two administrators who each take the rights of the other.
    """
    lock_people_who(work, sa.or_(_users.id == user_id, _is_admin))


def require_may_go(work: UnitOfWork, account: Account, actor: Actor) -> None:
    """Raise `Conflict` if the account may not be closed, deleted or deprived of administration.

    That is the actor's own, and that of the only administrator whose account is open. Comes after
    `lock_with_admins`.
    """
    if not account.is_admin:
        return
    if actor.kind in PEOPLE and key_of(actor.name) == key_of(account.name):
        raise Conflict(
            "Nobody takes an administrator's rights from themselves: ask another administrator.",
            field="user",
        )
    is_other = (_users.id != account.id, _users.disabled_at.is_(None), _is_admin)
    others = work.session.scalar(sa.select(sa.exists().where(*is_other)))
    if account.disabled_at is None and not others:
        raise Conflict(
            "%(name)s is the only administrator: make somebody else one before.",
            field="user",
            name=quoted(account.name),
        )
