"""A FastAPI application that is guarded: people log in at timApp's page."""

from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request, WebSocket

from timApp.embed.asgi import Guarded

api = FastAPI()


def current_name(request: Request) -> Any:
    """Return who is let in."""
    return request.scope["timapp_name"]


@api.get("/")
async def index(name: Annotated[str, Depends(current_name)]) -> dict[str, str]:
    """Greet whoever is let in."""
    return {"hello": name}


@api.websocket("/echo")
async def echo(socket: WebSocket) -> None:
    """Send back what is said once."""
    await socket.accept()
    await socket.send_text(await socket.receive_text())


app = Guarded(api)
