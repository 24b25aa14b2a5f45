"""What a connection to SQLite tries while it waits."""

from typing import Any

#: Tries after which it is sure that a connection waits.
SEVERAL = 3


def traced(driver: Any) -> list[str]:
    """Return a list that is appended each statement of the connection, whenever it is tried."""
    tries: list[str] = []
    driver.set_trace_callback(tries.append)
    return tries
