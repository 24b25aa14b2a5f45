"""A learning platform of the tests: it says who somebody is, and signs that."""

import html
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLAIM = "https://purl.imsglobal.org/spec/lti/claim/"
CLIENT, DEPLOYMENT = "exam", "7"
SITE = "https://exam.example.org"
#: Browsers ask for none then.
NO_ICON = '<link rel="icon" href="data:,">'


def new_key(kid: str = "one") -> RSAKey:
    """Return a key of a platform."""
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig", "alg": "RS256"})


def claims_of(user: str, issuer: str, nonce: str, /, **changed: Any) -> dict[str, Any]:
    """Return what a platform says of somebody; None takes a claim away."""
    moment = int(time.time())
    said = {
        "iss": issuer,
        "aud": CLIENT,
        "sub": f"number of {user}",
        "iat": moment,
        "exp": moment + 300,
        "nonce": nonce,
        "name": user.title(),
        "email": f"{user}@x.example",
        f"{CLAIM}message_type": "LtiResourceLinkRequest",
        f"{CLAIM}version": "1.3.0",
        f"{CLAIM}deployment_id": DEPLOYMENT,
        f"{CLAIM}target_link_uri": f"{SITE}/my-sessions",
        f"{CLAIM}resource_link": {"id": "1"},
        f"{CLAIM}roles": ["http://purl.imsglobal.org/vocab/lis/v2/membership#Instructor"],
        f"{CLAIM}custom": {"username": user},
    }
    said |= {
        f"{CLAIM}{name.removeprefix('lti_')}" if name.startswith("lti_") else name: value
        for name, value in changed.items()
    }
    return {name: value for name, value in said.items() if value is not None}


def signed(claims: dict[str, Any], key: RSAKey, **header: Any) -> str:
    """Return a token."""
    said = {"alg": "RS256", "typ": "JWT", "kid": "one"} | header
    return jwt.encode(said, claims, key, algorithms=[said["alg"]])


@dataclass
class PlatformServer:
    """The running platform; whoever asks is `user`."""

    port: int
    key: RSAKey = field(default_factory=new_key)
    user: str = "ann"
    #: How often it was asked for its keys.
    asked: int = 0

    @property
    def issuer(self) -> str:
        """What it calls itself, and where it is."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def option(self) -> dict[str, Any]:
        """The platform as LTI_PLATFORMS has it."""
        return {
            "issuer": self.issuer,
            "client_id": CLIENT,
            "auth_url": f"{self.issuer}/auth",
            "keys_url": f"{self.issuer}/keys",
            "deployments": [DEPLOYMENT],
        }

    def answer(self, address: str) -> tuple[str, bytes]:
        """Return type and body of what is at an address."""
        parts = urlsplit(address)
        if parts.path == "/keys":
            self.asked += 1
            return "application/json", json.dumps(
                {"keys": [self.key.as_dict(private=False)]}
            ).encode()
        said = {name: value for name, (value,) in parse_qs(parts.query).items()}
        wanted = {
            "scope": "openid",
            "response_type": "id_token",
            "response_mode": "form_post",
            "prompt": "none",
            "client_id": CLIENT,
            "redirect_uri": f"{SITE}/lti/launch",
            "login_hint": "42",
            "lti_message_hint": "5",
        }
        assert said.items() >= wanted.items()
        token = signed(claims_of(self.user, self.issuer, said["nonce"]), self.key)
        fields = {"id_token": token, "state": said["state"]}
        inputs = "".join(
            f'<input name="{name}" value="{html.escape(value)}">' for name, value in fields.items()
        )
        page = f'{NO_ICON}<form action="{said["redirect_uri"]}" method="post">{inputs}</form>'
        return "text/html", page.encode()


@contextmanager
def platform_server() -> Iterator[PlatformServer]:
    """Run a platform."""
    platforms: list[PlatformServer] = []

    def answer(address: str) -> tuple[str, bytes]:
        return platforms[0].answer(address)

    with serving(answer) as port:
        platforms.append(PlatformServer(port))
        yield platforms[0]


@contextmanager
def serving(answer: Callable[[str], tuple[str, bytes]]) -> Iterator[int]:
    """Answer at a port, which is returned, with type and body of what is at an address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, body = answer(self.path)
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Write nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()
