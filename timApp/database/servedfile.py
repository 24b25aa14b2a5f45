"""The file of a SQLite database while a site is served from it."""

import logging
import os
import sqlite3
from contextlib import suppress
from threading import Event, Thread

import sqlalchemy as sa

from timApp.database.dialects.sqlite import PatientSQLite
from timApp.database.dialects.sqlitefile import file_of
from timApp.database.dialects.sqlitelog import BESIDE, file_at
from timApp.database.driver.connections import use_driver
from timApp.database.failure import ERRORS, reason
from timApp.database.patience import patience

_log = logging.getLogger(__name__)

#: Seconds between two looks of a process where its file is. A process that has the file open which
#: was moved away or has lost its log keeps all others from it.
_LOOK = 0.25
#: Seconds that the end of a server may wait for whoever else has its file.
_END = 2.0


class ServedFile:
    """The file that a server began with; nothing happens for other databases than SQLite's."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        path = file_of(engine.url)
        self._target = None if path is None else os.path.realpath(path)
        self._file = None if self._target is None else file_at(self._target)

    def watch(self) -> None:
        """Leave the file soon after it was moved or replaced, or its log was removed, in a thread.

        Whoever asks notices by themselves; this is for a process that nobody asks.
        """
        if self._target is not None:
            Thread(target=self._look_for_ever, daemon=True, name="watch the file").start()

    def _look_for_ever(self) -> None:
        never = Event()
        while not never.wait(_LOOK):
            with suppress(sqlite3.Error, *ERRORS), patience(0):  # whoever asks is told
                use_driver(self._engine, PatientSQLite.look)

    def take_over_log(self) -> None:
        """Take what is in the log over into the file, and leave no log beside it.

        Whoever has the file open last does so. Processes that were killed have not, nor those that
        ended in the middle of something. A log is left alone that may not be that of the file, as
        another one is there by now, and one that somebody else has open. Whatever goes wrong is
        a line in the log of the site: the next one who opens the file does the same.
        """
        target = self._target
        if target is None or self._file is None or file_at(target) != self._file:
            return
        if all(file_at(target + suffix) is None for suffix in BESIDE):
            return
        try:
            with patience(_END), self._engine.connect():
                pass
        except ERRORS as error:
            _log.warning("The log of %s was not taken over into it: %s", target, reason(error))
        finally:
            self._engine.dispose()
