"""Gives people of a list the hashes that all passwords have, beside other work.

A hash takes a core for some 20 ms, so ten thousand of them take minutes. Meanwhile people log in by
a quick hash of theirs, and whoever does is given the other one by that.
"""

import logging
from collections.abc import Iterable, Sequence
from threading import Thread

import sqlalchemy as sa

from timApp.database.failure import is_unavailable, reason
from timApp.database.patience import LONG_PATIENCE, patience
from timApp.user.password import hash_password
from timApp.user.roster.slip import Slip
from timApp.user.user import User

#: What the thread is called that does it.
THREAD_NAME = "hash a class list"
_log = logging.getLogger(__name__)


def hash_well(engine: sa.Engine, slips: Iterable[Slip]) -> None:
    """Store the hashes of these people's passwords, one by one, each in its own transaction.

    Of somebody whose password is another one by now nothing is changed.
    """
    for slip in slips:
        known = hash_password(slip.password)
        is_unchanged = (User.id == slip.user_id, User.password_hash == slip.quick_hash)
        with engine.begin() as connection:
            connection.execute(sa.update(User).where(*is_unchanged).values(password_hash=known))


def start_hashing(engine: sa.Engine, slips: Sequence[Slip]) -> Thread:
    """Do `hash_well` in a thread, which need not be waited for: a login does it for who is left."""

    def work() -> None:
        try:
            with patience(LONG_PATIENCE):
                hash_well(engine, slips)
        except Exception as error:
            _log.error(
                "Passwords of a class list keep their quick hashes until people log in: %s",
                reason(error),
                exc_info=not is_unavailable(error),
            )

    thread = Thread(target=work, name=THREAD_NAME, daemon=True)
    thread.start()
    return thread
