"""Receivers that fetch what they are owed (RFC 8936)."""

import hmac
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from timApp.database.work import UnitOfWork
from timApp.receivers.answer import ERROR_MAX_LENGTH
from timApp.receivers.notice import Notice, NoticeState, is_owed
from timApp.receivers.receiver import Receiver, ReceiverKind, digest_of
from timApp.receivers.securityevent import claims_of, signed
from timApp.receivers.signingkey import current_key
from timApp.receivers.teller import stream_of
from timApp.receivers.told import owed_to
from timApp.util.clock import now
from timApp.util.errors import AccessDenied
from timApp.util.text import one_line, storable

#: So many tokens are given at once, at most.
SETS_MAX = 100


class UnknownPoller(AccessDenied):
    """Whoever fetches has shown no token, or none of this receiver's."""

    status = 401


@dataclass(frozen=True)
class Fetched:
    """What a receiver is given."""

    #: Signed tokens by their ids.
    sets: Mapping[str, str]
    more_available: bool


def require_poller(work: UnitOfWork, number: str, token: str) -> Receiver:
    """Return the receiver of that number, which has the token; `UnknownPoller` for any other."""
    is_fetching = Receiver.kind == ReceiverKind.SSF_POLL
    found = work.session.scalars(sa.select(Receiver).where(is_fetching))
    receiver = next((one for one in found if str(one.id) == number), None)
    digest = "" if receiver is None else receiver.token_digest or ""
    if receiver is None or not hmac.compare_digest(digest, digest_of(token)):
        raise UnknownPoller("This token is not known here.")
    return receiver


def settle_fetched(
    work: UnitOfWork, receiver: Receiver, acked: Collection[str], errors: Mapping[str, str]
) -> None:
    """Note that the receiver has these tokens, and cannot take others, and why.

    What it is not owed is passed over, as a receiver may say the same again. Nothing is committed.
    """
    moment = now()
    of_it = (Notice.receiver_id == receiver.id, is_owed)
    done = {"state": NoticeState.DONE, "settled_at": moment, "last_error": None}
    values: dict[str, object] = {}
    if acked:
        is_meant = Notice.message_id.in_(acked)
        work.session.execute(_settle(*of_it, is_meant).values(done))
        values |= {"last_success_at": moment, "failing_since": None}
    for message_id, why in errors.items():
        error = storable(one_line(f"It cannot take it: {why}"))[:ERROR_MAX_LENGTH]
        refused = {"state": NoticeState.REFUSED, "settled_at": moment, "last_error": error}
        work.session.execute(_settle(*of_it, Notice.message_id == message_id).values(refused))
        values |= {"last_failure_at": moment, "last_failure": error}
    if values:
        is_it = Receiver.id == receiver.id
        work.session.execute(sa.update(Receiver).where(is_it).values(values))


def fetch(
    work: UnitOfWork, receiver: Receiver, issuer: str, audience: str, at_most: int
) -> Fetched:
    """Return what the receiver is owed, the oldest first; it stays owed until that is settled."""
    connection = work.session.connection()
    key = current_key(connection)
    limit = min(at_most, SETS_MAX)
    owed = owed_to(connection, receiver.id, limit + 1) if key is not None else []
    moment = now()
    sets = {}
    for told in owed[:limit]:
        claims = claims_of(told, issuer, audience, stream_of(receiver.id), moment)
        assert key is not None  # noqa: S101 - else nothing is owed
        sets[told.message_id] = signed(claims, *key)
    return Fetched(sets, more_available=len(owed) > limit)


def _settle(*which: sa.ColumnElement[bool]) -> sa.Update:
    return sa.update(Notice).where(*which).execution_options(synchronize_session=False)
