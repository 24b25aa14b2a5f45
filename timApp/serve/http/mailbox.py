"""What other threads have for the loop's thread."""

import asyncio
from collections import deque
from collections.abc import Callable


class Mailbox:
    """Calls that the loop makes soon. Those that come together wake it once."""

    def __init__(self, loop: asyncio.AbstractEventLoop, rest: Callable[[], None]) -> None:
        """Take the loop, and what is called whenever all calls were made: it may wait a moment."""
        self.loop = loop
        self._rest = rest
        self._calls: deque[Callable[[], None]] = deque()
        self._is_woken = False

    def post(self, call: Callable[[], None]) -> None:
        """Let the loop make a call; from any thread."""
        self._calls.append(call)
        if not self._is_woken:
            self._is_woken = True
            self.loop.call_soon_threadsafe(self._deliver)

    def _deliver(self) -> None:
        self._is_woken = False  # first, so that what comes from here on wakes the loop again
        while self._calls:
            self._calls.popleft()()
        self.loop.call_soon(self._rest)
