"""The ledger says of each fault what it is: whatever is lost or half done does not go unnoticed."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.storm.books import Books, Record, Times
from tests.storm.ledger import Act, Answer, Entry, Ledger, read_ledger
from tests.storm.verdict import Verdict, hold
from timApp.guard.vocabulary import Action

_BEGUN = datetime(2026, 1, 1, 9, tzinfo=UTC)
_ALICE = 1


def at(number: int) -> datetime:
    """Return the time of the record of that number."""
    return _BEGUN + timedelta(seconds=number)


def entry(
    number: int, action: Action, session_id: str | None = None, status: int | None = 200
) -> Entry:
    """Return act number so and so, of alice, that was answered before the next was sent."""
    person = "" if action is Action.VERIFY_ALL else "alice"
    named = None if action is Action.LOGIN else session_id
    act = Act(f"10.0.0.{number}", action, person, named, number)
    told = session_id if action is Action.LOGIN else None
    return Entry(act, None if status is None else Answer(status, number + 0.5, told))


def record(number: int, action: Action, session_id: str | None, count: int) -> Record:
    """Return the record of act number so and so."""
    user_id = None if action is Action.VERIFY_ALL else _ALICE
    return Record(number, at(number), f"10.0.0.{number}", action, user_id, session_id, count)


#: Alice logs in twice, the second one is verified, the first logs out, all is verified, and so on.
ENTRIES = [
    entry(1, Action.LOGIN, "one"),
    entry(2, Action.LOGIN, "two"),
    entry(3, Action.VERIFY, "two"),
    entry(4, Action.LOGOUT, "one"),
    entry(5, Action.INVALIDATE, None),
    entry(6, Action.VERIFY_ALL),
]
BOOKS = Books(
    people={"alice": _ALICE, "bob": 2},
    sessions={
        (_ALICE, "one"): Times(at(1), expired_at=at(3), logged_out_at=at(4)),
        (_ALICE, "two"): Times(at(2)),
    },
    records=[
        record(1, Action.LOGIN, "one", 1),
        record(2, Action.BLOCKED_LOGIN, "two", 1),
        record(3, Action.VERIFY, "two", 2),
        record(4, Action.LOGOUT, "one", 1),
        record(5, Action.INVALIDATE, None, 1),
        record(6, Action.VERIFY_ALL, None, 1),
    ],
    waiting={},
)


def without(books: Books, number: int) -> Books:
    """Return the books without a record."""
    return replace(books, records=[one for one in books.records if one.id != number])


def changed(books: Books, number: int, **values: object) -> Books:
    """Return the books with a record changed."""
    return replace(
        books,
        records=[replace(one, **values) if one.id == number else one for one in books.records],  # type: ignore[arg-type]
    )


def with_session(books: Books, session_id: str, times: Times) -> Books:
    """Return the books with a session of alice's changed or added."""
    return replace(books, sessions={**books.sessions, (_ALICE, session_id): times})


def test_books_that_fit_the_ledger_are_good() -> None:
    """Where all that was acknowledged is there, and nothing else, nothing is lost or half done."""
    assert hold(ENTRIES, BOOKS) == Verdict(acts=6, acknowledged=6, unanswered_and_done=0)


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 6])
def test_an_acknowledged_act_that_is_nowhere_is_lost(number: int) -> None:
    """An act that changed something and left neither record nor change is named as lost."""
    session_id = ["new", "new", "one", "two", None, None][number - 1]
    # One more act after all the others, of which the books know nothing.
    lost = entry(7, ENTRIES[number - 1].act.action, session_id)
    entries = [*ENTRIES, lost]
    books = BOOKS
    if lost.act.action is Action.VERIFY_ALL:  # there is something to do for it
        entries.insert(6, entry(8, Action.INVALIDATE, None))
        lost = entry(9, Action.VERIFY_ALL)
        entries[-1] = lost
        books = with_session(BOOKS, "two", Times(at(2), expired_at=at(8)))
        books = replace(books, records=[*BOOKS.records, record(8, Action.INVALIDATE, None, 1)])
    if lost.act.action is Action.VERIFY:
        lost = entry(7, Action.VERIFY, "one")
        entries[-1] = lost
    verdict = hold(entries, books)
    assert verdict.lost == [str(lost)]
    assert verdict.half_done == []


@pytest.mark.parametrize(
    "act",
    [
        entry(7, Action.VERIFY, "two"),
        entry(7, Action.VERIFY, None),
        entry(7, Action.INVALIDATE, "one"),
        entry(7, Action.LOGOUT, "one"),
        entry(7, Action.VERIFY_ALL),
    ],
    ids=lambda one: f"{one.act.action.value} {one.act.session_id}",
)
def test_an_act_that_found_all_as_it_should_be_is_not_lost(act: Entry) -> None:
    """What had nothing to change is not recorded, and is not missed."""
    assert hold([*ENTRIES, act], BOOKS).is_good


def test_an_act_had_something_to_change_at_its_own_time() -> None:
    """An act is lost also if what came long before or after it makes it look superfluous."""
    act = Act("10.0.0.9", Action.INVALIDATE, "alice", "one", 1.6)
    early = Entry(act, Answer(200, 1.8))
    assert hold([*ENTRIES, early], BOOKS).lost == [str(early)]
    late = Entry(replace(act, sent=2.6), Answer(200, 3.8))  # the first was verified away meanwhile
    assert hold([*ENTRIES, late], BOOKS).is_good


@pytest.mark.parametrize("status", [None, 500, 503])
def test_what_was_not_acknowledged_may_be_there_or_not(status: int | None) -> None:
    """An act without an answer, or with an error, is good wholly there and wholly not."""
    entries = [*ENTRIES[:5], entry(6, Action.VERIFY_ALL, status=status)]
    expected = Verdict(acts=6, acknowledged=5, unanswered_and_done=1)
    assert hold(entries, BOOKS) == expected
    undone = with_session(without(BOOKS, 6), "two", Times(at(2), expired_at=at(5)))
    assert hold(entries, undone) == replace(expected, unanswered_and_done=0)


HALVES: dict[str, Callable[[Books], Books]] = {
    "a session without its record": lambda books: without(books, 1),
    "a change without its record": lambda books: without(books, 3),
    "everybody's change without its record": lambda books: without(books, 6),
    "a record without its session": lambda books: replace(
        books, sessions={(_ALICE, "two"): Times(at(2))}
    ),
    "a record without its change": lambda books: with_session(
        books, "one", Times(at(1), expired_at=at(3))
    ),
    "half of a verification": lambda books: with_session(books, "one", Times(at(1))),
    "two active sessions": lambda books: with_session(
        changed(books, 2, action=Action.LOGIN), "one", Times(at(1))
    ),
    "an active session over the limit from birth": lambda books: changed(
        books, 2, action=Action.LOGIN
    ),
    "another number of sessions": lambda books: changed(books, 3, session_count=1),
    "a change at another time": lambda books: changed(books, 4, at=at(9)),
    "done twice": lambda books: replace(
        books, records=[*books.records, replace(books.records[3], id=7)]
    ),
    "done to another person": lambda books: changed(books, 4, user_id=2),
    "something else was done": lambda books: changed(books, 4, action=Action.INVALIDATE),
    "verified, and waits all the same": lambda books: replace(
        with_session(without(without(books, 5), 6), "two", Times(at(2))),
        waiting={(_ALICE, "two"): at(2)},
    ),
}


@pytest.mark.parametrize("half", HALVES.values(), ids=HALVES)
def test_what_is_half_there_is_told(half: Callable[[Books], Books]) -> None:
    """Sessions and their record that do not tell the same story are named as half done."""
    assert hold(ENTRIES, half(BOOKS)).half_done


def test_what_was_refused_and_done_is_told() -> None:
    """An act that the client was told is not done, and that is, is named."""
    entries = [*ENTRIES[:5], entry(6, Action.VERIFY_ALL, status=403)]
    assert "refused" in hold(entries, BOOKS).half_done[0]


def test_a_login_that_was_told_of_another_session_is_lost() -> None:
    """The session that the client was told of is the one that has to be there."""
    entries = [entry(1, Action.LOGIN, "three"), *ENTRIES[1:]]
    assert len(hold(entries, BOOKS).lost) == 1


def test_what_was_done_to_another_session_than_was_named_is_told() -> None:
    """An act without an answer may be done or not, but not to anything else."""
    entries = [*ENTRIES[:2], entry(3, Action.VERIFY, "one", status=None), *ENTRIES[3:]]
    assert "another session" in hold(entries, BOOKS).half_done[0]


def test_people_without_a_limit_may_have_many_sessions() -> None:
    """Two active sessions of somebody without a limit are nothing wrong."""
    books = replace(
        BOOKS,
        sessions={(_ALICE, "one"): Times(at(1)), (_ALICE, "two"): Times(at(2))},
        records=[record(1, Action.LOGIN, "one", 1), record(2, Action.LOGIN, "two", 1)],
    )
    assert hold(ENTRIES[:2], books, ["alice"]).is_good
    assert not hold(ENTRIES[:2], books).is_good


def test_the_ledger_is_written_before_and_after(tmp_path: Path) -> None:
    """A ledger's file says of each act that it was sent, and what it was answered, if it was."""
    ledger = Ledger(tmp_path / "ledger.jsonl")
    login = ledger.note(Action.LOGIN, "alice")
    assert read_ledger(tmp_path / "ledger.jsonl") == [Entry(login)]
    ledger.note(Action.VERIFY_ALL)
    ledger.mark_answered(login, 200, "one")
    found = read_ledger(tmp_path / "ledger.jsonl")
    assert found == ledger.entries()
    assert [one.is_acknowledged for one in found] == [True, False]
    assert found[0].answer is not None
    assert found[0].answer.session_id == "one"
    assert len({one.act.mark for one in found}) == 2
