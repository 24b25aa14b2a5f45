"""How hosts know each other: shown secrets, signatures, and what a wrong one costs."""

import json
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from tests.conftest import MakeApp
from tests.site import Site
from timApp.auth.site import db
from timApp.net.note import CHANGE_HEADER, ChangeNote, read_change_note
from timApp.net.signature import (
    MAX_AGE,
    SIGNATURE_HEADER,
    SignedText,
    from_microseconds,
    is_signed,
    is_signed_answer,
    read_signature,
    sign,
    to_microseconds,
)
from timApp.net.wrongsecret import WrongSecret, wait_after
from timApp.util.clock import now
from timApp.util.stamp import Stamp, next_stamp

SECRET = "s3cr3t of all hosts"
OLD, NEW = "the old secret", "the new secret"
VERIFY = "/user/sessions/verify"


@pytest.fixture
def hall(database_url: str, make_app: MakeApp) -> Site:
    """A host with a student who is logged in twice; other hosts have one secret."""
    site = Site(make_app(database_url, DIST_RIGHTS_RECEIVE_SECRET=SECRET))
    site.add_user("alice")
    return site


class Sender:
    """Another host, which signs."""

    def __init__(self, client: FlaskClient, secret: str = SECRET) -> None:
        self.client, self.secret = client, secret

    def signed(
        self, path: str, content: object, note: ChangeNote | None = None
    ) -> tuple[bytes, dict[str, str]]:
        """Return the body and the headers of a request."""
        change = note.header() if note else ""
        body = json.dumps(content).encode()
        signature = sign(SignedText(path, body, change), self.secret)
        headers = {SIGNATURE_HEADER: str(signature), "Content-Type": "application/json"}
        return body, headers | ({CHANGE_HEADER: change} if change else {})

    def send(self, path: str, content: object, note: ChangeNote | None = None) -> TestResponse:
        """Send a request."""
        body, headers = self.signed(path, content, note)
        return self.client.post(path, data=body, headers=headers)


def sender(site: Site, secret: str = SECRET) -> Sender:
    """Return another host."""
    return Sender(site.app.test_client(), secret)


def error_of(answer: TestResponse) -> str:
    """Return the words of a refusal."""
    assert answer.status_code == 400, answer.json
    return str((answer.json or {})["error"])


def wrong_secrets(site: Site) -> list[WrongSecret]:
    """Return the record of wrong secrets."""
    with site.app.app_context():
        return list(db.session.query(WrongSecret).order_by(WrongSecret.id))


# Signatures that are right


def test_a_signed_request_needs_no_secret_and_is_answered_with_a_proof(hall: Site) -> None:
    """The host does what it is told, and signs its answer to this very request."""
    first, second = hall.logged_in("alice"), hall.logged_in("alice")
    host = sender(hall)
    body, headers = host.signed(VERIFY, {"username": "alice", "session_id": second.session_id})
    answer = host.client.post(VERIFY, data=body, headers=headers)
    assert (answer.status_code, answer.json) == (200, {"status": "ok"})
    assert hall.active("alice") == {second.session_id} != {first.session_id}
    signature = read_signature(headers[SIGNATURE_HEADER])
    assert signature
    proof = answer.headers[SIGNATURE_HEADER]
    assert is_signed_answer(proof, signature.nonce, 200, answer.data, SECRET)
    for change in (
        ("0" * 32, 200, answer.data, SECRET),
        (signature.nonce, 400, answer.data, SECRET),
        (signature.nonce, 200, b"{}", SECRET),
        (signature.nonce, 200, answer.data, OLD),
    ):
        assert not is_signed_answer(proof, *change)


def test_a_refusal_of_a_signed_request_is_proved_too(hall: Site) -> None:
    """That a host does not know the person is its own word."""
    host = sender(hall)
    body, headers = host.signed(VERIFY, {"username": "nobody"})
    answer = host.client.post(VERIFY, data=body, headers=headers)
    signature = read_signature(headers[SIGNATURE_HEADER])
    assert signature
    assert answer.status_code == 404
    proof = answer.headers[SIGNATURE_HEADER]
    assert is_signed_answer(proof, signature.nonce, 404, answer.data, SECRET)


def test_who_and_why_are_recorded(hall: Site) -> None:
    """The record names the supervisor of the other host, its address and the reason."""
    hall.logged_in("alice")
    note = ChangeNote(next_stamp(None), by="sam", reason="two of them")
    answer = sender(hall).send("/user/sessions/invalidate", {"username": "alice"}, note)
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


def test_several_secrets_are_taken_at_once(database_url: str, make_app: MakeApp) -> None:
    """While a secret is replaced, both count, shown or signed with; others do not."""
    site = Site(make_app(database_url, DIST_RIGHTS_RECEIVE_SECRET=[OLD, NEW]))
    site.add_user("alice")
    for secret in (OLD, NEW):
        answer = sender(site, secret).send(VERIFY, {"username": "alice"})
        assert answer.status_code == 200
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


# Signatures that count no more, or never did


def test_a_request_cannot_be_played_again(hall: Site) -> None:
    """The same request once more is refused, and changes nothing."""
    hall.logged_in("alice")
    host = sender(hall)
    body, headers = host.signed("/user/sessions/invalidate", {"username": "alice"})
    send = {"path": "/user/sessions/invalidate", "data": body, "headers": headers}
    assert host.client.post(**send).status_code == 200
    later = hall.logged_in("alice")
    assert hall.active("alice") == {later.session_id}
    assert "has come before" in error_of(host.client.post(**send))
    assert hall.active("alice") == {later.session_id}


@pytest.mark.parametrize("seconds", [-61, 61])
def test_a_signature_of_another_time_is_refused(hall: Site, seconds: int) -> None:
    """One older than a minute, or as far ahead, is refused; up to there it counts."""
    host = sender(hall)
    moment = now()
    for offset, status in ((seconds, 400), (seconds * 59 // 61, 200)):
        with time_machine.travel(moment + timedelta(seconds=offset), tick=False):
            body, headers = host.signed(VERIFY, {"username": "alice"})
        with time_machine.travel(moment, tick=False):
            answer = host.client.post(VERIFY, data=body, headers=headers)
        assert answer.status_code == status
        if status == 400:
            assert "61 s" in error_of(answer)
            assert "clock" in error_of(answer)


def test_a_replay_is_refused_until_its_signature_counts_no_more(hall: Site) -> None:
    """A number is remembered for as long as a signature with it may count."""
    host = sender(hall)
    moment = now()
    with time_machine.travel(moment + MAX_AGE, tick=False):  # a clock that is ahead
        body, headers = host.signed(VERIFY, {"username": "alice"})
    for seconds in (0, 60, 119, 120, 121, 500):
        with time_machine.travel(moment + timedelta(seconds=seconds), tick=False):
            answer = host.client.post(VERIFY, data=body, headers=headers)
        assert answer.status_code == (400 if seconds else 200), seconds


@pytest.mark.parametrize("part", ["path", "body", "change", "change dropped", "time", "nonce"])
def test_nothing_that_is_signed_can_be_exchanged(hall: Site, part: str) -> None:
    """Another action, person, date, time or number than the one that was signed is refused."""
    hall.logged_in("alice")
    host = sender(hall)
    body, headers = host.signed(VERIFY, {"username": "alice"}, ChangeNote(next_stamp(None)))
    path = VERIFY
    signature = read_signature(headers[SIGNATURE_HEADER])
    assert signature
    match part:
        case "path":
            path = "/user/sessions/invalidate"
        case "body":
            body = body.replace(b"alice", b"admin")
        case "change":
            headers[CHANGE_HEADER] = ChangeNote(next_stamp(None)).header()
        case "change dropped":
            del headers[CHANGE_HEADER]
        case "time":
            later = to_microseconds(signature.at) + 1
            headers[SIGNATURE_HEADER] = f"t={later},n={signature.nonce},v1={signature.code}"
        case "nonce":
            headers[SIGNATURE_HEADER] = str(signature).replace(signature.nonce, "0" * 32)
    before = hall.active("alice")
    answer = host.client.post(path, data=body, headers=headers)
    assert error_of(answer) == "Wrong secret"
    assert SIGNATURE_HEADER not in answer.headers
    assert hall.active("alice") == before


@pytest.mark.parametrize(
    "header",
    [
        "",
        "v1=",
        "t=1,n=2,v1=3",
        f"t={'9' * 17},n={'0' * 32},v1={'0' * 64}",
        f"t=-1,n={'0' * 32},v1={'0' * 64}",
        f"t={'9' * 16},n={'0' * 32},v1={'0' * 64}",
        "ä" * 200,
        f"t=1,n={'0' * 32},v1={'0' * 64}\n",
    ],
)
def test_a_header_that_is_no_signature_is_refused(hall: Site, header: str) -> None:
    """Whatever stands in the header, the answer is that of a wrong secret."""
    answer = hall.app.test_client().post(
        VERIFY, json={"username": "alice"}, headers={SIGNATURE_HEADER: header.strip()}
    )
    assert error_of(answer) == "Wrong secret"


@pytest.mark.parametrize("note", ["", "x", "e30=", "W10=", "bnVsbA==", "eyJpZCI6MX0="])
def test_a_note_that_cannot_be_read_is_refused(hall: Site, note: str) -> None:
    """A signed request with a broken header about the change is refused whole."""
    body = json.dumps({"username": "alice"}).encode()
    signature = sign(SignedText(VERIFY, body, note or "?"), SECRET)
    headers = {SIGNATURE_HEADER: str(signature), CHANGE_HEADER: note or "?"}
    answer = hall.app.test_client().post(
        VERIFY, data=body, headers=headers, content_type="application/json"
    )
    assert CHANGE_HEADER in error_of(answer)


def test_a_change_that_is_dated_far_ahead_is_refused(hall: Site) -> None:
    """Nobody can make a change that none of the next minutes could come after."""
    note = ChangeNote(Stamp(now() + timedelta(minutes=6)))
    assert CHANGE_HEADER in error_of(sender(hall).send(VERIFY, {"username": "alice"}, note))
    note = ChangeNote(Stamp(now() + timedelta(minutes=4)))
    assert sender(hall).send(VERIFY, {"username": "alice"}, note).status_code == 200


def test_where_all_hosts_sign_a_shown_secret_is_refused(
    database_url: str, make_app: MakeApp
) -> None:
    """With DIST_RIGHTS_SIGNED_ONLY the secret alone is not enough."""
    options: dict[str, Any] = {"DIST_RIGHTS_RECEIVE_SECRET": SECRET}
    site = Site(make_app(database_url, DIST_RIGHTS_SIGNED_ONLY=True, **options))
    site.add_user("alice")
    shown = {"username": "alice", "secret": SECRET}
    answer = site.app.test_client().post(VERIFY, json=shown)
    assert "DIST_RIGHTS_SIGNED_ONLY" in error_of(answer)
    assert sender(site).send(VERIFY, {"username": "alice"}).status_code == 200


# Wrong secrets


def test_wrong_secrets_are_recorded(hall: Site) -> None:
    """Each leaves an entry with time, address and what was asked for; right ones leave none."""
    moment = now()
    client = hall.app.test_client()
    with time_machine.travel(moment, tick=False):
        client.post(VERIFY, json={"username": "alice", "secret": OLD})
        sender(hall, OLD).send("/hosts/check", {})
        client.post(VERIFY, json={"username": "alice", "secret": SECRET})
        sender(hall).send("/hosts/check", {})
    found = [(entry.at, entry.address, entry.path) for entry in wrong_secrets(hall)]
    assert found == [(moment, "127.0.0.1", VERIFY), (moment, "127.0.0.1", "/hosts/check")]


def test_an_address_with_many_wrong_secrets_has_to_wait(hall: Site) -> None:
    """Then even the right secret is not looked at until the wait is over; others need not wait."""
    client = hall.app.test_client()
    moment = now()

    def status(secret: str, seconds: float, address: str = "192.0.2.1") -> int:
        with time_machine.travel(moment + timedelta(seconds=seconds), tick=False):
            answer = client.post(
                VERIFY,
                json={"username": "alice", "secret": secret},
                environ_base={"REMOTE_ADDR": address},
            )
        if answer.status_code == 429:
            assert answer.headers["Retry-After"] in (answer.json or {})["error"]
        return answer.status_code

    free = next(count for count in range(100) if wait_after(count))
    assert [status(OLD, 0) for _ in range(free)] == [400] * free
    assert status(SECRET, 0.5) == 429
    assert status(SECRET, 0.5, "192.0.2.2") == 200
    assert status(SECRET, 1.1) == 200
    assert status(OLD, 1.2) == 400
    assert status(SECRET, 2.3) == 429
    assert status(SECRET, 3.3) == 200
    assert status(OLD, 700) == 400
    assert status(OLD, 700) == 400
    assert len(wrong_secrets(hall)) == free + 3


def test_the_wait_grows_up_to_a_minute() -> None:
    """No wait at first; then each wrong secret doubles it, to a limit."""
    waits = [wait_after(count) for count in range(40)]
    assert waits[0] == 0
    assert waits == sorted(waits)
    assert waits[-1] == 60
    assert [wait for wait in waits if wait][:4] == [1, 2, 4, 8]


# The pieces


@given(st.text(), st.binary(), st.text())
def test_what_is_signed_is_recognised_and_nothing_else(path: str, body: bytes, change: str) -> None:
    """A signature survives its header, and fits the secret and the text it was made for."""
    text = SignedText(
        path.encode(errors="replace").decode(), body, change.encode(errors="replace").decode()
    )
    signature = read_signature(str(sign(text, SECRET)))
    assert signature
    assert is_signed(text, signature, SECRET)
    assert not is_signed(text, signature, OLD)
    assert not is_signed(SignedText(text.path, body + b" ", text.change), signature, SECRET)
    assert not is_signed(SignedText(text.path + "x", body, text.change), signature, SECRET)


@given(st.text(max_size=400), st.text(max_size=400), st.integers(0, 10**16 - 1))
def test_a_note_survives_its_header(by: str, reason: str, time: int) -> None:
    """What cannot be stored is replaced; all else arrives as it was."""
    note = ChangeNote(Stamp(from_microseconds(time)), by, reason)
    assert note.header().isascii()
    found = read_change_note(note.header())
    assert found
    assert found.stamp == note.stamp
    if "\0" not in by + reason and (by + reason).isprintable():
        assert (found.by, found.reason) == (by, reason)
