"""What spares the tests of a process work that comes out the same each time."""

from collections.abc import Callable
from typing import Any, Literal

import sqlalchemy as sa
from argon2 import PasswordHasher
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from sqlalchemy.sql.elements import ClauseElement
from werkzeug.routing import Rule

from timApp.database.driver.statement import DriverStatement, Executable


class OneHashHasher(PasswordHasher):
    """Hashes one password, the one that everybody in the tests has, only once.

    That hash is as strong as those of the hasher it stands for, and salted, but always the same.
    With any other password and any other hash it does all that a hasher does.
    """

    def __init__(self, hasher: PasswordHasher, password: str) -> None:
        super().__init__(hasher.time_cost, hasher.memory_cost, hasher.parallelism)
        self._password = password
        self._hash = hasher.hash(password)

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        """Return a hash of the password."""
        if password == self._password and salt is None:
            return self._hash
        return super().hash(password, salt=salt)

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002
        """Return True if the password belongs to the hash; raise otherwise, as hashers do."""
        if (hash, password) == (self._hash, self._password):
            return True
        return super().verify(hash, password)


class SharedTemplates(BytecodeCache):
    """Compiled templates that each application of a process uses, as long as nobody edits them."""

    def __init__(self) -> None:
        self._compiled: dict[tuple[str, str], bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give out what the template was compiled to, if it was."""
        compiled = self._compiled.get((bucket.key, bucket.checksum))
        if compiled is not None:
            bucket.bytecode_from_string(compiled)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what the template was compiled to."""
        self._compiled[bucket.key, bucket.checksum] = bucket.bytecode_to_string()


_Builder = Callable[..., tuple[str, str]]


def compiled_once(compile_builder: Callable[[Rule, bool], _Builder]) -> object:
    """Return the method of `Rule` that compiles what writes addresses, which does so only once.

    What it returns is told the rule when it is called: it is the same for rules that read the same.
    """
    compiled: dict[tuple[object, ...], _Builder] = {}

    def compile_once(rule: Rule, append_unknown: bool) -> _Builder:
        key = (rule.rule, *rule._trace, repr(rule.defaults), append_unknown)
        if key not in compiled:
            compiled[key] = compile_builder(rule, append_unknown)
        return compiled[key]

    return compile_once


class SharedStatements:
    """SQL that each engine of a process uses: a test has a new one, which would compile it again.

    It is SQLAlchemy's own cache of an engine, by the same key, but for all engines of one kind.
    """

    def __init__(self) -> None:
        self._compiled: dict[object, Any] = {}
        self._known: dict[object, dict[str, object]] = {}

    def compiler(self, compile_statement: Callable[..., Any]) -> object:
        """Return the method of `ClauseElement` that compiles, which does so once for each key."""

        def compile_once(statement: ClauseElement, dialect: sa.Dialect, **options: Any) -> Any:
            found = options.get("cache_key")
            if found is None:  # the values are part of what is compiled
                return compile_statement(statement, dialect, **options)
            rest = {**options, "cache_key": found.key}
            rest["column_keys"] = tuple(options.get("column_keys") or ())
            key = (_kind_of(dialect), *sorted(rest.items()))
            if key not in self._compiled:
                self._compiled[key] = compile_statement(statement, dialect, **options)
            return self._compiled[key]

        return compile_once

    def driver_statement(self, prepare: Callable[..., None]) -> object:
        """Return the initialiser of `DriverStatement`, which works each statement out once."""

        def prepare_once(made: DriverStatement, dialect: sa.Dialect, statement: Executable) -> None:
            key = (_kind_of(dialect), statement)
            if key not in self._known:
                prepare(made, dialect, statement)
                self._known[key] = vars(made)
            vars(made).update(self._known[key])

        return prepare_once


def _kind_of(dialect: sa.Dialect) -> tuple[object, ...]:
    """Return what SQL depends on: the kind of database, and its version once it has answered."""
    return type(dialect), dialect.server_version_info
