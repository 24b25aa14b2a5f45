"""Headers of any bytes: other programs' cookies, user agents in any encoding, and what is worse."""

import json
from string import ascii_letters, digits

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import MakeApp
from tests.site import PASSWORD, Site
from tests.wsgi import Answer, call, cookie_of
from timApp.util.text import header_text, is_storable

#: All that HTTP allows in a header, and what it does not, but for what ends one.
BYTES = bytes(set(range(256)) - {0, 10, 13})
#: What the application, or what it is made of, reads; Host is another matter.
READ = (
    "Accept",
    "Accept-Charset",
    "Accept-Encoding",
    "Accept-Language",
    "Authorization",
    "Cache-Control",
    "Content-Digest",
    "Cookie",
    "Date",
    "Forwarded",
    "If-Match",
    "If-Modified-Since",
    "If-None-Match",
    "If-Range",
    "If-Unmodified-Since",
    "Max-Forwards",
    "Origin",
    "Pragma",
    "Range",
    "Referer",
    "Sec-Fetch-Mode",
    "Signature",
    "Signature-Input",
    "TimApp-Change",
    "Upgrade",
    "User-Agent",
    "X-CSRF-Token",
    "X-CSRFToken",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "X-Forwarded-Prefix",
    "X-Forwarded-Proto",
    "X-Requested-With",
)
#: Of what these say something reaches the database, or is looked for there.
ASKED_OF_DATABASE = ("Accept-Language", "Cookie", "TimApp-Change", "User-Agent", "X-Forwarded-For")
CREDENTIALS = json.dumps({"username": "alice", "password": PASSWORD}).encode()


def log_in(site: Site, headers: dict[str, bytes]) -> Answer:
    """Log in as a program does."""
    headers = {"Content-Type": b"application/json", **headers}
    return call(site.app, "/login", headers, method="POST", body=CREDENTIALS)


def origin_of(site: Site, agent: bytes) -> str:
    """Return the origin that a login with that user agent is recorded with."""
    answer = log_in(site, {"User-Agent": agent})
    assert answer.status == 200
    return site.sessions("alice")[json.loads(answer.text)["sessionId"]].origin


@pytest.mark.parametrize(
    ("agent", "shown"),
    [
        ("Médiocre/1.0".encode(), "Médiocre/1.0"),
        ("Médiocre/1.0".encode("latin-1"), "Médiocre/1.0"),
        ("Tentti-selain/1 (😀)".encode(), "Tentti-selain/1 (😀)"),
        (b"A\xff\xfe/1.0", "Aÿþ/1.0"),
        (b"A\x80\x9f/1.0", "A\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}/1.0"),
        (b"A\t\x1b[31m\x7f", "A\ufffd\ufffd[31m\ufffd"),
        ("A\u2028B\x85".encode(), "A\ufffdB\ufffd"),
        (b"A\xed\xa0\x80", "Aí\xa0\ufffd"),
        (b"", ""),
    ],
)
def test_a_user_agent_is_kept_whatever_its_encoding(hall: Site, agent: bytes, shown: str) -> None:
    """It is UTF-8 if it can be, else Latin-1, and what cannot be shown is replaced."""
    assert origin_of(hall, agent) == f"[127.0.0.1] {shown}"


def test_each_byte_in_a_user_agent_is_kept_as_a_line(hall: Site) -> None:
    """All bytes at once, and each by itself between others: a login with one line of origin."""
    for agent in (BYTES, *(b"a%cb" % one for one in BYTES[::8])):
        origin = origin_of(hall, agent)
        assert origin.startswith("[127.0.0.1] ")
        assert len(origin.splitlines()) == 1
        assert is_storable(origin)


@given(st.binary(max_size=40))
def test_what_a_header_says_can_always_be_stored_and_shown(raw: bytes) -> None:
    """In one line, with as many characters as its text has, and again the same."""
    text = header_text(raw.decode("latin-1"))
    assert is_storable(text)
    assert len(text.splitlines()) <= 1
    assert header_text(raw.decode("latin-1")) == text
    if raw.isascii() and text.isprintable() and "\ufffd" not in text:
        assert text.encode() == raw


@pytest.mark.parametrize("name", READ)
def test_every_byte_in_every_header_is_survived(
    sqlite_url: str, make_app: MakeApp, name: str
) -> None:
    """A request with it is answered as it would be without, or refused; never with an error."""
    hall = Site(make_app(sqlite_url))
    hall.add_exam_hall()
    survive(hall, name)


@pytest.mark.parametrize("name", ASKED_OF_DATABASE)
def test_every_byte_that_reaches_a_database_is_survived(
    postgresql_url: str, make_app: MakeApp, name: str
) -> None:
    """PostgreSQL, which takes less than SQLite does, is never told what it refuses."""
    hall = Site(make_app(postgresql_url))
    hall.add_exam_hall()
    survive(hall, name)


def survive(hall: Site, name: str) -> None:
    """Fail if odd bytes in the header are an error in any way in which requests are answered."""
    browser = hall.logged_in("alice")
    cookie = cookie_of(browser)
    odd = [BYTES, BYTES[128:], "é😀".encode(), "é".encode("latin-1"), b'"', b";=,", b"\x01"]
    odd += [bytes([one]) for one in (9, 11, 12, 28, 31, 32, 34, 44, 59, 61, 92, 127, 128, 160, 255)]
    for value in odd:
        headers = {"Accept": b"*/*", "Cookie": cookie}
        headers[name] = cookie + b"; " + value if name == "Cookie" else value
        for path in ("/user/sessions/current", "/view/exam", "/static/ui/ui.css"):
            answer = call(hall.app, path, headers)
            assert answer.status < 500, (path, value)
        answer = call(hall.app, "/view/exam", {"Accept": b"text/html", **headers})
        assert answer.status < 500, value
        assert log_in(hall, {name: value}).status in {200, 400}, value
        signed = {"Content-Type": b"application/json", "Signature-Input": b"timapp=()", name: value}
        answer = call(hall.app, "/hosts/check", signed, method="POST", body=b"{}")
        assert 400 <= answer.status < 500, value


@pytest.mark.parametrize(
    "other",
    [
        b"other=\xe9\xff",
        "other=é😀".encode(),
        "nämé=1".encode("latin-1"),
        b"=; ;;a;b=;=c;",
        b'q="a; b\\"; c"',
        b"(odd)[name]{}=<>@,:",
        b"timezone=\xe9",
        b"timezone=../../etc/passwd",
        b"\x01=\x7f",
        b"timapp2=x; xtimapp=y; Timapp=z",
    ],
)
def test_cookies_of_other_programs_log_nobody_out(hall: Site, other: bytes) -> None:
    """Before and after ours, in whatever encoding and with whatever names."""
    browser = hall.logged_in("alice")
    ours = cookie_of(browser)
    for cookies in (ours + b"; " + other, other + b"; " + ours):
        answer = call(hall.app, "/user/sessions/current", {"Cookie": cookies})
        assert json.loads(answer.text) == {"sessionId": browser.session_id, "valid": True}
        page = call(hall.app, "/view/exam", {"Cookie": cookies, "Accept": b"text/html"})
        assert page.status == 200


@pytest.mark.parametrize("kind", ["x-forwarded", "forwarded"])
def test_every_byte_of_a_trusted_proxy_is_survived(
    database_url: str, make_app: MakeApp, kind: str
) -> None:
    """What it hands on is an address or unknown, and what is stored of it is fit to be shown."""
    site = Site(make_app(database_url, TRUSTED_PROXIES=1, TRUSTED_PROXY_HEADERS=kind))
    site.add_user("alice")
    names = ["Forwarded", *(f"X-Forwarded-{one}" for one in ("For", "Proto", "Port", "Prefix"))]
    for value in (BYTES, b'for="' + BYTES[40:] + b'"', b"_\xe9", b"for=_\xe9", b"::1%\xe9\x1b"):
        for name in names:
            answer = log_in(site, {name: value})
            assert answer.status == 200, (name, value)
            origin = site.sessions("alice")[json.loads(answer.text)["sessionId"]].origin
            assert origin in {"[127.0.0.1] ", "[unknown] ", "[::1] "}, (name, value)
    assert log_in(site, {"X-Forwarded-Host": BYTES}).status == (
        400 if kind == "x-forwarded" else 200
    )


def test_a_host_of_other_bytes_than_hosts_have_is_refused(site: Site) -> None:
    """All at once, and each by itself, with 400 and a sentence in one line."""
    assert call(site.app, "/login", {"Host": BYTES}).status == 400
    fine = f"{ascii_letters}{digits}-.".encode()
    for one in BYTES:
        answer = call(site.app, "/login", {"Host": b"localhost%c" % one})
        assert answer.status == (200 if one in fine else 400), one
        if answer.status == 400:
            assert json.loads(answer.text)["error"].isprintable()


def test_a_content_type_of_any_bytes_is_survived(hall: Site) -> None:
    """Nobody takes such a body, and no parser minds."""
    for value in (BYTES, b"application/json;" + BYTES, b"application/json; charset=\xe9", b"\xe9"):
        answer = call(hall.app, "/login", {"Content-Type": value}, method="POST", body=CREDENTIALS)
        assert answer.status in {200, 415, 422}
