"""Fixtures: fresh databases of both kinds, and the application on them."""

import gc
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import settings
from hypothesis.internal.conjecture import engine as conjecture_engine
from sqlalchemy.sql.elements import ClauseElement
from werkzeug.routing import Rule

from tests.databases import PostgreSQLDatabases, SQLiteDatabases
from tests.hosts import OK, Answer, Host, MakeHost
from tests.shortcuts import OneHashHasher, SharedStatements, compiled_once
from tests.site import PASSWORD, Site, open_app
from timApp.database.driver.statement import DriverStatement
from timApp.database.engine import open_engine
from timApp.database.work import Work
from timApp.user import password

# How long a test takes says more of the machine than of the code.
settings.register_profile("any machine", deadline=None)
#: What `make random` takes: twenty times as many cases.
settings.register_profile("long", deadline=None, max_examples=20 * settings().max_examples)
settings.load_profile("any machine")


def pytest_collection_finish() -> None:
    """Look for garbage only in what the tests make: what was imported and collected stays."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _ctrl_c() -> None:
    """Let Ctrl-C do in the processes of the tests what it does at a terminal.

    A shell lets what it starts in the background ignore it, and all that this starts in turn.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _shortcuts() -> Iterator[None]:
    """Have the password hashed once, and routes and SQL compiled once: all of that takes long."""
    statements = SharedStatements()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(password, "_hasher", OneHashHasher(password._hasher, PASSWORD))
        patch.setattr(Rule, "_compile_builder", compiled_once(Rule._compile_builder))
        patch.setattr(ClauseElement, "_compiler", statements.compiler(ClauseElement._compiler))
        prepare = statements.driver_statement(DriverStatement.__init__)
        patch.setattr(DriverStatement, "__init__", prepare)
        # What has failed is made smaller, but not for as long as a whole run of the tests takes.
        patch.setattr(conjecture_engine, "MAX_SHRINKING_SECONDS", 20)
        yield


@pytest.fixture(scope="session")
def sqlite_databases(tmp_path_factory: pytest.TempPathFactory) -> SQLiteDatabases:
    """The maker of SQLite databases."""
    return SQLiteDatabases(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def postgresql_databases() -> Iterator[PostgreSQLDatabases]:
    """The maker of PostgreSQL databases, and its server."""
    databases = PostgreSQLDatabases()
    yield databases
    databases.stop()


@pytest.fixture
def sqlite_url(sqlite_databases: SQLiteDatabases) -> Iterator[str]:
    """A fresh SQLite database."""
    with sqlite_databases.fresh() as url:
        yield url


@pytest.fixture
def postgresql_url(postgresql_databases: PostgreSQLDatabases) -> Iterator[str]:
    """A fresh PostgreSQL database."""
    with postgresql_databases.fresh() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A fresh database; a test that asks for it runs on each kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


class MakeApp(Protocol):
    """Returns an application on a database."""

    def __call__(self, database_url: str, **options: object) -> Flask:
        """Make the application with these options changed."""


@pytest.fixture
def make_app(tmp_path: Path) -> Iterator[MakeApp]:
    """What makes applications; their connections are closed after the test."""
    with ExitStack() as stack:

        def make(database_url: str, **options: object) -> Flask:
            return stack.enter_context(open_app(database_url, tmp_path, **options))

        yield make


@pytest.fixture
def app(database_url: str, make_app: MakeApp) -> Flask:
    """The application on a fresh database."""
    return make_app(database_url)


@pytest.fixture
def site(app: Flask) -> Site:
    """The application with what a test needs to fill it and to look at it."""
    return Site(app)


@pytest.fixture
def hall(site: Site) -> Site:
    """A site with an exam, the student alice who may view it, and a supervisor."""
    site.add_exam_hall()
    return site


@pytest.fixture
def engine(database_url: str) -> Iterator[sa.Engine]:
    """The engine of a fresh database, without any application."""
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def work(engine: sa.Engine) -> Iterator[Work]:
    """A unit of work on a fresh database, without any application."""
    with Work(engine) as work:
        yield work


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def make_site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], Site]]:
    """What makes sites that tests of a module have in common, on each kind of database.

    They are for tests that only look, or that bring their own people and leave others alone.
    """
    databases: SQLiteDatabases | PostgreSQLDatabases
    databases = request.getfixturevalue(f"{request.param}_databases")
    with ExitStack() as stack:

        def make() -> Site:
            url = stack.enter_context(databases.fresh())
            return Site(stack.enter_context(open_app(url, tmp_path_factory.mktemp("site"))))

        yield make


@pytest.fixture
def make_host() -> Iterator[MakeHost]:
    """What makes hosts; they are stopped after the test."""
    with ExitStack() as stack:

        def make(answer: Answer = OK, certificate: Path | None = None, port: int = 0) -> Host:
            host = Host(answer, certificate, port)
            stack.callback(host.stop)
            return host

        yield make
