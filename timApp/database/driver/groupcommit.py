"""Writes of many threads that share transactions.

Most of the time that a small write takes goes into its commit, and while one is under way others
come. So one thread at a time commits, and takes along all who have come meanwhile: a commit is
enough for them all. Source: DeWitt et al., Implementation Techniques for Main Memory Database
Systems, 1984, where this is called group commit.
"""

from collections.abc import Callable, Sequence
from enum import Enum
from queue import SimpleQueue
from threading import Lock
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

import sqlalchemy as sa

from timApp.database.patience import waiting
from timApp.util.turns import turn_given

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class PassedOver(Enum):
    """What stands for a result that is yet to come."""

    PASSED_OVER = "passed over"


PASSED_OVER = PassedOver.PASSED_OVER


class GroupCommit(Generic[_Item, _Result]):
    """Writes items to databases, with as few transactions as can be.

    `transact` writes some items in one transaction and returns a result for each, in their order;
    `PASSED_OVER` stands for an item for which it would have had to wait for somebody else.
    `transact_one` writes one, and waits. That is what writes an item that was passed over, in the
    thread of whoever brought it, so that nobody else waits for it; and each one if the database
    refuses them, which may be the fault of one alone. Where the connection broke at the commit,
    they may be written already: `transact_one` has to know them again.
    """

    def __init__(
        self,
        transact: Callable[[sa.Engine, Sequence[_Item]], Sequence[_Result | PassedOver]],
        transact_one: Callable[[sa.Engine, _Item], _Result],
    ) -> None:
        self._transact = transact
        self._transact_one = transact_one
        self._groups: WeakKeyDictionary[sa.Engine, _Group[_Item, _Result]] = WeakKeyDictionary()

    def write(self, engine: sa.Engine, item: _Item) -> _Result:
        """Return the result of the item once it is committed.

        Other requests are worked on meanwhile (see `timApp.util.turns`). Who waits for others takes
        the time from their own patience; it is the one with the least left who writes for them all.
        """
        group = self._groups.get(engine) or self._groups.setdefault(engine, _Group())
        mine: _Write[_Item, _Result] = _Write(item)
        leads = group.join(mine)
        with turn_given():
            if not leads:
                with waiting():
                    leads = mine.told_to_lead.get()
            if leads:
                self._write_all(engine, group)
            if not mine.results:
                mine.results = [self._transact_one(engine, item)]
        return mine.results[0]

    def waiting(self, engine: sa.Engine) -> int | None:
        """Return how many writes wait for the transaction that is under way, None without one."""
        group = self._groups.get(engine)
        return len(group.waiting) if group and group.is_led else None

    def _write_all(self, engine: sa.Engine, group: "_Group[_Item, _Result]") -> None:
        writes = group.take_all()
        try:
            results = self._transact(engine, [write.item for write in writes])
            for write, result in zip(writes, results, strict=True):
                write.results = () if isinstance(result, PassedOver) else [result]
        except sa.exc.DBAPIError:
            pass  # who has no result now tries alone
        finally:
            group.pass_on()
            for write in writes:
                write.told_to_lead.put(False)


class _Write(Generic[_Item, _Result]):
    def __init__(self, item: _Item) -> None:
        self.item = item
        #: The result, once there is one.
        self.results: Sequence[_Result] = ()
        #: Has an entry when there is no more to wait for: whether it is on this one to write.
        self.told_to_lead: SimpleQueue[bool] = SimpleQueue()


class _Group(Generic[_Item, _Result]):
    """Those who want to write to one database."""

    def __init__(self) -> None:
        self.waiting: list[_Write[_Item, _Result]] = []
        self.is_led = False
        self._mutex = Lock()

    def join(self, write: _Write[_Item, _Result]) -> bool:
        """Let a write wait; return whether it is on that one to write, as nobody else does."""
        with self._mutex:
            self.waiting.append(write)
            leads, self.is_led = not self.is_led, True
            return leads

    def take_all(self) -> list[_Write[_Item, _Result]]:
        """Return all that wait, and let them wait no more."""
        with self._mutex:
            writes, self.waiting = self.waiting, []
            return writes

    def pass_on(self) -> None:
        """Leave it to one of those that wait to write."""
        with self._mutex:
            if self.waiting:
                self.waiting[0].told_to_lead.put(True)
            else:
                self.is_led = False
