"""What is refused before anything parses it, and by which names the site may be asked."""

import json
import logging

import pytest
from flask import Flask
from werkzeug import formparser
from werkzeug.sansio import http as sansio_http

from tests.conftest import MakeApp
from tests.site import PASSWORD, Site
from tests.wsgi import Answer, call, cookie_of
from timApp.request import inputs
from timApp.request.precheck import TrustedHosts
from timApp.util.limits import FIELDS_MAX, FORM_TYPE

JSON = b"application/json"
FORM = FORM_TYPE.encode()
PAGE = {"Accept": b"text/html,*/*;q=0.8"}


def error_of(answer: Answer) -> str:
    """Return the sentence of an answer for programs."""
    assert answer.headers["Content-Type"] == "application/json"
    return str(json.loads(answer.text)["error"])


# Size


BIG_JSON = json.dumps({f"field{number}": 1 for number in range(50_000)}).encode()
BIG_FORM = b"&".join(b"f%d=1" % number for number in range(20_000))


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (JSON, BIG_JSON),
        (JSON, b'{"a":' * 100_000),
        (FORM, BIG_FORM[:100_000]),
        (FORM, BIG_FORM),
        (FORM, b"username=" + b"%41" * 100_000),
    ],
    ids=["members", "nested", "fields", "bytes", "escapes"],
)
@pytest.mark.parametrize("path", ["/login", "/logout", "/user/sessions/verify", "/nonsense"])
def test_a_body_of_many_fields_is_refused_before_it_is_parsed(
    app: Flask, monkeypatch: pytest.MonkeyPatch, path: str, kind: bytes, body: bytes
) -> None:
    """It is 413 with a sentence at every address, and no parser has seen it."""

    def parse(*_args: object, **_options: object) -> None:
        raise AssertionError

    monkeypatch.setattr(inputs, "_json_members", parse)
    monkeypatch.setattr(formparser.FormDataParser, "parse", parse)
    answer = call(app, path, {"Content-Type": kind}, method="POST", body=body)
    assert answer.status == 413
    assert "at most" in error_of(answer)
    page = call(app, path, {"Content-Type": kind, **PAGE}, method="POST", body=body)
    assert page.status == 413
    assert page.text.startswith("<!doctype html>")
    assert "at most" in page.text


def test_a_form_in_parts_is_not_parsed(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody takes one: it is refused however many parts it has, and no parser has seen it."""
    monkeypatch.setattr(formparser, "MultiPartParser", None)
    part = b'--b\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\nx\r\n'
    for path in ("/login", "/logout", "/user/sessions/verify"):
        headers = {"Content-Type": b"multipart/form-data; boundary=b"}
        answer = call(app, path, headers, method="POST", body=part * 10_000 + b"--b--\r\n")
        assert answer.status in {400, 415, 422}
        assert error_of(answer)


def test_a_body_is_parsed_once(hall: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """What checks its fields and what reads them look at the same."""
    parsed = []
    members = inputs._json_members

    def count(body: bytes) -> object:
        parsed.append(body)
        return members(body)

    monkeypatch.setattr(inputs, "_json_members", count)
    assert hall.browser().log_in("alice").status_code == 200
    assert len(parsed) == 1


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Cookie": b"a=b;" * 1000}, 431),
        ({"Accept": b"text/html," * 3000}, 431),
        ({"Accept-Language": b"fi;q=0.1," * 3000}, 431),
        ({"If-None-Match": b'"a",' * 3000}, 431),
        ({"Range": b"bytes=" + b"0-1," * 3000}, 431),
        ({"X-Forwarded-For": b"1.1.1.1," * 3000}, 431),
        ({"Content-Type": b"a/b" + b";a=b" * 3000}, 431),
        ({f"X-{number}": b"" for number in range(300)}, 431),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else str(value),
)
def test_a_header_of_many_items_is_refused_before_it_is_parsed(
    app: Flask, monkeypatch: pytest.MonkeyPatch, headers: dict[str, bytes], status: int
) -> None:
    """It is 431, and Flask is not even asked."""
    monkeypatch.setattr(sansio_http, "parse_cookie", None)
    monkeypatch.setattr(app, "request_context", None)
    for path in ("/login", "/static/ui/ui.css"):
        answer = call(app, path, headers)
        assert answer.status == status
        assert "at most" in answer.text
        assert answer.headers["Cache-Control"] == "no-store"


def test_a_query_of_many_fields_is_refused(app: Flask) -> None:
    """It is 414, and as many as are allowed are answered as any unknown ones."""
    answer = call(app, "/login", query=b"&".join([b"a=b"] * (FIELDS_MAX + 1)))
    assert answer.status == 414
    assert "fields" in error_of(answer)
    assert call(app, "/login", query=b"a=b&" * (FIELDS_MAX - 1)).status == 422
    assert call(app, "/" + "x" * 20_000).status == 414


def test_a_refusal_of_a_head_request_has_no_body(app: Flask) -> None:
    """The length is that which a GET would have."""
    for method in ("GET", "HEAD"):
        answer = call(app, "/login", {"Host": b"<"}, method=method)
        assert answer.status == 400
        assert int(answer.headers["Content-Length"]) > 0
        assert bool(answer.text) is (method == "GET")


# Hosts


def visit(site: Site, headers: dict[str, bytes]) -> Answer:
    """Show the page of a blocked session."""
    browser = site.logged_in("alice")
    return call(site.app, "/view/exam", {**PAGE, "Cookie": cookie_of(browser), **headers})


def hall_with(make_app: MakeApp, database_url: str, **options: object) -> Site:
    """Return a site with an exam and alice, who has a session already."""
    site = Site(make_app(database_url, **options))
    site.add_exam_hall()
    site.logged_in("alice")
    return site


def test_a_forged_host_makes_no_link(database_url: str, make_app: MakeApp) -> None:
    """With SITE_URL, its host is the only one; another gets 400, in the header of a proxy, too."""
    url = "https://exam.example.org/"
    site = hall_with(make_app, database_url, SITE_URL=url, TRUSTED_PROXIES=1)
    genuine = visit(site, {"Host": b"Exam.Example.ORG:8443"})
    assert genuine.status == 490
    assert "http://exam.example.org:8443/supervise/link/" in genuine.text.lower()
    for forged in (
        {"Host": b"evil.example"},
        {"Host": b"exam.example.org.evil.example"},
        {"Host": b"evil-exam.example.org"},
        {"Host": b"sub.exam.example.org"},
        {"Host": b"exam.example.org", "X-Forwarded-Host": b"evil.example"},
    ):
        answer = visit(site, forged)
        assert answer.status == 400
        assert "TRUSTED_HOSTS" in answer.text
        assert "/supervise/link/" not in answer.text
        redirect = call(site.app, "/", {**PAGE, **forged})
        assert redirect.status == 400
        assert "Location" not in redirect.headers
        assert call(site.app, "/static/ui/ui.css", forged).status == 200
    for name in (b"localhost", b"127.0.0.1:5000", b"[::1]:5000"):
        assert call(site.app, "/login", {"Host": name}).status == 200


ODD_HOSTS = [
    b"",
    b" ",
    b"exam.example.org, exam.example.org",  # two headers
    b"exam.example.org,evil.example",
    b"exam.example.org@evil.example",
    b"evil.example/exam.example.org",
    b"exam.example.org:port",
    b"exam.example.org:99999",
    b"exam.example.org:80:80",
    b"exam.example.org\\evil.example",
    b"exam.example.org?",
    b"exam.example.org#",
    b"<script>",
    b'"exam.example.org"',
    b"exam.example.org\x7f",
    b"exam.example.org\xff",
    "müncheñ.example".encode(),
    b"[::1",
    b"[exam.example.org]",
    b"exam example.org",
    b"%65xam.example.org",
    b"x" * 64 + b".example.org",
    b"exam..example.org",
    b".example.org",
]


@pytest.mark.parametrize(
    "options", [{}, {"SITE_URL": "https://exam.example.org"}], ids=["any", "one"]
)
@pytest.mark.parametrize("host", ODD_HOSTS)
def test_a_host_header_that_names_no_host_is_refused(
    sqlite_url: str, make_app: MakeApp, host: bytes, options: dict[str, object]
) -> None:
    """Whatever hosts are trusted: two of them, other characters, a port that is none."""
    app = make_app(sqlite_url, **options)
    for path in ("/login", "/static/ui/ui.css", "/hosts/check"):
        answer = call(app, path, {"Host": host})
        assert answer.status == 400
        assert error_of(answer).isprintable()
        assert call(app, path, {"Host": host, **PAGE}).text.startswith("<!doctype html>")


def test_the_hosts_of_the_option_are_trusted_and_no_others(
    sqlite_url: str, make_app: MakeApp
) -> None:
    """Names, addresses, and after a dot whatever ends so; SITE_URL is not among them."""
    option = ["exam.example.org", ".example.com", "[2001:DB8::1]", "münchen.example", "192.0.2.1"]
    app = make_app(sqlite_url, TRUSTED_HOSTS=option, SITE_URL="https://other.example.org")

    def status(host: str) -> int:
        return call(app, "/login", {"Host": host.encode()}).status

    for host in (
        "exam.example.org",
        "EXAM.example.org:8443",
        "example.com",
        "a.b.Example.com:1",
        "[2001:db8::1]",
        "[2001:db8::1]:443",
        "xn--mnchen-3ya.example",
        "192.0.2.1",
    ):
        assert status(host) == 200, host
    for host in (
        "other.example.org",
        "localhost",
        "badexample.com",
        "example.com.evil.example",
        "[2001:db8::2]",
        "192.0.2.11",
        "a.exam.example.org",
    ):
        assert status(host) == 400, host


def test_a_health_check_by_localhost_needs_it_in_the_option(
    sqlite_url: str, make_app: MakeApp
) -> None:
    """With TRUSTED_HOSTS, localhost is refused unless the list has it, as the document says."""
    for option, status in (
        (["exam.example.org"], 400),
        (["exam.example.org", "localhost"], 200),
    ):
        app = make_app(sqlite_url, TRUSTED_HOSTS=option, SITE_URL="https://exam.example.org")
        assert call(app, "/login", {"Host": b"localhost:5000"}).status == status


def test_without_options_any_host_is_trusted(app: Flask) -> None:
    """And a request of HTTP/1.0 without one is answered."""
    assert call(app, "/login", {"Host": b"whatever.example"}).status == 200
    assert TrustedHosts.of(None, None).has("whatever.example")


# Proxies


def test_two_proxies_and_one_scheme_make_a_secure_cookie_and_a_right_link(
    database_url: str, make_app: MakeApp
) -> None:
    """The known case: two addresses, one `https` and one host, with TRUSTED_PROXIES=2."""
    site = hall_with(make_app, database_url, TRUSTED_PROXIES=2)
    proxied = {
        "Host": b"127.0.0.1:5000",
        "X-Forwarded-For": b"203.0.113.9, 10.0.0.2",
        "X-Forwarded-Proto": b"https",
        "X-Forwarded-Host": b"exam.example.org",
        "X-Forwarded-Prefix": b"/exam",
    }
    body = json.dumps({"username": "alice", "password": PASSWORD}).encode()
    login = call(site.app, "/login", {"Content-Type": JSON, **proxied}, method="POST", body=body)
    assert login.status == 200
    assert "Secure" in login.headers["Set-Cookie"]
    assert site.changes()[-1].address == "203.0.113.9"
    cookie = login.headers["Set-Cookie"].partition(";")[0].encode()
    page = call(site.app, "/view/exam", {**PAGE, **proxied, "Cookie": cookie})
    assert page.status == 490
    assert "https://exam.example.org/exam/supervise/link/" in page.text


def test_the_other_kind_of_proxy_headers_is_an_option(database_url: str, make_app: MakeApp) -> None:
    """With "forwarded" it is read, and X-Forwarded-* is not."""
    site = Site(make_app(database_url, TRUSTED_PROXIES=1, TRUSTED_PROXY_HEADERS="forwarded"))
    site.add_user("alice")
    body = json.dumps({"username": "alice", "password": PASSWORD}).encode()
    headers = {
        "Content-Type": JSON,
        "Forwarded": b'for="[2001:db8::1]:4711";proto=https',
        "X-Forwarded-For": b"6.6.6.6",
    }
    login = call(site.app, "/login", headers, method="POST", body=body)
    assert "Secure" in login.headers["Set-Cookie"]
    assert site.changes()[-1].address == "2001:db8::1"


def test_a_number_that_does_not_fit_is_logged_once(
    sqlite_url: str, make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    """One line at the first request of each kind, however many come."""
    app = make_app(sqlite_url, TRUSTED_PROXIES=2)

    def warnings() -> list[str]:
        return [one.message for one in caplog.records if one.levelno == logging.WARNING]

    call(app, "/login", {"X-Forwarded-For": b"192.0.2.1, 10.0.0.1"})
    assert not warnings()
    for number in range(1, 20):
        addresses = b",".join([b"192.0.2.1"] * (number + 2))
        call(app, "/login", {"X-Forwarded-For": addresses})
    (many,) = warnings()
    assert "TRUSTED_PROXIES is 2" in many
    for _ in range(3):
        call(app, "/login", {"X-Forwarded-For": b"192.0.2.1"})
    assert len(warnings()) == 2
    assert "should be 1" in warnings()[1]
    assert "\n" not in "".join(warnings())


def test_a_dot_at_the_end_of_a_host_changes_nothing(sqlite_url: str, make_app: MakeApp) -> None:
    """A name that is written in full is that of the same host, in the header as in the option."""
    app = make_app(sqlite_url, TRUSTED_HOSTS=["exam.example.org", ".example.com", "a.example."])
    for host in ("exam.example.org", "exam.example.org.", "b.example.com.", "a.example"):
        assert call(app, "/login", {"Host": host.encode()}).status == 200, host
    for host in ("other.example.org.", "exam.example.org.."):
        assert call(app, "/login", {"Host": host.encode()}).status == 400, host
