"""Requests as a WSGI server hands them on, with any bytes in their headers."""

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from flask import Flask
from werkzeug.datastructures import Headers
from werkzeug.test import run_wsgi_app

from tests.site import Browser


@dataclass(frozen=True)
class Answer:
    """What the application has answered."""

    status: int
    headers: Headers
    text: str


def call(
    app: Flask,
    path: str,
    headers: Mapping[str, bytes] | None = None,
    *,
    method: str = "GET",
    body: bytes = b"",
    query: bytes = b"",
) -> Answer:
    """Ask the application; the headers are whatever bytes they are."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query.decode("latin-1"),
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "localhost",
        "CONTENT_LENGTH": str(len(body)) if body else "",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(body),
        "wsgi.errors": None,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in (headers or {}).items():
        key = name.upper().replace("-", "_")
        key = key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"
        environ[key] = value.decode("latin-1")
    chunks, status, answered = run_wsgi_app(app.wsgi_app, environ, buffered=True)
    return Answer(int(status.split()[0]), answered, b"".join(chunks).decode())


def cookie_of(browser: Browser) -> bytes:
    """Return the Cookie header that a browser sends."""
    cookie = browser.client.get_cookie("timapp")
    assert cookie is not None
    return f"timapp={cookie.value}".encode()
