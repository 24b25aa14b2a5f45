"""Reads of many rows that are given to the driver."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from timApp.database.driver.rows import copied

#: So many that some of them have arrived when others are waited for.
ROWS = 3000


def read(engine: sa.Engine, failing: int | None) -> list[bytes]:
    """Return the blocks of a copy whose row of that number divides by zero."""
    number = sa.func.generate_series(1, ROWS, type_=sa.Integer()).column_valued("number")
    query = sa.select(sa.func.div(100, number - (failing or 0)))
    ended: list[int] = []
    with engine.connect() as connection:
        blocks = []
        for block, rows in copied(
            connection, query, "FORMAT csv", lambda block: ended.append(len(block)), 100
        ):
            blocks.append(block)
            assert block.count(b"\n") == rows
        assert len(ended) == ROWS
        # The connection goes on.
        assert connection.scalar(sa.text("SELECT 1")) == 1
    return blocks


@pytest.fixture
def engine(postgresql_url: str) -> Iterator[sa.Engine]:
    """An engine on PostgreSQL."""
    engine = sa.create_engine(postgresql_url.replace("postgresql://", "postgresql+psycopg://"))
    yield engine
    engine.dispose()


def test_rows_arrive_in_blocks_and_none_is_lost(engine: sa.Engine) -> None:
    """All rows come in their order, in blocks of the size or more; the last has the rest."""
    blocks = read(engine, failing=None)
    quotients = [100 // number for number in range(1, ROWS + 1)]
    assert b"".join(blocks).decode().split() == [str(quotient) for quotient in quotients]
    assert all(len(block) >= 100 for block in blocks[:-1])


@pytest.mark.parametrize("failing", [1, 2, ROWS // 2, ROWS])
def test_an_error_of_the_database_ends_the_rows(engine: sa.Engine, failing: int) -> None:
    """Wherever it happens, it is raised as SQLAlchemy would, and the connection is given up."""
    with pytest.raises(sa.exc.DataError, match="division by zero"):
        read(engine, failing)
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT 1")) == 1


def test_whoever_has_enough_may_stop(engine: sa.Engine) -> None:
    """A copy that is closed half-way is cancelled, and the next transaction may copy again."""
    query = sa.select(sa.func.generate_series(1, 1_000_000))
    with engine.connect() as connection:
        for _ in range(3):
            with connection.begin():
                blocks = copied(connection, query, "FORMAT csv", bool, 100)
                assert next(blocks)[0].startswith(b"1\n2\n")
                blocks.close()
        assert connection.scalar(sa.text("SELECT 1")) == 1
