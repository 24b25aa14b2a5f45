"""Finds people by any part of their name, real name or email."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from timApp.database.work import UnitOfWork
from timApp.user.user import User
from timApp.util.folded import SEPARATOR, folded
from timApp.util.names import key_of
from timApp.util.text import is_storable


@dataclass(frozen=True)
class FoundPerson:
    """Somebody whom a search has found."""

    id: int
    name: str
    real_name: str
    email: str


def has_text(text: str) -> sa.ColumnElement[bool]:
    """Return the condition that a user's name, real name or email has the text in it.

    The text is one that a database can hold. Capitals, accents and width do not count, nor do
    blanks around it; with none, or more than one line, nobody is found. Of somebody whom an older
    program has added (`User.name_key`) no more than capitals of ASCII are known.
    """
    wanted = folded(text.strip())
    if not wanted or SEPARATOR in wanted:
        return sa.false()
    texts = User.name + SEPARATOR + User.real_name + SEPARATOR + User.email
    return sa.func.coalesce(User.search_text, sa.func.lower(texts)).contains(
        wanted, autoescape=True
    )


def search_people(
    work: UnitOfWork, text: str, limit: int | None = None, *, with_deleted: bool = False
) -> Sequence[FoundPerson]:
    """Return the people whose name, real name or email has the text in it, at most `limit`.

    Whoever has exactly the text as a name comes first, then all in order of their names. All people
    are looked through; whose account was deleted is found if that is asked for.
    """
    if not is_storable(text):
        return []
    is_other = sa.case((User.name_key == key_of(text), 0), else_=1)
    query = (
        sa.select(User.id, User.name, User.real_name, User.email)
        .where(has_text(text), sa.true() if with_deleted else User.deleted_at.is_(None))
        .order_by(is_other, User.name)
        .limit(limit)
    )
    return [FoundPerson(*row) for row in work.session.execute(query)]
