"""Several servers on one database: what one of them changes, all go by at the next request."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.live import LiveServer, live_server
from tests.site import Site

DOCUMENT = "exam"
VIEW = "/view/exam"
BLOCKED = 490


@pytest.fixture(scope="module")
def shared(make_site: Callable[[], Site]) -> Site:
    """A site with a document for two students, and an administrator."""
    site = make_site()
    site.add_user("student", ["Students"])
    site.add_user("twice", ["Students"])
    site.add_user("admin", ["Administrators"])
    site.add_document(DOCUMENT, viewers=["Students"], source="# Question 1")
    return site


@pytest.fixture(scope="module")
def servers(
    shared: Site, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[LiveServer, LiveServer]]:
    """Two servers, of processes of their own, that share the database and the secret key."""
    url, folder = shared.app.config["DATABASE_URL"], tmp_path_factory.mktemp("live")
    with live_server(url, folder / "one") as one, live_server(url, folder / "other") as other:
        yield one, other


def test_other_servers_follow_at_the_next_request(servers: tuple[LiveServer, LiveServer]) -> None:
    """A session that is invalidated, or verified, on one server is so on the other at once."""
    one, other = servers
    student, admin = one.logged_in("student"), other.logged_in("admin")
    for action, status in ((None, 200), *(("invalidate", BLOCKED), ("verify", 200)) * 3):
        if action is not None:
            assert admin.post(f"/user/sessions/student/{action}").status == 200
        for server in servers:
            student.base_url = server.url
            assert student.get(VIEW).status == status


def test_the_limit_is_one_for_all_servers(
    shared: Site, servers: tuple[LiveServer, LiveServer]
) -> None:
    """Logins of one person at several servers at once leave one active session."""
    browsers = [server.browser() for server in servers * 4]
    with ThreadPoolExecutor(len(browsers)) as pool:
        answers = list(pool.map(lambda browser: browser.log_in("twice"), browsers))
    assert [answer.json["valid"] for answer in answers].count(True) == 1
    assert len(shared.sessions("twice")) == len(browsers)
    assert len(shared.active("twice")) == 1
