"""What one client may take of the server."""

import resource
from dataclasses import dataclass

from timApp.util.limits import ADDRESS_MAX, HEADERS_MAX

#: Connections of one process, if it may open as many files. Browsers keep theirs while a page is
#: shown, so a hall of a thousand blocked pages needs a thousand.
_CONNECTIONS = 8192
#: Files that a process opens for other things, the database above all.
_OTHER_FILES = 512


def connections_here() -> int:
    """Return how many connections a process takes, by the files that the system lets it open."""
    return connections_for(resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def connections_for(open_files: int) -> int:
    """Return how many connections a process takes that may open so many files; -1 for any number.

    The others are for the database, without which no connection is of any use.
    """
    if open_files < 0:
        return _CONNECTIONS
    return min(_CONNECTIONS, max(open_files - _OTHER_FILES, open_files // 2))


@dataclass(frozen=True)
class Limits:
    """Limits of connections and of what comes over them; times in seconds."""

    #: From the first byte of a request to its last.
    request: float
    #: Bytes of a body, but for large ones, which few addresses take.
    body_bytes: int
    #: Connections of one address; None for any number.
    connections_of_address: int | None
    #: How long a connection is kept between requests.
    idle: float = 75.0
    #: In which a client must take some of an answer.
    stalled: float = 30.0
    #: That a client has to read why it was refused while it still sends.
    lingering: float = 2.0
    #: Bytes and lines of a head, and bytes of its path and query together.
    head_bytes: int = 65_536
    head_lines: int = HEADERS_MAX
    target_bytes: int = ADDRESS_MAX
    #: Connections of one process. For one more, the one that is idle longest goes.
    connections: int = _CONNECTIONS
    #: Pieces in which a body comes, chunks or packets; each takes a while.
    body_parts: int = 16_384
    #: Bytes of requests that one process keeps, of all clients together; beyond that, whoever has
    #: sent more than a little is turned away.
    held_bytes: int = 67_108_864
    little_bytes: int = 8192
    #: Bytes of a stream that are made before the client has taken those before them.
    ahead_bytes: int = 262_144
    #: Bytes of large bodies that one process takes at a time; it is less than what it keeps of all
    #: requests, so that there is room left for others.
    large_bytes: int = 41_943_040
    #: Bytes a second with which a large body comes at least, beside the time of any request.
    large_rate: int = 131_072
    #: Requests that a client may send on before the first of them is answered.
    pipelined: int = 16
