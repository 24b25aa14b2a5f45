"""What happens to many at once is told once in a while."""

import pytest

from timApp.util.repeats import PAUSE, Repeats


def test_the_same_is_told_once_in_a_while_and_counted_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A thousand times the same is told once, and after the pause with how often it was not."""
    clock = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    known = Repeats()
    assert [known.to_tell("locked") for _ in range(1000)] == [""] + 999 * [None]
    assert known.to_tell("away") == ""
    clock[0] += PAUSE
    assert known.to_tell("locked") == " (999 more requests met this since it was last told)"
    assert known.to_tell("locked") is None
    clock[0] += 10 * PAUSE
    assert known.to_tell("locked") == " (1 more requests met this since it was last told)"
    assert known.to_tell("away") == ""


def test_what_many_have_met_at_once_is_counted_for_each() -> None:
    """Ten questions that were looked up together are ten, of which one is told."""
    known = Repeats()
    assert known.to_tell("locked", 10) == " (9 more requests met this since it was last told)"
    assert known.to_tell("locked", 10) is None


def test_what_is_different_each_time_takes_no_memory_without_end() -> None:
    """However many different things happen, few of them are remembered."""
    known = Repeats()
    assert all(known.to_tell(f"number {number}") == "" for number in range(10_000))
    assert len(known._told) <= 100
