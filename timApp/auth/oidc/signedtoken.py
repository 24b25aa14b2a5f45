"""Tokens that somebody else has signed, who tells their keys: RFC 7515, 7517 and 7519."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from timApp.util.deferred import DeferredModule

if TYPE_CHECKING:
    from joserfc import errors as jose_errors
    from joserfc import jwk, jws, jwt
else:
    jose_errors = DeferredModule("joserfc.errors")
    jwk = DeferredModule("joserfc.jwk")
    jws = DeferredModule("joserfc.jws")
    jwt = DeferredModule("joserfc.jwt")


class NotSigned(Exception):  # noqa: N818 - named after what was found
    """None of the keys has signed the text."""


class UnknownKey(NotSigned):
    """It names a key that is not among them: whoever has changed their keys is to be asked."""


def read_signed(
    text: str, keys: Sequence[Mapping[str, Any]], algorithms: Sequence[str]
) -> "jwt.Token":
    """Return the token, of which nothing but the signature has been looked at.

    The keys are JWKs. `UnknownKey` and `NotSigned`, also for another algorithm.
    """
    try:
        known = jwk.KeySet.import_key_set({"keys": [dict(key) for key in keys]})
        return jwt.decode(text, known, registry=jws.JWSRegistry(algorithms=list(algorithms)))
    except jose_errors.InvalidKeyIdError as error:
        raise UnknownKey from error
    except (jose_errors.JoseError, ValueError, TypeError, KeyError) as error:
        raise NotSigned from error
