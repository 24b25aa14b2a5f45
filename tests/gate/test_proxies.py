"""A program behind real proxies: who may pass, who is led where, and what arrives there."""

import gzip
from contextlib import closing
from http.client import HTTPConnection

import pytest

from tests.gate.conftest import FETCH, KEEPING, PAGE, Gatehouse, Guarded
from tests.gate.proxies import PROXIES, running_proxy
from tests.live import eventually, free_port
from timApp.guard.rules.exambrowser import hash_of

CONFIG = "X-SafeExamBrowser-ConfigKeyHash"


def test_a_program_is_guarded_from_the_login_to_the_verification(guarded: Guarded) -> None:
    """Led to the login, let in, blocked on a second device, verified, and let in again."""
    house, name = guarded.house, guarded.house.add_student()
    status, place, _ = guarded.ask("/tree?a=1&b=2")
    assert status == 302
    assert place
    assert place.startswith(f"{house.server.url}/login?next=")
    assert place.endswith("%2Ftree%3Fa%3D1%26b%3D2")
    assert guarded.ask("/tree", how=FETCH)[0] == 401
    assert guarded.ask("/public/a.css", how=FETCH)[0] == 200

    first = house.server.logged_in(name)
    status, _, said = guarded.ask("/tree?a=1", first)
    assert (status, said["path"]) == (200, "/tree?a=1")
    assert said["headers"]["remote-user"] == name
    assert said["headers"]["remote-name"] == "%C3%84lice%2C %C3%85"
    assert said["headers"]["remote-groups"] == "Students"

    second = house.server.logged_in(name)
    status, place, _ = guarded.ask("/tree", second)
    assert status == 302
    assert place
    assert place.startswith(f"{house.server.url}/gate/blocked?to=")
    status, _, said = guarded.ask("/tree", second, FETCH)
    assert status == guarded.proxy.blocked_status
    assert said["status"] == 490
    assert said["error"] == "Your session is blocked until a supervisor verifies it."
    house.verify(second, name)
    assert guarded.ask("/tree", second)[0] == 200
    assert guarded.ask("/tree", first, FETCH)[2]["status"] == 490


def test_what_a_client_says_of_itself_does_not_arrive(guarded: Guarded) -> None:
    """Neither as somebody else nor at another address, whatever headers it makes up."""
    name = guarded.house.add_student()
    browser = guarded.house.server.logged_in(name)
    forged = {
        "Remote-User": "admin",
        "Remote_User": "admin",
        "Remote-Email": "admin@example.org",
        "Remote_Groups": "Administrators",
        "X-Original-URL": f"{guarded.origin}/public/a",
        "X-Forwarded-Uri": "/public/a",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Method": "OPTIONS",
        "X-Forwarded-Prefix": "/public",
    }
    assert guarded.ask("/tree", how=FETCH | forged)[0] == 401
    status, _, said = guarded.ask("/tree", browser, FETCH | forged)
    assert status == 200
    arrived = said["headers"]
    assert arrived["remote-user"] == name
    assert arrived.get("remote-email", "") == ""
    assert "remote_user" not in arrived
    assert "remote_groups" not in arrived
    status, _, said = guarded.ask("/public/a", how=FETCH | forged)
    assert status == 200
    assert said["headers"].get("remote-user", "") == ""


def test_a_host_has_the_rules_of_its_own_name_alone(guarded: Guarded) -> None:
    """By another name nobody is answered, and of two names the one counts that is asked for."""
    port = guarded.port
    # By the name of localhost it is a host of an exam, of which nothing is open.
    for target, host, statuses in (
        ("/public/a", f"other.example.org:{port}", {403, 404, 421}),
        (f"http://localhost:{port}/public/a", f"127.0.0.1:{port}", {400, 401}),
        (f"http://127.0.0.1:{port}/secret", f"localhost:{port}", {400, 401}),
    ):
        with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
            connection.putrequest("GET", target, skip_host=True)
            for name, value in {"Host": host, **FETCH}.items():
                connection.putheader(name, value)
            connection.endheaders()
            answer = connection.getresponse()
            assert answer.status in statuses, (target, host, answer.read())


def test_what_safe_exam_browser_shows_arrives_at_the_gate(guarded: Guarded) -> None:
    """Its hash is looked at for the address in its window; without it, the exam's page is shown."""
    browser = guarded.house.server.logged_in(guarded.house.add_student())
    key, host = guarded.house.exam_key(), f"localhost:{guarded.port}"
    path = "/tree?a=%2F%C3%A4&b=1"
    right = {CONFIG: hash_of(f"http://{host}{path}", key)}
    status, place, _ = guarded.ask(path, browser, PAGE | {"Host": host})
    assert status == 302
    assert place
    assert place.startswith(f"{guarded.house.server.url}/seb/")
    status, _, said = guarded.ask(path, browser, PAGE | {"Host": host} | right)
    assert (status, said["path"]) == (200, path)
    other = {CONFIG: hash_of(f"{guarded.origin}{path}", key)}
    assert guarded.ask(path, browser, PAGE | {"Host": host} | other)[0] == 302
    assert guarded.ask(path, browser, FETCH | {"Host": host} | other)[0] == 403


def test_a_large_upload_passes_and_none_of_it_to_the_gate(guarded: Guarded) -> None:
    """Thirty megabytes arrive whole; without a login nothing does."""
    body = b"x" * 30_000_000
    browser = guarded.house.server.logged_in(guarded.house.add_student())
    status, _, said = guarded.ask("/upload", browser, FETCH, "POST", body)
    assert (status, said["method"], said["received"]) == (200, "POST", len(body))
    assert guarded.ask("/upload", None, FETCH, "POST", b"x")[0] == 401


def test_events_arrive_as_they_are_sent(guarded: Guarded) -> None:
    """The first one is here before the second one is sent."""
    browser = guarded.house.server.logged_in(guarded.house.add_student())
    headers = {"Cookie": browser.cookie_header(), "Accept": "text/event-stream"}
    with closing(HTTPConnection("127.0.0.1", guarded.port, timeout=30)) as connection:
        connection.request("GET", "/events", headers=headers)
        answer = connection.getresponse()
        assert answer.readline() == b"data: 1\n"
        assert guarded.ask("/second", browser, FETCH)[0] == 200
        assert answer.read() == b"\ndata: 2\n\n"


def test_the_site_stands_below_a_path_of_the_guarded_host(guarded: Guarded) -> None:
    """Its script, of at most 1 KiB as it is sent, and the state that this asks for."""
    browser = guarded.house.server.logged_in(guarded.house.add_student())
    status, _, script = guarded.ask("/_timapp/guard.js", how=FETCH)
    assert status == 200
    assert "Timapp-Refused" in script
    with closing(HTTPConnection("127.0.0.1", guarded.port, timeout=30)) as connection:
        connection.request("GET", "/_timapp/guard.js", headers={"Accept-Encoding": "gzip, br"})
        sent = connection.getresponse().read()
    assert len(sent) <= 1024
    assert gzip.decompress(sent).decode() == script
    status, _, said = guarded.ask("/_timapp/user/sessions/state", browser, FETCH)
    assert (status, said["standing"]) == (200, "valid")
    assert guarded.ask("/_timapp/user/sessions/state", how=FETCH)[2]["standing"] == "anonymous"
    status, _, page = guarded.ask("/_timapp/login")
    assert status == 200
    assert 'action="/_timapp/login"' in page
    for path in ("/_timapp/../tree", "/_timapp/%2e%2e/tree", "/_timapp/..%2ftree"):
        # By its own way or by the gate: nobody comes to the program past both.
        assert "headers" not in guarded.ask(path, how=FETCH)[2]


@pytest.mark.parametrize("name", PROXIES)
def test_without_the_gate_everything_is_closed(gatehouse: Gatehouse, name: str) -> None:
    """Where nobody answers in the site's place, nothing passes, not even what is open."""
    browser = gatehouse.server.logged_in(gatehouse.add_student())
    port = free_port()
    with running_proxy(name, port, free_port(), gatehouse.program):
        alone = Guarded(PROXIES[name], port, gatehouse)
        for path, how in (("/tree", PAGE), ("/tree", FETCH), ("/public/a", PAGE)):
            status, _, said = alone.ask(path, browser, how)
            assert status >= 500
            assert path not in str(said)


def test_nginx_may_keep_for_a_second_who_passes(gatehouse: Gatehouse) -> None:
    """With the lines for it a block comes all the same, and a verification at once."""
    port, name = gatehouse.ports[KEEPING], gatehouse.add_student()
    first, second = gatehouse.server.logged_in(name), gatehouse.server.logged_in(name)
    with running_proxy("nginx", port, gatehouse.server.port, gatehouse.program, {"#cache ": ""}):
        kept = Guarded(PROXIES["nginx"], port, gatehouse)
        assert kept.ask("/tree", first, FETCH)[0] == 200
        assert kept.ask("/tree", second, FETCH)[0] == 490
        gatehouse.verify(second, name)
        assert kept.ask("/tree", second, FETCH)[0] == 200
        assert eventually(lambda: kept.ask("/tree", first, FETCH)[0] == 490 or None)
        assert kept.ask("/tree", how=FETCH)[0] == 401
        # What is kept of an open path is not taken for another one, whatever the headers say.
        opened = f"{kept.origin}/public/x"
        for cookie, kind in (("a", f"{kept.origin}/secret */*"), ("a", "*/*")):
            assert kept.ask("/public/x", how={"Cookie": cookie, "Accept": kind})[0] == 200
        for cookie in (f"a {opened}", f"{opened} a", "a"):
            how = {"Cookie": cookie, "Accept": "*/*", "Sec-Fetch-Mode": "cors"}
            assert kept.ask("/secret", how=how)[0] == 401
