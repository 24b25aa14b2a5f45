"""What a learning platform says of whoever opens a link in a course: LTI 1.3, a resource link.

Sources: 1EdTech, "LTI Core Specification 1.3", 4 and 5; "Security Framework 1.0", 5.1.
"""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from timApp.auth.oidc.signedtoken import NotSigned, UnknownKey, read_signed
from timApp.user.people import Identity
from timApp.util.clock import CLOCK_LEEWAY, current_second
from timApp.util.errors import AccessDenied
from timApp.util.text import is_storable, quoted

#: That of the standard; never one with a shared secret, and never none.
_ALGORITHMS = ["RS256"]
_CLAIM = "https://purl.imsglobal.org/spec/lti/claim/"
#: Claims that are tables of names of their own.
_TABLES = frozenset({"custom", "ext", "lis"})
#: Longest text of a claim, in characters.
_TEXT_MAX = 512


class LaunchRefused(AccessDenied):
    """What came is no launch of the platform for this site, or not of this browser."""


class UnknownSigner(LaunchRefused):
    """It was signed with a key that is not among those that are known."""


_WRONG = LaunchRefused(
    "This is no launch of the learning platform for this site and this browser. Open the link"
    " again."
)


@dataclass(frozen=True)
class Platform:
    """A learning platform, as an entry of LTI_PLATFORMS says it."""

    issuer: str
    client_id: str
    auth_url: str
    keys_url: str
    deployments: frozenset[str]
    #: Which claim is the user name; ``custom.``, ``ext.`` and ``lis.`` are tables of LTI's.
    name_claim: str


@dataclass(frozen=True)
class Launch:
    """Who has opened a link, and where it leads."""

    subject: str
    identity: Identity
    target: str


def read_launch(
    text: str, keys: Sequence[Mapping[str, Any]], platform: Platform, nonce: str
) -> Launch:
    """Return what a token says that one of the platform's keys, as JWKs, has signed.

    `UnknownSigner` if its key is not there, so that a platform that has changed its keys is asked
    for them again; `LaunchRefused` for everything else that it may not be, and for somebody without
    a user name. What roles the person has there is not read: nobody gets a right by it.
    """
    claims = _verified(text, keys)
    if not _is_right(claims, platform, nonce):
        raise _wrong()
    deployment = _text(claims, f"{_CLAIM}deployment_id")
    if deployment not in platform.deployments:
        raise LaunchRefused(
            "The platform's deployment %(deployment)s is not among those of LTI_PLATFORMS. Tell"
            " those who run the site.",
            deployment=quoted(deployment or ""),
        )
    subject, target = _text(claims, "sub"), _text(claims, f"{_CLAIM}target_link_uri")
    if subject is None or target is None:
        raise _wrong()
    name = _name(claims, platform.name_claim)
    # What stands there unchanged is no value that the platform knows.
    if name is None or name.startswith("$"):
        raise LaunchRefused(
            "The platform does not say your user name (%(claim)s). Tell those who run the site.",
            claim=platform.name_claim,
        )
    identity = Identity(name, _text(claims, "name"), _text(claims, "email"))
    return Launch(subject, identity, target)


def _verified(text: str, keys: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    try:
        return read_signed(text, keys, _ALGORITHMS).claims
    except UnknownKey as error:
        raise _wrong(UnknownSigner) from error
    except NotSigned as error:
        raise _wrong() from error


def _is_right(claims: Mapping[str, Any], platform: Platform, nonce: str) -> bool:
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    # Of several audiences it says for which it was made.
    party = claims.get("azp", platform.client_id if len(audiences) == 1 else None)
    link = claims.get(f"{_CLAIM}resource_link")
    moment, leeway = current_second(), CLOCK_LEEWAY.total_seconds()
    issued, expires = claims.get("iat"), claims.get("exp")
    return (
        claims.get("iss") == platform.issuer
        and platform.client_id in audiences
        and party == platform.client_id
        and hmac.compare_digest((_text(claims, "nonce") or "").encode(), nonce.encode())
        and claims.get(f"{_CLAIM}message_type") == "LtiResourceLinkRequest"
        and claims.get(f"{_CLAIM}version") == "1.3.0"
        and isinstance(link, Mapping)
        and _text(link, "id") is not None
        and isinstance(issued, int | float)
        and issued <= moment + leeway
        and isinstance(expires, int | float)
        and expires > moment - leeway
    )


def _name(claims: Mapping[str, Any], path: str) -> str | None:
    table, _, name = path.partition(".")
    if table not in _TABLES:
        return _text(claims, path)
    found = claims.get(f"{_CLAIM}{table}")
    return _text(found, name) if isinstance(found, Mapping) else None


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name)
    is_fit = isinstance(value, str) and 0 < len(value) <= _TEXT_MAX and is_storable(value)
    return value if is_fit else None


def _wrong(kind: type[LaunchRefused] = LaunchRefused) -> LaunchRefused:
    return kind(_WRONG.text)
