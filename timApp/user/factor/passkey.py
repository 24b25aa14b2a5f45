"""Passkeys: keys of people's phones, computers and security keys; the site has one half of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from timApp.database.driver.read import QuickRead
from timApp.database.engine import begin_write
from timApp.database.model import Model
from timApp.database.work import UnitOfWork, rows_changed
from timApp.util.clock import now
from timApp.util.errors import BadInput, Conflict, NotFound
from timApp.util.text import check_text, is_storable

#: So many a person may have.
PASSKEYS_MAX = 20
#: Longest name of one, in characters.
PASSKEY_NAME_MAX_LENGTH = 60


class Passkey(Model):
    """A passkey of a person's: its public half, which is no secret, and what they call it."""

    __tablename__ = "passkey"

    #: What the authenticator calls it, as base64url without padding.
    credential_id: orm.Mapped[str] = orm.mapped_column(primary_key=True)
    user_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("useraccount.id"), index=True)
    #: COSE's form of the key, as base64url without padding.
    public_key: orm.Mapped[str]
    #: How often it was used, as the authenticator has said last; 0 if that does not count.
    sign_count: orm.Mapped[int] = orm.mapped_column(sa.BigInteger())
    #: How a browser reaches it, such as ``usb``; with commas between.
    transports: orm.Mapped[str]
    name: orm.Mapped[str]
    made_at: orm.Mapped[datetime]
    #: None if it was never used since.
    used_at: orm.Mapped[datetime | None]


@dataclass(frozen=True)
class NewPasskey:
    """What an authenticator has said of a passkey that it has made; see `Passkey`."""

    credential_id: str
    public_key: str
    sign_count: int
    transports: str


_of_person = QuickRead(
    sa.select(Passkey.credential_id).where(Passkey.user_id == sa.bindparam("user_id")).limit(1)
)


def has_passkey(work: UnitOfWork, user_id: int) -> bool:
    """Tell whether the person has a passkey."""
    return _of_person.first(work, {"user_id": user_id}) is not None


def passkeys_of(work: UnitOfWork, user_id: int) -> Sequence[Passkey]:
    """Return the person's passkeys, oldest first."""
    query = sa.select(Passkey).where(Passkey.user_id == user_id)
    return work.session.scalars(query.order_by(Passkey.made_at, Passkey.credential_id)).all()


def find_passkey(work: UnitOfWork, user_id: int, credential_id: str) -> Passkey | None:
    """Return that passkey of the person's; None for another's, and for none."""
    if not is_storable(credential_id):
        return None
    is_it = Passkey.credential_id == credential_id, Passkey.user_id == user_id
    return work.session.scalar(sa.select(Passkey).where(*is_it))


def check_passkey_name(name: str) -> str:
    """Return the name if a passkey may be called so; else `BadInput` (field ``name``)."""
    check_text("name", name, required=True)
    if len(name) > PASSKEY_NAME_MAX_LENGTH:
        raise BadInput(
            "The name is longer than %(num)d characters.", field="name", num=PASSKEY_NAME_MAX_LENGTH
        )
    return name


def add_passkey(work: UnitOfWork, user_id: int, made: NewPasskey, name: str) -> Passkey:
    """Add a passkey. Nothing is committed.

    `BadInput` for a name that it may not have, `Conflict` if it is there already, whosever it is,
    and for somebody who has `PASSKEYS_MAX`.
    """
    check_passkey_name(name)
    begin_write(work.session.connection())
    of_person = sa.select(sa.func.count()).where(Passkey.user_id == user_id)
    if (work.session.scalar(of_person.select_from(Passkey)) or 0) >= PASSKEYS_MAX:
        raise Conflict(
            "You have %(num)d passkeys, and no more are kept. Remove one first.", num=PASSKEYS_MAX
        )
    if work.session.get(Passkey, made.credential_id) is not None:
        raise Conflict("This passkey is here already.")
    passkey = Passkey(
        credential_id=made.credential_id,
        user_id=user_id,
        public_key=made.public_key,
        sign_count=made.sign_count,
        transports=made.transports,
        name=name,
        made_at=now(),
    )
    work.session.add(passkey)
    work.session.flush()
    return passkey


def rename_passkey(work: UnitOfWork, user_id: int, credential_id: str, name: str) -> None:
    """Call a passkey of the person's otherwise. Nothing is committed.

    `BadInput` for a name that it may not have, `NotFound` if the person has no such passkey.
    """
    check_passkey_name(name)
    require_passkey(work, user_id, credential_id).name = name


def require_passkey(work: UnitOfWork, user_id: int, credential_id: str) -> Passkey:
    """Return that passkey of the person's; `NotFound` (field ``passkey``) if there is none."""
    passkey = find_passkey(work, user_id, credential_id)
    if passkey is None:
        raise NotFound("There is no such passkey of yours.", field="passkey")
    return passkey


def remove_passkeys(work: UnitOfWork, user_id: int, credential_id: str | None = None) -> int:
    """Remove that passkey of the person's, or all of them; return how many went.

    Nothing is committed.
    """
    is_it = sa.true() if credential_id is None else Passkey.credential_id == credential_id
    return rows_changed(work, sa.delete(Passkey).where(Passkey.user_id == user_id, is_it))


def note_use(work: UnitOfWork, passkey: Passkey, sign_count: int) -> bool:
    """Note that a passkey was used, and how often by now. Nothing is committed.

    Tells whether it did: not if somebody else has used it since it was looked at.
    """
    statement = (
        sa.update(Passkey)
        .where(
            Passkey.credential_id == passkey.credential_id,
            Passkey.sign_count == passkey.sign_count,
        )
        .values(sign_count=sign_count, used_at=now())
    )
    return rows_changed(work, statement) == 1
