"""Statements as a driver takes them.

SQLAlchemy takes several times as long to hand a statement to the driver as the driver takes to
answer it. What each request asks is compiled once, and then given to the driver itself.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, TypeVar

import sqlalchemy as sa

_Key = TypeVar("_Key")
#: Turns a value from what Python has into what the driver takes, or back.
_Processor = Callable[[Any], Any]
#: What can be compiled once and executed often.
Executable = sa.Select[*tuple[Any, ...]] | sa.Update | sa.Insert | sa.Delete


class DriverStatement:
    """A statement, without lists of parameters (``IN``), compiled for one kind of database."""

    def __init__(self, dialect: sa.Dialect, statement: Executable) -> None:
        compiled = statement.compile(dialect=dialect)
        self.text = str(compiled)
        self._ordered = _in_order(getattr(compiled, "positiontup", None))
        binds = {name: bind for bind, name in compiled.bind_names.items()}
        to_driver = dict(
            needed(
                (name, bind.type.dialect_impl(dialect).bind_processor(dialect))
                for name, bind in binds.items()
            )
        )
        #: What is worked out each time, such as the moment.
        self._live = [
            (name, bind.callable, to_driver.get(name))
            for name, bind in binds.items()
            if bind.callable is not None
        ]
        live = {name for name, _, _ in self._live}
        self._constants = {
            name: to_driver[name](value) if name in to_driver else value
            for name, value in compiled.params.items()
            if not binds[name].required and name not in live
        }
        self._to_driver = [
            (name, process) for name, process in to_driver.items() if binds[name].required
        ]
        is_plain = not (self._constants or self._to_driver or self._live)
        #: Returns the parameters as the driver takes them with the text; `KeyError` without one.
        self.given: Callable[[Mapping[str, object]], Any] = (
            self._ordered if is_plain else self._prepared
        )

    def _prepared(self, parameters: Mapping[str, object]) -> Any:
        values = {**self._constants, **parameters}
        for name, process in self._to_driver:
            values[name] = process(values[name])
        for name, value_of, to_driver in self._live:
            values[name] = value_of() if to_driver is None else to_driver(value_of())
        return self._ordered(values)


def sqlalchemys_error(error: Exception, text: str, dialect: sa.Dialect) -> Exception:
    """Return what SQLAlchemy would have raised for an error of the driver with this statement."""
    return sa.exc.DBAPIError.instance(
        text, None, error, dialect.loaded_dbapi.Error, dialect=dialect
    )


def needed(
    processors: Iterable[tuple[_Key, _Processor | None]],
) -> list[tuple[_Key, _Processor]]:
    """Return those that there are: most types pass as they are."""
    return [(key, process) for key, process in processors if process is not None]


def _in_order(names: Sequence[str] | None) -> Callable[[Mapping[str, Any]], Any]:
    """Return what puts values in the order that the driver wants; None means by their names."""
    if names is None:
        return dict
    if len(names) > 1:
        return itemgetter(*names)
    return lambda values: [values[name] for name in names]
