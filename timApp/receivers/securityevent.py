"""Security event tokens (RFC 8417), as OpenID Shared Signals 1.0 and CAEP 1.0 have them."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from timApp.net.client import Request
from timApp.receivers.event import initiator_of
from timApp.receivers.signingkey import ALGORITHM
from timApp.receivers.told import Told
from timApp.receivers.webhook import ANSWER_MAX_BYTES
from timApp.util.deferred import DeferredModule

if TYPE_CHECKING:
    from joserfc import jwk, jwt
else:
    jwt = DeferredModule("joserfc.jwt")

#: The events that there are.
SESSION_REVOKED = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"
VERIFICATION = "https://schemas.openid.net/secevent/ssf/event-type/verification"
#: How they are brought.
PUSH, POLL = "urn:ietf:rfc:8935", "urn:ietf:rfc:8936"


def claims_of(
    told: Told, issuer: str, audience: str, stream: str, moment: datetime
) -> Mapping[str, Any]:
    """Return the claims of the token that says it, issued at that moment.

    There is no ``sub`` and no ``exp``, so that nobody takes it for a token that lets somebody in.
    A test is a verification event about the stream.
    """
    claims: dict[str, Any] = {
        "iss": issuer,
        "aud": audience,
        "jti": told.message_id,
        "iat": int(moment.timestamp()),
    }
    if told.by is None:
        return claims | {
            "sub_id": {"format": "opaque", "id": stream},
            "events": {VERIFICATION: {}},
        }
    user = {"format": "iss_sub", "iss": issuer, "sub": told.user_name}
    subject: dict[str, Any] = {"format": "complex", "user": user}
    if told.session is not None:
        subject["session"] = {"format": "opaque", "id": told.session}
    event: dict[str, Any] = {
        "event_timestamp": int(told.at.timestamp()),
        "initiating_entity": initiator_of(
            told.by.kind, told.by.name, told.user_name or "", told.cause
        ),
    }
    why = told.reason or (None if told.cause is None else told.cause.value)
    if why:
        event["reason_admin"] = {"en": why}
    return claims | {"sub_id": subject, "events": {SESSION_REVOKED: event}}


def signed(claims: Mapping[str, Any], kid: str, key: "jwk.RSAKey") -> str:
    """Return the token."""
    header = {"typ": "secevent+jwt", "alg": ALGORITHM, "kid": kid}
    return jwt.encode(header, dict(claims), key)


def push_request(url: str, authorization: str | None, token: str) -> Request:
    """Return what brings a token (RFC 8935)."""
    headers = {
        "Content-Type": "application/secevent+jwt",
        "Accept": "application/json",
        "User-Agent": "timApp",
    }
    if authorization is not None:
        headers["Authorization"] = authorization
    return Request(url, token.encode(), headers, ANSWER_MAX_BYTES)
