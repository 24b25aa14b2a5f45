"""An account as administrators see it, and as it is when they change it."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

import sqlalchemy as sa

from timApp.database.work import UnitOfWork
from timApp.guard.tables.session import UserSession
from timApp.user.naming import was_deleted
from timApp.user.people import group_names, read_groups
from timApp.user.search import has_text
from timApp.user.user import User, require_user
from timApp.user.usergroup import Member
from timApp.util.errors import Conflict, NotFound
from timApp.util.text import is_storable, quoted

#: How many a page has.
PAGE_SIZE = 50
_users = User.__table__.c


class Stale(Conflict):
    """Somebody has changed the account since whoever asks has looked; nothing was changed."""


class AccountState(Enum):
    """Which accounts are listed."""

    #: All but those that are deleted.
    ALL = "all"
    #: Open ones.
    ACTIVE = "active"
    #: Closed ones.
    DISABLED = "disabled"
    #: What is left of deleted ones.
    DELETED = "deleted"


@dataclass(frozen=True)
class Account(Member):
    """Who somebody is here, at the moment when it was read."""

    id: int
    name: str
    real_name: str
    email: str
    #: In order, without the personal one.
    groups: Sequence[str]
    has_password: bool
    created_at: datetime
    #: When it was closed, and when it was deleted; None if it was not.
    disabled_at: datetime | None
    deleted_at: datetime | None
    #: None for somebody of whom no session is kept.
    last_login_at: datetime | None

    @property
    def state(self) -> AccountState:
        """What it is: active, disabled or deleted."""
        if self.deleted_at is not None:
            return AccountState.DELETED
        return AccountState.ACTIVE if self.disabled_at is None else AccountState.DISABLED

    @property
    def mark(self) -> str:
        """A text that is another one when somebody has changed what a form shows of it."""
        shown = [self.id, self.name, self.real_name, self.email, list(self.groups)]
        content = json.dumps([*shown, self.state.value])
        return hashlib.sha256(content.encode()).hexdigest()[:32]


@dataclass(frozen=True)
class AccountPage:
    """A page of accounts, in order of their names."""

    accounts: Sequence[Account]
    #: The name after which the next page begins; None on the last one.
    next_after: str | None


def account_page(
    work: UnitOfWork,
    text: str = "",
    state: AccountState = AccountState.ALL,
    after: str = "",
    size: int = PAGE_SIZE,
) -> AccountPage:
    """Return a page of the accounts that have the text in a name, real name or email.

    No text is no condition. The page begins after a name, whether anybody has it or not. All
    people are looked through where there is a text.
    """
    if not (is_storable(text) and is_storable(after)):
        return AccountPage([], None)
    conditions = [_IS_IN[state]]
    if text.strip():
        conditions.append(has_text(text))
    if after:
        conditions.append(_users.name > after)
    query = _accounts().where(*conditions).order_by(_users.name).limit(size + 1)
    found = [_account(row) for row in work.session.execute(query)]
    return AccountPage(found[:size], found[size - 1].name if len(found) > size else None)


def find_account(work: UnitOfWork, user_id: int) -> Account | None:
    """Return the account of that id as it is now; None if there is none."""
    row = work.session.execute(_accounts().where(_users.id == user_id)).first()
    return None if row is None else _account(row)


def require_account(work: UnitOfWork, name: str, field: str = "user") -> Account:
    """Return the account of that name, deleted or not; `NotFound` for the field if there is none.

    Names are compared as `timApp.util.names` says.
    """
    account = find_account(work, require_user(work, name, field).id)
    assert account is not None  # noqa: S101 - no account's row ever goes
    return account


def require_account_by_id(work: UnitOfWork, user_id: int) -> Account:
    """Return the account of that id, whatever its name is by now; else `NotFound`."""
    account = find_account(work, user_id)
    if account is None:
        raise NotFound("There is no such person.", field="person")
    return account


def require_seen(account: Account, shown: str | None) -> None:
    """Raise `Stale` if the account has not the mark that was shown; None: it was not shown."""
    if shown is not None and shown != account.mark:
        raise Stale(
            "Somebody has changed the account of %(name)s since you looked.",
            name=quoted(account.name),
        )


def require_kept(account: Account) -> Account:
    """Return the account if it is not deleted; else `Conflict`."""
    if account.deleted_at is not None:
        raise was_deleted(account.name)
    return account


def _accounts() -> sa.Select[*tuple[Any, ...]]:
    last_login = (
        sa.select(UserSession.logged_in_at)
        .where(UserSession.user_id == _users.id)
        .order_by(UserSession.logged_in_at.desc(), UserSession.session_id.desc())
        .limit(1)
        .scalar_subquery()
    )
    return sa.select(
        _users.id,
        _users.name,
        _users.real_name,
        _users.email,
        group_names(_users.id).label("groups"),
        _users.password_hash.is_not(None).label("has_password"),
        _users.created_at,
        _users.disabled_at,
        _users.deleted_at,
        last_login.label("last_login_at"),
    )


def _account(row: sa.Row[*tuple[Any, ...]]) -> Account:
    values = dict(row._mapping)
    groups = sorted(read_groups(values.pop("groups")))
    has_password = bool(values.pop("has_password"))
    return Account(**values, groups=tuple(groups), has_password=has_password)


_IS_IN = {
    AccountState.ALL: _users.deleted_at.is_(None),
    AccountState.ACTIVE: _users.disabled_at.is_(None),
    AccountState.DISABLED: sa.and_(_users.disabled_at.is_not(None), _users.deleted_at.is_(None)),
    AccountState.DELETED: _users.deleted_at.is_not(None),
}
