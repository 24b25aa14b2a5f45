"""Lets other hosts in that know our secret."""

import hmac
from collections.abc import Sequence
from datetime import timedelta

from flask import Response, after_this_request, request

from timApp.auth.access import verify_admin
from timApp.auth.csrf import csrf
from timApp.auth.site import current_site, db
from timApp.auth.visitor import act_as
from timApp.guard.vocabulary import ActorKind
from timApp.net.nonce import take_nonce
from timApp.net.note import CHANGE_HEADER, ChangeNote, read_change_note
from timApp.net.signature import (
    MAX_AGE,
    SIGNATURE_HEADER,
    SignedText,
    is_signed,
    is_timely,
    read_signature,
    sign_answer,
)
from timApp.net.wrongsecret import record_wrong_secret, seconds_to_wait
from timApp.util.clock import now
from timApp.util.errors import BadRequest, TooManyRequests

#: A change may be dated ahead of our clock by so much: clocks differ, and a host dates its changes
#: behind those that it has heard of.
_AHEAD_MAX = timedelta(minutes=5)


def verify_host_or_admin(secret: str | None) -> ChangeNote | None:
    """Check that a host that knows our secret asks, or an administrator with a CSRF token.

    A host shows the secret, or signs with it, or both. Returns what a host that signs says of the
    change; no commit. `BadRequest` for a wrong secret, and for a signature that is too old or has
    been seen before; `TooManyRequests` for an address that has shown too many wrong ones.
    """
    signature = request.headers.get(SIGNATURE_HEADER)
    if secret is None and signature is None:
        verify_admin()
        csrf.protect()
        return None
    known = _begin()
    if signature is None and current_site().network.signed_only:
        raise BadRequest("This server takes signed requests only (DIST_RIGHTS_SIGNED_ONLY).")
    if secret is not None and not any(_is_same(secret, one) for one in known):
        raise _wrong_secret()
    note = None if signature is None else _verify_signature(signature, known)
    address = _address()
    act_as(ActorKind.HOST, f"{note.by} ({address})" if note and note.by else address)
    return note


def verify_signed_host() -> None:
    """Check that a host asks that has signed its request with our secret; no commit.

    Raises what `verify_host_or_admin` does, and `BadRequest` for a request without a signature.
    """
    signature = request.headers.get(SIGNATURE_HEADER)
    if signature is None:
        msg = f"The request must be signed by a host of this site (header {SIGNATURE_HEADER})."
        raise BadRequest(msg)
    _verify_signature(signature, _begin())


def _begin() -> Sequence[str]:
    """Return the secrets that are taken, unless the address has to wait."""
    secrets = current_site().network.receive_secrets
    if not secrets:
        raise BadRequest("DIST_RIGHTS_RECEIVE_SECRET not configured.")
    seconds = seconds_to_wait(db, _address())
    if seconds:

        @after_this_request
        def tell(response: Response) -> Response:
            response.headers["Retry-After"] = str(seconds)
            return response

        msg = f"Too many wrong secrets came from your address; ask again in {seconds} s."
        raise TooManyRequests(msg)
    return secrets


def _verify_signature(header: str, known: Sequence[str]) -> ChangeNote | None:
    text = SignedText(
        request.path, request.get_data(cache=True), request.headers.get(CHANGE_HEADER, "")
    )
    signature = read_signature(header)
    fitting = [one for one in known if signature and is_signed(text, signature, one)]
    if signature is None or not fitting:
        raise _wrong_secret()

    @after_this_request
    def prove(response: Response) -> Response:
        response.headers[SIGNATURE_HEADER] = sign_answer(
            signature.nonce, response.status_code, response.get_data(), fitting[0]
        )
        return response

    moment = now()
    if not is_timely(signature, moment):
        behind = (moment - signature.at).total_seconds()
        msg = (
            f"This request was signed {abs(behind):.0f} s {'ago' if behind > 0 else 'ahead'} by"
            f" our clock, and counts for {MAX_AGE.total_seconds():.0f} s; compare the clocks."
        )
        raise BadRequest(msg)
    if not take_nonce(db, signature.nonce):
        raise BadRequest("This request has come before; each one counts once.")
    if not text.change:
        return None
    note = read_change_note(text.change)
    if note is None or note.stamp.at > moment + _AHEAD_MAX:
        msg = f"The header {CHANGE_HEADER} cannot be read, or is dated ahead of our clock."
        raise BadRequest(msg)
    return note


def _address() -> str:
    """Return the network address that the request came from."""
    return request.remote_addr or "unknown"


def _is_same(secret: str, other: str) -> bool:
    return hmac.compare_digest(secret.encode(), other.encode())


def _wrong_secret() -> BadRequest:
    record_wrong_secret(db.engine, _address(), request.path)
    return BadRequest("Wrong secret")
