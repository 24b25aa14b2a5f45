"""What a wrong secret costs, and the note of a change."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from tests.commandline import CommandLine
from tests.conftest import MakeApp
from tests.signing import SECRET, SITE_URL, Sender
from tests.site import Site
from timApp.auth.site import db
from timApp.net.note import ChangeNote, read_change_note
from timApp.net.wrongsecret import WrongSecret, wait_after
from timApp.util.clock import now
from timApp.util.stamp import Stamp

OLD = "the old secret"
VERIFY = "/user/sessions/verify"


@pytest.fixture
def hall(database_url: str, make_app: MakeApp) -> Site:
    """A host with a student; other hosts have one secret."""
    options: dict[str, Any] = {"DIST_RIGHTS_RECEIVE_SECRET": SECRET, "SITE_URL": SITE_URL}
    site = Site(make_app(database_url, **options))
    site.add_user("alice")
    return site


def sender(site: Site, secret: str = SECRET) -> Sender:
    """Return another host."""
    return Sender(site.app.test_client(), secret)


def wrong_secrets(site: Site) -> list[WrongSecret]:
    """Return the record of wrong secrets."""
    with site.app.app_context():
        return list(db.session.query(WrongSecret).order_by(WrongSecret.id))


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
    """Then wrong ones are refused, and not recorded, until the wait is over; each is longer."""
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
    assert [status(OLD, 0.5) for _ in range(3)] == [429] * 3
    assert status(OLD, 0.5, "192.0.2.2") == 400
    assert status(OLD, 1.2) == 400
    assert status(OLD, 2.3) == 429
    assert status(OLD, 3.3) == 400
    assert status(OLD, 700) == 400
    assert status(OLD, 700) == 400
    assert len(wrong_secrets(hall)) == free + 5


def test_nobody_keeps_a_host_out_by_guessing_beside_it(hall: Site) -> None:
    """Whoever has the secret is let in at once, shown or signed, from an address that has to wait.

    So they are between one guess and the next, whatever was guessed: secrets, and signatures that
    are made with another secret, changed, or no signatures at all.
    """
    client = hall.app.test_client()
    guesser, host = Sender(client, OLD), Sender(client)
    with time_machine.travel(now(), tick=False):
        for number in range(8):
            changed = host.signed("/hosts/check", {})
            changed.headers["Signature"] = "timapp=:AAAA:"
            guesses = [
                client.post(VERIFY, json={"username": "alice", "secret": f"{OLD} {number}"}),
                guesser.send("/hosts/check", {}),
                guesser.send(VERIFY, {"username": "alice"}),
                host.deliver("/hosts/check", changed),
                client.post("/hosts/check", json={}, headers={"Signature-Input": "x"}),
            ]
            assert {one.status_code for one in guesses} <= {400, 429}
            assert host.send("/hosts/check", {}).status_code == 200
            assert host.send(VERIFY, {"username": "alice"}).status_code == 200
            shown = {"username": "alice", "secret": SECRET}
            assert client.post(VERIFY, json=shown).status_code == 200
        assert {one.status_code for one in guesses} == {429}
    assert len(wrong_secrets(hall)) < 30


def test_a_short_secret_is_told_at_the_start(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`timapp run` says so of one that could be guessed, and serves; it does not show it."""
    monkeypatch.setattr("timApp.cli.commands.run.end_at_interrupt", lambda: None)
    monkeypatch.setattr("timApp.cli.commands.run.serve", lambda *_words: None)
    timapp = CommandLine(sqlite_url, tmp_path)
    for secret, is_short in (("tiger", True), ("x" * 16, False), (f'["{SECRET}", "cat"]', True)):
        timapp.env["TIM_DIST_RIGHTS_RECEIVE_SECRET"] = secret
        told = timapp("run").stderr
        assert ("could be guessed" in told) == is_short, secret
        assert secret not in told


def test_the_wait_grows_up_to_a_minute() -> None:
    """No wait at first; then each wrong secret doubles it, to a limit."""
    waits = [wait_after(count) for count in range(40)]
    assert waits[0] == 0
    assert waits == sorted(waits)
    assert waits[-1] == 60
    assert [wait for wait in waits if wait][:4] == [1, 2, 4, 8]


@given(st.text(max_size=400), st.text(max_size=400), st.integers(0, 10**16 - 1))
def test_a_note_survives_its_header(by: str, reason: str, time: int) -> None:
    """What cannot be stored is replaced; all else arrives as it was."""
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time)
    note = ChangeNote(Stamp(at), by, reason)
    assert note.header().isascii()
    found = read_change_note(note.header())
    assert found
    assert found.stamp == note.stamp
    if "\0" not in by + reason and (by + reason).isprintable():
        assert (found.by, found.reason) == (by, reason)
