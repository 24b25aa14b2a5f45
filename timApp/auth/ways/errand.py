"""What a browser keeps while it is away for a login: a cookie of its own.

It is signed, good for a quarter of an hour, and of use once.
"""

import hashlib
import hmac
import secrets
from dataclasses import asdict, dataclass
from datetime import timedelta

from flask import Response, current_app, request
from itsdangerous import BadData, URLSafeSerializer

from timApp.auth.site import db
from timApp.auth.vouched import Way
from timApp.guard.cookie import HOST_PREFIX, SECURE_PREFIX
from timApp.net.nonce import take_nonce
from timApp.util.clock import counts_still, current_second, now

LIFETIME = timedelta(minutes=15)
_SALT = "timapp-errand"
_NUMBER_BYTES = 24


@dataclass(frozen=True)
class Errand:
    """For what a browser has left."""

    way: str
    #: With whom: how the way calls them.
    to: str
    #: What it has to come back with, which nobody can guess.
    number: str
    #: What has to stand in what is signed there; nobody can guess it, either.
    nonce: str
    #: Where it goes on; None for the first page.
    next_page: str | None
    #: In seconds since 1970.
    left_at: int


def new_errand(way: Way, to: str, next_page: str | None, number: str | None = None) -> Errand:
    """Return an errand that begins now, with a number that is given or made up."""
    number = number or secrets.token_urlsafe(_NUMBER_BYTES)
    nonce = secrets.token_urlsafe(_NUMBER_BYTES)
    return Errand(way.value, to, number, nonce, next_page, current_second())


def keep_errand(response: Response, errand: Errand) -> None:
    """Let the browser keep it, in place of an earlier one."""
    response.set_cookie(
        _cookie_name(),
        _serializer().dumps(asdict(errand)),
        max_age=LIFETIME,
        path=_path(),
        secure=True,
        httponly=True,
        samesite="Lax",
    )


def forget_errand(response: Response) -> None:
    """Let the browser forget it."""
    response.delete_cookie(_cookie_name(), path=_path(), secure=True, httponly=True)


def kept_errand(way: Way) -> Errand | None:
    """Return for what this browser has left by a way; None if it has not, or too long ago."""
    try:
        kept = _serializer().loads(request.cookies.get(_cookie_name(), ""))
        errand = Errand(**kept)
    except (BadData, TypeError):  # of a version that keeps something else
        return None
    is_of_now = counts_still(errand.left_at, LIFETIME.total_seconds())
    return errand if is_of_now and errand.way == way.value else None


def is_number(errand: Errand, number: str) -> bool:
    """Tell whether it is that of the errand."""
    return hmac.compare_digest(errand.number.encode(), number.encode("utf-8", "replace"))


def spend_errand(errand: Errand) -> bool:
    """Note that the browser is back, and return whether it was not before. Nothing is committed.

    Of two that come back from one errand at once, one waits for the other's end.
    """
    digest = hashlib.sha256(errand.nonce.encode()).hexdigest()
    return take_nonce(db, f"errand {digest}", now() + LIFETIME)


def _serializer() -> URLSafeSerializer:
    keys = [*current_app.config["SECRET_KEY_FALLBACKS"], current_app.config["SECRET_KEY"]]
    return URLSafeSerializer(
        keys,
        salt=_SALT,
        signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
    )


def _path() -> str:
    return request.root_path or "/"


def _cookie_name() -> str:
    prefix = HOST_PREFIX if _path() == "/" else SECURE_PREFIX
    return f"{prefix}{current_app.config['SESSION_COOKIE_NAME']}_errand"
