"""Which address is on a guarded host: nothing that a browser could read otherwise."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timApp.request.guarded import GuardedHosts
from timApp.util.origin import origin_of

LAB = "https://lab.example.org"
HOSTS = GuardedHosts.of({LAB: {}, "http://[::1]:8000": {}, "https://alt.example.org:8443": {}})


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        (LAB, LAB),
        ("HTTPS://LAB.example.org:443/a?b#c", LAB),
        ("https://alt.example.org:8443/x", "https://alt.example.org:8443"),
        ("http://[::1]:8000/", "http://[::1]:8000"),
    ],
)
def test_an_address_of_a_guarded_host_is_known(address: str, origin: str) -> None:
    """Capitals and the port that a scheme has anyway do not count."""
    assert origin_of(address) == origin
    found = HOSTS.find(address)
    assert found is not None
    assert found.origin == origin


HOSTILE = [
    "",
    "/",
    "//lab.example.org/",
    "/\\lab.example.org",
    "\\\\lab.example.org",
    "lab.example.org",
    "javascript://lab.example.org/%0aalert(1)",
    "data:text/html,x",
    "http://lab.example.org/",
    "https://lab.example.org:8443/",
    "https://lab.example.org@evil.example/",
    "https://evil.example@lab.example.org/",
    "https://lab.example.org:x@evil.example/",
    "https://lab.example.org.evil.example/",
    "https://evil-lab.example.org/",
    "https://evil.example/lab.example.org",
    "https://lab.example.org\\.evil.example/",
    "https://lab.example.org%2eevil.example/",
    "https://lab.example.org%09/",
    "https://lab.example.org\t/",
    " https://lab.example.org/",
    "https://lab.example.org/\r\nSet-Cookie: x",
    "https://lab。example.org/",
    "https://l\u0430b.example.org/",
    "https://lab.example.org:99999/",
    "https://lab.example.org:/",
    "https://lab.example.org:44\uff13/",
    "https:///lab.example.org",
    "https:lab.example.org",
    "https://[::1/",
    "https://lab.example.org./",
]


@pytest.mark.parametrize("address", HOSTILE)
def test_an_address_that_is_none_of_them_is_refused(address: str) -> None:
    """User info, backslashes, twins by suffix and prefix, blanks, other ports and schemes."""
    assert HOSTS.find(address) is None


@given(st.text(), st.text())
def test_whatever_stands_around_it_no_other_host_is_taken(before: str, after: str) -> None:
    """Only what begins with the origin itself, and goes on with its path, is on the host."""
    address = f"{before}{LAB}{after}"
    if HOSTS.find(address) is not None:
        assert before == ""
        assert after[:1] in {"", "/", "?", "#", ":"}
        assert not after.startswith(":") or after.startswith(":443")


@pytest.mark.parametrize(
    ("path", "is_open"),
    [
        ("/public/a", True),
        ("/public/", True),
        ("/help", True),
        ("/public", False),
        ("/help/", False),
        ("/helpful", False),
        ("/public/../secret", False),
        ("/public/%2e%2e/secret", False),
        ("/public/..%2fsecret", False),
        ("/public/a%2fb", False),
        ("/public//secret", False),
        ("/public/..", False),
        ("/public/..\\secret", False),
        ("/public/a;x", False),
        ("/public/%252e%252e/secret", False),
        ("/public/a\0", False),
        ("/public/.%09./secret", False),
        ("/public/%7f", False),
        ("/public/%c0%ae%c0%ae/secret", False),
        ("/public/k%C3%A4", True),
    ],
)
def test_a_path_is_open_if_nobody_can_read_it_otherwise(path: str, is_open: bool) -> None:
    """What another program might take for a path outside is not open."""
    host = GuardedHosts.of({LAB: {"open": ["/public/*", "/help"]}}).hosts[LAB]
    assert host.is_open(path) is is_open
    blocked = GuardedHosts.of({LAB: {"open_to_blocked": ["/public/*", "/help"]}}).hosts[LAB]
    assert blocked.is_open_to_blocked(path) is is_open
    assert not blocked.is_open(path)
