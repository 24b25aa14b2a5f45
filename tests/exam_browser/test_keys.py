"""Keys of Safe Exam Browser: what is right, what is wrong, and what counts for a session."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timApp.guard.rules.exambrowser import (
    ExamKeys,
    KeyState,
    ShownKeys,
    best_of,
    hash_of,
    judge,
    state_of,
)

KEY, OTHER, BUILD = "a1" * 32, "b2" * 32, "c3" * 32
ADDRESS = "https://exam.example.org/view/exam?part=1"
KEYS = ExamKeys((KEY,))
SHOWN = hash_of(ADDRESS, KEY)


def test_the_hash_is_of_the_address_and_the_key() -> None:
    """SHA-256 of both, as it is published, without what follows a number sign."""
    assert sha256((ADDRESS + KEY).encode()).hexdigest() == SHOWN
    assert hash_of(f"{ADDRESS}#here#there", KEY) == SHOWN


@pytest.mark.parametrize(
    ("given", "state"),
    [
        (SHOWN, KeyState.RIGHT),
        (SHOWN.upper(), KeyState.RIGHT),
        (f" {SHOWN} ", KeyState.RIGHT),
        (None, KeyState.NONE),
        ("", KeyState.NONE),
        (hash_of(ADDRESS, OTHER), KeyState.WRONG),
        (hash_of("https://exam.example.org/view/other", KEY), KeyState.WRONG),
        (hash_of(ADDRESS.replace("https", "http"), KEY), KeyState.WRONG),
        (hash_of(ADDRESS.upper(), KEY), KeyState.WRONG),
        (KEY, KeyState.WRONG),
        (SHOWN[:-1], KeyState.WRONG),
        (SHOWN * 2, KeyState.WRONG),
        (f"{SHOWN},{SHOWN}", KeyState.WRONG),
        ("f" * 8000, KeyState.WRONG),
        ("\xff\u0130" * 32, KeyState.WRONG),
        ("\ud800", KeyState.WRONG),
    ],
)
def test_only_the_hash_for_this_address_and_key_is_right(
    given: str | None, state: KeyState
) -> None:
    """In capitals, too; for another address, scheme or key, cut off or twice it is wrong."""
    assert judge(ShownKeys(ADDRESS, given), KEYS) is state


def test_builds_that_are_listed_have_to_be_shown_as_well() -> None:
    """With Browser Exam Keys both hashes have to be right, each in a header of its own."""
    keys = ExamKeys((OTHER, KEY), (BUILD, "d" * 64))
    build = hash_of(ADDRESS, BUILD)
    assert judge(ShownKeys(ADDRESS, SHOWN, build), keys) is KeyState.RIGHT
    assert judge(ShownKeys(ADDRESS, SHOWN), keys) is KeyState.WRONG
    assert judge(ShownKeys(ADDRESS, None, build), keys) is KeyState.WRONG
    assert judge(ShownKeys(ADDRESS, build, SHOWN), keys) is KeyState.WRONG
    only_builds = ExamKeys((), (BUILD,))
    assert judge(ShownKeys(ADDRESS, None, build), only_builds) is KeyState.RIGHT
    assert judge(ShownKeys(ADDRESS, SHOWN, build), KEYS) is KeyState.RIGHT
    assert judge(ShownKeys(ADDRESS, SHOWN, build), ExamKeys()) is KeyState.WRONG


@pytest.mark.parametrize(
    ("before", "given", "is_page", "state"),
    [
        (None, None, True, KeyState.NONE),
        (KeyState.RIGHT, None, True, KeyState.NONE),
        (KeyState.RIGHT, None, False, KeyState.RIGHT),
        (KeyState.WRONG, None, False, KeyState.WRONG),
        (KeyState.TOLD, None, True, KeyState.TOLD),
        (KeyState.TOLD, SHOWN, True, KeyState.TOLD),
        (KeyState.TOLD, "0" * 64, True, KeyState.WRONG),
        (KeyState.TOLD, "0" * 64, False, KeyState.WRONG),
        (KeyState.RIGHT, "0" * 64, False, KeyState.WRONG),
        (KeyState.WRONG, SHOWN, True, KeyState.RIGHT),
        (None, None, False, KeyState.NONE),
    ],
)
def test_what_counts_for_a_session(
    before: KeyState | None, given: str | None, is_page: bool, state: KeyState
) -> None:
    """A page by its own header; what was told stays until a wrong one; fetches as the page."""
    shown = ShownKeys(ADDRESS, given, before=before, is_page=is_page)
    assert state_of(shown, KEYS) is state


@given(
    st.sampled_from([None, *KeyState]),
    st.booleans(),
    st.text(max_size=70).filter(lambda text: text.strip().lower() != SHOWN),
)
def test_no_other_text_opens_anything(before: KeyState | None, is_page: bool, text: str) -> None:
    """Only what was right before can stay right, and never after a text."""
    state = state_of(ShownKeys(ADDRESS, text, None, before, is_page), KEYS)
    assert not state.is_right or (not text and before is not None and before.is_right)


def test_of_several_exams_the_right_one_counts() -> None:
    """Somebody who is in the browser of one of them is not shown as one with a wrong key."""
    assert best_of([]) is None
    assert best_of([KeyState.WRONG, KeyState.RIGHT, KeyState.NONE]) is KeyState.RIGHT
    assert best_of([KeyState.NONE, KeyState.WRONG]) is KeyState.WRONG
