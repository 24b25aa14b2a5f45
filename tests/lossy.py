"""What stands between two who talk over TCP, and loses answers when it is told to."""

import select
import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

_BLOCK = 65_536


class Relay(ABC):
    """Passes on what clients and a server say, and breaks off in place of an answer that is lost.

    The server has done by then what it was asked for.
    """

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Let nobody connect any more."""
        self._listener.close()

    @abstractmethod
    def connect(self) -> socket.socket:
        """Return a new connection to the server."""

    @abstractmethod
    def is_lost(self, asked: bytes, answer: bytes) -> bool:
        """Tell whether an answer is to be lost; `asked` is what it answers."""

    def _accept(self) -> None:
        with suppress(OSError):  # it is closed
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        asked = b""
        with client, suppress(OSError), self.connect() as server:
            while True:
                for end in select.select([client, server], [], [])[0]:
                    said = end.recv(_BLOCK)
                    if not said:
                        return
                    if end is client:
                        asked += said
                        server.sendall(said)
                    elif self.is_lost(asked, said):
                        return
                    else:
                        asked = b""
                        client.sendall(said)


class LossyNetwork(Relay):
    """A network between browsers and a server on 127.0.0.1."""

    def __init__(self, port: int) -> None:
        self._server_port = port
        #: How many answers to requests that begin like this are yet to be lost.
        self.to_lose = {b"POST /login": 0}
        self.lost = 0
        super().__init__()

    def connect(self) -> socket.socket:
        """Return a new connection to the server."""
        return socket.create_connection(("127.0.0.1", self._server_port))

    def is_lost(self, asked: bytes, answer: bytes) -> bool:  # noqa: ARG002
        """Tell whether the answer is one of those that are to be lost."""
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
