"""The models and the migrations agree, and migrations can be undone."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from flask import Flask

from tests.conftest import MakeApp
from tests.site import Site
from tests.together import together
from timApp.auth.site import db
from timApp.database.migrate import (
    UnknownRevision,
    downgrade_database,
    needs_upgrade,
    scripts,
    upgrade_database,
)
from timApp.database.model import ONLY_ON, Model


def tables(engine: sa.Engine) -> set[str]:
    """Return the names of the tables, but for Alembic's own."""
    return set(sa.inspect(engine).get_table_names()) - {"alembic_version"}


def differences(engine: sa.Engine) -> list[Any]:
    """Return what differs between the database and the models."""

    def is_of_this_database(thing: Any, *_: object) -> bool:
        return bool(thing.info.get(ONLY_ON, engine.dialect.name) == engine.dialect.name)

    with engine.connect() as connection:
        options = {
            "include_object": is_of_this_database,
            "compare_type": True,
            "compare_server_default": True,
        }
        found = compare_metadata(
            MigrationContext.configure(connection, opts=options), Model.metadata
        )
    assert isinstance(found, list)
    return found


def test_migrations_make_what_the_models_describe(engine: sa.Engine) -> None:
    """A migrated database differs in nothing from the models, tables, columns and indexes."""
    assert differences(engine) == []
    assert tables(engine) == set(Model.metadata.tables)


def test_a_difference_between_migrations_and_models_would_be_found(engine: sa.Engine) -> None:
    """A missing index and a missing column are differences, so that there being none says much."""
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP INDEX ix_usersession_latest")
        connection.exec_driver_sql("ALTER TABLE useraccount DROP COLUMN email")
    assert {one[0] for one in differences(engine)} == {"add_index", "add_column"}


def test_a_change_of_a_session_writes_no_index(postgresql_url: str, make_app: MakeApp) -> None:
    """On PostgreSQL pages have room for changes, as the model says, and no index is written.

    One on a column that changes, or with a condition on one, would be written at each change.
    """
    with make_app(postgresql_url).app_context():
        options = db.session.scalars(
            sa.text("SELECT reloptions FROM pg_class WHERE relname = 'usersession'")
        ).one()
        wanted = Model.metadata.tables["usersession"].dialect_options["postgresql"]["with"]
        assert options == [f"{name}={value}" for name, value in wanted.items()]
        indexes = db.session.scalars(
            sa.text("SELECT indexdef FROM pg_indexes WHERE tablename = 'usersession'")
        ).all()
        assert indexes
        for index in indexes:
            for column in ("expired_at", "logged_out_at", "last_seen_at"):
                assert column not in index


def test_upgrade_downgrade_and_upgrade_again_work(app: Flask, engine: sa.Engine) -> None:
    """All migrations can be undone and applied again, and the site then works."""
    known = [script.revision for script in scripts().walk_revisions()]
    undone = downgrade_database(engine, "base")
    assert [script.revision for script in undone] == known
    assert tables(engine) == set()
    assert needs_upgrade(engine)
    applied = upgrade_database(engine)
    assert [script.revision for script in applied] == known[::-1]
    assert not needs_upgrade(engine)
    assert differences(engine) == []
    site = Site(app)
    site.add_user("alice")
    site.logged_in("alice")


def test_upgrading_twice_changes_nothing(app: Flask, engine: sa.Engine) -> None:
    """An upgrade of a database that is up to date leaves its rows alone."""
    site = Site(app)
    site.add_user("alice")
    assert upgrade_database(engine) == []
    assert site.user_id("alice")


def test_of_several_that_upgrade_at_once_one_does_it(engine: sa.Engine) -> None:
    """The others wait, and find nothing to do."""
    downgrade_database(engine, "base")
    engine.dispose()
    applied = together([lambda: upgrade_database(engine)] * 4)
    assert sorted(len(one) for one in applied) == [0, 0, 0, len(list(scripts().walk_revisions()))]
    assert differences(engine) == []


def test_a_failed_migration_leaves_nothing_behind(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A migration that fails half-way is rolled back as a whole, on both databases."""
    downgrade_database(engine, "base")
    known = scripts()
    first = known.get_base()
    assert first is not None
    script = known.get_revision(first)
    upgrade = script.module.upgrade

    def upgrade_and_fail() -> None:
        upgrade()
        raise OSError("disk full")

    monkeypatch.setattr(script.module, "upgrade", upgrade_and_fail)
    with pytest.raises(OSError, match="disk full"):
        upgrade_database(engine, known=known)
    assert tables(engine) == set()
    upgrade_database(engine)
    assert differences(engine) == []


def test_tables_of_another_version_are_refused_and_left_alone(engine: sa.Engine) -> None:
    """From a revision that is not known no way leads on or back, whichever way it is asked for."""
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0011'")
        connection.exec_driver_sql("DROP TABLE sessionorder")
    before = tables(engine)
    for ask in (
        upgrade_database,
        needs_upgrade,
        lambda engine: downgrade_database(engine, "base"),
    ):
        with pytest.raises(UnknownRevision, match=r"revision 0011.*timapp db upgrade"):
            ask(engine)
        assert tables(engine) == before
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").all()
    assert [tuple(row) for row in found] == [("0011",)]


@pytest.mark.parametrize(
    "statement", ["UPDATE sessionchange SET actor = 'x'", "DELETE FROM sessionchange"]
)
def test_the_record_of_changes_is_append_only(site: Site, statement: str) -> None:
    """The database itself refuses to change or delete an entry of the record."""
    site.add_user("alice")
    site.logged_in("alice")
    with site.app.app_context():
        with pytest.raises(sa.exc.DBAPIError, match="append-only"):
            db.session.execute(sa.text(statement))
        db.session.rollback()
    assert len(site.changes()) == 1


@pytest.fixture(scope="module")
def empty_app(make_site: Callable[[], Site]) -> Flask:
    """The application on a database that stays empty."""
    return make_site().app


#: Three sessions of each of a hundred people, and what PostgreSQL has to know of them.
_SOME_SESSIONS = (
    "INSERT INTO useraccount (id, name, real_name, email, created_at)"
    " SELECT n, 'person ' || n, '', '', now() FROM generate_series(1, 100) AS n",
    "INSERT INTO usersession (user_id, session_id, logged_in_at, origin)"
    " SELECT n, m, now(), '' FROM generate_series(1, 100) AS n, generate_series(1, 3) AS m",
    "ANALYZE useraccount, usersession",
)


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (
            "SELECT * FROM usersession WHERE user_id = 1 AND session_id = 'x'",
            {"postgresql": "pk_usersession", "sqlite": "USING PRIMARY KEY"},
        ),
        (
            "SELECT session_id FROM usersession WHERE user_id = 1"
            " ORDER BY logged_in_at DESC, session_id DESC LIMIT 1",
            {"postgresql": "ix_usersession_latest", "sqlite": "ix_usersession_latest"},
        ),
        (
            "SELECT user_id FROM usersession WHERE expired_at IS NULL"
            " ORDER BY logged_in_at, user_id, session_id LIMIT 10",
            {"postgresql": "ix_usersession_logged_in_at", "sqlite": "ix_usersession_active"},
        ),
        (
            "SELECT id FROM useraccount WHERE name = 'x'",
            {"postgresql": "uq_useraccount_name", "sqlite": "sqlite_autoindex_useraccount_1"},
        ),
    ],
)
def test_the_common_questions_are_answered_from_an_index(
    empty_app: Flask, query: str, index: dict[str, str]
) -> None:
    """The guard's look-up, a user's latest session, all active ones and a name have an index."""
    with empty_app.app_context(), db.engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            # On an empty table any plan is as cheap, and on a small one to read it all; what counts
            # is whether there is an index.
            for statement in _SOME_SESSIONS:
                connection.execute(sa.text(statement))
            connection.execute(sa.text("SET enable_seqscan = off"))
            connection.execute(sa.text("SET enable_bitmapscan = off"))
            plan = str(connection.scalars(sa.text(f"EXPLAIN {query}")).all())
        else:
            plan = str(connection.execute(sa.text(f"EXPLAIN QUERY PLAN {query}")).all())
        assert index[connection.dialect.name] in plan
    assert "Sort" not in plan
    assert "TEMP B-TREE" not in plan


def test_moments_of_another_spelling_are_put_right(sqlite_url: str, make_app: MakeApp) -> None:
    """What a logout wrote on SQLite before is the same moment, spelt as all the others are."""
    site = Site(make_app(sqlite_url))
    site.add_user("alice")
    right, wrong = site.logged_in("alice"), site.logged_in("alice")
    with site.app.app_context():
        downgrade_database(db.engine, "v1_0001")
        with db.engine.begin() as connection:
            for browser, text in (
                (right, "2026-11-28T18:40:06.242748+00:00"),
                (wrong, "2026-11-28 18:40:06.242748"),
            ):
                connection.exec_driver_sql(
                    "UPDATE usersession SET expired_at = ? WHERE session_id = ?",
                    (text, browser.session_id),
                )
        upgrade_database(db.engine)
        query = "SELECT DISTINCT expired_at FROM usersession"
        with db.engine.connect() as connection:
            found = connection.exec_driver_sql(query).scalars().all()
    assert found == ["2026-11-28T18:40:06.242748+00:00"]
