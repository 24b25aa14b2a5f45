"""Units of work."""

import pytest
import sqlalchemy as sa

from tests.statements import noted_statements_of
from timApp.database.work import Work, read_row, rows_changed
from timApp.user.usergroup import UserGroup

GROUPS = sa.select(UserGroup.name).order_by(UserGroup.name)


def names(engine: sa.Engine) -> list[str]:
    """Return the names of all groups, as others see them."""
    with engine.connect() as connection:
        return list(connection.scalars(GROUPS))


def test_what_is_committed_stays(engine: sa.Engine) -> None:
    """Others see it after the commit, and after the end."""
    with Work(engine) as work:
        work.session.add(UserGroup(name="readers"))
        work.session.flush()
        work.commit()
        assert names(engine) == ["readers"]
    assert names(engine) == ["readers"]


def test_what_is_not_committed_is_undone_at_the_end(engine: sa.Engine) -> None:
    """Also what came after a commit, and what was not yet written."""
    with Work(engine) as work:
        work.session.add(UserGroup(name="readers"))
        work.commit()
        work.session.add(UserGroup(name="writers"))
        work.session.flush()
        work.session.add(UserGroup(name="listeners"))
    assert names(engine) == ["readers"]


def test_an_error_undoes_the_work_and_goes_on(engine: sa.Engine) -> None:
    """Whatever it is; the next work is not concerned, and no connection stays in use."""

    def fail(error: type[BaseException]) -> None:
        with Work(engine) as work:
            work.session.add(UserGroup(name="readers"))
            work.session.flush()
            raise error

    for error in (LookupError, KeyboardInterrupt):
        with pytest.raises(error):
            fail(error)
    assert names(engine) == []
    assert isinstance(engine.pool, sa.pool.QueuePool)
    assert engine.pool.checkedout() == 0
    with Work(engine) as work:
        work.session.add(UserGroup(name="writers"))
        work.commit()
    assert names(engine) == ["writers"]


def test_to_ask_whether_there_is_a_transaction_begins_none(engine: sa.Engine) -> None:
    """It makes no session, sends nothing to the database, and takes no connection."""
    with noted_statements_of(engine) as statements, Work(engine) as work:
        assert not work.is_in_transaction()
        assert work._session is None
        work.commit()
        assert work._session is None
    assert statements == []
    assert isinstance(engine.pool, sa.pool.QueuePool)
    assert engine.pool.checkedout() == 0


def test_a_transaction_lasts_from_the_first_use_to_the_commit(engine: sa.Engine) -> None:
    """The session alone is none; a read begins one, and the next read after a commit another."""
    with Work(engine) as work:
        assert work.session is work.session
        assert not work.is_in_transaction()
        for _ in range(2):
            work.session.scalars(GROUPS).all()
            assert work.is_in_transaction()
            work.commit()
            assert not work.is_in_transaction()
        work.session.scalars(GROUPS).all()
        work.session.rollback()
        assert not work.is_in_transaction()


def test_a_read_of_one_row_is_part_of_the_transaction_if_there_is_one(engine: sa.Engine) -> None:
    """What was written a moment ago is seen; outside of a transaction none is begun for it."""
    query = sa.select(UserGroup.name).where(UserGroup.name == sa.bindparam("name"))
    with Work(engine) as work:
        assert read_row(work, query, {"name": "readers"}) is None
        assert not work.is_in_transaction()
        work.session.add(UserGroup(name="readers"))
        work.session.flush()
        assert read_row(work, query, {"name": "readers"}) == ("readers",)
        assert work.is_in_transaction()


def test_an_update_says_how_many_rows_it_has_changed(engine: sa.Engine) -> None:
    """None, one, or all, in the work's transaction."""
    with Work(engine) as work:
        work.session.add_all(UserGroup(name=name) for name in ("a", "b", "c"))
        work.session.flush()
        for condition, count in ((sa.false(), 0), (UserGroup.name == "a", 1), (sa.true(), 3)):
            update = sa.update(UserGroup).where(condition).values(name=UserGroup.name + "x")
            assert rows_changed(work, update, synchronize_session=False) == count
    assert names(engine) == []
