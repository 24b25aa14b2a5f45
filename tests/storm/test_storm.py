"""A short storm: each kind of kill, on both databases, and nothing is lost or half done."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases import SQLiteDatabases
from tests.live import live_server
from tests.site import Site, open_app
from tests.storm.campaign import Outcome, Scale, storm_on
from tests.storm.exchange import Cut, Departure, NoAnswerError, Question, ask
from tests.storm.kills import KILLS, POSTGRESQL_KILLS, Kill
from tests.storm.postgres import OwnPostgreSQL
from tests.storm.report import FAULTS, with_earlier, written
from tests.storm.verdict import Verdict

#: The least that is a storm.
_SHORT = Scale(kills=1, desks=2, students=2, acts=(1, 5), patience=1)


@pytest.fixture
def own_postgres() -> Iterator[OwnPostgreSQL]:
    """A PostgreSQL server that may be killed."""
    postgres = OwnPostgreSQL(is_durable=False)
    yield postgres
    postgres.stop()


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def place(
    request: pytest.FixtureRequest, sqlite_databases: SQLiteDatabases
) -> Iterator[tuple[str, OwnPostgreSQL | None]]:
    """The URL of an empty database, and its server if that may be killed."""
    if request.param == "SQLite":
        with sqlite_databases.fresh() as url:
            yield url, None
    else:
        postgres: OwnPostgreSQL = request.getfixturevalue("own_postgres")
        yield postgres.make("storm"), postgres


def test_nothing_is_lost_in_a_storm(
    place: tuple[str, OwnPostgreSQL | None], tmp_path: Path
) -> None:
    """Whatever is killed, all that was acknowledged is there, nothing by halves, and all go on."""
    url, postgres = place
    kills = KILLS if postgres is None else KILLS | POSTGRESQL_KILLS
    with storm_on(url, "", tmp_path, _SHORT, postgres) as storm:
        for kind, kill in kills.items():
            outcome = storm.run(kind, kill, _SHORT.kills)
            assert outcome.verdict.is_good, (kind, outcome.verdict)
            assert not outcome.unanswered, kind
            assert outcome.verdict.acknowledged >= _SHORT.desks, kind


def test_a_request_that_is_cut_after_its_headers_changes_nothing_else(
    sqlite_url: str, tmp_path: Path
) -> None:
    """Whoever goes away before naming the session to invalidate has not invalidated them all."""
    app_folder = tmp_path / "app"
    app_folder.mkdir()
    with open_app(sqlite_url, app_folder) as app:
        site = Site(app)
        site.add_admin()
        site.add_user("alice")
        with live_server(sqlite_url, tmp_path) as server:
            admin, alice = server.logged_in("admin"), server.logged_in("alice")
            question = Question(
                "/user/sessions/alice/invalidate",
                json={"session_id": "another"},
                cookie=admin.cookie_header(),
                csrf_token=admin.csrf_token,
            )
            for is_abrupt in (True, False):
                with pytest.raises(NoAnswerError):
                    ask(server.port, question, "", Departure(Cut.HEADERS, is_abrupt))
        # The server has ended, and with it all that it was asked for.
        assert site.active("alice") == {alice.session_id}


def test_a_storm_finds_what_a_database_loses(own_postgres: OwnPostgreSQL, tmp_path: Path) -> None:
    """Acts that the database acknowledges before it has written them, and loses, are named."""
    url = own_postgres.make("hasty")
    with storm_on(url, "", tmp_path, _SHORT, own_postgres) as storm:
        own_postgres.set(
            synchronous_commit="off", wal_writer_delay="'10s'", wal_writer_flush_after="'1GB'"
        )
        outcome = storm.run("hasty", POSTGRESQL_KILLS["the postmaster killed"], kills=5)
    assert outcome.verdict.lost
    assert not outcome.verdict.is_good


@pytest.mark.parametrize(
    ("database", "kills"), [("SQLite", KILLS), ("PostgreSQL", KILLS | POSTGRESQL_KILLS)]
)
def test_the_documents_table_has_each_kind_of_kill(database: str, kills: dict[str, Kill]) -> None:
    """docs/faults.md has a row for each kind on each database, and lost nothing in any."""
    text = FAULTS.read_text("utf-8")
    begin = text.index(f"<!-- made by make storm: {database} -->")
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in text[begin : text.index("<!-- end -->", begin)].splitlines()
        if line.startswith("| ") and not line.startswith(("| what", "| ---"))
    ]
    assert [row[0] for row in rows] == list(kills)
    assert all(int(row[1]) >= 30 for row in rows), rows
    assert [row[0] for row in rows if row[4:6] != ["0", "0"]] == []


def test_a_table_takes_the_place_of_the_one_before() -> None:
    """Whatever stands around the place of a table stays, and a second time changes nothing."""
    text = "before\n<!-- made by x -->\nold\n<!-- end -->\nafter\n"
    new = written(text, "x", ["new"])
    assert new == "before\n<!-- made by x -->\n\nnew\n\n<!-- end -->\nafter\n"
    assert written(new, "x", ["new"]) == new
    with pytest.raises(ValueError, match="no place"):
        written(text, "y", ["new"])


def test_a_run_of_some_kinds_leaves_the_others_in_the_table() -> None:
    """The row of a kind that was run again is replaced, and all others stay where they are."""
    outcome = Outcome("b", "x", 2, Verdict(1, 1, 0))
    text = written(
        "<!-- made by x -->\n<!-- end -->\n", "x", ["| a | 1 |", "| b | 1 |", "| c | 1 |"]
    )
    kinds = [line.split("|")[1].strip() for line in with_earlier(text, "x", [outcome])]
    assert kinds == ["what", "---", "a", "b", "c"]
    assert "| b | 2 |" in "\n".join(with_earlier(text, "x", [outcome]))
