"""Who may do what: every route asked as everybody, against what was said by hand."""

from collections.abc import Iterator

import pytest

from tests.access_table import PERMISSIONS, Answers, ask_all, differences, table, written
from tests.databases import SQLiteDatabases
from tests.everybody import OPTIONS
from tests.site import open_app


@pytest.fixture(scope="module")
def answers(
    sqlite_databases: SQLiteDatabases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Answers]:
    """What all are answered everywhere."""
    folder = tmp_path_factory.mktemp("asked")
    with sqlite_databases.fresh() as url, open_app(url, folder, **OPTIONS) as app:
        yield ask_all(app, folder)


def test_everybody_may_what_was_said_and_nothing_else(answers: Answers) -> None:
    """Each route answers each role as tests/rights.py says, and there is no route without a row."""
    assert not differences(answers), "\n".join(differences(answers))


def test_the_page_of_permissions_is_true(answers: Answers) -> None:
    """docs/permissions.md has what was answered; `make diagrams` asks anew."""
    text = PERMISSIONS.read_text("utf-8")
    assert written(text, table(answers)) == text


def test_a_route_that_nobody_spoke_of_and_a_wrong_right_are_found(answers: Answers) -> None:
    """The comparison tells of both, so that it says something when it tells of nothing."""
    new = answers | {"GET /new": (200,) * 10, "GET /administer": (200,) * 10}
    found = differences(new)
    assert found[0] == "GET /administer: blocked student is answered 200, not 490 (administrators)"
    assert found[-1] == "GET /new: nobody has said who may, see tests/rights.py"
    assert "GET /administer: student is answered 200, not 403 (administrators)" in found
    del new["GET /healthz"]
    assert "GET /healthz: there is no such route any more" in differences(new)
