"""Lets other hosts in that know our secret."""

import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import quote

from flask import Response, after_this_request, request

from timApp.auth.access import verify_admin
from timApp.auth.csrf import csrf
from timApp.auth.site import Caller, current_site, db
from timApp.auth.visitor import act_as
from timApp.guard.vocabulary import ActorKind
from timApp.net.nonce import take_nonce
from timApp.net.note import CHANGE_HEADER, ChangeNote, read_change_note
from timApp.net.signature import (
    INPUT_HEADER,
    MAX_AGE,
    SIGNATURE_HEADERS,
    InvalidSignature,
    Message,
    SignedRequest,
    UnknownKey,
    address_of,
    sign_answer,
    verify_request,
)
from timApp.net.wrongsecret import record_wrong_secret, seconds_to_wait
from timApp.util.clock import now
from timApp.util.errors import BadRequest, TimError, TooManyRequests

#: A change may be dated ahead of our clock by this much: clocks differ, and a host dates its
#: changes after those that it has heard of.
_AHEAD_MAX = timedelta(minutes=5)
#: The headers that a signature is about, and its own.
_HEADERS = (*SIGNATURE_HEADERS, CHANGE_HEADER)


def verify_host_or_admin(secret: str | None) -> Caller:
    """Check that a host that knows our secret asks, or an administrator with a CSRF token.

    A host shows the secret, or signs with it, or both. Returns who asks, and what a host that signs
    says of the change; no commit. `BadRequest` for a wrong secret, and for a signature that was
    made for another server, is too old or has been seen before; `TooManyRequests` in place of it
    for an address that has shown too many wrong ones. Whoever has the secret is let in all the
    same: else who guesses at the same address, behind the same proxy say, would keep a host out.
    """
    is_signed = _is_signed()
    if secret is None and not is_signed:
        verify_admin()
        csrf.protect()
        return Caller(is_host=False)
    known = _known_secrets()
    signed = None
    if is_signed:
        signed = _signed_request(known)
    elif current_site().network.signed_only:
        raise BadRequest("This server takes signed requests only (DIST_RIGHTS_SIGNED_ONLY).")
    if secret is not None and not any(_is_same(secret, one) for one in known):
        raise _wrong_secret()
    note = None if signed is None else _take(signed)
    address = _address()
    act_as(ActorKind.HOST, f"{note.by} ({address})" if note and note.by else address)
    return Caller(is_host=True, signs=is_signed, note=note)


def verify_signed_host() -> None:
    """Check that a host asks that has signed its request with our secret; no commit.

    Raises what `verify_host_or_admin` does, and `BadRequest` for a request without a signature.
    """
    if not _is_signed():
        msg = f"The request must be signed by a host of this site (header {INPUT_HEADER})."
        raise BadRequest(msg)
    _take(_signed_request(_known_secrets()))


def _is_signed() -> bool:
    return any(name in request.headers for name in (INPUT_HEADER, "Signature"))


def _known_secrets() -> Sequence[str]:
    secrets = current_site().network.receive_secrets
    if not secrets:
        raise BadRequest("DIST_RIGHTS_RECEIVE_SECRET not configured.")
    return secrets


def _take(signed: SignedRequest) -> ChangeNote | None:
    """Take a request that was signed with one of the secrets, if it is timely and new."""

    @after_this_request
    def prove(response: Response) -> Response:
        response.headers.update(sign_answer(signed, response.status_code, response.get_data()))
        return response

    moment = now()
    _require_timely(signed, moment)
    if not take_nonce(db, signed.nonce):
        raise BadRequest("This request has come before; each one counts once.")
    change = signed.message.headers.get(CHANGE_HEADER)
    if change is None:
        return None
    note = read_change_note(change)
    if note is None or note.stamp.at > moment + _AHEAD_MAX:
        msg = f"The header {CHANGE_HEADER} cannot be read, or is dated ahead of our clock."
        raise BadRequest(msg)
    return note


def _signed_request(known: Sequence[str]) -> SignedRequest:
    """Return this request, if it was signed for this server with one of the secrets.

    The address that it was signed for is held against our own SITE_URL: whoever sends a request
    writes its Host header, and a proxy may rewrite it.
    """
    site_url = current_site().network.site_url
    if site_url is None:
        msg = "This server takes no signed requests, as its option SITE_URL is not configured."
        raise BadRequest(msg)
    query = f"?{request.query_string.decode('latin-1')}" if request.query_string else ""
    headers = {name: request.headers[name] for name in _HEADERS if name in request.headers}
    body = request.get_data(cache=True)
    try:
        url = address_of(site_url, quote(request.path) + query)
        return verify_request(Message(request.method, url, headers, body), known)
    except UnknownKey:
        raise _wrong_secret() from None
    except (InvalidSignature, ValueError):
        msg = (
            "The signature does not fit: the request was signed for another address than"
            " %(site)s (SITE_URL of this server), or was changed on its way."
        )
        raise _noted(BadRequest(msg, site=site_url)) from None


def _require_timely(signed: SignedRequest, moment: datetime) -> None:
    age = (moment - signed.at).total_seconds()
    if abs(age) <= MAX_AGE.total_seconds():
        return
    if age > 0:
        msg = "This request was signed %(seconds)d s ago by our clock"
    else:
        msg = "This request was signed %(seconds)d s ahead of our clock"
    msg += ", and counts for %(limit)d s; compare the clocks."
    raise BadRequest(msg, seconds=round(abs(age)), limit=MAX_AGE.total_seconds())


def _address() -> str:
    """Return the network address that the request came from."""
    return request.remote_addr or "unknown"


def _is_same(secret: str, other: str) -> bool:
    return hmac.compare_digest(secret.encode(), other.encode())


def _wrong_secret() -> TimError:
    return _noted(BadRequest("Wrong secret"))


def _noted(error: BadRequest) -> TimError:
    """Record that whoever asks does not have the secret; return what they are told.

    Whoever has to wait is told that instead, and nothing more is recorded of them: so they fill
    neither the table nor the page that shows it.
    """
    seconds = seconds_to_wait(db, _address())
    if seconds:
        msg = "Too many wrong secrets came from your address; ask again in %(seconds)d s."
        return TooManyRequests(msg, seconds, seconds=seconds)
    record_wrong_secret(db.engine, _address(), request.path)
    return error
