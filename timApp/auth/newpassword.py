"""A new password, by which the person's other sessions end."""

import sqlalchemy as sa

from timApp.auth.site import current_guard, db
from timApp.guard.changes.change import AllButOne, Change
from timApp.guard.vocabulary import Action, Actor
from timApp.user.apitoken import ApiToken, remove_tokens
from timApp.user.naming import was_deleted
from timApp.user.newpassword import check_new_password
from timApp.user.password import hash_password
from timApp.user.people import Person
from timApp.user.user import User


def set_password(person: Person, password: str, actor: Actor, kept: str | None = None) -> int:
    """Replace the person's password; return how many of their sessions ended by that.

    `kept` is the session that goes on; None: all end. So do all tokens of their programs. A login
    with the old password that is under way begins none. It is recorded. `Conflict` for an account
    that is deleted, `BadInput` for a password that may not be a new one (`check_new_password`), and
    `Busy` if too many wait for a hash. Nothing is committed; no transaction should be open before,
    as the hash takes a while.
    """
    if person.is_deleted:
        raise was_deleted(person.name)
    check_new_password(password, person.name, person.real_name, person.email)
    new_hash = hash_password(password)
    change = Change(Action.NEW_CREDENTIALS, AllButOne(person.name, person.id, kept), actor)
    ended = current_guard().apply(change, db).changed
    remove_tokens(db, ApiToken.user_id == person.id)
    is_theirs = (User.id == person.id, User.deleted_at.is_(None))
    db.session.execute(sa.update(User).where(*is_theirs).values(password_hash=new_hash))
    return ended
