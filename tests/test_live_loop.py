"""The loop from login to export over real HTTP, against the server as `timapp run` starts it."""

import csv
import html
import io
import re
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from http.client import HTTPConnection
from itertools import count

import psutil  # type: ignore[import-untyped]
import pytest
import sqlalchemy as sa

from tests.live import PATIENCE, LiveBrowser, LiveServer, live_server
from tests.site import PASSWORD, Site
from timApp.auth.site import db
from timApp.guard.tables.session import UserSession
from timApp.guard.vocabulary import Action, ActorKind

DOCUMENT = "exam/task 1"
VIEW = "/view/exam/task%201"
SECRET = "the secret of the hosts"


STUDENTS = "Students"

_numbers = count(1)


@pytest.fixture(scope="module")
def hall(make_site: Callable[[], Site]) -> Site:
    """A site with a document for students."""
    site = make_site()
    site.add_user("first", [STUDENTS])  # a group begins with its first member
    site.add_document(DOCUMENT, viewers=[STUDENTS], source="# Question 1")
    return site


@contextmanager
def serving(
    hall: Site, tmp_path_factory: pytest.TempPathFactory, workers: int
) -> Iterator[LiveServer]:
    """Yield the server on that site, with so many workers."""
    with live_server(
        hall.app.config["DATABASE_URL"],
        tmp_path_factory.mktemp("live"),
        workers=workers,
        DIST_RIGHTS_RECEIVE_SECRET=SECRET,
    ) as running:
        yield running


@pytest.fixture(scope="module")
def server(hall: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """The server on that site, with one worker; each test has people of its own."""
    with serving(hall, tmp_path_factory, workers=1) as running:
        yield running


@pytest.fixture
def two_workers(hall: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """The server on that site, with two workers."""
    with serving(hall, tmp_path_factory, workers=2) as running:
        yield running


@pytest.fixture
def student(hall: Site) -> str:
    """The name of a student who has not been there before."""
    name = f"student{next(_numbers)}"
    hall.add_user(name, [STUDENTS])
    return name


@pytest.fixture
def teacher(hall: Site) -> str:
    """The name of an administrator who has not been there before."""
    name = f"teacher{next(_numbers)}"
    hall.add_admin(name)
    return name


def run_the_loop(server: LiveServer, student: str, verify: Callable[[LiveBrowser], None]) -> None:
    """Log in twice, be blocked, have the second device verified, and go on with it."""
    first, second = server.browser("First"), server.browser("Second")
    assert first.log_in(student).json["valid"] is True
    assert second.log_in(student).json["valid"] is False
    assert first.session_id != second.session_id

    assert first.get(VIEW).status == 200
    blocked = second.get_page(VIEW)
    assert blocked.status == 490
    assert "<svg" in blocked.text
    assert "/supervise/link/" in blocked.text
    assert "Question 1" not in blocked.text
    state = {"sessionId": second.session_id, "valid": False}
    assert second.get("/user/sessions/current").json == state

    verify(second)

    assert second.get("/user/sessions/current").json == state | {"valid": True}
    page = second.get_page(VIEW)
    assert page.status == 200
    assert "Question 1" in page.text
    assert first.get(VIEW).status == 490


def test_the_loop_with_an_administrator_who_verifies(
    server: LiveServer, hall: Site, student: str, teacher: str
) -> None:
    """Two devices: the second is blocked, an administrator verifies it, then the first is."""
    admin = server.logged_in(teacher)

    def verify(second: LiveBrowser) -> None:
        answer = admin.post(f"/user/sessions/{student}/verify", {"session_id": second.session_id})
        assert (answer.status, answer.json) == (200, {"status": "ok"})

    run_the_loop(server, student, verify)
    change = hall.changes()[-1]
    assert (change.actor_kind, change.actor) == (ActorKind.USER, teacher)
    assert (change.address, change.action) == ("127.0.0.1", Action.VERIFY)
    assert change.session_count == 2

    exported = admin.get(f"/user/sessions/all?user={student}&format=json")
    assert exported.headers["X-Row-Count"] == "2"
    first, second = exported.json
    assert (first["origin"], second["origin"]) == ("[127.0.0.1] First", "[127.0.0.1] Second")
    assert first["expired_at"] is not None
    assert second["expired_at"] is None


def test_the_loop_with_a_host_that_verifies(server: LiveServer, hall: Site, student: str) -> None:
    """Two devices: the second is blocked, a host with the secret verifies it, then the first is."""

    def verify(second: LiveBrowser) -> None:
        host = server.browser("another host")
        body = {"username": student, "session_id": second.session_id}
        refused = host.post("/user/sessions/verify", body | {"secret": f"{SECRET} "})
        assert (refused.status, refused.json) == (400, {"error": "Wrong secret"})
        assert second.get(VIEW).status == 490
        answer = host.post("/user/sessions/verify", body | {"secret": SECRET})
        assert (answer.status, answer.json) == (200, {"status": "ok"})

    run_the_loop(server, student, verify)
    change = hall.changes()[-1]
    assert (change.actor_kind, change.action) == (ActorKind.HOST, Action.VERIFY)
    assert (change.address, change.session_count) == ("127.0.0.1", 2)


def test_a_change_with_the_cookie_and_without_the_token_changes_nothing(
    server: LiveServer, student: str, teacher: str
) -> None:
    """Another site's form, which has the administrator's cookie only, verifies nobody."""
    server.logged_in(student)
    second, admin = server.logged_in(student), server.logged_in(teacher)
    admin.csrf_token = ""
    fields = {"session_id": second.session_id}
    assert admin.submit(f"/user/sessions/{student}/verify", fields).status == 400
    assert admin.post(f"/user/sessions/{student}/verify", fields).status == 400
    assert second.get(VIEW).status == 490


def test_a_login_with_the_form_lands_on_the_document(server: LiveServer, student: str) -> None:
    """A browser that asks for a document logs in with the form and is shown the document."""
    browser = server.browser()
    form = browser.get_page(VIEW)
    assert form.status == 200
    assert form.url.startswith(f"{server.url}/login?")
    _, _, main = form.text.partition("<main")  # above it the language is chosen, in a form as well
    fields = {
        "csrf_token": hidden_field(main, "csrf_token"),
        "next": hidden_field(main, "next"),
        "username": student,
    }
    wrong = browser.submit("/login", fields | {"password": f"{PASSWORD}!"})
    assert wrong.status == 403
    assert "Question 1" not in wrong.text
    page = browser.submit("/login", fields | {"password": PASSWORD})
    assert (page.status, page.url) == (200, server.url + VIEW)
    assert "Question 1" in page.text
    # The person stays logged in.
    assert browser.get_page(VIEW).url == server.url + VIEW


def hidden_field(page: str, name: str) -> str:
    """Return the value of a hidden field of a form."""
    inputs: list[str] = re.findall(r"<input\b[^>]*>", page)
    (field,) = (tag for tag in inputs if f'name="{name}"' in tag)
    value = re.search(r'value="([^"]*)"', field)
    assert value is not None
    return html.unescape(value[1])


class Connection:
    """A connection that is kept open, so that one and the same worker answers on it."""

    def __init__(self, server: LiveServer) -> None:
        self._connection = HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
        self._connection.connect()
        assert self._connection.sock is not None
        self._port = self._connection.sock.getsockname()[1]
        self._server = server
        assert self.status("/login", "") == 200
        self.worker = self._find_worker()

    def status(self, path: str, cookie: str) -> int:
        """Return the status of the answer to a request."""
        self._connection.request("GET", path, headers={"Cookie": cookie})
        response = self._connection.getresponse()
        response.read()
        return response.status

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _find_worker(self) -> int:
        """Return the id of the process at the other end."""
        workers: list[int] = [
            process.pid
            for process in psutil.Process(self._server.pid).children(recursive=True)
            for end in process.net_connections("tcp4")
            if end.raddr and end.laddr.port == self._server.port and end.raddr.port == self._port
        ]
        (worker,) = workers
        return worker


def test_an_invalidation_is_seen_on_the_next_request_on_every_worker(
    two_workers: LiveServer, student: str, teacher: str
) -> None:
    """No worker lets an invalidated session in once more, nor keeps a verified one out."""
    browser, admin = two_workers.logged_in(student), two_workers.logged_in(teacher)
    cookie = browser.cookie_header()
    with ExitStack() as stack:
        by_worker: dict[int, Connection] = {}
        for _ in range(1000):
            connection = Connection(two_workers)
            stack.callback(connection.close)
            by_worker.setdefault(connection.worker, connection)
            if len(by_worker) == 2:
                break
        assert len(by_worker) == 2
        assert {c.status(VIEW, cookie) for c in by_worker.values()} == {200}
        for action, status in (("invalidate", 490), ("verify", 200), ("invalidate", 490)):
            assert admin.post(f"/user/sessions/{student}/{action}").status == 200
            assert {c.status(VIEW, cookie) for c in by_worker.values()} == {status}
            # And over new connections, wherever they end.
            assert {browser.get(VIEW).status for _ in range(20)} == {status}


def add_sessions(site: Site, student: str, number_of_them: int, origin: str) -> None:
    """Give the student that many expired sessions."""
    moment = datetime(2030, 5, 6, 7, 8, 9, 123456, UTC)
    user_id = site.user_id(student)
    rows = [
        {
            "user_id": user_id,
            "session_id": f"session {number:06}",
            "origin": origin,
            "logged_in_at": moment,
            "expired_at": moment,
        }
        for number in range(number_of_them)
    ]
    with site.app.app_context():
        db.session.execute(sa.insert(UserSession), rows)
        db.session.commit()


def number_of_sessions(site: Site) -> int:
    """Return how many sessions there are, of whomever."""
    with site.app.app_context():
        return db.session.scalars(sa.select(sa.func.count()).select_from(UserSession)).one()


def test_an_export_is_complete(server: LiveServer, hall: Site, student: str, teacher: str) -> None:
    """An administrator's CSV holds each of many sessions, and the header counts them right."""
    origin = '[127.0.0.1] "Zoë", version 1\r\n2 \N{SNOWMAN}'
    add_sessions(hall, student, 5001, origin)
    admin = server.logged_in(teacher)
    answer = admin.get("/user/sessions/all")
    assert answer.status == 200
    assert answer.headers.get_content_type() == "text/csv"
    header, *rows = csv.reader(io.StringIO(answer.text, newline=""))
    assert header == ["user", "session_id", "origin", "logged_in_at", "expired_at"]
    assert answer.headers["X-Row-Count"] == str(len(rows)) == str(number_of_sessions(hall))
    moment = "2030-05-06T07:08:09.123456+00:00"
    of_student = [row for row in rows if row[0] == student]
    assert of_student == [
        [student, f"session {number:06}", origin, moment, moment] for number in range(5001)
    ]
    (own,) = (row for row in rows if row[0] == teacher)
    assert own[1] == admin.session_id
    assert own[4] == ""
    assert server.logged_in(student).get("/user/sessions/all").status in {403, 490}


def drop_half_way(server: LiveServer, cookie: str) -> None:
    """Ask for the export, read where it begins, and be gone without a word (RST)."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request = f"GET /user/sessions/all HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n\r\n"
        client.sendall(request.encode())
        assert client.recv(1024).startswith(b"HTTP/1.1 200 ")


def test_clients_that_drop_an_export_half_way_leave_the_server_answering(
    server: LiveServer, hall: Site, student: str, teacher: str
) -> None:
    """More dropped exports than there are threads and connections to the database do no harm."""
    # 20 MB: more than the buffers between the two hold.
    add_sessions(hall, student, 20_000, "x" * 900)
    admin = server.logged_in(teacher)
    for _ in range(24):
        drop_half_way(server, admin.cookie_header())
    assert server.logged_in(student).get("/user/sessions/current").status == 200
    whole = admin.get("/user/sessions/all")
    number = number_of_sessions(hall)
    assert number > 20_000
    assert whole.headers["X-Row-Count"] == str(number)
    assert len(list(csv.reader(io.StringIO(whole.text, newline="")))) == number + 1
