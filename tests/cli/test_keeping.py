"""`timapp db` as an operator uses it: backups, checks, the way back, and old sessions."""

import stat
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
import time_machine

from tests.commandline import TIMAPP, CommandLine
from tests.conftest import MakeApp
from tests.filled import content, fill
from tests.live import PATIENCE, PROJECT, environment_of, free_port
from tests.newer import HEAD, newer_scripts
from tests.site import Site
from timApp.auth.site import db
from timApp.database.engine import open_engine
from timApp.database.migrate import downgrade_database, upgrade_database
from timApp.guard.tables.session import UserSession
from timApp.util.clock import now


@pytest.fixture
def timapp(database_url: str, tmp_path: Path) -> CommandLine:
    """The command line on a fresh database of each kind."""
    return CommandLine(database_url, tmp_path)


@pytest.fixture
def here(timapp: CommandLine, make_app: MakeApp) -> Site:
    """The site on the command line's database."""
    return Site(make_app(timapp.env["TIM_DATABASE_URL"]))


def execute(here: Site, *statements: str) -> None:
    """Do to the database what no program of ours does."""
    with here.app.app_context(), db.engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
            connection.exec_driver_sql("PRAGMA ignore_check_constraints = ON")
        else:
            connection.exec_driver_sql("SET session_replication_role = replica")
        for statement in statements:
            connection.exec_driver_sql(statement)
        connection.commit()
        connection.invalidate()


# Backups.


def test_a_backup_is_checked_and_restored(
    timapp: CommandLine, here: Site, make_app: MakeApp, tmp_path: Path
) -> None:
    """Backup, check, restore: each says in a line what it had to do with, and all is there."""
    fill(here)
    file = tmp_path / "site.backup"
    numbers = "3 people, 3 sessions, "
    said = timapp.done("db", "backup", str(file))
    assert said.startswith(f"Backed up to {file}: {numbers}")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    checked = timapp.done("db", "check", str(file))
    assert "timApp" in checked
    assert f"{HEAD}) is sound: {numbers}" in checked
    url = f"sqlite:///{tmp_path / 'new.db'}"
    there = CommandLine(url, tmp_path)
    assert there.done("db", "restore", str(file)).startswith(f"Restored {file}: {numbers}")
    assert there.done("db", "check").startswith(f"The database is sound: {numbers}")
    with here.app.app_context():
        before = content(db.engine)
    engine = open_engine(url)
    assert content(engine) == before
    engine.dispose()


def test_a_backup_replaces_no_file_unless_it_is_told_to(
    timapp: CommandLine, here: Site, tmp_path: Path
) -> None:
    """A file that is there stays as it is, and nothing else is left behind."""
    file = tmp_path / "backups" / "site.backup"
    file.parent.mkdir()
    file.write_text("precious")
    assert "is there already" in timapp.refused("db", "backup", str(file))
    assert file.read_text() == "precious"
    timapp.done("db", "backup", str(file), "--force")
    assert file.read_bytes().startswith(b"PK")
    assert list(file.parent.iterdir()) == [file]
    missing = tmp_path / "missing" / "site.backup"
    assert "Cannot write" in timapp.refused("db", "backup", str(missing))


def test_a_backup_that_fails_leaves_no_file(timapp: CommandLine, tmp_path: Path) -> None:
    """A database without tables has nothing to be backed up, and there is no file of it."""
    engine = open_engine(timapp.env["TIM_DATABASE_URL"])
    downgrade_database(engine, "base")
    engine.dispose()
    file = tmp_path / "site.backup"
    assert "nothing to back up" in timapp.refused("db", "backup", str(file))
    assert not file.exists()


def test_a_database_with_people_is_only_replaced_by_force(
    timapp: CommandLine, here: Site, tmp_path: Path
) -> None:
    """Without --force a restore changes nothing, and says how to do it."""
    here.add_user("alice")
    file = tmp_path / "site.backup"
    timapp.done("db", "backup", str(file))
    here.add_user("bob")
    assert "say --force" in timapp.refused("db", "restore", str(file))
    assert here.user_id("bob")
    timapp.done("db", "restore", str(file), "--force")
    assert [line.split("\t")[0] for line in timapp.done("user", "list").splitlines()] == ["alice"]
    here.logged_in("alice")


@pytest.mark.parametrize("words", ["restore", "check"])
def test_a_file_that_is_no_backup_is_one_line(
    timapp: CommandLine, here: Site, tmp_path: Path, words: str
) -> None:
    """No file, an empty one, any other one, one with a hole: a line, code 1, and no traceback."""
    missing = tmp_path / "missing"
    assert f"{missing} cannot be read: " in timapp.refused("db", words, str(missing))
    file = tmp_path / "site.backup"
    for bad in (b"", b"PK\x03\x04", b"text" * 1000):
        file.write_bytes(bad)
        assert "is no backup of timApp" in timapp.refused("db", words, str(file))


# Checks.


FAULTS = {
    "UPDATE usersession SET expired_at = {early}": "2 sessions expired before they began, such as",
    "UPDATE usersession SET logged_in_at = {late}": "sessions began in the future",
    "UPDATE usersession SET last_seen_at = {early}": "were last seen before they began",
    "DELETE FROM blockaccess; DELETE FROM usergroupmember; DELETE FROM usergroup": (
        "'alice' has no group of their own"
    ),
    "UPDATE document SET id = 99": "document: 1 rows refer by id to rows of block",
    "DROP INDEX ix_usersession_latest": "usersession: the index ix_usersession_latest is missing.",
    "ALTER TABLE useraccount DROP COLUMN email": "useraccount: the column email is missing.",
    "ALTER TABLE useraccount ADD COLUMN more text": "useraccount: the column more should not be",
    "DROP TABLE seennonce": "seennonce: the table seennonce is missing.",
}
_EARLY, _LATE = "'2001-01-01T00:00:00.000000+00:00'", "'2099-01-01T00:00:00.000000+00:00'"


@pytest.mark.parametrize(("harm", "fault"), FAULTS.items(), ids=range(len(FAULTS)))
def test_each_fault_is_a_line(timapp: CommandLine, here: Site, harm: str, fault: str) -> None:
    """Whatever is wrong in the tables or between them is named, and the exit code is 1."""
    here.add_exam_hall()
    here.blocked()
    timapp.done("db", "check")
    execute(here, *harm.format(early=_EARLY, late=_LATE).split("; "))
    result = timapp("db", "check")
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    assert fault in result.stderr
    assert "Error" not in result.stderr


def test_a_record_that_could_be_rewritten_is_a_fault(timapp: CommandLine, here: Site) -> None:
    """The triggers that keep the record append-only belong to a sound database."""
    is_sqlite = here.app.config["DATABASE_URL"].startswith("sqlite")
    if is_sqlite:
        names = ("sessionchange_no_update", "sessionchange_no_delete")
        execute(here, *(f"DROP TRIGGER {name}" for name in names))
    else:
        execute(here, "ALTER TABLE sessionchange DISABLE TRIGGER sessionchange_append_only")
    assert "trigger" in timapp("db", "check").stderr


def test_a_damaged_file_is_a_fault(sqlite_url: str, tmp_path: Path) -> None:
    """Pages of SQLite's file that were overwritten are found."""
    timapp = CommandLine(sqlite_url, tmp_path)
    file = Path(sqlite_url.removeprefix("sqlite:///"))
    data = bytearray(file.read_bytes())
    data[4096 * 3 : 4096 * 3 + 2000] = b"x" * 2000
    file.write_bytes(data)
    result = timapp("db", "check")
    assert result.exit_code == 1
    assert "damaged" in result.stderr or "The database refuses" in result.stderr


def test_an_unfinished_index_is_a_fault(postgresql_url: str, tmp_path: Path) -> None:
    """What CREATE INDEX CONCURRENTLY left unfinished is named, so that it can be made anew."""
    timapp = CommandLine(postgresql_url, tmp_path)
    engine = open_engine(postgresql_url)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE pg_index SET indisvalid = false"
            " WHERE indexrelid = 'ix_usersession_latest'::regclass"
        )
    engine.dispose()
    result = timapp("db", "check")
    assert result.exit_code == 1
    assert result.stderr == "The index ix_usersession_latest is not valid.\n"


# The way back.


def test_a_downgrade_says_what_would_be_lost(timapp: CommandLine, here: Site) -> None:
    """Without a terminal it wants --yes; it lists what goes, with numbers, and then it is gone."""
    here.add_user("alice")
    result = timapp("db", "downgrade", "base")
    assert result.exit_code == 2
    assert "To be lost: the table useraccount, 1 row\n" in result.stdout
    assert "say --yes" in result.stderr
    assert here.user_id("alice")
    said = timapp.done("db", "downgrade", "--yes")
    assert f"To be undone: {HEAD}: " in said
    assert "the table useraccount" not in said
    said = timapp.done("db", "downgrade", "v1_0001", "--yes")
    assert "To be lost: the table tidying, 0 rows\n" in said
    assert "To be lost: name_key in useraccount, 1 row\n" in said
    assert said.endswith("Undone v1_0002.\nThe database is at v1_0001.\n")
    with here.app.app_context():
        assert db.session.scalars(sa.text("SELECT name FROM useraccount")).all() == ["alice"]
    assert timapp.done("db", "upgrade").startswith(
        "Applied v1_0002: The record of changes lets its old entries go, and nobody else's.\n"
    )
    timapp.done("db", "downgrade", "base", "--yes")
    assert "there is nothing to undo" in timapp.refused("db", "downgrade", "--yes")


def test_a_downgrade_to_nowhere_changes_nothing(timapp: CommandLine, here: Site) -> None:
    """A revision that is not below that of the database is refused with those that are."""
    error = timapp.refused("db", "downgrade", "nonsense", "--yes")
    assert "v1_0001, base; nothing was changed." in error
    timapp.done("db", "check")


def test_newer_tables_are_served_within_a_series(
    timapp: CommandLine, here: Site, tmp_path: Path
) -> None:
    """Commands work, `db upgrade` and `db backup` say how it is, and `db downgrade` is refused."""
    engine = open_engine(timapp.env["TIM_DATABASE_URL"])
    known = newer_scripts(tmp_path, "op.create_table('extra', sa.Column('a', sa.Text()))")
    upgrade_database(engine, known=known)
    timapp.done("user", "list")
    assert "newer than this timApp (v1_9001)" in timapp.done("db", "upgrade")
    assert timapp.done("db", "check").startswith("The database is sound")
    file = tmp_path / "site.backup"
    result = timapp("db", "backup", str(file))
    assert result.exit_code == 0, result.output
    assert result.stderr == (
        "The database is newer than this timApp (v1_9001): what a newer one has added is not in the"
        f" backup, which is one of {HEAD}. For all of it, back up with that one.\n"
    )
    assert f"{HEAD}) is sound: " in timapp.done("db", "check", str(file))
    assert "newer timApp" in timapp.refused("db", "restore", str(file))
    assert f"`timapp db downgrade {HEAD}`" in timapp.refused("db", "downgrade", "--yes")
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'v2_0001'")
        connection.exec_driver_sql("DROP TABLE extra")
    engine.dispose()
    backup = f"db backup {tmp_path / 'later.backup'}"
    words_of_all = ("user list", "db upgrade", "run", "db check", "db tidy", "db downgrade --yes")
    for words in (*words_of_all, backup):
        error = timapp.refused(*words.split())
        assert error.startswith("Error: The tables in this database are those of a newer timApp")


# Old sessions.


def test_old_sessions_are_tidied_up(timapp: CommandLine, here: Site) -> None:
    """`db tidy` does at once what the site does by and by, and says how much it was."""
    here.add_user("alice")
    with time_machine.travel(now() - timedelta(days=70), tick=False):
        here.logged_in("alice").log_out()
    with time_machine.travel(now() - timedelta(days=25), tick=False):
        assert here.browser().log_in("alice", "wrong").status_code == 403
        here.logged_in("alice").log_out()
    here.logged_in("alice")
    assert "SESSIONS_RETENTION is none" in timapp.refused("db", "tidy")
    timapp.env["TIM_SESSIONS_RETENTION"] = "20"
    assert timapp.done("db", "tidy") == (
        "Cleared the origin of 2 sessions and the address of 4 entries of the record;"
        " deleted 1 sessions, 2 entries and 1 failed logins.\n"
    )
    assert len(here.sessions("alice")) == 2
    assert timapp.done("db", "tidy").startswith("Cleared the origin of 0 sessions")
    with here.app.app_context():
        origins = db.session.scalars(sa.select(UserSession.origin)).all()
    assert sorted(map(bool, origins)) == [False, True]


# Waiting for the database.


def test_run_waits_no_longer_than_it_is_told(timapp: CommandLine) -> None:
    """A database that does not come up in time ends it with code 1, after a word of the wait."""
    timapp.env["TIM_DATABASE_URL"] = f"postgresql://tim:precious@127.0.0.1:{free_port()}/tim"
    result = timapp("run", "--wait", "0.01")
    assert result.exit_code == 1
    waiting, error = result.stderr.splitlines()
    assert waiting.startswith("Waiting: The database does not answer: ")
    assert error.startswith("Error: The database does not answer: ")
    assert "precious" not in result.output
    assert "does not answer" in timapp.refused("run")


def test_a_wrong_option_is_not_waited_for(timapp: CommandLine) -> None:
    """What no waiting helps against ends it at once."""
    timapp.env["TIM_SESSIONS_RETENTION"] = "0"
    error = timapp.refused("run", "--wait", "3600")
    assert "must be a whole number of days from 1" in error
    timapp.refused("run", "--wait", "-1", code=2)


def test_run_waits_for_the_upgrade(sqlite_url: str, tmp_path: Path) -> None:
    """A server that starts before the database is upgraded serves when it is."""
    url = f"sqlite:///{tmp_path / 'new.db'}"
    env, port = environment_of(url, tmp_path, {}), free_port()
    command = [*TIMAPP, "run", "--port", str(port), "--workers", "1", "--wait", str(PATIENCE)]
    with subprocess.Popen(
        command, cwd=PROJECT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        assert server.stderr is not None
        try:
            assert server.stderr.readline() == (
                f"Waiting: There is no database file at {tmp_path / 'new.db'}; put it back, or,"
                " for a new site, run `timapp db upgrade`.\n"
            )
            subprocess.run([*TIMAPP, "db", "upgrade"], cwd=PROJECT, env=env, check=True, timeout=60)
            assert server.stdout.readline().startswith("timApp serves on ")
        finally:
            server.terminate()
            assert server.wait(PATIENCE) == 0


@pytest.mark.parametrize(
    "words", ["db backup", "db backup --force", "db check", "db restore", "session export --output"]
)
def test_a_path_that_is_out_of_reach_is_one_line(
    sqlite_url: str, tmp_path: Path, words: str
) -> None:
    """It is named, with the system's reason."""
    path = str(tmp_path / ("x" * 300))
    error = CommandLine(sqlite_url, tmp_path).refused(*words.split(), path)
    assert path in error
    assert "File name too long" in error


@pytest.mark.parametrize("words", ["db downgrade", "user add alice"])
def test_a_question_without_a_terminal_is_one_line(
    sqlite_url: str, tmp_path: Path, words: str
) -> None:
    """The error says what to do in place of an answer, and nothing of how the command is used."""
    result = CommandLine(sqlite_url, tmp_path)(*words.split())
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: There is no terminal to ask ")
