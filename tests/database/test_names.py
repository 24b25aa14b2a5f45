"""An upgrade to the revision from which names are compared as RFC 8265 says."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.commandline import CommandLine
from tests.conftest import MakeApp
from tests.database.test_backup import engine_of
from tests.newer import HEAD
from tests.site import Site
from timApp.auth.site import db
from timApp.database.migrate import downgrade_database, needs_upgrade, upgrade_database
from timApp.database.migrating import names
from timApp.database.migrating.names import SameNames, fill_in_names, require_distinct_names
from timApp.user.user import User, create_user
from timApp.util.folded import folded
from timApp.util.lookalikes import look_of
from timApp.util.names import key_of

#: The newest revision without anything that is made of names.
BEFORE = "v1_0003"


def rename(engine: sa.Engine, old: str, new: str) -> None:
    """Give somebody a name behind the program's back, as an older one gives names."""
    with engine.begin() as connection:
        for table in ("useraccount", "usergroup"):
            text = f"UPDATE {table} SET name = :new WHERE name = :old"  # noqa: S608
            connection.execute(sa.text(text), {"new": new, "old": old})


@pytest.fixture
def older(site: Site) -> Site:
    """A site of before, on which names that are one by now are three people, and others are two."""
    for name in ("ann", "second", "third", "Bob", "fifth", "Älice", "carol"):
        site.add_user(name)
    engine = engine_of(site)
    downgrade_database(engine, BEFORE)
    for old, new in (("second", "Ann"), ("third", "\uff41nn"), ("fifth", "BOB")):
        rename(engine, old, new)
    rename(engine, "carol", "carol\u200b")
    return site


def test_names_that_are_one_by_now_are_listed_and_nothing_is_changed(older: Site) -> None:
    """The message says which they are, and the commands to decide by."""
    engine = engine_of(older)
    with pytest.raises(SameNames) as caught:
        upgrade_database(engine)
    message = caught.value.message
    for name in ("'ann'", "'Ann'", "'ａnn'", "'Bob'", "'BOB'"):  # noqa: RUF001
        assert name in message
    assert "Älice" not in message
    assert "`timapp user rename OLD NEW`" in message
    assert "`timapp db upgrade`" in message
    assert needs_upgrade(engine)
    assert not any(
        one["name"] == "name_key" for one in sa.inspect(engine).get_columns("useraccount")
    )


def test_an_operator_decides_and_upgrades(older: Site, tmp_path: Path) -> None:
    """People of an older database are renamed by the letters of their names."""
    url = older.app.config["DATABASE_URL"]
    timapp = CommandLine(url, tmp_path)
    assert "names are one by now" in timapp.refused("db", "upgrade")
    assert timapp.done("user", "rename", "Ann", "ann2") == "Renamed Ann to ann2.\n"
    assert timapp.done("user", "rename", "\uff41nn", "ann3") == "Renamed \uff41nn to ann3.\n"
    assert "same as 'Bob'" in timapp.refused("user", "rename", "ann3", "bob")
    assert "'BOB'" in timapp.refused("db", "upgrade")
    timapp.done("user", "rename", "BOB", "bobby")
    assert timapp.done("db", "upgrade").endswith("The database is up to date.\n")
    for typed, name in (("ANN", "ann"), ("Ann2", "ann2"), ("bob", "Bob"), ("a\u0308lice", "Älice")):
        answer = older.browser().log_in(typed)
        assert (answer.status_code, (answer.json or {})["username"]) == (200, name)


def test_an_upgrade_fills_in_what_is_made_of_names(
    older: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For everybody, however many batches it takes, and as it is for new people."""
    engine = engine_of(older)
    for old, new in (("Ann", "ann2"), ("\uff41nn", "ann3"), ("BOB", "bobby")):
        rename(engine, old, new)
    monkeypatch.setattr(names, "BATCH", 2)
    assert [script.revision for script in upgrade_database(engine)][-1] == HEAD
    with older.app.app_context():
        people = db.session.scalars(sa.select(User)).all()
        assert len(people) == 7
        for one in people:
            assert one.name_key == key_of(one.name)
            assert one.name_look == look_of(one.name)
            assert one.search_text == folded(one.name, one.real_name, one.email)


def test_whoever_an_older_program_added_is_filled_in_by_the_next_upgrade(
    app: Flask, engine: sa.Engine
) -> None:
    """But for whoever has a name that is somebody's already, which is told."""
    with app.app_context():
        create_user(db, "ann", None)
        for name in ("Bob", "ANN"):
            db.session.add(User(name=name, name_key=sa.null(), password_hash="-"))
        db.session.commit()
        with db.engine.begin() as connection:
            assert fill_in_names(connection) == 1
        keys = db.session.execute(sa.select(User.name, User.name_key)).all()
        assert {tuple(row) for row in keys} == {("ann", "ann"), ("ANN", None), ("Bob", "bob")}
        with db.engine.begin() as connection, pytest.raises(SameNames, match="ANN"):
            require_distinct_names(connection)


def test_an_interrupted_upgrade_goes_on_where_it_was(
    postgresql_url: str, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL each batch is done when it is done."""
    site = Site(make_app(postgresql_url))
    for number in range(5):
        site.add_user(f"p{number}")
    engine = engine_of(site)
    downgrade_database(engine, BEFORE)
    monkeypatch.setattr(names, "BATCH", 2)
    calls: list[str] = []

    def fail_at_the_fourth(text: str) -> str:
        calls.append(text)
        if len(calls) == 9:
            raise OSError("cut")
        return key_of(text)

    monkeypatch.setattr(names, "key_of", fail_at_the_fourth)
    with pytest.raises(OSError, match="cut"):
        upgrade_database(engine)
    with engine.connect() as connection:
        filled = sa.text("SELECT count(*) FROM useraccount WHERE name_key IS NOT NULL")
        assert connection.scalar(filled) == 2
    monkeypatch.setattr(names, "key_of", key_of)
    upgrade_database(engine)
    assert not needs_upgrade(engine)
    site.logged_in("P4")


def test_a_database_without_tables_has_nobody_to_rename(tmp_path: Path) -> None:
    """The command says what to do, as others do."""
    file = tmp_path / "new.db"
    file.touch()
    timapp = CommandLine(f"sqlite:///{file}", tmp_path)
    told = timapp.refused("user", "rename", "ann", "ann2")
    assert f"the file {file} is empty" in told
    assert "run `timapp db upgrade`" in told
