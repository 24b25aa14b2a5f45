"""The numbers of /metrics are right, are told to those who may know them, and name nobody."""

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families
from werkzeug.test import TestResponse

from tests.conftest import MakeApp
from tests.databases import SQLiteDatabases
from tests.site import Site

TOKEN = "a token for those who watch"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def app(database_url: str, make_app: MakeApp) -> Flask:
    """A site that is watched with a token."""
    return make_app(database_url, METRICS_TOKEN=TOKEN)


def numbers(answer: TestResponse) -> dict[tuple[str, ...], float]:
    """Return the numbers of an answer by name and labels."""
    assert answer.status_code == 200
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_what_happens_to_people_is_counted(hall: Site) -> None:
    """Logins by how they ended, decisions that were kept, who is here and who waits."""
    supervisor = hall.logged_in("supervisor")
    assert hall.browser().log_in("alice", "wrong").status_code == 403
    assert hall.browser().log_in("nobody at all").status_code == 403
    blocked = hall.blocked()
    verify = {"user": "alice", "session_id": blocked.session_id}
    assert supervisor.post("/supervise/verify", data=verify).status_code == 303
    assert hall.logged_in("alice").get_page("/view/exam").status_code == 490
    assert hall.browser().client.post("/login", json={"username": "alice"}).status_code == 422
    answer = hall.app.test_client().get("/metrics", headers=BEARER)
    found = numbers(answer)
    assert {key: found[key] for key in found if key[0] == "timapp_logins_total"} == {
        ("timapp_logins_total", "let_in"): 2,
        ("timapp_logins_total", "blocked"): 2,
        ("timapp_logins_total", "wrong_credentials"): 2,
        ("timapp_logins_total", "malformed"): 1,
    }
    assert found["timapp_changes_total", "verify"] == 1
    assert found["timapp_sessions", "active"] == 2
    assert found["timapp_sessions", "blocked"] == 2
    assert found["timapp_waiting",] == 1
    assert found["timapp_database_up",] == 1
    assert "alice" not in answer.text
    assert blocked.session_id not in answer.text


def test_the_numbers_are_for_those_who_may_know_them(hall: Site) -> None:
    """An administrator and whoever has the token see them; all others are refused."""
    hall.add_admin()
    assert hall.logged_in("admin").get("/metrics").status_code == 200
    for name in ("alice", "supervisor"):
        assert hall.logged_in(name).get("/metrics").status_code == 403
    client = hall.app.test_client()
    assert client.get("/metrics").status_code == 403
    assert client.get("/metrics", headers=BEARER).status_code == 200
    for wrong in (f"Bearer {TOKEN}x", "Bearer \u00e9", f"Basic {TOKEN}", "Bearer", "Bearer x, y"):
        answer = client.get("/metrics", headers={"Authorization": wrong})
        assert answer.status_code == 403, wrong
        assert "timapp_" not in answer.text
    answer = hall.logged_in("admin").get("/metrics", headers={"Authorization": "Bearer wrong"})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("10.1.2.3", 200),
        ("::ffff:10.1.2.3", 200),
        ("2001:db8::7", 200),
        ("10.2.0.1", 403),
        ("2001:db8::8", 403),
        ("not an address", 403),
    ],
)
def test_networks_of_the_option_see_the_numbers(
    sqlite_databases: SQLiteDatabases, make_app: MakeApp, address: str, status: int
) -> None:
    """Whoever asks from one of them needs no token, in whichever form the address comes."""
    with sqlite_databases.fresh() as url:
        app = make_app(url, METRICS_NETWORKS=["10.1.0.0/16", "2001:db8::7"])
        client = app.test_client()
        answer = client.get("/metrics", environ_base={"REMOTE_ADDR": address})
        assert answer.status_code == status
        assert client.get("/metrics", headers=BEARER).status_code == 403


def test_without_a_database_the_numbers_are_told_all_the_same(
    sqlite_url: str, make_app: MakeApp
) -> None:
    """Whoever has the token is told what was counted, and that the database does not answer."""
    app = make_app(sqlite_url + ".nowhere", METRICS_TOKEN=TOKEN)
    client = app.test_client()
    assert client.post("/login", json={"username": "a", "password": "b"}).status_code == 503
    found = numbers(client.get("/metrics", headers=BEARER))
    assert found["timapp_database_up",] == 0
    assert found["timapp_database_errors_total", "page"] == 1
    assert found["timapp_logins_total", "turned_away"] == 1
    assert not any(name == "timapp_sessions" for name, *_ in found)
