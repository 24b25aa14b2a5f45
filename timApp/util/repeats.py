"""What happens to many at once, and is told once in a while."""

import time
from threading import Lock

#: Seconds between two times that the same is told.
PAUSE = 10.0
#: How many different things are known at a time; beyond that, all is forgotten and told anew.
_KNOWN_MAX = 100


class Repeats:
    """Counts what is the same, so that a log has a line where a thousand people met it."""

    def __init__(self, pause: float = PAUSE, who: str = "requests") -> None:
        """`who` is what meets it."""
        self._pause = pause
        self._who = who
        self._mutex = Lock()
        # When each was told, and how often it has happened since then.
        self._told: dict[str, tuple[float, int]] = {}

    def to_tell(self, what: str, times: int = 1) -> str | None:
        """Note that it happened once more, or so many times at once.

        If it is to be told now, return what a line of the log adds to it: how many have met it
        since it was told, this time not counted. Otherwise None.
        """
        now = time.monotonic()
        with self._mutex:
            told_at, since = self._told.get(what, (None, 0))
            if told_at is not None and now - told_at < self._pause:
                self._told[what] = (told_at, since + times)
                return None
            if len(self._told) >= _KNOWN_MAX:
                self._told.clear()
            self._told[what] = (now, 0)
            untold = since + times - 1
        return f" ({untold} more {self._who} met this since it was last told)" if untold else ""
