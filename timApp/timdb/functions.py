"""Functions that each database has by another name."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

#: What stands between joined texts. Names of people and groups have no control characters.
SEPARATOR = "\x1f"


class Joined(FunctionElement[str]):
    """The texts of a group of rows, joined by `SEPARATOR`, in no order; NULL if there are none.

    SQLAlchemy's own such function makes no text of a statement that a driver could be given.
    """

    name = "joined"
    inherit_cache = True
    type = sa.Text()


@compiles(Joined, "postgresql")
def _on_postgresql(joined: Joined, compiler: SQLCompiler, **options: Any) -> str:
    return f"string_agg({compiler.process(joined.clauses, **options)}, chr(31))"


@compiles(Joined, "sqlite")
def _on_sqlite(joined: Joined, compiler: SQLCompiler, **options: Any) -> str:
    return f"group_concat({compiler.process(joined.clauses, **options)}, char(31))"
