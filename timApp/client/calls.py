"""Each call as a value: what is asked, and how the answer is read. Nothing is sent here."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar
from urllib.parse import quote

from timApp.client.answers import Change, Session

_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Call(Generic[_Result]):
    """A request, below the address of the server."""

    method: str
    #: As the document of the API has it, with names in braces.
    route: str
    #: Makes of the answer's body what is returned; any error means that it is no such answer.
    read: Callable[[bytes], _Result]
    #: What stands in the place of the names.
    names: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """Where to send it."""
        return self.route.format_map({name: quote(one, "") for name, one in self.names.items()})


def sessions(state: str, user: str | None) -> Call[list[Session]]:
    """All sessions, or those in a state and of a person."""
    return _listing("json", state, user, _read_sessions)


def export(file_format: str, state: str, user: str | None) -> Call[bytes]:
    """The same as a file: CSV or JSON."""
    return _listing(file_format, state, user, bytes)


def changes(user: str | None) -> Call[list[Change]]:
    """The record of changes, the oldest first, or what there is in it of one person."""
    query = {"format": "json", "exam": ""} | ({} if user is None else {"user": user})
    return Call("GET", "/administer/record/export", _read_changes, query=query)


def change(action: str, user: str, session_id: str | None = None) -> Call[None]:
    """A change of one person's sessions: verify, invalidate, end or pause."""
    query = {} if session_id is None else {"session_id": session_id}
    route = f"/user/sessions/{{user}}/{action}"
    return Call("POST", route, _read_ok, {"user": user}, query)


def change_all(action: str) -> Call[None]:
    """A change of everybody's sessions: verifyAll or invalidateAll."""
    return Call("POST", f"/user/sessions/{action}", _read_ok)


def _listing(
    file_format: str, state: str, user: str | None, read: Callable[[bytes], _Result]
) -> Call[_Result]:
    query = {"format": file_format, "state": state} | ({} if user is None else {"user": user})
    return Call("GET", "/user/sessions/all", read, query=query)


def _read_ok(body: bytes) -> None:
    answer = json.loads(body)
    if answer["status"] != "ok":
        raise ValueError(answer)


def _read_sessions(body: bytes) -> list[Session]:
    return [
        Session(
            one["user"],
            one["session_id"],
            one["origin"],
            datetime.fromisoformat(one["logged_in_at"]),
            _moment(one["expired_at"]),
        )
        for one in json.loads(body)
    ]


def _read_changes(body: bytes) -> list[Change]:
    return [
        Change(
            datetime.fromisoformat(one["at"]),
            one["actor_kind"],
            one["actor"],
            one["address"],
            one["action"],
            one["user"],
            one["session_id"],
            one["session_count"],
            one["reason"],
        )
        for one in json.loads(body)
    ]


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
