"""Functions that each database has by another name."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from timApp.database.dialects.types import UTCDateTime

_Value = TypeVar("_Value")

#: What stands between joined texts. Names of people and groups have no control characters.
SEPARATOR = "\x1f"


class _NamedByDatabase(FunctionElement[_Value]):
    inherit_cache = True
    #: How each database has it, with ``{}`` in the place of the argument.
    forms: ClassVar[Mapping[str, str]]


@compiles(_NamedByDatabase)
def _compile(function: _NamedByDatabase[Any], compiler: SQLCompiler, **options: Any) -> str:
    form = function.forms[compiler.dialect.name]
    return form.format(compiler.process(function.clauses, **options))


class Joined(_NamedByDatabase[str]):
    """The texts that a query gives, joined by `SEPARATOR`, in no order; NULL or empty if none.

    The query is a scalar subquery of one column; those that are NULL are left out. On PostgreSQL an
    array takes less than an aggregate, and on SQLite an aggregate less than a query around another,
    which is noticed where each request asks.
    """

    name = "joined"
    inherit_cache = True
    type = sa.Text()
    forms: ClassVar[Mapping[str, str]] = {"postgresql": "array_to_string(ARRAY{}, chr(31))"}


@compiles(Joined, "sqlite")
def _compile_joined_on_sqlite(joined: Joined, compiler: SQLCompiler, **options: Any) -> str:
    (subquery,) = joined.clauses
    query = subquery.element
    (text,) = query.selected_columns
    aggregate = sa.func.group_concat(text, sa.literal_column(f"'{SEPARATOR}'"))
    whole = query.with_only_columns(aggregate, maintain_column_froms=True).scalar_subquery()
    return compiler.process(whole, **options)


class FirstCode(_NamedByDatabase[int]):
    """The number in Unicode of a text's first character; 0 or NULL if there is none."""

    name = "first_code"
    inherit_cache = True
    type = sa.Integer()
    forms: ClassVar[Mapping[str, str]] = {"postgresql": "ascii({})", "sqlite": "unicode({})"}


class IsoTime(_NamedByDatabase[str]):
    """A moment in ISO 8601, in UTC and with microseconds, as SQLite keeps it."""

    name = "iso_time"
    inherit_cache = True
    type = sa.Text()
    forms: ClassVar[Mapping[str, str]] = {
        "postgresql": """to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"')""",
        "sqlite": "{}",
    }


class SecondOf(_NamedByDatabase[int]):
    """A moment in whole seconds since 1970; NULL if there is none."""

    name = "second_of"
    inherit_cache = True
    type = sa.Integer()
    forms: ClassVar[Mapping[str, str]] = {
        "postgresql": "CAST(floor(extract(epoch FROM {})) AS bigint)",
        "sqlite": "unixepoch({})",
    }


class LostInCrash(FunctionElement[bool]):
    """A condition that is true, and with which PostgreSQL does not wait for the disk to commit.

    A crash of the database may lose such a transaction, of which this is the last second's at most,
    and nothing else. It is said in the statement, since anything else would take more round trips
    or outlast the transaction. On SQLite `timApp.database.driver.write` says it to the connection.
    """

    type = sa.Boolean()
    inherit_cache = True


@compiles(LostInCrash)
def _compile_lost_in_crash(*_: object, **__: object) -> str:
    return "1 = 1"


@compiles(LostInCrash, "postgresql")
def _compile_lost_in_crash_on_postgresql(*_: object, **__: object) -> str:
    return "set_config('synchronous_commit', 'off', true) = 'off'"


class MinuteBefore(_NamedByDatabase[datetime]):
    """The moment a minute before another one; on SQLite cut off after its milliseconds."""

    name = "minute_before"
    inherit_cache = True
    type = UTCDateTime()
    forms: ClassVar[Mapping[str, str]] = {
        "postgresql": "({} - interval '1 minute')",
        "sqlite": "strftime('%Y-%m-%dT%H:%M:%f000+00:00', {}, '-60 seconds')",
    }


class IsOneOf(FunctionElement[bool]):
    """Whether a text is one of the words in another, which are parted by blanks.

    Words without quotation marks and backslashes. Unlike a list of parameters it is one, and an
    index of the text is used for it.
    """

    name = "is_one_of"
    type = sa.Boolean()
    inherit_cache = True

    def self_group(self, against: object = None) -> "IsOneOf":  # noqa: ARG002
        """Return the condition as it is: with ``= 1`` behind it, SQLite takes no index."""
        return self


@compiles(IsOneOf, "postgresql")
def _compile_is_one_of_on_postgresql(
    element: IsOneOf, compiler: SQLCompiler, **options: Any
) -> str:
    text, words = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({text} = ANY(string_to_array({words}, ' ')))"


@compiles(IsOneOf, "sqlite")
def _compile_is_one_of_on_sqlite(element: IsOneOf, compiler: SQLCompiler, **options: Any) -> str:
    text, words = (compiler.process(clause, **options) for clause in element.clauses)
    array = f"""'["' || replace({words}, ' ', '","') || '"]'"""
    return f"({text} IN (SELECT value FROM json_each({array})))"  # noqa: S608 - compiled parts
