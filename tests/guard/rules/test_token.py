"""Which requests are those of a copy: a table, and games of honest browsers and of thieves."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import product
from random import Random

import pytest

from tests.guard.rules.bearers import Bearer, Network, World
from timApp.guard.rules.token import (
    AS_ANY,
    Ruling,
    Tokens,
    Use,
    end_of_older,
    is_as_any,
    judge,
    judge_rewrite,
    logged_in_again,
)

NOW, RENEWAL = 1_000_000, 60


def number(of_round: int, serial: int = 1) -> int:
    """Return a number of a round; the first that is given away is 1."""
    return of_round * 256 + serial


def ago(seconds: float, issued: int, used: int) -> Tokens:
    """Return numbers that are as they are since so many seconds."""
    return Tokens(issued, used, NOW - seconds)


_R4, _R5, _R6 = number(4), number(5), number(6)
GOOD, LATE, COPY = Ruling(Use.GOOD), Ruling(Use.LATE), Ruling(Use.COPY)


def renewed(issued: int, used: int) -> Ruling:
    """Return the ruling that gives away a number now."""
    return Ruling(Use.GOOD, Tokens(issued, used, NOW), issued)


def noted(issued: int, used: int, seconds: float = 0) -> Ruling:
    """Return the ruling by which numbers are as they are since so many seconds."""
    return Ruling(Use.GOOD, ago(seconds, issued, used))


@pytest.mark.parametrize(
    ("token", "tokens", "ruling"),
    [
        # A session begins with 0, and so does one from before there were numbers.
        (0, ago(0, 0, 0), GOOD),
        (0, ago(59, 0, 0), GOOD),
        (0, ago(60, 0, 0), renewed(number(1), 0)),
        (0, Tokens(), renewed(number(1), 0)),
        (0, ago(-30, 0, 0), GOOD),  # by the clock of another server
        (0, ago(-90, 0, 0), renewed(number(1), 0)),  # the clock was set back
        # The number in use, and its successor, which nobody has used.
        (_R5, ago(3, _R6, _R5), GOOD),
        (_R5, ago(9, _R6, _R5), GOOD),
        (_R5, ago(10, _R6, _R5), renewed(number(6, 2), _R5)),
        (_R5, ago(0, number(6, 2), _R5), GOOD),
        (_R5, ago(1, number(6, 2), _R5), renewed(number(6, 3), _R5)),
        (_R5, ago(1, number(6, 65), _R5), GOOD),
        (_R5, ago(10, number(6, 255), _R5), renewed(number(6, 255), _R5)),
        (_R6, ago(3, _R6, _R5), noted(_R6, _R6)),
        (_R6, ago(9999, _R6, _R5), noted(_R6, _R6)),
        (number(6, 2), ago(3, number(6, 3), _R5), noted(number(6, 3), number(6, 2))),
        (_R4, ago(3, _R6, _R5), COPY),
        (number(5, 2), ago(3, _R6, _R5), COPY),
        (0, ago(3, _R6, _R5), COPY),
        # The successor is used.
        (_R6, ago(3, _R6, _R6), GOOD),
        (_R5, ago(10, _R6, _R6), LATE),
        (_R5, ago(11, _R6, _R6), COPY),
        (_R5, ago(-5, _R6, _R6), LATE),
        (_R4, ago(0, _R6, _R6), COPY),
        (_R6, ago(60, _R6, _R6), renewed(number(7), _R6)),
        # Several of a round were given away, while answers were lost.
        (_R6, ago(30, number(6, 3), number(6, 2)), GOOD),
        (number(6, 3), ago(30, number(6, 3), number(6, 2)), GOOD),
        (_R5, ago(11, number(6, 3), number(6, 2)), COPY),
        (_R6, ago(31, number(6, 3), number(6, 2)), noted(number(7, 0), _R6, 31)),
        (_R6, ago(60, number(6, 3), number(6, 2)), renewed(number(7), _R6)),
        (_R6, ago(40, number(7, 0), _R6), GOOD),
        (_R6, ago(60, number(7, 0), _R6), renewed(number(7), _R6)),
        (number(6, 2), ago(40, number(7, 0), _R6), COPY),
        (_R5, ago(5, number(7, 0), _R6), COPY),
        # A database that has lost what it gave away.
        (number(9), ago(5, _R6, _R6), noted(number(9), number(9))),
    ],
)
def test_a_number_is_judged(token: int, tokens: Tokens, ruling: Ruling) -> None:
    """What a request is, by its number, by those that are known, and by how long ago that was."""
    assert judge(token, tokens, NOW, RENEWAL) == ruling


@pytest.mark.parametrize(
    ("token", "tokens", "ruling"),
    [
        (_R6, ago(20, _R6, _R6), GOOD),
        (_R6, ago(49, _R6, _R6), GOOD),
        (_R6, ago(50, _R6, _R6), renewed(number(7), _R6)),
        (_R5, ago(0, _R6, _R5), renewed(number(6, 2), _R5)),
        (_R5, ago(5, _R6, _R6), Ruling(Use.LATE, ago(5, number(6, 2), _R6), number(6, 2))),
        (_R5, ago(11, _R6, _R6), COPY),
        (_R6, ago(5, number(6, 2), _R6), GOOD),
    ],
)
def test_an_answer_that_sets_the_cookie_anyway(token: int, tokens: Tokens, ruling: Ruling) -> None:
    """It brings a number of its own where a newer one is on its way in another, or soon will be."""
    assert judge_rewrite(token, tokens, NOW, RENEWAL) == ruling


@pytest.mark.parametrize("tokens", [ago(500, 0, 0), ago(5, _R6, _R5), ago(500, _R6, _R6)])
def test_each_of_two_answers_to_a_repeated_login_is_good(tokens: Tokens) -> None:
    """Whichever of them the browser keeps, and whenever it comes with it."""
    first = logged_in_again(tokens, NOW)
    second = logged_in_again(first, NOW + 1)
    for kept in (first.issued, second.issued):
        row = second
        for seconds in (0, 2, 40, 70, 200):
            ruling = judge(kept, row, NOW + seconds, RENEWAL)
            assert ruling.use is Use.GOOD
            row = ruling.after or row


@pytest.mark.parametrize(
    ("token", "tokens", "last"),
    [
        (_R5, ago(20, number(6, 3), number(6, 2)), number(6, 0) - 1),
        (number(6, 2), ago(40, number(7, 0), _R6), _R6),
        (_R6, ago(40, number(7, 0), number(6, 2)), _R6),
        (0, ago(3, _R6, _R5), number(5, 0) - 1),
    ],
)
def test_the_older_bearer_is_told_from_the_newer(token: int, tokens: Tokens, last: int) -> None:
    """The number that comes, and the one that is in use, are on the two sides of the border."""
    assert end_of_older(token, tokens) == last
    assert (token <= last) is not (tokens.used <= last)


@pytest.mark.parametrize(
    ("renewal", "loss", "rewriting"), [(60, 0.05, 0.002), (20, 0.3, 0.0), (60, 0.7, 0.002)]
)
def test_an_honest_browser_is_never_alarmed(renewal: float, loss: float, rewriting: float) -> None:
    """In a hundred thousand requests: lost, late, many at once, after a sleep, out of order."""
    requests = 0
    for seed in range(50):
        world = World(seed, renewal)
        browser = Bearer(world, Network(loss=loss))
        some = world.random

        def wait(some: Random = some) -> float:
            is_asleep = some.random() > 0.97
            return some.uniform(60, 4000) if is_asleep else some.choice([0.2, 1, 3, 10, 30])

        browser.ask_in(wait, burst=6, rewriting=rewriting)
        browser.ask_in(lambda: 5)  # another tab
        world.play(until=60_000)
        assert world.alarm_at is None, seed
        requests += world.requests
        if requests > 34_000:
            break
    assert requests > 34_000


@dataclass(frozen=True)
class Thief:
    """How somebody uses a copy."""

    wait: Callable[[Random], float]
    takes_cookies: bool = True
    #: How often the answer sets the cookie for another reason.
    rewriting: float = 0.0


THIEVES = {
    "each five seconds": Thief(lambda _: 5),
    "each five seconds with what it has": Thief(lambda _: 5, takes_cookies=False),
    "each minute": Thief(lambda _: 60),
    "each minute with what it has": Thief(lambda _: 60, takes_cookies=False),
    "at random": Thief(lambda some: some.expovariate(1 / 20)),
    "at random with what it has": Thief(lambda some: some.expovariate(1 / 20), takes_cookies=False),
    "with answers that set the cookie": Thief(lambda _: 9, rewriting=0.5),
}


def _soon(some: Random) -> float:
    return some.choice([1, 3, 10, 20]) * some.random()


@pytest.mark.parametrize("name", THIEVES)
def test_a_copy_in_use_is_found_within_two_renewals(name: str) -> None:
    """However it asks, and whoever is faster: in the second round that both are in, at the latest.

    Who asks once a minute may miss a round.
    """
    thief = THIEVES[name]
    for seed in range(30):
        world = World(seed)
        some = world.random
        owner = Bearer(world, Network(loss=0.05))
        owner.ask_in(partial(_soon, some), burst=4)
        start = some.uniform(200, 400)
        world.play(start)
        first_round = world.row.issued // 256
        copy = Bearer(world, Network(), owner.token)
        copy.takes_cookies = thief.takes_cookies
        copy.ask_in(partial(thief.wait, some), rewriting=thief.rewriting)
        world.play(start + 1000)
        assert world.alarm_at is not None, seed
        assert world.row.issued // 256 - first_round <= 2, seed
        assert world.alarm_at - start < 200, seed


def test_a_copy_that_is_used_now_and_then_is_found_when_it_is() -> None:
    """Whoever asks once in ten minutes is found the first time, or the second at the latest."""
    for seed in range(30):
        world = World(seed)
        owner = Bearer(world, Network())
        owner.ask_in(lambda: 7)
        world.play(300)
        copy = Bearer(world, Network(), owner.token)
        asked: list[float] = []

        def wait(asked: list[float] = asked, world: World = world) -> float:
            asked.append(world.now)
            return 600

        copy.ask_in(wait)
        world.play(2000)
        assert world.alarm_at is not None
        assert len(asked) <= 3


def test_the_short_cut_says_as_any_only_where_the_rule_does() -> None:
    """Of numbers around the borders of rounds, and of all ages, none is passed over by it."""
    numbers = (0, 1, 2, 255, 256, 257, 258, 511, 512, 513)
    taken = 0
    for token, issued, used in product(numbers, repeat=3):
        for age in (None, -70, -1, 0, 9, 10, 11, 29, 31, 59, 60, 61, 10_000):
            since = None if age is None else NOW - age
            if is_as_any(token, issued, used, since, NOW, RENEWAL):
                taken += 1
                assert judge(token, Tokens(issued, used, since), NOW, RENEWAL) is AS_ANY
    assert taken == 3 * 7  # the numbers of whoever has got each that was given away
