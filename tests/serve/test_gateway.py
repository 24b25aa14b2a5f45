"""What an application is told of a request that the front has read."""

import pytest

from timApp.request.environ import _known_key
from timApp.serve.gateway import Gateway
from timApp.serve.http.message import Headers, Request


@pytest.fixture
def gateway() -> Gateway:
    """The way to an application that nobody asks."""
    return Gateway(lambda *_: [], "localhost", 80)


def told(gateway: Gateway, headers: Headers) -> dict[str, str]:
    """Return the headers that an application is told of."""
    environ = gateway.environ(Request(b"GET", b"/", "1.1", headers, ("192.0.2.1", 4711)))
    return {
        name: value for name, value in environ.items() if name.startswith(("HTTP_", "CONTENT_TYPE"))
    }


def test_headers_have_the_names_that_wsgi_gives_them(gateway: Gateway) -> None:
    """Those that are repeated are one, as HTTP has it; what is between two neighbours is not told.

    A name with an underscore would pass for the one with a hyphen.
    """
    headers = [
        (b"host", b"localhost"),
        (b"content-type", b"text/plain"),
        (b"cookie", b"a=1"),
        (b"x-forwarded-for", b"192.0.2.7"),
        (b"x_forwarded_for", b"192.0.2.8"),
        (b"cookie", b"b=2"),
        (b"x-forwarded-for", b"192.0.2.9"),
        (b"connection", b"close"),
        (b"proxy", b"http://192.0.2.10/"),
        (b"user-agent", b"M\xe9diocre/1.0"),
        (b"content-type", b"text/html"),
    ]
    assert told(gateway, headers) == {
        "HTTP_HOST": "localhost",
        "CONTENT_TYPE": "text/html",
        "HTTP_COOKIE": "a=1; b=2",
        "HTTP_X_FORWARDED_FOR": "192.0.2.7,192.0.2.9",
        "HTTP_USER_AGENT": "M\xe9diocre/1.0",
    }


def test_long_names_that_anybody_can_make_up_take_no_memory(gateway: Gateway) -> None:
    """A thousand names of 64 KiB would take more than all the rest of a worker."""
    known = _known_key.cache_info().currsize
    name = b"x-" + b"a" * 60_000
    assert told(gateway, [(name, b"1")]) == {"HTTP_X_" + "A" * 60_000: "1"}
    assert _known_key.cache_info().currsize == known
    for number in range(2000):
        told(gateway, [(b"x-%d" % number, b"1")])
    assert _known_key.cache_info().currsize <= 1000
