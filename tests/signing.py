"""Requests and answers that are signed, as tests send them themselves."""

import json
from http.server import BaseHTTPRequestHandler

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.hosts import Answer, says
from timApp.net.note import ChangeNote
from timApp.net.signature import Message, SignedRequest, address_of, sign_answer, sign_request
from timApp.util.clock import now

SECRET = "s3cr3t of all hosts"
#: What other servers call the one that a test works on in this process.
SITE_URL = "https://exam.example.org"


class Sender:
    """Another host, which signs what it asks a site in this process."""

    def __init__(self, client: FlaskClient, secret: str = SECRET, base_url: str = SITE_URL) -> None:
        self.client, self.secret, self.base_url = client, secret, base_url

    def signed(self, path: str, content: object, note: ChangeNote | None = None) -> Message:
        """Return a request, to be sent by `deliver`."""
        body = json.dumps(content).encode()
        url = address_of(self.base_url, path)
        return sign_request(url, body, self.secret, note.header() if note else "")

    def deliver(self, path: str, message: Message, method: str = "POST") -> TestResponse:
        """Send a request, whether or not it was signed for that."""
        headers = {"Content-Type": "application/json"} | message.headers
        return self.client.open(path, method=method, data=message.body, headers=headers)

    def send(self, path: str, content: object, note: ChangeNote | None = None) -> TestResponse:
        """Sign and send a request."""
        return self.deliver(path, self.signed(path, content, note))


def proves(status: int, content: object, secret: str = SECRET) -> Answer:
    """Return the answer of a host of `tests.hosts` that knows the secret, and signs."""
    body = json.dumps(content).encode()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        url = f"http://{handler.headers['Host']}{handler.path}"
        message = Message(handler.command, url, dict(handler.headers), b"")
        asked = SignedRequest(message, secret, now(), nonce="")
        says(status, body, **sign_answer(asked, status, body))(handler)

    return answer
