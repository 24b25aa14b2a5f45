"""Where somebody sits: what is believed, and what speaks against it."""

import pytest

from timApp.guard.rules.seating import NOWHERE, Seating, seating_of


@pytest.mark.parametrize(
    ("linked", "listed", "lists_any", "expected"),
    [
        (None, None, False, NOWHERE),
        (None, None, True, NOWHERE),
        (None, "B-14", True, Seating("B-14")),
        ("B-14", None, False, Seating("B-14")),
        ("B-14", "B-14", True, Seating("B-14")),
        ("B-14", "b-14", True, Seating("B-14")),
        ("B-14", "C-3", True, Seating("B-14", "C-3")),
        ("B-14", None, True, Seating("B-14", "")),
    ],
)
def test_the_browsers_seat_comes_first_and_what_contradicts_it_is_kept(
    linked: str | None, listed: str | None, lists_any: bool, expected: Seating
) -> None:
    """A seat that the browser was told wins; a list that says otherwise of the address is noted."""
    assert seating_of(linked, listed, lists_any=lists_any) == expected
