"""How hosts know each other by what they sign; a signed request counts on one host only."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from tests.conftest import MakeApp
from tests.signing import SECRET, SITE_URL, Sender
from tests.site import Site
from timApp.auth.site import db
from timApp.net.note import CHANGE_HEADER, ChangeNote
from timApp.net.signature import (
    INPUT_HEADER,
    MAX_AGE,
    SIGNATURE_HEADERS,
    InvalidSignature,
    Message,
    UnknownKey,
    address_of,
    sign_answer,
    sign_request,
    verify_answer,
    verify_request,
)
from timApp.net.wrongsecret import WrongSecret
from timApp.util.clock import now
from timApp.util.stamp import Stamp, next_stamp

OLD, NEW = "the old secret", "the new secret"
VERIFY, INVALIDATE = "/user/sessions/verify", "/user/sessions/invalidate"
DOES_NOT_FIT = "does not fit"


class MakeHall:
    """Returns hosts with a student, on one database; other hosts have one secret."""

    def __init__(self, database_url: str, make_app: MakeApp) -> None:
        self._database_url, self._make_app = database_url, make_app
        self._has_alice = False

    def __call__(self, **options: object) -> Site:
        chosen: dict[str, Any] = {
            "DIST_RIGHTS_RECEIVE_SECRET": SECRET,
            "SITE_URL": SITE_URL,
            **options,
        }
        site = Site(self._make_app(self._database_url, **chosen))
        if not self._has_alice:
            site.add_user("alice")
            self._has_alice = True
        return site


@pytest.fixture
def make_hall(database_url: str, make_app: MakeApp) -> MakeHall:
    """What makes hosts, on a fresh database of each kind."""
    return MakeHall(database_url, make_app)


@pytest.fixture
def hall(make_hall: MakeHall) -> Site:
    """A host with a student."""
    return make_hall()


def sender(site: Site, secret: str = SECRET, base_url: str = SITE_URL) -> Sender:
    """Return another host, which calls this one by that URL."""
    return Sender(site.app.test_client(), secret, base_url)


def error_of(answer: TestResponse) -> str:
    """Return the words of a refusal."""
    assert answer.status_code == 400, answer.json
    return str((answer.json or {})["error"])


def is_proved(answer: TestResponse, request: Message, secret: str = SECRET) -> bool:
    """Tell whether the answer proves that its host knows the secret, and was asked just this."""
    headers = dict(answer.headers)
    found = verify_answer(request, answer.status_code, headers, answer.data, secret)
    return found is not None


def wrong_secrets(site: Site) -> list[WrongSecret]:
    """Return the record of wrong secrets."""
    with site.app.app_context():
        return list(db.session.query(WrongSecret).order_by(WrongSecret.id))


# Signatures that are right


def test_a_signed_request_needs_no_secret_and_is_answered_with_a_proof(hall: Site) -> None:
    """The host does what it is told, and signs its answer to this very request."""
    first, second = hall.logged_in("alice"), hall.logged_in("alice")
    host = sender(hall)
    request = host.signed(VERIFY, {"username": "alice", "session_id": second.session_id})
    answer = host.deliver(VERIFY, request)
    assert (answer.status_code, answer.json) == (200, {"status": "ok"})
    assert hall.active("alice") == {second.session_id} != {first.session_id}
    assert is_proved(answer, request)
    assert not is_proved(answer, request, OLD)
    assert SECRET not in str(request)


def test_an_answer_that_was_changed_or_played_again_is_no_proof(hall: Site) -> None:
    """It fits its request, its status and its body, and nothing else; no request is an answer."""
    host = sender(hall)
    request, other = (host.signed(VERIFY, {"username": "alice"}) for _ in range(2))
    answer = host.deliver(VERIFY, request)
    headers, body = dict(answer.headers), answer.data
    assert verify_answer(request, 200, headers, body, SECRET)
    assert not verify_answer(other, 200, headers, body, SECRET)
    assert not verify_answer(request, 400, headers, body, SECRET)
    assert not verify_answer(request, 200, headers, b"{}", SECRET)
    for name in SIGNATURE_HEADERS:
        assert not verify_answer(request, 200, headers | {name: ""}, body, SECRET)
        without = {key: value for key, value in headers.items() if key != name}
        assert not verify_answer(request, 200, without, body, SECRET)
    assert not verify_answer(request, 200, request.headers, request.body, SECRET)


def test_a_refusal_of_a_signed_request_is_proved_too(hall: Site) -> None:
    """That a host does not carry it out is its own word."""
    host = sender(hall)
    request = host.signed("/hosts/sessions", {"username": "nobody"})
    answer = host.deliver("/hosts/sessions", request)
    assert answer.status_code == 404
    assert is_proved(answer, request)


def test_who_and_why_are_recorded(hall: Site) -> None:
    """The record names the supervisor of the other host, its address and the reason."""
    hall.logged_in("alice")
    note = ChangeNote(next_stamp(None), by="sam", reason="two of them")
    answer = sender(hall).send(INVALIDATE, {"username": "alice"}, note)
    assert answer.status_code == 200
    change = hall.changes()[-1]
    assert (change.actor, change.reason) == ("sam (127.0.0.1)", "two of them")


def test_a_signature_and_a_secret_together_both_have_to_be_right(hall: Site) -> None:
    """A wrong secret beside a right signature is wrong, and the other way round."""
    hall.logged_in("alice")
    right, wrong = sender(hall), sender(hall, OLD)
    assert right.send(VERIFY, {"username": "alice", "secret": SECRET}).status_code == 200
    assert error_of(right.send(VERIFY, {"username": "alice", "secret": OLD})) == "Wrong secret"
    assert error_of(wrong.send(VERIFY, {"username": "alice", "secret": SECRET})) == "Wrong secret"


def test_several_secrets_are_taken_at_once(make_hall: MakeHall) -> None:
    """While a secret is replaced, both count, shown or signed with; others do not."""
    site = make_hall(DIST_RIGHTS_RECEIVE_SECRET=[OLD, NEW])
    for secret in (OLD, NEW):
        host = sender(site, secret)
        request = host.signed(VERIFY, {"username": "alice"})
        answer = host.deliver(VERIFY, request)
        assert answer.status_code == 200
        assert is_proved(answer, request, secret)
        shown = {"username": "alice", "secret": secret}
        assert site.app.test_client().post(VERIFY, json=shown).status_code == 200
    assert error_of(sender(site, SECRET).send(VERIFY, {"username": "alice"})) == "Wrong secret"


def test_check_answers_and_changes_nothing(hall: Site) -> None:
    """A host that asks whether its secret is right is told so."""
    hall.logged_in("alice")
    before = hall.changes()
    assert sender(hall).send("/hosts/check", {}).json == {"status": "ok"}
    assert error_of(sender(hall, OLD).send("/hosts/check", {})) == "Wrong secret"
    assert "must be signed" in error_of(hall.app.test_client().post("/hosts/check", json={}))
    assert [change.id for change in hall.changes()] == [change.id for change in before]


# People whom the host does not know


@pytest.mark.parametrize("path", [VERIFY, INVALIDATE])
@pytest.mark.parametrize("session_id", [None, "s1"])
def test_a_host_may_tell_of_somebody_who_is_unknown_here(
    hall: Site, path: str, session_id: str | None
) -> None:
    """Nothing is done or recorded; a host that signs is told that the person is unknown."""
    content = {"username": "nobody", "session_id": session_id}
    shown = hall.app.test_client().post(path, json={**content, "secret": SECRET})
    assert (shown.status_code, shown.json) == (200, {"status": "ok"})
    for note in (None, ChangeNote(next_stamp(None), "sam")):
        answer = sender(hall).send(path, content, note)
        assert (answer.status_code, answer.json) == (200, {"status": "ok", "known": False})
    known = sender(hall).send(path, {"username": "alice"})
    assert known.json == {"status": "ok"}
    assert {change.user_id for change in hall.changes()} <= {hall.user_id("alice")}


@pytest.mark.parametrize(
    "path", [VERIFY, INVALIDATE, "/user/sessions/nobody/verify", "/user/sessions/nobody/invalidate"]
)
def test_an_administrator_who_names_nobody_is_told_so(hall: Site, path: str) -> None:
    """With cookie and token, without a secret, an unknown user is not found."""
    hall.add_admin()
    admin = hall.logged_in("admin")
    before = len(hall.changes())
    content = {"username": "nobody"} if path in {VERIFY, INVALIDATE} else {}
    answer = admin.post(path, content)
    assert answer.status_code == 404
    assert "nobody" in answer.text
    assert len(hall.changes()) == before


# For whom a request counts


def test_what_was_signed_for_one_host_is_refused_by_another(make_hall: MakeHall) -> None:
    """Both have the secret; only the one that it was signed for takes it, whoever is named Host."""
    here, there = make_hall(), make_hall(SITE_URL="https://b.example.org")
    here.logged_in("alice")
    for headers in ({}, {"Host": "exam.example.org"}, {"X-Forwarded-Host": "exam.example.org"}):
        host = sender(there)  # which signs for the one here
        request = host.signed(INVALIDATE, {"username": "alice"})
        answer = host.client.post(
            INVALIDATE,
            data=request.body,
            headers={"Content-Type": "application/json", **request.headers, **headers},
        )
        error = error_of(answer)
        assert DOES_NOT_FIT in error
        assert "https://b.example.org (SITE_URL of this server)" in error
        assert INPUT_HEADER not in answer.headers
    assert len(here.active("alice")) == 1
    assert len(wrong_secrets(here)) == 3
    assert sender(here).deliver(INVALIDATE, request).status_code == 200
    assert here.active("alice") == set()


def test_the_host_header_does_not_matter(hall: Site) -> None:
    """A proxy may rewrite it: what counts is SITE_URL."""
    request = sender(hall).signed("/hosts/check", {})
    answer = hall.app.test_client().post(
        "/hosts/check",
        data=request.body,
        headers={"Host": "10.0.0.7:8000", "Content-Type": "application/json", **request.headers},
    )
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("called", "site_url"),
    [
        ("https://exam.example.org/", "https://exam.example.org"),
        ("https://EXAM.example.org", "HTTPS://exam.Example.org:443/"),
        ("http://exam.example.org:80", "http://exam.example.org"),
        ("http://exam.example.org:8000", "http://exam.example.org:8000"),
        ("https://tentti.münchen.example", "https://tentti.xn--mnchen-3ya.example"),
        ("http://[2001:DB8:0::1]:8000", "http://[2001:db8::1]:8000"),
        ("https://example.org/exam", "https://example.org/exam/"),
        ("https://example.org/käyttö", "https://example.org/k%C3%A4ytt%C3%B6"),
    ],
)
def test_one_address_may_be_spelt_in_several_ways(
    make_hall: MakeHall, called: str, site_url: str
) -> None:
    """Case, a port that goes without saying, and the form of a name make no difference."""
    site = make_hall(SITE_URL=site_url)
    assert sender(site, base_url=called).send("/hosts/check", {}).status_code == 200


@pytest.mark.parametrize(
    "called",
    [
        "https://exam.example.org:8443",
        "https://exam.example.com",
        "https://example.org",
        "https://exam.example.org/exam",
        "https://[2001:db8::1]",
    ],
)
def test_another_address_is_another_host(hall: Site, called: str) -> None:
    """Another name, port or path before ours is not what others call this server."""
    assert DOES_NOT_FIT in error_of(sender(hall, base_url=called).send("/hosts/check", {}))


@pytest.mark.parametrize("proxies", [0, 1])
def test_a_proxy_may_take_the_first_part_of_the_path_away(
    make_hall: MakeHall, proxies: int
) -> None:
    """The path is signed as it is outside, whether or not the proxy tells what it took away."""
    site = make_hall(SITE_URL="https://example.org/exam", TRUSTED_PROXIES=proxies)
    host = sender(site, base_url="https://example.org/exam")
    request = host.signed("/hosts/check", {})
    assert address_of("https://example.org", "/exam/hosts/check") == request.url
    headers = {
        "Content-Type": "application/json",
        "X-Forwarded-Prefix": "/exam",
        "X-Forwarded-Host": "example.org",
        "X-Forwarded-Proto": "https",
        **request.headers,
    }
    answer = host.client.post("/hosts/check", data=request.body, headers=headers)
    assert answer.status_code == 200
    assert is_proved(answer, request)


def test_a_server_that_does_not_know_its_address_takes_no_signed_request(
    make_hall: MakeHall,
) -> None:
    """Without SITE_URL the refusal names the option; a shown secret is taken as before."""
    site = make_hall(SITE_URL=None)
    for content in ({"username": "alice"}, {"username": "alice", "secret": SECRET}):
        assert "SITE_URL is not configured" in error_of(sender(site).send(VERIFY, content))
    assert "SITE_URL is not configured" in error_of(sender(site).send("/hosts/check", {}))
    shown = {"username": "alice", "secret": SECRET}
    assert site.app.test_client().post(VERIFY, json=shown).status_code == 200
    assert wrong_secrets(site) == []


# Signatures that count no more, or never did


def test_a_request_cannot_be_played_again(hall: Site) -> None:
    """The same request once more is refused, and changes nothing."""
    hall.logged_in("alice")
    host = sender(hall)
    request = host.signed(INVALIDATE, {"username": "alice"})
    assert host.deliver(INVALIDATE, request).status_code == 200
    later = hall.logged_in("alice")
    assert hall.active("alice") == {later.session_id}
    again = host.deliver(INVALIDATE, request)
    assert "has come before" in error_of(again)
    assert is_proved(again, request)
    assert hall.active("alice") == {later.session_id}


@pytest.mark.parametrize("seconds", [-61, 61])
def test_a_signature_of_another_time_is_refused(hall: Site, seconds: int) -> None:
    """One older than a minute, or as far ahead, is refused; up to there it counts."""
    host = sender(hall)
    moment = now().replace(microsecond=0)
    for offset, status in ((seconds, 400), (seconds * 59 // 61, 200)):
        with time_machine.travel(moment + timedelta(seconds=offset), tick=False):
            request = host.signed(VERIFY, {"username": "alice"})
        with time_machine.travel(moment, tick=False):
            answer = host.deliver(VERIFY, request)
        assert answer.status_code == status
        assert is_proved(answer, request)
        if status == 400:
            assert f"61 s {'ahead of' if seconds > 0 else 'ago by'} our clock" in error_of(answer)
            assert "compare the clocks" in error_of(answer)


def test_a_replay_is_refused_until_its_signature_counts_no_more(hall: Site) -> None:
    """A number is remembered for as long as a signature with it may count."""
    host = sender(hall)
    moment = now().replace(microsecond=0)
    with time_machine.travel(moment + MAX_AGE, tick=False):  # a clock that is ahead
        request = host.signed(VERIFY, {"username": "alice"})
    for seconds in (0, 60, 119, 120, 121, 500):
        with time_machine.travel(moment + timedelta(seconds=seconds), tick=False):
            answer = host.deliver(VERIFY, request)
        assert answer.status_code == (400 if seconds else 200), seconds


def _changed(name: str, old: str, new: str) -> Callable[[Message], Message]:
    def change(request: Message) -> Message:
        assert old in request.headers[name]
        headers = request.headers | {name: request.headers[name].replace(old, new)}
        return replace(request, headers=headers)

    return change


def _without(name: str) -> Callable[[Message], Message]:
    def change(request: Message) -> Message:
        headers = {key: value for key, value in request.headers.items() if key != name}
        return replace(request, headers=headers)

    return change


def _with_time_of_later(request: Message) -> Message:
    at = request.headers[INPUT_HEADER].partition("created=")[2].partition(";")[0]
    return _changed(INPUT_HEADER, at, str(int(at) + 1))(request)


def _with_other_body_and_digest(request: Message) -> Message:
    body = request.body.replace(b"alice", b"admin")
    digest = sign_request(request.url, body, SECRET).headers["Content-Digest"]
    return replace(request, body=body, headers=request.headers | {"Content-Digest": digest})


def _with_note(request: Message) -> Message:
    note = ChangeNote(next_stamp(None), "another").header()
    return replace(request, headers=request.headers | {CHANGE_HEADER: note})


CHANGES: dict[str, Callable[[Message], Message]] = {
    "body": lambda request: replace(request, body=request.body.replace(b"alice", b"admin")),
    "body and digest": _with_other_body_and_digest,
    "change": _with_note,
    "change dropped": _without(CHANGE_HEADER),
    "digest dropped": _without("Content-Digest"),
    "time": _with_time_of_later,
    "nonce": _changed(INPUT_HEADER, 'nonce="', 'nonce="0'),
    "tag": _changed(INPUT_HEADER, "timapp-request", "timapp-answer"),
    "method not covered": _changed(INPUT_HEADER, '"@method" ', ""),
    "authority not covered": _changed(INPUT_HEADER, '"@authority" ', ""),
    "path not covered": _changed(INPUT_HEADER, '"@path" ', ""),
    "change not covered": _changed(INPUT_HEADER, f' "{CHANGE_HEADER.lower()}"', ""),
    "signature": _changed("Signature", "timapp=:", "timapp=:AAAA"),
    "signature dropped": _without("Signature"),
    "input dropped": _without(INPUT_HEADER),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_nothing_that_is_signed_can_be_exchanged(
    hall: Site, change: Callable[[Message], Message]
) -> None:
    """Another body, date, time or number than the signed one is refused, and recorded."""
    hall.logged_in("alice")
    before = hall.active("alice")
    host = sender(hall)
    request = host.signed(INVALIDATE, {"username": "alice"}, ChangeNote(next_stamp(None)))
    answer = host.deliver(INVALIDATE, change(request))
    assert DOES_NOT_FIT in error_of(answer)
    assert INPUT_HEADER not in answer.headers
    assert hall.active("alice") == before
    assert len(wrong_secrets(hall)) == 1
    assert host.deliver(INVALIDATE, request).status_code == 200  # so nothing else was wrong


@pytest.mark.parametrize(
    "address", [VERIFY, f"{INVALIDATE}?session_id=x", f"{INVALIDATE}?x", "/hosts/check"]
)
def test_a_request_counts_at_its_own_address_only(hall: Site, address: str) -> None:
    """Another path, and arguments in the address that were not signed, change nothing."""
    hall.logged_in("alice")
    before = hall.active("alice")
    host = sender(hall)
    request = host.signed(INVALIDATE, {"username": "alice"})
    assert host.deliver(address, request).status_code in {400, 422}
    assert hall.active("alice") == before


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
def test_another_method_changes_nothing(hall: Site, method: str) -> None:
    """What was signed as a POST is nothing else."""
    hall.logged_in("alice")
    before = hall.active("alice")
    host = sender(hall)
    request = host.signed(INVALIDATE, {"username": "alice"})
    host.deliver(INVALIDATE, request, method)
    assert hall.active("alice") == before
    with pytest.raises(InvalidSignature):
        verify_request(replace(request, method=method), [SECRET])


@pytest.mark.parametrize("name", [INPUT_HEADER, "Signature"])
@pytest.mark.parametrize(
    "header",
    [
        "x",
        "v1=",
        "timapp",
        "timapp=()",
        "timapp=:AAAA:",
        "timapp=:AAAA:, timapp=:AAAA:",
        'timapp=("@method");created=9999999999999999;keyid="x"',
        'timapp=("@method");created=-1;keyid="x";tag="timapp-request"',
        'timapp=("@method" "@method");created=1;keyid="x";tag="timapp-request"',
        "ä" * 200,
        "(" * 5000,
    ],
)
def test_a_header_that_is_no_signature_is_refused(hall: Site, name: str, header: str) -> None:
    """Whatever stands in the header, the answer is a refusal that is recorded."""
    host = sender(hall)
    request = host.signed(VERIFY, {"username": "alice"})
    bad = replace(request, headers=request.headers | {name: header})
    error = error_of(host.deliver(VERIFY, bad))
    assert DOES_NOT_FIT in error or error == "Wrong secret"
    assert len(wrong_secrets(hall)) == 1


@pytest.mark.parametrize("note", ["x", "e30=", "W10=", "bnVsbA==", "eyJpZCI6MX0="])
def test_a_note_that_cannot_be_read_is_refused(hall: Site, note: str) -> None:
    """A signed request with a broken header about the change is refused whole."""
    body = json.dumps({"username": "alice"}).encode()
    request = sign_request(address_of(SITE_URL, VERIFY), body, SECRET, note)
    assert CHANGE_HEADER in error_of(sender(hall).deliver(VERIFY, request))


def test_a_change_that_is_dated_far_ahead_is_refused(hall: Site) -> None:
    """Nobody can make a change that none of the next minutes could come after."""
    note = ChangeNote(Stamp(now() + timedelta(minutes=6)))
    assert CHANGE_HEADER in error_of(sender(hall).send(VERIFY, {"username": "alice"}, note))
    note = ChangeNote(Stamp(now() + timedelta(minutes=4)))
    assert sender(hall).send(VERIFY, {"username": "alice"}, note).status_code == 200


def test_where_all_hosts_sign_a_shown_secret_is_refused(make_hall: MakeHall) -> None:
    """With DIST_RIGHTS_SIGNED_ONLY the secret alone is not enough."""
    site = make_hall(DIST_RIGHTS_SIGNED_ONLY=True)
    shown = {"username": "alice", "secret": SECRET}
    answer = site.app.test_client().post(VERIFY, json=shown)
    assert "DIST_RIGHTS_SIGNED_ONLY" in error_of(answer)
    assert sender(site).send(VERIFY, {"username": "alice"}).status_code == 200


# The pieces


@given(st.text(), st.binary(), st.from_regex(r"[A-Za-z0-9_=-]*", fullmatch=True))
def test_what_is_signed_is_recognised_and_nothing_else(path: str, body: bytes, note: str) -> None:
    """A signature fits the secret and the message that it was made for."""
    plain = path.encode(errors="replace").decode()
    url = address_of(SITE_URL, "/" + plain.replace("?", "").replace("#", ""))
    request = sign_request(url, body, SECRET, note)
    signed = verify_request(request, [OLD, SECRET])
    assert (signed.secret, signed.message) == (SECRET, request)
    with pytest.raises(UnknownKey):
        verify_request(request, [OLD])
    for other in (
        replace(request, body=body + b" "),
        replace(request, url=url + "x"),
        replace(request, url=url + "?x"),
        replace(request, headers=request.headers | {CHANGE_HEADER: note + "x"}),
    ):
        with pytest.raises(InvalidSignature):
            verify_request(other, [SECRET])
    headers = sign_answer(signed, 200, body)
    assert verify_answer(request, 200, headers, body, SECRET)
    assert not verify_answer(request, 201, headers, body, SECRET)


@given(st.dictionaries(st.sampled_from([*SIGNATURE_HEADERS, CHANGE_HEADER]), st.text()))
def test_whatever_stands_in_the_headers_is_read_or_refused(headers: dict[str, str]) -> None:
    """No header raises another error than that the signature is none."""
    request = sign_request(address_of(SITE_URL, VERIFY), b"{}", SECRET, "note")
    if headers:
        with pytest.raises(InvalidSignature):
            verify_request(replace(request, headers=request.headers | headers), [SECRET])
    assert verify_answer(request, 200, headers, b"{}", SECRET) is None
