"""The keys with which this site signs Shared Signals; all servers of a database have the same."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
import uuid_utils
from sqlalchemy import orm

from timApp.database.engine import begin_write
from timApp.database.model import Model
from timApp.util.clock import now
from timApp.util.deferred import DeferredModule
from timApp.util.turns import turn_given

if TYPE_CHECKING:
    from joserfc import jwk
else:
    jwk = DeferredModule("joserfc.jwk")

#: What CAEP's profile for interoperability wants at least: RS256 with so many bits.
ALGORITHM = "RS256"
_BITS = 2048
#: For how long a key is still told that another one has taken the place of.
KEPT_FOR = timedelta(days=7)


class SigningKey(Model):
    """A key. Whoever reads this table can sign in the site's name."""

    __tablename__ = "signingkey"

    #: What it is called in signed tokens.
    kid: orm.Mapped[str] = orm.mapped_column(primary_key=True)
    #: As a JWK, with its private part.
    jwk: orm.Mapped[str]
    made_at: orm.Mapped[datetime]


def ensure_key(connection: sa.Connection) -> None:
    """Make the first key if there is none; the caller commits."""
    if connection.scalar(sa.select(SigningKey.kid).limit(1)) is None:
        new_key(connection)


def new_key(connection: sa.Connection) -> str:
    """Make a key, with which is signed from then on; return its name. The caller commits.

    Those in whose place another one came longer than `KEPT_FOR` ago go.
    """
    with turn_given():  # it takes a while
        made = jwk.RSAKey.generate_key(_BITS, private=True)
    kid = str(uuid_utils.uuid7())
    begin_write(connection)
    moment = now()
    former = connection.execute(_NEWEST_FIRST).all()
    gone = [older.kid for newer, older in pairwise(former) if newer.made_at < moment - KEPT_FOR]
    connection.execute(sa.delete(SigningKey).where(SigningKey.kid.in_(gone)))
    written = json.dumps(made.as_dict(private=True))
    connection.execute(sa.insert(SigningKey).values(kid=kid, jwk=written, made_at=moment))
    return kid


def current_key(connection: sa.Connection) -> tuple[str, "jwk.RSAKey"] | None:
    """Return the name of the key with which is signed, and the key; None if there is none."""
    row = connection.execute(_NEWEST_FIRST.limit(1)).first()
    return None if row is None else (row.kid, jwk.RSAKey.import_key(json.loads(row.jwk)))


def public_keys(connection: sa.Connection) -> Sequence[dict[str, Any]]:
    """Return the public parts of all keys as JWKs, the newest first."""
    return [
        jwk.RSAKey.import_key(json.loads(row.jwk)).as_dict(private=False)
        | {"kid": row.kid, "use": "sig", "alg": ALGORITHM}
        for row in connection.execute(_NEWEST_FIRST)
    ]


_NEWEST_FIRST = sa.select(SigningKey.kid, SigningKey.jwk, SigningKey.made_at).order_by(
    SigningKey.made_at.desc(), SigningKey.kid.desc()
)
