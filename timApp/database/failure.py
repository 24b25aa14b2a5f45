"""How a database says that it cannot answer, and its reason in one line."""

import sqlalchemy as sa

from timApp.util.text import one_line

#: It is not there, has no connection to spare, or somebody else has kept what is wanted too long.
UNAVAILABLE = (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError)


def reason(error: BaseException) -> str:
    """Return the driver's own sentence, in one line.

    SQLAlchemy adds the statement, its values, which are nobody's business, and a link.
    """
    text = str(error.orig if isinstance(error, sa.exc.DBAPIError) else error)
    return " ".join(one_line(text).split())
