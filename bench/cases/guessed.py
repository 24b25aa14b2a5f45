"""Guessed passwords: a login while others try wrong ones.

The server is `timapp run` with nothing added. People log in over HTTP one after the other, each
with the right password, which is checked against a real argon2 hash: first alone, then while forty
wrong passwords are in flight all the time, for four other people, from the same address. Whoever is
answered tries again at once, whatever they are told. That is done in rounds, each with people whom
nobody has guessed before; compared are the medians within each round. Clients, server and database
share these cores.
"""

import asyncio
import statistics
import time
from dataclasses import dataclass

import sqlalchemy as sa

from bench.apps import environment_of
from bench.exam import site
from bench.guesses import Guessed, Guesses, guessing
from bench.http import Connection
from bench.measure import percentile
from bench.people import fill
from bench.report import Section, Table, at_most
from bench.run import Run
from bench.rush import login_request
from bench.server import timapp_run
from timApp.auth.site import db
from timApp.user.password import hash_password
from timApp.user.user import User

TITLE = "Guessed passwords"
_PASSWORD = "a password"
_GUESSED = 4
_AT_A_TIME = 40
#: How much longer a right password may take.
_HARM = 5


@dataclass(frozen=True)
class _Round:
    """How long logins took, in seconds: alone, and beside wrong passwords."""

    alone: list[float]
    beside: list[float]
    guessed: Guessed


def measure(run: Run, section: Section) -> None:
    """Measure on both databases."""
    logins, rounds = run.choose((5, 1), (10, 1), (40, 5))
    section.notes.append(
        f"{logins} logins in a row, {rounds} times; {_AT_A_TIME} wrong passwords in flight, for"
        f" {_GUESSED} people."
    )
    for kind in run.kinds_served:
        with run.database(kind) as url:
            of_round = 2 * logins + _GUESSED
            people = rounds * of_round
            fill(url, people)
            with site(url, run.new_folder("site")):
                db.session.execute(sa.update(User).values(password_hash=hash_password(_PASSWORD)))
                db.session.commit()
            folder = run.new_folder("server")
            with timapp_run(environment_of(url, people, folder), folder) as server:
                _log_in(server.port, range(1, 2))  # a first time that does not count
                done = [
                    _round(server.port, logins, 1 + number * of_round) for number in range(rounds)
                ]
        ratio = statistics.median(
            statistics.median(one.beside) / statistics.median(one.alone) for one in done
        )
        section.goals.append(at_most(f"{kind}: beside wrong passwords / alone", ratio, _HARM))
        looked_at = sum(one.guessed.looked_at for one in done)
        told = sum(one.guessed.told_to_wait for one in done)
        section.notes.append(
            f"{kind}: {looked_at:,} wrong passwords were looked at, and {told:,} told to wait."
        )
        rows = [
            _row("alone", [wait for one in done for wait in one.alone]),
            _row("beside wrong passwords", [wait for one in done for wait in one.beside]),
        ]
        columns = ("", "login p50, ms", "p95, ms", "longest, ms")
        section.tables.append(Table(kind, columns, rows))


def _row(name: str, waits: list[float]) -> tuple[str, ...]:
    shown = (percentile(waits, 0.5), percentile(waits, 0.95), max(waits))
    return (name, *(f"{seconds * 1000:.0f}" for seconds in shown))


def _round(port: int, logins: int, first: int) -> _Round:
    """Measure with people from that number on."""
    guessed_people = list(range(first, first + _GUESSED))
    first += _GUESSED
    alone = _log_in(port, range(first, first + logins))
    seconds = 2 * _HARM * sum(alone)
    with guessing(Guesses(port, _AT_A_TIME, guessed_people, seconds)) as guessed:
        beside = _log_in(port, range(first + logins, first + 2 * logins))
    return _Round(alone, beside, guessed)


def _log_in(port: int, people: range) -> list[float]:
    async def each() -> list[float]:
        waits = []
        for person in people:
            begun = time.perf_counter()
            connection = Connection(port)
            status, body = await connection.ask(login_request(person, _PASSWORD))
            waits.append(time.perf_counter() - begun)
            connection.close()
            if status != 200:
                msg = f"answered {status}: {body[:300]!r}"
                raise RuntimeError(msg)
        return waits

    return asyncio.run(each())
