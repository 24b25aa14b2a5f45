"""What `distribute_session_verification` tells other hosts, and what it makes of their answers.

The hosts are real servers on 127.0.0.1; the only name that is looked up is one that nobody has.
"""

import json
import socket
import tracemalloc
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Barrier, Event
from typing import Any, Protocol

import pytest

from tests.conftest import MakeApp
from tests.databases import SQLiteDatabases
from tests.hosts import OK, SHORT, Answer, MakeHost, says, says_bytes, unused_url
from tests.live import PATIENCE, live_server
from tests.site import Site
from timApp.auth.session.util import distribute_session_verification
from timApp.guard.vocabulary import Action, ActorKind

SECRET = "s3cr3t of all hosts"

# For 127.0.0.1, signed by itself; nobody trusts it, and it is used nowhere else.
_CERTIFICATE = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgTDg6NU56EwDFdFae
unbou/kzRtiRnKO2DcIM/C7CqCOhRANCAATdReEOYqOLMSpXhmBbJh+5RE6i/58p
hCvDmhjlG4slbMwLJRa7fk09fYPdrJTPQCEGJhZLq1MkWp0ZR7gAVl+L
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBjzCCATagAwIBAgIUCgfe8lzBJZwjR+c8aGYWJ68rXuowCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyNDA1NTIxNVoYDzIxMjYxMDMx
MDU1MjE1WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAATdReEOYqOLMSpXhmBbJh+5RE6i/58phCvDmhjlG4slbMwLJRa7fk09
fYPdrJTPQCEGJhZLq1MkWp0ZR7gAVl+Lo2QwYjAdBgNVHQ4EFgQUSwuYQbfAb86r
6mzrI6LyJSwzmbwwHwYDVR0jBBgwFoAUSwuYQbfAb86r6mzrI6LyJSwzmbwwDwYD
VR0TAQH/BAUwAwEB/zAPBgNVHREECDAGhwR/AAABMAoGCCqGSM49BAMCA0cAMEQC
IEwZjGhlKuusY3XBnr4+8kelAP8jJmP8jYX0aayoYa8rAiAvvN/XBTe0an9F/NoR
DlObWa9pw5gxKWhMoz4fHV25Xg==
-----END CERTIFICATE-----
"""


class Send(Protocol):
    """Distributes to targets, given as lists of hosts, and returns the errors."""

    def __call__(
        self,
        targets: dict[str, list[str]],
        action: str = "verify",
        session_id: str | None = None,
        *,
        to: list[str] | None = None,
        **options: object,
    ) -> list[str]:
        """Distribute to the targets `to`, by default to all."""


@pytest.fixture
def send(sqlite_url: str, make_app: MakeApp) -> Send:
    """What distributes a change of alice's sessions.

    Whatever happens: each error is one line of printable text, of a length that a person reads,
    and does not hold the secret.
    """

    def distribute(
        targets: dict[str, list[str]],
        action: str = "verify",
        session_id: str | None = None,
        *,
        to: list[str] | None = None,
        **options: object,
    ) -> list[str]:
        hosts = {name: {"hosts": urls} for name, urls in targets.items()}
        app = make_app(
            sqlite_url,
            **{
                "DIST_RIGHTS_HOSTS": hosts,
                "DIST_RIGHTS_SEND_SECRET": SECRET,
                "DIST_RIGHTS_TIMEOUT": PATIENCE,
                **options,
            },
        )
        with app.app_context():
            errors = distribute_session_verification(
                action, "alice", session_id, list(targets) if to is None else to
            )
        for error in errors:
            assert SECRET not in error
            assert error.isprintable()
            assert len(error) < 500
        return errors

    return distribute


# What is asked


@pytest.mark.parametrize("action", ["verify", "invalidate"])
@pytest.mark.parametrize("session_id", ["session 1", None])
def test_a_host_is_asked_as_tim_hosts_ask(
    send: Send, make_host: MakeHost, action: str, session_id: str | None
) -> None:
    """The request is a POST of JSON with user, session and secret to the action's address."""
    host = make_host()
    assert send({"exam": [host.url]}, action, session_id) == []
    (asked,) = host.asked
    assert (asked.method, asked.path) == ("POST", f"/user/sessions/{action}")
    assert asked.body == {"username": "alice", "session_id": session_id, "secret": SECRET}
    assert asked.headers["Content-Type"] == "application/json"
    assert "Cookie" not in asked.headers


def test_all_hosts_of_all_targets_are_asked_at_the_same_time(
    send: Send, make_host: MakeHost
) -> None:
    """Hosts of several targets that answer only when all of them have been asked all answer."""
    barrier = Barrier(60)

    def answer(handler: BaseHTTPRequestHandler) -> None:
        barrier.wait(PATIENCE)
        OK(handler)

    hosts = [make_host(answer) for _ in range(5)]
    # 60 addresses of 5 servers: also more than there are threads or pooled connections.
    urls = [f"{hosts[number % 5].url}/{number}" for number in range(60)]
    assert send({"a": urls[:20], "b": urls[20:21], "c": urls[21:]}) == []
    assert sorted(asked.path for host in hosts for asked in host.asked) == sorted(
        f"/{number}/user/sessions/verify" for number in range(60)
    )


def test_a_host_is_asked_once_however_often_it_is_named(send: Send, make_host: MakeHost) -> None:
    """A host in two targets, twice in one or with a slash is asked once, and so is a target."""
    host, other = make_host(), make_host()
    targets = {"a": [host.url, host.url], "b": [f"{host.url}/", other.url]}
    assert send(targets, to=["a", "b", "a"]) == []
    assert len(host.asked) == 1
    assert len(other.asked) == 1


def test_only_the_targets_that_are_named_are_asked(send: Send, make_host: MakeHost) -> None:
    """A target that is configured but not named hears nothing."""
    host, other = make_host(), make_host()
    assert send({"a": [host.url], "b": [other.url]}, to=["a"]) == []
    assert (len(host.asked), len(other.asked)) == (1, 0)


@pytest.mark.parametrize(
    ("base", "path"),
    [
        ("/", "/user/sessions/verify"),
        ("//", "/user/sessions/verify"),
        ("/tim", "/tim/user/sessions/verify"),
        ("/tim/", "/tim/user/sessions/verify"),
    ],
)
def test_a_base_url_may_end_with_a_slash_and_have_a_path(
    send: Send, make_host: MakeHost, base: str, path: str
) -> None:
    """The action's address is appended to the base URL with one slash between."""
    host = make_host()
    assert send({"exam": [host.url + base]}) == []
    assert [asked.path for asked in host.asked] == [path]


def test_no_target_is_no_error(send: Send, make_host: MakeHost) -> None:
    """Without targets nobody is asked, and nothing is wrong, with a secret or without."""
    host = make_host()
    assert send({"exam": [host.url]}, to=[]) == []
    assert send({"exam": [host.url]}, to=[], DIST_RIGHTS_SEND_SECRET=None) == []
    assert host.asked == []


# Errors before anybody is asked


def test_targets_that_are_unknown_or_empty_are_errors_and_the_others_are_asked(
    send: Send, make_host: MakeHost
) -> None:
    """An error for each such target names it, also where it is named twice."""
    host = make_host()
    errors = send({"exam": [host.url], "none": []}, to=["nowhere", "none", "exam", "nowhere"])
    assert len(errors) == 2
    assert "'nowhere'" in errors[0]
    assert "'none'" in errors[1]
    assert len(host.asked) == 1


def test_without_a_secret_nobody_is_asked(send: Send, make_host: MakeHost) -> None:
    """One error names the option that is missing."""
    host, other = make_host(), make_host()
    (error,) = send({"a": [host.url], "b": [other.url]}, DIST_RIGHTS_SEND_SECRET=None)
    assert "DIST_RIGHTS_SEND_SECRET" in error
    assert host.asked == other.asked == []


@pytest.mark.parametrize("action", ["", "verifyAll", "../verify", "Verify"])
def test_with_an_unknown_action_nobody_is_asked(
    send: Send, make_host: MakeHost, action: str
) -> None:
    """One error names the action and says which there are."""
    host = make_host()
    (error,) = send({"exam": [host.url]}, action)
    assert repr(action) in error
    assert "verify" in error
    assert "invalidate" in error
    assert host.asked == []


# Hosts that fail


def error_of(send: Send, make_host: MakeHost, url: str, timeout: float = PATIENCE) -> str:
    """Return the one error of this host, which stands among others that do what they are asked."""
    before, after = make_host(), make_host()
    errors = send({"a": [before.url, url], "b": [after.url]}, DIST_RIGHTS_TIMEOUT=timeout)
    assert len(errors) == 1, errors
    assert errors[0].startswith(f"{url}: ")
    assert (len(before.asked), len(after.asked)) == (1, 1)
    return errors[0]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, "<h1>Internal Server Error</h1>"),
        (500, '{"status": "ok"}'),
        (503, ""),
        (404, "[]"),
        (400, '{"error": null}'),
        (400, '{"error": ["a", {"b": "c"}]}'),
        (201, '{"status": "ok"}'),
        (204, ""),
    ],
)
def test_a_status_that_is_not_200_is_an_error(
    send: Send, make_host: MakeHost, status: int, body: str
) -> None:
    """The error tells the status, whatever the body says."""
    host = make_host(says(status, body))
    assert f"status {status}" in error_of(send, make_host, host.url)
    assert len(host.asked) == 1


@pytest.mark.parametrize(
    ("status", "message"), [(400, "Wrong secret"), (404, "There is no user 'alice'.")]
)
def test_what_a_host_says_is_wrong_is_quoted(
    send: Send, make_host: MakeHost, status: int, message: str
) -> None:
    """The error tells the status and the host's own words."""
    host = make_host(says(status, json.dumps({"error": message})))
    error = error_of(send, make_host, host.url)
    assert message in error
    assert str(status) in error


@pytest.mark.parametrize(
    "message",
    [
        "two\nlines\r\nand \x1b[31mcolours\x1b[0m, \x00 and \N{RIGHT-TO-LEFT OVERRIDE}",
        "half of a pair: \ud800",
        "long " * 10_000,
    ],
    ids=["control characters", "surrogate", "long"],
)
def test_what_a_host_says_is_quoted_as_one_short_line(
    send: Send, make_host: MakeHost, message: str
) -> None:
    """A host's words cannot break out of the line that an error is."""
    host = make_host(says(400, json.dumps({"error": message})))
    error_of(send, make_host, host.url)


@pytest.mark.parametrize(
    "answer",
    [
        says(400, json.dumps({"error": f"{SECRET!r} is not it"})),
        says(400, json.dumps({"error": f"{'x' * 190} {SECRET}"})),
        says(400, json.dumps({"error": {"secret": SECRET}})),
        says_bytes(f"HTTP/1.1 200 OK\r\n{SECRET}\r\n\r\n".encode()),
    ],
    ids=["text", "cut off", "object", "bad header"],
)
def test_a_host_that_repeats_the_secret_is_not_quoted_with_it(
    send: Send, make_host: MakeHost, answer: Answer
) -> None:
    """The secret is in no error, whole or in part, even if the host that was sent it answers it."""
    assert SECRET[:8] not in error_of(send, make_host, make_host(answer).url)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_error_and_is_not_followed(
    send: Send, make_host: MakeHost, status: int
) -> None:
    """The host that a redirect points at is never contacted."""
    elsewhere = make_host()
    location = f"{elsewhere.url}/user/sessions/verify"
    host = make_host(says(status, '{"status": "ok"}', Location=location))
    error = error_of(send, make_host, host.url)
    assert "redirect" in error
    assert str(status) in error
    assert elsewhere.asked == []
    assert len(host.asked) == 1


INVALID_BODIES: dict[str, bytes] = {
    "empty": b"",
    "page": b"<!doctype html><p>Welcome",
    "text": b"ok",
    "string": b'"ok"',
    "list": b'[{"status": "ok"}]',
    "null": b"null",
    "object": b"{}",
    "other status": b'{"status": "error"}',
    "status in capitals": b'{"status": "OK"}',
    "status in a list": b'{"status": ["ok"]}',
    "cut off": b'{"status": "ok"',
    "followed by more": b'{"status": "ok"} {"status": "ok"}',
    "not UTF-8": b'{"status": "\xff\xfe"}',
    "nested deeply": b"[" * 60_000,
    "long number": b"1" * 60_000,
    "huge": b" " * 5_000_000 + b'{"status": "ok"}',
}


@pytest.mark.parametrize("body", INVALID_BODIES.values(), ids=INVALID_BODIES)
def test_another_body_than_ok_is_an_error(send: Send, make_host: MakeHost, body: bytes) -> None:
    """A host that answers 200 and anything but the agreed object did not do what it was asked."""
    error_of(send, make_host, make_host(says(200, body)).url)


def test_a_body_that_never_ends_is_an_error(send: Send, make_host: MakeHost) -> None:
    """A host that sends and sends is left before the time is up."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while True:  # until the other side hangs up
            handler.wfile.write(b" " * 65536)

    assert "no answer within" not in error_of(send, make_host, make_host(answer).url)


def test_a_body_that_unpacks_to_much_more_is_an_error(send: Send, make_host: MakeHost) -> None:
    """A small compressed body is not unpacked beyond what an answer may have."""
    size = 200_000_000
    packer = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)  # as gzip
    packed = b"".join(packer.compress(bytes(1_000_000)) for _ in range(size // 1_000_000))
    host = make_host(says(200, packed + packer.flush(), Content_Encoding="gzip"))
    tracemalloc.start()
    try:
        error_of(send, make_host, host.url)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < size / 4


MALFORMED: dict[str, bytes] = {
    "nothing": b"",
    "no HTTP": b"SSH-2.0-OpenSSH_9.9\r\n",
    "no status": b"HTTP/1.1 999999 OK\r\n\r\n",
    "bad header": b"HTTP/1.1 200 OK\r\nno header\r\n\r\n",
    "long header": b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 200_000 + b"\r\n\r\n",
    "cut off": b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"status": "ok"}',
    "bad chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
    "not gzip": b'HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n{"status": "ok"}',
}


@pytest.mark.parametrize("content", MALFORMED.values(), ids=MALFORMED)
def test_what_is_not_http_is_an_error(send: Send, make_host: MakeHost, content: bytes) -> None:
    """A port of some other service, or an answer that breaks off, is one error in one line."""
    error_of(send, make_host, make_host(says_bytes(content)).url)


def test_a_refused_connection_is_an_error(send: Send, make_host: MakeHost) -> None:
    """A host where nothing listens cannot be reached."""
    with ExitStack() as sockets:
        assert "cannot be reached" in error_of(send, make_host, unused_url(sockets))


@pytest.mark.parametrize("begun", [b"", b"HTTP/1.1 200 OK\r\n\r\n{"], ids=["silent", "half"])
def test_a_host_that_hangs_is_an_error_when_the_time_is_up(
    send: Send, make_host: MakeHost, begun: bytes
) -> None:
    """The error tells the limit; it also holds for an answer that does not come to its end."""
    may_end = Event()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(begun)
        may_end.wait(PATIENCE)

    host = make_host(answer)
    try:
        error = error_of(send, make_host, host.url, SHORT)
    finally:
        may_end.set()
    assert f"no answer within {SHORT} s" in error
    assert len(host.asked) == 1


@pytest.mark.parametrize(
    "name", ["exam.invalid", "\N{SNOWMAN}.invalid"], ids=["unknown", "not ASCII"]
)
def test_a_name_that_is_not_known_is_an_error(send: Send, make_host: MakeHost, name: str) -> None:
    """A host whose name leads nowhere cannot be reached."""
    error_of(send, make_host, f"http://{name}:8000")


def test_names_that_are_looked_up_without_end_delay_no_other_host(
    send: Send, make_host: MakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the name server is silent, hosts that need none are asked and the time limit holds."""
    may_end = Event()
    look_up = socket.getaddrinfo

    def silent(host: Any, *args: Any, **options: Any) -> Any:
        if str(host).endswith(".invalid"):
            may_end.wait(2 * PATIENCE)
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return look_up(host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    host = make_host()
    unknown = [f"http://exam{number}.invalid" for number in range(40)]
    known = host.url.replace("127.0.0.1", "localhost")
    with ThreadPoolExecutor(1) as pool:
        errors = pool.submit(send, {"exam": [*unknown, known]}, DIST_RIGHTS_TIMEOUT=SHORT)
        try:
            found = errors.result(PATIENCE / 2)
        finally:
            may_end.set()
    assert [error.partition(": ")[0] for error in found] == unknown
    assert len(host.asked) == 1


# TLS


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate that nobody trusts."""
    path = tmp_path / "certificate.pem"
    path.write_text(_CERTIFICATE)
    return path


def test_an_untrusted_certificate_is_an_error_and_such_a_host_gets_no_secret(
    send: Send, make_host: MakeHost, certificate: Path
) -> None:
    """A host that cannot prove who it is is not asked."""
    host = make_host(OK, certificate)
    assert "certificate" in error_of(send, make_host, f"https://{host.address}")
    assert host.asked == []


def test_https_on_a_port_for_http_is_an_error(send: Send, make_host: MakeHost) -> None:
    """A host that is asked for TLS and knows none cannot be reached."""
    host = make_host()
    error_of(send, make_host, f"https://{host.address}")
    assert host.asked == []


def test_http_on_a_port_for_https_is_an_error(
    send: Send, make_host: MakeHost, certificate: Path
) -> None:
    """A host that speaks TLS only and is asked without it fails."""
    host = make_host(OK, certificate)
    error_of(send, make_host, f"http://{host.address}")
    assert host.asked == []


# All at once


def test_hosts_that_fail_each_in_their_own_way_have_an_error_each(
    send: Send, make_host: MakeHost
) -> None:
    """There is one error for each host that failed, in the order of the configuration."""
    good = [make_host() for _ in range(3)]
    with ExitStack() as sockets:
        bad = [
            unused_url(sockets),
            make_host(says(500)).url,
            "http://exam.invalid",
            make_host(says(200, "ok")).url,
            make_host(says(400, '{"error": "Wrong secret"}')).url,
            make_host(says_bytes(b"")).url,
        ]
        errors = send(
            {
                "a": [good[0].url, *bad[:3], good[1].url],
                "b": [*bad[3:], good[2].url],
            }
        )
    assert [error.partition(": ")[0] for error in errors] == bad
    assert [len(host.asked) for host in good] == [1, 1, 1]


# With real hosts


def test_real_hosts_do_what_they_are_asked(
    send: Send, sqlite_databases: SQLiteDatabases, make_app: MakeApp, tmp_path: Path
) -> None:
    """Two running timApp servers with databases of their own verify and invalidate as told."""
    with ExitStack() as stack:
        sites, servers = [], []
        for name in ("one", "two"):
            url = stack.enter_context(sqlite_databases.fresh())
            site = Site(make_app(url))
            site.add_user("alice")
            site.add_document("exam", viewers=["alice"])
            sites.append(site)
            servers.append(
                stack.enter_context(
                    live_server(url, tmp_path / name, DIST_RIGHTS_RECEIVE_SECRET=SECRET)
                )
            )
        targets = {"exam": [server.url for server in servers]}
        browsers = [server.logged_in("alice") for server in servers for _ in range(2)]

        def statuses() -> list[int]:
            return [browser.get("/view/exam").status for browser in browsers]

        assert statuses() == [200, 490, 200, 490]
        # Each host's latest.
        assert send(targets, "verify") == []
        assert statuses() == [490, 200, 490, 200]
        # One session, which lives on the first host.
        assert send(targets, "verify", browsers[0].session_id) == []
        assert statuses() == [200, 490, 490, 490]
        # One session, and then all.
        assert send(targets, "verify") == []
        assert send(targets, "invalidate", browsers[1].session_id) == []
        assert statuses() == [490, 490, 490, 200]
        assert send(targets, "invalidate") == []
        assert statuses() == [490, 490, 490, 490]
        for site in sites:
            changes = [change for change in site.changes() if change.actor_kind is ActorKind.HOST]
            assert {change.address for change in changes} == {"127.0.0.1"}
            assert {change.action for change in changes} == {Action.VERIFY, Action.INVALIDATE}

        errors = send(targets, DIST_RIGHTS_SEND_SECRET="another")
        assert len(errors) == 2
        assert all("Wrong secret" in error for error in errors)
        assert statuses() == [490, 490, 490, 490]
