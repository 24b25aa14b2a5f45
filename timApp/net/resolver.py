"""Looks hosts' names up without letting a silent name server hold anybody up."""

import asyncio
import socket
from contextlib import suppress
from threading import Thread
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult


class PatientResolver(AbstractResolver):
    """Gives each look-up a thread of its own, which is left behind if nobody waits for it any more.

    asyncio's own look-ups share a few threads: some names that hang would hold up all the others,
    and its event loop does not end before they do.
    """

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of a host; `OSError` if its name is unknown."""
        loop = asyncio.get_running_loop()
        found: asyncio.Future[list[Any]] = loop.create_future()

        def settle(addresses: list[Any], error: OSError | None) -> None:
            if found.cancelled():
                return
            if error is not None:
                found.set_exception(error)
            else:
                found.set_result(addresses)

        def look_up() -> None:
            addresses: list[Any] = []
            failure = None
            try:
                addresses = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
            except OSError as error:
                failure = error
            with suppress(RuntimeError):  # the loop has ended, and nobody asks any more
                loop.call_soon_threadsafe(settle, addresses, failure)

        Thread(target=look_up, daemon=True, name=f"look up {host}").start()
        return [
            ResolveResult(
                hostname=host,
                host=str(address[0]),
                port=port,
                family=kind,
                proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for kind, _, protocol, _, address in await found
        ]

    async def close(self) -> None:
        """Do nothing: the threads end by themselves."""
