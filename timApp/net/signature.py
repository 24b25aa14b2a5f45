"""Signatures on requests and answers between hosts, so that no secret travels with them.

They are HTTP Message Signatures (RFC 9421) with HMAC-SHA256. A request's signature covers whom it
is for, what it asks, the digest of its body (RFC 9530) and what it says of a change; a nonce makes
it count once. An answer's signature covers that of the request, so that it fits this one request.
"""

import hashlib
import hmac
import secrets
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import urlsplit

from http_message_signatures import (
    ContentDigest,
    HTTPMessageSigner,
    HTTPMessageVerifier,
    HTTPSignatureKeyResolver,
    InvalidSignature,
)
from http_message_signatures.algorithms import HMAC_SHA256
from yarl import URL

from timApp.net.note import CHANGE_HEADER
from timApp.util.clock import CLOCK_LEEWAY, now

__all__ = [
    "INPUT_HEADER",
    "MAX_AGE",
    "SIGNATURE_HEADERS",
    "InvalidSignature",
    "Message",
    "SignedRequest",
    "UnknownKey",
    "address_of",
    "sign_answer",
    "sign_request",
    "verify_answer",
    "verify_request",
]

#: How long a signature counts; clocks may differ by as much.
MAX_AGE = CLOCK_LEEWAY
#: The header by which a signed message is known.
INPUT_HEADER = "Signature-Input"
#: What a signature puts into a message.
SIGNATURE_HEADERS = ("Content-Digest", INPUT_HEADER, "Signature")

_LABEL = "timapp"
#: An answer can never be taken for a request.
_REQUEST_TAG, _ANSWER_TAG = "timapp-request", "timapp-answer"
#: The query is covered, too: a route may read arguments from it.
_REQUEST_PARTS = ("@method", "@scheme", "@authority", "@path", "@query", "content-digest")
_ANSWER_PARTS = ('"@status"', '"content-digest"', f'"signature";req;key="{_LABEL}"')


@dataclass(frozen=True)
class Message:
    """A request, as both sides of a signature see it."""

    method: str
    #: See `address_of`.
    url: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class SignedRequest:
    """A request of which it is proved that somebody has signed it who has the secret."""

    message: Message
    secret: str
    #: When it was signed, by the clock over there.
    at: datetime
    #: A number that is used once.
    nonce: str


class UnknownKey(InvalidSignature):
    """The secret that the signature was made with is none of ours."""


@dataclass(frozen=True)
class _Answer:
    """The answer to a request, as the library wants it."""

    status_code: int
    headers: Mapping[str, str]
    request: Message


class _Keys(HTTPSignatureKeyResolver):
    """Secrets by the names that stand for them in signatures."""

    def __init__(self, known: Sequence[str]) -> None:
        self.by_id = {_key_id(secret): secret for secret in known}

    def resolve_public_key(self, key_id: str) -> bytes:
        """Return the secret of that name; `UnknownKey` if there is none."""
        if key_id not in self.by_id:
            raise UnknownKey
        return self.by_id[key_id].encode()

    def resolve_private_key(self, key_id: str) -> bytes:
        """Return the secret of that name."""
        return self.resolve_public_key(key_id)


class _Verifier(HTTPMessageVerifier):
    """The library's, without `expires`, which we never send."""

    signature_metadata_parameters: ClassVar[set[str]] = {"alg", "created", "keyid", "nonce", "tag"}

    def validate_created_and_expires(
        self, sig_input: Any, max_age: timedelta | None = None
    ) -> None:
        """Leave the time to whoever verifies: only a signature that fits is told what is wrong."""


def address_of(base_url: str, path: str) -> str:
    """Return the one spelling of a URL below a base URL, in which it is signed, sent and verified.

    Host names are in lower case and in their ASCII form, IP addresses are shortened, and a port
    that goes without saying is left out. `ValueError` for a URL that is none.
    """
    return str(URL(base_url.rstrip("/") + path))


def sign_request(url: str, body: bytes, secret: str, change: str = "") -> Message:
    """Return a POST that counts now, with a number that nobody has used.

    `url` is of `address_of`; `change` is the header that tells of a change, if there is one.

    What is signed is put together by hand: the library takes 0.4 ms for it, and a change is signed
    for fifty hosts before the first of them can answer. On the other side the library reads it.
    """
    place, digest = urlsplit(url), ContentDigest.create(body)
    parts = {
        "@method": "POST",
        "@scheme": place.scheme,
        "@authority": place.netloc,
        "@path": place.path,
        "@query": f"?{place.query}",
        "content-digest": digest,
    }
    headers = {"Content-Digest": digest}
    if change:
        parts[CHANGE_HEADER.lower()] = headers[CHANGE_HEADER] = change
    names = " ".join(f'"{name}"' for name in parts)
    parameters = (
        f'({names});created={int(now().timestamp())};keyid="{_key_id(secret)}"'
        f';alg="{HMAC_SHA256.algorithm_id}";nonce="{secrets.token_hex(16)}";tag="{_REQUEST_TAG}"'
    )
    lines = [f'"{name}": {value}' for name, value in parts.items()]
    text = "\n".join([*lines, f'"@signature-params": {parameters}'])
    code = hmac.digest(secret.encode(), text.encode(), hashlib.sha256)
    headers[INPUT_HEADER] = f"{_LABEL}={parameters}"
    headers["Signature"] = f"{_LABEL}=:{b64encode(code).decode()}:"
    return Message("POST", url, headers, body)


def verify_request(message: Message, known: Sequence[str]) -> SignedRequest:
    """Return the request with what its signature says, made with one of the known secrets.

    Whether it is timely and new is left to the caller. `InvalidSignature` if it does not fit the
    message, be it that it was made for another host; `UnknownKey` if the secret is none of those.
    """
    parts = [*_REQUEST_PARTS]
    if any(name.lower() == CHANGE_HEADER.lower() for name in message.headers):
        parts.append(CHANGE_HEADER.lower())
    keys = _Keys(known)
    parameters = _verify(message, message.body, keys, parts, _REQUEST_TAG)
    nonce = parameters.get("nonce")
    if not nonce:
        msg = "There is no nonce."
        raise InvalidSignature(msg)
    return SignedRequest(message, keys.by_id[parameters["keyid"]], _created(parameters), str(nonce))


def sign_answer(signed: SignedRequest, status: int, body: bytes) -> dict[str, str]:
    """Return the headers that prove an answer to this very request."""
    headers: dict[str, str] = {}
    signer = HTTPMessageSigner(signature_algorithm=HMAC_SHA256, key_resolver=_Keys([signed.secret]))
    signer.sign(
        _Answer(status, headers, signed.message),
        key_id=_key_id(signed.secret),
        created=now(),
        label=_LABEL,
        tag=_ANSWER_TAG,
        covered_component_ids=_ANSWER_PARTS,
        body=body,
    )
    return headers


def verify_answer(
    request: Message, status: int, headers: Mapping[str, str], body: bytes, secret: str
) -> datetime | None:
    """Return when an answer to this very request was signed with the secret; None if it was not."""
    answer = _Answer(status, headers, request)
    try:
        return _created(_verify(answer, body, _Keys([secret]), _ANSWER_PARTS, _ANSWER_TAG))
    except InvalidSignature:
        return None


def _key_id(secret: str) -> str:
    """Return a name for a secret, which tells no more of it than a signature does."""
    return hmac.new(secret.encode(), b"timApp key", hashlib.sha256).hexdigest()[:16]


def _verify(
    message: Message | _Answer, body: bytes, keys: _Keys, parts: Sequence[str], tag: str
) -> dict[str, Any]:
    verifier = _Verifier(signature_algorithm=HMAC_SHA256, key_resolver=keys)
    try:
        (found,) = verifier.verify(
            message,
            max_age=None,
            expect_tag=tag,
            expect_label=_LABEL,
            require_components=parts,
            body=body,
        )
    except InvalidSignature:
        raise
    except Exception as error:  # whatever a header may hold
        raise InvalidSignature(str(error)) from error
    return dict(found.parameters)


def _created(parameters: Mapping[str, Any]) -> datetime:
    try:
        return datetime.fromtimestamp(parameters["created"], UTC)
    except (KeyError, ValueError, OverflowError, OSError) as error:
        msg = "There is no time of signing."
        raise InvalidSignature(msg) from error
