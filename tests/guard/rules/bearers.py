"""A little world of browsers that bear one cookie, and of the server that numbers it.

Time is played, and each request and answer takes its own. What the server reads for a request and
what it writes then are two moments, between which others read and write.
"""

import heapq
import random
from collections.abc import Callable
from itertools import count

from timApp.guard.rules.token import Ruling, Tokens, Use, judge, judge_rewrite

_ASKS, _READS, _WRITES, _ANSWERED = range(4)


class World:
    """One session, and whoever bears its cookie."""

    def __init__(self, seed: int, renewal: float = 60) -> None:
        self.random = random.Random(seed)  # noqa: S311 - it is a game
        self.renewal = renewal
        self.row = Tokens(since=0)
        self.now = 0.0
        self.requests = 0
        #: When a copy was noticed; None if none was.
        self.alarm_at: float | None = None
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()

    def at(self, moment: float, do: Callable[[], None]) -> None:
        """Let something happen at a moment."""
        heapq.heappush(self._events, (moment, next(self._numbers), do))

    def play(self, until: float) -> None:
        """Let happen what happens until then, or until a copy is noticed."""
        while self._events and self._events[0][0] <= until and self.alarm_at is None:
            self.now, _, do = heapq.heappop(self._events)
            do()

    def ask(self, bearer: "Bearer", *, rewrites: bool = False) -> None:
        """Send a request with the bearer's number; it arrives, is read, written and answered.

        With `rewrites` the answer sets the cookie for another reason, too: what that brings is
        looked up and written in one step.
        """
        token, network = bearer.token, bearer.network

        def read() -> None:
            self.requests += 1
            row, ruling = self.row, self._judged(judge, token)
            self.at(self.now + self.random.uniform(0, network.server), lambda: write(row, ruling))

        def write(row: Tokens, ruling: Ruling) -> None:
            is_free = row == self.row and self.random.random() > 0.05  # nobody has locked the row
            if ruling.after is not None and is_free:
                self.row = ruling.after
            sent = ruling.sent if is_free else None
            if rewrites and sent is None:
                ruling = self._judged(judge_rewrite, token)
                self.row = ruling.after or self.row
                sent = token if ruling.sent is None else ruling.sent
            if sent is not None and self.random.random() >= network.loss:
                self.at(self.now + self._time(network.answer), lambda: bearer.take(sent))

        self.at(self.now + self._time(network.request), read)

    def _judged(self, rule: Callable[[int, Tokens, float, float], Ruling], token: int) -> Ruling:
        ruling = rule(token, self.row, int(self.now), self.renewal)
        if ruling.use is Use.COPY:
            self.alarm_at = self.now
        return ruling

    def _time(self, longest: float) -> float:
        """Return how long something takes: mostly little, and sometimes as long as can be."""
        return longest * self.random.random() ** 6


class Network:
    """How long a request, the server and an answer take at most, in seconds; how much is lost."""

    def __init__(
        self, request: float = 4, server: float = 2, answer: float = 4, loss: float = 0.0
    ) -> None:
        self.request, self.server, self.answer, self.loss = request, server, answer, loss


class Bearer:
    """A browser, with the number in its cookie."""

    def __init__(self, world: World, network: Network, token: int = 0) -> None:
        self.world, self.network, self.token = world, network, token
        self.takes_cookies = True

    def take(self, token: int) -> None:
        """Take the cookie of an answer."""
        if self.takes_cookies:
            self.token = token

    def ask_in(self, wait: Callable[[], float], burst: int = 1, rewriting: float = 0.0) -> None:
        """Ask again and again, each time after a wait, with so many requests at once at most."""
        world = self.world

        def ask() -> None:
            for _ in range(world.random.randint(1, burst)):
                world.ask(self, rewrites=world.random.random() < rewriting)
            world.at(world.now + wait(), ask)

        world.at(world.now + wait(), ask)
