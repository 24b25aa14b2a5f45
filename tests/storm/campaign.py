"""The campaign: kills of one kind under load, and the ledger held against the database."""

import random
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import reduce
from itertools import count
from operator import add
from pathlib import Path
from threading import Thread

import pytest
import sqlalchemy as sa

from tests.databases import SQLiteDatabases
from tests.live import environment_of, eventually
from tests.shortcuts import OneHashHasher
from tests.site import PASSWORD, Site, open_app
from tests.storm.books import Books, read_books
from tests.storm.desk import Desk, Staff, staff_of
from tests.storm.kills import Kill, Stage, restart_if_ended
from tests.storm.ledger import Ledger
from tests.storm.postgres import OwnPostgreSQL
from tests.storm.service import Service
from tests.storm.timing import PATIENCE, Cuts, Recovery, Timing
from tests.storm.verdict import Verdict, hold
from timApp.user import password

#: Kills from one look at the database to the next.
_ROUND = 5
#: Kills before a campaign goes on with a new database.
_OF_A_DATABASE = 25
_numbers = count()


@dataclass(frozen=True)
class Scale:
    """How large the campaign is."""

    kills: int
    desks: int = 6
    students: int = 4
    workers: int = 2
    #: Acts that are acknowledged between a recovery and the next kill: at least, and at most.
    acts: tuple[int, int] = (5, 40)
    #: Seconds that a server is given to help itself.
    patience: float = 15


@dataclass
class Outcome:
    """What came of the kills of one kind on one database."""

    kind: str
    database: str
    kills: int
    verdict: Verdict
    recoveries: list[Recovery] = field(default_factory=list)
    helped: int = 0
    #: Kills after which some desk was not answered again.
    unanswered: int = 0

    def __add__(self, other: "Outcome") -> "Outcome":
        """Return what came of the kills of one kind on two databases."""
        return Outcome(
            self.kind,
            self.database,
            self.kills + other.kills,
            self.verdict + other.verdict,
            [*self.recoveries, *other.recoveries],
            self.helped + other.helped,
            self.unanswered + other.unanswered,
        )


@dataclass
class Storm:
    """A server under load on one database, and the ledger of those who act."""

    stage: Stage
    database: str
    database_url: str
    ledger: Ledger
    timing: Timing
    unlimited: Sequence[str]
    acts: tuple[int, int]

    def run(self, kind: str, kill: Kill, kills: int) -> Outcome:
        """Kill so many times; after each, wait until all desks are answered again."""
        first, helped = len(self.ledger.entries()), self.stage.helped
        outcome = Outcome(kind, self.database, kills, self.hold())
        for number in range(kills):
            self.timing.wait_for(self.stage.chance.randint(*self.acts))
            kill(self.stage)
            restart_if_ended(self.stage)
            recovery = self._recovered()
            if recovery is None:
                outcome.unanswered += 1
            else:
                outcome.recoveries.append(recovery)
            if (number + 1) % _ROUND == 0 or number + 1 == kills:
                outcome.verdict = self.hold(first)
        outcome.helped = self.stage.helped - helped
        return outcome

    def hold(self, first: int = 0) -> Verdict:
        """Hold the whole ledger against the database; count the acts from that number on."""
        entries = self.ledger.entries()
        verdict = hold(entries, self.books(), self.unlimited)
        counted = entries[first:]
        acknowledged = sum(entry.is_acknowledged for entry in counted)
        return Verdict(
            len(counted),
            acknowledged,
            verdict.unanswered_and_done,
            verdict.lost,
            verdict.half_done,
        )

    def books(self) -> Books:
        """Read the database, as soon as it can be read."""

        def attempt() -> Books | None:
            with suppress(sa.exc.OperationalError):  # it has just been killed
                return read_books(self.database_url)
            return None

        return eventually(attempt)

    def _recovered(self) -> Recovery | None:
        """Return how long it took; a server that ends meanwhile is started again."""
        for _ in range(PATIENCE):
            recovery = self.timing.wait(1)
            if recovery is not None:
                return recovery
            restart_if_ended(self.stage)
        return None


@contextmanager
def storm_on(
    database_url: str,
    database: str,
    folder: Path,
    scale: Scale,
    postgres: OwnPostgreSQL | None = None,
    **options: object,
) -> Iterator[Storm]:
    """Yield a server under load on an empty, migrated database."""
    staffs = staff_of(scale.desks, scale.students)
    fill(database_url, folder, staffs)
    environment = environment_of(
        database_url,
        folder,
        {
            "TRUSTED_PROXIES": 1,
            "SESSIONS_MAX_CONCURRENT_SESSIONS_PER_USER": 1,
            **options,
        },
    )
    service = Service(environment, folder, scale.workers)
    timing, cuts = Timing([staff.admin for staff in staffs]), Cuts()
    ledger = Ledger(folder / "ledger.jsonl")
    desks = [
        Desk(service.port, ledger, staff, timing, cuts, random.Random(number))  # noqa: S311 - to be repeated
        for number, staff in enumerate(staffs)
    ]
    stage = Stage(service, cuts, timing, postgres, random.Random(1), scale.patience)  # noqa: S311 - to be repeated
    threads: list[Thread] = []
    try:
        service.start()
        timing.begin()
        threads += [desk.start() for desk in desks]
        assert timing.wait() is not None, "the server answers nobody"
        yield Storm(
            stage,
            database,
            database_url,
            ledger,
            timing,
            [staff.supervisor for staff in staffs],
            scale.acts,
        )
    except BaseException as error:
        error.add_note(f"The end of the log of the server:\n{service.log.read_text()[-4000:]}")
        raise
    finally:
        for desk in desks:
            desk.stopped.set()
        for thread in threads:
            thread.join(PATIENCE)
        service.kill()


def fill(database_url: str, folder: Path, staffs: Sequence[Staff]) -> None:
    """Add the people who act, all with the password of the tests."""
    with pytest.MonkeyPatch.context() as patch, open_app(database_url, folder) as app:
        patch.setattr(password, "_hasher", OneHashHasher(password._hasher, PASSWORD))
        site = Site(app)
        for staff in staffs:
            site.add_admin(staff.admin)
            site.add_supervisor(staff.supervisor)
            for student in staff.students:
                site.add_user(student)


def kill_often(
    kind: str, kill: Kill, database: str, scale: Scale, postgres: OwnPostgreSQL | None
) -> Outcome:
    """Kill as often as the scale says, on one new database after the other.

    All that a ledger has is played again at each look at the database, so that one ledger of all
    kills would take longer and longer.
    """
    outcomes: list[Outcome] = []
    for first in range(0, scale.kills, _OF_A_DATABASE):
        with _campaign_storm(database, scale, postgres) as storm:
            outcomes.append(storm.run(kind, kill, min(_OF_A_DATABASE, scale.kills - first)))
    return reduce(add, outcomes)


@contextmanager
def _campaign_storm(database: str, scale: Scale, postgres: OwnPostgreSQL | None) -> Iterator[Storm]:
    """Yield a storm on a database of its own in a temporary folder."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="timapp-storm-")))
        url = (
            stack.enter_context(SQLiteDatabases(folder).fresh())
            if postgres is None
            else postgres.make(f"storm{next(_numbers)}")
        )
        yield stack.enter_context(storm_on(url, database, folder, scale, postgres))
