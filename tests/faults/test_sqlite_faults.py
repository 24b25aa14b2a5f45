"""SQLite whose file is locked, damaged, moved away or replaced: told soon, and nothing is lost."""

import resource
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.conftest import MakeApp
from tests.database.waiting import tried_again
from tests.databases import SQLiteDatabases
from tests.faults.answers import (
    DOCUMENT_SOON,
    is_blocked_with_code,
    is_blocked_without_code,
    is_unavailable,
    lines_in_log,
    seen_long_ago,
)
from tests.site import Site
from tests.together import together
from timApp.auth.site import db
from timApp.database.engine import open_engine
from timApp.database.migrate import needs_upgrade


def path_of(database_url: str) -> Path:
    """Return the file of a SQLite database."""
    return Path(database_url.removeprefix("sqlite:///"))


@pytest.fixture
def file(sqlite_url: str) -> Path:
    """The file of the site."""
    return path_of(sqlite_url)


@pytest.fixture
def sqlite_hall(sqlite_url: str, make_app: MakeApp) -> Site:
    """A site on SQLite with an exam and alice who may read it, as a server runs it."""
    site = Site(make_app(sqlite_url))
    site.app.config["PROPAGATE_EXCEPTIONS"] = False
    site.add_exam_hall()
    return site


@contextmanager
def locked(file: Path, *statements: str) -> Iterator[None]:
    """Let another program keep the database to itself."""
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        for statement in statements:
            other.execute(statement)
        yield


def test_a_database_that_another_program_writes_to_is_told_of_soon(
    sqlite_hall: Site, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Documents are read, logins get 503 soon, also when many come at once; then all is as ever."""
    browser = sqlite_hall.logged_in("alice")
    with locked(file, "BEGIN EXCLUSIVE"), lines_in_log(caplog, 4):
        assert browser.get("/view/exam").status_code == 200
        log_in = partial(sqlite_hall.browser().log_in, "alice")
        together([partial(is_unavailable, log_in) for _ in range(4)])
    assert sqlite_hall.browser().log_in("alice").status_code == 200


@contextmanager
def full_disk(file: Path) -> Iterator[None]:
    """Let no file of this process become larger than the database's log is."""
    (soft, hard) = resource.getrlimit(resource.RLIMIT_FSIZE)
    with closing(sqlite3.connect(file)) as other:
        other.execute("SELECT * FROM usersession").fetchall()  # whoever has it open keeps the log
        resource.setrlimit(resource.RLIMIT_FSIZE, (Path(f"{file}-wal").stat().st_size, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def read_only(engine: sa.Engine) -> Iterator[None]:
    """Let the engine's connections only read, as where the file may only be read."""

    def forbid(driver: sqlite3.Connection, _record: object) -> None:
        driver.execute("PRAGMA query_only = ON")

    sa.event.listen(engine, "connect", forbid)
    engine.dispose()
    try:
        yield
    finally:
        sa.event.remove(engine, "connect", forbid)
        engine.dispose()


#: What keeps everybody from writing, and nobody from reading; and whether documents tell the log.
UNWRITTEN: dict[str, tuple[Callable[[Path, sa.Engine], AbstractContextManager[object]], bool]] = {
    "another program writes": (lambda file, _: locked(file, "BEGIN EXCLUSIVE"), False),
    "the disk is full": (lambda file, _: full_disk(file), True),
    "it only reads": (lambda _, engine: read_only(engine), True),
}


@pytest.mark.parametrize("fault", UNWRITTEN)
def test_documents_are_read_while_nobody_can_be_noted_as_seen(
    fault: str, sqlite_hall: Site, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """All is read, with one line in the log if it is no passing lock, and noted after the fault."""
    browser = sqlite_hall.logged_in("alice")

    def seen() -> object:
        return sqlite_hall.sessions("alice")[browser.session_id].last_seen_at

    last_seen = seen()
    with sqlite_hall.app.app_context():
        engine = db.engine
    begin, is_told = UNWRITTEN[fault]
    with seen_long_ago():
        with begin(file, engine), lines_in_log(caplog, 1) if is_told else nullcontext():
            for _ in range(20):
                assert browser.get("/view/exam").status_code == 200
        assert seen() == last_seen
        with tried_again():
            assert browser.get("/view/exam").status_code == 200
        assert seen() != last_seen


@pytest.mark.parametrize("fault", ["the disk is full", "it only reads"])
def test_who_is_blocked_is_told_so_while_no_code_can_be_written(
    fault: str, sqlite_hall: Site, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The page comes without a code, which is a line in the log, and with one after the fault."""
    sqlite_hall.logged_in("alice")
    blocked = sqlite_hall.logged_in("alice")
    with sqlite_hall.app.app_context():
        engine = db.engine
    begin, _ = UNWRITTEN[fault]
    with begin(file, engine), lines_in_log(caplog, 2):  # nor is it noted that they are seen
        is_blocked_without_code(blocked, "/view/exam")
    is_blocked_with_code(blocked, "/view/exam")


def test_a_database_that_another_program_lets_nobody_read_is_told_of_soon(
    sqlite_hall: Site, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Documents get 503 sooner than others, and are read when it is free again."""
    browser = sqlite_hall.logged_in("alice")
    with sqlite_hall.app.app_context():
        db.engine.dispose()
    keep = ("PRAGMA locking_mode = EXCLUSIVE", "BEGIN EXCLUSIVE", "COMMIT")
    with locked(file, *keep), lines_in_log(caplog, 1):
        is_unavailable(lambda: browser.get("/view/exam"), DOCUMENT_SOON)
    assert browser.get("/view/exam").status_code == 200


def test_a_damaged_file_is_one_line_in_the_log_and_503(
    sqlite_hall: Site, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Pages that were overwritten are told as such, and read again once they are mended."""
    browser = sqlite_hall.logged_in("alice")
    with sqlite_hall.app.app_context():
        db.engine.dispose()
    whole = file.read_bytes()
    file.write_bytes(whole[:100] + b"\xff" * (len(whole) - 100))
    with lines_in_log(caplog, 2):
        is_unavailable(lambda: browser.get("/view/exam"), DOCUMENT_SOON)
        is_unavailable(lambda: sqlite_hall.browser().log_in("alice"))
    assert "malformed" in caplog.text
    file.write_bytes(whole)
    assert browser.get("/view/exam").status_code == 200


def test_a_file_that_was_moved_away_is_noticed_and_used_again_when_it_is_back(
    sqlite_hall: Site, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """All get 503, no file is made in its place, and nobody's login that got 200 is lost."""
    browser = sqlite_hall.logged_in("alice")
    away = file.with_suffix(".away")
    file.rename(away)
    with lines_in_log(caplog, 3):
        is_unavailable(lambda: sqlite_hall.browser().log_in("alice"))
        is_unavailable(lambda: browser.get("/view/exam"), DOCUMENT_SOON)
        is_unavailable(lambda: sqlite_hall.browser().log_in("alice"))
    assert not file.exists()
    # What was committed before is in the file itself, wherever it is.
    with closing(sqlite3.connect(away)) as moved:
        assert moved.execute("SELECT count(*) FROM usersession").fetchone() == (1,)
    away.rename(file)
    assert browser.get("/view/exam").status_code == 200
    second = sqlite_hall.logged_in("alice")
    assert set(sqlite_hall.sessions("alice")) == {browser.session_id, second.session_id}


def test_a_file_that_replaces_another_is_used_from_then_on(
    sqlite_hall: Site, file: Path, sqlite_databases: SQLiteDatabases, make_app: MakeApp
) -> None:
    """A login after it is in the new file, and neither has anything of the other."""
    for _ in range(30):  # so much that a log of the old file would spoil the new one
        sqlite_hall.logged_in("alice")
    with sqlite_databases.fresh() as other_url:
        other = Site(make_app(other_url))
        other.add_exam_hall()
        with other.app.app_context():
            db.engine.dispose()
        old = file.with_suffix(".old")
        file.rename(old)
        path_of(other_url).rename(file)
    browser = sqlite_hall.logged_in("alice")
    assert set(sqlite_hall.sessions("alice")) == {browser.session_id}
    assert browser.get("/view/exam").status_code == 200
    for path, count in ((old, 30), (file, 1)):
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            found = connection.execute("SELECT count(*) FROM usersession").fetchone()
            assert found == (count,)


def test_a_file_without_tables_in_its_place_is_not_used(
    sqlite_hall: Site, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """An empty file is told as such and left empty, until a whole one is there."""
    browser = sqlite_hall.logged_in("alice")
    away = file.with_suffix(".away")
    file.rename(away)
    file.touch()
    with lines_in_log(caplog, 2):
        is_unavailable(lambda: browser.get("/view/exam"), DOCUMENT_SOON)
        is_unavailable(lambda: sqlite_hall.browser().log_in("alice"))
    away.rename(file)
    assert browser.get("/view/exam").status_code == 200


def test_a_write_that_the_move_meets_half_way_is_not_committed(
    sqlite_hall: Site, file: Path
) -> None:
    """A transaction that has begun in the file that was there fails at its commit."""
    with sqlite_hall.app.app_context():
        db.engine.dispose()  # takes what is in the log over into the file
        shutil.copy(file, file.with_suffix(".copy"))
        db.session.execute(sa.text("UPDATE useraccount SET email = 'moved'"))
        file.with_suffix(".copy").rename(file)
        with pytest.raises(sa.exc.OperationalError, match="moved away or replaced"):
            db.session.commit()
        db.session.rollback()
        assert db.session.scalar(sa.text("SELECT count(*) FROM useraccount")) == 2
        changed = sa.text("SELECT count(*) FROM useraccount WHERE email = 'moved'")
        assert db.session.scalar(changed) == 0


def test_a_file_that_is_not_there_is_made_by_a_migration_alone(tmp_path: Path) -> None:
    """To look whether a database is up to date, or into it, leaves no file behind."""
    file = tmp_path / "none.db"
    engine = open_engine(f"sqlite:///{file}")
    assert needs_upgrade(engine)
    with pytest.raises(sa.exc.OperationalError, match="unable to open"):
        engine.connect()
    assert not file.exists()


def test_what_was_acknowledged_is_on_the_disk(sqlite_url: str) -> None:
    """A connection waits for the disk at each commit."""
    engine = open_engine(sqlite_url)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
    engine.dispose()
