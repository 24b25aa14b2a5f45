"""The clients: the same calls, for programs that wait and for those of asyncio."""

from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from timApp.client import calls
from timApp.client.answers import Change, Session
from timApp.client.calls import Call
from timApp.client.errors import Refused, Unreachable

_Result = TypeVar("_Result")

#: Seconds that a server has for each step of an answer.
TIMEOUT = 30.0


class Client:
    """Asks one server, as far as its token goes. For one thread at a time; close it, or use `with`.

    Each call raises `Refused` for what the server refuses, and `Unreachable` if nothing of use
    answers.
    """

    def __init__(self, url: str, token: str, *, timeout: float = TIMEOUT) -> None:
        """`url` is where the site is, with the path that it is below, if it is below one."""
        self._http = httpx.Client(**_options(url, token, timeout))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def sessions(self, *, state: str = "all", user: str | None = None) -> list[Session]:
        """Return all sessions; or the ``active`` or ``expired`` ones, or those of one person."""
        return self._asked(calls.sessions(state, user))

    def export(
        self, file_format: str = "csv", *, state: str = "all", user: str | None = None
    ) -> bytes:
        """Return the same as a file: ``csv`` or ``json``."""
        return self._asked(calls.export(file_format, state, user))

    def changes(self, *, user: str | None = None) -> list[Change]:
        """Return the record of changes, the oldest first; or what there is in it of one person."""
        return self._asked(calls.changes(user))

    def verify(self, user: str, session_id: str | None = None) -> None:
        """Verify that session of a person, or their latest one; their others expire."""
        self._asked(calls.change("verify", user, session_id))

    def invalidate(self, user: str, session_id: str | None = None) -> None:
        """Invalidate that session of a person, or all."""
        self._asked(calls.change("invalidate", user, session_id))

    def end(self, user: str, session_id: str | None = None) -> None:
        """End that session of a person for good, or all."""
        self._asked(calls.change("end", user, session_id))

    def pause(self, user: str) -> None:
        """Note that a person has left the room: they are blocked until they are verified."""
        self._asked(calls.change("pause", user))

    def verify_all(self) -> None:
        """Verify everybody's latest session."""
        self._asked(calls.change_all("verifyAll"))

    def invalidate_all(self) -> None:
        """Invalidate everybody's sessions."""
        self._asked(calls.change_all("invalidateAll"))

    def _asked(self, call: Call[_Result]) -> _Result:
        try:
            answer = self._http.request(call.method, call.path, params=call.query)
        except httpx.HTTPError as error:
            raise _unreachable(self._http.base_url, error) from error
        return _read(call, answer)


class AsyncClient:
    """`Client` for asyncio: for any number of tasks at a time; close it, or use `async with`."""

    def __init__(self, url: str, token: str, *, timeout: float = TIMEOUT) -> None:
        """See `Client`."""
        self._http = httpx.AsyncClient(**_options(url, token, timeout))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close its connections."""
        await self._http.aclose()

    async def sessions(self, *, state: str = "all", user: str | None = None) -> list[Session]:
        """See `Client.sessions`."""
        return await self._asked(calls.sessions(state, user))

    async def export(
        self, file_format: str = "csv", *, state: str = "all", user: str | None = None
    ) -> bytes:
        """See `Client.export`."""
        return await self._asked(calls.export(file_format, state, user))

    async def changes(self, *, user: str | None = None) -> list[Change]:
        """See `Client.changes`."""
        return await self._asked(calls.changes(user))

    async def verify(self, user: str, session_id: str | None = None) -> None:
        """See `Client.verify`."""
        await self._asked(calls.change("verify", user, session_id))

    async def invalidate(self, user: str, session_id: str | None = None) -> None:
        """See `Client.invalidate`."""
        await self._asked(calls.change("invalidate", user, session_id))

    async def end(self, user: str, session_id: str | None = None) -> None:
        """See `Client.end`."""
        await self._asked(calls.change("end", user, session_id))

    async def pause(self, user: str) -> None:
        """See `Client.pause`."""
        await self._asked(calls.change("pause", user))

    async def verify_all(self) -> None:
        """See `Client.verify_all`."""
        await self._asked(calls.change_all("verifyAll"))

    async def invalidate_all(self) -> None:
        """See `Client.invalidate_all`."""
        await self._asked(calls.change_all("invalidateAll"))

    async def _asked(self, call: Call[_Result]) -> _Result:
        try:
            answer = await self._http.request(call.method, call.path, params=call.query)
        except httpx.HTTPError as error:
            raise _unreachable(self._http.base_url, error) from error
        return _read(call, answer)


def _options(url: str, token: str, timeout: float) -> dict[str, Any]:
    """Return how to ask: never led elsewhere, where the token would be shown to somebody else."""
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    return {
        "base_url": url,
        "headers": headers,
        "timeout": timeout,
        "follow_redirects": False,
    }


def _unreachable(url: httpx.URL, error: Exception) -> Unreachable:
    why = str(error) or type(error).__name__
    return Unreachable(f"{url} does not answer: {why}")


def _read(call: Call[_Result], answer: httpx.Response) -> _Result:
    if answer.is_success:
        try:
            return call.read(answer.content)
        except (LookupError, TypeError, ValueError) as error:
            raise _no_answer(answer) from error
    try:
        said = answer.json()
        refused = Refused(answer.status_code, str(said["error"]), said.get("field"))
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise _no_answer(answer) from error
    raise refused


def _no_answer(answer: httpx.Response) -> Unreachable:
    return Unreachable(
        f"What answered at {answer.url.copy_with(query=None)} is no server of timApp, or one of"
        f" another version (status {answer.status_code})."
    )
