"""The real server in processes of its own, and browsers that talk HTTP to it."""

import json
import os
import random
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.message import Message
from http.cookiejar import CookieJar
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, TypeVar
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, ProxyHandler, Request, build_opener

from tests.forked import started
from tests.site import PASSWORD

#: Seconds until a test gives up on a server that neither answers nor ends.
PATIENCE = 60
#: Seconds between two looks at what another process does.
_INTERVAL = 0.05
#: Where the project is; processes run there.
PROJECT = Path(__file__).parent.parent
_PORTS = range(20_000, 32_000)
#: The address at which ports are taken, and those that this process has taken there.
_CLAIMS = "127.7.7.7"
_claims: list[socket.socket] = []
_Result = TypeVar("_Result")
_PAGE = "text/html,*/*;q=0.8"


@dataclass(frozen=True)
class Answer:
    """An answer to a request, read to its end."""

    status: int
    headers: Message
    body: bytes
    #: Where it came from, behind redirects.
    url: str

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class LiveBrowser:
    """One cookie jar that talks HTTP to a server, over a new connection for each request."""

    def __init__(self, base_url: str, user_agent: str = "Firefox") -> None:
        self.base_url = base_url
        self.session_id = ""
        self.csrf_token = ""
        self._user_agent = user_agent
        self.cookies = CookieJar()
        self._opener = direct_opener(self.cookies)

    def log_in(self, username: str, password: str = PASSWORD) -> Answer:
        """Log in as an API caller does."""
        answer = self.post("/login", {"username": username, "password": password})
        if answer.status == 200:
            self.session_id = answer.json["sessionId"]
            self.csrf_token = answer.json["csrfToken"]
        return answer

    def get(self, path: str) -> Answer:
        """Ask for a page as an API caller does."""
        return self._ask(Request(self.base_url + path))

    def get_page(self, path: str) -> Answer:
        """Ask for a page as a person's browser does; redirects are followed."""
        return self._ask(Request(self.base_url + path, headers={"Accept": _PAGE}))

    def post(self, path: str, content: object = None) -> Answer:
        """Change something with JSON, the cookie and the CSRF token, if there is one."""
        headers = {"Content-Type": "application/json"}
        if self.csrf_token:
            headers["X-CSRFToken"] = self.csrf_token
        data = json.dumps({} if content is None else content).encode()
        return self._ask(Request(self.base_url + path, data, headers))

    def submit(self, path: str, fields: Mapping[str, str]) -> Answer:
        """Submit a form as a person's browser does; redirects are followed."""
        data = urlencode(fields).encode()
        return self._ask(Request(self.base_url + path, data, {"Accept": _PAGE}))

    def cookie_header(self) -> str:
        """Return the cookies as a header of a request."""
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.cookies)

    def _ask(self, request: Request) -> Answer:
        request.add_header("User-Agent", self._user_agent)
        try:
            response = self._opener.open(request, timeout=PATIENCE)
        except HTTPError as error:  # an answer, too
            response = error
        with response:
            return Answer(response.status, response.headers, response.read(), response.url)


def direct_opener(cookies: CookieJar) -> OpenerDirector:
    """Return what opens addresses with these cookies, and without a proxy."""
    return build_opener(ProxyHandler({}), HTTPCookieProcessor(cookies))


def eventually(attempt: Callable[[], _Result | None], seconds: float = PATIENCE) -> _Result:
    """Return the first result that is not None, of what other processes work on."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        result = attempt()
        if result is not None:
            return result
        time.sleep(_INTERVAL)  # between two looks
    msg = "It did not happen in time."
    raise AssertionError(msg)


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody serves on, and that nobody else is given.

    Whoever is given one has it until this process ends, though they may use it late: it is taken
    at another address, where each process of the tests looks. The ports are below those that
    the system gives to whoever connects.
    """
    for port in random.sample(_PORTS, len(_PORTS)):
        claim = socket.socket()
        try:
            claim.bind((_CLAIMS, port))
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:  # somebody has it
            claim.close()
            continue
        _claims.append(claim)
        return port
    msg = "There is no free port."
    raise AssertionError(msg)


@dataclass(frozen=True)
class Place:
    """Where a server runs: its address, and its network namespace, if it has one of its own."""

    address: str
    port: int
    network: Path | None = None

    @property
    def url(self) -> str:
        """The base URL of a server there."""
        return f"http://{self.address}:{self.port}"


@dataclass(frozen=True)
class LiveServer:
    """A running server."""

    url: str
    port: int
    pid: int

    def send(self, number: signal.Signals) -> None:
        """Send a signal to all processes of the server."""
        os.killpg(self.pid, number)

    def browser(self, user_agent: str = "Firefox") -> LiveBrowser:
        """Return a new browser that nobody is logged in with."""
        return LiveBrowser(self.url, user_agent)

    def logged_in(self, username: str, user_agent: str = "Firefox") -> LiveBrowser:
        """Return a new browser that the user has logged in with."""
        browser = self.browser(user_agent)
        assert browser.log_in(username).status == 200
        return browser


@contextmanager
def live_server(
    database_url: str,
    folder: Path,
    *,
    workers: int = 1,
    port: int | None = None,
    place: Place | None = None,
    may_be_killed: bool = False,
    **options: object,
) -> Iterator[LiveServer]:
    """Yield `timapp run` on a migrated database, once it answers; stop it with SIGTERM.

    `options` are the site's options, given in the environment, SITE_URL by itself; it runs at the
    `place`, by default a `port` of 127.0.0.1, and by default a free one. It must end with 0 within
    `PATIENCE`, unless the test has killed it, and must have written no traceback to its log.
    """
    folder.mkdir(parents=True, exist_ok=True)
    place = place or Place("127.0.0.1", port or free_port())
    log = folder / f"server-{place.port}.log"
    environment = environment_of(database_url, folder, {"SITE_URL": place.url, **options})
    with _process(environment, place, workers, log) as process:
        try:
            server = LiveServer(place.url, place.port, _pid_of(process))
            _wait_until_it_answers(server, process)
            yield server
            with suppress(ProcessLookupError):  # it has ended before
                os.kill(server.pid, signal.SIGTERM)
            process.join(PATIENCE)
            code = process.exitcode
            if may_be_killed and code == -signal.SIGKILL:
                return
            written = log.read_text()
            assert code == 0, f"ended with {code}"
            assert "Traceback" not in written, "wrote a traceback"
        except BaseException as error:
            error.add_note(f"The log of the server:\n{log.read_text()}")
            raise


def environment_of(
    database_url: str, folder: Path, options: Mapping[str, object]
) -> dict[str, str]:
    """Return the environment of a process that works on the site with these options."""
    chosen: dict[str, object] = {
        "DATABASE_URL": database_url,
        "INSTANCE_PATH": str(folder),
        "SECRET_KEY": "a key for the tests",
        **options,
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TIM_")}
    return kept | {
        f"TIM_{name}": value if isinstance(value, str) else json.dumps(value)
        for name, value in chosen.items()
    }


@contextmanager
def _process(
    environment: dict[str, str], place: Place, workers: int, log: Path
) -> Iterator[ForkServerProcess]:
    """Yield the process; whatever is left of it in the end is killed, its workers included."""
    words = ["run", "--host", place.address, "--port", str(place.port), "--workers", str(workers)]
    log.write_bytes(b"")  # there is one, however early it ends
    process = started(words, environment, PROJECT, log, network=place.network)
    try:
        yield process
    finally:
        if process.exitcode is None:
            os.killpg(_pid_of(process), signal.SIGKILL)
            process.join()
        process.close()


def _pid_of(process: ForkServerProcess) -> int:
    assert process.pid is not None  # it was started
    return process.pid


def _wait_until_it_answers(server: LiveServer, process: ForkServerProcess) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            if server.browser().get("/login").status == 200:
                return
        except (URLError, ConnectionError, TimeoutError):
            pass  # nobody listens yet
        process.join(_INTERVAL)  # a wait that also notices when the server ends instead
        if process.exitcode is not None:
            msg = f"The server ended with {process.exitcode} before it answered."
            raise AssertionError(msg)
    msg = f"The server has not answered within {PATIENCE} s."
    raise AssertionError(msg)
