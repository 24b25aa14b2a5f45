"""Places where servers run: each in a network of its own, as on a machine of its own, if it may be.

Network namespaces need Linux, `ip` and the rights of root; without them the places are ports of
127.0.0.1.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.live import Place, free_port

_PORT = 5000
#: Where `ip` keeps the networks that it has named.
_NETWORKS = Path("/run/netns")


@contextmanager
def places(number: int) -> Iterator[list[Place]]:
    """Yield so many places that reach each other, and that this process reaches."""
    if not _may_make_networks():
        yield [Place("127.0.0.1", free_port()) for _ in range(number)]
        return
    # Names and addresses are of this process alone; these addresses are for tests (RFC 2544).
    process = os.getpid() % 65536
    bridge, network = f"tim{process}", f"198.{18 + process % 2}.{process // 2 % 256}"
    with ExitStack() as stack:
        _ip("link", "add", bridge, "type", "bridge")
        stack.callback(_ip, "link", "delete", bridge)
        _ip("address", "add", f"{network}.1/24", "dev", bridge)
        _ip("link", "set", bridge, "up")
        found = []
        for index in range(number):
            name, address = f"{bridge}-{index}", f"{network}.{index + 2}"
            _ip("netns", "add", name)
            stack.callback(_ip, "netns", "delete", name)
            _ip("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
            _ip("link", "set", name, "master", bridge, "up")
            _ip("-n", name, "address", "add", f"{address}/24", "dev", "eth0")
            for device in ("lo", "eth0"):
                _ip("-n", name, "link", "set", device, "up")
            found.append(Place(address, _PORT, _NETWORKS / name))
        yield found


def _may_make_networks() -> bool:
    if shutil.which("ip") is None:
        return False
    name = f"tim{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False)
    if made.returncode == 0:
        _ip("netns", "delete", name)
    return made.returncode == 0


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
