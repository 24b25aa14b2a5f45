"""Column types that behave alike on SQLite and PostgreSQL."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine


class UTCDateTime(TypeDecorator[datetime]):
    """A moment in time: timezone-aware, UTC, with microseconds.

    PostgreSQL stores a ``timestamptz``. SQLite, which has no such type, stores ISO 8601 text of
    fixed width, so that text order is time order and an export needs no conversion.
    A naive datetime is refused with `ValueError`: it does not say which moment it means.
    """

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the column type of one database."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(sa.String(32))
        return dialect.type_descriptor(sa.DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> object:
        """Turn an aware datetime into what the driver stores."""
        if value is None:
            return None
        if value.tzinfo is None:
            msg = f"a naive datetime does not name a moment: {value!r}"
            raise ValueError(msg)
        moment = value.astimezone(UTC)
        return moment.isoformat(timespec="microseconds") if dialect.name == "sqlite" else moment

    def process_result_value(self, value: object, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Turn what the driver returns into an aware UTC datetime."""
        if value is None:
            return None
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        assert isinstance(moment, datetime)  # noqa: S101 - narrows the type for mypy
        # To turn what is UTC into UTC takes several times as long as to read it.
        return moment if moment.tzinfo is UTC else moment.astimezone(UTC)
