"""When names of people are one, and what a new name may not be."""

import unicodedata

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from timApp.util.errors import BadInput
from timApp.util.folded import folded
from timApp.util.names import check_new_name, key_of

#: Any text that a database can hold.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
BLANKS = st.text(" \u00a0\u3000\t", max_size=3)
#: Full-width forms of ASCII are as far from it.
_WIDE = 0xFEE0


def wide(text: str) -> str:
    """Return the text with its ASCII characters in full width."""
    return "".join(chr(ord(char) + _WIDE) if "!" <= char <= "~" else char for char in text)


def capitals(text: str) -> str:
    """Return the text with those characters in capitals that have one capital of their own."""
    return "".join(
        char.upper() if len(char.upper()) == 1 and char.upper().lower() == char else char
        for char in text
    )


def refusal(name: str) -> BadInput | None:
    """Return why a name is refused; None if it is returned as it was given."""
    try:
        checked = check_new_name(name)
    except BadInput as error:
        return error
    assert checked == name
    return None


@given(TEXTS)
@example("\u0130\u0345\u03a3 ")
@example("\uff21\u0300\u1e9e")
@example("\u3000\uffa0a")
def test_the_key_of_a_key_is_the_key_itself(text: str) -> None:
    """Whatever the text, what it is compared by is compared by itself."""
    assert key_of(key_of(text)) == key_of(text)


@given(st.text("abcxyzåäöéñ0129.-_'", min_size=1, max_size=20), BLANKS, BLANKS)
def test_names_are_one_in_capitals_width_normal_form_and_blanks_around(
    name: str, before: str, after: str
) -> None:
    """So many ways there are to type a name."""
    assume(unicodedata.is_normalized("NFC", name))
    for way in (
        capitals(name),
        wide(name),
        unicodedata.normalize("NFD", name),
        unicodedata.normalize("NFD", capitals(wide(name))),
        before + name + after,
    ):
        assert key_of(way) == key_of(name) == name


@given(TEXTS)
def test_names_in_two_normal_forms_are_one(text: str) -> None:
    """In any script, composed or taken apart."""
    assert key_of(unicodedata.normalize("NFD", text)) == key_of(unicodedata.normalize("NFC", text))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ann", "anna"),
        ("ann", "änn"),
        ("ann", "\u0430nn"),
        ("ann", "ann\u200b"),
        ("ann", "a nn"),
        ("ss", "ß"),
        ("Иван", "Ivan"),
    ],
)
def test_other_letters_are_another_name(one: str, other: str) -> None:
    """What looks the same, or is nearly the same, is compared as what it is."""
    assert key_of(one) != key_of(other)


@given(TEXTS)
def test_a_new_name_is_returned_as_it_was_given_or_refused_with_a_reason(text: str) -> None:
    """There is no third, whatever the text; who is refused is told which field and why."""
    error = refusal(text)
    if error is not None:
        assert error.field == "name"
        assert any(
            why in error.message
            for why in ("empty", "longer", "control", "not seen", "must not have", "right to left")
        )
    else:
        assert key_of(text)
        assert text == text.strip()
        assert not any(unicodedata.category(char) in {"Cc", "Cf", "Cs"} for char in text)


@pytest.mark.parametrize(
    "name",
    ["ann", "O'Hara", "a/b#c", "Ääkkönen", "Ann  Lee", "Анна Иванова", "Νίκος", "אבג", "李"],
)
def test_names_of_any_script_are_fit(name: str) -> None:
    """Letters with and without marks, digits and the signs of ASCII, and blanks within."""
    assert check_new_name(name) == name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("ann\u200b", "not seen: U+200B ZERO WIDTH SPACE"),
        ("a\u00adnn", "not seen: U+00AD SOFT HYPHEN"),
        ("\u202eann", "not seen: U+202E RIGHT-TO-LEFT OVERRIDE"),
        ("ann\u034f", "not seen: U+034F COMBINING GRAPHEME JOINER"),
        ("ann \u3164", "not seen: U+3164 HANGUL FILLER"),
        ("ann\u00a0b", "must not have: U+00A0 NO-BREAK SPACE"),
        ("ann\U0001f600", "must not have: U+1F600 GRINNING FACE"),
        ("ª", "must not have: U+00AA FEMININE ORDINAL INDICATOR"),
        ("a\u0378", "must not have: U+0378"),
        ("אבג1a", "mixes writing from right to left with writing from left to right"),
        ("ann ", "blanks at its start or end"),
        ("", "must not be empty"),
        ("x" * 256, "longer than 255"),
    ],
)
def test_what_is_refused_in_a_new_name_is_named(name: str, reason: str) -> None:
    """The character by its number and its name in Unicode, since it may not be seen."""
    with pytest.raises(BadInput) as caught:
        check_new_name(name)
    assert reason in caught.value.message


@given(TEXTS)
def test_what_is_searched_is_folded_once(text: str) -> None:
    """Folding again changes nothing, so both sides of a comparison may be folded."""
    assert folded(folded(text)) == folded(text)


def test_capitals_accents_and_width_do_not_count_in_a_search() -> None:
    """Nor does the form in which a letter has its accent."""
    assert folded("Ääkkönen", "ÉLODIE", "\uff21nn", "Große") == "aakkonen\nelodie\nann\ngrosse"
