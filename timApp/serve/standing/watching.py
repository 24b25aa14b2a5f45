"""What the loop waits for by itself."""

import asyncio
from collections.abc import Callable
from typing import Protocol

#: Seconds that it does so: whatever takes longer is for a thread, which gives up some time.
_IN_LOOP = 0.05


class Steps(Protocol):
    """Something that goes on whenever something can be read."""

    def fileno(self) -> int:
        """Return from what."""

    def go_on(self) -> bool:
        """Go as far as it goes without waiting; return whether it is over."""


def watch(loop: asyncio.AbstractEventLoop, steps: Steps, ended: Callable[[bool], None]) -> None:
    """Let steps go on until they are over, and say so; or that they are not, if it takes long."""
    if steps.go_on():
        ended(True)
        return
    number = steps.fileno()

    def leave(*, is_over: bool) -> None:
        loop.remove_reader(number)
        timer.cancel()
        ended(is_over)

    def go_on() -> None:
        if steps.go_on():
            leave(is_over=True)

    loop.add_reader(number, go_on)
    timer = loop.call_later(_IN_LOOP, lambda: leave(is_over=False))
