"""API tokens: what a program shows in place of a person's login; the site keeps a hash of each."""

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from hashlib import sha256

import sqlalchemy as sa
from sqlalchemy import orm

from timApp.database.engine import begin_write
from timApp.database.model import Model, enum_column
from timApp.database.work import UnitOfWork, rows_changed
from timApp.util.clock import now
from timApp.util.errors import BadInput, Conflict
from timApp.util.text import check_text, quoted

#: So many a person may have, and so many days one may be good for.
TOKENS_MAX, DAYS_MAX = 20, 366
#: Longest name of one, in characters.
TOKEN_NAME_MAX_LENGTH = 60
#: With this each one begins, so that whoever finds one in a file knows what it is.
TOKEN_START = "timapp_"  # noqa: S105 - what each begins with
#: It is written down that one was used, if it was not within this time.
_USED_INTERVAL = timedelta(minutes=1)
_PREFIX_BYTES, _SECRET_BYTES = 4, 32


class TokenScope(Enum):
    """What may be done with a token, of what its person may do."""

    #: Lists and exports.
    READ = "read"
    #: And verify, invalidate, pause and end the sessions of one person.
    VERIFY = "verify"
    #: And what concerns everybody, or accounts.
    ADMIN = "admin"

    def covers(self, wanted: "TokenScope") -> bool:
        """Tell whether it is enough where that one is wanted."""
        order = list(TokenScope)
        return order.index(self) >= order.index(wanted)


class ApiToken(Model):
    """A token of a person's. Whoever reads this table can do nothing with it."""

    __tablename__ = "apitoken"

    #: The first part of the token, by which people know it: it is no secret.
    prefix: orm.Mapped[str] = orm.mapped_column(primary_key=True)
    user_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("useraccount.id"), index=True)
    name: orm.Mapped[str]
    #: SHA-256 of all of it, in hexadecimal. It is random, so that nothing slower is needed.
    digest: orm.Mapped[str]
    scope: orm.Mapped[TokenScope] = orm.mapped_column(enum_column(TokenScope))
    made_at: orm.Mapped[datetime]
    #: From then on it is good no more.
    ends_at: orm.Mapped[datetime]
    #: None if it was never used.
    used_at: orm.Mapped[datetime | None]


@dataclass(frozen=True)
class NewToken:
    """A token that was made just now: the only time that anybody sees all of it."""

    token: ApiToken
    text: str


def make_token(work: UnitOfWork, user_id: int, name: str, scope: TokenScope, days: int) -> NewToken:
    """Make a token of a person's that is good for so many days. Nothing is committed.

    `BadInput` (field ``name`` or ``days``) for a name that is empty, too long or not to be stored,
    and for days that are not 1 to `DAYS_MAX`; `Conflict` for somebody who has `TOKENS_MAX`, or one
    of that name which is good still, as after the form was sent twice.
    """
    check_text("name", name, required=True)
    if len(name) > TOKEN_NAME_MAX_LENGTH:
        raise BadInput(
            "The name is longer than %(num)d characters.", field="name", num=TOKEN_NAME_MAX_LENGTH
        )
    if not 1 <= days <= DAYS_MAX:
        raise BadInput("A token is good for 1 to %(num)d days.", field="days", num=DAYS_MAX)
    begin_write(work.session.connection())
    of_person = sa.select(sa.func.count()).where(ApiToken.user_id == user_id)
    if (work.session.scalar(of_person.select_from(ApiToken)) or 0) >= TOKENS_MAX:
        raise Conflict(
            "You have %(num)d tokens, and no more are kept. End one first.", num=TOKENS_MAX
        )
    moment = now()
    is_same = sa.and_(ApiToken.user_id == user_id, ApiToken.name == name, ApiToken.ends_at > moment)
    if work.session.scalar(sa.select(ApiToken.prefix).where(is_same).limit(1)) is not None:
        raise Conflict(
            "You have a token called %(name)s already, which is good still. Give this one another"
            " name, or end that one first.",
            field="name",
            name=quoted(name),
        )
    prefix = secrets.token_hex(_PREFIX_BYTES)
    text = f"{TOKEN_START}{prefix}_{secrets.token_urlsafe(_SECRET_BYTES)}"
    token = ApiToken(
        prefix=prefix,
        user_id=user_id,
        name=name,
        digest=_digest(text),
        scope=scope,
        made_at=moment,
        ends_at=moment + timedelta(days=days),
    )
    work.session.add(token)
    work.session.flush()
    return NewToken(token, text)


def find_token(work: UnitOfWork, text: str) -> ApiToken | None:
    """Return the token that is shown, if it is one and good; nothing else is said of others."""
    prefix = text.removeprefix(TOKEN_START).partition("_")[0]
    if not prefix.isascii() or not prefix.isalnum():
        return None
    token = work.session.scalar(sa.select(ApiToken).where(ApiToken.prefix == prefix))
    if token is None or not hmac.compare_digest(token.digest, _digest(text)):
        return None
    return token if now() < token.ends_at else None


def note_token_used(work: UnitOfWork, token: ApiToken) -> bool:
    """Note that it was used, once a minute; tell whether there was anything to note.

    Nothing is committed.
    """
    moment = now()
    if token.used_at is not None and moment - token.used_at < _USED_INTERVAL:
        return False
    used = sa.update(ApiToken).where(ApiToken.prefix == token.prefix).values(used_at=moment)
    work.session.execute(used)
    return True


def remove_tokens(work: UnitOfWork, which: sa.ColumnElement[bool]) -> int:
    """Remove the tokens that meet the condition; return how many went. Nothing is committed."""
    return rows_changed(work, sa.delete(ApiToken).where(which))


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
