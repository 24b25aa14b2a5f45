"""How much there is to do in a worker, written where all workers are added up."""

from timApp.serve.crew import Crew
from timApp.serve.http.connections import Connections
from timApp.user.hashing import hashes_queued
from timApp.util.measures import CONNECTIONS, HASHES, IN_FLIGHT, QUEUED, TURNS
from timApp.util.tally import Tally


class Gauges:
    """Those of a worker; for the loop's thread."""

    def __init__(self, tally: Tally, connections: Connections, crews: tuple[Crew, ...]) -> None:
        self._tally = tally
        self._connections = connections
        # And how many turns of each were counted.
        self._crews = dict.fromkeys(crews, 0)

    def write(self) -> None:
        """Write down how it stands now; to be called now and then."""
        tally = self._tally
        tally.put(IN_FLIGHT.key(), self._connections.journal.in_flight)
        tally.put(CONNECTIONS.key(), len(self._connections))
        tally.put(HASHES.key(), hashes_queued())
        for crew, counted in self._crews.items():
            taken = crew.taken
            tally.count(TURNS.key(crew.name), taken - counted)
            tally.put(QUEUED.key(crew.name), crew.queued)
            self._crews[crew] = taken
