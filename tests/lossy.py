"""A network between browsers and a server that loses answers, or takes its time."""

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

_BLOCK = 65_536


class LossyNetwork:
    """Passes on what browsers and a server on 127.0.0.1 say, and loses answers when it is told to.

    An answer is lost when the server has begun to give it: what was asked is done by then.
    """

    def __init__(self, port: int) -> None:
        self._server_port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        #: How many answers to requests that begin like this are yet to be lost.
        self.to_lose = {b"POST /login": 0}
        self.lost = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Let nobody connect any more."""
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):  # it is closed
            while True:
                browser, _ = self._listener.accept()
                threading.Thread(target=self._pass_on, args=(browser,), daemon=True).start()

    def _pass_on(self, browser: socket.socket) -> None:
        asked = b""
        with (
            browser,
            socket.create_connection(("127.0.0.1", self._server_port)) as server,
            suppress(OSError),
        ):
            while True:
                for end in select.select([browser, server], [], [])[0]:
                    said = end.recv(_BLOCK)
                    if not said:
                        return
                    if end is browser:
                        asked = said if said.split(b" ", 1)[0] in {b"GET", b"POST"} else asked
                        server.sendall(said)
                    elif self._is_lost(asked):
                        return
                    else:
                        browser.sendall(said)

    def _is_lost(self, asked: bytes) -> bool:
        for beginning, left in self.to_lose.items():
            if left and asked.startswith(beginning):
                self.to_lose[beginning] -= 1
                self.lost += 1
                return True
        return False


@contextmanager
def lossy_network(port: int) -> Iterator[LossyNetwork]:
    """Yield a network in front of the server at a port."""
    with closing(LossyNetwork(port)) as network:
        yield network
