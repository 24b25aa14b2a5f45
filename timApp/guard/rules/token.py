"""Which bearer of a login's cookie is the one it was given to: so a copy in use is noticed.

A cookie has a number, the token, and is given a higher one now and then. A browser that has used
its new number does not come with an older one, but for requests that were on their way. Whoever
does has a copy, or is the one whose cookie was copied.

Numbers come in rounds. A *round* begins when the number in use is due for its successor, and the
first request gets that alone: of many at once one does. Where nobody uses it, its answer was lost,
and the next request gets a number of its own in the same round, as the one after it does. So two
bearers never get the same number, and nobody goes without because another one is faster. An honest
browser that asks with many requests at once may be given several numbers of a round, and keeps the
one that arrives last: while the round is young all of them are good, and then the one that is seen.

Moments are seconds since 1970.
"""

from enum import Enum
from math import inf
from typing import NamedTuple

#: For so many seconds a request is on its way to the server, or its answer on the way back.
IN_FLIGHT = 10
#: A round is young for so long from the first use of one of its numbers: what is given to a request
#: that was on its way then is on its way back, and so is what is asked meanwhile.
YOUNG = 3 * IN_FLIGHT

#: No number that comes is higher: the databases have room for it, and for some after it.
TOKEN_MAX = 2**30

#: Numbers of a round. Those who never use the last one share it.
_ROUND = 256
#: So many numbers of a round are given away in a row, a second apart at least; others less often.
_QUICK = 64
#: How far a moment may be ahead, by the clock of another server.
_LEEWAY = -60


class Tokens(NamedTuple):
    """What is known of the numbers of a session."""

    #: The highest that was given away; the first of a round, which nobody gets, ends the last one.
    issued: int = 0
    #: The one in use. It is of the round of `issued` if one of that round has been used.
    used: int = 0
    #: Since when it is in use, or when its latest successor was given away; None if that is long
    #: ago.
    since: float | None = None


class Use(Enum):
    """What it is that comes with a number."""

    #: A bearer like any other.
    GOOD = "good"
    #: A request that was on its way when the successor of its number was used.
    LATE = "late"
    #: One of two bearers.
    COPY = "copy"


class Ruling(NamedTuple):
    """What a request is, and what has to be written for it."""

    use: Use
    #: None if nothing changes.
    after: Tokens | None = None
    #: The number that the answer's cookie has to have, once `after` is written.
    sent: int | None = None


#: Of a request for which there is nothing to be done.
AS_ANY = Ruling(Use.GOOD)
_LATE, _COPY = Ruling(Use.LATE), Ruling(Use.COPY)


def judge(token: int, tokens: Tokens, moment: float, renewal: float) -> Ruling:
    """Return what a request with that number is; `renewal` is after how many seconds one is due.

    A number that was not given away by this database is taken for the latest: the database has lost
    it in a crash, or is a copy of before.
    """
    issued, used, since = tokens
    age = inf if since is None else moment - since
    if token > issued:
        return Ruling(Use.GOOD, Tokens(token, token, moment))
    if used // _ROUND < issued // _ROUND:
        return _in_open_round(token, tokens, moment, age, renewal)
    return _in_used_round(token, tokens, moment, age, renewal)


def _in_used_round(token: int, tokens: Tokens, moment: float, age: float, renewal: float) -> Ruling:
    """Return what a request is once a number of the latest round has been used."""
    newest = tokens.issued // _ROUND
    if token // _ROUND < newest:
        is_parent = token // _ROUND == newest - 1
        return _LATE if is_parent and age <= IN_FLIGHT else _COPY
    has_several = _has_several(tokens.issued)
    if has_several and _LEEWAY <= age <= YOUNG:
        return AS_ANY
    if not _LEEWAY <= age < renewal:
        return _renewed((newest + 1) * _ROUND, token, moment)
    if has_several:
        return Ruling(Use.GOOD, Tokens((newest + 1) * _ROUND, token, tokens.since))
    return AS_ANY


def _in_open_round(token: int, tokens: Tokens, moment: float, age: float, renewal: float) -> Ruling:
    """Return what a request is while no number of the latest round has been used."""
    issued, used, _ = tokens
    newest, serial = divmod(issued, _ROUND)
    if token // _ROUND == newest and serial:
        return Ruling(Use.GOOD, Tokens(issued, token, moment))
    if token != used:
        return _COPY
    wait = 1 if 1 < serial <= _QUICK else IN_FLIGHT
    is_to_begin = serial == 0
    if not _LEEWAY <= age < (renewal if is_to_begin else wait):
        return _renewed(issued, used, moment)
    return AS_ANY


def is_as_any(  # noqa: PLR0917 - those of `judge`
    token: int, issued: int, used: int, since: float | None, moment: float, renewal: float
) -> bool:
    """Tell whether `judge` says `AS_ANY`, of most requests; of the others it has to be asked.

    It takes a part of the time, at each request.
    """
    return (
        token == used == issued
        and (token == 0 or (token % _ROUND == 1 and token > _ROUND))
        and since is not None
        and 0 <= moment - since < renewal
    )


def judge_rewrite(token: int, tokens: Tokens, moment: float, renewal: float) -> Ruling:
    """Return what has to be written where an answer sets the cookie for another reason.

    While another answer may be on its way with a newer number, or soon will be, it brings one of
    its own, too: if it comes last, that is what stays.
    """
    soon = judge(token, tokens, moment + IN_FLIGHT, renewal)
    ruling = judge(token, tokens, moment, renewal)
    issued, used, since = tokens
    if ruling.use is Use.LATE:
        return Ruling(Use.LATE, Tokens(_next(issued), used, since), _next(issued))
    if ruling == AS_ANY and soon.after is not None and soon.sent is not None:
        return soon._replace(after=soon.after._replace(since=moment))
    return ruling


def logged_in_again(tokens: Tokens, moment: float) -> Tokens:
    """Return what has to be written where a browser without its cookie is given one again.

    It may be given several, in answers that overtake each other: the `issued` of each is good.
    """
    return Tokens(_next(tokens.issued), tokens.used, moment)


def end_of_older(token: int, tokens: Tokens) -> int:
    """Return the highest number of the older of two bearers, if one came with `token`, a copy."""
    if token // _ROUND < tokens.used // _ROUND:
        return tokens.used // _ROUND * _ROUND - 1
    return max(token, tokens.used) - 1


def _renewed(issued: int, used: int, moment: float) -> Ruling:
    return Ruling(Use.GOOD, Tokens(_next(issued), used, moment), _next(issued))


def _has_several(issued: int) -> bool:
    """Tell whether several numbers of the latest round were given away."""
    newest, serial = divmod(issued, _ROUND)
    return serial > min(newest, 1)  # a session begins with the number 0


def _next(issued: int) -> int:
    return issued if issued % _ROUND == _ROUND - 1 else issued + 1
