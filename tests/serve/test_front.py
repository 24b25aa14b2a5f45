"""The front: HTTP as clients of all kinds speak it, over real connections to a real server."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.databases import SQLiteDatabases
from tests.live import LiveServer, live_server
from tests.serve.raw import RawClient, get, raw_client
from tests.site import Site, open_app

#: Seconds that a request may take to arrive.
TIMEOUT = 1.0
STATE = "/user/sessions/current"
#: The same, for the pages that are open.
OPEN_STATE = "/user/sessions/state"


@pytest.fixture(scope="module")
def server(
    sqlite_databases: SQLiteDatabases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveServer]:
    """A server that is impatient, with the student alice and the exam that she may view."""
    folder = tmp_path_factory.mktemp("front")
    with sqlite_databases.fresh() as url:
        with open_app(url, folder / "instance") as app:
            site = Site(app)
            site.add_exam_hall()
            site.add_admin()
            site.add_user("bob")
        with live_server(url, folder / "site", REQUEST_TIMEOUT=TIMEOUT) as server:
            yield server


@pytest.fixture
def client(server: LiveServer) -> Iterator[RawClient]:
    """A new connection."""
    with raw_client(server.port) as client:
        yield client


def is_answered(server: LiveServer) -> bool:
    """Tell whether somebody else is answered."""
    return server.browser().get("/login").status == 200


UNFINISHED = {
    "line": b"GET /log",
    "head": b"GET /login HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
    "body": b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{",
    "chunk": b"POST /login HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
}


@pytest.mark.parametrize("part", UNFINISHED.values(), ids=UNFINISHED.keys())
def test_a_request_that_never_ends_is_answered_408_and_holds_up_nobody(
    server: LiveServer, part: bytes
) -> None:
    """Each of fifty clients with unfinished requests is told so in time; others are answered."""
    with ExitStack() as stack:
        clients = [stack.enter_context(raw_client(server.port)) for _ in range(50)]
        for client in clients:
            client.send(part)
        assert is_answered(server)
        for client in clients:
            answer = client.read()
            assert (answer.status, answer.reason) == (408, "Request Timeout")
            assert answer.header("Connection") == "close"
            assert client.is_closed()
        assert is_answered(server)


def test_a_connection_on_which_nothing_comes_is_closed(client: RawClient) -> None:
    """Whoever connects and says nothing is let go without a word."""
    assert client.is_closed()


def test_a_slow_phone_is_answered(server: LiveServer, client: RawClient) -> None:
    """A request that comes in many small pieces, others being answered in between, is a request."""
    body = b'{"username": "alice", "password": "wrong"}'
    head = "POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    for start in range(0, len(request), 40):
        client.send(request[start : start + 40])
        with raw_client(server.port) as other:
            assert other.ask(get("/nowhere")).status == 404
    answer = client.read("POST")
    assert (answer.status, answer.body) == (403, b'{"error":"Wrong user name or password."}\n')


def test_requests_on_one_connection_are_answered_in_their_order(client: RawClient) -> None:
    """Requests that are sent without waiting, for pages and for files, are all answered in turn."""
    paths = ["/nowhere", "/static/ui/ui.css", STATE, "/login", "/static/ui/nothing.css"] * 10
    client.send(b"".join(map(get, paths)))
    expected = [404, 200, 403, 200, 404] * 10
    assert [client.read().status for _ in paths] == expected


def test_whoever_watches_the_server_is_answered_by_any_name(client: RawClient) -> None:
    """The front says that it is there in the words of the application, and under any host name."""
    answers = {
        (host, method): client.ask(
            get("/healthz").replace(b"GET", method).replace(b"localhost", host), method.decode()
        )
        for host in (b"localhost", b"10.0.0.7:5000")
        for method in (b"GET", b"HEAD")
    }
    assert {(one.status, one.header("Content-Length")) for one in answers.values()} == {(200, "16")}
    assert {one.body for one in answers.values()} == {b'{"status":"ok"}\n', b""}
    assert client.ask(get("/healthz?x=1")).status == 422  # asked of the application
    ready = client.ask(get("/readyz"))
    assert (ready.status, json.loads(ready.body)["status"]) == (200, "ok")


def test_a_head_is_that_of_the_page_without_the_page(client: RawClient) -> None:
    """HEAD says how long the page is, and nothing of it follows."""
    page = client.ask(get("/static/ui/ui.css"))
    for path, length in (("/static/ui/ui.css", page.header("Content-Length")), ("/login", None)):
        request = get(path).replace(b"GET", b"HEAD")
        head = client.ask(request, "HEAD")
        assert (head.status, head.body) == (200, b"")
        assert head.header("Content-Length") == (length or head.header("Content-Length"))
        assert int(head.header("Content-Length") or 0) > 1000


@pytest.mark.parametrize("keeps", [True, False])
def test_http_1_0_is_spoken(client: RawClient, keeps: bool) -> None:
    """A client of HTTP/1.0, without a host, is answered; the connection is kept if it asks."""
    lines = ["Connection: keep-alive"] if keeps else []
    request = get("/login", *lines, version="1.0").replace(b"Host: localhost\r\n", b"")
    answer = client.ask(request)
    assert answer.status == 200
    assert answer.header("Transfer-Encoding") is None
    assert (answer.header("Connection") or "close") == ("keep-alive" if keeps else "close")
    if keeps:
        last = client.ask(request.replace(b"keep-alive", b"close"))
        assert (last.status, last.header("Connection")) == (200, "close")
    assert client.is_closed()


def test_a_body_may_come_in_chunks_and_after_it_is_asked_for(client: RawClient) -> None:
    """A client that sends chunks, and waits to be asked for them, is asked and understood."""
    head = (
        b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n"
    )
    client.send(head)
    assert client.socket.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    first, second = b'{"username": "alice", ', b'"password": "wrong"}'
    client.send(b"%x\r\n%b\r\n" % (len(first), first))
    client.send(b"%x;a=b\r\n%b\r\n0\r\nX-After: all\r\n\r\n" % (len(second), second))
    assert client.read("POST").status == 403


CHUNKED = b"POST /login HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"

BAD = {
    "no HTTP": (b"\x16\x03\x01 hello\r\n\r\n", 400),
    "no host": (b"GET /login HTTP/1.1\r\n\r\n", 400),
    "two hosts": (get("/login", "Host: elsewhere"), 400),
    "a target that is none": (get("*"), 400),
    "a fragment": (get("/login#a"), 400),
    "two lengths": (get("/login", "Content-Length: 1", "Content-Length: 2"), 400),
    "length and chunks": (
        get("/login", "Content-Length: 5", "Transfer-Encoding: chunked") + b"0\r\n\r\n",
        400,
    ),
    "length that is none": (get("/login", "Content-Length: -1"), 400),
    "a line that goes on": (get("/login", "X-One: 1", " 2"), 400),
    "a name with a blank": (get("/login", "X-One : 1"), 400),
    "a tunnel": (b"CONNECT localhost:1 HTTP/1.1\r\nHost: localhost\r\n\r\n", 501),
    "too much in the head": (get("/login", *[f"X-{n}: {'a' * 1000}" for n in range(90)]), 431),
    "too many lines": (get("/login", *[f"X-{n}: a" for n in range(200)]), 431),
    "a line without end": (b"GET /login HTTP/1.1\r\nX: " + b"a" * 100_000, 431),
    "too long an address": (get("/" + "a" * 20_000), 414),
    "too large a body": (
        b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\n\r\n",
        413,
    ),
    "too many chunks": (
        CHUNKED + b"10000\r\n%b\r\n" % (b"a" * 65_536) * 20,
        413,
    ),
    "a body for another protocol": (
        get("/login", "Connection: Upgrade", "Upgrade: h2c", "Content-Length: 3") + b"abc",
        501,
    ),
    "chunks for another protocol": (
        get("/login", "Connection: Upgrade", "Upgrade: h2c", "Transfer-Encoding: chunked")
        + b"0\r\n\r\n",
        501,
    ),
    "an older version": (get("/login", version="0.9"), 505),
    "a later version": (get("/login", version="2.0"), 505),
    "chunks of an old version": (
        get("/login", "Transfer-Encoding: chunked", version="1.0") + b"0\r\n\r\n",
        400,
    ),
    "a coding before the chunks": (
        get("/login", "Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n",
        501,
    ),
    "two codings in two lines": (
        get("/login", "Transfer-Encoding: identity", "Transfer-Encoding: chunked") + b"0\r\n\r\n",
        501,
    ),
    "a trailer without end": (CHUNKED + b"0\r\nX: " + b"a" * 1_000_000, 431),
    "a trailer of many lines": (CHUNKED + b"0\r\n" + b"X: a\r\n" * 200, 431),
    "a chunk that says much": (CHUNKED + b"1;" + b"a" * 1_000_000, 431),
    "a body of crumbs": (CHUNKED + b"1\r\na\r\n" * 20_000, 413),
    "nothing but blank lines": (b"\r\n" * 100_000, 431),
}


@pytest.mark.parametrize(("request_", "status"), BAD.values(), ids=BAD.keys())
def test_what_is_no_request_is_refused_in_words(
    server: LiveServer, client: RawClient, request_: bytes, status: int
) -> None:
    """Whatever a client sends that is no request, or too much, gets a clear refusal."""
    client.send(request_)
    answer = client.read()
    assert answer.status == status
    assert answer.header("Content-Type") == "application/json"
    assert b'{"error": "' in answer.body
    assert is_answered(server)


def test_an_address_with_a_host_in_it_is_understood(client: RawClient) -> None:
    """A whole URL as the target is the address without its host, which counts, and no other."""
    whole = get("http://localhost:80/login?next=/view/exam")
    answer = client.ask(whole.replace(b"Host: localhost", b"Host: elsewhere.example"))
    assert answer.status == 200
    assert b"/view/exam" in answer.body
    assert client.ask(get("http://elsewhere.example/login")).status == 400


def test_another_protocol_is_not_spoken(client: RawClient) -> None:
    """Whoever offers another protocol is answered in this one, again and again."""
    for upgrade in ("websocket", "h2c"):
        lines = ("Connection: Upgrade", f"Upgrade: {upgrade}")
        assert client.ask(get("/login", *lines)).status == 200


def test_a_blocked_answer_says_why_in_its_first_line(server: LiveServer) -> None:
    """The status 490 comes with its phrase."""
    server.logged_in("alice")
    blocked = server.logged_in("alice")
    with raw_client(server.port) as client:
        answer = client.ask(get("/view/exam", f"Cookie: {blocked.cookie_header()}"))
    assert (answer.status, answer.reason) == (490, "Session Expired")


def test_odd_bytes_in_headers_reach_the_application(server: LiveServer, client: RawClient) -> None:
    """A cookie of another program in Latin-1 beside ours, and all bytes there are, do no harm."""
    browser = server.logged_in("admin")
    odd = "".join(chr(code) for code in range(256) if code >= 32 and code != 127)
    cookie = f"Cookie: caf\xe9=\xff\xfe; {browser.cookie_header()}; b=\xc3\xa9"
    for path in (STATE, "/my-sessions"):
        answer = client.ask(get(path, cookie, f"User-Agent: {odd}", f"X-Odd: \t{odd}\t"))
        assert answer.status == 200, path


def test_a_name_with_an_underscore_is_not_taken_for_another(client: RawClient) -> None:
    """A header that WSGI could not tell from another one is not passed on."""
    answer = client.ask(get("/nowhere", "Accept: application/json", "Accept_: text/html"))
    assert answer.header("Content-Type") == "application/json"
    answer = client.ask(get("/view/exam", "Accept: text/html", "Accept_Language: fi"))
    assert answer.status == 302


@pytest.mark.parametrize("blocked", [False, True])
def test_the_state_is_answered_as_by_the_application(
    server: LiveServer, client: RawClient, blocked: bool
) -> None:
    """The front's own answers are, but for date and id, those of the views."""
    browser = server.logged_in("bob")
    if blocked:
        browser = server.logged_in("bob")
    cookie = f"Cookie: {browser.cookie_header()}"
    session_id, standing = browser.session_id, "blocked" if blocked else "valid"
    for target, expected in (
        (STATE, {"sessionId": session_id, "valid": not blocked}),
        (
            OPEN_STATE,
            {
                "attemptedAt": None,
                "exams": "",
                "sessionId": session_id,
                "standing": standing,
                "username": "bob",
            },
        ),
    ):
        ours = client.ask(get(target, cookie))
        # Asked with HEAD, the application answers.
        theirs = client.ask(get(target, cookie).replace(b"GET", b"HEAD"), "HEAD")
        assert ours.status == theirs.status == 200
        of_each = {"Date", "X-Request-ID"}
        assert sorted(pair for pair in ours.headers if pair[0] not in of_each) == sorted(
            pair for pair in theirs.headers if pair[0] not in of_each
        )
        assert json.loads(ours.body) == expected


def test_nobodys_state_is_left_to_the_application(server: LiveServer, client: RawClient) -> None:
    """Without a login, after the logout, with a forged cookie or two: 403, or that it is nobody."""
    browser = server.logged_in("alice")
    cookie = browser.cookie_header()
    browser.post("/logout")
    for lines in (
        [],
        [f"Cookie: {cookie}"],
        [f"Cookie: {cookie[:-1]}"],
        ["Cookie: timapp="],
        ["Cookie: timapp=a; timapp=b"],
        ["Cookie: timapp =a; timapp=b"],
    ):
        answer = client.ask(get(STATE, *lines))
        assert (answer.status, answer.body) == (403, b'{"error":"Log in first."}\n'), lines
        answer = client.ask(get(OPEN_STATE, *lines))
        assert answer.status == 200, lines
        assert json.loads(answer.body) == {
            "attemptedAt": None,
            "exams": "",
            "sessionId": None,
            "standing": "anonymous",
            "username": None,
        }
    for target in (STATE, OPEN_STATE):
        assert client.ask(get(f"{target}?all=1")).status == 422


def test_a_token_is_left_to_the_application(server: LiveServer, client: RawClient) -> None:
    """It says whether the token is good; the cookie beside it gets no state of anybody's."""
    browser = server.browser()
    assert browser.log_in("alice").status == 200
    cookie = f"Cookie: {browser.cookie_header()}"
    assert client.ask(get(STATE, cookie, "Authorization: Basic YTpi")).status == 200
    for scheme in ("Bearer", "bearer  "):
        answer = client.ask(get(STATE, cookie, f"Authorization: {scheme} timapp_none_such"))
        assert answer.status == 401


def test_a_static_file_is_sent_once(client: RawClient) -> None:
    """Whoever has the file is told that it is good; whoever has another one, or a part, gets it."""
    path = "/static/ui/ui.css"
    first = client.ask(get(path))
    tag, since = first.header("ETag"), first.header("Last-Modified")
    for line in (f"If-None-Match: {tag}", f"If-None-Match: W/{tag}", f"If-Modified-Since: {since}"):
        again = client.ask(get(path, line))
        assert (again.status, again.body) == (304, b"")
        assert again.header("ETag") == tag
    for line in ('If-None-Match: "other"', "If-Modified-Since: never", "Range: bytes=0-9"):
        again = client.ask(get(path, line))
        assert (again.status, again.body) == (200, first.body)
    for outside in ("/static/ui/../../app.py", "/static/ui/%2e%2e/%2e%2e/app.py", "/static/ui/"):
        missing = client.ask(get(outside))
        assert missing.status == 404
        head = client.ask(get(outside).replace(b"GET", b"HEAD"), "HEAD")
        assert (head.status, head.body) == (404, b"")
        for name in ("Content-Length", "Transfer-Encoding"):
            assert head.header(name) == missing.header(name)


#: How the lines of a request say whom it is for, and whether that is a name.
HOSTS = {
    "none": ([], False),
    "two": (["Host: localhost", "Host: localhost"], False),
    "no name": (["Host: local host"], False),
    "forged": (["Host: elsewhere.example"], True),
}


@pytest.mark.parametrize(("lines", "is_name"), HOSTS.values(), ids=HOSTS.keys())
def test_whom_a_request_is_for_counts_by_whatever_part_it_is_answered(
    server: LiveServer, client: RawClient, lines: list[str], is_name: bool
) -> None:
    """What names no host is refused everywhere; a foreign name, unless no link can be made of it.

    The same if the answer is one that is kept, and for files of extensions.
    """
    cookie = f"Cookie: {server.logged_in('alice').cookie_header()}"
    files = ("/static/ui/ui.css", "/bootstrap/static/css/bootstrap.min.css")
    for path in (STATE, OPEN_STATE, *files, *files, "/login", "/"):
        request = "\r\n".join((f"GET {path} HTTP/1.1", cookie, *lines, "", "")).encode()
        is_open = is_name and path in {STATE, OPEN_STATE, *files}
        assert client.ask(request).status == (200 if is_open else 400), path


def test_an_address_has_so_many_connections(sqlite_url: str, tmp_path: Path) -> None:
    """One address gets no more connections than the option says; those that it has go on.

    Whoever keeps the site learns of it from a line of the log.
    """
    with (
        live_server(sqlite_url, tmp_path / "few", CONNECTIONS_PER_ADDRESS=5) as few,
        ExitStack() as stack,
    ):
        clients = [stack.enter_context(raw_client(few.port)) for _ in range(5)]
        for client in clients:
            assert client.ask(get("/login")).status == 200
        for _ in range(3):
            with raw_client(few.port) as more:
                assert more.is_closed()
        clients[0].close()
        for client in clients[1:]:
            assert client.ask(get("/login")).status == 200
        log = (tmp_path / "few" / f"server-{few.port}.log").read_text()
    assert log.count("CONNECTIONS_PER_ADDRESS") == 1
    assert "now one of 127.0.0.1" in log
