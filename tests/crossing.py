"""Changes that cross on the way to several hosts, or arrive twice.

``python -m tests.crossing 2000`` is the long campaign, with that number of people.
"""

import random
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import Flask

from tests.databases import SQLiteDatabases
from tests.exam import SECRET, Exam, exam_hosts
from tests.live import PATIENCE
from tests.site import Site, open_app
from timApp.auth.session.util import add_user_session
from timApp.auth.site import current_site, db
from timApp.net.call import Call, call_hosts
from timApp.net.network import Host
from timApp.net.note import ChangeNote
from timApp.user.user import require_user
from timApp.util.clock import now
from timApp.util.stamp import Stamp

#: The options of whoever tells of the changes.
SENDER: dict[str, Any] = {"DIST_RIGHTS_SEND_SECRET": SECRET, "DIST_RIGHTS_TIMEOUT": PATIENCE}
#: The sessions that each person has on every host.
SESSIONS = ("one", "two", "three")
_CHANGES = 5
#: The number of requests that are on the way at once; they overtake each other.
_AT_ONCE = 40


@dataclass(frozen=True)
class Change:
    """One change of a person's sessions, made at some time on some host."""

    action: str
    username: str
    session_id: str | None
    note: ChangeNote

    def to(self, host: Host) -> Call:
        """Return the call that tells a host."""
        content = {"username": self.username, "session_id": self.session_id}
        return Call(host, f"/user/sessions/{self.action}", content, self.note)


def add_people(site: Site, names: Sequence[str]) -> None:
    """Add people who have the same sessions on every host, all of them active."""
    for name in names:
        site.add_user(name)
    with site.app.app_context():
        for name in names:
            for session_id in SESSIONS:
                add_user_session(require_user(db, name), f"{name} {session_id}", "")
        db.session.commit()


def random_changes(names: Sequence[str], chance: random.Random) -> list[Change]:
    """Return some changes of each person's sessions, in the order in which they are made."""
    begun = now() - timedelta(minutes=1)
    changes = []
    for name in names:
        for number in range(_CHANGES):
            action = chance.choice(["verify", "invalidate"])
            chosen = chance.choice(SESSIONS)
            is_for_all = action == "invalidate" and chance.random() < 0.3
            # Now and then two changes are of the same microsecond; then their names decide.
            at = begun + timedelta(microseconds=chance.choice([number, number, 2]))
            stamp = Stamp(at, f"{chance.getrandbits(64):016x}")
            session_id = None if is_for_all else f"{name} {chosen}"
            changes.append(Change(action, name, session_id, ChangeNote(stamp)))
    return sorted(changes, key=lambda change: change.note.stamp)


def expected_active(changes: Sequence[Change], name: str) -> set[str]:
    """Return the person's active sessions after the changes, each made once and in order."""
    active = {f"{name} {session_id}" for session_id in SESSIONS}
    for change in changes:
        if change.username != name:
            continue
        match change.action, change.session_id:
            case "verify", str(session_id):
                active = {session_id}
            case _, None:
                active = set()
            case _, str(session_id):
                active -= {session_id}
    return active


def send_crossed(
    sender: Flask, hosts: Sequence[Host], changes: Sequence[Change], chance: random.Random
) -> None:
    """Tell every host of every change, some of them twice or more, in an order of its own."""
    calls = [change.to(host) for host in hosts for change in changes]
    calls += chance.choices(calls, k=len(calls) // 2)
    chance.shuffle(calls)
    with sender.app_context():
        for begin in range(0, len(calls), _AT_ONCE):
            batch = calls[begin : begin + _AT_ONCE]
            for call, reply in zip(
                batch, call_hosts(current_site().network, db.engine, batch), strict=True
            ):
                assert reply.error is None, (call, reply)


def check_alike(sites: Sequence[Site], names: Sequence[str], changes: Sequence[Change]) -> None:
    """Check that every host has ended as if it had heard of each change once and in order."""
    for name in names:
        expected = expected_active(changes, name)
        for site in sites:
            story = [change for change in changes if change.username == name]
            assert site.active(name) == expected, story


def cross(exam: Exam, sender: Flask, number: int, chance: random.Random) -> int:
    """Let changes of that number of new people cross, and check that all hosts end alike.

    Returns how many changes there were.
    """
    names = [f"person {chance.getrandbits(32):08x}" for _ in range(number)]
    for site in exam.sites:
        add_people(site, names)
    changes = random_changes(names, chance)
    send_crossed(sender, [Host(place.url) for place in exam.places], changes, chance)
    check_alike(exam.sites, names, changes)
    return len(changes)


def main(number: int, seed: int) -> None:
    """Run the campaign: that number of people on five hosts."""
    chance = random.Random(seed)  # noqa: S311 - to be repeated
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        databases = SQLiteDatabases(folder)
        urls = [stack.enter_context(databases.fresh()) for _ in range(6)]
        exam = stack.enter_context(exam_hosts(urls[1:], folder))
        sender = stack.enter_context(open_app(urls[0], folder, **SENDER))
        told = 0
        while told < number * _CHANGES:
            told += cross(exam, sender, 20, chance)
    print(f"{told} changes, told to 5 hosts in random orders: all hosts ended alike.")  # noqa: T201


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1)
