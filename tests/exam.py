"""An exam on several servers, each with a database of its own, and a supervisor at another one."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.live import LiveServer, Place, live_server
from tests.places import places
from tests.site import Site, open_app

SECRET = "s3cr3t of all hosts"


@dataclass
class Exam:
    """The servers; each can be stopped and started again at its place."""

    urls: Sequence[str]
    places: Sequence[Place]
    #: The sites of the servers, as a process sees them that works on the same databases.
    sites: Sequence[Site]
    folder: Path
    servers: dict[int, LiveServer] = field(default_factory=dict)
    _running: dict[int, ExitStack] = field(default_factory=dict)

    def start(self, number: int, secret: str = SECRET) -> LiveServer:
        """Start a server that takes this secret."""
        running = ExitStack()
        self.servers[number] = running.enter_context(
            live_server(
                self.urls[number],
                self.folder / f"host {number}",
                place=self.places[number],
                DIST_RIGHTS_RECEIVE_SECRET=secret,
            )
        )
        self._running[number] = running
        return self.servers[number]

    def start_all(self) -> None:
        """Start the servers that do not run."""
        missing = [number for number in range(len(self.urls)) if number not in self.servers]
        with ThreadPoolExecutor() as pool:
            list(pool.map(self.start, missing))

    def stop(self, number: int) -> None:
        """Stop a server, if it runs."""
        self.servers.pop(number, None)
        running = self._running.pop(number, None)
        if running is not None:
            running.close()


@contextmanager
def exam_hosts(database_urls: Sequence[str], folder: Path) -> Iterator[Exam]:
    """Yield servers on the databases, each in a network of its own where the machine allows it.

    A person may have three active sessions on each.
    """
    with ExitStack() as stack:
        limit = {"SESSIONS_MAX_CONCURRENT_SESSIONS_PER_USER": 3}
        exam = Exam(
            database_urls,
            stack.enter_context(places(len(database_urls))),
            [Site(stack.enter_context(open_app(url, folder, **limit))) for url in database_urls],
            folder,
        )
        for number in range(len(database_urls)):
            stack.callback(exam.stop, number)
        exam.start_all()
        yield exam
