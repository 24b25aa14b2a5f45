"""What a provider says when it ends a login: OpenID Connect Back-Channel Logout 1.0, 2.4, 2.6."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from timApp.auth.oidc.signedtoken import NotSigned, UnknownKey, read_signed
from timApp.util.clock import CLOCK_LEEWAY, current_second
from timApp.util.errors import BadRequest
from timApp.util.text import is_storable

_EVENT = "http://schemas.openid.net/event/backchannel-logout"
_TYPES = frozenset({None, "jwt", "logout+jwt", "application/logout+jwt"})
#: Never one with a shared secret, and never none: it is the provider who signs.
ALGORITHMS = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
)
#: Longest text of a claim that is looked for in the database, in characters.
_TEXT_MAX = 512
#: No moment comes after this, in seconds since 1970.
_FOR_EVER = 2**53


class WrongLogoutToken(BadRequest):
    """What was sent is no logout token of the provider for this site."""


class UnknownSigner(WrongLogoutToken):
    """It was signed with a key that is not among those that are known."""


@dataclass(frozen=True)
class LogoutToken:
    """Whose login ends."""

    #: All of this person's, if no session is named.
    subject: str | None
    provider_session: str | None
    #: Counts once.
    token_id: str
    expires_at: int


def read_logout_token(
    text: str, keys: Sequence[Mapping[str, Any]], issuer: str, client_id: str
) -> LogoutToken:
    """Return what a token says that was signed by one of the provider's keys, as JWKs.

    `UnknownSigner` if its key is not there, so that a provider that has changed its keys is asked
    for them again; `WrongLogoutToken` for everything else that it may not be.
    """
    try:
        token = read_signed(text, keys, ALGORITHMS)
    except UnknownKey as error:
        raise UnknownSigner(_WRONG) from error
    except NotSigned as error:
        raise WrongLogoutToken(_WRONG) from error
    kind = token.header.get("typ")
    claims = token.claims
    if (kind.lower() if isinstance(kind, str) else kind) not in _TYPES or not _is_right(
        claims, issuer, client_id
    ):
        raise WrongLogoutToken(_WRONG)
    return LogoutToken(
        claims.get("sub"), claims.get("sid"), claims["jti"], int(claims.get("exp") or 0)
    )


def _is_right(claims: Mapping[str, Any], issuer: str, client_id: str) -> bool:
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    events = claims.get("events")
    moment, leeway = current_second(), CLOCK_LEEWAY.total_seconds()
    issued, expires = claims.get("iat"), claims.get("exp")
    texts = [claims.get(name) for name in ("sub", "sid")]
    return (
        claims.get("iss") == issuer
        and client_id in audiences
        and isinstance(events, Mapping)
        and isinstance(events.get(_EVENT), Mapping)
        and "nonce" not in claims
        and _is_text(claims.get("jti"))
        and any(one is not None for one in texts)
        and all(one is None or _is_text(one) for one in texts)
        and isinstance(issued, int | float)
        and issued <= moment + leeway
        and isinstance(expires, int | float)
        and moment - leeway < expires < _FOR_EVER
    )


def _is_text(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _TEXT_MAX and is_storable(value)


_WRONG = "This is no logout token of the provider for this site."
