"""Receivers: programs elsewhere that are told when something happens to sessions."""

import base64
import binascii
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from hashlib import sha256

import sqlalchemy as sa
from sqlalchemy import orm

from timApp.database.engine import begin_write
from timApp.database.model import NUMBER, Model, enum_column
from timApp.database.work import UnitOfWork
from timApp.receivers.event import REVOKING, EventType
from timApp.util.clock import now
from timApp.util.errors import BadInput, Conflict, NotFound
from timApp.util.origin import origin_of
from timApp.util.text import check_text, is_storable, quoted

#: So many there may be, and so long may be what one is called, and its address.
RECEIVERS_MAX, RECEIVER_NAME_MAX_LENGTH, URL_MAX_LENGTH = 20, 60, 1000
#: Longest value of a header that is sent along, in characters.
AUTHORIZATION_MAX_LENGTH = 1000
#: What secrets begin with: those of Standard Webhooks, and ours for who fetches.
_SECRET_START, _TOKEN_START = "whsec_", "ssf_"
_SECRET_BYTES, _SECRET_BYTES_MIN, _SECRET_BYTES_MAX = 32, 24, 64


class ReceiverKind(Enum):
    """How somebody is told."""

    #: A POST of JSON for each event: Standard Webhooks.
    WEBHOOK = "webhook"
    #: A POST of a signed token for each event: Shared Signals, RFC 8935.
    SSF_PUSH = "ssf-push"
    #: Who fetches signed tokens: Shared Signals, RFC 8936.
    SSF_POLL = "ssf-poll"


class Receiver(Model):
    """A program that is told."""

    __tablename__ = "receiver"

    id: orm.Mapped[int] = orm.mapped_column(NUMBER, primary_key=True)
    name: orm.Mapped[str] = orm.mapped_column(unique=True)
    kind: orm.Mapped[ReceiverKind] = orm.mapped_column(enum_column(ReceiverKind))
    #: Where it is told; None for one that fetches.
    url: orm.Mapped[str | None]
    #: The types of events that it wants, by comma, in the order of `EventType`.
    events: orm.Mapped[str]
    #: What a webhook's requests are signed with (``whsec_...``), or the `Authorization` header that
    #: a push is sent with. It has to be readable here, as it is sent or signed with.
    secret: orm.Mapped[str | None]
    #: SHA-256 of the token with which somebody fetches, in hexadecimal.
    token_digest: orm.Mapped[str | None]
    made_at: orm.Mapped[datetime]
    #: When it was ended by saying that it is gone (410); nothing is owed to it any more.
    ended_at: orm.Mapped[datetime | None]
    #: How often in a row it has failed.
    failures: orm.Mapped[int] = orm.mapped_column(default=0)
    #: It is left alone until then.
    next_attempt_at: orm.Mapped[datetime]
    #: Somebody tells it, and nobody else does until then.
    leased_until: orm.Mapped[datetime | None]
    last_success_at: orm.Mapped[datetime | None]
    last_failure_at: orm.Mapped[datetime | None]
    #: What went wrong then, in one line.
    last_failure: orm.Mapped[str | None]
    #: When the first of the failures came that it has had since; None while it answers.
    failing_since: orm.Mapped[datetime | None]

    @property
    def wants(self) -> frozenset[EventType]:
        """The types of events that it is told of."""
        return frozenset(EventType(one) for one in self.events.split(","))


@dataclass(frozen=True)
class Wanted:
    """What a receiver is to be."""

    name: str
    kind: ReceiverKind
    #: None for one that fetches.
    url: str | None = None
    #: Shared Signals are told those of them that they know: `timApp.receivers.event.REVOKING`.
    events: Collection[EventType] = tuple(EventType)
    #: The secret of a webhook, if it is to have one that is known; else one is made up.
    secret: str | None = None
    #: The `Authorization` header that a push is sent with; None for none.
    authorization: str | None = None


@dataclass(frozen=True)
class NewReceiver:
    """A receiver that was made just now, and its secret: the only time that anybody sees it."""

    receiver: Receiver
    #: Of a webhook the secret, of who fetches the token; None for a push.
    secret: str | None


def make_receiver(
    work: UnitOfWork, wanted: Wanted, *, issuer: str | None, takes_http: bool
) -> NewReceiver:
    """Make a receiver. Nothing is committed.

    `issuer` is by what address this site is known, which signed tokens name; `takes_http` says
    whether some addresses may be told over plain HTTP. `BadInput` (field ``name``, ``url``,
    ``events``, ``secret`` or ``authorization``) for what does not fit, or is not for its kind;
    `Conflict` for a name that one has, where there are `RECEIVERS_MAX`, and for Shared Signals
    without an issuer.
    """
    _check(wanted, takes_http=takes_http)
    if wanted.kind is not ReceiverKind.WEBHOOK and issuer is None:
        raise Conflict(
            "Shared Signals name the site by its address: set SITE_URL first.", field="kind"
        )
    begin_write(work.session.connection())
    names = work.session.scalars(sa.select(Receiver.name)).all()
    if wanted.name in names:
        raise Conflict(
            "There is a receiver %(name)s already.", field="name", name=quoted(wanted.name)
        )
    if len(names) >= RECEIVERS_MAX:
        raise Conflict("There are %(num)d receivers, and no more are told.", num=RECEIVERS_MAX)
    moment = now()
    receiver = Receiver(
        name=wanted.name,
        kind=wanted.kind,
        url=wanted.url,
        events=",".join(one.value for one in _told(wanted)),
        made_at=moment,
        next_attempt_at=moment,
    )
    shown: str | None = None
    match wanted.kind:
        case ReceiverKind.WEBHOOK:
            receiver.secret = shown = wanted.secret or _new_secret()
        case ReceiverKind.SSF_PUSH:
            receiver.secret = wanted.authorization
        case ReceiverKind.SSF_POLL:
            shown = _TOKEN_START + secrets.token_urlsafe(_SECRET_BYTES)
            receiver.token_digest = digest_of(shown)
    work.session.add(receiver)
    work.session.flush()
    return NewReceiver(receiver, shown)


def require_receiver(work: UnitOfWork, name: str) -> Receiver:
    """Return the receiver of that name; `NotFound` (field ``name``) if there is none."""
    query = sa.select(Receiver).where(Receiver.name == name)
    found = work.session.scalar(query) if is_storable(name) else None
    if found is None:
        raise NotFound("There is no receiver %(name)s.", field="name", name=quoted(name))
    return found


def all_receivers(work: UnitOfWork) -> Sequence[Receiver]:
    """Return all of them, by name."""
    return work.session.scalars(sa.select(Receiver).order_by(Receiver.name)).all()


def digest_of(token: str) -> str:
    """Return what is kept of a token. It is random, so that nothing slower is needed."""
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _told(wanted: Wanted) -> list[EventType]:
    """Return what it is told of: Shared Signals know nothing but sessions that are revoked."""
    can_be = EventType if wanted.kind is ReceiverKind.WEBHOOK else REVOKING
    return [one for one in EventType if one in wanted.events and one in can_be]


def _new_secret() -> str:
    return _SECRET_START + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def _check(wanted: Wanted, *, takes_http: bool) -> None:
    check_text("name", wanted.name, required=True)
    if len(wanted.name) > RECEIVER_NAME_MAX_LENGTH:
        raise BadInput(
            "The name is longer than %(num)d characters.",
            field="name",
            num=RECEIVER_NAME_MAX_LENGTH,
        )
    if not _told(wanted):
        raise BadInput("Say which events it is to be told of.", field="events")
    if wanted.kind is ReceiverKind.SSF_POLL:
        if wanted.url is not None:
            raise BadInput("Who fetches has no address.", field="url")
    else:
        _check_url(wanted.url or "", takes_http=takes_http)
    if wanted.secret is not None:
        _check_secret(wanted)
    said = wanted.authorization
    if said is not None and (
        wanted.kind is not ReceiverKind.SSF_PUSH
        or not (said.isascii() and said.isprintable() and said.strip() == said)
        or not 0 < len(said) <= AUTHORIZATION_MAX_LENGTH
    ):
        raise BadInput(
            "An Authorization header is printable ASCII, and only a push is sent with one.",
            field="authorization",
        )


def _check_url(url: str, *, takes_http: bool) -> None:
    if len(url) > URL_MAX_LENGTH or "#" in url or origin_of(url) is None:
        raise BadInput(
            "The address begins with https:// and a host, and has no password in it.", field="url"
        )
    if not takes_http and not url.startswith("https://"):
        raise BadInput(
            "The address has to begin with https://. Plain HTTP is for networks of your own, which"
            " WEBHOOK_NETWORKS names.",
            field="url",
        )


def _check_secret(wanted: Wanted) -> None:
    text = (wanted.secret or "").removeprefix(_SECRET_START)
    try:
        length = len(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        length = 0
    if (
        wanted.kind is not ReceiverKind.WEBHOOK
        or not (wanted.secret or "").startswith(_SECRET_START)
        or not _SECRET_BYTES_MIN <= length <= _SECRET_BYTES_MAX
    ):
        raise BadInput(
            "The secret of a webhook is whsec_ and %(least)d to %(most)d bytes in base64.",
            field="secret",
            least=_SECRET_BYTES_MIN,
            most=_SECRET_BYTES_MAX,
        )
