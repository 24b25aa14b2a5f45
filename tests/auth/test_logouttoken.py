"""A logout token is the provider's for this site, of now, and counts once; nothing else is one."""

import time
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from timApp.auth.oidc.logouttoken import (
    LogoutToken,
    UnknownSigner,
    WrongLogoutToken,
    read_logout_token,
)

ISSUER, CLIENT = "https://op.example", "timapp"
_EVENT = "http://schemas.openid.net/event/backchannel-logout"
KEY = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
OTHER = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
KEYS = [KEY.as_dict(private=False)]


def claims(**changed: Any) -> dict[str, Any]:
    """Return what a token says; None takes a claim away."""
    moment = int(time.time())
    said = {
        "iss": ISSUER,
        "aud": CLIENT,
        "iat": moment,
        "exp": moment + 120,
        "jti": "j",
        "sub": "ann",
        "sid": "s",
        "events": {_EVENT: {}},
    }
    return {name: value for name, value in (said | changed).items() if value is not None}


def signed(key: Any = KEY, header: dict[str, Any] | None = None, **changed: Any) -> str:
    """Return a token."""
    said = {"alg": "RS256", "kid": "one", "typ": "logout+jwt"} | (header or {})
    said = {name: value for name, value in said.items() if value is not None}
    return jwt.encode(said, claims(**changed), key, algorithms=[said["alg"]])


def read(text: str) -> LogoutToken:
    """Read a token."""
    return read_logout_token(text, KEYS, ISSUER, CLIENT)


@pytest.mark.parametrize("kind", [None, "JWT", "logout+jwt", "application/logout+jwt"])
def test_a_token_says_whose_login_ends(kind: str | None) -> None:
    """Of one session, or of all of a person; whichever of the known types it has."""
    token = read(signed(header={"typ": kind}))
    assert (token.subject, token.provider_session, token.token_id) == ("ann", "s", "j")
    assert read(signed(sid=None)).provider_session is None
    assert read(signed(sub=None)).subject is None
    assert read(signed(aud=["other", CLIENT])).subject == "ann"


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "other"},
        {"aud": None},
        {"aud": []},
        {"iat": None},
        {"iat": time.time() + 3600},
        {"iat": "now"},
        {"exp": None},
        {"exp": time.time() - 3600},
        {"jti": None},
        {"jti": ""},
        {"jti": "j" * 600},
        {"jti": "j\0"},
        {"sub": None, "sid": None},
        {"sub": 7},
        {"sid": ["s"]},
        {"events": None},
        {"events": {}},
        {"events": {_EVENT: "yes"}},
        {"events": [_EVENT]},
        {"nonce": "n"},
    ],
)
def test_a_claim_that_is_wrong_makes_it_none(changed: dict[str, Any]) -> None:
    """Each by itself."""
    with pytest.raises(WrongLogoutToken):
        read(signed(**changed))


def test_what_somebody_else_has_signed_is_none() -> None:
    """Another key of the same name, a shared secret, nothing; an ID token of the provider's."""
    for forged in (
        signed(OTHER),
        signed(OctKey.generate_key(256), {"alg": "HS256"}),
        signed(header={"typ": "at+jwt"}),
        signed(events=None, nonce="n", header={"typ": "JWT"}),
        signed().rpartition(".")[0] + ".",
        "",
        "a.b.c",
        "\0",
        "é.é.é",
        "." * 10_000,
    ):
        with pytest.raises(WrongLogoutToken):
            read(forged)


def test_a_key_that_is_not_known_is_told_apart() -> None:
    """So that the provider can be asked for its new ones."""
    with pytest.raises(UnknownSigner):
        read(signed(header={"kid": "two"}))
