"""Asks a server of timApp from a program: `Client`, and `AsyncClient` for asyncio.

::

    from timApp.client import Client

    with Client("https://exam.example.org", token="timapp_...") as site:
        for session in site.sessions(state="active"):
            print(session.user, session.origin)
        site.verify("alice")

A token is made at *Tokens of programs*, or with `timapp token add`.
"""

from timApp.client.answers import Change, Session
from timApp.client.client import AsyncClient, Client
from timApp.client.errors import ApiError, Refused, Unreachable

__all__ = ["ApiError", "AsyncClient", "Change", "Client", "Refused", "Session", "Unreachable"]
