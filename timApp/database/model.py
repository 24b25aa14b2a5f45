"""The base class of every table's model."""

from datetime import datetime
from enum import Enum
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.dialects import postgresql, sqlite

from timApp.database.dialects.types import UTCDateTime

ConflictInsert = postgresql.Insert | sqlite.Insert

#: Key in the ``info`` of an index: the name of the one database that has it.
ONLY_ON = "only_on"

#: The type of a key that the database numbers.
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


class Model(orm.DeclarativeBase):
    """Base class of every model."""

    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: UTCDateTime, str: sa.Text()}


def enum_column(kind: type[Enum], length: int = 20, check: str | None = None) -> sa.Enum:
    """Return the type of a column that holds the values of an enumeration as text.

    With `check`, the name of a constraint, the database refuses any other value.
    """
    return sa.Enum(
        kind,
        native_enum=False,
        length=length,
        values_callable=lambda members: [member.value for member in members],
        create_constraint=check is not None,
        name=check,
    )


def conflict_insert(connection: sa.Connection, model: type[Model] | sa.Table) -> ConflictInsert:
    """Return an INSERT that can say what to do when a row is there already.

    SQLAlchemy has one for each database; those of ours have the same methods, as far as we use them
    (``on_conflict_do_nothing``, ``on_conflict_do_update``).
    """
    is_postgresql = connection.dialect.name == "postgresql"
    insert: ConflictInsert = (postgresql if is_postgresql else sqlite).insert(model)
    return insert
