"""Signatures on requests and answers between hosts, so that no secret travels with them.

A request is signed with HMAC-SHA256 over what it asks, the time and a number that is used once
(RFC 2104; the same shape as in AWS's and Stripe's signatures). An answer is signed over that
number, so that it fits this one request.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from timApp.util.clock import now

SIGNATURE_HEADER = "TimApp-Signature"
#: A signature counts for so long, and clocks may differ by as much.
MAX_AGE = timedelta(minutes=1)

_FORM = re.compile(r"t=(\d{1,16}),n=([0-9a-f]{32}),v1=([0-9a-f]{64})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class SignedText:
    """What is signed of a request: the address behind the base URL, the body, another header."""

    path: str
    body: bytes
    change: str = ""


@dataclass(frozen=True)
class Signature:
    """A signature as it stands in the header of a request."""

    at: datetime
    nonce: str
    code: str

    def __str__(self) -> str:
        return f"t={to_microseconds(self.at)},n={self.nonce},v1={self.code}"


def sign(text: SignedText, secret: str) -> Signature:
    """Return a signature that counts now, with a number that nobody has used."""
    at, nonce = now(), secrets.token_hex(16)
    return Signature(at, nonce, _request_code(text, secret, at, nonce))


def read_signature(header: str) -> Signature | None:
    """Return the signature of a header, of which nothing is known yet; None if it is none."""
    found = _FORM.fullmatch(header)
    if found is None:
        return None
    return Signature(from_microseconds(int(found[1])), found[2], found[3])


def is_signed(text: SignedText, signature: Signature, secret: str) -> bool:
    """Tell whether somebody who has the secret made the signature, whenever that was."""
    code = _request_code(text, secret, signature.at, signature.nonce)
    return hmac.compare_digest(code, signature.code)


def is_timely(signature: Signature, moment: datetime) -> bool:
    """Tell whether the signature counts at that moment; see `MAX_AGE`."""
    return abs(moment - signature.at) <= MAX_AGE


def sign_answer(nonce: str, status: int, body: bytes, secret: str) -> str:
    """Return the header that proves an answer to the request with that number."""
    text = b"\n".join([b"timApp answer", nonce.encode(), b"%d" % status, _digest(body)])
    return f"v1={_code(text, secret)}"


def is_signed_answer(header: str, nonce: str, status: int, body: bytes, secret: str) -> bool:
    """Tell whether somebody who has the secret made this answer to this request."""
    expected = sign_answer(nonce, status, body, secret)
    return hmac.compare_digest(header.encode(), expected.encode())


def to_microseconds(moment: datetime) -> int:
    """Return the microseconds since 1970, exactly."""
    return (moment - _EPOCH) // _MICROSECOND


def from_microseconds(number: int) -> datetime:
    """Return the moment that `to_microseconds` gave the number for, of at most 16 digits."""
    return _EPOCH + number * _MICROSECOND


def _request_code(text: SignedText, secret: str, at: datetime, nonce: str) -> str:
    lines = [
        b"timApp request",
        text.path.encode(),
        b"%d" % to_microseconds(at),
        nonce.encode(),
        text.change.encode(),
        _digest(text.body),
    ]
    return _code(b"\n".join(lines), secret)


def _digest(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode()


def _code(text: bytes, secret: str) -> str:
    return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()
