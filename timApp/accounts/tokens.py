"""API tokens are made and ended, and it is recorded."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from timApp.accounts.account import require_account_by_id
from timApp.accounts.change import record_of
from timApp.database.work import UnitOfWork
from timApp.guard.vocabulary import Action, Actor
from timApp.user.apitoken import ApiToken, NewToken, TokenScope, make_token, remove_tokens
from timApp.user.user import User
from timApp.util.errors import Conflict, NotFound
from timApp.util.text import is_storable, quoted


@dataclass(frozen=True)
class ListedToken:
    """A token, and whose it is."""

    token: ApiToken
    user_name: str
    real_name: str


def add_token(  # noqa: PLR0917 - what a token is
    work: UnitOfWork, user_id: int, name: str, scope: TokenScope, days: int, actor: Actor
) -> NewToken:
    """Make a token of an administrator's, as `make_token`, and record it. Nothing is committed.

    `Conflict` (field ``user``) for somebody who is none: there is nothing that theirs would be good
    for.
    """
    account = require_account_by_id(work, user_id)
    if not account.is_admin or account.disabled_at is not None:
        raise Conflict(
            "%(name)s is no administrator with an open account, and so has no use for a token.",
            field="user",
            name=quoted(account.name),
        )
    made = make_token(work, user_id, name, scope, days)
    record_of(work, Action.ADD_TOKEN, user_id, actor, f"{made.token.prefix}: {scope.value}")
    return made


def end_token(work: UnitOfWork, prefix: str, actor: Actor) -> ApiToken:
    """End a token, and record it; return what it was.

    `NotFound` (field ``token``) if there is none, also for one that was ended before. Nothing is
    committed.
    """
    is_it = ApiToken.prefix == prefix
    token = work.session.scalar(sa.select(ApiToken).where(is_it)) if is_storable(prefix) else None
    if token is not None:
        work.session.expunge(token)
    if token is None or not remove_tokens(work, is_it):  # or somebody else was faster
        raise NotFound("There is no token %(prefix)s.", field="token", prefix=quoted(prefix))
    record_of(work, Action.END_TOKEN, token.user_id, actor, prefix)
    return token


def listed_tokens(work: UnitOfWork, user_id: int | None = None) -> Sequence[ListedToken]:
    """Return the tokens of the person, or of everybody: by the person's name, the oldest first."""
    whose = sa.true() if user_id is None else ApiToken.user_id == user_id
    query = (
        sa.select(ApiToken, User.name, User.real_name)
        .join(User, User.id == ApiToken.user_id)
        .where(whose)
        .order_by(User.name, ApiToken.made_at, ApiToken.prefix)
    )
    return [ListedToken(*row) for row in work.session.execute(query)]
