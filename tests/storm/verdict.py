"""The ledger held against the books: what was acknowledged and is not there, what is half there."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from tests.storm.books import Books, Record
from tests.storm.ledger import Entry
from tests.storm.replay import Replay
from timApp.guard.vocabulary import Action

# How each act may be recorded.
_RECORDED_AS = {
    Action.LOGIN: {Action.LOGIN, Action.BLOCKED_LOGIN},
    Action.LOGOUT: {Action.LOGOUT},
    Action.VERIFY: {Action.VERIFY},
    Action.INVALIDATE: {Action.INVALIDATE},
    Action.VERIFY_ALL: {Action.VERIFY_ALL},
}


@dataclass(frozen=True)
class Verdict:
    """What came out."""

    acts: int
    acknowledged: int
    #: Acts that were not answered, or with an error of the server, and that are wholly there.
    unanswered_and_done: int
    #: What was acknowledged and is not there, in words.
    lost: Sequence[str] = field(default_factory=list)
    #: What is there in part, twice, or though it was refused, in words.
    half_done: Sequence[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Whether nothing is lost or half done."""
        return not self.lost and not self.half_done

    def __add__(self, other: "Verdict") -> "Verdict":
        """Return what came out of two databases."""
        return Verdict(
            self.acts + other.acts,
            self.acknowledged + other.acknowledged,
            self.unanswered_and_done + other.unanswered_and_done,
            [*self.lost, *other.lost],
            [*self.half_done, *other.half_done],
        )


@dataclass(frozen=True)
class _Claim:
    """That an acknowledged act without a record had nothing to change, at some moment."""

    entry: Entry
    #: After which record the moment may be, and before which.
    begin: float
    end: float


def hold(entries: Sequence[Entry], books: Books, unlimited: Collection[str] = ()) -> Verdict:
    """Hold the ledger against the books, which were read after the entries.

    Acts may have been worked on in any order that their times allow: one that was answered before
    another was sent comes before it. People may have one active session, but for those named in
    `unlimited`.
    """
    recorded: dict[str, list[Record]] = defaultdict(list)
    for record in books.records:
        recorded[record.address or ""].append(record)
    lost, half_done, claims, unanswered = [], [], [], 0
    for entry in entries:
        found = recorded.get(entry.act.mark, [])
        problem = _problem_of(entry, found, books)
        if problem is not None:
            half_done.append(f"{problem}: {entry}, {found}")
        elif entry.is_acknowledged and not found:
            claims.append(_claim_of(entry, entries, recorded))
        elif found and entry.is_acknowledged and _is_of_another_session(entry, found[0]):
            lost.append(f"{entry}, {found}")
        unanswered += bool(found) and not entry.is_acknowledged
    replay = Replay(books, {books.people[name] for name in unlimited})
    claims = _not_granted(replay, claims, 0)
    for record in books.records:
        replay.step(record)
        claims = _not_granted(replay, claims, record.id)
    replay.end()
    lost += [str(claim.entry) for claim in claims]
    acknowledged = sum(entry.is_acknowledged for entry in entries)
    return Verdict(len(entries), acknowledged, unanswered, lost, half_done + replay.problems)


def _problem_of(entry: Entry, found: Sequence[Record], books: Books) -> str | None:
    """Return what is wrong with the records of one act, but for their being missing."""
    if len(found) > 1:
        return "done more than once"
    if not found:
        return None
    if entry.is_refused:
        return "done though it was refused"
    act, (record,) = entry.act, found
    is_of_person = record.user_id == (books.people[act.person] if act.person else None)
    if record.action not in _RECORDED_AS[act.action] or not is_of_person:
        return "done otherwise"
    if not entry.is_acknowledged and _is_of_another_session(entry, record):
        return "done to another session than was named"
    return None


def _is_of_another_session(entry: Entry, record: Record) -> bool:
    """Tell whether it was done to another session than the client named, or was told of."""
    told = entry.answer.session_id if entry.answer is not None else None
    expected = told or entry.act.session_id
    return expected is not None and record.session_id != expected


def _claim_of(
    entry: Entry, entries: Sequence[Entry], recorded: Mapping[str, Sequence[Record]]
) -> _Claim:
    assert entry.answer is not None  # it is acknowledged
    begin, end = 0.0, float("inf")
    for other in entries:
        for record in recorded.get(other.act.mark, []):
            if other.is_acknowledged and other.answer and other.answer.at < entry.act.sent:
                begin = max(begin, record.id)
            if other.act.sent > entry.answer.at:
                end = min(end, record.id)
    return _Claim(entry, begin, end)


def _not_granted(replay: Replay, claims: list[_Claim], position: int) -> list[_Claim]:
    """Return the claims that are not true after the record of that number."""
    return [
        claim
        for claim in claims
        if not (claim.begin <= position < claim.end and replay.is_so_already(claim.entry.act))
    ]
