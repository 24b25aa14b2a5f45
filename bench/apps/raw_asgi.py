"""A gate as small as it can be: an ASGI program with our signature and the driver's look-up."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from http.cookies import SimpleCookie
from typing import Any

from bench.apps import KEY
from bench.apps.raw import raw_look_up
from timApp.guard.cookie import Cookies

_Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


def create_app() -> Callable[[Mapping[str, Any], object, _Send], Awaitable[None]]:
    """Return a program that answers 200 to whoever has a session, and 401 to everybody else.

    It looks into the database in the thread that reads requests, as a thread would cost it more.
    """
    cookies, look_up = Cookies([KEY]), raw_look_up()

    def is_let_in(header: bytes) -> bool:
        cookie = SimpleCookie(header.decode("latin-1")).get(cookies.name)
        claims = None if cookie is None else cookies.claims(cookie.value)
        return (
            claims is not None
            and claims.session_id is not None
            and look_up((claims.user_id, claims.session_id)) is not None
        )

    async def answer(scope: Mapping[str, Any], _receive: object, send: _Send) -> None:
        header = next((value for name, value in scope["headers"] if name == b"cookie"), b"")
        status = 200 if is_let_in(header) else 401
        headers = [(b"content-length", b"0")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    return answer
