"""What an authenticator has to sign, so that nothing that it has signed before is of use."""

import secrets
from datetime import datetime, timedelta
from enum import Enum

import sqlalchemy as sa
from sqlalchemy import orm

from timApp.database.model import Model, enum_column
from timApp.database.work import UnitOfWork, rows_changed
from timApp.util.clock import CLOCK_LEEWAY, now
from timApp.util.text import is_storable

#: For so long a challenge counts.
CHALLENGE_LIFETIME = timedelta(minutes=5)
_BYTES = 32


class Purpose(Enum):
    """What a passkey is asked for, or made, for."""

    LOGIN = "login"
    CONFIRM = "confirm"
    ADD = "add"


class PasskeyChallenge(Model):
    """A challenge that was given away, and that nobody has come back with."""

    __tablename__ = "passkeychallenge"

    #: As base64url without padding.
    challenge: orm.Mapped[str] = orm.mapped_column(primary_key=True)
    user_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("useraccount.id"), index=True)
    purpose: orm.Mapped[Purpose] = orm.mapped_column(enum_column(Purpose))
    #: The session, or the attempt to log in, in which it was given away.
    bound_to: orm.Mapped[str]
    made_at: orm.Mapped[datetime] = orm.mapped_column(index=True)


def make_challenge(work: UnitOfWork, user_id: int, purpose: Purpose, bound_to: str) -> str:
    """Return a new challenge. Those that are too old go. Nothing is committed."""
    moment = now()
    is_old = PasskeyChallenge.made_at < moment - CHALLENGE_LIFETIME - CLOCK_LEEWAY
    work.session.execute(sa.delete(PasskeyChallenge).where(is_old))
    challenge = secrets.token_urlsafe(_BYTES)
    work.session.add(
        PasskeyChallenge(
            challenge=challenge,
            user_id=user_id,
            purpose=purpose,
            bound_to=bound_to,
            made_at=moment,
        )
    )
    work.session.flush()
    return challenge


def spend_challenge(
    work: UnitOfWork, challenge: str, user_id: int, purpose: Purpose, bound_to: str
) -> bool:
    """Tell whether that is a challenge of that person, for that and there, which counts.

    It does so once: whoever commits this has spent it, whatever is wrong with what came with it.
    """
    if not is_storable(challenge):
        return False
    moment = now()
    return bool(
        rows_changed(
            work,
            sa.delete(PasskeyChallenge).where(
                PasskeyChallenge.challenge == challenge,
                PasskeyChallenge.user_id == user_id,
                PasskeyChallenge.purpose == purpose,
                PasskeyChallenge.bound_to == bound_to,
                PasskeyChallenge.made_at >= moment - CHALLENGE_LIFETIME,
                PasskeyChallenge.made_at <= moment + CLOCK_LEEWAY,
            ),
        )
    )
