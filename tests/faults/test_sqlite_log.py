"""The log beside SQLite's file: gone after the server, and nothing is lost when it is removed."""

import os
import shutil
import signal
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest
import sqlalchemy as sa

from tests.conftest import MakeApp
from tests.live import PATIENCE, LiveServer, eventually, live_server
from tests.site import Site
from timApp.auth.site import db
from timApp.database.engine import open_engine
from timApp.database.servedfile import ServedFile

#: So many that either worker has had some.
LOGINS = 12


@pytest.fixture
def file(sqlite_url: str, make_app: MakeApp) -> Path:
    """The file of a site with alice, that nobody has open."""
    site = Site(make_app(sqlite_url))
    site.add_exam_hall()
    with site.app.app_context():
        db.engine.dispose()
    return Path(sqlite_url.removeprefix("sqlite:///"))


def beside(file: Path) -> set[str]:
    """Return what there is beside a file, by how its name goes on."""
    return {path.name.removeprefix(file.name) for path in file.parent.glob(f"{file.name}-*")}


def logged_in(server: LiveServer) -> set[str]:
    """Return the sessions of many logins that were acknowledged."""
    return {server.logged_in("alice").session_id for _ in range(LOGINS)}


def session_of_login(server: LiveServer) -> str | None:
    """Return the session of a login; None if it was refused."""
    browser = server.browser()
    return browser.session_id if browser.log_in("alice").status == 200 else None


def kill(server: LiveServer) -> None:
    """Kill all processes of a server, and wait until the first one has ended."""
    first = psutil.Process(server.pid)
    server.send(signal.SIGKILL)
    first.wait(PATIENCE)


def sessions_in(file: Path) -> set[str]:
    """Return the sessions in a file that is whole."""
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return {name for (name,) in connection.execute("SELECT session_id FROM usersession")}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda one: one.name)
def test_a_server_that_has_ended_leaves_the_file_alone_with_all_in_it(
    sqlite_url: str, file: Path, tmp_path: Path, number: signal.Signals
) -> None:
    """Nothing is beside the file, and a copy of it has every login that was acknowledged."""
    with live_server(sqlite_url, tmp_path / "live", workers=2) as server:
        acknowledged = logged_in(server)
        assert beside(file) == {"-wal", "-shm"}
        os.kill(server.pid, number)
    assert beside(file) == set()
    copy = tmp_path / "copy.db"
    shutil.copy(file, copy)
    assert sessions_in(copy) == acknowledged


def test_a_server_that_was_killed_leaves_a_log_that_the_next_one_takes_over(
    sqlite_url: str, file: Path, tmp_path: Path
) -> None:
    """What it acknowledged is in the file alone after the next one has ended."""
    folder = tmp_path / "live"
    with live_server(sqlite_url, folder, workers=2, may_be_killed=True) as server:
        acknowledged = logged_in(server)
        kill(server)
    assert "-wal" in beside(file)
    with live_server(sqlite_url, folder, workers=2):
        pass
    assert beside(file) == set()
    assert sessions_in(file) == acknowledged


def left_by_a_kill(file: Path) -> str:
    """Make a change that is in the log alone, as after a kill; return the URL of the database."""
    killed = file.with_name("killed.db")
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE useraccount SET real_name = 'in the log'")
        connection.commit()
        for suffix in ("", "-wal"):
            shutil.copy(f"{file}{suffix}", f"{killed}{suffix}")
    return f"sqlite:///{killed}"


def test_the_end_of_a_server_takes_over_the_log_of_workers_that_were_killed(file: Path) -> None:
    """What they have left is in the file, and no longer beside it."""
    engine = open_engine(left_by_a_kill(file))
    killed = Path(str(engine.url.database))
    ServedFile(engine).take_over_log()
    assert beside(killed) == set()
    assert b"in the log" in killed.read_bytes()


def test_the_end_of_a_server_leaves_a_file_alone_that_it_did_not_begin_with(file: Path) -> None:
    """A log that may be that of another file is not taken over, nor is a file made."""
    engine = open_engine(left_by_a_kill(file))
    killed = Path(str(engine.url.database))
    served = ServedFile(engine)
    away = killed.rename(file.with_name("away.db"))
    served.take_over_log()
    assert not killed.exists()
    shutil.copy(away, killed)
    whole = killed.read_bytes()
    served.take_over_log()
    assert killed.read_bytes() == whole
    assert beside(killed) == {"-wal"}


def test_the_end_of_a_server_says_what_keeps_it_from_the_log(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A file that is damaged is a line in the log of the site, and no error."""
    engine = open_engine(left_by_a_kill(file))
    killed = Path(str(engine.url.database))
    Path(f"{killed}-wal").write_bytes(b"")
    with killed.open("r+b") as content:
        content.write(b"x" * 100)
    ServedFile(engine).take_over_log()
    (record,) = caplog.records
    assert str(killed) in record.getMessage()
    assert record.exc_info is None


@pytest.mark.parametrize("removed", [["-wal"], ["-shm"], ["-wal", "-shm"]], ids=" ".join)
def test_nothing_is_lost_when_a_log_is_removed(
    sqlite_url: str, file: Path, tmp_path: Path, removed: list[str]
) -> None:
    """Logins go on without a restart, and those that were acknowledged outlive a kill."""
    folder = tmp_path / "live"
    with live_server(sqlite_url, folder, workers=2, may_be_killed=True) as server:
        acknowledged = logged_in(server)
        for _ in range(3):
            for suffix in removed:
                Path(f"{file}{suffix}").unlink(missing_ok=True)
            answers = [session_of_login(server) for _ in range(LOGINS)]
            acknowledged |= {session for session in answers if session is not None}
            acknowledged.add(eventually(partial(session_of_login, server)))
        kill(server)
    assert sessions_in(file) >= acknowledged


def test_an_empty_file_in_its_place_stays_empty(
    sqlite_url: str, file: Path, tmp_path: Path
) -> None:
    """All are told, nothing is written, and once the file is back the next request is answered."""
    with live_server(sqlite_url, tmp_path / "live", workers=2) as server:
        readers = [server.logged_in("alice") for _ in range(LOGINS)]
        for _ in range(3):
            away = file.rename(file.with_suffix(".away"))
            file.touch()
            answers = [server.browser().log_in("alice") for _ in range(LOGINS)]
            answers += [reader.get("/user/sessions/current") for reader in readers]
            assert {answer.status for answer in answers} == {503}
            assert file.stat().st_size == 0
            away.rename(file)
            statuses = [reader.get("/my-sessions").status for reader in readers]
            assert 503 not in statuses
    assert beside(file) == set()
    assert sessions_in(file) == {reader.session_id for reader in readers}


def test_a_file_behind_a_link_is_served(sqlite_url: str, file: Path, tmp_path: Path) -> None:
    """Its log is beside the file that the link leads to, and noticed there when it is removed."""
    link = tmp_path / "link.db"
    link.symlink_to(file)
    with live_server(f"sqlite:///{link}", tmp_path / "live", workers=2) as server:
        acknowledged = logged_in(server)
        Path(f"{file}-wal").unlink()
        acknowledged |= logged_in(server)
    assert beside(file) == set()
    assert sessions_in(file) == acknowledged


def test_a_file_that_is_away_is_named(file: Path) -> None:
    """Whoever opens it says which file is not there, which SQLite does not."""
    engine = open_engine(f"sqlite:///{file}")
    file.rename(file.with_suffix(".away"))
    with pytest.raises(sa.exc.OperationalError, match=f"unable to open.*{file}"):
        engine.connect()
