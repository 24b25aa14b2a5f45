"""How a database says that it cannot answer, and its reason in one line."""

import logging
import re
import sqlite3
from weakref import WeakKeyDictionary

import psycopg
import sqlalchemy as sa

from timApp.database.dialects.sqliteerrors import is_damaged, is_mistaken, is_moved, is_unwritten
from timApp.util.repeats import Repeats
from timApp.util.text import one_line

#: Errors among which are those of a database that cannot answer; `is_unavailable` tells them apart.
#: Those of the drivers are, too: SQLAlchemy passes on what they raise while it gets a connection
#: ready, or takes it back.
ERRORS = (sa.exc.DBAPIError, sa.exc.TimeoutError, psycopg.Error, sqlite3.Error)

#: It is not there, has no connection to spare, or somebody else has kept what is wanted too long.
OUT_OF_REACH = (
    *(sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError),
    *(psycopg.OperationalError, psycopg.InterfaceError),
    *(sqlite3.OperationalError, sqlite3.InterfaceError),
)
#: PostgreSQL's codes for what drivers call an internal error: a transaction that may only read, as
#: on a standby; a server that is being stopped or was; a table or an index that is damaged.
_STATES = frozenset({"25006", "57P01", "57P02", "57P03", "XX001", "XX002"})
#: And for what takes no more: such a transaction, a disk that is full, one that fails.
_UNWRITTEN_STATES = frozenset({"25006", "53100", "58030"})

#: How long somebody has waited, which is what was left of their patience.
_WAITED = re.compile(r" within [0-9.]+ s\b")

_log = logging.getLogger(__name__)
#: What each database was said to have left out.
_left_out: WeakKeyDictionary[sa.Engine, Repeats] = WeakKeyDictionary()

#: What psycopg says of several hosts: this, and then a line for each, which may go on in others.
_ATTEMPTS = "Multiple connection attempts failed. All failures were:\n"
_ATTEMPT = re.compile(
    r"^- host: '?(.*?)'?, port: '?(.*?)'?, hostaddr: .*?: (.*?)(?=\n- host: |\Z)",
    re.MULTILINE | re.DOTALL,
)
#: What libpq says of a parameter of the address that has a value it does not know.
_WRONG_VALUE = re.compile(r"connection is bad: invalid [\w ]+: \"")
#: What is around the reason there: the host once more, and libpq's advice.
_AROUND = re.compile(r"^connection [\w ]+: connection to server .*? failed: |\n\t.*")


def is_unavailable(error: BaseException | None) -> bool:
    """Tell whether an error says that the database cannot answer, through no fault of the asker.

    Whoever asks may ask again later.
    """
    if isinstance(error, OUT_OF_REACH):
        return True
    original = _drivers_error(error)
    return getattr(original, "sqlstate", None) in _STATES or is_damaged(original)


def is_wrong_address(error: BaseException) -> bool:
    """Tell whether an error says that the database's address is wrong, so that no waiting helps.

    One of a database or a person that is not there may be right by and by.
    """
    return _WRONG_VALUE.match(reason(error)) is not None


def _drivers_error(error: BaseException | None) -> BaseException | None:
    """Return what the driver raised, where SQLAlchemy has made an error of its own of it."""
    return error.orig if isinstance(error, sa.exc.DBAPIError) else error


def only_reads(error: Exception) -> bool:
    """Tell whether an error says that the database writes nothing just now, though it may read.

    To wait for a moment does not help against that, as it does where somebody else keeps a lock.
    """
    original = _drivers_error(error)
    return getattr(original, "sqlstate", None) in _UNWRITTEN_STATES or is_unwritten(original)


def reason(error: BaseException) -> str:
    """Return the driver's own sentence, in one line; of several hosts that failed, one for each.

    SQLAlchemy adds the statement, its values, which are nobody's business, and a link. Of several
    hosts psycopg tells the last failure twice, and hardly in a form that can be read.
    """
    text = str(_drivers_error(error))
    _, _, attempts = text.partition(_ATTEMPTS)
    # A host with several addresses failed at each, mostly for the same reason.
    told = dict.fromkeys(
        f"{host} port {port}: {_AROUND.sub('', why)}"
        for host, port, why in _ATTEMPT.findall(attempts)
    )
    return " ".join(one_line("; ".join(told) or text).split())


def same_reason(why: str) -> str:
    """Return what is the same of a reason (`reason`) however long somebody has waited."""
    return _WAITED.sub("", why)


def log_failure(
    log: logging.Logger, what: str, error: Exception, failures: Repeats, times: int = 1
) -> None:
    """Write a line on what has failed, and why, once in a while; with a traceback if need be.

    `failures` knows what was told, and the error was met so many times at once. One that says that
    the database cannot answer needs no traceback.
    """
    why = reason(error)
    untold = failures.to_tell(same_reason(why), times)
    if untold is not None:
        traceback = None if is_unavailable(error) else error
        log.error("%s: %s%s", what, why, untold, exc_info=traceback)


def leave_out(engine: sa.Engine, what: str, error: Exception) -> None:
    """Do without something that could not be written, as its error says, for a request that can.

    It is a line in the log, once in a while. An error is raised again that does not say that the
    database cannot write just now, such as that of a statement that is wrong, or that says that
    what the request has read is of another file.
    """
    original = _drivers_error(error)
    if not is_unavailable(error) or is_mistaken(original) or is_moved(original):
        raise error
    why = f"{what} is left out: the database does not answer: {reason(error)}"
    untold = _left_out.setdefault(engine, Repeats()).to_tell(same_reason(why))
    if untold is not None:
        _log.warning("%s%s", why, untold)
