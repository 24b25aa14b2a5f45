"""The floor: plain Flask, its signed cookie, and the driver's own look-up."""

import sqlite3
import threading
from collections.abc import Callable

from flask import Flask, session
from sqlalchemy.engine import make_url

from bench.apps import KEY, PATH, database_url, people, print_cookies, signed_cookies
from bench.people import active_session_of, raw_postgresql

#: Asks for a session by person and id.
LookUp = Callable[[tuple[int, str]], object]

_LOOK_UP = (
    "SELECT session_id FROM usersession"
    " WHERE user_id = {0} AND session_id = {0} AND expired_at IS NULL"
)
# A connection for each thread: none waits for another, and none is handed over.
_held = threading.local()


def create_app() -> Flask:
    """Return an application that asks the database at each request."""
    app = Flask(__name__)
    app.secret_key = KEY
    look_up = raw_look_up()

    @app.get(PATH)
    def guarded() -> str | tuple[str, int]:
        user_id = session["user_id"]
        if look_up((user_id, session["session_id"])) is None:
            return "expired", 490
        return f"{user_id}"

    return app


def raw_look_up() -> LookUp:
    """Return the driver's look-up, which returns None if the session is not active."""
    return _sqlite() if database_url().startswith("sqlite") else _postgresql()


def _sqlite() -> LookUp:
    statement = _LOOK_UP.format("?")
    path = str(make_url(database_url()).database)

    def look_up(key: tuple[int, str]) -> object:
        if not hasattr(_held, "connection"):
            _held.connection = sqlite3.connect(path)
        return _held.connection.execute(statement, key).fetchone()

    return look_up


def _postgresql() -> LookUp:
    statement = _LOOK_UP.format("%s").encode()

    def look_up(key: tuple[int, str]) -> object:
        if not hasattr(_held, "connection"):
            _held.connection = raw_postgresql(database_url())
        return _held.connection.execute(statement, key, prepare=True).fetchone()

    return look_up


def prepare() -> list[str]:
    """Return the cookies of the first people."""
    return signed_cookies(
        create_app(),
        [
            {"user_id": person, "session_id": active_session_of(person)}
            for person in range(1, people() + 1)
        ],
    )


if __name__ == "__main__":
    print_cookies(prepare)
