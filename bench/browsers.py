"""Browsers that keep their cookies from one load to the next."""

from collections.abc import Mapping, Sequence

from bench.http import get, with_cookie
from bench.load import Load, Outcome, outcome_of_load

_NONE: Mapping[str, str] = {}


class Browsers:
    """Each sends the cookie that it was given last, whichever page it asks for."""

    def __init__(self, cookies: Sequence[str]) -> None:
        self._cookies = [cookie.encode() for cookie in cookies]

    @property
    def cookies(self) -> list[str]:
        """What each sends next."""
        return [cookie.decode() for cookie in self._cookies]

    def requests(self, path: str, headers: Mapping[str, str] = _NONE) -> list[bytes]:
        """Return a request of each browser for a page, with these headers besides."""
        plain = get(path, "none", headers=headers)
        return [with_cookie(plain, cookie) for cookie in self._cookies]

    def as_fast_as_it_goes(
        self,
        port: int,
        path: str,
        seconds: float,
        connections: int,
        headers: Mapping[str, str] = _NONE,
    ) -> Load:
        """Return the load of asking for a page, in turn, over all connections without pause."""
        return Load(port, self._texts(path, headers), seconds, connections)

    def at_a_rate(self, port: int, path: str, seconds: float, rate: float) -> Load:
        """Return the load of so many requests a second for a page, in turn."""
        return Load(port, self._texts(path), seconds, connections=0, rate=rate)

    def rate(
        self,
        port: int,
        path: str,
        seconds: float,
        connections: int,
        headers: Mapping[str, str] = _NONE,
    ) -> float:
        """Return how many requests a second were answered of `as_fast_as_it_goes`."""
        load = self.as_fast_as_it_goes(port, path, seconds, connections, headers)
        outcome = outcome_of_load(load)
        self.keep(outcome)
        return outcome.rate

    def keep(self, outcome: Outcome) -> None:
        """Keep the cookies that came with the answers to such a load."""
        self._cookies = [
            line.removeprefix("Cookie: ").encode()
            for request in outcome.requests
            for line in request.split("\r\n")
            if line.startswith("Cookie: ")
        ]

    def _texts(self, path: str, headers: Mapping[str, str] = _NONE) -> list[str]:
        return [request.decode() for request in self.requests(path, headers)]
