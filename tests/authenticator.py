"""An authenticator in software, and what a browser makes of it, right or wrong."""

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from secrets import token_bytes
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

_PRESENT, _VERIFIED, _HAS_KEY = 0x01, 0x04, 0x40


def text_of(content: bytes) -> str:
    """Return base64url without padding."""
    return urlsafe_b64encode(content).decode().rstrip("=")


def bytes_of(text: str) -> bytes:
    """Return what base64url without padding stands for."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Authenticator:
    """One that has made one passkey (ES256), for one site."""

    origin: str = "http://localhost"
    rp_id: str = "localhost"
    #: How often it was used; it does not count if it is None.
    count: int | None = 0
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    credential_id: bytes = field(default_factory=lambda: token_bytes(16))

    @property
    def id(self) -> str:
        """What the passkey is called, as text."""
        return text_of(self.credential_id)

    def make(self, options: dict[str, Any], **said: Any) -> str:
        """Return what a browser says of a passkey that was made; `said` is client data."""
        numbers = self.key.public_key().public_numbers()
        public_key = {1: 2, 3: -7, -1: 1}
        public_key |= {-2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}  # type: ignore[dict-item]
        attested = bytes(16) + len(self.credential_id).to_bytes(2, "big") + self.credential_id
        data = self._data(_PRESENT | _VERIFIED | _HAS_KEY) + attested + cbor2.dumps(public_key)
        response = {
            "clientDataJSON": text_of(self._client_data("webauthn.create", options, said)),
            "attestationObject": text_of(
                cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
            ),
            "transports": ["internal", "hybrid"],
        }
        return self._answer(response)

    def use(self, options: dict[str, Any], flags: int = _PRESENT | _VERIFIED, **said: Any) -> str:
        """Return what a browser says of the passkey that was used; `said` is client data."""
        if self.count is not None:
            self.count += 1
        data = self._data(flags)
        client_data = self._client_data("webauthn.get", options, said)
        signed = data + hashlib.sha256(client_data).digest()
        response = {
            "clientDataJSON": text_of(client_data),
            "authenticatorData": text_of(data),
            "signature": text_of(self.key.sign(signed, ec.ECDSA(SHA256()))),
        }
        return self._answer(response)

    def _data(self, flags: int) -> bytes:
        rp = hashlib.sha256(self.rp_id.encode()).digest()
        return rp + bytes([flags]) + (self.count or 0).to_bytes(4, "big")

    def _client_data(self, kind: str, options: dict[str, Any], said: dict[str, Any]) -> bytes:
        data = {"type": kind, "challenge": options["challenge"], "origin": self.origin}
        return json.dumps(data | said).encode()

    def _answer(self, response: dict[str, Any]) -> str:
        content = {"id": self.id, "rawId": self.id, "type": "public-key", "response": response}
        return json.dumps(content)
