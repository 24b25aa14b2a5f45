"""Guards any ASGI program: HTTP and websockets."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from io import BytesIO
from typing import Any, Unpack, cast

from a2wsgi import WSGIMiddleware

from timApp.embed.site import (
    OUR_LOGIN,
    Answer,
    EmbeddedSite,
    Environ,
    Headers,
    OurLogin,
    Paths,
    is_settled,
)
from timApp.request.environ import add_headers
from timApp.user.people import Identity

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Program = Callable[[Scope, Receive, Send], Awaitable[None]]
#: Whom the program takes the sender of a request for.
Who = Callable[[Scope], Identity | None]

#: Pages that are made at a time; an export is made for as long as the client takes it.
_PAGES = 40
#: Where a page finds the scope of its request, whose head is made into an environment here alone.
_SCOPE = "timapp.scope"
#: Why a handshake is refused: RFC 6455, 7.4.1, a policy is violated.
_FORBIDDEN = 1008


class Guarded:
    """An ASGI program, which only those reach whose session is valid; `site` is what guards it.

    Put it inside of what knows who asks, so that `who` can read it from the scope.
    """

    def __init__(
        self,
        app: Program,
        who: Who | None = None,
        options: Mapping[str, object] | None = None,
        **paths: Unpack[Paths],
    ) -> None:
        """`who` says whom the program takes the sender of a request for, by its scope.

        Without it, people log in at timApp's own page, and ``scope["timapp_name"]`` says who they
        are. `options` and `paths` are as in `timApp.embed.site.EmbeddedSite`.
        """
        self.site = EmbeddedSite(options, **paths)
        self._app = app
        self._has_login = who is not None
        self._who: Callable[[Scope], Identity | OurLogin | None] = who or (lambda _: OUR_LOGIN)
        self._pages = WSGIMiddleware(cast(Any, self._page), workers=_PAGES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request or a handshake: the page, the blocked page, or what the program does."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
        elif scope["type"] == "http" and self.site.is_page(_path_of(scope)):
            bare = {**scope, "query_string": b"", "headers": [], _SCOPE: scope}

            async def receive_from() -> Message:
                """Make a coroutine of what may be awaited in another way, as granian's may."""
                return await receive()

            await self._pages(cast(Any, bare), cast(Any, receive_from), cast(Any, send))
        else:
            await self._guard(scope, receive, send)

    def _page(self, environ: Environ, start_response: Any) -> Any:
        whole = _environ(environ["asgi.scope"][_SCOPE])
        whole["wsgi.input"] = environ["wsgi.input"]
        return self.site.pages(whole, start_response, has_login=self._has_login)

    async def _guard(self, scope: Scope, receive: Receive, send: Send) -> None:
        environ = _environ(scope)
        look = await asyncio.to_thread(self.site.look, environ, self._who(scope))
        if look.answer is not None:
            await _refuse(scope, receive, send, look.answer)
            return
        scope["timapp_name"] = look.name

        async def send_on(message: Message) -> None:
            if message["type"] in {"http.response.start", "websocket.accept"}:
                cookies, identity = look.cookies, self._who(scope)
                if not is_settled(look, identity):  # mostly it is, and no thread is needed
                    again = self.site.look_again
                    cookies = await asyncio.to_thread(again, environ, look, identity)
                message["headers"] = [*message.get("headers", ()), *_as_bytes(cookies)]
            await send(message)

        await self._app(scope, receive, send_on)


async def _refuse(scope: Scope, receive: Receive, send: Send, answer: Answer) -> None:
    """Answer in the place of the program; a handshake is refused with 403."""
    if scope["type"] == "websocket":
        await receive()  # that it would be opened
        await send({"type": "websocket.close", "code": _FORBIDDEN})
        return
    start = {"type": "http.response.start", "status": int(answer.status[:3])}
    await send(start | {"headers": _as_bytes(answer.headers)})
    await send({"type": "http.response.body", "body": answer.body})


def _path_of(scope: Scope) -> str:
    """Return the path without what the program is mounted below."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    return path.removeprefix(root) if root and path.startswith(f"{root}/") else path


def _as_bytes(headers: Headers) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]


def _environ(scope: Scope) -> Environ:
    """Return the head of a request as WSGI has it."""
    host, port = scope.get("server") or ("localhost", 80)
    environ: Environ = {
        "REQUEST_METHOD": scope.get("method", "GET"),
        "SCRIPT_NAME": scope.get("root_path", "").encode().decode("latin-1"),
        "PATH_INFO": _path_of(scope).encode().decode("latin-1"),
        "QUERY_STRING": scope.get("query_string", b"").decode("latin-1"),
        "SERVER_NAME": host,
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": f"HTTP/{scope.get('http_version', '1.1')}",
        "REMOTE_ADDR": (scope.get("client") or ("",))[0],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": {"ws": "http", "wss": "https"}.get(scope["scheme"], scope["scheme"]),
        "wsgi.input": BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    headers = [(name.lower(), value) for name, value in scope["headers"]]
    add_headers(environ, headers)
    # How a body comes is told by the server in these alone.
    for name, value in headers:
        if name == b"content-length":
            environ["CONTENT_LENGTH"] = value.decode("latin-1")
        elif name == b"transfer-encoding":
            environ["HTTP_TRANSFER_ENCODING"] = value.decode("latin-1")
    environ["wsgi.input_terminated"] = "CONTENT_LENGTH" not in environ
    return environ
