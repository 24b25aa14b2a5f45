"""The real server while its database is frozen: all are told soon, and it goes on by itself."""

import time
from pathlib import Path

import psycopg

from tests.conftest import MakeApp
from tests.faults.servers import frozen, own_server
from tests.live import Answer, LiveBrowser, eventually, live_server
from tests.site import Site
from tests.together import together

#: Far more than what is promised, and far less than a wait without end.
_SOON = 20


def test_a_hall_of_people_and_a_frozen_server(tmp_path: Path, make_app: MakeApp) -> None:
    """All readers get 503 with a time to come again, others their files; then all is as ever."""
    with own_server() as database:
        site = Site(make_app(database.get_uri()))
        site.add_exam_hall()
        with live_server(database.get_uri(), tmp_path) as server:
            reader = LiveBrowser(server.url)
            assert reader.log_in("alice").status == 200
            stranger = LiveBrowser(server.url)

            def ask_again_and_again() -> list[Answer]:
                paths = ["/view/exam", "/user/sessions/current", "/my-sessions"] * 3
                return [reader.get(path) for path in paths]

            begun = time.monotonic()
            with frozen(database):
                for answers in together([ask_again_and_again] * 12):
                    assert {answer.status for answer in answers} == {503}
                    assert all(int(one.headers["Retry-After"]) >= 1 for one in answers)
                assert stranger.get("/login").status == 200
                assert stranger.get("/static/ui/ui.css").status == 200
            assert time.monotonic() - begun < 3 * _SOON
            eventually(lambda: reader.get("/view/exam").status == 200 or None)
            assert stranger.log_in("alice").status == 200


def test_a_table_that_is_locked_after_a_busy_moment(tmp_path: Path, make_app: MakeApp) -> None:
    """Each kind of reader gets 503 though connections are idle, without a traceback in the log."""
    with own_server() as database:
        Site(make_app(database.get_uri())).add_exam_hall()
        with live_server(database.get_uri(), tmp_path) as server:
            reader = server.logged_in("alice")
            for answer in together([lambda: reader.get("/my-sessions")] * 4):
                assert answer.status == 200
            with psycopg.connect(database.get_uri()) as holder:
                holder.execute("LOCK TABLE usersession IN ACCESS EXCLUSIVE MODE")
                for path in ("/view/exam", "/user/sessions/current", "/my-sessions"):
                    answer = reader.get(path)
                    assert answer.status == 503
                    assert int(answer.headers["Retry-After"]) >= 1
            assert reader.get("/view/exam").status == 200
