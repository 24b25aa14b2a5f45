"""A site behind PgBouncer, which gives each transaction another connection of the server's."""

from collections.abc import Iterator
from functools import partial

import pytest

from tests.conftest import MakeApp
from tests.faults.servers import PGBOUNCER, behind_pgbouncer, own_server
from tests.site import Site
from tests.together import together
from timApp.auth.site import db

pytestmark = pytest.mark.skipif(PGBOUNCER is None, reason="pgbouncer is not installed")


@pytest.fixture(scope="module")
def pooled_url() -> Iterator[str]:
    """A database behind PgBouncer in transaction mode."""
    with own_server() as server, behind_pgbouncer(server) as url:
        yield url


def test_all_that_a_site_does_is_done_behind_a_pooler(pooled_url: str, make_app: MakeApp) -> None:
    """Logins, changes, lists, exports and documents work, many at a time and again and again."""
    site = Site(make_app(pooled_url))
    site.add_exam_hall()
    site.add_admin()
    people = [f"student{number}" for number in range(6)]
    for name in people:
        site.add_user(name)

    def take_exam(name: str) -> None:
        for _ in range(8):
            first, second = site.logged_in(name), site.logged_in(name)
            assert second.get("/user/sessions/current").json["valid"] is False  # type: ignore[index]
            verified = supervisor.post(f"/user/sessions/{name}/verify")
            assert verified.status_code == 200
            assert second.get("/user/sessions/current").json["valid"] is True  # type: ignore[index]
            assert first.post("/logout").status_code == 200
            assert second.post("/logout").status_code == 200

    supervisor = site.logged_in("admin")
    together([partial(take_exam, name) for name in people])
    for path in ("/administer", "/administer/sessions", "/user/sessions/all?format=csv"):
        for _ in range(12):
            assert supervisor.get(path).status_code == 200
    assert supervisor.post("/user/sessions/invalidateAll").status_code == 200
    assert all(not site.active(name) for name in people)


def test_nothing_is_prepared_behind_a_pooler_alone(
    pooled_url: str, postgresql_url: str, make_app: MakeApp
) -> None:
    """A pooler is noticed by itself; without one, statements are prepared as ever."""
    for url, threshold in ((pooled_url, None), (postgresql_url, 5)):
        app = make_app(url)
        with app.app_context(), db.engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert driver is not None
            assert driver.prepare_threshold == threshold
