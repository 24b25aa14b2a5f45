"""The campaign: the leader is killed under load, again and again."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.databases import migrate
from tests.failover.cluster import PATIENCE, Cluster
from tests.storm.campaign import Scale, Storm, storm_on
from tests.storm.timing import Recovery
from tests.storm.verdict import Verdict
from timApp.config import database_url

#: Few, since nothing is learnt from more.
_SCALE = Scale(kills=0, desks=4)


@dataclass(frozen=True)
class Failover:
    """What came of one leader's death."""

    leader: str
    successor: str
    gap: Recovery
    verdict: Verdict
    #: Whether the server's processes are those of before.
    is_same_server: bool


@dataclass
class Hall:
    """A cluster, and a server under load on it."""

    cluster: Cluster
    storm: Storm

    def fail_over(self) -> Failover:
        """Kill the leader, wait for its successor, let it come back, and hold the ledger."""
        first, pid = len(self.storm.ledger.entries()), self.storm.stage.service.pid
        leader = self.cluster.leader()
        leader.kill()
        self.storm.timing.begin()
        gap = self.storm.timing.wait(PATIENCE)
        assert gap is not None, f"nobody is answered\n{self.cluster.logs()}"
        successor = self.cluster.leader()
        leader.patroni.start()
        self.cluster.wait_until_whole()
        service = self.storm.stage.service
        return Failover(
            leader.name,
            successor.name,
            gap,
            self.storm.hold(first),
            service.is_running and service.pid == pid,
        )


@contextmanager
def hall(patroni: str) -> Iterator[Hall]:
    """Yield a cluster with a server under load; `patroni` is the program of that name."""
    with tempfile.TemporaryDirectory(prefix="timapp-failover-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        for part in ("cluster", "server"):
            (folder / part).mkdir()
        cluster = Cluster(patroni, folder / "cluster")
        try:
            cluster.start()
            given = cluster.database_url()
            url = database_url({"DATABASE_URL": given})
            migrate(url)
            place = folder / "server"
            with storm_on(url, "PostgreSQL", place, _SCALE, DATABASE_URL=given) as storm:
                yield Hall(cluster, storm)
        except BaseException as error:
            error.add_note(cluster.logs())
            raise
        finally:
            cluster.stop()
