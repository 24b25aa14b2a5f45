"""Websockets, and what else there is in ASGI."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.embed.hosts import identity_of
from tests.site import PASSWORD, Site, open_app
from timApp.embed.asgi import Guarded


@pytest.fixture
def site(sqlite_url: str, tmp_path: Path) -> Iterator[Site]:
    """The site of its own on the same database."""
    with open_app(sqlite_url, tmp_path) as app:
        yield Site(app)


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Take a websocket, and send back what comes."""
    assert scope["type"] == "websocket"
    await receive()
    await send({"type": "websocket.accept"})
    said = await receive()
    await send({"type": "websocket.send", "text": said["text"]})


def shake_hands(program: Guarded, name: str | None, cookie: bytes = b"") -> list[dict[str, Any]]:
    """Return what a program answers to a handshake of somebody, and to what they say."""
    answers: list[dict[str, Any]] = []
    said = iter(({"type": "websocket.connect"}, {"type": "websocket.receive", "text": "2 + 3"}))
    scope = {
        "type": "websocket",
        "scheme": "ws",
        "path": "/kernel",
        "query_string": b"",
        "headers": [(b"cookie", cookie), (b"user-agent", b"Firefox")],
        "client": ("192.0.2.1", 1),
        "name": name,
    }

    async def receive() -> Any:
        return next(said)

    async def send(message: Any) -> None:
        answers.append(dict(message))

    asyncio.run(program(scope, receive, send))
    return answers


def cookie_in(answers: list[dict[str, Any]]) -> bytes:
    """Return the cookie of the login that a handshake has set."""
    sent = [value for name, value in answers[0]["headers"] if name == b"set-cookie"]
    cookie: bytes
    (cookie,) = [value.partition(b";")[0] for value in sent if value.startswith(b"timapp=")]
    return cookie


def test_a_websocket_is_opened_to_whoever_may_pass(
    site: Site, sqlite_url: str, tmp_path: Path
) -> None:
    """And to nobody who is blocked, until they are verified."""
    options = {
        "DATABASE_URL": sqlite_url,
        "INSTANCE_PATH": str(tmp_path),
        "SECRET_KEY": "a key for the tests",
    }
    program = Guarded(echo, lambda scope: identity_of(scope["name"]), options)
    with closing(program.site):
        opened = shake_hands(program, "ann")
        assert [one["type"] for one in opened] == ["websocket.accept", "websocket.send"]
        assert opened[1]["text"] == "2 + 3"
        first = cookie_in(opened)
        assert shake_hands(program, "ann", first)[0]["type"] == "websocket.accept"
        assert shake_hands(program, "ann") == [{"type": "websocket.close", "code": 1008}]
        assert shake_hands(program, None)[0]["type"] == "websocket.accept"
        site.add_admin()
        assert site.logged_in("admin").post("/user/sessions/ann/invalidate").status_code == 200
        assert shake_hands(program, "ann", first)[0]["type"] == "websocket.close"


def test_what_is_neither_http_nor_a_websocket_passes(
    site: Site, sqlite_url: str, tmp_path: Path
) -> None:
    """So the program starts and stops as it would."""
    seen: list[str] = []

    async def program(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    guard = Guarded(program, options={"DATABASE_URL": sqlite_url, "INSTANCE_PATH": str(tmp_path)})
    with closing(guard.site):
        asyncio.run(guard({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert seen == ["lifespan"]


def test_a_server_may_have_what_can_be_awaited_in_its_own_way(
    sqlite_url: str, tmp_path: Path, site: Site
) -> None:
    """Such as granian, whose ``receive`` makes no coroutine: what is sent to pages arrives."""
    options = {"DATABASE_URL": sqlite_url, "INSTANCE_PATH": str(tmp_path), "SECRET_KEY": "k" * 16}
    site.add_user("ann")
    guard = Guarded(echo, options=options)

    async def served(scope: Any, receive: Any, send: Any) -> None:
        await guard(scope, lambda: asyncio.ensure_future(receive()), send)

    async def log_in() -> httpx.Response:
        transport = httpx.ASGITransport(app=served)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            typed = {"username": "ann", "password": PASSWORD}
            return await client.post("/_timapp/login", json=typed)

    with closing(guard.site):
        answer = asyncio.run(log_in())
    assert (answer.status_code, answer.json()["username"]) == (200, "ann")
