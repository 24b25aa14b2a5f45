"""Deletes accounts: what is recorded of the person stays, with their name or a pseudonym.

The row of the person stays with it, closed for good: it is what the record names. Everything else
of the account goes in the same transaction.
"""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from timApp.accounts.account import Account, require_account_by_id, require_seen
from timApp.accounts.admins import lock_with_admins, require_may_go
from timApp.accounts.change import record_of
from timApp.accounts.names import give_pseudonym
from timApp.database.model import Model
from timApp.database.textlock import lock_text
from timApp.database.work import UnitOfWork
from timApp.guard.changes.change import Change, OnePerson
from timApp.guard.guard import Guard
from timApp.guard.tables.change import SessionChange
from timApp.guard.tables.copied import CopiedSession
from timApp.guard.tables.exam import exam_groups, exam_supervisors
from timApp.guard.tables.handin import HandIn
from timApp.guard.tables.hold import SessionHold
from timApp.guard.tables.look import Look
from timApp.guard.tables.order import SessionOrder
from timApp.guard.tables.session import UserSession
from timApp.guard.tables.undo import Undoable
from timApp.guard.tables.waiting import WaitingSession
from timApp.guard.vocabulary import Action, Actor
from timApp.item.block import BlockAccess
from timApp.receivers.notice import Notice
from timApp.user.apitoken import ApiToken
from timApp.user.attempts.failed import FailedLogin
from timApp.user.factor.challenge import PasskeyChallenge
from timApp.user.factor.passkey import Passkey
from timApp.user.factor.proof import SessionProof
from timApp.user.federated import FederatedIdentity, FederatedLogin
from timApp.user.roster.draft import RosterDraft
from timApp.user.user import User
from timApp.user.usergroup import UserGroup, membership
from timApp.util.folded import folded

_PSEUDONYM = re.compile("Person [0-9a-f]{4,}")
_LOCK = "pseudonyms"
#: How often a short pseudonym is looked for that nobody has; after that it is a longer one.
_TRIES = 20


def _in(model: type[Model], name: str) -> sa.Column[Any]:
    table: sa.Table = model.__table__  # type: ignore[assignment]
    return table.c[name]


#: What goes with an account: rows of which this column has the person.
GOES: Sequence[sa.Column[Any]] = (
    _in(WaitingSession, "user_id"),
    _in(SessionHold, "user_id"),
    _in(CopiedSession, "user_id"),
    _in(SessionOrder, "user_id"),
    _in(Undoable, "user_id"),
    _in(Look, "user_id"),
    _in(Look, "supervisor_id"),
    _in(RosterDraft, "user_id"),
    _in(SessionProof, "user_id"),
    _in(Passkey, "user_id"),
    _in(PasskeyChallenge, "user_id"),
    _in(ApiToken, "user_id"),
    _in(FederatedIdentity, "user_id"),
    _in(FederatedLogin, "user_id"),
    membership.c.user_id,
    # Last, as the rows of the next ones have it.
    _in(UserGroup, "personal_user_id"),
)
#: What goes with the group that is the person alone.
GOES_WITH_GROUP: Sequence[sa.Column[Any]] = (
    _in(BlockAccess, "usergroup_id"),
    exam_groups.c.usergroup_id,
    exam_supervisors.c.usergroup_id,
    membership.c.usergroup_id,
)
#: What stays, and names the person by the row that stays.
STAYS: Sequence[sa.Column[Any]] = (
    _in(UserSession, "user_id"),
    _in(SessionChange, "user_id"),
    _in(HandIn, "user_id"),
    _in(FailedLogin, "user_id"),
    _in(Notice, "user_id"),
)
#: What is forgotten of their sessions: where they came from.
_FORGOTTEN = {
    "origin": "",
    "seen_origin": None,
    "seat": None,
    "address_seat": None,
    "device": None,
}


@dataclass(frozen=True)
class Deleted:
    """What came of it."""

    #: Their name of before, and what the record calls them from now on.
    former: str
    name: str
    #: How many of their sessions ended by it.
    sessions: int
    #: Whether the account was deleted just now, and whether it was given a pseudonym.
    is_new: bool
    has_new_name: bool


def delete_person(
    guard: Guard,
    work: UnitOfWork,
    user_id: int,
    actor: Actor,
    *,
    pseudonym: bool,
    shown: str | None = None,
) -> Deleted:
    """Delete an account; with `pseudonym`, nothing that stays has the person's name.

    Their sessions end, and no login succeeds any more. Whose account is deleted already can be
    given a pseudonym; who has one keeps it, and nothing changes. `NotFound` for nobody's id,
    `Conflict` for the actor's own account and that of the last administrator, `Stale` if the
    account is not what has the mark `shown`. It is recorded. Nothing is committed.
    """
    lock_text(work.session.connection(), _LOCK)
    lock_with_admins(work, user_id)
    account = require_account_by_id(work, user_id)
    require_seen(account, shown)
    sessions, is_new = 0, account.deleted_at is None
    if is_new:
        require_may_go(work, account, actor)
        scope = OnePerson(account.name, user_id)
        sessions = guard.apply(Change(Action.DELETE, scope, actor), work).changed
        _forget(work, account)
    name = account.name
    if pseudonym and not has_pseudonym(account):
        name = _free_pseudonym(work)
        give_pseudonym(work, account, name)
        record_of(work, Action.ERASE, user_id, actor)
    work.session.expire_all()
    return Deleted(account.name, name, sessions, is_new, name != account.name)


def has_pseudonym(account: Account) -> bool:
    """Tell whether the name of a deleted account is a pseudonym."""
    return account.deleted_at is not None and _PSEUDONYM.fullmatch(account.name) is not None


def _forget(work: UnitOfWork, account: Account) -> None:
    own = sa.select(UserGroup.id).where(UserGroup.personal_user_id == account.id)
    for column in GOES_WITH_GROUP:
        work.session.execute(sa.delete(column.table).where(column.in_(own)))
    for column in GOES:
        work.session.execute(sa.delete(column.table).where(column == account.id))
    is_theirs = UserSession.user_id == account.id
    work.session.execute(sa.update(UserSession).where(is_theirs).values(_FORGOTTEN))
    searched = folded(account.name, account.real_name, "")
    is_it = User.id == account.id
    work.session.execute(sa.update(User).where(is_it).values(search_text=searched))


def _free_pseudonym(work: UnitOfWork) -> str:
    """Return a pseudonym that nobody has, and that is made of nothing that is known of anybody."""
    for number in range(2 * _TRIES):
        name = f"Person {secrets.token_hex(2 if number < _TRIES else 8)}"
        is_taken = sa.or_(
            sa.exists().where(User.name == name), sa.exists().where(UserGroup.name == name)
        )
        if not work.session.scalar(sa.select(is_taken)):
            break
    return name
