"""Makes accounts, and changes what they are; who did so is recorded."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from timApp.accounts.account import (
    Account,
    require_account,
    require_account_by_id,
    require_kept,
    require_seen,
)
from timApp.accounts.admins import lock_with_admins, require_may_go
from timApp.database.textlock import lock_text
from timApp.database.work import UnitOfWork
from timApp.guard.changes.change import Change, OnePerson, Receipt
from timApp.guard.changes.record import record_of_people
from timApp.guard.guard import Guard
from timApp.guard.vocabulary import Action, Actor
from timApp.user.apitoken import ApiToken, remove_tokens
from timApp.user.groups import Regrouped, regroup, regrouped_words
from timApp.user.newpassword import check_new_password
from timApp.user.rename import rename_user
from timApp.user.roster.enroll import Enrolled
from timApp.user.roster.plan import Outcome
from timApp.user.roster.slip import made_up_password
from timApp.user.user import User, create_user
from timApp.user.usergroup import ADMIN_GROUP
from timApp.util.clock import now
from timApp.util.errors import BadInput
from timApp.util.folded import folded
from timApp.util.lookalikes import looks_to_find
from timApp.util.text import check_text, is_storable

#: What is recorded of those whom a list has changed.
_LIST = "class list"


@dataclass(frozen=True)
class Wanted:
    """What an account is to be."""

    name: str
    real_name: str = ""
    email: str = ""
    #: Without the personal one.
    groups: Sequence[str] = ()


def add_person(work: UnitOfWork, wanted: Wanted, password: str | None, actor: Actor) -> Account:
    """Add a person as `timApp.user.user.create_user` does, whose errors it has, and record it.

    Nothing is committed.
    """
    user = create_user(
        work,
        wanted.name,
        password,
        real_name=wanted.real_name,
        email=wanted.email,
        groups=wanted.groups,
    )
    record_of(work, Action.ADD_PERSON, user.id, actor)
    return require_account_by_id(work, user.id)


def change_person(
    work: UnitOfWork, user_id: int, wanted: Wanted, actor: Actor, shown: str | None = None
) -> bool:
    """Let an account be what is wanted; return whether it was anything else. It is recorded.

    `shown` is the mark of what whoever asks has seen: `Stale` if the account is another one by now.
    `NotFound` for nobody's id and for a group (field ``group``) that is not there; `BadInput` and
    `Conflict` for a name, real name or email as in `create_user`, for an account that is deleted,
    and where the site would lose its last administrator or the actor their rights. Nothing is
    committed.
    """
    if is_storable(wanted.name):
        # Before the person, as whoever adds or renames somebody does.
        *_, look = looks_to_find(wanted.name)
        lock_text(work.session.connection(), look)
    lock_with_admins(work, user_id)
    account = require_kept(require_account_by_id(work, user_id))
    require_seen(account, shown)
    if wanted.name != account.name:
        rename_person(work, account.name, wanted.name, actor)
    changed = _change_texts(work, account, wanted)
    added = [one for one in dict.fromkeys(wanted.groups) if one not in account.groups]
    removed = [one for one in account.groups if one not in wanted.groups]
    if added or removed:
        if ADMIN_GROUP in removed:
            require_may_go(work, account, actor)
        work.session.expire_all()
        regroup(work, wanted.name, added, removed)
        changed.append(regrouped_words(added, removed))
    if changed:
        record_of(work, Action.CHANGE_PERSON, user_id, actor, ", ".join(changed))
    return bool(changed) or wanted.name != account.name


def regroup_person(
    work: UnitOfWork, name: str, added: Collection[str], removed: Collection[str], actor: Actor
) -> Regrouped:
    """Add a person to groups and take them out of others, as `regroup` does, and record it.

    `Conflict` where the site would lose its last administrator, or the actor their rights.
    """
    account = require_account(work, name)
    if added or removed:
        lock_with_admins(work, account.id)
        account = require_kept(require_account_by_id(work, account.id))
        if ADMIN_GROUP in removed and ADMIN_GROUP not in added:
            require_may_go(work, account, actor)
    done = regroup(work, name, added, removed)
    if done.has_changed:
        before = set(account.groups)
        new = [one for one in done.groups if one not in before]
        gone = sorted(before - set(done.groups))
        record_of(work, Action.CHANGE_PERSON, account.id, actor, regrouped_words(new, gone))
    return done


def rename_person(work: UnitOfWork, old: str, new: str, actor: Actor) -> str:
    """Rename somebody as `rename_user` does, and record their former name, which it returns."""
    former = rename_user(work, old, new)
    user_id = work.session.scalars(sa.select(User.id).where(User.name == new)).one()
    record_of(work, Action.RENAME, user_id, actor, former)
    return former


def change_access(
    guard: Guard, work: UnitOfWork, user_id: int, action: Action, actor: Actor
) -> Receipt:
    """Close an account or open it, as the action DISABLE or ENABLE says; it is recorded.

    Whoever's is closed has no tokens from then on.

    `Conflict` for one that is deleted, for the actor's own, and for the last administrator's.
    """
    lock_with_admins(work, user_id)
    account = require_kept(require_account_by_id(work, user_id))
    if action is Action.DISABLE:
        require_may_go(work, account, actor)
        remove_tokens(work, ApiToken.user_id == user_id)
    return guard.apply(Change(action, OnePerson(account.name, account.id), actor), work)


def record_list(work: UnitOfWork, done: Enrolled, actor: Actor) -> None:
    """Record whom a class list has added and changed, and who has a new password by it."""
    known = {line.known.id: line for line in done.lines if line.known is not None}
    new = [slip.user_id for slip in done.slips if slip.user_id not in known]
    renewed = [slip.user_id for slip in done.slips if slip.user_id in known]
    changed = [id_ for id_, line in known.items() if line.outcome is Outcome.CHANGED]
    moment = now()
    record_of_people(work, actor, Action.ADD_PERSON, new, "", moment)
    record_of_people(work, actor, Action.NEW_CREDENTIALS, renewed, _LIST, moment)
    record_of_people(work, actor, Action.CHANGE_PERSON, changed, _LIST, moment)


def record_of(work: UnitOfWork, action: Action, user_id: int, actor: Actor, what: str = "") -> None:
    """Record what was done to an account, and in a few words what of it, without what it says."""
    record_of_people(work, actor, action, [user_id], what, now())


def password_for_slip(name: str, *others: str) -> str:
    """Return a made-up password that somebody of these names may have."""
    while True:
        password = made_up_password()
        try:
            return check_new_password(password, name, *others)
        except BadInput:  # by chance it is one that somebody would try
            continue


def _change_texts(work: UnitOfWork, account: Account, wanted: Wanted) -> list[str]:
    """Change real name and email; return which of them are others now."""
    said = {"real_name": wanted.real_name, "email": wanted.email}
    changed = {
        name: check_text(name, text)
        for name, text in said.items()
        if text != getattr(account, name)
    }
    if changed:
        searched = folded(wanted.name, wanted.real_name, wanted.email)
        work.session.execute(
            sa.update(User).where(User.id == account.id).values(search_text=searched, **changed)
        )
    return list(changed)
