"""The models and the migrations agree, and migrations can be undone."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.site import Site
from timApp.auth.site import db
from timApp.database.migrate import alembic, downgrade_database, needs_upgrade, upgrade_database
from timApp.database.model import Model


def tables() -> set[str]:
    """Return the names of the tables, but for Alembic's own."""
    return set(sa.inspect(db.engine).get_table_names()) - {"alembic_version"}


def test_migrations_make_what_the_models_describe(app: Flask) -> None:
    """A migrated database differs in nothing from the models, tables, columns and indexes."""
    with app.app_context():
        assert alembic.compare_metadata() == []
        assert tables() == set(Model.metadata.tables)


def test_a_change_of_a_session_writes_no_index(app: Flask) -> None:
    """On PostgreSQL pages have room for changes, as the model says, and no index is written.

    One on a column that changes, or with a condition on one, would be written at each change.
    """
    with app.app_context():
        if db.engine.dialect.name != "postgresql":
            return
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


def test_upgrade_downgrade_and_upgrade_again_work(app: Flask) -> None:
    """All migrations can be undone and applied again, and the site then works."""
    with app.app_context():
        downgrade_database("base")
        assert tables() == set()
    with app.app_context():
        assert needs_upgrade()
        upgrade_database()
    with app.app_context():
        assert not needs_upgrade()
        assert alembic.compare_metadata() == []
    site = Site(app)
    site.add_user("alice")
    site.logged_in("alice")


def test_upgrading_twice_changes_nothing(app: Flask) -> None:
    """An upgrade of a database that is up to date leaves its rows alone."""
    site = Site(app)
    site.add_user("alice")
    with app.app_context():
        upgrade_database()
    assert site.user_id("alice")


def test_a_failed_migration_leaves_nothing_behind(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A migration that fails half-way is rolled back as a whole, on both databases."""
    with app.app_context():
        downgrade_database("base")
    with app.app_context():
        script = alembic.script_directory.get_revision("0001")
        upgrade = script.module.upgrade

        def upgrade_and_fail() -> None:
            upgrade()
            raise OSError("disk full")

        monkeypatch.setattr(script.module, "upgrade", upgrade_and_fail)
        with pytest.raises(OSError, match="disk full"):
            upgrade_database()
    with app.app_context():
        assert tables() == set()


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
            # On an empty table any plan is as cheap; what counts is whether there is an index.
            connection.execute(sa.text("SET enable_seqscan = off"))
            connection.execute(sa.text("SET enable_bitmapscan = off"))
            plan = str(connection.scalars(sa.text(f"EXPLAIN {query}")).all())
        else:
            plan = str(connection.execute(sa.text(f"EXPLAIN QUERY PLAN {query}")).all())
        assert index[connection.dialect.name] in plan
    assert "Sort" not in plan
    assert "TEMP B-TREE" not in plan
