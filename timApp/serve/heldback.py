"""Answers that are held back for a moment, without a thread that waits."""

from collections.abc import Callable
from typing import Any, Protocol

from timApp.serve.http.message import Answer, Exchange, Request, Stream

#: Seconds for which whoever has guessed too often waits for being told so. Programs that try again
#: at once would otherwise take the cores for which right passwords wait.
HOLD = 1.0
_TOO_MANY = b"429"


class Loop(Protocol):
    """What is needed of asyncio's loop."""

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any) -> object:
        """Make a call after so many seconds; in the loop's own thread."""

    def call_soon_threadsafe(self, callback: Callable[..., object], *args: Any) -> object:
        """Make a call soon; from any thread."""


class HeldBack:
    """An exchange in which the answer 429 is written a moment later; all others are as ever."""

    def __init__(self, exchange: Exchange, loop: Loop) -> None:
        self.request: Request = exchange.request
        self._exchange = exchange
        self._loop = loop

    @property
    def is_wanted(self) -> bool:
        """Whether somebody waits for the answer; see `timApp.serve.http.message.Exchange`."""
        return self._exchange.is_wanted

    def answer(self, answer: Answer) -> None:
        """Write the answer; in the front's own thread."""
        if answer.status.startswith(_TOO_MANY):
            self._loop.call_later(HOLD, self._exchange.answer, answer)
        else:
            self._exchange.answer(answer)

    def answer_soon(self, answer: Answer) -> None:
        """Write the answer; from any other thread."""
        if answer.status.startswith(_TOO_MANY):
            self._loop.call_soon_threadsafe(self.answer, answer)
        else:
            self._exchange.answer_soon(answer)

    def stream(self, head: Answer) -> Stream:
        """Write the head of an answer, and return what writes the rest; from another thread."""
        return self._exchange.stream(head)
