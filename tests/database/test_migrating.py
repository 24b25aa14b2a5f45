"""Migrations beside the site's work, and versions that meet each other's tables."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.conftest import MakeApp
from tests.live import eventually
from tests.newer import HEAD, newer_scripts
from tests.site import Site
from tests.together import PATIENCE, together
from timApp.database.engine import open_engine
from timApp.database.migrate import (
    UnknownRevision,
    downgrade_database,
    needs_upgrade,
    newer_revision,
    scripts,
    scripts_down,
    upgrade_database,
)
from timApp.database.migrating.patience import Patience, TablesInUse
from timApp.database.migrating.revisions import NewerRevision
from timApp.util.errors import TimError

ADD_COLUMN = "op.add_column('usersession', sa.Column('extra', sa.Text()))"
DROP_COLUMN = "op.drop_column('usersession', 'extra')"
ADD_INDEX = "concurrently.create_index('ix_extra', 'usersession', ['origin'])"
DROP_INDEX = "concurrently.drop_index('ix_extra', 'usersession')"
#: Waits for hardly anything, and for hardly ever.
HASTY = Patience(for_a_table=0.05, pause=0, tries=3)


@pytest.fixture
def postgresql(postgresql_url: str) -> Iterator[sa.Engine]:
    """The engine of a fresh PostgreSQL database."""
    engine = open_engine(postgresql_url)
    yield engine
    engine.dispose()


def columns(engine: sa.Engine) -> set[str]:
    """Return the names of the columns of sessions."""
    return {column["name"] for column in sa.inspect(engine).get_columns("usersession")}


def index(engine: sa.Engine) -> bool | None:
    """Return whether the index of the tests is valid; None if there is none."""
    query = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('ix_extra')"
    with engine.connect() as connection:
        return connection.exec_driver_sql(query).scalar()


# Versions that meet each other's tables.


def test_each_migration_is_named_after_its_series_and_comes_after_the_one_before() -> None:
    """The names of revisions say which is newer, so that an older program can tell."""
    names = [script.revision for script in scripts().walk_revisions()]
    assert names == [f"v1_{number:04}" for number in range(len(names), 0, -1)]


def test_tables_that_are_newer_within_a_series_are_served_and_said_to_be_so(
    app: Flask, engine: sa.Engine, tmp_path: Path
) -> None:
    """An older program works with them, has nothing to upgrade, and leaves them as they are."""
    upgrade_database(engine, known=newer_scripts(tmp_path, ADD_COLUMN))
    assert not needs_upgrade(engine)
    assert newer_revision(engine) == "v1_9001"
    assert upgrade_database(engine) == []
    site = Site(app)
    site.add_user("alice")
    site.logged_in("alice")
    with pytest.raises(NewerRevision, match=rf"newer timApp .*`timapp db downgrade {HEAD}`"):
        downgrade_database(engine, "base")
    assert "extra" in columns(engine)


def test_tables_of_a_later_series_are_refused_in_words_of_their_own(engine: sa.Engine) -> None:
    """A program that meets them says that they are newer, and how to go back."""
    assert newer_revision(engine) is None
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'v2_0001'")
    for ask in (needs_upgrade, newer_revision, upgrade_database):
        with pytest.raises(UnknownRevision, match=r"newer timApp \(revision v2_0001\)") as caught:
            ask(engine)
        assert f"`timapp db downgrade {HEAD}`" in caught.value.message


def test_the_newer_version_undoes_what_it_added(engine: sa.Engine, tmp_path: Path) -> None:
    """After a downgrade to the revision below, the tables are those of the version before."""
    known = newer_scripts(tmp_path, ADD_COLUMN, DROP_COLUMN)
    before = columns(engine)
    upgrade_database(engine, known=known)
    target, undone = scripts_down(engine, None, known)
    assert (target, [script.revision for script in undone]) == (HEAD, ["v1_9001"])
    downgrade_database(engine, target, known)
    assert columns(engine) == before
    assert not needs_upgrade(engine)
    assert newer_revision(engine) is None


@pytest.mark.parametrize("target", ["v1_9001", "nonsense", HEAD, "head", "-1", "%"])
def test_a_downgrade_to_what_is_not_below_is_refused(engine: sa.Engine, target: str) -> None:
    """A revision that is not there, or not below, is named, with those that are."""
    with pytest.raises(TimError, match="is no revision below") as caught:
        scripts_down(engine, target)
    assert "base" in caught.value.message


# Beside the site's work.


def test_nobody_has_to_wait_for_a_migration_that_waits(
    postgresql: sa.Engine, postgresql_url: str, make_app: MakeApp, tmp_path: Path
) -> None:
    """While a table is in use, logins go on, the operator is told, and in the end it is done."""
    site = Site(make_app(postgresql_url))
    site.add_user("alice")
    known = newer_scripts(tmp_path, ADD_COLUMN)
    patience = Patience(for_a_table=0.2, pause=0.05, tries=1000)
    told: Queue[str] = Queue()
    with ThreadPoolExecutor(1) as pool, postgresql.connect() as reader:
        reader.exec_driver_sql("SELECT count(*) FROM usersession")  # in use until it ends
        done = pool.submit(
            upgrade_database, postgresql, known=known, patience=patience, report=told.put
        )
        for _ in range(5):
            assert "A table is in use" in told.get(timeout=PATIENCE)
            site.logged_in("alice")
        assert not done.done()
        reader.rollback()
        assert [script.revision for script in done.result(PATIENCE)] == ["v1_9001"]
    assert len(site.sessions("alice")) == 5
    assert "extra" in columns(postgresql)


def test_a_migration_gives_up_in_the_end_and_changes_nothing(
    postgresql: sa.Engine, tmp_path: Path
) -> None:
    """A table that stays in use ends the migration in a sentence that says where to look."""
    known = newer_scripts(tmp_path, ADD_COLUMN)
    told: list[str] = []
    with postgresql.connect() as reader:
        reader.exec_driver_sql("SELECT count(*) FROM usersession")
        with pytest.raises(TablesInUse, match="pg_stat_activity"):
            upgrade_database(postgresql, known=known, patience=HASTY, report=told.append)
    assert len(told) == HASTY.tries - 1
    assert "extra" not in columns(postgresql)
    assert newer_revision(postgresql) is None


def test_a_migration_whose_connection_was_cut_can_be_run_again(
    postgresql: sa.Engine, tmp_path: Path
) -> None:
    """What was done before the cut is undone, nothing is locked, and the next run does it all."""
    cut = "op.execute('SELECT pg_terminate_backend(pg_backend_pid())')"
    with pytest.raises(sa.exc.OperationalError):
        upgrade_database(postgresql, known=newer_scripts(tmp_path, f"{ADD_COLUMN}; {cut}"))
    assert "extra" not in columns(postgresql)
    upgrade_database(postgresql, known=newer_scripts(tmp_path, ADD_COLUMN), patience=HASTY)
    assert "extra" in columns(postgresql)


def test_an_index_is_made_while_others_write(
    postgresql: sa.Engine, postgresql_url: str, make_app: MakeApp, tmp_path: Path
) -> None:
    """Sessions begin while the index waits for an older transaction; then it is made."""
    site = Site(make_app(postgresql_url))
    site.add_user("alice")
    site.logged_in("alice")
    known = newer_scripts(tmp_path, ADD_INDEX, DROP_INDEX)
    with ThreadPoolExecutor(1) as pool, postgresql.connect() as writer:
        writer.exec_driver_sql("UPDATE usersession SET origin = 'x'")
        done = pool.submit(upgrade_database, postgresql, known=known, patience=HASTY)
        eventually(lambda: index(postgresql) is False or None)
        site.logged_in("alice")
        assert not done.done()
        writer.commit()
        assert [script.revision for script in done.result(PATIENCE)] == ["v1_9001"]
    assert index(postgresql) is True
    downgrade_database(postgresql, HEAD, known)
    assert index(postgresql) is None


def test_an_index_that_was_not_finished_is_made_again(
    postgresql: sa.Engine, postgresql_url: str, make_app: MakeApp, tmp_path: Path
) -> None:
    """What a failure leaves of an index is of no use, and in no way of the next run."""
    site = Site(make_app(postgresql_url))
    site.add_user("alice")
    for _ in range(2):
        site.logged_in("alice")
    known = newer_scripts(tmp_path, ADD_INDEX.replace("])", "], unique=True)"))
    with pytest.raises(sa.exc.IntegrityError):
        upgrade_database(postgresql, known=known)
    assert index(postgresql) is False
    with postgresql.begin() as connection:
        connection.exec_driver_sql("UPDATE usersession SET origin = session_id")
    assert len(upgrade_database(postgresql, known=known)) == 1
    assert index(postgresql) is True


def test_an_index_that_was_made_without_a_word_of_it_is_left_alone(
    engine: sa.Engine, tmp_path: Path
) -> None:
    """A migration that died between its index and the note that it is done runs again."""
    died = newer_scripts(tmp_path, f"{ADD_INDEX}; raise OSError('died')")
    with pytest.raises(OSError, match="died"):
        upgrade_database(engine, known=died)
    assert newer_revision(engine) is None
    upgrade_database(engine, known=newer_scripts(tmp_path, ADD_INDEX))
    assert newer_revision(engine) == "v1_9001"
    names = [one["name"] for one in sa.inspect(engine).get_indexes("usersession")]
    assert names.count("ix_extra") == 1


def test_of_several_that_make_an_index_at_once_one_does_it(
    engine: sa.Engine, tmp_path: Path
) -> None:
    """Those who wait for their turn keep no snapshot, for which the index would have to wait."""
    known = newer_scripts(tmp_path, ADD_INDEX)
    applied = together([lambda: upgrade_database(engine, known=known)] * 3)
    assert sorted(map(len, applied)) == [0, 0, 1]
