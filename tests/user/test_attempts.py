"""How long somebody waits after wrong passwords, and where from: pure functions of values."""

from datetime import UTC, datetime, timedelta

import pytest

from timApp.user.attempts.place import place_of_address
from timApp.user.attempts.rule import (
    FREE,
    PERIOD,
    WAIT_MAX,
    Failures,
    one_more,
    room_for,
    seconds_to_wait,
    wait_after,
)

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def test_five_are_free_and_then_each_wait_is_twice_the_last_up_to_a_minute() -> None:
    """None, five times; then 1, 2, 4 and so on, and never more than 60 seconds."""
    assert [wait_after(count) for count in range(14)] == [
        *(0, 0, 0, 0, 0),
        *(1, 2, 4, 8, 16, 32, 60, 60, 60),
    ]
    assert wait_after(10**9) == WAIT_MAX


@pytest.mark.parametrize(
    ("past", "after", "seconds"),
    [
        (None, timedelta(0), 0),
        (Failures(FREE - 1, NOON), timedelta(0), 0),
        (Failures(FREE + 2, NOON), timedelta(0), 4),
        (Failures(FREE + 2, NOON), 0.5 * SECOND, 4),
        (Failures(FREE + 2, NOON), 3 * SECOND, 1),
        (Failures(FREE + 2, NOON), 4 * SECOND, 0),
        # Of a clock that is ahead.
        (Failures(FREE + 2, NOON), -40 * SECOND, 4),
        (Failures(1000, NOON), 59.5 * SECOND, 1),
        (Failures(1000, NOON), PERIOD + SECOND, 0),
    ],
)
def test_the_wait_is_from_the_last_wrong_password_on(
    past: Failures | None, after: timedelta, seconds: int
) -> None:
    """It is told in whole seconds, and after them it is over."""
    assert seconds_to_wait(past, NOON + after) == seconds


def test_what_is_long_ago_is_forgotten() -> None:
    """One more counts as the first one then, and as one more before."""
    past = Failures(9, NOON)
    assert one_more(past, NOON + PERIOD) == Failures(10, NOON + PERIOD)
    later = NOON + PERIOD + SECOND
    assert one_more(past, later) == one_more(None, later) == Failures(1, later)


def test_as_many_may_try_at_once_as_are_free_and_one_at_least() -> None:
    """After four or more wrong ones there is one at a time."""
    assert [room_for(count) for count in range(8)] == [5, 4, 3, 2, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unix:", "unix:"),
        ("", ""),
        (None, ""),
    ],
)
def test_a_place_is_an_address_and_of_ipv6_the_network_of_a_customer(
    address: str | None, place: str
) -> None:
    """All addresses of one /64 are one place; what is no address is a place of its own."""
    assert place_of_address(address) == place
