"""Names that look the same by characters beyond ASCII."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.util.test_names import TEXTS, capitals
from timApp.util.lookalikes import confused, look_of, looks_to_find
from timApp.util.names import key_of

#: Letters of ASCII, and Cyrillic and Greek ones that look the same, one for one.
LATIN = "aceopxyABEHIKMOPTXY"
OTHERS = "асеорхуАВЕНІКМОРТХУ"  # noqa: RUF001


@pytest.mark.parametrize(
    ("name", "other", "char"),
    [
        ("ann", "\u0430nn", "\u0430"),
        ("\u0406van", "ivan", "\u0406"),  # a capital that looks like I
        ("A\u04c0ice", "Alice", "\u04c0"),  # and one that looks like l
        ("\u0392ob", "bob", "\u0392"),
        ("Al\u0131ce", "alice", "\u0131"),
        ("сор", "cop", "с"),  # noqa: RUF001
        ("\u042f\u0430n", "\u044fan", "\u0430"),
    ],
)
def test_what_looks_the_same_is_told_by_the_character(name: str, other: str, char: str) -> None:
    """In either order, and in capitals or not."""
    assert confused(name, other) == confused(other, name) == char


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("ann", "Ann"),
        ("ann", "änn"),
        ("Päivi", "Pälvi"),
        ("student1", "studentl"),
        ("Ill", "lll"),
        ("\u043dans", "hans"),  # a small letter whose capital looks like H
        ("анна", "ahha"),
        ("lærke", "laerke"),
        ("Иван", "Ivan"),
        ("x0", "xo"),
    ],
)
def test_what_can_be_told_apart_or_is_ascii_does_not_look_the_same(name: str, other: str) -> None:
    """Accents are seen, and what differs in ASCII alone is people's own matter."""
    assert confused(name, other) is None
    assert confused(other, name) is None


@given(st.lists(st.integers(0, len(LATIN) - 1), min_size=1, max_size=12), st.data())
def test_whatever_looks_the_same_is_found_by_its_look(
    letters: list[int], data: st.DataObject
) -> None:
    """With any of the letters exchanged, each name finds the other."""
    name = "".join(LATIN[number] for number in letters)
    exchanged = data.draw(st.sets(st.integers(0, len(letters) - 1), min_size=1))
    other = "".join(
        OTHERS[number] if place in exchanged else LATIN[number]
        for place, number in enumerate(letters)
    )
    assert confused(name, other) == confused(other, name) == other[min(exchanged)]
    assert look_of(name) in looks_to_find(other)
    assert look_of(other) in looks_to_find(name)


@given(TEXTS)
def test_names_that_are_one_have_one_look(text: str) -> None:
    """So whoever looks for names that look the same finds those that are the same as well."""
    for way in (key_of(text), capitals(key_of(text)), f"  {text}"):
        if key_of(way) == key_of(text):
            assert look_of(way) == look_of(text)
    assert confused(text, text) is None


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=20))
def test_names_in_ascii_do_not_look_for_each_other(text: str) -> None:
    """However many there are that differ in 1 and l only, a new one looks at none of them."""
    assert look_of(text) not in looks_to_find(text)
