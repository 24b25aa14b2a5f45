"""The address that the server is to serve on, and whether it can."""

import errno
import socket
from dataclasses import dataclass
from ipaddress import ip_address

from timApp.util.errors import TimError


@dataclass(frozen=True)
class Address:
    """A host, as it was given and as a number, and a port."""

    host: str
    family: socket.AddressFamily
    number: str
    port: int

    @classmethod
    def of(cls, host: str, port: int) -> "Address":
        """Look the host up; `TimError` if it is not known."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        except (socket.gaierror, UnicodeError):
            found = []
        for family, _, _, _, place in found:
            number = str(place[0])
            if family in {socket.AF_INET, socket.AF_INET6} and "%" not in number:
                return cls(host, family, number, port)
        msg = f"the host {host!r} is not known; choose another with --host."
        raise TimError(msg)

    @property
    def is_every(self) -> bool:
        """Whether it stands for all addresses of the machine."""
        return ip_address(self.number).is_unspecified

    @property
    def url(self) -> str:
        """The base URL; for all addresses of the machine, that by which others reach it."""
        host = _own_address() if self.is_every else self.host
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    def check_free(self) -> None:
        """Raise `TimError` if the server could not have the port for itself.

        The server's own sockets share theirs with those of other servers of the same person, and
        would not notice.
        """
        with socket.socket(self.family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.number, self.port))
                probe.listen(1)
            except OSError as error:
                raise TimError(self._problem(error)) from error

    def _problem(self, error: OSError) -> str:
        match error.errno:
            case errno.EADDRINUSE:
                return f"port {self.port} on {self.host} is taken; choose another with --port."
            case errno.EACCES | errno.EPERM:
                return f"port {self.port} needs special rights; choose one above 1023 with --port."
            case errno.EADDRNOTAVAIL | errno.EAFNOSUPPORT:
                return f"{self.host} is no address of this machine; choose another with --host."
        return f"cannot serve on port {self.port} of {self.host}: {error.strerror or error}."


def _own_address() -> str:
    """Return the address from which the machine reaches others, or its own for itself alone."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Chooses the way, and sends nothing. Source: RFC 5737, of addresses that nobody has.
            probe.connect(("192.0.2.1", 9))
        except OSError:  # no network
            return "127.0.0.1"
        return str(probe.getsockname()[0])
