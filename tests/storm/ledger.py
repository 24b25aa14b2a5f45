"""What a client has asked for and what it was answered: written before it is sent, and after."""

import json
import time
from dataclasses import asdict, dataclass
from http import HTTPStatus
from ipaddress import IPv4Address
from pathlib import Path
from threading import Lock

from timApp.guard.vocabulary import Action

# The server records from which address a change came; each act has an address of its own.
_FIRST_MARK = IPv4Address("10.0.0.0")


@dataclass(frozen=True)
class Act:
    """Something that the client asks for."""

    #: The address that it comes from, by which it is found in the server's record.
    mark: str
    action: Action
    #: Whose sessions are to change; empty for everybody's.
    person: str
    #: The session that is named; None if none is.
    session_id: str | None
    #: When it was written down, in seconds of a monotonic clock.
    sent: float


def is_acknowledgement(status: int) -> bool:
    """Tell whether an answer says that it is done; after a form it leads to where that is shown."""
    return 200 <= status < 300 or status == HTTPStatus.SEE_OTHER


@dataclass(frozen=True)
class Answer:
    """An answer that was read to its end."""

    #: The status of HTTP.
    status: int
    #: When it was read, in seconds of a monotonic clock.
    at: float
    #: The session that a login was given.
    session_id: str | None = None


@dataclass(frozen=True)
class Entry:
    """An act, and its answer; None if there was none, or not all of it."""

    act: Act
    answer: Answer | None = None

    @property
    def is_acknowledged(self) -> bool:
        """Whether the client was told that it is done."""
        return self.answer is not None and is_acknowledgement(self.answer.status)

    @property
    def is_refused(self) -> bool:
        """Whether the client was told that it is not done."""
        return self.answer is not None and 400 <= self.answer.status < 500


class Ledger:
    """The acts of one client in a file: a line before each is sent, and one when it is answered.

    Used by many threads.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._entries: dict[str, Entry] = {}
        path.touch()

    def note(self, action: Action, person: str = "", session_id: str | None = None) -> Act:
        """Write down what is about to be asked for, and return it."""
        with self._lock:
            mark = str(_FIRST_MARK + len(self._entries) + 1)
            act = Act(mark, action, person, session_id, time.monotonic())
            self._write({"act": asdict(act) | {"action": action.name}})
            self._entries[mark] = Entry(act)
        return act

    def mark_answered(self, act: Act, status: int, session_id: str | None = None) -> None:
        """Write down what was answered, now."""
        with self._lock:
            answer = Answer(status, time.monotonic(), session_id)
            self._write({"mark": act.mark, "answer": asdict(answer)})
            self._entries[act.mark] = Entry(act, answer)

    def entries(self) -> list[Entry]:
        """Return all that is written by now, in the order in which it was sent."""
        with self._lock:
            return list(self._entries.values())

    def _write(self, line: dict[str, object]) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def read_ledger(path: Path) -> list[Entry]:
    """Return what a ledger's file says, in the order in which it was sent."""
    entries: dict[str, Entry] = {}
    for line in path.read_text("utf-8").splitlines():
        read = json.loads(line)
        if "act" in read:
            act = Act(**read["act"] | {"action": Action[read["act"]["action"]]})
            entries[act.mark] = Entry(act)
        else:
            entries[read["mark"]] = Entry(entries[read["mark"]].act, Answer(**read["answer"]))
    return list(entries.values())
