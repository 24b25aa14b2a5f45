"""An identity provider of the tests, by pysaml2: it says who somebody is, and signs that."""

import base64
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from saml2 import BINDING_HTTP_REDIRECT, class_name, server, sigver
from saml2.config import IdPConfig
from saml2.metadata import entity_descriptor
from saml2.saml import NAME_FORMAT_URI
from saml2.xmldsig import DIGEST_SHA256, SIG_RSA_SHA256

IDP = "https://idp.example/saml"
SITE = "https://exam.example.org"
ACS = f"{SITE}/saml/acs"

Change = Callable[[Any], None]


def write_key(folder: Path, name: str) -> dict[str, str]:
    """Write a new key and a certificate of it; return their paths, as pysaml2 calls them."""
    key = rsa.generate_private_key(65537, 2048)
    called = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    day = timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(called)
        .issuer_name(called)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.now(UTC) - day)
        .not_valid_after(datetime.now(UTC) + day)
        .sign(key, hashes.SHA256())
    )
    files = {"key_file": folder / f"{name}.key", "cert_file": folder / f"{name}.pem"}
    files["key_file"].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    files["cert_file"].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return {name: str(path) for name, path in files.items()}


class IdentityProvider:
    """Whatever is asked of it, it says who somebody is."""

    def __init__(self, folder: Path, address: str = IDP) -> None:
        """Make its key and its metadata in the folder."""
        self._folder = folder
        self._address = address
        self._keys = write_key(folder, "idp")
        self._strangers_keys = write_key(folder, "stranger")
        self.metadata = folder / "idp.xml"
        self.metadata.write_text(str(entity_descriptor(self._config())), "utf-8")

    def _config(self, *metadata: str, **keys: str) -> IdPConfig:
        return IdPConfig().load(
            {
                "entityid": self._address,
                "xmlsec_binary": shutil.which("xmlsec1"),
                "signing_algorithm": SIG_RSA_SHA256,
                "digest_algorithm": DIGEST_SHA256,
                "metadata": {"local": list(metadata)},
                "service": {
                    "idp": {
                        "endpoints": {
                            "single_sign_on_service": [
                                (f"{self._address}/sso", BINDING_HTTP_REDIRECT)
                            ]
                        },
                        "policy": {
                            "default": {"lifetime": {"minutes": 5}, "name_form": NAME_FORMAT_URI}
                        },
                    }
                },
                **(keys or self._keys),
            }
        )

    def meet(self, description: str) -> None:
        """Take the metadata of the site."""
        file = self._folder / "sp.xml"
        file.write_text(description, "utf-8")
        self._server = server.Server(config=self._config(str(file)))
        stranger = self._config(str(file), **self._strangers_keys)
        self._stranger = server.Server(config=stranger)

    def number(self, address: str) -> str:
        """Return the number of the request with which a browser was sent here."""
        parts = urlsplit(address)
        assert parts.path.endswith("/sso")
        text = parse_qs(parts.query)["SAMLRequest"][0]
        request = self._server.parse_authn_request(text, BINDING_HTTP_REDIRECT)
        assert request.message.assertion_consumer_service_url in {None, ACS}
        return str(request.message.id)

    def answer(
        self,
        number: str,
        user: str = "ann",
        change: Change | None = None,
        *,
        by_stranger: bool = False,
        signs: bool = True,
        sign_alg: str = SIG_RSA_SHA256,
        digest_alg: str = DIGEST_SHA256,
        **attributes: Any,
    ) -> str:
        """Return a response in XML, with a signed assertion that was changed before that."""
        idp = self._stranger if by_stranger else self._server
        said = {
            "eduPersonPrincipalName": f"{user}@uni.example",
            "displayName": user.title(),
            "mail": f"{user}@x.example",
            "eduPersonAffiliation": ["student", "member"],
        }
        response = idp.create_authn_response(
            said | attributes,
            number,
            ACS,
            sp_entity_id=f"{SITE}/saml/metadata",
            userid=user,
            authn={"class_ref": "urn:oasis:names:tc:SAML:2.0:ac:classes:Password"},
            sign_assertion=False,
            sign_response=False,
        )
        if change is not None:
            change(response)
        assertion = response.assertion
        if not signs:
            return str(response)
        assertion.signature = sigver.pre_signature_part(
            assertion.id, idp.sec.my_cert, 1, sign_alg=sign_alg, digest_alg=digest_alg
        )
        return str(
            idp.sec.sign_statement(str(response), class_name(assertion), node_id=assertion.id)
        )


def encoded(text: str) -> str:
    """Return XML as a form has it."""
    return base64.b64encode(text.encode()).decode()
