"""What the first line of a request asks for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timApp.util.errors import BadRequest
from timApp.util.target import Target, host_of_request, read_target


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("/", Target("/", "")),
        ("/view/a%20b?x=%3F?&y", Target("/view/a%20b", "x=%3F?&y")),
        ("//evil.example/x", Target("//evil.example/x", "")),
        ("/http://evil.example/", Target("/http://evil.example/", "")),
        ("http://exam.example.org", Target("/", "", "exam.example.org")),
        ("HTTPS://exam.example.org:8443/a?b", Target("/a", "b", "exam.example.org:8443")),
        ("http://[2001:db8::1]?b", Target("/", "b", "[2001:db8::1]")),
        ("http://user@evil.example/", Target("/", "", "user@evil.example")),
        ("/\xe9\xff", Target("/\xe9\xff", "")),
    ],
)
def test_paths_and_whole_urls_are_taken(text: str, target: Target) -> None:
    """The host of a URL is told; whether it is one is for others to say."""
    assert read_target(text) == target


@pytest.mark.parametrize(
    "text", ["", "*", "exam.example.org:443", "ftp://a/", "http:///a", "/a#b", "a", "?a", "http:/a"]
)
def test_other_targets_are_refused(text: str) -> None:
    """What no browser sends, with a sentence."""
    with pytest.raises(BadRequest, match="neither"):
        read_target(text)


@given(st.text(st.characters(min_codepoint=33, max_codepoint=255)))
def test_any_target_is_read_or_refused(text: str) -> None:
    """A path always begins with a slash."""
    try:
        target = read_target(text)
    except BadRequest:
        return
    assert target.path.startswith("/")
    assert "?" not in target.path


def test_the_host_of_a_url_is_meant_and_several_headers_are_refused() -> None:
    """As the RFC says: the Host header is not believed beside a URL."""
    path, url = read_target("/"), read_target("http://a.example/")
    assert host_of_request(path, []) is None
    assert host_of_request(path, ["b.example"]) == "b.example"
    assert host_of_request(url, ["b.example"]) == "a.example"
    assert host_of_request(url, []) == "a.example"
    for target in (path, url):
        with pytest.raises(BadRequest, match="several"):
            host_of_request(target, ["a.example", "a.example"])
