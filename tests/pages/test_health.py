"""Whoever watches a server learns whether it is there and can work, and nothing else."""

from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.conftest import MakeApp
from timApp.auth.site import db
from timApp.database import readiness
from timApp.database.engine import open_engine
from timApp.database.migrate import downgrade_database
from timApp.database.readiness import OK, Readiness

ALL_WELL = {"database": OK, "migrations": OK, "space": OK, "writable": OK}


@pytest.fixture
def hanging() -> Iterator[Event]:
    """What a check waits for that hangs until the end of the test."""
    event = Event()
    yield event
    event.set()


def test_a_server_that_is_well_says_so_to_anybody(app: Flask) -> None:
    """Both addresses answer 200 to somebody who is nobody, and sends no cookie back."""
    client = app.test_client()
    alive, ready = client.get("/healthz"), client.get("/readyz")
    assert (alive.status_code, alive.json) == (200, {"status": "ok"})
    assert (ready.status_code, ready.json) == (200, {"status": "ok", "checks": ALL_WELL})
    for answer in (alive, ready):
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Set-Cookie" not in answer.headers
        assert client.get("/healthz?all=1").status_code == 422


def test_tables_that_lack_migrations_are_not_ready(app: Flask) -> None:
    """With a database that is behind, the answer is 503 and names the command."""
    with app.app_context():
        engine = db.engine
    downgrade_database(engine, "base")
    answer = app.test_client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json is not None
    assert answer.json["checks"] == ALL_WELL | {"migrations": "behind: timapp db upgrade"}


def test_a_database_that_is_away_is_said_in_a_word(
    sqlite_url: str, make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing of its address or its error is told to strangers; the log has the reason."""
    app = make_app(sqlite_url + ".nowhere")
    answer = app.test_client().get("/readyz", headers={"Accept": "text/html"})
    assert answer.status_code == 503
    assert answer.json is not None
    assert answer.json["status"] == "not ready"
    assert answer.json["checks"]["database"] == "fails"
    assert answer.json["checks"]["space"] == OK
    assert "nowhere" not in answer.text
    assert "Not ready: database: " in caplog.text
    assert "Traceback" not in caplog.text


def test_a_database_that_only_reads_is_not_ready(
    postgresql_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A standby, or a server that takes no changes, answers, and is not writable."""
    url = sa.make_url(postgresql_url).update_query_dict(
        {"options": "-c default_transaction_read_only=on"}
    )
    engine = open_engine(url.render_as_string(hide_password=False))
    found = Readiness.of(engine, tmp_path_factory.getbasetemp()).look()
    engine.dispose()
    assert (found["database"], found["writable"]) == (OK, "takes no changes")


def test_a_writer_that_does_not_end_is_noticed(
    sqlite_url: str,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While somebody else keeps SQLite from being written to, the server is not ready."""
    monkeypatch.setattr(readiness, "_PATIENCE", 0.2)
    engine = open_engine(sqlite_url)
    with engine.connect() as other:
        other.exec_driver_sql("BEGIN IMMEDIATE")
        found = Readiness.of(engine, tmp_path_factory.getbasetemp()).look()
    engine.dispose()
    assert (found["database"], found["writable"]) == (OK, "fails")


def test_a_file_that_is_away_is_not_said_to_lack_migrations(
    sqlite_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """To migrate would make an empty one in its place."""
    engine = open_engine(sqlite_url)
    file = Path(str(engine.url.database))
    away = file.rename(file.with_suffix(".away"))
    found = Readiness.of(engine, tmp_path_factory.getbasetemp()).look()
    engine.dispose()
    assert (found["database"], found["migrations"]) == ("fails", "fails")
    away.rename(file)
    assert set(Readiness.of(engine, tmp_path_factory.getbasetemp()).look().values()) == {OK}
    engine.dispose()


def test_a_disk_without_room_is_noticed(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk with less room than a hall needs is said, while all else is well."""
    monkeypatch.setattr(readiness, "FREE_MIN", 2**62)
    answer = app.test_client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json is not None
    assert {name for name, said in answer.json["checks"].items() if said != OK} == {"space"}


def test_nobody_waits_for_a_check_that_hangs(hanging: Event) -> None:
    """Whoever asks is told in time, and a check that hangs is not begun again meanwhile."""
    begun = []

    def hang() -> str:
        begun.append(1)
        hanging.wait()
        return OK

    both = Readiness({"quick": lambda: OK, "slow": hang}, limit=0.05)
    for _ in range(3):
        both._known = None  # as after a second
        assert both.look() == {"quick": OK, "slow": "no answer in 0.05 s"}
    assert len(begun) == 1


def test_the_checks_are_made_once_for_many_who_ask() -> None:
    """A stranger who asks all the time asks nothing of the database but once a second."""
    made = []

    def check() -> str:
        made.append(1)
        return OK

    asked = Readiness({"counted": check})
    for _ in range(100):
        asked.look()
    assert len(made) == 1
