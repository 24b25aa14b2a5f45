"""The page on the other servers."""

from contextlib import ExitStack
from datetime import timedelta

import pytest
import time_machine

from tests.conftest import MakeApp
from tests.hosts import MakeHost, unused_url
from tests.site import Site
from timApp.auth.site import current_site, db
from timApp.hosts.outbox.worker import deliver_due
from timApp.util.clock import now

OPTIONS = {"DIST_RIGHTS_SEND_SECRET": "a secret", "DIST_RIGHTS_RECEIVE_SECRET": "another"}


def test_each_server_is_shown_with_its_last_calls_and_what_it_is_owed(
    database_url: str, make_app: MakeApp, make_host: MakeHost
) -> None:
    """One server did as told, one was dead and is owed a change, which is dropped in the end."""
    with ExitStack() as sockets:
        good, dead = make_host(), unused_url(sockets)
        hosts = {
            "hosts": {"north": good.url, "south": dead},
            "targets": {"exam": ["north", "south"]},
        }
        hall = Site(make_app(database_url, DIST_RIGHTS_NETWORK=hosts, **OPTIONS))
        hall.add_user("alice")
        hall.add_supervisor()
        session_id = hall.logged_in("alice").session_id
        supervisor = hall.logged_in("supervisor")
        page = supervisor.get_page("/supervise/servers").text
        assert page.count("Not known, as it has not answered yet.") == 2
        assert page.count("none yet") == 4

        form = {"user": "alice", "session_id": session_id, "target": "exam"}
        supervisor.decide("/supervise/verify", data=form)
        page = supervisor.get_page("/supervise/servers").text
        assert page.count("1 change to be told") == 1
        assert page.count("Does not sign") == 1
        assert "Connection refused" in page
        assert page.index("north") < page.index(good.url) < page.index("south") < page.index(dead)

        with time_machine.travel(now() + timedelta(hours=1)), hall.app.app_context():
            deliver_due(current_site().network, db.engine)
            page = supervisor.get_page("/supervise/servers").text
        assert "to be told</span>" not in page
        assert "1 verification that was too old to be told" in page


def test_wrong_secrets_are_shown_with_their_addresses(database_url: str, make_app: MakeApp) -> None:
    """Whoever shows a wrong secret is named, with how often and when."""
    hall = Site(make_app(database_url, **OPTIONS))
    hall.add_supervisor()
    supervisor = hall.logged_in("supervisor")
    assert "Wrong secrets" not in supervisor.get_page("/supervise/servers").text
    for _ in range(2):
        wrong = {"username": "supervisor", "secret": "wrong"}
        address = {"REMOTE_ADDR": "192.0.2.7"}
        hall.browser().client.post("/user/sessions/verify", json=wrong, environ_base=address)
    page = supervisor.get_page("/supervise/servers").text
    assert "No other servers are configured." in page
    assert "192.0.2.7</bdi>: 2 times, at last <time" in page


@pytest.mark.parametrize(("name", "status"), [("supervisor", 200), ("admin", 200), ("alice", 403)])
def test_the_page_is_for_supervisors(site: Site, name: str, status: int) -> None:
    """Supervisors and administrators see it, others do not."""
    site.add_supervisor()
    site.add_admin()
    site.add_user("alice")
    assert site.logged_in(name).get_page("/supervise/servers").status_code == status
